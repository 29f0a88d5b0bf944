"""Fault campaign on rows outside: ``skipwalk lab memory FILE --only campaign``.

Random programs go to small cores with few slots, behind whose port stand controller and SDRAM, and to the golden model,
which has all rows at hand; every reply is compared. Refreshes come as often as the controller allows, at another phase
of each run; resets come at random, and the streams of words and of the port stand still at random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import numpy as np

from ....hw.fabric.vendor import Vendor
from ....hw.memory.sdram_config import SdramConfig
from ....hw.oselm.config import CoreConfig, Schedule, preset
from ....hw.oselm.core import OSELMCore
from ....hw.oselm.front_end.sampling import Sampling
from ....hw.oselm.protocol import PACKED, Edit, Opcode, Parameter, edit_header, header
from ....sim.arith.fixed import to_raw
from ....sim.memory.behind import CoreWithMemory
from ....sim.memory.cells import SdramMemory, compile_with_sdram
from ....sim.memory.stalls import Stalled
from ....sim.oselm.front_end.contexts import AliasTable
from ....sim.oselm.graph.walks import case_limits
from ....sim.oselm.unit import OSELMUnit
from ....sim.rtl.verilated import SimulationTimeout, VerilatedCore
from ...oselm.words import set_words, table_words, walk_words, write_words
from ...results.report import Result

__all__ = ["DESIGNS", "Design", "campaign"]

#: A refresh every 48 cycles, where the chip would ask for one every 585.
SDRAM = SdramConfig(clock_hz=75_000_000, powerup_us=0.5, refresh_ms=5.25, input_delay=2)
#: Vendor's twins: whoever relies on what block RAM reads while it is written gets the complement.
_TINY = preset("tiny").replace(
    vendor=Vendor.ECP5, walks=2, walkers=2, max_walk=12, nodes=150, pool=16, replaced=4, edge_ends=1024
)
#: Lists in memory too, entries of two words; and of one, without an alias table.
_LISTS = _TINY.replace(nodes=300, slots=104, weight_bits=24, lists_outside=True)
_GRAPH = _LISTS.replace(weight_bits=0, alias_table=False)
_SEQUENTIAL = _TINY.replace(schedule=Schedule.SEQUENTIAL, lookahead=0, dim=16, lanes=8, group=2, edge_ends=0)
#: Cycles after the answer to FLUSH until the controller has written what it was given.
_SETTLED = 100
#: Cycles without a word after which a run counts as hung. Eleven rounds over rows without an edge ask memory for 3,300
#: headers, one after another, before the core has a word to say.
_TIMEOUT = 1_000_000


@dataclass(frozen=True)
class Design:
    """A core, how often in a cycle each stream of its port stands still, and its clock, if the SDRAM's is another."""

    core: CoreConfig
    stall: float
    clock_hz: int | None = None

    def open(self, **options: float) -> VerilatedCore:
        return VerilatedCore(_library(self), timeout=_TIMEOUT, **options)  # type: ignore[arg-type]


@cache
def _library(design: Design) -> Path:
    """It, compiled."""
    core = OSELMCore(design.core)
    port = core.signature.members["memory"].signature
    memory = SdramMemory(port, SDRAM, clock_hz=design.clock_hz)
    return compile_with_sdram(CoreWithMemory(core, Stalled(port, memory, design.stall)), "oselm_core", memory)


#: The least slots that a core may have, and as many as pool and three groups ask for.
DESIGNS = tuple(
    Design(core.replace(slots=slots), stall, clock_hz)
    for core, slots, stall, clock_hz in (
        (_TINY, 104, 0.0, None),
        (_TINY, 112, 0.3, None),
        (_SEQUENTIAL, 48, 0.5, None),
        (_SEQUENTIAL, 112, 0.0, None),
        # Three cycles in four of the SDRAM's, as on the board; and the SDRAM the slower one.
        (_TINY, 112, 0.0, 56_250_000),
        (_SEQUENTIAL, 48, 0.2, 100_000_000),
        (_LISTS, 104, 0.1, None),
        (_GRAPH, 112, 0.0, 56_250_000),
    )
)


class _Wrong(Exception):
    """A reply is not that of the golden model."""


class _Run:
    """One program on both."""

    def __init__(self, cfg: CoreConfig, rtl: VerilatedCore, rng: np.random.Generator):
        self._cfg, self._rtl, self._rng = cfg, rtl, rng
        self._golden = OSELMUnit(cfg)
        self.resets = 0

    def run(self, parts: int) -> None:
        """Raises _Wrong, or SimulationTimeout."""
        self._begin()
        steps: list[Callable[[], None]] = [self._walks, self._walks, self._pairs, self._rows, self._flushed, self._cut]
        if self._cfg.edge_ends:
            steps += [self._graph, self._graph]
        for _ in range(parts):
            steps[int(self._rng.integers(len(steps)))]()
        self._read_back()
        self._rtl.step(500)
        if len(self._rtl.drain()):
            raise _Wrong

    def _say(self, *words: np.ndarray) -> None:
        whole = np.concatenate(words).astype(np.uint32)
        self._golden.feed(whole)
        expected = self._golden.drain()
        if not np.array_equal(self._rtl.run(whole, len(expected)), expected):
            raise _Wrong

    # ---- what is said
    def _begin(self) -> None:
        """All rows, P and parameters."""
        cfg, rng = self._cfg, self._rng
        beta = to_raw(rng.uniform(-1, 1, (cfg.nodes, cfg.dim)), cfg.beta)
        self._say(
            write_words(Opcode.WRITE_ROW, 0, beta, cfg.beta),
            write_words(Opcode.WRITE_P, 0, to_raw(np.eye(cfg.dim), cfg.p), cfg.p),
        )
        self._set_up()

    def _set_up(self) -> None:
        """All that a reset forgets but the rows."""
        cfg, rng = self._cfg, self._rng
        values = {Parameter.Q: 7, Parameter.P0: int(to_raw(np.array(1.5), cfg.p))}
        names = [Parameter.KEY_HIGH, Parameter.KEY_LOW]
        if cfg.edge_ends:
            names += [p for p in Parameter if Parameter.WALK_KEY_HIGH <= p <= Parameter.ROW_KEY_LOW]
            limits = Parameter.LIMIT_BACK, Parameter.LIMIT_NEAR, Parameter.LIMIT_FAR
            values |= dict(zip(limits, case_limits(0.5, 1.0), strict=True))
            values |= {Parameter.WALK_LENGTH: int(rng.integers(2, cfg.max_walk + 1)), Parameter.ROW_SCALE: 3000}
        values |= {name: int(rng.integers(0, 1 << 32)) for name in names}
        start = np.array([edit_header(Edit.CLEAR)] if cfg.edge_ends else [], np.uint32)
        self._say(start, set_words(values))
        if cfg.table_rows:
            table = AliasTable(rng.random(cfg.table_rows) ** 4)
            self._say(table_words(table.threshold, table.alias))
        if cfg.edge_ends:
            self._say(np.array([edit_header(Edit.NODES), cfg.nodes // 2], np.uint32))
        self._sample(0)

    def _sample(self, source: int) -> None:
        """Another way to make contexts, within what the core has slots for."""
        cfg, rng = self._cfg, self._rng
        source = source if cfg.table_rows else 1
        how = Sampling(
            window=int(rng.integers(2, 6)),
            negatives=int(rng.integers(1, cfg.max_samples - 3)),
            per_positive=False,
            walks=int(rng.integers(1, cfg.walks + 1)),
            source=source,
            pool=cfg.pool,
            replaced=1 << int(rng.integers(0, cfg.replaced.bit_length())),
        )
        self._say(set_words({Parameter.SAMPLING: how.word}))

    def _words_of_walks(self, n: int, longest: int) -> np.ndarray:
        """Over all rows, or over few, which meet within the hazard window."""
        cfg, rng = self._cfg, self._rng
        rows = cfg.nodes if rng.random() < 0.7 else int(rng.integers(2, 9))
        block = rng.integers(0, rows, (n, longest)).astype(np.int32)
        block[np.arange(longest) >= rng.integers(2, longest + 1, n)[:, None]] = -1
        return walk_words(block, cfg.walk_rows)

    def _walks(self) -> None:
        self._sample(0)
        self._say(self._words_of_walks(int(self._rng.integers(1, 25)), self._cfg.max_walk))

    def _pairs(self) -> None:
        """A group has a context or two, so that none ends before many more have come."""
        self._sample(0)
        self._say(self._words_of_walks(int(self._rng.integers(1, 50)), 2))

    def _graph(self) -> None:
        self._sample(1)
        self._say(self._words_of_graph())

    def _words_of_graph(self) -> np.ndarray:
        """Edits with walks, and a round."""
        cfg, rng = self._cfg, self._rng
        words: list[int] = []
        for _ in range(int(rng.integers(5, 30))):
            u, v = rng.integers(0, cfg.nodes if rng.random() < 0.5 else 8, 2).tolist()
            edit = (Edit.ADD_EDGE, Edit.ADD_EDGE, Edit.ADD_EDGE, Edit.REMOVE_EDGE, Edit.FREE_NODE)[rng.integers(5)]
            words += [edit_header(edit, u, int(rng.integers(0, 4)) * (edit is not Edit.FREE_NODE))]
            words += [v] * edit.operands(cfg)
        words.append(header(Opcode.ROUND, int(rng.integers(1, 12))))
        return np.array(words, np.uint32)

    def _rows(self) -> None:
        """Rows of the host between walks."""
        cfg, rng = self._cfg, self._rng
        for row in rng.integers(0, cfg.nodes, 8).tolist():
            value = to_raw(rng.uniform(-1, 1, (1, cfg.dim)), cfg.beta)
            words = write_words(Opcode.WRITE_ROW, row, value, cfg.beta)
            if rng.random() < 0.5:
                words = np.array([header(Opcode.READ_ROW, PACKED | row)], np.uint32)
            self._say(words, self._words_of_walks(2, cfg.max_walk))

    def _read_back(self) -> None:
        cfg = self._cfg
        rows = (np.arange(cfg.nodes) + header(Opcode.READ_ROW, PACKED)).astype(np.uint32)
        self._say(rows, (np.arange(cfg.dim) + header(Opcode.READ_P, PACKED)).astype(np.uint32))

    # ---- resets
    def _flushed(self) -> None:
        """What has gone to memory outlives a reset."""
        self._say(self._words_of_walks(4, self._cfg.max_walk), np.array([header(Opcode.FLUSH, 5)], np.uint32))
        self._rtl.step(_SETTLED)
        self._reset(kept=True)
        self._read_back()
        self._set_up()

    def _cut(self) -> None:
        """A reset in the midst of walks, or of edits, after which all rows are loaded again."""
        if self._cfg.edge_ends and self._rng.random() < 0.5:
            self._sample(1)
            words = self._words_of_graph()
        else:
            words = self._words_of_walks(30, self._cfg.max_walk)
        self._rtl.feed(words, cycles=int(self._rng.integers(1, 4000)))
        self._reset(kept=False)
        self._begin()

    def _reset(self, *, kept: bool) -> None:
        self._rtl.reset()
        self._rtl.step(int(self._rng.integers(0, 100)))
        before, self._golden = self._golden.state, OSELMUnit(self._cfg)
        if kept:
            self._golden.state.beta[:], self._golden.state.p[:] = before.beta, before.p
        self.resets += 1


def campaign(runs: int, seed: int, *, designs: tuple[Design, ...] = DESIGNS) -> list[Result]:
    """What came of it; the second and the third have to be 0. Programs go to the designs in turn, and what one gets
    does not depend on the others."""
    wrong = hangs = resets = cycles = 0
    for number in range(runs):
        turn, which = divmod(number, len(designs))
        design = designs[which]
        rng = np.random.default_rng([seed, DESIGNS.index(design), turn])
        gaps = {"gap_in": 0.3, "gap_out": 0.4, "seed": turn} if turn % 2 else {}
        with design.open(**gaps) as rtl:
            rtl.step(turn % SDRAM.refresh_interval)
            run = _Run(design.core, rtl, rng)
            try:
                run.run(parts=6)
            except _Wrong:
                click.echo(f"run {number} (slots {design.core.slots}, {design.core.schedule}): wrong bits", err=True)
                wrong += 1
            except SimulationTimeout as error:
                click.echo(f"run {number} (slots {design.core.slots}, {design.core.schedule}): {error}", err=True)
                hangs += 1
            resets += run.resets
            cycles += rtl.cycles
    return [
        Result("memory.campaign.runs", runs, "runs"),
        Result("memory.campaign.wrong", wrong, "runs", "lower"),
        Result("memory.campaign.hangs", hangs, "runs", "lower"),
        Result("memory.campaign.designs", len(designs), "cores"),
        Result("memory.campaign.resets", resets, "resets"),
        Result("memory.campaign.cycles", cycles, "cycles"),
    ]
