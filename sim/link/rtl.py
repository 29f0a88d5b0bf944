"""The gateware's end of the link as a pipe: its Verilog, compiled, behind the host's interface."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...hw.link.device import LinkDevice
from ...hw.link.protocol import FOLD_KIND, Identity, LinkConfig
from ...hw.ports.serial import Unit, UnitSwitch
from ..rtl.verilated import VerilatedCore
from .folding import FoldingCore
from .pipe import Pipe

__all__ = ["ByteTop", "LinkedCore", "RtlPipe"]


class LinkedCore(wiring.Component):
    """Cores behind a link: byte streams ``rx`` and ``tx``. Each session begins with a reset of its core.

    ``units`` are components with word streams ``i`` and ``o``, and what they are; a :class:`FoldingCore` if left out.
    """

    def __init__(self, cfg: LinkConfig | None = None, units: Sequence[Unit] | None = None):
        cfg = cfg or LinkConfig()
        units = units or [Unit(FOLD_KIND, 0, FoldingCore())]
        self._cores = UnitSwitch([unit.core for unit in units])
        self._link = LinkDevice(Identity.of_units([(unit.kind, unit.digest) for unit in units], cfg), cfg)
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self._link
        m.submodules.cores = cores = self._cores
        m.d.comb += [cores.unit.eq(link.unit), cores.clear.eq(link.clear)]
        wiring.connect(m, wiring.flipped(self.rx), link.rx)
        wiring.connect(m, link.tx, wiring.flipped(self.tx))
        wiring.connect(m, link.o, cores.i)
        wiring.connect(m, cores.o, link.i)
        return m


class ByteTop(wiring.Component):
    """``inner``'s byte streams ``rx`` and ``tx`` as word streams ``i`` and ``o``, one byte in each word."""

    def __init__(self, inner: Any):
        self._inner = inner
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self._inner
        m.d.comb += [
            inner.rx.payload.eq(self.i.payload),
            inner.rx.valid.eq(self.i.valid),
            self.i.ready.eq(inner.rx.ready),
            self.o.payload.eq(inner.tx.payload),
            self.o.valid.eq(inner.tx.valid),
            inner.tx.ready.eq(self.o.ready),
        ]
        return m


class RtlPipe(Pipe):
    """A pipe to a :class:`ByteTop` that runs compiled.

    Parameters
    ----------
    rtl : VerilatedCore
        The running simulation.
    clock_hz : float
        How many of its cycles are a second of :meth:`clock`. The simulation runs only while the host waits.
    """

    #: Cycles simulated before the host is given what came back: long enough for a frame to turn round.
    TURN = 2_000

    def __init__(self, rtl: VerilatedCore, *, clock_hz: float = 10e6):
        self.name = "rtl"
        self._rtl = rtl
        self._clock_hz = clock_hz

    def read(self, timeout: float) -> bytes:
        left = max(round(timeout * self._clock_hz), 1)
        while left > 0 and not self._rtl.pending:
            self._rtl.step(min(left, self.TURN))
            left -= self.TURN
        return self._rtl.drain().astype(np.uint8).tobytes()

    def write(self, data: bytes) -> None:
        self._rtl.feed(np.frombuffer(data, np.uint8).astype(np.uint32))

    def close(self) -> None:
        pass

    def clock(self) -> float:
        return self._rtl.cycles / self._clock_hz
