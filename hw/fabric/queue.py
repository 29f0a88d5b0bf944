"""A short queue of registers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RegisterQueue"]


class RegisterQueue(wiring.Component):
    """A FIFO that moves up: what is next always stands in the same register.

    To the cycle as :class:`amaranth.lib.fifo.SyncFIFO`, whose output comes through an address and a LUT RAM instead.
    For queues whose reader stands far away.

    Parameters
    ----------
    width : int
        Bits of an entry.
    depth : int
        Entries, at least 1.

    Members
    -------
    w_rdy, w_en, w_data, r_rdy, r_en, r_data
        As of SyncFIFO, and so are the properties ``w_stream`` and ``r_stream``, made of them.

    Timing: an entry each cycle; it is there in the cycle after it was written. Resources: ``width * depth`` registers.

    Raises
    ------
    ValueError
        ``depth`` is less than 1.
    """

    def __init__(self, *, width: int, depth: int):
        if depth < 1:
            raise ValueError(f"a queue has at least one entry, not {depth}")
        self._width, self._depth = width, depth
        super().__init__(
            {
                "w_rdy": Out(1),
                "w_en": In(1),
                "w_data": In(width),
                "r_rdy": Out(1),
                "r_en": In(1),
                "r_data": Out(width),
            }
        )

    @property
    def w_stream(self):
        w_stream = stream.Signature(self._width).flip().create()
        w_stream.payload, w_stream.valid, w_stream.ready = self.w_data, self.w_en, self.w_rdy
        return w_stream

    @property
    def r_stream(self):
        r_stream = stream.Signature(self._width).create()
        r_stream.payload, r_stream.valid, r_stream.ready = self.r_data, self.r_rdy, self.r_en
        return r_stream

    def elaborate(self, platform):
        m = Module()
        # Bit i: entry i is taken.
        taken = Signal(self._depth)
        entries = [Signal(self._width, name=f"entry_{i}", reset_less=True) for i in range(self._depth)]
        writes, reads = Signal(), Signal()
        m.d.comb += [
            self.w_rdy.eq(~taken[-1]),
            self.r_rdy.eq(taken[0]),
            self.r_data.eq(entries[0]),
            writes.eq(self.w_en & self.w_rdy),
            reads.eq(self.r_en & self.r_rdy),
        ]
        with m.If(writes & ~reads):
            m.d.sync += taken.eq(taken << 1 | 1)
        with m.Elif(reads & ~writes):
            m.d.sync += taken.eq(taken >> 1)
        for i, entry in enumerate(entries):
            older = taken[i + 1] if i + 1 < self._depth else 0
            behind = entries[i + 1] if i + 1 < self._depth else self.w_data
            # A free entry takes whatever comes; what it holds until then does not matter. So the last one does not ask
            # the reader: what it gives away, nothing can replace in the same cycle.
            moves = reads if i + 1 < self._depth else 0
            with m.If(moves | ~taken[i]):
                m.d.sync += entry.eq(Mux(older, behind, self.w_data))
        return m
