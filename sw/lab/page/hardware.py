"""The hardware: what each board's device has and is used of it, frequencies, single blocks, the link."""

from datetime import UTC, datetime
from typing import Any

from .charts import Axis, Curve, Dot, chart
from .history import FILE, history
from .markup import DASH, Html, bar, figure, join, note, number, section, table, tag
from .results import ResultFile, Results

__all__ = ["hardware"]

_RESOURCES = {"dsp": "multipliers", "bram": "block RAMs", "lut": "LUTs", "ff": "flip-flops"}

#: Of a block, in ``block.NAME.*``: columns and their titles.
_OF_A_BLOCK = {"fmax": "MHz", "fmax_runs": "each seed, MHz", **_RESOURCES, "path": "slowest path", "seconds": "s"}


def hardware(results: Results) -> Html:
    boards = results.boards
    parts = [tag("h3", "Boards")]
    if boards:
        parts.append(tag("div", *map(_resources, boards), class_="grid"))
        parts.append(_frequencies(boards))
    else:
        parts.append(note("results/boards/ has no board; `make bitstream BOARD=...` builds one"))
    parts += [_history(results), _blocks(results["blocks.json"]), _link(results["link.json"])]
    return section("hardware", "The hardware", *parts)


def _title(file: ResultFile) -> str:
    return str(file.value("title") or file.value("board") or file.name)


def _resources(file: ResultFile) -> Html:
    lines = []
    for name, what in _RESOURCES.items():
        used, available = file.number(f"{name}.used"), file.number(f"{name}.available")
        if used is not None and available:
            share = used / available
            said = f"{used:,.0f} of {available:,.0f}"
            tone = "good" if share < 0.85 else "bad"
            lines.append(tag("li", tag("span", what, class_="what"), bar(share, said, tone=tone)))
    fmax, clock = file.number("fmax_mhz"), file.number("clock_mhz")
    facts = []
    if fmax is not None:
        facts.append(f"{fmax:.1f} MHz after routing{_times(file, '')}")
    if clock is not None:
        facts.append(f"runs at {clock:g} MHz{_times(file, '_at_clock')}")
    dim, lanes = file.number("core.dim"), file.number("core.lanes")
    if dim is not None and lanes is not None:
        facts.insert(0, f"D = {dim:.0f}, {lanes:.0f} lanes")
    content = join([tag("p", "; ".join(facts), class_="facts"), tag("ol", *lines, class_="bars")])
    return figure(_title(file), content, file)


def _times(file: ResultFile, ending: str) -> str:
    """What a walk and a sample take, at the frequency that this ending of the names stands for."""
    named = (("oselm.walk_us", "a walk"), ("lora.cached_sample_us", "a cached sample"))
    times = [(what, file.number(name + ending)) for name, what in named]
    said = ", ".join(f"{what} in {number(us)} us" for what, us in times if us is not None)
    return f": {said}" if said else ""


def _frequencies(boards: list[ResultFile]) -> Html:
    """Every seed that was placed, against the clock that the board needs."""
    body = []
    for file in boards:
        clock = file.number("clock_mhz")
        seeds = [entry.value for _, entry in file.matching(r"seeds\..+")]
        if not seeds:
            continue
        shown = ", ".join(f"{mhz:.1f}" for mhz in sorted(seeds, reverse=True))
        best = max(seeds)
        slack = DASH if not clock else f"{100 * (best / clock - 1):+.0f} %"
        body.append([_title(file), f"{clock:g}" if clock else DASH, f"{best:.1f}", slack, shown])
    if not body:
        return Html("")
    head = ["", "clock, MHz", "Fmax, MHz", "margin", "every seed, MHz"]
    return figure(
        "Fmax after place and route", table(head, body, caption="Frequency of each placement"), *boards, class_="wide"
    )


def _history(results: Results) -> Html:
    """Fmax from build to build; the boards' own files are its last points."""
    file = results[FILE]
    found = {name: mine for name, mine in history(results.boards, file).items() if len(mine) > 1}
    heading = tag("h3", "Fmax history")
    if not found:
        return join([heading, note("So far each board was built once" + (f": {file.problem}" if not file else "."))])
    first = min(min(mine) for mine in found.values())
    curves, dots = [], []
    for tone, (name, mine) in enumerate(sorted(found.items())):
        times = sorted(mine)
        x, y = [(time - first) / 86400 for time in times], [mine[time] for time in times]
        curves.append(Curve(name, x, y, tone % 8))
        dots += [Dot(a, b, tone % 8, title=f"{name}: {b:.1f} MHz") for a, b in zip(x, y, strict=True)]
    day = datetime.fromtimestamp(first, UTC).date().isoformat()
    picture = chart("Fmax of every build", curves, dots, x=Axis(f"days since {day}"), y=Axis("MHz", low=0))
    shown = figure("Fmax of every build that was kept", picture, file, *results.boards)
    return join([heading, tag("div", shown, class_="grid")])


def _blocks(file: ResultFile) -> Html:
    if not file:
        return note(f"Single blocks: {file.problem}")
    blocks: dict[str, dict[str, Any]] = {}
    for match, entry in file.matching(rf"block\.(.+)\.({'|'.join(_OF_A_BLOCK)})"):
        blocks.setdefault(match[1], {})[match[2]] = entry.value
    body = []
    for name, mine in sorted(blocks.items(), key=lambda item: item[1].get("fmax", 0)):
        shown = {**mine, "fmax_runs": ", ".join(f"{mhz:.1f}" for mhz in mine.get("fmax_runs", ()))}
        body.append([name, *(shown.get(kind, DASH) for kind in _OF_A_BLOCK)])
    caption = "Single blocks"
    if device := file.provenance.get("device"):
        caption += f": {device}"
    rows = table(["", *_OF_A_BLOCK.values()], body, caption=caption)
    return join([tag("h3", "Blocks"), figure(caption, rows, file, class_="wide")])


def _link(file: ResultFile) -> Html:
    if not file:
        return note(f"The link: {file.problem}")
    body = [
        [entry.name.removeprefix("link.").replace("_", " "), entry.value, entry.unit]
        for _, entry in file.matching(r"link\..+")
    ]
    shown = table(["", "", "unit"], body, caption="A link that damages, drops, doubles and cuts frames")
    return join([tag("h3", "The link, under faults"), figure("Fault campaign", shown, file)])
