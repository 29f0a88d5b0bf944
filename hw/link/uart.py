"""UART, 8N1: bytes from a pin, bytes to a pin."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from .protocol import UartConfig

__all__ = ["UartReceiver", "UartTransmitter"]


class UartReceiver(wiring.Component):
    """Bytes of a serial line. Every bit is sampled once, in its middle.

    Parameters
    ----------
    cfg : UartConfig
        Clock and bit rate.

    Members
    -------
    rx : In(1)
        The line; asynchronous, idle high.
    o : Out(stream.Signature(8))
        A byte whose stop bit was seen. One that is not taken before the next is complete is lost.

    Timing: a byte is offered in the middle of its stop bit plus three clocks, and the next start bit may follow at
    once, so that a sender up to 4 % too fast is understood (5 % with whole clocks a bit). A byte without a stop bit,
    and a start bit shorter than half a bit, are dropped.
    """

    def __init__(self, cfg: UartConfig):
        self._cfg = cfg
        super().__init__({"rx": In(1), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)

        bits = self._cfg.phase_bits
        phase = Signal(bits)
        sample = Signal()
        busy = Signal()
        data = Signal(8)
        left = Signal(range(10))

        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(~busy):
            m.d.sync += [Cat(phase, sample).eq(1 << (bits - 1)), left.eq(9)]
            with m.If(~line):
                m.d.sync += busy.eq(1)
        with m.Else():
            m.d.sync += Cat(phase, sample).eq(phase + self._cfg.step)
            with m.If(sample):
                m.d.sync += [data.eq(Cat(data[1:], line)), left.eq(left - 1)]
                with m.If((left == 9) & line):
                    m.d.sync += busy.eq(0)
                with m.If(left == 0):
                    m.d.sync += busy.eq(0)
                    with m.If(line):
                        m.d.sync += [self.o.payload.eq(data), self.o.valid.eq(1)]
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a serial line.

    Parameters
    ----------
    cfg : UartConfig
        Clock and bit rate.

    Members
    -------
    i : In(stream.Signature(8))
        The next byte; ready when the one before has left with its stop bit.
    tx : Out(1)
        The line; idle high.

    Timing: 10 bits and two clocks a byte.
    """

    def __init__(self, cfg: UartConfig):
        self._cfg = cfg
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        phase = Signal(self._cfg.phase_bits)
        tick = Signal()
        shift = Signal(9, init=0x1FF)
        left = Signal(range(11))

        m.d.comb += [self.tx.eq(shift[0]), self.i.ready.eq(left == 0)]
        m.d.sync += Cat(phase, tick).eq(phase + self._cfg.step)
        with m.If(left == 0):
            m.d.sync += Cat(phase, tick).eq(0)
            with m.If(self.i.valid):
                m.d.sync += [shift.eq(Cat(0, self.i.payload)), left.eq(10)]
        with m.Elif(tick):
            m.d.sync += [shift.eq(Cat(shift[1:], 1)), left.eq(left - 1)]
        return m
