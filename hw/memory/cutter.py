"""Bursts cut where a page of the memory ends."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .port import RequestLayout

__all__ = ["BurstCutter"]


class BurstCutter(wiring.Component):
    """Requests in, parts that lie in one page each out.

    Parameters
    ----------
    address_bits, last_bits : int
        Of the port.
    page_bits : int
        A page has ``2**page_bits`` words.

    Members
    -------
    i : In(stream of RequestLayout), o : Out(stream of RequestLayout)

    Timing: a part comes a cycle after its request, or after the part before it.
    """

    def __init__(self, address_bits: int, last_bits: int, page_bits: int):
        self._last_bits, self._page_bits = last_bits, page_bits
        super().__init__(
            {
                "i": In(stream.Signature(RequestLayout(address_bits, last_bits))),
                "o": Out(stream.Signature(RequestLayout(address_bits, page_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        request, part = self.i.payload, self.o.payload
        address = Signal.like(request.address, reset_less=True)
        left = Signal(max(self._last_bits, self._page_bits) + 1, reset_less=True)  # one less than the words
        write, valid = Signal(reset_less=True), Signal()
        room = ~address[: self._page_bits]  # one less than the words up to the end of the page
        crosses = left > room
        m.d.comb += [
            self.o.valid.eq(valid),
            part.address.eq(address),
            part.last.eq(Mux(crosses, room, left)),
            part.write.eq(write),
            self.i.ready.eq(~valid | (self.o.ready & ~crosses)),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid),
                address.eq(request.address),
                left.eq(request.last),
                write.eq(request.write),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += [address.eq(address + room + 1), left.eq(left - room - 1)]
        return m
