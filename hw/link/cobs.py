"""Consistent Overhead Byte Stuffing: frames to bytes without zero, and back; a zero byte ends a frame.

S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.ram import Ram
from ..fabric.vendor import Vendor
from .protocol import ENCODER_BYTES, LONGEST

__all__ = ["ByteLayout", "CobsDecoder", "CobsEncoder"]

#: A code byte of this value stands for a block of LONGEST bytes and no zero.
FULL = LONGEST + 1


class ByteLayout(data.StructLayout):
    """A byte of a frame, or its end: with ``end`` the beat carries no byte, and ``bad`` tells a broken encoding."""

    def __init__(self):
        super().__init__({"byte": 8, "end": 1, "bad": 1})


class CobsDecoder(wiring.Component):
    """Bytes of the line to frames.

    Members
    -------
    i : In(stream.Signature(8))
        Encoded bytes, any.
    o : Out(stream.Signature(ByteLayout()))
        The bytes of a frame, then one beat with ``end``; ``bad`` if a zero came within a block. A zero that follows
        another, or reset, makes no beat.

    Timing: latency 1; a byte in makes at most one beat out.
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(ByteLayout()))})

    def elaborate(self, platform):
        m = Module()
        left = Signal(8)  # bytes until the next code byte
        zero = Signal()  # the block that just ended stands for a zero, unless it is the last
        begun = Signal()
        delimiter = self.i.payload == 0
        code = (left == 0) & ~delimiter

        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                self.o.p.byte.eq(self.i.payload & (~code).replicate(8)),
                self.o.p.end.eq(delimiter),
                self.o.p.bad.eq(left != 0),
                self.o.valid.eq((delimiter & begun) | (code & zero) | (left != 0)),
                begun.eq(~delimiter),
            ]
            with m.If(delimiter):
                m.d.sync += [left.eq(0), zero.eq(0)]
            with m.Elif(left == 0):
                m.d.sync += [left.eq(self.i.payload - 1), zero.eq(self.i.payload != FULL)]
            with m.Else():
                m.d.sync += left.eq(left - 1)
        return m


class CobsEncoder(wiring.Component):
    """Frames to bytes of the line.

    Parameters
    ----------
    vendor, primitives
        Of the block's memory, as for :class:`skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    i : In(stream.Signature(ByteLayout()))
        The bytes of a frame, at least one, then a beat with ``end``; ``bad`` is not looked at.
    o : Out(stream.Signature(8))
        The encoded frame and a zero.

    Timing: a block (up to 254 bytes, or up to the next zero) is collected at one byte a cycle, then sent at one byte in
    three cycles, during which ``i`` is not ready.

    Resources: a memory of 256 x 8 bit.
    """

    def __init__(self, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        self._block = Ram(ENCODER_BYTES, 8, vendor=vendor, primitives=primitives)
        super().__init__({"i": In(stream.Signature(ByteLayout())), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.block = block = self._block
        count = Signal(8)  # bytes collected
        place = Signal(8)  # next byte to be sent
        full = Signal()  # the block before was of 254 bytes: a frame may end without another code byte
        last = Signal()
        zero = self.i.p.byte == 0

        m.d.comb += [block.wr_addr.eq(count), block.wr_data.eq(self.i.p.byte), block.rd_addr.eq(place)]
        with m.FSM():
            with m.State("COLLECT"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += place.eq(0)
                with m.If(self.i.valid):
                    m.d.sync += last.eq(self.i.p.end)
                    with m.If(self.i.p.end):
                        m.d.sync += full.eq(0)
                        m.next = "CODE"
                        with m.If(full & (count == 0)):
                            m.next = "END"
                    with m.Elif(zero):
                        m.d.sync += full.eq(0)
                        m.next = "CODE"
                    with m.Else():
                        m.d.comb += block.wr_en.eq(1)
                        m.d.sync += count.eq(count + 1)
                        with m.If(count == LONGEST - 1):
                            m.d.sync += full.eq(1)
                            m.next = "CODE"
            with m.State("CODE"):
                m.d.comb += [self.o.payload.eq(count + 1), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "READ"
            with m.State("READ"):
                m.next = "WAIT"
                with m.If(place == count):
                    m.d.sync += count.eq(0)
                    m.next = "COLLECT"
                    with m.If(last):
                        m.next = "END"
            with m.State("WAIT"):
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [self.o.payload.eq(block.rd_data), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.d.sync += place.eq(place + 1)
                    m.next = "READ"
            with m.State("END"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "COLLECT"
        return m
