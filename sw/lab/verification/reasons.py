"""Why no test sees a fault in a netlist: what somebody found who looked at it and could not prove it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["REASONS", "Reason", "reason_of"]


@dataclass(frozen=True)
class Reason:
    """``equal``: there is no program, in the configuration that was tried, whose replies differ."""

    text: str
    equal: bool = False


# Of more than one fault.
_BEYOND_LINK = Reason(
    "bits of a free room's first entry beyond the link to the next room: nobody reads them", equal=True
)
_WHOLE_BLOCK = Reason(
    "only of a frame with a block of 254 bytes, and one of eight words has none; the encoder's own test has some",
    equal=True,
)

_CUT = Reason("where a page ends; since this was counted `tests/memory/test_cutter.py` has each part, and sees it")

#: By file, line and fault, as they stand among the survivors in ``results/verification.json``.
REASONS: Mapping[tuple[str, int, str], Reason] = {
    ("hw/arith/rank_one.py", 80, "samples.step.$193 Q[0] 0"): Reason(
        "a flag that k was clamped: mu g u fits k's format here, whatever u is", equal=True
    ),
    ("hw/fabric/counters.py", 45, "counters.$80[31:0] Q[13] 0"): Reason("only after 2^13 events of one kind"),
    ("hw/fabric/counters.py", 45, "counters.$82[31:0] Q[29] inverted while bit 25 is 1"): Reason(
        "only after 2^25 events of a kind that takes a slot each"
    ),
    ("hw/fabric/counters.py", 50, "counters.$43 Y[37] inverted while bit 36 is 1"): Reason("only after 2^36 events"),
    ("hw/fabric/pipeline.py", 29, "dut.$38 D[0] 1"): Reason(
        "the first of a sum's beats: here each beat is a whole sum", equal=True
    ),
    ("hw/link/cobs.py", 102, "inner.link.encoder.$45 Q[0] 0"): _WHOLE_BLOCK,
    ("hw/link/cobs.py", 116, "inner.link.encoder.$30 A[5] inverted while bit 3 is 0"): _WHOLE_BLOCK,
    ("hw/link/device.py", 43, "inner.link.$208 Q[13] inverted while bit 15 is 1"): Reason(
        "words that are acknowledged anew: with bit 15 they are more than there are, whatever bit 13 is", equal=True
    ),
    ("hw/link/device.py", 258, "inner.link.$161 B[6] inverted while bit 13 is 1"): Reason(
        "2^13 words that are acknowledged anew: the decision before refuses more than the ring holds", equal=True
    ),
    ("hw/link/sender.py", 120, "inner.link.sender.$50 Y[4] 0"): Reason(
        "16 words of a frame are left and more: it has eight here, or the five of an identity", equal=True
    ),
    (
        "hw/lora/command.py",
        51,
        "command.$672[29:3][24:0][22:0][20:0][18:0][16:0][16:15] Q[0] inverted while bit 1 is 1",
    ): (Reason("only of a command of 2^19 words and more, of which all that are left out are dropped")),
    ("hw/lora/head.py", 111, "head.$129[5] Q[0] inverted"): Reason(
        "what is held is inverted in each cycle; its one use comes an even number of cycles later", equal=True
    ),
    ("hw/lora/softmax.py", 127, "dut.$123 B[0] inverted"): Reason(
        "one class more is multiplied; its cycle is that in which the label's g is written instead", equal=True
    ),
    ("hw/memory/axi.py", 229, "$101 A[0] inverted"): Reason(
        "an error in words of a burst before its last one; since this was counted the test has such bursts, and sees it"
    ),
    ("hw/memory/cutter.py", 44, "cutter.$22 Y[2] inverted while bit 0 is 1"): _CUT,
    ("hw/memory/cutter.py", 45, "cutter.$21 A[6] 0"): _CUT,
    ("hw/memory/cutter.py", 61, "cutter.$35 Y[0] inverted while bit 6 is 1"): _CUT,
    ("hw/memory/sdram_banks.py", 79, "dut.banks.$310 Y[0] 1"): Reason(
        "the lowest bit of what is left of a wait is shifted out: the one above it decides",
        equal=True,
    ),
    ("hw/oselm/context_queue.py", 95, "queue.$50 A[1] inverted"): Reason(
        "where a centre came before: only the sequential schedule asks", equal=True
    ),
    ("hw/oselm/context_queue.py", 107, "queue.$48 Y[0] 1"): Reason(
        "whether a row comes again within its context: only the sequential schedule asks", equal=True
    ),
    ("hw/oselm/context_queue.py", 132, "queue.$62 Y[0] 1"): Reason(
        "whether a context waits: the sequencer, which is asked in the same term, is not idle then", equal=True
    ),
    ("hw/oselm/core.py", 147, "$89 D[1] inverted while bit 4 is 0"): Reason(
        "a count that begins wrong in a reset and takes 87 cycles all the same; at power-up 85, with nothing under way",
        equal=True,
    ),
    ("hw/oselm/core.py", 294, "$59[6:0][5:0][4:0][3:0][2:0][1:0][1] S[0] 1"): Reason(
        "a barrier shows early behind a gap of one cycle, in which nothing can come; the count to its end begins anew",
        equal=True,
    ),
    ("hw/oselm/front_end/parameters.py", 71, "front.parameters.$128[31:24] Q[6] 0"): Reason(
        "a window of 64 nodes and more: SAMPLING refuses what a context of this core cannot have", equal=True
    ),
    ("hw/oselm/front_end/pool.py", 93, "front.items.renewal.$60[6] S[0] 1"): Reason(
        "no more than the 64 slots of the pool are replaced at a time, so a number of one has 6 bits", equal=True
    ),
    ("hw/oselm/front_end/turns.py", 47, "front.turns.$13 A[0] 0"): Reason(
        "a complete group that waits: the proof of who owns one (owner.turns), which is not asked, sees it"
    ),
    ("hw/oselm/front_end/turns.py", 45, "front.turns.$28 Q[0] 0"): Reason(
        "the host's group is handed over two cycles after the device asks, which has no walk before", equal=True
    ),
    (
        "hw/oselm/graph/allocator.py",
        92,
        "store.edits.allocator.$126[22:6] Q[0] inverted while bit 14 is 1",
    ): _BEYOND_LINK,
    ("hw/oselm/graph/allocator.py", 92, "store.edits.allocator.$126[22:6] Q[13] 0"): _BEYOND_LINK,
    ("hw/oselm/graph/allocator.py", 106, "store.edits.allocator.$65 A[2] inverted while bit 0 is 0"): Reason(
        "a room of class 0, which has no entries: nobody asks for one", equal=True
    ),
    ("hw/oselm/graph/draws.py", 115, "front.walkers.walker_3.draws.$68 D[14] inverted while bit 30 is 1"): Reason(
        "no walk takes 2^30 draws", equal=True
    ),
    ("hw/oselm/graph/edge_finder.py", 45, "store.edits.finder.$47[57:41] Q[0] inverted while bit 14 is 0"): Reason(
        "a total is inverted in each cycle and used two later; without edges it is 1, so no weight is too large",
        equal=True,
    ),
    (
        "hw/oselm/graph/exact_step.py",
        97,
        "front.walkers.exact.$137[16:1][15:1][14:1][13:1][0] D[0] 0",
    ): Reason("a bit of a factor; since this was counted `test_limits_that_a_draw_meets` has each alone, and sees it"),
    ("hw/oselm/graph/row_filler.py", 87, "front.walkers.filler.$45 Q[2] 0"): Reason(
        "draws under way, compared with 8 alone: a row has 8 elements here, so that the limit is never met", equal=True
    ),
    ("hw/oselm/graph/walkers.py", 108, "front.walkers.$18 Y[2] 1"): Reason(
        "walks that are made longer than what is learned of them: nobody reads the nodes beyond, only time", equal=True
    ),
    ("hw/oselm/hazard.py", 72, "queue.window.$40[0] Y[0] 1"): Reason(
        "an older mention at place 0 stays: its number adds nothing to the later one's, and it goes first", equal=True
    ),
    ("hw/ports/axi.py", 174, "$111 D[16] 1"): Reason(
        "bit 16 of a written word: without memory outside no register keeps it", equal=True
    ),
    ("hw/unit/packing.py", 158, "command.packer.$33 B[0] inverted"): Reason(
        "a level of 33, which is odd: elements have 8, 18 or 32 bits here", equal=True
    ),
}


def reason_of(record: Mapping[str, Any]) -> Reason | None:
    """Of a fault with ``file``, ``line`` and ``fault``, if one is known."""
    return REASONS.get((record["file"], record.get("line", 0), record.get("fault", "")))
