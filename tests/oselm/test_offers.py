"""The rule of every stream, proven for blocks of the OS-ELM core: an offer stays as it is until it is taken."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Module, Signal, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.oselm.config import GainRule, preset
from skipwalk.hw.oselm.constant_gain import ConstantGain
from skipwalk.hw.oselm.context_queue import ContextQueue
from skipwalk.hw.oselm.core import OSELMCore
from skipwalk.hw.oselm.front_end.neighbour_draws import NeighbourDraws
from skipwalk.hw.oselm.gain import Gain
from skipwalk.hw.oselm.graph.allocator import Allocator
from skipwalk.hw.oselm.graph.copy_pass import CopyPass
from skipwalk.hw.oselm.graph.draws import DrawQueue
from skipwalk.hw.oselm.graph.edge_finder import EdgeFinder
from skipwalk.hw.oselm.graph.edits import EditEngine
from skipwalk.hw.oselm.graph.exact_step import ExactStep
from skipwalk.hw.oselm.graph.layouts import EntryLayout, address_bits
from skipwalk.hw.oselm.graph.leased_fill import LeasedFill
from skipwalk.hw.oselm.graph.list_editor import ListEditor
from skipwalk.hw.oselm.graph.list_reader import ListReader
from skipwalk.hw.oselm.graph.outside import WordsOutside
from skipwalk.hw.oselm.graph.ports import OneAtATime
from skipwalk.hw.oselm.graph.row_filler import RowFiller
from skipwalk.hw.oselm.graph.search import Search
from skipwalk.hw.oselm.graph.starts import Starts
from skipwalk.hw.oselm.graph.walk_maker import WalkMaker
from skipwalk.hw.oselm.graph.walker import Walker
from skipwalk.hw.oselm.rows.cache import RowCache
from skipwalk.hw.oselm.rows.chains import Chains
from skipwalk.hw.oselm.rows.config import RowsConfig
from skipwalk.hw.oselm.rows.directory import RowDirectory
from skipwalk.hw.oselm.rows.layouts import JobLayout
from skipwalk.hw.oselm.rows.lease import LeaseHolder
from skipwalk.hw.oselm.rows.mover import RowMover
from skipwalk.hw.oselm.rows.packing import RowPacker, RowUnpacker
from skipwalk.hw.oselm.rows.transfers import Transfers
from skipwalk.hw.oselm.rows.uses import Uses

from ..support.proofs import Block

PLAIN = preset("tiny").replace(nodes=4, max_walk=4, walks=2, max_samples=3, lookahead=1)
GRAPH = PLAIN.replace(edge_ends=8, walkers=2)
WEIGHTS = GRAPH.replace(weight_bits=17)
OUTSIDE = GRAPH.replace(nodes=64, slots=48, pool=16, walks=1, walkers=1, replaced=1, lists_outside=True)
ROWS = RowsConfig(rows=4, slots=2, words=2, group_rows=1, groups=1)
SHORT_ROWS = RowsConfig(rows=2, slots=2, words=1, word_bits=8, group_rows=1, groups=1)


def before(m: Module, value: ValueLike, name: str) -> Signal:
    """The value a cycle ago; 0 at first."""
    was = Signal(name=f"{name}_before")
    m.d.sync += was.eq(value)
    return was


def begins_once(m, queue):
    begun = Signal(name="begun_before")
    m.d.sync += begun.eq(begun | queue.begin)
    return [~(queue.begin & begun)]


def lists_follow_each_other(m, reader):
    return [~reader.begin | (reader.quiet & ~reader.entries.request.valid)]


def place_is_set_between_commands(m, starts):
    return [~starts.port.busy | ~(starts.place.set_round | starts.place.set_place)]


def what_is_ready_stays_so(m, maker):
    """Walkers until they are given a task, and what a walk gives until another length is asked for."""
    facts = [
        ~before(m, walk.task.ready & ~walk.task.valid, f"ready_{i}") | walk.task.ready
        for i, walk in enumerate(maker.walks)
    ]
    return [*facts, ~before(m, maker.fill.counted & ~maker.fill.count, "counted") | maker.fill.counted]


def a_row_is_held_while_it_is_wanted(m, fill):
    lease = fill.lease
    return [~before(m, lease.held & lease.wanted, "held") | ~lease.wanted | lease.held]


def one_at_a_time(m, shared):
    first, second = shared.users
    return [~(first.request.valid & second.request.valid), ~(first.write.valid & second.write.valid)]


def a_mark_stands_alone(m, transfers):
    job = transfers.jobs.payload
    return [~(job.mark & (job.fill | job.evict))]


def jobs_are_of_a_kind(m, cache):
    return [~(cache.jobs.payload.mark & (cache.jobs.payload.fill | cache.jobs.payload.evict))]


class AnyJobs(wiring.Component):
    """In place of a directory, which is proven to keep its offers and has many cycles between them."""

    def __init__(self, jobs, slots):
        self._jobs, self._slots = jobs, slots
        super().__init__(dict(RowDirectory(ROWS).signature.members))

    def elaborate(self, platform):
        m = Module()
        wiring.connect(m, self._jobs, wiring.flipped(self.jobs))
        wiring.connect(m, self._slots, wiring.flipped(self.slots))
        return m


class CacheOfJobs(wiring.Component):
    """A cache whose ``jobs`` and ``given`` slots come when they like."""

    def __init__(self):
        self._inner = RowCache(ROWS)
        members = dict(self._inner.signature.members)
        jobs, given = (In(stream.Signature(shape)) for shape in (JobLayout(ROWS), ROWS.slot_bits))
        super().__init__({**members, "jobs": jobs, "given": given})
        self._inner._directory = AnyJobs(wiring.flipped(self.jobs), wiring.flipped(self.given))

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self._inner
        wiring.connect(m, wiring.flipped(self.ops), inner.ops)
        for name in ("slots", "memory", "evicted", "fills"):
            wiring.connect(m, getattr(inner, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [inner.release.eq(self.release), self.waiting.eq(inner.waiting), self.marked.eq(inner.marked)]
        return m


class SoonAtRest(OSELMCore):
    """A whole core that waits 4 cycles for what is under way to come to rest, not 75, so that there are replies soon.
    Registers are 0 at power up, so nothing of before is there that it would have to wait for."""

    settling = 4


TINIEST = preset("tiny").replace(dim=4, lanes=4, nodes=2, max_samples=1, lookahead=1, walks=0)


class SoonExact(Walker):
    """Refuses one candidate, no more."""

    TRIALS = 1


def words_outside() -> WordsOutside:
    shape = (address_bits(OUTSIDE), EntryLayout(OUTSIDE))
    return WordsOutside(OUTSIDE.memory_map.entries, *shape, MemoryPort(10, 32, 2), writes=True)


def row_mover() -> RowMover:
    return RowMover(ROWS, lanes=2, chunks=2, bits=16, groups=1, fill_latency=2, written=2)


EVER = "-tempinduct -maxsteps 3"
#: By name. Of histories, longer ones than any offer needs to come and to wait; what each may rely on is what its
#: text says.
BLOCKS = {
    "context-queue": Block(lambda: ContextQueue(PLAIN), "-seq 12", 8),
    # Between two beginnings; with one, what an earlier walk has been offered is dropped.
    "draw-queue": Block(DrawQueue, "-seq 10", 6, {"steady": ("number",), "given": begins_once}),
    "starts": Block(
        lambda: Starts(GRAPH), "-seq 14", 10, {"steady": ("extent__rows",), "given": place_is_set_between_commands}
    ),
    # A draw that it asks for, and does not get before the next walk, becomes another one. The exact step comes later
    # than any history that is tried here.
    "walker": Block(
        lambda: SoonExact(GRAPH), "-seq 12", 10, {"steady": ("last",), "but": ("draws__request",)}, ("exact__request",)
    ),
    "walk-maker": Block(
        lambda: WalkMaker(GRAPH),
        EVER,
        8,
        {"tied": ("next_walk",), "given": what_is_ready_stays_so, "prompt": ("walks_0__task", "walks_1__task")},
    ),
    "exact-step": Block(lambda: ExactStep(GRAPH), "-seq 12", 8),
    "search": Block(lambda: Search(WEIGHTS), EVER, 8),
    # What it has offered is dropped when it is told to stop.
    "list-reader": Block(
        lambda: ListReader(GRAPH), "-seq 12", 6, {"tied": ("stop",), "given": lists_follow_each_other}
    ),
    "list-editor": Block(lambda: ListEditor(GRAPH), "-seq 12", 8),
    "edge-finder": Block(lambda: EdgeFinder(WEIGHTS), "-seq 12", 8),
    "copy-pass": Block(lambda: CopyPass(GRAPH), "-seq 12", 4),
    "allocator": Block(lambda: Allocator(GRAPH), EVER, 12, {"tied": ("clear",)}),
    "one-at-a-time": Block(lambda: OneAtATime(2, 3, EntryLayout(GRAPH)), EVER, 4, {"given": one_at_a_time}),
    "words-outside": Block(words_outside, "-seq 12", 4),
    "row-filler": Block(lambda: RowFiller(GRAPH), "-seq 12", 8, {"steady": ("scale",)}),
    "leased-fill": Block(lambda: LeasedFill(OUTSIDE), EVER, 4, {"given": a_row_is_held_while_it_is_wanted}),
    "row-directory": Block(lambda: RowDirectory(ROWS), EVER, 36),
    "row-uses": Block(lambda: Uses(ROWS), EVER, 12),
    "row-chains": Block(lambda: Chains(ROWS), EVER, 12),
    "row-transfers": Block(lambda: Transfers(ROWS), "-seq 12", 6, {"given": a_mark_stands_alone}),
    "row-mover": Block(row_mover, "-seq 12", 8),
    "row-cache.jobs": Block(CacheOfJobs, "-seq 14", 8, {"given": jobs_are_of_a_kind}),
    "row-lease": Block(lambda: LeaseHolder(ROWS, 2), EVER, 4, {"steady": ("lease__row",)}),
    "row-packer": Block(lambda: RowPacker(18), EVER, 4),
    "row-unpacker": Block(lambda: RowUnpacker(18), EVER, 8, {"tied": ("clear",)}),
}
LONG = {
    # What it writes into lists comes later than any history that is tried here.
    "edits": Block(lambda: EditEngine(GRAPH), "-seq 23", 23, {}, ("entries__write",)),
    "gain": Block(lambda: Gain(PLAIN), "-seq 18", 16),
    "constant-gain": Block(lambda: ConstantGain(PLAIN.replace(gain=GainRule.CONSTANT)), "-seq 27", 26),
    "core": Block(lambda: SoonAtRest(TINIEST), "-seq 30", 30),
    # With its directory: a row goes to memory after some 45 cycles.
    "row-cache": Block(lambda: RowCache(SHORT_ROWS), "-seq 48", 48),
    "neighbour-draws": Block(lambda: NeighbourDraws(OUTSIDE), "-seq 11", 10),
}


@pytest.mark.parametrize("name", [*BLOCKS, *(pytest.param(name, marks=pytest.mark.long) for name in LONG)])
def test_an_offer_stays_until_it_is_taken(name, tmp_path):
    (BLOCKS | LONG)[name].check(name, tmp_path)
