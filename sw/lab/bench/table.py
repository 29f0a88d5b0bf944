"""The results as people read them: groups of rows, spread and notes beside the figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...results.report import Result, Series

__all__ = ["table"]

#: Headings, and the beginnings of the names below them.
_GROUPS = (
    ("Ratios (above 1: the core is ahead)", ("ratio.",)),
    ("A walk of OS-ELM, 73 contexts, the same work", ("oselm.walk_us.", "golden.")),
    ("An edge that comes, and a whole graph, on the golden model", ("edge_ms.", "fit.")),
    ("Whole commands, from edges to vectors, one thread", ("train.",)),
    ("A walk of node2vec as published, 77 samples a context", ("sgns.",)),
    ("Cycles of a walk", ("oselm.walk_cycles.",)),
    ("Where the core's cycles go", ("utilisation.", "cycles.")),
    ("Estimator against RTL", ("estimator.", "cost.")),
    ("Skip2-LoRA", ("lora.",)),
    ("Clocks", ("cpu.", "fpga.")),
)


def table(entries: Sequence[Result | Series], details: Mapping[str, Any]) -> str:
    """Text of all results, with what was left out and why."""
    width = max(len(entry.name) for entry in entries)
    notes, timings = details.get("notes", {}), details.get("timings", {})
    lines = []
    named = tuple(beginning for _, beginnings in _GROUPS for beginning in beginnings)
    groups = [(heading, [e for e in entries if e.name.startswith(beginnings)]) for heading, beginnings in _GROUPS]
    for heading, mine in [*groups, ("Others", [e for e in entries if not e.name.startswith(named)])]:
        if not mine:
            continue
        lines += ["", heading]
        for entry in mine:
            note = notes.get(entry.name, "")
            if timing := timings.get(note):
                how = "" if timing["trusted"] or timing.get("threads") else ", disturbed: CPU time"
                note = f"{note}: +-{100 * (timing['high'] - timing['low']) / timing['median'] / 2:.1f} %{how}"
            lines.append(f"  {entry.name:{width}}  {_value(entry):>14} {entry.unit:8} {note}".rstrip())
    machine = details["machine"]
    lines += [
        "",
        f"{machine['processor']}, {machine['cores']} cores; {', '.join(details['compilers']) or 'no compiler'}",
    ]
    lines.append(f"CPU cycles: {details['cpu_cycles']}; base clock from: {details['base_clock']}")
    lines += [f"left out: {name}: {reason}" for name, reason in details["skipped"].items()]
    if details["disturbed"]:
        lines.append(f"the machine was not quiet: {len(details['disturbed'])} rows by CPU time instead of wall time")
    return "\n".join(lines)


def _value(entry: Result | Series) -> str:
    if isinstance(entry, Series):
        return " ".join(f"{x:g}:{value:.5g}" for x, value in zip(entry.x, entry.value, strict=True))
    if not isinstance(entry.value, float):
        return str(entry.value)
    if entry.unit == "" and abs(entry.value) <= 1:
        return f"{100 * entry.value:.2f} %"
    return f"{entry.value:,.4g}" if entry.value < 1000 else f"{entry.value:,.0f}"
