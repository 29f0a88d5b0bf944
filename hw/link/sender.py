"""Frames to the host: header, words of a ring or of the identity, CRC."""

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .cobs import ByteLayout
from .protocol import DEVICE_HEADER, Flags, Identity, LinkConfig
from .receiver import CRC

__all__ = ["FrameSender", "RequestLayout"]


class RequestLayout(data.StructLayout):
    """A frame to be sent: the header's fields, and how many words of the ring, from ``seq`` on, it shall hold.

    With the flag OPEN it holds the identity instead, whatever ``words`` says.
    """

    def __init__(self):
        super().__init__({"flags": 8, "session": 16, "seq": 16, "ack": 16, "limit": 16, "words": 8})


class FrameSender(wiring.Component):
    """Sends one frame at a time.

    The ring is read while the frame leaves. If the host acknowledges words meanwhile, so that they are overwritten,
    the frame carries wrong words in places the host has already filled and does not look at.

    Parameters
    ----------
    identities : sequence of Identity
        Who the device is, with each of its units.
    cfg : LinkConfig
        Sizes.

    Members
    -------
    i : In(stream.Signature(RequestLayout()))
        What to send next; ready when the frame before has left.
    unit : In(range(max(2, len(identities))))
        The unit whose identity is sent.
    rd_addr, rd_data : Out(log2(depth)), In(32)
        Read port of the ring; the word follows its address by at most four cycles.
    o : Out(stream.Signature(ByteLayout()))
        To the COBS encoder.

    Timing: a byte a cycle, two cycles between words.
    """

    def __init__(self, identities: Sequence[Identity], cfg: LinkConfig):
        self._identities = identities
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(RequestLayout())),
                "unit": In(range(max(2, len(identities)))),
                "rd_addr": Out(range(cfg.depth)),
                "rd_data": In(32),
                "o": Out(stream.Signature(ByteLayout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = check = CRC.create()
        # Every unit's words, one list after the other.
        identity = Array(Const(word, 32) for each in self._identities for word in each.words)
        first = Array(range(0, len(identity), Identity.WORDS))

        shift = Signal(DEVICE_HEADER.size * 8)
        left = Signal(range(DEVICE_HEADER.size + 1))
        words = Signal(8)
        opening = Signal()
        place = Signal(range(len(identity)))
        sealed = Signal()

        ending = Signal()
        # In one piece: a constant part by itself would become a Verilog process that never runs.
        m.d.comb += [check.data.eq(shift[:8]), Value.cast(self.o.payload).eq(Cat(shift[:8], ending))]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.i.ready.eq(1), check.start.eq(1)]
                request = self.i.p
                open_now = (request.flags & Flags.OPEN.value).any()
                m.d.sync += [
                    shift.eq(Cat(request.flags, request.session, request.seq, request.ack, request.limit)),
                    left.eq(DEVICE_HEADER.size),
                    opening.eq(open_now),
                    words.eq(Mux(open_now, Identity.WORDS, request.words)),
                    self.rd_addr.eq(request.seq),
                    place.eq(first[self.unit]),
                    sealed.eq(0),
                ]
                with m.If(self.i.valid):
                    m.next = "BYTES"
            with m.State("BYTES"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.comb += check.valid.eq(1)
                    m.d.sync += [shift.eq(shift >> 8), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += left.eq(4)
                with m.If(words != 0):
                    m.next = "WORD"
                with m.Elif(~sealed):
                    m.d.sync += [shift.eq(check.crc), sealed.eq(1)]
                    m.next = "BYTES"
                with m.Else():
                    m.next = "END"
            with m.State("WORD"):
                m.d.sync += [
                    shift.eq(Mux(opening, identity[place], self.rd_data)),
                    place.eq(place + 1),
                    self.rd_addr.eq(self.rd_addr + 1),
                    words.eq(words - 1),
                ]
                m.next = "BYTES"
            with m.State("END"):
                m.d.comb += [ending.eq(1), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
