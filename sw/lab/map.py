"""The map: where each equation is computed, and what computes it. The page ``docs/map.md`` is made of :data:`MAP`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

__all__ = ["MAP", "PAGE", "ROOT", "Row", "main", "page", "row_tests"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/map.md"


class Row(NamedTuple):
    """One equation, or one thing that is done. Places are ``FILE:NAME``, or a file alone.

    Attributes
    ----------
    what : str
        The equation, or what is done.
    gateware, golden, formula, cycles : tuple of str
        Components; functions on raw integers; functions in float64; functions that give cycles.
    tests : tuple of str
        Files, besides those that are named after the gateware (:func:`row_tests`).
    """

    what: str
    gateware: tuple[str, ...] = ()
    golden: tuple[str, ...] = ()
    formula: tuple[str, ...] = ()
    cycles: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


_OSELM = "sim/oselm/golden.py:"
_OSELM_FORMULA = ("sim/oselm/formula.py:train",)
_CONTEXTS = "sim/oselm/front_end/contexts.py:"
_EDITS = "sim/oselm/graph/edits.py:"
_WALKS = "sim/oselm/graph/walks.py:"
_LORA = "sim/lora/golden.py:"
_LORA_FORMULA = ("sim/lora/formula.py:fine_tune",)

MAP: Mapping[str, Sequence[Row]] = {
    "OS-ELM": (
        Row(
            "`u = P h`, `P <- P - k u^T + q I`",
            ("hw/oselm/sweep.py:PSweep", "hw/arith/rank_one.py:RankOneStep"),
            (_OSELM + "sweep",),
            _OSELM_FORMULA,
            ("sim/oselm/cycles.py:slot_cycles",),
        ),
        Row(
            "`g = 1 / (1 + h.u)`, `k = g u`",
            ("hw/oselm/gain.py:Gain",),
            (_OSELM + "gain",),
            _OSELM_FORMULA,
            ("sim/oselm/cycles.py:slot_cycles",),
        ),
        Row(
            "`f = p0 / (1 + p0 h.h)`, `k = f h`, without P",
            ("hw/oselm/constant_gain.py:ConstantGain",),
            (_OSELM + "constant_gain",),
            _OSELM_FORMULA,
            ("sim/oselm/cycles.py:slot_cycles",),
        ),
        Row(
            "`h = mu beta[c]`, `e = t - h.beta[s]`, `beta[s] <- beta[s] + e k`",
            ("hw/oselm/samples.py:SampleEngine",),
            (_OSELM + "view", _OSELM + "dot", _OSELM + "error", _OSELM + "update_row"),
            _OSELM_FORMULA,
            ("sim/oselm/cycles.py:slot_cycles",),
        ),
        Row("u and h, element by element out of the lanes", ("hw/fabric/read_chain.py:ReadChain",)),
        Row("the latest earlier mention of a row", ("hw/oselm/hazard.py:HazardWindow",)),
        Row("contexts wait, and their hazards are known", ("hw/oselm/context_queue.py:ContextQueue",)),
        Row(
            "the streaming schedule: three contexts at once",
            ("hw/oselm/streaming.py:StreamingSequencer",),
            (_OSELM + "_streaming",),
            (),
            ("sim/oselm/cycles.py:_streaming",),
            ("tests/oselm/test_sequencers.py", "tests/oselm/test_cycles.py"),
        ),
        Row(
            "the sequential schedule: a context sees all before it",
            ("hw/oselm/sequential.py:SequentialSequencer",),
            (_OSELM + "_sequential",),
            _OSELM_FORMULA,
            ("sim/oselm/cycles.py:_sequential",),
            ("tests/oselm/test_sequencers.py", "tests/oselm/test_cycles.py"),
        ),
        Row(
            "commands and replies",
            ("hw/oselm/command.py:CommandInterpreter",),
            ("sim/oselm/unit.py:OSELMUnit",),
            tests=("tests/oselm/test_unit.py", "tests/oselm/test_core.py"),
        ),
        Row(
            "the whole core",
            ("hw/oselm/core.py:OSELMCore",),
            (_OSELM + "train", "sim/oselm/compiled.py:train"),
            _OSELM_FORMULA,
            ("sim/oselm/cycles.py:train_cycles", "sim/oselm/cycles.py:roofline_cycles"),
            ("tests/oselm/test_golden.py", "tests/oselm/test_cycles.py"),
        ),
    ),
    "Contexts out of walks": (
        Row(
            "windows: a centre and its positives",
            ("hw/oselm/front_end/windowing.py:Windowing",),
            (_CONTEXTS + "make_contexts",),
            tests=("tests/oselm/front_end/test_front_end.py", "tests/graph/test_contexts.py"),
        ),
        Row(
            "negatives by an alias table",
            ("hw/oselm/front_end/negatives.py:NegativeSampler",),
            (_CONTEXTS + "AliasTable", _CONTEXTS + "make_contexts"),
            tests=("tests/oselm/front_end/test_front_end.py",),
        ),
        Row(
            "negatives through a pool",
            ("hw/oselm/front_end/pool.py:NegativePool", "hw/oselm/front_end/pool.py:Renewal"),
            (_CONTEXTS + "_replace",),
            tests=("tests/oselm/front_end/test_pool.py", "tests/graph/test_contexts.py"),
        ),
        Row(
            "draws: Threefry-2x32, 13 rounds",
            ("hw/oselm/front_end/threefry.py:Threefry",),
            ("sim/arith/threefry.py:draw",),
            tests=("tests/oselm/front_end/test_front_end.py", "tests/graph/test_walks.py"),
        ),
        Row(
            "parameters of sampling, kept and checked",
            ("hw/oselm/front_end/parameters.py:Parameters", "hw/oselm/front_end/walk_shape.py:WalkShape"),
            ("sim/oselm/front_end/front_end.py:FrontEnd.set",),
            tests=("tests/oselm/front_end/test_front_end.py",),
        ),
        Row(
            "groups of walks, filled and given back",
            ("hw/oselm/front_end/groups.py:Groups",),
            tests=("tests/oselm/front_end/test_front_end.py",),
        ),
        Row(
            "items: a node of a walk or a negative",
            ("hw/oselm/front_end/items.py:Items",),
            (_CONTEXTS + "make_contexts",),
            tests=("tests/oselm/front_end/test_front_end.py", "tests/oselm/graph/test_device_walks.py"),
        ),
        Row(
            "host and device take turns at filling groups",
            ("hw/oselm/front_end/turns.py:Turns",),
            tests=("tests/oselm/graph/test_device_walks.py",),
        ),
        Row(
            "walks and tables as words",
            ("hw/oselm/front_end/walk_loader.py:WalkLoader",),
            ("sim/oselm/front_end/front_end.py:FrontEnd.take",),
            tests=("tests/oselm/front_end/test_front_end.py",),
        ),
        Row(
            "all of it",
            ("hw/oselm/front_end/front_end.py:FrontEnd",),
            ("sim/oselm/front_end/front_end.py:FrontEnd",),
        ),
    ),
    "The graph on the device": (
        Row(
            "edges come and go: edits",
            (
                "hw/oselm/graph/edits.py:EditEngine",
                "hw/oselm/graph/list_editor.py:ListEditor",
                "hw/oselm/graph/copy_pass.py:CopyPass",
                "hw/oselm/graph/edge_finder.py:EdgeFinder",
                "hw/oselm/graph/soundness.py:Soundness",
            ),
            (_EDITS + "add_edges", _EDITS + "remove_edge", _EDITS + "free_node", _EDITS + "judge"),
            tests=("tests/oselm/graph/test_store.py",),
        ),
        Row(
            "rooms of lists",
            ("hw/oselm/graph/allocator.py:Allocator",),
            (_EDITS + "_allocate", _EDITS + "_release"),
            tests=("tests/oselm/graph/test_store.py",),
        ),
        Row(
            "the store: headers, lists, who reads them",
            (
                "hw/oselm/graph/store.py:GraphStore",
                "hw/oselm/graph/memory.py:BlockMemory",
                "hw/oselm/graph/list_reader.py:ListReader",
                "hw/oselm/graph/ports.py:SharedMemory",
                "hw/oselm/graph/ports.py:OneAtATime",
                "hw/oselm/graph/store_outside.py:GraphStoreOutside",
                "hw/oselm/graph/outside.py:WordsOutside",
            ),
            ("sim/oselm/graph/store.py:GraphStore",),
        ),
        Row(
            "the first entry not below a key",
            ("hw/oselm/graph/search.py:Search",),
            (_EDITS + "find",),
            tests=("tests/oselm/graph/test_store.py", "tests/oselm/graph/test_exact_step.py"),
        ),
        Row(
            "starts: a keyed permutation, round after round",
            ("hw/oselm/graph/starts.py:Starts",),
            ("sim/oselm/graph/starts.py:permuted", "sim/oselm/graph/starts.py:round_starts"),
        ),
        Row(
            "a step of node2vec by rejection",
            ("hw/oselm/graph/walker.py:Walker", "hw/oselm/graph/candidates.py:Candidates"),
            (_WALKS + "make_walks", _WALKS + "_case", _WALKS + "case_limits"),
            tests=("tests/oselm/graph/test_draws.py", "tests/oselm/graph/test_walks.py"),
        ),
        Row(
            "a step by running sums, where candidates were refused",
            ("hw/oselm/graph/exact_step.py:ExactStep",),
            (_WALKS + "_exact",),
        ),
        Row(
            "walks numbered, and shared among walkers",
            ("hw/oselm/graph/walk_maker.py:WalkMaker", "hw/oselm/graph/walkers.py:Walkers"),
            ("sim/oselm/graph/unit.py:GraphUnit.walks", "sim/oselm/graph/unit.py:GraphUnit.round"),
            tests=("tests/oselm/graph/test_device_walks.py",),
        ),
        Row(
            "draws for all of it",
            ("hw/oselm/graph/draws.py:Draws", "hw/oselm/graph/draws.py:DrawQueue"),
            ("sim/arith/threefry.py:draw",),
        ),
        Row(
            "negatives out of the graph",
            (
                "hw/oselm/graph/neighbour.py:NeighbourChoice",
                "hw/oselm/front_end/neighbour_draws.py:NeighbourDraws",
            ),
            (_CONTEXTS + "graph_contexts", _CONTEXTS + "_fill_from_graph"),
            tests=("tests/graph/test_contexts.py",),
        ),
        Row(
            "first values of a row",
            ("hw/oselm/graph/row_filler.py:RowFiller",),
            ("sim/oselm/graph/rows.py:first_values",),
        ),
    ),
    "Rows outside the chip": (
        Row(
            "rows to slots, which of them are in use, what goes and what comes",
            (
                "hw/oselm/rows/cache.py:RowCache",
                "hw/oselm/rows/directory.py:RowDirectory",
                "hw/oselm/rows/chains.py:Chains",
                "hw/oselm/rows/uses.py:Uses",
                "hw/oselm/rows/transfers.py:Transfers",
            ),
            ("sim/oselm/rows/directory.py:RowDirectory", "sim/oselm/rows/cache.py:RowCache"),
            tests=("tests/oselm/rows/test_rows.py", "tests/oselm/rows/test_cache.py"),
        ),
        Row(
            "rows between lanes and words of memory; one for the host, or for first values",
            (
                "hw/oselm/rows/outside.py:RowsOutside",
                "hw/oselm/rows/mover.py:RowMover",
                "hw/oselm/rows/packing.py:RowPacker",
                "hw/oselm/rows/packing.py:RowUnpacker",
                "hw/oselm/rows/lease.py:LeaseHolder",
                "hw/oselm/rows/turns.py:BeatTurns",
                "hw/oselm/rows/turns.py:LeaseTurns",
                "hw/oselm/graph/leased_fill.py:LeasedFill",
            ),
            tests=("tests/oselm/test_core_memory.py",),
        ),
        Row(
            "walks and the pool's draws get slots, group by group",
            (
                "hw/oselm/front_end/fetch.py:Fetch",
                "hw/oselm/front_end/pool_rows.py:PoolRows",
                "hw/oselm/front_end/group_release.py:GroupRelease",
                "hw/oselm/front_end/row_supply.py:RowSupply",
            ),
            tests=("tests/oselm/test_core_memory.py",),
        ),
    ),
    "Skip2-LoRA": (
        Row(
            "`x_k+1 = relu(W_k x_k + b_k)`, `c`",
            ("hw/lora/dense.py:LoraDense",),
            (_LORA + "backbone_forward",),
            ("sim/lora/formula.py:logits",),
            ("sim/lora/cycles.py:roofline_backbone", "sim/lora/cycles.py:LoraCycles.uncached"),
            ("tests/lora/test_golden.py",),
        ),
        Row(
            "`z_k = x_k A_k`, `A_k <- A_k - sum x_k^T gz_k`",
            ("hw/lora/lanes.py:LoraLanes",),
            (_LORA + "adapter_forward", _LORA + "update"),
            _LORA_FORMULA,
            ("sim/lora/cycles.py:roofline_cached",),
            ("tests/lora/test_golden.py",),
        ),
        Row(
            "`y = c + sum_k z_k B_k`, `gz_k = g B_k^T`, `B_k <- B_k - sum z_k^T g`",
            ("hw/lora/head.py:LoraHead",),
            (_LORA + "head_forward", _LORA + "backward", _LORA + "update"),
            _LORA_FORMULA,
            ("sim/lora/cycles.py:roofline_cached",),
            ("tests/lora/test_golden.py",),
        ),
        Row(
            "`g = rate (softmax(y) - onehot(label))`",
            ("hw/lora/softmax.py:SoftmaxError",),
            (_LORA + "softmax_error",),
            _LORA_FORMULA,
        ),
        Row(
            "`-ln softmax(y)[label]`, summed over an epoch",
            ("hw/lora/loss.py:CrossEntropy", "hw/lora/tally.py:EpochTally"),
            (_LORA + "cross_entropy", "sim/lora/compiled.py:losses"),
            tests=("tests/lora/test_golden.py",),
        ),
        Row(
            "activations: samples in flight, Skip-Cache",
            ("hw/lora/activation_store.py:ActivationStore",),
            tests=("tests/lora/test_lanes.py",),
        ),
        Row(
            "the timetable of a slot",
            ("hw/lora/sequencer.py:LoraSequencer", "hw/lora/schedule.py:timetable"),
            (_LORA + "slot",),
            (),
            ("sim/lora/cycles.py:LoraCycles.cached",),
        ),
        Row(
            "commands and replies",
            ("hw/lora/command.py:LoraCommand",),
            ("sim/lora/unit.py:LoraUnit",),
            tests=("tests/lora/test_core.py",),
        ),
        Row(
            "the whole unit",
            ("hw/lora/core.py:LoraCore",),
            (_LORA + "run", "sim/lora/compiled.py:run"),
            _LORA_FORMULA,
            ("sim/lora/cycles.py:LoraCycles",),
            ("tests/lora/test_golden.py",),
        ),
    ),
    "Arithmetic and memories": (
        Row(
            "round half up, saturate",
            ("hw/arith/requantize.py:Requantize", "hw/arith/requantize.py:requantize"),
            ("sim/arith/fixed.py:requantize",),
            tests=("tests/arith/test_fixed.py",),
        ),
        Row("`a b`", ("hw/arith/multiplier.py:Multiplier",)),
        Row(
            "`a.b`, lane by lane",
            ("hw/arith/dot.py:DotProduct", "hw/arith/dot.py:Multipliers", "hw/arith/dot.py:AdderTree"),
        ),
        Row("`(bits n) >> 32`, a share of n", ("hw/arith/share.py:Share",)),
        Row("`1 / x`", ("hw/arith/reciprocal.py:Reciprocal",), ("sim/arith/reciprocal.py:reciprocal",)),
        Row(
            "draws one after another: Threefry-2x32, 13 rounds",
            ("hw/arith/threefry.py:SerialThreefry",),
            ("sim/arith/threefry.py:draw",),
            tests=("tests/arith/test_permutation.py",),
        ),
        Row(
            "every number once, in an order chosen by a key",
            ("hw/arith/permutation.py:Permutation",),
            ("sim/arith/permutation.py:permutation",),
            (),
            ("sim/lora/cycles.py:LoraCycles.numbered",),
        ),
        Row("a memory that is never read where it is written", ("hw/fabric/ram.py:Ram",)),
        Row("several clients of one server", ("hw/fabric/shared.py:Shared",)),
        Row("a short queue of registers", ("hw/fabric/queue.py:RegisterQueue",)),
        Row("events are counted", ("hw/fabric/counters.py:CounterBank",)),
        Row(
            "cells of an ECP5",
            ("hw/fabric/ecp5.py:MULT18X18D", "hw/fabric/ecp5.py:DP16KD"),
            ("sim/rtl/ecp5.v",),
            tests=("tests/fabric/test_ram.py", "tests/fabric/test_synthesis_blocks.py", "tests/rtl/test_gate_level.py"),
        ),
    ),
    "Between host and core": (
        Row(
            "rows packed into words",
            ("hw/unit/packing.py:Packer", "hw/unit/packing.py:Unpacker"),
            ("sim/arith/words.py:packed", "sim/arith/words.py:from_packed", "sim/arith/words.py:packed_run"),
        ),
        Row(
            "frames: COBS and CRC-32",
            ("hw/link/cobs.py:CobsDecoder", "hw/link/cobs.py:CobsEncoder"),
            ("sim/link/frame.py:FrameSplitter", "sim/link/frame.py:Frame"),
            tests=("tests/link/test_rtl.py", "tests/link/test_host.py"),
        ),
        Row(
            "frames in, frames out",
            ("hw/link/receiver.py:FrameReceiver", "hw/link/sender.py:FrameSender"),
            ("sim/link/frame.py:Frame.decode", "sim/link/frame.py:Frame.encode"),
            tests=("tests/link/test_rtl.py",),
        ),
        Row(
            "words arrive once and in order",
            ("hw/link/device.py:LinkDevice",),
            ("sim/link/model.py:DeviceModel",),
            tests=("tests/link/test_rtl.py", "tests/link/test_host.py"),
        ),
        Row(
            "a serial line, and units behind it",
            (
                "hw/link/uart.py:UartReceiver",
                "hw/link/uart.py:UartTransmitter",
                "hw/ports/serial.py:SerialDevice",
                "hw/ports/serial.py:UnitSwitch",
            ),
            tests=("tests/link/test_rtl.py", "tests/boards/test_simulation.py"),
        ),
        Row(
            "AXI4-Stream and AXI4-Lite; rows behind AXI4",
            ("hw/ports/axi.py:AxiCore", "hw/ports/axi_memory.py:CoreOnAxi"),
            tests=("tests/ports/test_litex.py",),
        ),
        Row(
            "a memory with a clock of its own",
            ("hw/memory/crossing.py:PortCrossing",),
            ("sim/memory/port.py:PlainMemory",),
        ),
        Row(
            "a memory with several users",
            ("hw/memory/shared_port.py:SharedPort",),
            ("sim/memory/port.py:PlainMemory",),
        ),
        Row(
            "a board: PLL, reset, pins",
            ("hw/boards/top.py:BoardTop",),
            ("sim/boards/pins.py:BoardPins",),
            tests=("tests/boards/test_boards.py", "tests/boards/test_simulation.py"),
        ),
        Row(
            "rows in a board's SDRAM",
            ("hw/ports/sdram.py:CoreOnSdram",),
            ("sim/boards/sdram.py:SdramAtPins",),
            tests=("tests/boards/test_sdram.py",),
        ),
    ),
}

_HEAD = """# The map

What computes what. Made by `make map` out of the table in `sw/lab/map.py`; `tests/lab/test_map.py` holds every name
against the code, and every component against the table. Where two are equal to the bit, a test says so: gateware and
golden function always are. What the words mean is in [the glossary](glossary.md), what the symbols mean in
[oselm.md](oselm.md#equations) and [lora.md](lora.md#equations).
"""


def row_tests(row: Row) -> tuple[str, ...]:
    """The row's tests: those named after its gateware, where there are such, and the others."""
    files = (Path(place.partition(":")[0]) for place in row.gateware)
    named = [Path("tests", *file.parts[1:-1], f"test_{file.name}").as_posix() for file in files]
    return tuple(dict.fromkeys([*(name for name in named if (ROOT / name).exists()), *row.tests]))


def page() -> str:
    """The text of ``docs/map.md``."""
    parts = [_HEAD]
    for title, rows in MAP.items():
        parts.append(f"\n## {title}\n")
        parts += ["| | gateware | golden model | formula | cycles | test |", "| --- | --- | --- | --- | --- | --- |"]
        for row in rows:
            cells = [row.what, *map(_cell, (row.gateware, row.golden, row.formula, row.cycles, row_tests(row)))]
            parts.append("| " + " | ".join(cell or "-" for cell in cells) + " |")
    return "\n".join(parts) + "\n"


def _cell(places: Sequence[str]) -> str:
    """Places of one file in one breath."""
    names: dict[str, list[str]] = {}
    for place in places:
        file, _, name = place.partition(":")
        names.setdefault(file, []).extend([f"`{name}`"] if name else [])
    return "; ".join(" ".join(filter(None, [f"`{file}`", ", ".join(mine)])) for file, mine in names.items())


@click.command("map")
def main() -> None:
    """Write docs/map.md of this checkout anew."""
    PAGE.write_text(page())
