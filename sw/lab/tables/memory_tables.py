"""Tables of docs/memory.md from results/memory.json."""

from ....hw.memory.sdram_config import SdramConfig
from .cells import Table, yes_or_no

__all__ = ["memory", "memory_campaign", "memory_f1"]

#: Figures of walks, and how they are shown.
_WALKS = {
    "nodes": ("nodes", ","),
    "slots": ("slots", ","),
    "walks": ("walks", ","),
    "walk_us": ("a walk, us", ".1f"),
    "walk_cycles": ("a walk, cycles", ","),
    "wait_share": ("of them waiting for memory", ".0%"),
    "hit_rate": ("rows that had a slot", ".0%"),
    "rows_fetched": ("rows fetched a walk", ".1f"),
    "walk_pages": ("pages opened a walk", ".1f"),
    "edges": ("edges that were sent", ","),
    "edge_us": ("an edge, us of the core", ".2f"),
    "load_bytes": ("bytes of all edges on the line", ",d"),
    "load_line": ("seconds on it, at the board's baud rate", ".2f"),
    "read_100_bytes": ("bytes of 100 vectors", ",d"),
    "read_100_line": ("seconds on it", ".3f"),
}


def _cases(v: dict) -> list[str]:
    """The smallest graph first."""
    prefix = "memory.bits_equal."
    cases = (name.removeprefix(prefix) for name in v if name.startswith(prefix))
    return sorted(cases, key=lambda case: v.get(f"memory.nodes.{case}", 0))


def _pins_share(v: dict, case: str) -> str:
    """Of a walk's cycles of the SDRAM's clock, in which its data pins carry a row."""
    names = f"memory.walk_bytes.{case}", f"memory.walk_cycles.{case}"
    if any(name not in v for name in names):
        return "-"
    moved, cycles = (v[name] for name in names)
    core_hz, sdram_hz = _clocks(v, case)
    return f"{moved * 8 / SdramConfig.DATA_BITS / cycles * (core_hz / sdram_hz if core_hz else 1):.0%}"


def _clocks(v: dict, case: str) -> tuple[int, int]:
    """Of core and SDRAM; older figures have one for both, or none, which is 0."""
    core = v.get(f"memory.clock_hz.{case}", 0)
    return core, v.get(f"memory.sdram_hz.{case}", core)


def memory(v: dict, provenance: dict) -> Table:
    cases = _cases(v)
    if not cases:
        return ["walks", ""], [["none yet", "-"]]
    body = []
    for name, (label, form) in _WALKS.items():
        found = [v.get(f"memory.{name}.{case}") for case in cases]
        body.append([label, *("-" if value is None else format(value, form) for value in found)])
    body.append(["cycles with data at the pins", *(_pins_share(v, case) for case in cases)])
    where = {None: "-", 0: "of the host", 1: "in memory"}
    body.append(["graph", *(where[v.get(f"memory.lists.{case}")] for case in cases)])
    body.append(["bits as of the golden model", *(yes_or_no(v[f"memory.bits_equal.{c}"]) for c in cases)])
    for i, of in enumerate(("core", "SDRAM")):
        clocks = [_clocks(v, case)[i] for case in cases]
        body.append([f"clock of the {of}, MHz", *(f"{hz / 1e6:g}" if hz else "-" for hz in clocks)])
    return ["walks", *(f"`{case}`" for case in cases)], body


def memory_campaign(v: dict, provenance: dict) -> Table:
    labels = {
        "runs": "programs",
        "designs": "on so many cores",
        "wrong": "with a reply that is not the golden model's",
        "hangs": "that hung",
        "resets": "resets in them",
        "cycles": "cycles",
    }
    found = {label: v[f"memory.campaign.{name}"] for name, label in labels.items() if f"memory.campaign.{name}" in v}
    return ["campaign", ""], [[label, f"{value:,}"] for label, value in found.items()] or [["none yet", "-"]]


def memory_f1(v: dict, provenance: dict) -> Table:
    cases = {"photo_fresh": "drawn for each context anew", "photo": "through the pool"}
    body = [
        [label, *(f"{x:.3f}" for x in v[f"memory.f1_micro.{case}.runs"]), f"{v[f'memory.f1_micro.{case}']:.4f}"]
        for case, label in cases.items()
        if f"memory.f1_micro.{case}" in v
    ]
    seeds = len(body[0]) - 2 if body else 0
    head = f"micro-F1 on Amazon Photo, {v.get('memory.f1_walks.photo', '-')} walks a node; negatives"
    return [head, *(f"seed {i}" for i in range(seeds)), "mean"], body or [["none yet", "-"]]
