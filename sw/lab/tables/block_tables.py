"""The table of single blocks in docs/boards.md from results/blocks.json."""

__all__ = ["blocks"]

#: Columns: name in the results, title.
KINDS = {"dsp": "multipliers", "bram": "block RAMs", "lut": "LUTs", "ff": "registers"}


def blocks(values: dict, provenance: dict) -> tuple[list[str], list[list[str]]]:
    """Header and rows, slowest first: median and each seed's MHz, what limits the slowest seed, cells."""
    names = dict.fromkeys(name.removeprefix("block.").rpartition(".")[0] for name in values)
    body = []
    for name in sorted(names, key=lambda name: values[f"block.{name}.fmax"]):
        of = {what: values[f"block.{name}.{what}"] for what in ("fmax", "fmax_runs", "path", *KINDS)}
        runs = ", ".join(f"{mhz:.1f}" for mhz in of["fmax_runs"])
        cells = (f"{of[kind]:,}" for kind in KINDS)
        body.append([f"`{name}`", f"**{of['fmax']:.1f}** ({runs})", *cells, f"`{of['path']}`"])
    return ["block", "MHz (each seed)", *KINDS.values(), "slowest path"], body
