"""Random numbers for all who need some: one generator, and a queue of draws for each walker."""

from enum import IntEnum

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import delay
from ...fabric.ram import Ram
from ...fabric.shared import QueryPort
from ..front_end.threefry import Threefry

__all__ = ["DrawLayout", "DrawQueue", "Draws", "Key"]


class Key(IntEnum):
    """Whose key a draw takes."""

    NEGATIVES = 0
    WALKS = 1
    STARTS = 2
    ROWS = 3


class DrawLayout(data.StructLayout):
    """A counter, and whose key it goes with."""

    def __init__(self):
        super().__init__({"counter": 64, "key": 2})


class Draws(wiring.Component):
    """Threefry for negatives, which are never refused, and for all others in the cycles between.

    Members
    -------
    keys : In(64 * len(Key))
        Lowest first, in the order of :class:`Key`; each as in Threefry.
    urgent : In(1), counter : In(64)
        A negative wants its draw.
    o : Out(64)
        That draw, :attr:`latency` cycles later.
    port : In(QueryPort(DrawLayout, 64))
        Everybody else. Ready whenever ``urgent`` was low in the cycle before.

    Timing: a draw a cycle. Resources: those of Threefry with four keys.
    """

    def __init__(self):
        self._threefry = Threefry(len(Key))
        super().__init__(
            {
                "keys": In(64 * len(Key)),
                "urgent": In(1),
                "counter": In(64),
                "o": Out(64),
                "port": In(QueryPort(DrawLayout(), 64)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a counter to its draw. The first one is for a register: who wants it stands far away."""
        return 1 + self._threefry.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.threefry = threefry = self._threefry
        request = self.port.request
        taken = request.valid & request.ready
        urgent, counter = Signal(), Signal(64, reset_less=True)
        m.d.sync += [urgent.eq(self.urgent), counter.eq(self.counter)]
        m.d.comb += [
            request.ready.eq(~urgent),
            threefry.key.eq(self.keys),
            threefry.tag.eq(Mux(urgent, Key.NEGATIVES, request.payload.key)),
            threefry.counter.eq(Mux(urgent, counter, request.payload.counter)),
            self.o.eq(threefry.o),
            self.port.response.valid.eq(delay(m, taken, threefry.latency, name="taken", reset_less=False)),
            self.port.response.payload.eq(threefry.o),
        ]
        return m


class DrawQueue(wiring.Component):
    """Draws 1, 2, 3, ... of a numbered walk, asked for before they are needed.

    Members
    -------
    begin : In(1), number : In(32)
        From the next cycle on, the draws of this walk; ``number`` has to stay.
    port : Out(QueryPort(DrawLayout, 64))
        A request that waits becomes another one at ``begin``: whoever answers takes it as it is at the handshake.
    o : Out(stream of 64 bits)
        Low while draws of an earlier walk are still to come.
    """

    DEPTH = 4

    def __init__(self):
        super().__init__(
            {
                "begin": In(1),
                "number": In(32),
                "port": Out(QueryPort(DrawLayout(), 64)),
                "o": Out(stream.Signature(64)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = Ram(self.DEPTH, 64, style="distributed")
        request, response = self.port.request, self.port.response
        j = Signal(32, reset_less=True)
        wr, rd = Signal(range(self.DEPTH)), Signal(range(self.DEPTH))
        level = Signal(range(self.DEPTH + 1))  # draws that are here
        owed = Signal(range(self.DEPTH + 1))  # that have been asked for
        stale = Signal(range(self.DEPTH + 1))  # of these, the first so many belong to an earlier walk
        places = Signal(range(self.DEPTH + 1))  # level + owed
        begun = Signal()
        asked, came, went = Signal(), Signal(), Signal()
        fresh = Signal()
        m.d.comb += [
            request.valid.eq(begun & (places != self.DEPTH)),
            request.payload.counter.eq(Cat(j, self.number)),
            request.payload.key.eq(Key.WALKS),
            asked.eq(request.valid & request.ready),
            came.eq(response.valid),
            fresh.eq(came & (stale == 0)),
            went.eq(self.o.valid & self.o.ready),
            ram.wr_en.eq(fresh),
            ram.wr_addr.eq(wr),
            ram.wr_data.eq(response.payload),
            ram.rd_addr.eq(rd),
            self.o.valid.eq(level != 0),
            self.o.payload.eq(ram.rd_data),
        ]
        m.d.sync += [
            owed.eq(owed + asked - came),
            level.eq(level + fresh - went),
            places.eq(places + asked - (came & ~fresh) - went),
            wr.eq(wr + fresh),
            rd.eq(rd + went),
            j.eq(j + asked),
        ]
        with m.If(came & (stale != 0)):
            m.d.sync += stale.eq(stale - 1)
        with m.If(self.begin):
            left = owed + asked - came
            m.d.sync += [j.eq(1), begun.eq(1), level.eq(0), wr.eq(0), rd.eq(0), stale.eq(left), places.eq(left)]
        return m
