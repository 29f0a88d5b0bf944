"""Neighbour lists are copied entry by entry, and change on the way."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from .layouts import EntryLayout, address_bits
from .memory import MemoryPort

__all__ = ["CopyLayout", "CopyPass"]


class CopyLayout(data.StructLayout):
    """``count`` entries from address ``source`` on go to ``target`` and the addresses after it. The first ``index`` of
    them stay as they are; the others have ``change`` added to their sums, modulo ``2**weight_bits``. With ``insert``,
    ``entry`` is put between the two parts."""

    def __init__(self, cfg: CoreConfig):
        bits = address_bits(cfg)
        change = {"change": cfg.weight_bits} if cfg.weight_bits else {}
        super().__init__(
            {"source": bits, "target": bits, "count": cfg.row_bits, "index": cfg.row_bits}
            | change
            | {"insert": 1, "entry": EntryLayout(cfg)}
        )


class CopyPass(wiring.Component):
    """Copies a list, or a part of one.

    ``source`` and ``target`` may overlap where no entry goes to a higher address, but for the one step that an
    inserted entry pushes the others on.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of CopyLayout)
        Ready when the last write of the one before has been taken.
    entries : Out(MemoryPort)

    Timing: an entry a cycle, if the memory takes a request and a write every cycle and answers within
    ``DEPTH - 3`` cycles: ``count + latency + OVERHEAD`` cycles until ``i`` is ready again, and one for an entry that is
    inserted behind another. Without entries to read OVERHEAD cycles, 2 if none is inserted either.

    Resources: a queue of :data:`DEPTH` entries in LUT RAM.
    """

    DEPTH = 16
    OVERHEAD = 4

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(CopyLayout(cfg))),
                "entries": Out(MemoryPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        layout = EntryLayout(cfg)
        port = self.entries
        m.submodules.read = read = fifo.SyncFIFO(width=layout.size, depth=self.DEPTH)
        # These count down to -1.
        to_ask, to_take, to_index = (
            Signal(signed(cfg.row_bits + 1), init=-1, name=name) for name in ("to_ask", "to_take", "to_index")
        )
        copy = Signal.like(self.i.payload, reset_less=True)
        asked = port.request.valid & port.request.ready
        room = Signal(range(self.DEPTH + 1), init=self.DEPTH)
        m.d.comb += [
            port.request.valid.eq((to_ask >= 0) & (room != 0)),
            port.request.payload.eq(copy.source),
            read.w_en.eq(port.response.valid),
            read.w_data.eq(port.response.payload),
        ]
        m.d.sync += room.eq(room - asked + read.r_en)
        with m.If(asked):
            m.d.sync += [to_ask.eq(to_ask - 1), copy.source.eq(copy.source + 1)]

        # By how many entries requests lead what is written: after an insertion no entry that is still to be read may be
        # written over.
        lead = Signal(signed(self.DEPTH.bit_length() + 1))
        emits = Signal()
        m.d.sync += lead.eq(lead + asked - emits)
        clear = (lead > 0) | (to_ask < 0)
        written, writes = Signal(layout, reset_less=True), Signal()
        insert = Signal()
        inserts = insert & (to_index < 0)
        offered = Mux(inserts, 1, read.r_rdy & (to_take >= 0))
        old, changed = Signal(layout), Signal(layout)
        m.d.comb += [
            emits.eq(offered & clear & (~writes | port.write.ready)),
            read.r_en.eq(emits & ~inserts),
            old.eq(read.r_data),
            changed.eq(old),
            port.write.valid.eq(writes),
            port.write.payload.address.eq(copy.target),
            port.write.payload.word.eq(written),
        ]
        if cfg.weight_bits:
            m.d.comb += changed.sum.eq(old.sum + Mux(to_index < 0, copy.change, 0))
        with m.If(port.write.ready):
            m.d.sync += writes.eq(0)
            with m.If(writes):
                m.d.sync += copy.target.eq(copy.target + 1)
        with m.If(emits):
            m.d.sync += [writes.eq(1), written.eq(Mux(inserts, copy.entry, changed))]
            with m.If(inserts):
                m.d.sync += insert.eq(0)
            with m.Else():
                m.d.sync += to_take.eq(to_take - 1)
                with m.If(to_index >= 0):
                    m.d.sync += to_index.eq(to_index - 1)

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [
                        copy.eq(self.i.payload),
                        to_ask.eq(self.i.payload.count - 1),
                        to_take.eq(self.i.payload.count - 1),
                        to_index.eq(self.i.payload.index - 1),
                        insert.eq(self.i.payload.insert),
                        lead.eq(0),
                    ]
                    m.next = "COPY"
            with m.State("COPY"), m.If((to_take < 0) & ~insert & ~writes):
                m.next = "IDLE"
        return m
