"""The hardware: what each board's device has and is used of it, frequencies, single blocks, the link."""

from .charts import Axis, Curve, Dot, chart
from .markup import DASH, Html, bar, figure, join, note, number, section, table, tag
from .results import ResultFile, Results

__all__ = ["hardware"]

_RESOURCES = {"dsp": "multipliers", "bram": "block RAMs", "lut": "LUTs", "ff": "flip-flops"}


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
        facts.append(f"{fmax:.1f} MHz after routing")
    if clock is not None:
        facts.append(f"runs at {clock:g} MHz")
    for name, what in (("oselm.walk_us", "a walk"), ("lora.cached_sample_us", "a cached sample")):
        if (us := file.number(name)) is not None:
            facts.append(f"{what} in {number(us)} us at that clock" if not facts else f"{what} in {number(us)} us")
    dim, lanes = file.number("core.dim"), file.number("core.lanes")
    if dim is not None and lanes is not None:
        facts.insert(0, f"D = {dim:.0f}, {lanes:.0f} lanes")
    for _ in file.matching(r"board|core\..+|core_digest|lora\..+|lora_digest|seed"):
        pass
    content = join([tag("p", "; ".join(facts), class_="facts"), tag("ol", *lines, class_="bars")])
    return figure(_title(file), content, file)


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
    """Fmax from commit to commit; the boards' own files are its last points."""
    file = results["fmax-history.json"]
    found: dict[str, dict[str, float]] = {}
    if file:
        for match, entry in file.matching(r"fmax\.(.+)"):
            if entry.x and isinstance(entry.value, list):
                times = entry.x
                found.setdefault(match[1], {}).update(dict(zip(map(str, times), entry.value, strict=False)))
    for board in results.boards:
        time, fmax = board.provenance.get("time"), board.number("fmax_mhz")
        if time and fmax is not None:
            found.setdefault(str(board.value("board")), {}).setdefault(str(time), fmax)
    many = {name: mine for name, mine in found.items() if len(mine) > 1}
    parts = [tag("h3", "Fmax history")]
    if many:
        first = min(min(mine) for mine in many.values())
        curves, dots = [], []
        for tone, (name, mine) in enumerate(sorted(many.items())):
            x = [_hours(first, time) for time in sorted(mine)]
            y = [mine[time] for time in sorted(mine)]
            curves.append(Curve(name, x, y, tone % 8))
            dots += [Dot(a, b, tone % 8, title=f"{name}: {b:.1f} MHz") for a, b in zip(x, y, strict=True)]
        picture = chart("Fmax over time", curves, dots, x=Axis(f"hours since {first[:16]}"), y=Axis("MHz", low=0))
        parts.append(
            tag("div", figure("Fmax of every build that was kept", picture, *([file] if file else [])), class_="grid")
        )
    elif not file:
        parts.append(note(f"So far each board was built once: {file.problem}"))
    else:
        parts.append(note("So far each board was built once."))
    return join(parts)


def _hours(first: str, time: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(time) - datetime.fromisoformat(first)).total_seconds() / 3600


def _blocks(file: ResultFile) -> Html:
    if not file:
        return note(f"Single blocks: {file.problem}")
    cells: dict[str, dict[str, float]] = {}
    for match, entry in file.matching(r"block\.(.+)\.([A-Za-z0-9_]+)"):
        cells.setdefault(match[1], {})[match[2]] = entry.value
    kinds = list(dict.fromkeys(kind for mine in cells.values() for kind in mine if kind != "fmax"))
    body = [[name, mine.get("fmax", DASH), *(mine.get(kind, DASH) for kind in kinds)] for name, mine in cells.items()]
    caption = "Single blocks, out of context"
    if device := file.provenance.get("device"):
        caption += f": {device}"
    shown = table(["", "MHz", *kinds], body, caption=caption)
    return join([tag("h3", "Blocks"), figure(caption, shown, file, class_="wide")])


def _link(file: ResultFile) -> Html:
    if not file:
        return note(f"The link: {file.problem}")
    body = [
        [entry.name.removeprefix("link.").replace("_", " "), entry.value, entry.unit]
        for _, entry in file.matching(r"link\..+")
    ]
    shown = table(["", "", "unit"], body, caption="A link that damages, drops, doubles and cuts frames")
    return join([tag("h3", "The link, under faults"), figure("Fault campaign", shown, file)])
