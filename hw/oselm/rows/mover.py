"""Rows between the engine's lanes and words of memory, in beats that the engine leaves free."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2, delay
from ...fabric.read_chain import ReadChain
from .config import RowsConfig
from .layouts import FillLayout, SlotBeats, SlotReads
from .packing import RowPacker, RowUnpacker

__all__ = ["RowMover"]


class RowMover(wiring.Component):
    """A row leaves the lanes through a chain, element by element, and comes into them through another one.

    Parameters
    ----------
    cfg : RowsConfig
    lanes, chunks, bits : int
        Of a row: elements of a beat, beats, and bits of an element.
    groups : int
        Of lanes, each a cycle later than the one before it: :class:`~skipwalk.hw.fabric.read_chain.ReadChain`.
    fill_latency, written : int
        Cycles for which ``beats.fill`` stays, and after which reads see it.

    Members
    -------
    evicted : In(SlotReads), fills : In(stream of FillLayout), marked : In(1)
        As of :class:`~skipwalk.hw.oselm.rows.transfers.Transfers`.
    landed : Out(1)
        For each mark, out of a register: reads see all rows that came before it.
    beats : Out(SlotBeats)

    Timing: a row that goes takes a cycle for each element, and for each beat about ``latency + 4`` cycles until it can
    be read; one that comes a cycle for each element, as far as words come, and for each beat ``fill_latency`` or, for
    the last one, ``written`` cycles.
    Resources: two registers for each element of a beat, three where there are several groups.
    """

    #: Elements that have left the chain and not been packed.
    WAITING = 8

    def __init__(
        self, cfg: RowsConfig, *, lanes: int, chunks: int, bits: int, groups: int, fill_latency: int, written: int
    ):
        self._lanes, self._chunks, self._bits = lanes, chunks, bits
        self._stays, self._written = fill_latency, max(fill_latency, written)
        self._chain = ReadChain(lanes, bits, 1, groups)
        super().__init__(
            {
                "evicted": In(SlotReads(cfg)),
                "fills": In(stream.Signature(FillLayout(cfg))),
                "marked": In(1),
                "landed": Out(1),
                "beats": Out(SlotBeats(cfg, lanes, max(1, clog2(chunks)), bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.chain = self._chain
        self._evict(m)
        busy = self._fill(m)
        marks, lands = Signal(range(16)), Signal()
        m.d.comb += lands.eq((marks != 0) & ~busy)
        m.d.sync += [self.landed.eq(lands), marks.eq(marks + self.marked - lands)]
        return m

    def _evict(self, m):
        """A row, beat after beat, into words."""
        chain, read = self._chain, self.beats.reads
        m.submodules.packer = packer = RowPacker(self._bits)
        m.submodules.elements = elements = SyncFIFO(width=self._bits, depth=self.WAITING)
        chunk, shifts = Signal(range(max(2, self._chunks))), Signal(range(self._lanes + 1))
        out = Signal(range(self._lanes * self._chunks))  # elements of the row that have been packed
        slot, shift = Signal.like(read.payload.slot, reset_less=True), Signal()
        room = elements.level < self.WAITING - chain.latency - 1
        m.d.comb += [
            read.payload.slot.eq(slot),
            read.payload.chunk.eq(chunk),
            chain.load.eq(self.beats.en),
            chain.shift.eq(shift),
            *(chain.rows[0][lane].eq(self.beats.row[lane]) for lane in range(self._lanes)),
            elements.w_en.eq(delay(m, self.beats.en | shift, chain.latency, name="element", reset_less=False)),
            elements.w_data.eq(chain.o),
            packer.i.valid.eq(elements.r_rdy),
            packer.i.payload.element.eq(elements.r_data),
            packer.i.payload.last.eq(out == self._lanes * self._chunks - 1),
            elements.r_en.eq(packer.i.ready),
        ]
        wiring.connect(m, packer.o, wiring.flipped(self.evicted.words))
        with m.If(packer.i.valid & packer.i.ready):
            m.d.sync += out.eq(out + 1)
            with m.If(packer.i.payload.last):
                m.d.sync += out.eq(0)
        with m.FSM():
            with m.State("SLOT"):
                m.d.comb += self.evicted.slot.ready.eq(1)
                m.d.sync += [slot.eq(self.evicted.slot.payload), chunk.eq(0)]
                with m.If(self.evicted.slot.valid):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += read.valid.eq(1)
                m.d.sync += shifts.eq(0)
                with m.If(read.ready):
                    m.next = "LOAD"
            with m.State("LOAD"), m.If(self.beats.en):
                m.next = "SHIFT"
            with m.State("SHIFT"):
                ends = shifts == self._lanes - 1
                m.d.comb += shift.eq(room & ~ends)
                m.d.sync += shifts.eq(shifts + shift)
                with m.If(ends):
                    m.d.sync += chunk.eq(chunk + 1)
                    m.next = "READ"
                    with m.If(chunk == self._chunks - 1):
                        m.next = "SLOT"

    def _fill(self, m):
        """Words into a row, beat after beat; returns whether one is under way."""
        fills, write = self.fills, self.beats.writes
        m.submodules.unpacker = unpacker = RowUnpacker(self._bits)
        chain = [Signal(signed(self._bits), name=f"fill_{i}", reset_less=True) for i in range(self._lanes)]
        chunk, n = Signal(range(max(2, self._chunks))), Signal(range(self._lanes))
        slot = Signal.like(write.payload.slot, reset_less=True)
        busy, whole = Signal(), Signal()  # a row is under way; all its words have come
        left = Signal(range(self._written + 1))
        last = chunk == self._chunks - 1
        m.d.comb += [
            write.payload.slot.eq(slot),
            write.payload.chunk.eq(chunk),
            unpacker.i.payload.eq(fills.payload.data),
            *(self.beats.fill[i].eq(element) for i, element in enumerate(chain)),
        ]
        with m.FSM():
            with m.State("SHIFT"):
                m.d.comb += [
                    unpacker.i.valid.eq(fills.valid & ~whole),
                    fills.ready.eq(unpacker.i.ready & ~whole),
                    unpacker.o.ready.eq(1),
                ]
                with m.If(fills.valid & fills.ready):
                    m.d.sync += [slot.eq(fills.payload.slot), busy.eq(1), whole.eq(fills.payload.last)]
                with m.If(unpacker.o.valid):
                    m.d.sync += [a.eq(b) for a, b in zip(chain, [*chain[1:], unpacker.o.payload], strict=True)]
                    m.d.sync += n.eq(n + 1)
                    with m.If(n == self._lanes - 1):
                        m.d.sync += n.eq(0)
                        m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += write.valid.eq(1)
                m.d.sync += left.eq(self._stays)
                with m.If(last):
                    m.d.sync += left.eq(self._written)
                with m.If(write.ready):
                    m.next = "STAY"
            with m.State("STAY"):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.sync += chunk.eq(chunk + 1)
                    m.next = "SHIFT"
                    with m.If(last):
                        m.d.comb += unpacker.clear.eq(1)
                        m.d.sync += [chunk.eq(0), busy.eq(0), whole.eq(0)]
        return busy
