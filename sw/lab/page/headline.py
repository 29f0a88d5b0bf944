"""The numbers at the top; and the ratios, won and lost, and what they rest on."""

import math
import re

from .markup import DASH, TIMES, Html, figure, join, lever, note, number, percent, section, source, table, tag
from .results import Entry, ResultFile, Results
from .user import user_tiles

__all__ = ["headline", "tiles"]

#: What is divided by what, for ratios that are known by name; others are shown by their name.
_RATIOS = {
    "ratio.same_work": "Same algorithm: best C on one CPU core / this core, time of a walk",
    "ratio.same_work.cpu_loops": "Same algorithm: plain C loops / this core, time of a walk",
    "ratio.cycles_same_work": "Same algorithm: best C / this core, clock cycles of a walk",
    "ratio.cycles_same_work.cpu_loops": "Same algorithm: plain C loops / this core, clock cycles of a walk",
    "ratio.cycles_same_work.measured_clock": "Same algorithm: best C at its measured clock / this core, clock cycles",
    "ratio.node2vec": "Same CPU: node2vec by gensim, one thread / OS-ELM in C, time of a walk",
    "ratio.node2vec.compiled": "Same CPU: node2vec in C / OS-ELM in C, time of a walk",
    "ratio.both": "Algorithm and device together: gensim, one thread / this core (what the paper's ratio is)",
}


def tiles(results: Results) -> Html:
    """The few numbers of the top of the page, out of whatever is there."""
    found = user_tiles(results)
    demo, bench = results["demo.json"], results["bench.json"]
    for name, what in (
        ("ratio.same_work", "time of the best C on one CPU core over ours, the same work"),
        ("ratio.cycles_same_work", "clock cycles of the best C over ours, the same work"),
    ):
        if bench and (ratio := bench.number(name)) is not None:
            found.append((f"{number(ratio, 2)} {TIMES}", what))
    if demo:
        cycles, roofline = demo.number("oselm.cycles_per_walk"), demo.number("oselm.roofline_cycles_per_walk")
        if cycles and roofline:
            found.append((percent(roofline / cycles), "of the roofline: cycles of a walk, counted in the RTL"))
        fixed, exact = demo.number("oselm.f1_micro.rtl"), demo.number("oselm.f1_micro.float")
        if fixed is not None and exact is not None:
            found.append((f"{fixed:.3f}", f"micro-F1 on Cora in 18 bits; {exact:.3f} in float64"))
        if (equal := demo.number("oselm.bits_equal")) is not None:
            found.append(("every bit" if equal else "NOT equal", "of the RTL's result is the golden model's"))
    digits, fan = results["lora-digits.json"], results["lora-fan.json"]
    saved = [share for file in (digits, fan) if file and (share := file.number("lora.cycle_reduction_by_cache"))]
    if saved:
        shares = DASH.join(dict.fromkeys(f"{100 * share:.0f}" for share in sorted(saved)))
        found.append((f"{shares} %", "of fine-tuning's cycles saved by the Skip-Cache"))
    return tag("ul", *(tag("li", tag("b", big), " ", tag("span", what)) for big, what in found), class_="tiles")


def headline(results: Results) -> Html:
    bench = results["bench.json"]
    if not bench:
        return section("headline", "Against the CPU", note(bench.problem))
    rows = [entry for _, entry in bench.matching(r"(?:.*\.)?ratio\..+") if isinstance(entry.value, int | float)]
    skipped = bench.provenance.get("skipped", {})
    missing = {name: why for name, why in skipped.items() if "ratio" in name} if isinstance(skipped, dict) else {}
    content = [_ratios(rows), tag("p", source(bench))] if rows else [note("bench.json has no ratios")]
    lost = sum(entry.value < 1 for entry in rows)
    said = tag(
        "p",
        f"Above 1 the core is ahead; {len(rows) - lost} of {len(rows)} comparisons are. ",
        f"In the other {lost} the CPU is, and they stand here too. " if lost else "",
        "Three questions stay apart: the same algorithm on CPU and FPGA; node2vec against OS-ELM on one CPU; and both "
        "together.",
    )
    return section("headline", "Against the CPU", said, *content, _times(bench), _left_out(missing))


def _ratios(rows: list[Entry]) -> Html:
    """One line for each ratio; bars on a logarithmic scale from the line of equality."""
    most = max(2.0, *(max(entry.value, 1 / entry.value) for entry in rows if entry.value > 0))
    lines = []
    for entry in sorted(rows, key=lambda entry: -entry.value):
        won = entry.value >= 1
        share = math.log(entry.value) / math.log(most) if entry.value > 0 else -1.0
        said = f"{number(entry.value)} {TIMES}" + ("" if won else ": the CPU is ahead")
        shown = lever(share, said, tone="good" if won else "bad")
        lines.append(tag("li", tag("span", _called(entry.name), class_="what"), shown, class_=None if won else "lost"))
    return tag("ol", *lines, class_="bars")


def _called(name: str) -> str:
    """A ratio in words; D and task are told by the ends of its name."""
    task = re.fullmatch(r"lora\.([a-z0-9-]+)\.(ratio\..+)", name)
    if task:
        kind = "clock cycles" if "cycles" in name else "time"
        return f"Skip2-LoRA on {task[1]}: best C on one CPU core / this core, {kind} of a sample"
    plain = re.sub(r"\.d(\d+)$", "", name)
    dim = name[len(plain) + 2 :]
    return _RATIOS.get(plain, plain) + (f", D = {dim}" if dim else "")


def _times(bench: ResultFile) -> Html:
    notes = bench.provenance.get("notes", {})
    body = []
    for match, entry in bench.matching(r"((?:oselm|sgns)\.walk_us\..+|(?:oselm)\.walk_cycles\..+)"):
        if isinstance(entry.value, int | float):
            body.append([tag("code", match[1]), entry.value, entry.unit, str(notes.get(entry.name, ""))])
    for _, entry in bench.matching(r"(?:cpu|fpga)\..+"):
        body.append([tag("code", entry.name), entry.value, entry.unit, str(notes.get(entry.name, ""))])
    if not body:
        return Html("")
    shown = table(["", "value", "unit", "how"], body, caption="Every time and cycle count behind the ratios")
    return figure("What was measured: a walk of 80 nodes", shown, bench, class_="wide")


def _left_out(skipped: dict[str, str]) -> Html:
    if not skipped:
        return Html("")
    return join(note(f"{name} is left out: {why}") for name, why in skipped.items())
