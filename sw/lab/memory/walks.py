"""Walks over graphs larger than the chip.

They go to the gateware, behind whose port stand the controller and an SDRAM, and to the golden model, which has all
rows at hand. A core whose graph is in memory gets the edges, and makes first values, walks and negatives itself. For
one without a graph the host makes them; the alias table of the pool's draws is on the chip, and the rows stand in the
simulated SDRAM from the start: to send them as commands would take longer than the walks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ....hw.boards.table import board
from ....hw.link.protocol import UART_BITS
from ....hw.memory.sdram_config import SdramConfig
from ....hw.oselm.config import CoreConfig
from ....hw.oselm.core import OSELMCore
from ....hw.oselm.front_end.sampling import Sampling
from ....hw.oselm.protocol import PACKED, Counter, Edit, Opcode, Parameter, edit_header, header
from ....sim.arith.fixed import to_raw
from ....sim.arith.words import packed
from ....sim.link.frame import Frame, Words
from ....sim.memory.behind import CoreWithMemory
from ....sim.memory.cells import SdramMemory, compile_with_sdram, write_contents
from ....sim.oselm.graph.walks import case_limits
from ....sim.oselm.unit import OSELMUnit
from ....sim.rtl.build import build_root
from ....sim.rtl.verilated import VerilatedCore
from ...graph.contexts import negative_key, negative_sampler
from ...graph.graph import Graph
from ...graph.walks import walks
from ...oselm.words import edge_words, set_words, table_words, walk_words, write_words
from ...results.report import Result

__all__ = ["BOARD", "CORE", "LARGE", "LISTS", "SMALL", "Case", "measure"]

log = logging.getLogger(__name__)

#: Its clocks are those of core and SDRAM.
BOARD = board("ulx3s-85f-sdram")
#: Its core without a graph: the host makes walks and table.
CORE = BOARD.core.replace(nodes=8192, edge_ends=0, lists_outside=False, alias_table=True)
#: Its core as it is, with the graph in memory.
LISTS = BOARD.core
#: Without a graph, with as many nodes as the largest one.
LARGE = CORE.replace(nodes=400_000)
#: As few slots as 256: one walk of 40 nodes at a time, and a small pool.
SMALL = CORE.replace(nodes=4096, walks=1, max_walk=40, pool=32, replaced=1, slots=256)
#: Nodes of a walk.
LENGTH = 80
#: Rows that are read back, of those that were learned and of others.
LEARNED, OTHERS = 5000, 500
#: First values of rows are up to it, of either sign. With those of the estimator, 0.05, what a negative changes is less
#: than a step of beta until rows have learned, and equal bits would say nothing of the negatives.
SPREAD = 0.5
#: Cycles without a word after which the core counts as hung: first values of all rows are a single command.
_TIMEOUT = 200_000_000
_COUNTED = (
    Counter.CYCLES,
    Counter.CONTEXTS,
    Counter.REJECTED,
    Counter.ROWS_ASKED,
    Counter.ROWS_FETCHED,
    Counter.ROWS_WRITTEN,
    Counter.WAIT_MEMORY,
    Counter.PAGES_OPENED,
    Counter.REFUSED,
)


@dataclass(frozen=True)
class Case:
    """A graph, and how many of its walks are learned by which core; of one that holds no graph, the host makes them."""

    name: str
    graph: Callable[[], Graph]
    core: CoreConfig
    #: 0: ``per_node`` times its nodes, which takes a core that holds a graph.
    walks: int
    #: Walks before those that count: the slots fill.
    first: int = 100
    per_node: int = 0

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
            source=int(core.edge_ends > 0),
        )


@dataclass(frozen=True)
class _Program:
    """Commands one after another: what goes before, ``load`` with so many edges, walks that fill the slots, and ``n``
    walks that count."""

    before: np.ndarray
    load: np.ndarray
    edges: int
    first: np.ndarray
    counted: np.ndarray
    n: int


def measure(case: Case, seed: int) -> list[Result]:
    """Learn the walks on both; what it took, and whether P and the rows that are read back are equal. Raises
    RuntimeError if the core has not taken all commands."""
    graph, core = case.graph(), case.core
    rng = np.random.default_rng(seed)
    values = np.zeros((graph.n_nodes, core.dim), np.int64)
    if not core.edge_ends:
        values = to_raw(rng.uniform(-SPREAD, SPREAD, values.shape), core.beta)
    program = (_of_graph if core.edge_ends else _of_host)(case, graph, seed)
    log.info("%s: %d nodes, %d walks, slots %d", case.name, graph.n_nodes, program.n, core.slots)

    golden = OSELMUnit(core)
    golden.warm_up()
    if not core.edge_ends:
        golden.feed(write_words(Opcode.WRITE_ROW, 0, values, core.beta))
    with _opened(case, values) as rtl:

        def both(words: np.ndarray, what: str) -> dict[Counter, int]:
            parts = np.array_split(words, 10)
            for i, part in enumerate(parts):
                golden.feed(part)
                rtl.feed(part)
                log.info("%s: %s, %d %%", case.name, what, 100 * (i + 1) // len(parts))
            return _counted(rtl, golden)

        loaded = -both(program.before, "preparations")[Counter.CYCLES]
        loaded += both(program.load, "load")[Counter.CYCLES]
        values = golden.state.beta[: len(values)].copy()
        before = both(program.first, "first walks")
        after = both(program.counted, "walks")
        golden.feed(np.array([header(Opcode.FLUSH)], np.uint32))
        golden.drain()
        learned = (golden.state.beta[: len(values)] != values).any(axis=1)
        rows = np.concatenate([_some(rng, learned, LEARNED), _some(rng, ~learned, OTHERS)])
        asked = np.concatenate([rows + header(Opcode.READ_ROW, PACKED), np.arange(core.dim) + header(Opcode.READ_P)])
        golden.feed(asked.astype(np.uint32))
        expected = golden.drain()
        got = rtl.run(asked.astype(np.uint32), len(expected))
    rejected, refused = after[Counter.REJECTED], after[Counter.REFUSED]
    if rejected or refused:
        raise RuntimeError(f"{case.name}: the core has rejected {rejected} commands and refused {refused} edits")
    spent = {c: after[c] - before[c] for c in _COUNTED}
    results = _results(case, graph.n_nodes, spent, program.n, np.array_equal(expected, got))
    if program.edges:
        results += _of_loading(case, program, loaded)
    return results


def _of_host(case: Case, graph: Graph, seed: int) -> _Program:
    """Walks of the host, and the table of the draws."""
    core, n = case.core, case.first + case.walks
    made = walks(graph, length=min(LENGTH, core.max_walk), per_node=10, seed=seed, block=case.first)
    block = np.concatenate(list(islice(made, -(-n // case.first))))[:n]
    # A walk from a node without an edge has no context.
    block = block[(block[:, 1] >= 0)]
    table = negative_sampler(np.diff(graph.indptr))
    load = table_words(table.threshold, table.alias)
    first, counted = (walk_words(part, core.walk_rows) for part in np.split(block, [case.first]))
    return _Program(_start(case, seed, {}), load, 0, first, counted, len(block) - case.first)


def _of_graph(case: Case, graph: Graph, seed: int) -> _Program:
    """Edges, and rounds of walks."""
    core, pairs = case.core, graph.edges()[0].astype(np.int64)
    names = [name for name in Parameter if Parameter.WALK_KEY_HIGH <= name <= Parameter.ROW_KEY_LOW]
    keys = np.random.default_rng(seed).integers(0, 1 << 32, len(names)).tolist()
    limits = Parameter.LIMIT_BACK, Parameter.LIMIT_NEAR, Parameter.LIMIT_FAR
    values = dict(zip([*names, *limits], [*keys, *case_limits(0.5, 1.0)], strict=True))
    values[Parameter.WALK_LENGTH] = min(LENGTH, core.max_walk)
    values[Parameter.ROW_SCALE] = int(to_raw(np.array(SPREAD), core.beta))
    nodes = np.array([edit_header(Edit.CLEAR), edit_header(Edit.NODES), graph.n_nodes], np.uint32)
    n = case.walks or case.per_node * graph.n_nodes
    first, counted = (_rounds(k) for k in (case.first, n))
    before = np.concatenate([_start(case, seed, values), nodes])
    return _Program(before, edge_words(pairs[:, 0], pairs[:, 1], None), len(pairs), first, counted, n)


def _rounds(n: int) -> np.ndarray:
    """``n`` walks, in commands that are short enough for a simulation that waits for each."""
    whole, rest = divmod(n, 100)
    return np.array([header(Opcode.ROUND, 100)] * whole + [header(Opcode.ROUND, rest)] * (rest > 0), np.uint32)


def _opened(case: Case, values: np.ndarray) -> VerilatedCore:
    """Core, controller and chip, in which these rows stand."""
    core = OSELMCore(case.core)
    contents = build_root() / "memory" / f"{case.core.digest:08x}.hex"
    write_contents(contents, packed(values, case.core.beta))
    memory = SdramMemory(core.signature.members["memory"].signature, _sdram(), contents, BOARD.uart.clock_hz)
    library = compile_with_sdram(CoreWithMemory(core, memory), "oselm_core", memory)
    return VerilatedCore(library, timeout=_TIMEOUT)


def _sdram() -> SdramConfig:
    assert BOARD.sdram is not None
    return BOARD.sdram


def _start(case: Case, seed: int, others: dict[Parameter, int]) -> np.ndarray:
    """Parameters and P."""
    core, key = case.core, int(negative_key(seed))
    values = {
        Parameter.Q: 0,
        Parameter.P0: int(to_raw(np.array(1.0), core.p)),
        Parameter.SAMPLING: case.sampling.word,
        Parameter.KEY_HIGH: key >> 32,
        Parameter.KEY_LOW: key & 0xFFFFFFFF,
    }
    p = write_words(Opcode.WRITE_P, 0, to_raw(np.eye(core.dim), core.p), core.p)
    return np.concatenate([set_words(values | others), p])


def _of_loading(case: Case, program: _Program, cycles: int) -> list[Result]:
    """What edges take of the core's time and of the line's, and what 100 vectors do."""
    uart = BOARD.uart
    there = _line_bytes(program.load)
    ask = header(Opcode.READ_ROW, PACKED) + np.arange(100)
    words = np.zeros(100 * case.core.rows_outside.words, np.uint32)
    vectors = _line_bytes(ask) + _line_bytes(words, limit=0)
    shown = {
        "edges": (program.edges, "edges", None),
        "edge_us": (round(cycles / program.edges / uart.clock_hz * 1e6, 2), "us", "lower"),
        "load_bytes": (there, "bytes", "lower"),
        "load_line": (round(there * UART_BITS / uart.baud, 2), "s", "lower"),
        "read_100_bytes": (vectors, "bytes", "lower"),
        "read_100_line": (round(vectors * UART_BITS / uart.baud, 4), "s", "lower"),
    }
    return [Result(f"memory.{what}.{case.name}", *values) for what, values in shown.items()]  # type: ignore[arg-type]


def _line_bytes(words: np.ndarray, limit: int | None = None) -> int:
    """Bytes of frames of the board's link, from the host or, with ``limit``, from the device."""
    whole, n = words.astype(Words).tobytes(), BOARD.link.frame_words * Words.itemsize
    frames = (Frame(session=1, limit=limit, words=whole[at : at + n]) for at in range(0, len(whole), n))
    return sum(len(frame.encode()) for frame in frames)


def _some(rng: np.random.Generator, of: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows that are marked."""
    rows = np.flatnonzero(of)
    return rng.choice(rows, min(len(rows), most), replace=False)


def _counted(rtl: VerilatedCore, golden: OSELMUnit) -> dict[Counter, int]:
    """Counters of the gateware, once all has been learned; that is a barrier, so the golden model is asked as well."""
    asked = np.array([header(Opcode.GET, counter) for counter in _COUNTED], np.uint32)
    golden.feed(asked)
    golden.drain()
    words = rtl.run(asked, 2 * len(asked)).astype(np.int64).reshape(-1, 2)
    return {counter: int(low | high << 32) for counter, (low, high) in zip(_COUNTED, words, strict=True)}


def _results(case: Case, nodes: int, spent: dict[Counter, int], n: int, equal: bool) -> list[Result]:
    core, clock_hz = case.core, BOARD.uart.clock_hz
    moved = spent[Counter.ROWS_FETCHED] + spent[Counter.ROWS_WRITTEN]
    cycles = spent[Counter.CYCLES] / n
    shown = {
        "bits_equal": (int(equal), "", "higher"),
        "nodes": (nodes, "rows", None),
        "slots": (core.slots, "rows", None),
        "lists": (int(core.lists_outside), "", None),
        "pool": (core.pool, "rows", None),
        "walks": (n, "walks", None),
        "clock_hz": (clock_hz, "Hz", "higher"),
        "sdram_hz": (_sdram().clock_hz, "Hz", "higher"),
        "walk_cycles": (round(cycles), "cycles", "lower"),
        "walk_us": (round(cycles / clock_hz * 1e6, 1), "us", "lower"),
        "wait_share": (round(spent[Counter.WAIT_MEMORY] / spent[Counter.CYCLES], 3), "", "lower"),
        "hit_rate": (round(1 - spent[Counter.ROWS_FETCHED] / spent[Counter.ROWS_ASKED], 3), "", "higher"),
        "rows_fetched": (round(spent[Counter.ROWS_FETCHED] / n, 1), "rows a walk", "lower"),
        "walk_pages": (round(spent[Counter.PAGES_OPENED] / n, 1), "pages a walk", "lower"),
        "walk_bytes": (round(moved * core.row_bytes / n), "bytes", "lower"),
    }
    return [Result(f"memory.{what}.{case.name}", *values) for what, values in shown.items()]  # type: ignore[arg-type]
