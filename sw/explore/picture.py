"""The points of an exploration as a picture: what F1 costs in cycles, and in block RAM."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import DeviceError, InputError
from ..results.files import atomic_write
from .space import Row

__all__ = ["ENDINGS", "check", "picture"]

#: Of the widths, widest first.
_MARKERS = "osD^vPX*"


#: What a picture may be, by the ending of its name.
ENDINGS = (".png", ".svg", ".pdf")


def check(path: Path) -> None:
    """Raises InputError for another ending than :data:`ENDINGS`, and DeviceError if matplotlib is not installed."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"is no name of a picture; let it end in one of {', '.join(ENDINGS)}", path=path)
    try:
        import matplotlib  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        raise DeviceError('a picture needs matplotlib: pip install "skipwalk[plot]"') from None


def picture(rows: Sequence[Row], path: Path, title: str) -> None:
    """F1 over cycles of a walk, and over block RAMs: colour is D, shape the width, filled what is on the front, dotted
    what has a constant in place of P.

    Raises as :func:`check`, and InputError if it cannot be written.
    """
    check(path)
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    dims = sorted({row.point.core.dim for row in rows})
    widths = sorted({row.point.bits for row in rows}, reverse=True)
    shade = {dim: plt.get_cmap("viridis")(0.15 + 0.7 * i / max(1, len(dims) - 1)) for i, dim in enumerate(dims)}
    shape = {bits: _MARKERS[i % len(_MARKERS)] for i, bits in enumerate(widths)}
    figure, panels = plt.subplots(1, 2, figsize=(11, 5), sharey=True, layout="constrained")
    quantities: tuple[tuple[str, list[float]], ...] = (
        ("cycles a walk", [row.cycles for row in rows]),
        ("block RAMs of 18 kbit", [row.needs.bram for row in rows]),
    )
    for axes, (label, values) in zip(panels, quantities, strict=True):
        for row, x in zip(rows, values, strict=True):
            colour = shade[row.point.core.dim]
            axes.scatter(
                x,
                row.f1_mean,
                s=18 + 3 * row.point.core.lanes,
                marker=shape[row.point.bits],
                facecolor=colour if row.front else "none",
                edgecolor=colour,
                alpha=1 if row.front else 0.5,
                linestyle="-" if row.point.constant is None else ":",
            )
        axes.set(xlabel=label, xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.2, which="both")
    panels[0].set_ylabel("micro-F1")
    handles = [plt.Line2D([], [], marker="o", ls="", color=shade[dim], label=f"D = {dim}") for dim in dims]
    handles += [plt.Line2D([], [], marker=shape[bits], ls="", color="grey", label=f"{bits} bits") for bits in widths]
    handles.append(plt.Line2D([], [], marker="o", ls="", mfc="none", color="grey", label="beaten by another"))
    if any(row.point.constant is not None for row in rows):
        dotted = plt.scatter([], [], facecolor="none", edgecolor="grey", linestyle=":", label="a constant for P")
        handles.append(dotted)
    figure.legend(handles=handles, loc="outside right center", frameon=False)
    figure.suptitle(f"{title}; larger: more lanes")
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120, format=path.suffix[1:].lower())
    plt.close(figure)
