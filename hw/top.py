"""A whole device: serial line, link and core."""

from typing import Any

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import CoreConfig, Vendor
from .core import OSELMCore
from .link.device import LinkDevice
from .link.protocol import OSELM_KIND, Identity, LinkConfig, UartConfig
from .link.uart import UartReceiver, UartTransmitter

__all__ = ["SerialDevice", "oselm_device"]


class SerialDevice(wiring.Component):
    """A core behind a link behind a UART. Each session of the link begins with a reset of the core.

    Parameters
    ----------
    core : wiring.Component
        With streams ``i`` and ``o`` of 32-bit words.
    identity : Identity
        What the host reads when it opens the device.
    uart : UartConfig
        Clock and bit rate.
    link : LinkConfig
        Sizes of the link's buffers.
    vendor, primitives
        Of the link's memories, as for :class:`skipwalk.hw.ram.Ram`.

    Members
    -------
    rx : In(1), tx : Out(1)
        The serial line, idle high.
    """

    def __init__(
        self,
        core: Any,
        identity: Identity,
        uart: UartConfig,
        link: LinkConfig | None = None,
        *,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
    ):
        self._core = core
        self._link = LinkDevice(identity, link, vendor=vendor, primitives=primitives)
        self._receiver = UartReceiver(uart)
        self._transmitter = UartTransmitter(uart)
        super().__init__({"rx": In(1), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = self._receiver
        m.submodules.transmitter = transmitter = self._transmitter
        m.submodules.link = link = self._link
        core = self._core
        m.submodules.core = ResetInserter(link.clear)(core)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        wiring.connect(m, receiver.o, link.rx)
        wiring.connect(m, link.tx, transmitter.i)
        wiring.connect(m, link.o, core.i)
        wiring.connect(m, core.o, link.i)
        return m


def oselm_device(
    cfg: CoreConfig, uart: UartConfig, link: LinkConfig | None = None, *, primitives: bool = False
) -> SerialDevice:
    """The device with an OS-ELM core of ``cfg``. ``primitives`` as for :class:`OSELMCore`."""
    link = link or LinkConfig()
    identity = Identity(kind=OSELM_KIND, digest=cfg.digest, frame_words=link.frame_words, depth=link.depth)
    core = OSELMCore(cfg, primitives=primitives)
    return SerialDevice(core, identity, uart, link, vendor=cfg.vendor, primitives=primitives)
