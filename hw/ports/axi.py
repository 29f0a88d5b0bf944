"""A core for other people's chips: AXI4-Stream for the words, AXI4-Lite for a few registers."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..link.protocol import MAGIC
from ..memory.axi import AxiBus
from .axi_map import ADDRESS_BITS, AXI_VERSION, MEMORY_REGISTERS, REGISTERS, Access
from .axi_memory import CoreOnAxi

__all__ = ["AxiCore", "AxiLite", "AxiStream"]

#: AXI responses.
OKAY, SLVERR = 0, 2


class AxiStream(wiring.Signature):
    """AXI4-Stream of 32-bit words, seen from who sends them; names are those of the standard."""

    def __init__(self):
        super().__init__({"tdata": Out(32), "tvalid": Out(1), "tready": In(1), "tlast": Out(1)})


class AxiLite(wiring.Signature):
    """AXI4-Lite, seen from the master; names are those of the standard."""

    def __init__(self):
        super().__init__(
            {
                "awaddr": Out(ADDRESS_BITS),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(32),
                "wstrb": Out(4),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(ADDRESS_BITS),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(32),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


class AxiCore(wiring.Component):
    """A core between an AXI4-Stream slave and master, with an AXI4-Lite slave beside it.

    Parameters
    ----------
    core : wiring.Component
        With streams ``i`` and ``o`` of 32-bit words.
    kind, digest : int
        What the registers KIND and DIGEST read as.

    Members
    -------
    aresetn : In(1)
        Synchronous reset, active low, of everything. (The clock, domain sync, becomes the port ``aclk`` of the export.)
    s_axis : In(AxiStream)
        Commands, one word a beat. ``tlast`` is taken and not looked at: commands know their length.
    m_axis : Out(AxiStream)
        Replies, one word a beat. ``tlast`` ends every packet of PACKET words.
    s_axil : In(AxiLite)
        Registers of :mod:`skipwalk.hw.ports.axi_map`. One read and one write at a time; byte strobes are honoured;
        ``awprot`` and ``arprot`` are not looked at. An address without register, or a write to a read-only one, is
        answered with SLVERR.
    m_axi : Out(AxiBus)
        Only if the core has a ``memory`` port: where its rows are.

    Timing: the streams pass through without latency. A register is read in 2 cycles and written in 3.
    """

    def __init__(self, core: Any, *, kind: int, digest: int):
        has_memory = "memory" in core.signature.members
        self._memory = CoreOnAxi(core) if has_memory else None
        self._core = self._memory or core
        self._registers = REGISTERS + (MEMORY_REGISTERS if has_memory else ())
        self._constants = {"MAGIC": MAGIC, "VERSION": AXI_VERSION, "KIND": kind, "DIGEST": digest}
        super().__init__(
            {
                "aresetn": In(1),
                "s_axis": In(AxiStream()),
                "m_axis": Out(AxiStream()),
                "s_axil": In(AxiLite()),
                **({"m_axi": Out(AxiBus(CoreOnAxi.BUS_BITS, 32))} if has_memory else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        values = {r.name: Signal(32, name=r.name.lower(), init=r.reset) for r in self._registers}
        written = {
            register.name: Signal(name=f"{register.name.lower()}_written")
            for register in self._registers
            if register.access is Access.WRITE
        }
        for name, value in self._constants.items():
            m.d.comb += values[name].eq(Const(value, 32))
        self._elaborate_streams(m, values, written["PACKET"])
        self._elaborate_read(m, values)
        self._elaborate_write(m, values, written)
        return ResetInserter(~self.aresetn)(m)

    def _elaborate_streams(self, m: Module, values: dict[str, Signal], new_packet: Signal) -> None:
        held = values["CONTROL"][0]
        core = self._core
        if self._memory is None:
            m.submodules.core = ResetInserter(held)(core)
        else:
            m.submodules.core = self._memory
            self._elaborate_memory(m, values, self._memory)
        takes = Signal()
        gives = Signal()
        m.d.comb += [
            core.i.payload.eq(self.s_axis.tdata),
            core.i.valid.eq(self.s_axis.tvalid & ~held),
            self.s_axis.tready.eq(core.i.ready & ~held),
            self.m_axis.tdata.eq(core.o.payload),
            self.m_axis.tvalid.eq(core.o.valid & ~held),
            core.o.ready.eq(self.m_axis.tready & ~held),
            takes.eq(self.s_axis.tvalid & self.s_axis.tready),
            gives.eq(self.m_axis.tvalid & self.m_axis.tready),
            values["STATUS"].eq(Cat(self.s_axis.tready, self.m_axis.tvalid)),
        ]
        place = Signal(16)
        m.d.comb += self.m_axis.tlast.eq(place + 1 >= values["PACKET"])
        with m.If(gives):
            m.d.sync += place.eq(Mux(self.m_axis.tlast, 0, place + 1))
        with m.If(held | new_packet):
            m.d.sync += place.eq(0)
        m.d.sync += [
            values["WORDS_IN"].eq(values["WORDS_IN"] + takes),
            values["WORDS_OUT"].eq(values["WORDS_OUT"] + gives),
        ]

    def _elaborate_memory(self, m: Module, values: dict[str, Signal], memory: CoreOnAxi) -> None:
        errors = values["MEMORY_ERRORS"]
        reads, writes = errors[:16], errors[16:]
        wiring.connect(m, memory.axi, wiring.flipped(self.m_axi))
        m.d.sync += [reads.eq(reads + memory.failed[0]), writes.eq(writes + memory.failed[1])]
        m.d.comb += [
            memory.base.eq(values["MEMORY_BASE"] & ~0xFFF),
            memory.hold.eq(values["CONTROL"][0]),
            values["MEMORY_STATUS"].eq(memory.idle),
        ]

    def _elaborate_read(self, m: Module, values: dict[str, Signal]) -> None:
        with m.If(self.s_axil.rready):
            m.d.sync += self.s_axil.rvalid.eq(0)
        m.d.comb += self.s_axil.arready.eq(~self.s_axil.rvalid)
        with m.If(self.s_axil.arvalid & self.s_axil.arready):
            m.d.sync += [self.s_axil.rvalid.eq(1), self.s_axil.rresp.eq(OKAY)]
            with m.Switch(self.s_axil.araddr[2:]):
                for register in self._registers:
                    with m.Case(register.offset >> 2):
                        m.d.sync += self.s_axil.rdata.eq(values[register.name])
                with m.Default():
                    m.d.sync += [self.s_axil.rdata.eq(0), self.s_axil.rresp.eq(SLVERR)]

    def _elaborate_write(self, m: Module, values: dict[str, Signal], written: dict[str, Signal]) -> None:
        # Address and data may come in any order; each waits for the other in its register.
        address, has_address = Signal(ADDRESS_BITS), Signal()
        word, strobe, has_word = Signal(32), Signal(4), Signal()
        m.d.comb += [self.s_axil.awready.eq(~has_address), self.s_axil.wready.eq(~has_word)]
        with m.If(self.s_axil.awvalid & self.s_axil.awready):
            m.d.sync += [address.eq(self.s_axil.awaddr), has_address.eq(1)]
        with m.If(self.s_axil.wvalid & self.s_axil.wready):
            m.d.sync += [word.eq(self.s_axil.wdata), strobe.eq(self.s_axil.wstrb), has_word.eq(1)]
        with m.If(self.s_axil.bvalid & self.s_axil.bready):
            m.d.sync += self.s_axil.bvalid.eq(0)
        mask = Cat(bit.replicate(8) for bit in strobe)
        with m.If(has_address & has_word & ~self.s_axil.bvalid):
            m.d.sync += [
                has_address.eq(0),
                has_word.eq(0),
                self.s_axil.bvalid.eq(1),
                self.s_axil.bresp.eq(SLVERR),
            ]
            with m.Switch(address[2:]):
                for register in self._registers:
                    if register.access is Access.WRITE:
                        value = values[register.name]
                        allowed = mask & ((1 << register.writable_bits) - 1)
                        with m.Case(register.offset >> 2):
                            m.d.comb += written[register.name].eq(1)
                            m.d.sync += [value.eq((word & allowed) | (value & ~allowed)), self.s_axil.bresp.eq(OKAY)]
