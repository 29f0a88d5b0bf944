"""Queues whose room is given away beforehand, proven: none is written while it is full."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Module
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.oselm import context_queue
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.context_queue import ContextQueue
from skipwalk.hw.oselm.front_end import items
from skipwalk.hw.oselm.front_end.items import Items
from skipwalk.hw.oselm.graph import list_reader, row_filler
from skipwalk.hw.oselm.graph.list_reader import ListReader
from skipwalk.hw.oselm.graph.row_filler import RowFiller
from skipwalk.sim.rtl.synthesis import SynthesisError

from ..support.proofs import KeepsOffers, prove

PLAIN = preset("tiny").replace(nodes=4, max_walk=4, walks=2, max_samples=3, lookahead=1)
GRAPH = PLAIN.replace(edge_ends=8, walkers=2, nodes=8)


def watched(kind: type, less: int) -> type:
    """That kind of queue, which is never written while it is full; with so many entries less."""

    class Watched(kind):
        def __init__(self, *, width: int, depth: int):
            super().__init__(width=width, depth=depth - less)

        def elaborate(self, platform):
            m = super().elaborate(platform)
            m.d.comb += Assert(~self.w_en | self.w_rdy)
            return m

    return Watched


class SmallReader(ListReader):
    UNDER_WAY = 2


class SmallFiller(RowFiller):
    UNDER_WAY = 2


class Words(wiring.Component):
    """A queue of contexts whose words come only while it is ready."""

    def __init__(self):
        self._queue = ContextQueue(PLAIN)
        free = {"centre": In(1), "sample": In(1), "ends": In(1)}
        super().__init__({**free, "takes": In(2)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = self._queue
        m.d.comb += [
            queue.i.centre.eq(self.centre & queue.i.ready),
            queue.i.sample.eq(self.sample & queue.i.ready),
            queue.i.ends.eq(self.ends & queue.i.ready),
            queue.contexts.ready.eq(self.takes[0]),
            queue.samples.ready.eq(self.takes[1]),
        ]
        return m


class Places(wiring.Component):
    """Items whose places are given as the windowing gives them: a cycle after it may."""

    def __init__(self):
        self._items = Items(PLAIN, node_latency=2)
        super().__init__({"wants": In(1), "takes": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.items = items = self._items
        m.d.sync += items.places.valid.eq(self.wants & items.places.go)
        m.d.comb += [items.o.ready.eq(self.takes), self.o.eq(items.o.valid)]
        return m


def list_reader_alone():
    def given(m, reader):
        return [~reader.begin | (reader.quiet & ~reader.entries.request.valid)]

    return KeepsOffers(SmallReader(GRAPH), tied=("stop",), given=given, but=("o", "entries__request"))


QUEUES = {
    "contexts": (Words, context_queue, "SyncFIFOBuffered", "-tempinduct -maxsteps 6", 2),
    "items": (Places, items, "SyncFIFOBuffered", "-seq 45", 2),
    "list-reader": (list_reader_alone, list_reader, "SyncFIFO", "-seq 10", 1),
    "row-filler": (
        lambda: KeepsOffers(SmallFiller(GRAPH), but=("i", "draws__request", "candidates__request")),
        row_filler,
        "SyncFIFO",
        "-seq 10",
        1,
    ),
}


@pytest.mark.parametrize("name", QUEUES)
def test_no_queue_is_written_while_it_is_full(name, tmp_path, monkeypatch):
    make, module, kind, method, _ = QUEUES[name]
    monkeypatch.setattr(module, kind, watched(getattr(fifo, kind), 0))
    monkeypatch.setattr(items, "QUEUE_ITEMS", 8)
    prove(make(), tmp_path, name=f"queue.{name}", method=method)


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_with_less_room_is_found(name, tmp_path, monkeypatch):
    """So it does get full, too."""
    make, module, kind, method, less = QUEUES[name]
    monkeypatch.setattr(module, kind, watched(getattr(fifo, kind), less))
    monkeypatch.setattr(items, "QUEUE_ITEMS", 8)
    with pytest.raises(SynthesisError, match="did fail"):
        prove(make(), tmp_path, name="none", method="-seq 20" if "induct" in method else method)
