"""A whole device: serial line, link and core."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Array, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.held import held
from ..fabric.vendor import Vendor
from ..link.device import LinkDevice
from ..link.protocol import Identity, LinkConfig, UartConfig
from ..link.uart import UartReceiver, UartTransmitter
from ..memory.sdram_config import SdramConfig
from ..unit.config import UnitConfig
from ..units import UNITS
from .sdram import CoreOnSdram

__all__ = ["SerialDevice", "Unit", "UnitSwitch", "serial_device"]


@dataclass(frozen=True)
class Unit:
    """A core that a device carries: its kind and digest for the identity, and a component with word streams."""

    kind: int
    digest: int
    core: Any

    @classmethod
    def of(
        cls,
        cfg: UnitConfig,
        *,
        primitives: bool = False,
        sdram: SdramConfig | None = None,
        clock_hz: int | None = None,
    ) -> "Unit":
        """The core of a configuration, and the controller of ``sdram`` if its rows are outside. ``primitives`` as for
        :class:`OSELMCore`, ``clock_hz`` as for :class:`CoreOnSdram`. Raises ValueError where it has rows outside and
        there is no memory for them."""
        kind = UNITS.of(cfg)
        core = kind.core(cfg, primitives=primitives)
        if "memory" in core.signature.members:
            if sdram is None:
                raise ValueError(f"{kind.name} has rows in memory outside, and there is no SDRAM for them")
            core = CoreOnSdram(core, sdram, clock_hz)
        return cls(kind.kind, cfg.digest, core)


class UnitSwitch(wiring.Component):
    """Several cores in the place of one: words go to and come from the one chosen, the others are held in reset.

    Parameters
    ----------
    cores : sequence
        Components with streams ``i`` and ``o`` of 32-bit words; one of them may have the pins ``sdram`` besides.

    Members
    -------
    unit : In(range(max(2, len(cores))))
        Which one. It changes only while ``clear`` is high, or in the cycle before.
    clear : In(1)
        Resets the one chosen, a cycle later.
    i : In(stream.Signature(32)), o : Out(stream.Signature(32))
        Words; valid only while ``clear`` is low and was low in the cycle before.
    sdram : Out(SdramPins)
        Only if a core has them.

    Memories keep their contents in a reset, and thus while another core is used.
    """

    def __init__(self, cores: Sequence[Any]):
        self._cores = cores
        words = stream.Signature(32)
        super().__init__(
            {
                "unit": In(range(max(2, len(cores)))),
                "clear": In(1),
                "i": In(words),
                "o": Out(words),
                **_sdram_of(cores),
            }
        )

    def elaborate(self, platform):
        m = Module()
        chosen = [self.unit == i for i in range(len(self._cores))]
        for i, core in enumerate(self._cores):
            m.submodules[f"core_{i}"] = held(m, core, self.clear | ~chosen[i], name=f"reset_{i}")
            m.d.comb += [
                core.i.payload.eq(self.i.payload),
                core.i.valid.eq(self.i.valid & chosen[i]),
                core.o.ready.eq(self.o.ready & chosen[i]),
            ]
            if "sdram" in core.signature.members:
                wiring.connect(m, core.sdram, wiring.flipped(self.sdram))
        m.d.comb += [
            self.i.ready.eq(Array(core.i.ready for core in self._cores)[self.unit]),
            self.o.valid.eq(Array(core.o.valid for core in self._cores)[self.unit]),
            self.o.payload.eq(Array(core.o.payload for core in self._cores)[self.unit]),
        ]
        return m


def _sdram_of(cores: Sequence[Any]) -> dict[str, Any]:
    """The member of the core that has an SDRAM, if one has. Raises ValueError if several have."""
    found = [core.signature.members["sdram"] for core in cores if "sdram" in core.signature.members]
    if len(found) > 1:
        raise ValueError(f"{len(found)} cores have rows in the SDRAM; there is room for those of one")
    return {"sdram": found[0]} if found else {}


class SerialDevice(wiring.Component):
    """Cores behind a link behind a UART. Each session of the link is with one of them, and begins with its reset.

    Parameters
    ----------
    units : sequence of Unit
        By their number on the link.
    uart : UartConfig
        Clock and bit rate.
    link : LinkConfig
        Sizes of the link's buffers.
    vendor, primitives
        Of the link's memories, as for :class:`skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    rx : In(1), tx : Out(1)
        The serial line, idle high.
    sdram : Out(SdramPins)
        Only if a core has them; in the domain ``memory`` where the SDRAM has a clock of its own.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        uart: UartConfig,
        link: LinkConfig | None = None,
        *,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
    ):
        link = link or LinkConfig()
        identities = Identity.of_units([(unit.kind, unit.digest) for unit in units], link)
        self._cores = UnitSwitch([unit.core for unit in units])
        self._link = LinkDevice(identities, link, vendor=vendor, primitives=primitives)
        self._receiver = UartReceiver(uart)
        self._transmitter = UartTransmitter(uart)
        super().__init__({"rx": In(1), "tx": Out(1, init=1), **_sdram_of([unit.core for unit in units])})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = self._receiver
        m.submodules.transmitter = transmitter = self._transmitter
        m.submodules.link = link = self._link
        m.submodules.cores = cores = self._cores
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            cores.unit.eq(link.unit),
            cores.clear.eq(link.clear),
        ]
        wiring.connect(m, receiver.o, link.rx)
        wiring.connect(m, link.tx, transmitter.i)
        wiring.connect(m, link.o, cores.i)
        wiring.connect(m, cores.o, link.i)
        if "sdram" in self.signature.members:
            wiring.connect(m, cores.sdram, wiring.flipped(self.sdram))
        return m


def serial_device(
    cores: Sequence[UnitConfig],
    uart: UartConfig,
    link: LinkConfig | None = None,
    *,
    primitives: bool = False,
    sdram: SdramConfig | None = None,
) -> SerialDevice:
    """The device that carries cores of these configurations. ``primitives`` as for :class:`OSELMCore`; ``sdram`` is
    for the one whose rows are outside."""
    units = [Unit.of(cfg, primitives=primitives, sdram=sdram, clock_hz=uart.clock_hz) for cfg in cores]
    return SerialDevice(units, uart, link, vendor=cores[0].vendor, primitives=primitives)
