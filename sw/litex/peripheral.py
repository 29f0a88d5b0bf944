"""An exported core as a peripheral of a LiteX SoC: its registers on the bus, its words by CSR and by DMA, an interrupt.

``skipwalk export`` makes the files; :func:`add_skipwalk` puts the core into the SoC, and ``skipwalk_litex.c`` in the
folder :data:`skipwalk.sw.litex.DRIVER` is the port between it and the driver in C.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litex.gen import LiteXModule
from litex.soc.cores.dma import WishboneDMAReader, WishboneDMAWriter
from litex.soc.integration.soc import SoCCSRRegion, SoCRegion
from litex.soc.interconnect import axi, stream, wishbone
from litex.soc.interconnect.csr import CSR, CSRField, CSRStatus, CSRStorage
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, If, Instance, ResetInserter, ResetSignal

from ..build.verilog import read_map

__all__ = ["Skipwalk", "add_skipwalk", "files_of"]

_WISHBONE = {"data_width": 32, "address_width": 32, "addressing": "word"}


class Skipwalk(LiteXModule):
    """The module of an export, in the clock domain sys.

    Parameters
    ----------
    platform : GenericPlatform
        It gets the Verilog as a source.
    exported : Path
        The Verilog file; its map, the .json of the same name, is beside it.
    depth : int
        Words that each FIFO holds.

    Attributes
    ----------
    axil : AXILiteInterface
        The core's registers, at the offsets of the map.
    registers : list of CSRStatus or CSRStorage
        What they are called, a word each from the first address on. No gateware: the core has them.
    reader, writer : WishboneDMAReader, WishboneDMAWriter
        From memory to the core and from the core to memory, whole words; with the CSRs that LiteX gives them.
    words : CSR
        Write: a word to the core; lost without room. Read: the oldest reply, which goes. Without one it is any number,
        and while the writer is enabled, replies go there alone.
    levels : CSRStatus
        Fields ``room``, of the FIFO to the core, and ``waiting``, of the FIFO of replies, in words.
    hold : CSRStorage
        While 1, both FIFOs are kept empty. The core itself is reset by its register CONTROL.
    ev : EventManager
        ``reply``, while one waits in the FIFO; ``sent`` and ``received``, while a DMA is enabled and has done all.

    Timing: a FIFO passes a word on a cycle after it came, a word a cycle. Words by CSR take what the SoC's bus takes,
    words by DMA a bus transfer each.

    Raises FileNotFoundError if a file is not there, ValueError for a map that is none, or is of a core with rows in
    memory.
    """

    def __init__(self, platform: Any, exported: Path, depth: int = 32):
        module, buses = _map_of(exported)
        if "m_axi" in buses:
            raise ValueError(f"{exported} has its rows in memory, and this peripheral joins no m_axi; slots=0")
        platform.add_source(str(exported))
        self.address_bits: int = buses["s_axil"]["address_bits"]
        self.registers: list[CSRStatus | CSRStorage] = [_named(register) for register in buses["s_axil"]["registers"]]
        self.axil = axi.AXILiteInterface(data_width=32, address_width=32)
        self.words = CSR(32)
        self.levels = CSRStatus(
            fields=[
                CSRField("room", size=16, description="Words that the FIFO to the core would take."),
                CSRField("waiting", size=16, description="Replies that wait."),
            ]
        )
        self.hold = CSRStorage(1, description="While 1, both FIFOs are kept empty.")
        self.commands = ResetInserter()(stream.SyncFIFO([("data", 32)], depth))
        self.replies = ResetInserter()(stream.SyncFIFO([("data", 32)], depth))
        # LiteX's "little" turns the bytes of every word around.
        self.reader = WishboneDMAReader(wishbone.Interface(**_WISHBONE), endianness="big")
        self.writer = WishboneDMAWriter(wishbone.Interface(**_WISHBONE), endianness="big")
        self.reader.add_csr()
        # By default, an idle writer takes words and drops them.
        self.writer.add_ctrl(ready_on_idle=0)
        self.writer.add_csr()
        self.ev = EventManager()
        self.ev.reply = EventSourceLevel(description="Replies wait.")
        self.ev.sent = EventSourceLevel(description="The reader has given all words to the core.")
        self.ev.received = EventSourceLevel(description="The writer has put all words into memory.")
        self.ev.finalize()
        self._join(depth)
        self.specials += Instance(
            module,
            i_aclk=ClockSignal("sys"),
            i_aresetn=~ResetSignal("sys"),
            **_taken("s_axis_t", self.commands.source, data=self.commands.source.data, last=self.commands.source.last),
            **_given("m_axis_t", self.replies.sink, data=self.replies.sink.data),
            **_registers("s_axil_", self.axil, self.address_bits),
        )

    def _join(self, depth: int) -> None:
        commands, replies = self.commands, self.replies
        self.comb += [
            commands.reset.eq(self.hold.storage),
            replies.reset.eq(self.hold.storage),
            self.levels.fields.room.eq(depth - commands.level),
            self.levels.fields.waiting.eq(replies.level),
            self.words.w.eq(replies.source.data),
            If(self.words.re, commands.sink.valid.eq(1), commands.sink.data.eq(self.words.r)).Else(
                self.reader.source.connect(commands.sink)
            ),
            If(self.writer.enable, replies.source.connect(self.writer.sink)).Else(
                replies.source.ready.eq(self.words.we)
            ),
            self.ev.reply.trigger.eq(replies.source.valid),
            self.ev.sent.trigger.eq(self.reader.enable & self.reader.done),
            self.ev.received.trigger.eq(self.writer.enable & self.writer.done),
        ]


class _RegisterNames(LiteXModule):
    """Gives the registers of a core to all that LiteX generates, as CSRs of a region ``name``.

    LiteX counts addresses in its headers from the first CSR region, which has to be one of its own bus. So they come
    when the SoC has put its regions in order, and are the last.
    """

    def __init__(self, csr: Any, name: str, origin: int, registers: list[CSRStatus | CSRStorage]):
        self._add = lambda: csr.add_region(name, SoCCSRRegion(origin, busword=32, obj=registers))

    def do_finalize(self) -> None:
        self._add()


def add_skipwalk(soc: Any, exported: Path, *, name: str = "skipwalk", **options: Any) -> Skipwalk:
    """Put a core into an SoC: its registers as region ``name``, CSRs, both DMAs as masters of the bus, interrupt.

    What LiteX generates has the core's registers by name, too: ``csr.h`` a ``skipwalk_core_status_read()``, as for
    CSRs. ``skipwalk_litex.c`` wants the name to be ``skipwalk``. ``options`` are those of :class:`Skipwalk`, which says
    what is raised; and ValueError for an SoC whose CSRs are narrower than 32 bits, because a word goes at once.
    """
    if soc.csr.data_width != 32:
        raise ValueError(f"the SoC has csr_data_width={soc.csr.data_width}, and words go at once; make it 32")
    module = Skipwalk(soc.platform, exported, **options)
    soc.add_module(name=name, module=module)
    region = SoCRegion(size=1 << module.address_bits, cached=False)
    soc.bus.add_slave(name, module.axil, region)
    names = _RegisterNames(soc.csr, f"{name}_core", soc.bus.regions[name].origin, module.registers)
    soc.add_module(name=f"{name}_names", module=names)
    soc.bus.add_master(f"{name}_reader", module.reader.bus)
    soc.bus.add_master(f"{name}_writer", module.writer.bus)
    if soc.irq.enabled:
        soc.irq.add(name, use_loc_if_exists=True)
    return module


def files_of(exported: Path) -> tuple[Path, Path]:
    """A Verilog file, and the map beside it. Raises FileNotFoundError."""
    files = (exported, exported.with_suffix(".json"))
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{file} is not there; skipwalk export writes it")
    return files


def _map_of(exported: Path) -> tuple[str, dict[str, Any]]:
    """Module and buses of a Verilog file."""
    _, path = files_of(exported)
    found, _ = read_map(path)
    try:
        buses = found["buses"]
        offsets = [register["offset"] for register in buses["s_axil"]["registers"]]
        if offsets != list(range(0, 4 * len(offsets), 4)):
            raise ValueError(f"its registers are not one behind the other but at {offsets}")
        return found["module"], buses
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no map of a core ({error}); export the core again") from error


def _named(register: Mapping[str, Any]) -> CSRStatus | CSRStorage:
    """A register of the map for LiteX's generators."""
    kind = CSRStorage if register["access"] == "rw" else CSRStatus
    name, about = register["name"].lower(), register["description"]
    return kind(32, reset=register["reset"], name=name, description=about)


def _taken(prefix: str, endpoint: Any, **payload: Any) -> dict[str, Any]:
    """Ports of an instance that takes what an endpoint gives."""
    ports = {f"i_{prefix}{name}": signal for name, signal in (payload | {"valid": endpoint.valid}).items()}
    return ports | {f"o_{prefix}ready": endpoint.ready}


def _given(prefix: str, endpoint: Any, **payload: Any) -> dict[str, Any]:
    """Ports of an instance that gives what an endpoint takes."""
    ports = {f"o_{prefix}{name}": signal for name, signal in (payload | {"valid": endpoint.valid}).items()}
    return ports | {f"i_{prefix}ready": endpoint.ready}


def _registers(prefix: str, axil: Any, address_bits: int) -> Mapping[str, Any]:
    """Ports of an AXI4-Lite slave."""
    return {
        **_taken(f"{prefix}aw", axil.aw, addr=axil.aw.addr[:address_bits], prot=0),
        **_taken(f"{prefix}w", axil.w, data=axil.w.data, strb=axil.w.strb),
        **_given(f"{prefix}b", axil.b, resp=axil.b.resp),
        **_taken(f"{prefix}ar", axil.ar, addr=axil.ar.addr[:address_bits], prot=0),
        **_given(f"{prefix}r", axil.r, data=axil.r.data, resp=axil.r.resp),
    }
