"""Functional coverage: what has to have happened in the gateware under test, by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .reached import Point

__all__ = ["POINTS", "Functional"]


_UP, _DOWN, _BOTH = r"\[\d+\] up", r"\[\d+\] down", r"\[\d+\] (up|down)"


@dataclass(frozen=True)
class Functional:
    """Points of a file whose signal and whose arm or change match these regular expressions, whole."""

    file: str
    signal: str
    what: str = _UP

    def has(self, point: Point) -> bool:
        """Whether it is one of them."""
        matches = re.fullmatch(self.signal, point.signal) and re.fullmatch(self.what, point.what)
        return point.file == self.file and bool(matches)


#: What has to happen, for people, and the bits that tell that it did.
POINTS: Mapping[str, Functional] = {
    "each event that a core counts: waits by reason, saturations, refusals, rows outside": Functional(
        "hw/fabric/counters.py", "events"
    ),
    "a row comes again: at each place of the hazard window": Functional("hw/oselm/hazard.py", "found"),
    "a row is struck out of the window, at each place": Functional("hw/oselm/hazard.py", "valid", _DOWN),
    "a context or a sample waits for an earlier one": Functional(
        "hw/oselm/context_queue.py", r"(contexts|samples)__payload\.(hit|repeat)"
    ),
    "numbers of samples wrap": Functional("hw/oselm/context_queue.py", "n", _DOWN),
    "host and device take turns with the groups of walks": Functional(
        "hw/oselm/front_end/turns.py", "active|asked|close", _BOTH
    ),
    "an edit ends in each way": Functional("hw/oselm/graph/edits.py", r"done__payload\.outcome", _BOTH),
    "an edit is sound, and is not, for each reason": Functional(
        "hw/oselm/graph/soundness.py", "differ|short|u_exists|v_exists|weighs|sound", _BOTH
    ),
    "a list moves, leaves its place, stays": Functional(
        "hw/oselm/graph/list_editor.py", r"i__payload\.moves|o__payload\.leaves", _BOTH
    ),
    "room for a list is there, and is not; a free list is empty, and is not": Functional(
        "hw/oselm/graph/allocator.py", "granted|some", _BOTH
    ),
    "a candidate of a step is taken, and is refused": Functional("hw/oselm/graph/walker.py", "accepts|refused", _BOTH),
    "a row is fetched, written back, given another's slot, in each combination": Functional(
        "hw/oselm/rows/directory.py", r"job\.(evict|fill|mark|out)", _BOTH
    ),
    "slots are in use, released, asked for round and round": Functional(
        "hw/oselm/rows/uses.py", "in_use|released|waiting|hand", _BOTH
    ),
    "each command of the SDRAM; pages that are open, opened ahead, closed": Functional(
        "hw/memory/sdram.py", "command|hit|blocked|opens|closes|opens_after|closes_after", _BOTH
    ),
    "memory with a clock of its own: held, empty, open": Functional(
        "hw/memory/crossing.py", "hold|held|empty|is_open", _BOTH
    ),
    "a frame is broken, too long, unsound, too many words": Functional(
        "hw/link/receiver.py", r"broken|spilled|o__payload\.(sound|fits)", _BOTH
    ),
    "each decision on a frame: another session, out of order, unsound, asked again": Functional(
        "hw/link/device.py", ".*", "(if|else|case).*"
    ),
    "the Skip-Cache hits and misses; a command is rejected": Functional(
        "hw/lora/ports.py", "events__(hit|miss|rejected)"
    ),
    "softmax and gradient saturate; a power is beyond the table": Functional(
        "hw/lora/softmax.py", "saturated|saturated_g|others_clamped|beyond"
    ),
}
