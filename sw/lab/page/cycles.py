"""Where the cycles go: the roofline, the breakdown, and the estimator against the RTL."""

from .charts import Axis, Curve, chart, stack
from .markup import DASH, Html, bar, figure, join, note, number, percent, section, table, tag
from .results import ResultFile, Results

__all__ = ["cycles"]

_AXES = {"dim": "D", "window": "window", "negatives": "negatives", "nodes": "nodes", "lanes": "lanes"}


def cycles(results: Results) -> Html:
    bench = results["bench.json"]
    parts = [_rooflines(results)]
    if bench:
        parts += [_breakdown(bench), _growth(bench)]
    else:
        parts.append(note(f"Where each cycle goes, and what D, window, negatives and lanes cost: {bench.problem}"))
    return section("cycles", "Roofline, and where the cycles go", *parts)


def _rooflines(results: Results) -> Html:
    """Cycles counted against the fewest that so many multipliers need."""
    rows: list[tuple[str, float, float, ResultFile]] = []
    demo = results["demo.json"]
    pair = demo.number("oselm.cycles_per_walk"), demo.number("oselm.roofline_cycles_per_walk")
    if pair[0] and pair[1]:
        rows.append(("OS-ELM, a walk", pair[0], pair[1], demo))
    for task in ("digits", "fan"):
        file = results[f"lora-{task}.json"]
        for kind, what in (("cached", "a cached sample"), ("uncached", "a sample through the network")):
            counted = file.number(f"lora.cycles_per_sample.{kind}")
            least = file.number(f"lora.roofline_cycles.{kind}")
            if counted and least:
                rows.append((f"Skip2-LoRA, {task}, {what}", counted, least, file))
    problems = [note(f.problem) for f in map(results.__getitem__, ("demo.json", "lora-digits.json")) if not f]
    if not rows:
        return join(problems)
    lines = [
        tag(
            "li",
            tag("span", what, class_="what"),
            bar(
                least / counted, f"{percent(least / counted)}: {number(counted, 4)} cycles, roofline {number(least, 4)}"
            ),
        )
        for what, counted, least, _ in rows
    ]
    files = list({id(file): file for *_, file in rows}.values())
    caption = "Cycles counted in the RTL as a share of the roofline"
    return join([figure(caption, tag("ol", *lines, class_="bars"), *files, class_="wide"), *problems])


def _breakdown(bench: ResultFile) -> Html:
    shares = {m[1]: e.value for m, e in bench.matching(r"cycles\.((?:issuing|idle|(?:stall|busy)\.[a-z_]+)(?:\..+)?)")}
    main = {name: share for name, share in shares.items() if _suffix(name) == ""}
    parts = []
    if "issuing" in main:
        stalls = [
            (f"waiting: {name[6:].replace('_', ' ')}", share) for name, share in main.items() if name[:6] == "stall."
        ]
        told = [("issuing", main["issuing"]), *stalls, ("idle", main.get("idle", 0.0))]
        whole = [(name, share, tone) for tone, (name, share) in enumerate(told)]
        said = ", ".join(f"{name} {share:.1%}" for name, share, _ in whole)
        parts.append(
            figure("The sequencer, cycle by cycle", stack("Cycles of the sequencer", whole, description=said), bench)
        )
    busy = [(name[5:].replace("_", " "), share) for name, share in main.items() if name.startswith("busy.")]
    lines = [tag("li", tag("span", name, class_="what"), bar(share, percent(share))) for name, share in busy]
    for name, what in (("utilisation.multipliers", "all multipliers"), ("utilisation.roofline", "roofline reached")):
        if (share := bench.number(name)) is not None:
            lines.append(tag("li", tag("span", what, class_="what"), bar(share, percent(share), tone="plain")))
    if lines:
        parts.append(figure("Busy multipliers, by group", tag("ol", *lines, class_="bars"), bench))
    other = sorted({_suffix(name) for name in shares} - {""})
    body = [
        [name, *(percent(shares[name + end]) if name + end in shares else DASH for end in ("", *other))]
        for name in main
    ]
    if other and body:
        head = ["share of the cycles", "main core", *(end.lstrip(".") for end in other)]
        parts.append(figure("The same for other cores", table(head, body, caption="Shares of cycles by core"), bench))
    list(bench.matching(r"utilisation\..+"))
    return tag("div", *parts, class_="grid") if parts else note("bench.json has no breakdown of cycles")


def _suffix(name: str) -> str:
    parts = name.split(".")
    own = 2 if parts[0] in ("stall", "busy") else 1
    return "." + ".".join(parts[own:]) if len(parts) > own else ""


def _growth(bench: ResultFile) -> Html:
    """Cost over each parameter: what the RTL counts, and what the closed form foretells."""
    found: dict[str, dict] = {}
    for match, entry in bench.matching(r"cost\.(.+)\.(rtl|estimator)"):
        if entry.x:
            found.setdefault(match[1], {})[match[2]] = entry
    pictures = []
    for axis, pair in found.items():
        curves = []
        if counted := pair.get("rtl"):
            curves.append(Curve("RTL", counted.x, counted.value, 0))
        if foretold := pair.get("estimator"):
            curves.append(Curve("closed form", foretold.x, foretold.value, 1, dashed=True))
        unit = next(iter(pair.values()))
        label = _AXES.get(axis, axis)
        picture = chart(f"Cycles over {label}", curves, x=Axis(unit.x_unit or label), y=Axis(unit.unit, low=0))
        pictures.append(figure(f"Cost over {label}", picture, bench))
    worst = bench.number("estimator.max_error")
    body = [[tag("code", e.name), percent(e.value, 2)] for _, e in bench.matching(r"estimator\..+")]
    if worst is not None:
        caption = f"The closed form is off by at most {percent(worst, 2)}"
        pictures.append(figure(caption, table(["", "error"], body, caption="Errors of the estimator"), bench))
    return tag("div", *pictures, class_="grid")
