"""Skip2-LoRA: accuracy over the epochs, the methods, and what the cache saves."""

from typing import Any

from .charts import Axis, Curve, chart
from .markup import DASH, Html, figure, join, note, number, percent, section, table, tag
from .results import ResultFile, Results

__all__ = ["lora"]

_TASKS = ("digits", "fan")
#: The methods' order, for colours that stay.
_METHODS = (
    "skip2-lora-8bit",
    "ft-all",
    "ft-last",
    "lora-all",
    "lora-last",
    "skip2-lora",
    "ft-bias",
    "ft-all-lora",
    "skip-lora",
)


def lora(results: Results) -> Html:
    experiments = results["experiments.json"]
    return section(
        "lora",
        "Skip2-LoRA: fine-tuning beside the network",
        _curves(experiments) if experiments else note(f"Accuracy over the epochs: {experiments.problem}"),
        _summary(results),
        *(_methods(results[f"lora-{task}.json"], task) for task in _TASKS),
        _bench(results["bench.json"]),
    )


def _curves(file: ResultFile) -> Html:
    """Accuracy after every epoch, small multiples: a picture for each task and method family."""
    found: dict[str, list[Curve]] = {}
    for match, entry in file.matching(r"lora\.([a-z0-9-]+)\.(.+)\.accuracy_by_epoch"):
        if entry.x:
            tone = _METHODS.index(match[2]) if match[2] in _METHODS else 7
            name = "on the unit, 8 bit" if match[2] == "skip2-lora-8bit" else match[2]
            percents = [100 * v for v in entry.value]
            spread = [100 * v for v in entry.spread] if entry.spread else None
            found.setdefault(match[1], []).append(Curve(name, entry.x, percents, tone % 8, spread=spread))
    if not found:
        return note("experiments.json has no accuracy over epochs")
    pictures = []
    for task, curves in found.items():
        for part, mine in (
            ("the skip adapters", [c for c in curves if "skip" in c.name or "unit" in c.name]),
            ("the other methods", [c for c in curves if "skip" not in c.name and "unit" not in c.name]),
        ):
            if mine:
                values = [v - s for c in curves for v, s in zip(c.y, c.spread or [0.0] * len(c.y), strict=True)]
                y = Axis("accuracy, %", low=max(0.0, min(values) // 10 * 10), high=100)
                picture = chart(f"Accuracy on {task}: {part}", mine, x=Axis("epochs"), y=y)
                pictures.append(figure(f"{task}: {part}", picture, file))
    said = tag("p", "Mean of the seeds; each seed pre-trains a network of its own.")
    body: list[list[Any]] = []
    labels = file.provenance.get("labels", {})
    for match, entry in file.matching(r"(lora\.[a-z0-9-]+\..+)\.accuracy"):
        point = match[1]
        half, parameters, time = (file.number(f"{point}.{key}") for key in ("accuracy.spread", "parameters", "time"))
        for extra in ("accuracy.runs", "parameters.runs", "parameters.spread", "time.runs", "time.spread"):
            file.entry(f"{point}.{extra}")
        shown = percent(entry.value) + ("" if half is None else f" \N{PLUS-MINUS SIGN} {100 * half:.1f}")
        cells = (DASH if value is None else number(value) for value in (parameters, time))
        body.append([str(labels.get(point, point)), shown, *cells])
    head = ["", "accuracy", "parameters", "us a sample, NumPy"]
    last = figure("After the last epoch", table(head, body, caption="Methods of fine-tuning"), file, class_="wide")
    return join([tag("h3", "Accuracy over the epochs"), said, tag("div", *pictures, class_="grid"), last])


def _summary(results: Results) -> Html:
    files = {task: results[f"lora-{task}.json"] for task in _TASKS}
    problems = [note(file.problem) for file in files.values() if not file]
    there = {task: file for task, file in files.items() if file}
    if not there:
        return join(problems)

    def line(what: str, name: str, shown) -> list:
        values = [file.number(name) for file in there.values()]
        return [what, *(DASH if value is None else shown(value) for value in values)]

    body = [
        line("accuracy of the network alone", "lora.accuracy.before", percent),
        line("after fine-tuning, in the RTL", "lora.accuracy.rtl", percent),
        line("after fine-tuning, in float", "lora.accuracy.float", percent),
        line("mean of the seeds, fixed point", "lora.accuracy.fixed.mean", percent),
        line("mean of the seeds, float", "lora.accuracy.float.mean", percent),
        line("RTL and golden model: equal bits", "lora.bits_equal", lambda v: "yes" if v else "NO"),
        line("cycles of a cached sample", "lora.cycles_per_sample.cached", lambda v: number(v, 3)),
        line("cycles of a sample through the network", "lora.cycles_per_sample.uncached", lambda v: number(v, 4)),
        line("foretold, cached", "lora.formula_cycles.cached", number),
        line("foretold, through the network", "lora.formula_cycles.uncached", number),
        line("samples out of the cache", "lora.cache_hits", number),
        line("samples through the network", "lora.cache_misses", number),
        line("cycles saved by the cache", "lora.cycle_reduction_by_cache", percent),
        line("saturated beats", "lora.saturations", number),
        line("parameters that are trained", "lora.parameters", number),
    ]
    shown = table(["", *there], body, caption="Skip2-LoRA in the RTL")
    return join([tag("h3", "In the RTL"), figure("The unit on both tasks", shown, *there.values()), *problems])


def _methods(file: ResultFile, task: str) -> Html:
    if not file:
        return Html("")
    body = []
    for match, entry in file.matching(r"cpu\.(.+)\.accuracy"):
        given = (file.number(f"cpu.{match[1]}.{part}") for part in ("forward", "backward", "update"))
        parts = [part for part in given if part is not None]
        parameters = file.number(f"cpu.{match[1]}.parameters")
        if parameters is not None and len(parts) == 3:
            total = sum(parts)
            body.append([match[1], percent(entry.value), parameters, *map(number, parts), number(total)])
    if not body:
        return Html("")
    head = ["", "accuracy", "parameters", "forward", "backward", "update", "us a sample"]
    saved = file.number("cpu.time_reduction_skip2_vs_lora_all")
    caption = f"Eight methods on {task}, NumPy on the CPU"
    if saved is not None:
        caption += f": Skip2-LoRA takes {percent(saved, 0)} less time than LoRA-All"
    return figure(caption, table(head, body, caption=caption), file, class_="wide")


def _bench(file: ResultFile) -> Html:
    if not file:
        return note(f"Skip2-LoRA against the CPU: {file.problem}")
    notes = file.provenance.get("notes", {})
    body = [
        [tag("code", e.name), percent(e.value) if not e.unit else e.value, e.unit, str(notes.get(e.name, ""))]
        for _, e in file.matching(r"lora\..+")
        if isinstance(e.value, int | float)
    ]
    if not body:
        return note("bench.json has nothing about Skip2-LoRA")
    shown = table(["", "value", "unit", "how"], body, caption="Skip2-LoRA: cycles and times, core and CPU")
    return figure("Skip2-LoRA against the CPU", shown, file, class_="wide")
