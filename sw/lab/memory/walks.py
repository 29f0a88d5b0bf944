"""Walks over graphs larger than the chip.

They go to the gateware, behind whose port stand the controller and an SDRAM, and to the golden model, which has all
rows at hand. They are made by the host; the alias table of the pool's draws is on the chip. The rows stand in the
simulated SDRAM from the start: to send them as commands would take longer than the walks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ....hw.boards.table import board
from ....hw.memory.sdram_config import SdramConfig
from ....hw.oselm.config import CoreConfig
from ....hw.oselm.core import OSELMCore
from ....hw.oselm.front_end.sampling import Sampling
from ....hw.oselm.protocol import PACKED, Counter, Opcode, Parameter, header
from ....sim.arith.fixed import to_raw
from ....sim.arith.words import packed
from ....sim.memory.behind import CoreWithMemory
from ....sim.memory.cells import SdramMemory, compile_with_sdram, write_contents
from ....sim.oselm.unit import OSELMUnit
from ....sim.rtl.build import build_root
from ....sim.rtl.verilated import VerilatedCore
from ...graph.contexts import negative_key, negative_sampler
from ...graph.graph import Graph
from ...graph.walks import walks
from ...oselm.words import set_words, table_words, walk_words, write_words
from ...results.report import Result

__all__ = ["BOARD", "CORE", "LARGE", "SMALL", "Case", "measure"]

log = logging.getLogger(__name__)

#: Its clocks are those of core and SDRAM.
BOARD = board("ulx3s-85f-sdram")
#: Its core without a graph.
CORE = BOARD.core.replace(edge_ends=0)
#: The same with as many nodes as the largest graph.
LARGE = CORE.replace(nodes=400_000)
#: As few slots as 256: one walk of 40 nodes at a time, and a small pool.
SMALL = CORE.replace(nodes=4096, walks=1, max_walk=40, pool=32, replaced=1, slots=256)
#: Nodes of a walk.
LENGTH = 80
#: Rows that are read back, of those that were learned and of others.
LEARNED, OTHERS = 5000, 500
_COUNTED = (
    Counter.CYCLES,
    Counter.CONTEXTS,
    Counter.REJECTED,
    Counter.ROWS_ASKED,
    Counter.ROWS_FETCHED,
    Counter.ROWS_WRITTEN,
    Counter.WAIT_MEMORY,
    Counter.PAGES_OPENED,
)


@dataclass(frozen=True)
class Case:
    """A graph, and how many of its walks are learned by which core."""

    name: str
    graph: Callable[[], Graph]
    core: CoreConfig
    walks: int
    #: Walks before those that count: the slots fill.
    first: int = 100

    @property
    def sampling(self) -> Sampling:
        core = self.core
        return Sampling(
            window=8,
            negatives=24,
            per_positive=False,
            walks=core.walks,
            pool=core.pool,
            replaced=core.replaced,
        )


def measure(case: Case, seed: int) -> list[Result]:
    """Learn the walks on both; what it took, and whether P and the rows that are read back are equal. Raises
    RuntimeError if the core has not taken all commands."""
    graph, core = case.graph(), case.core
    n = case.first + case.walks
    made = walks(graph, length=min(LENGTH, core.max_walk), per_node=10, seed=seed, block=case.first)
    block = np.concatenate(list(islice(made, -(-n // case.first))))[:n]
    # A walk from a node without an edge has no context.
    block = block[(block[:, 1] >= 0)]
    log.info("%s: %d nodes, %d walks, slots %d", case.name, graph.n_nodes, len(block), core.slots)

    rng = np.random.default_rng(seed)
    values = to_raw(rng.uniform(-0.05, 0.05, (graph.n_nodes, core.dim)), core.beta)
    golden = OSELMUnit(core)
    golden.warm_up()
    golden.feed(write_words(Opcode.WRITE_ROW, 0, values, core.beta))
    with _opened(case, values) as rtl:
        for words in (_start(case, graph, seed), walk_words(block[: case.first], core.walk_rows)):
            golden.feed(words)
            rtl.feed(words)
        before = _counted(rtl)
        words = walk_words(block[case.first :], core.walk_rows)
        golden.feed(words)
        rtl.feed(words)
        after = _counted(rtl)
        golden.feed(np.array([header(Opcode.FLUSH)], np.uint32))
        golden.drain()
        learned = (golden.state.beta[: len(values)] != values).any(axis=1)
        rows = np.concatenate([_some(rng, learned, LEARNED), _some(rng, ~learned, OTHERS)])
        asked = np.concatenate([rows + header(Opcode.READ_ROW, PACKED), np.arange(core.dim) + header(Opcode.READ_P)])
        golden.feed(asked.astype(np.uint32))
        expected = golden.drain()
        got = rtl.run(asked.astype(np.uint32), len(expected))
    if after[Counter.REJECTED]:
        raise RuntimeError(f"{case.name}: the core has rejected {after[Counter.REJECTED]} commands")
    spent = {c: after[c] - before[c] for c in _COUNTED}
    return _results(case, graph.n_nodes, spent, len(block) - case.first, np.array_equal(expected, got))


def _opened(case: Case, values: np.ndarray) -> VerilatedCore:
    """Core, controller and chip, in which these rows stand."""
    core = OSELMCore(case.core)
    contents = build_root() / "memory" / f"{case.core.digest:08x}.hex"
    write_contents(contents, packed(values, case.core.beta))
    memory = SdramMemory(core.signature.members["memory"].signature, _sdram(), contents, BOARD.uart.clock_hz)
    return VerilatedCore(compile_with_sdram(CoreWithMemory(core, memory), "oselm_core", memory))


def _sdram() -> SdramConfig:
    assert BOARD.sdram is not None
    return BOARD.sdram


def _start(case: Case, graph: Graph, seed: int) -> np.ndarray:
    """Parameters, the table of the draws, and P."""
    core, key, table = case.core, int(negative_key(seed)), negative_sampler(np.diff(graph.indptr))
    values = {
        Parameter.Q: 0,
        Parameter.P0: int(to_raw(np.array(1.0), core.p)),
        Parameter.SAMPLING: case.sampling.word,
        Parameter.KEY_HIGH: key >> 32,
        Parameter.KEY_LOW: key & 0xFFFFFFFF,
    }
    p = write_words(Opcode.WRITE_P, 0, to_raw(np.eye(core.dim), core.p), core.p)
    return np.concatenate([set_words(values), table_words(table.threshold, table.alias), p])


def _some(rng: np.random.Generator, of: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows that are marked."""
    rows = np.flatnonzero(of)
    return rng.choice(rows, min(len(rows), most), replace=False)


def _counted(rtl: VerilatedCore) -> dict[Counter, int]:
    """Counters, once all has been learned."""
    asked = np.array([header(Opcode.GET, counter) for counter in _COUNTED], np.uint32)
    words = rtl.run(asked, 2 * len(asked)).astype(np.int64).reshape(-1, 2)
    return {counter: int(low | high << 32) for counter, (low, high) in zip(_COUNTED, words, strict=True)}


def _results(case: Case, nodes: int, spent: dict[Counter, int], n: int, equal: bool) -> list[Result]:
    core, clock_hz = case.core, BOARD.uart.clock_hz
    moved = spent[Counter.ROWS_FETCHED] + spent[Counter.ROWS_WRITTEN]
    cycles = spent[Counter.CYCLES] / n
    row_bytes = core.rows_outside.words * core.MEMORY_BITS // 8
    shown = {
        "bits_equal": (int(equal), "", "higher"),
        "nodes": (nodes, "rows", None),
        "slots": (core.slots, "rows", None),
        "pool": (core.pool, "rows", None),
        "walks": (n, "walks", None),
        "clock_hz": (clock_hz, "Hz", "higher"),
        "sdram_hz": (_sdram().clock_hz, "Hz", "higher"),
        "walk_cycles": (round(cycles), "cycles", "lower"),
        "walk_us": (round(cycles / clock_hz * 1e6, 1), "us", "lower"),
        "wait_share": (round(spent[Counter.WAIT_MEMORY] / spent[Counter.CYCLES], 3), "", "lower"),
        "hit_rate": (round(1 - spent[Counter.ROWS_FETCHED] / spent[Counter.ROWS_ASKED], 3), "", "higher"),
        "rows_fetched": (round(spent[Counter.ROWS_FETCHED] / n, 1), "rows a walk", "lower"),
        "pages_opened": (round(spent[Counter.PAGES_OPENED] / max(moved, 1), 3), "pages a row moved", "lower"),
        "walk_bytes": (round(moved * row_bytes / n), "bytes", "lower"),
    }
    return [Result(f"memory.{what}.{case.name}", *values) for what, values in shown.items()]  # type: ignore[arg-type]
