"""A core for other people's chips: AXI4-Stream for the words, AXI4-Lite for a few registers."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..link.protocol import MAGIC
from .axi_map import ADDRESS_BITS, AXI_VERSION, REGISTERS, Access

__all__ = ["AxiCore"]

#: AXI responses.
OKAY, SLVERR = 0, 2


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
    s_axis_* : commands, one word a beat
        ``tlast`` is taken and not looked at: commands know their length.
    m_axis_* : replies, one word a beat
        ``tlast`` ends every packet of PACKET words.
    s_axil_* : registers of :mod:`skipwalk.hw.ports.axi_map`
        One read and one write at a time; byte strobes are honoured; ``awprot`` and ``arprot`` are not looked at. An
        address without register, or a write to a read-only one, is answered with SLVERR.

    Timing: the streams pass through without latency. A register is read in 2 cycles and written in 3.
    """

    def __init__(self, core: Any, *, kind: int, digest: int):
        self._core = core
        self._constants = {"MAGIC": MAGIC, "VERSION": AXI_VERSION, "KIND": kind, "DIGEST": digest}
        super().__init__(
            {
                "aresetn": In(1),
                "s_axis_tdata": In(32),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(32),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "s_axil_awaddr": In(ADDRESS_BITS),
                "s_axil_awprot": In(3),
                "s_axil_awvalid": In(1),
                "s_axil_awready": Out(1),
                "s_axil_wdata": In(32),
                "s_axil_wstrb": In(4),
                "s_axil_wvalid": In(1),
                "s_axil_wready": Out(1),
                "s_axil_bresp": Out(2),
                "s_axil_bvalid": Out(1),
                "s_axil_bready": In(1),
                "s_axil_araddr": In(ADDRESS_BITS),
                "s_axil_arprot": In(3),
                "s_axil_arvalid": In(1),
                "s_axil_arready": Out(1),
                "s_axil_rdata": Out(32),
                "s_axil_rresp": Out(2),
                "s_axil_rvalid": Out(1),
                "s_axil_rready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        values = {r.name: Signal(32, name=r.name.lower(), init=r.reset) for r in REGISTERS}
        written = {
            register.name: Signal(name=f"{register.name.lower()}_written")
            for register in REGISTERS
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
        m.submodules.core = ResetInserter(held)(core)
        takes = Signal()
        gives = Signal()
        m.d.comb += [
            core.i.payload.eq(self.s_axis_tdata),
            core.i.valid.eq(self.s_axis_tvalid & ~held),
            self.s_axis_tready.eq(core.i.ready & ~held),
            self.m_axis_tdata.eq(core.o.payload),
            self.m_axis_tvalid.eq(core.o.valid & ~held),
            core.o.ready.eq(self.m_axis_tready & ~held),
            takes.eq(self.s_axis_tvalid & self.s_axis_tready),
            gives.eq(self.m_axis_tvalid & self.m_axis_tready),
            values["STATUS"].eq(Cat(self.s_axis_tready, self.m_axis_tvalid)),
        ]
        place = Signal(16)
        m.d.comb += self.m_axis_tlast.eq(place + 1 >= values["PACKET"])
        with m.If(gives):
            m.d.sync += place.eq(Mux(self.m_axis_tlast, 0, place + 1))
        with m.If(held | new_packet):
            m.d.sync += place.eq(0)
        m.d.sync += [
            values["WORDS_IN"].eq(values["WORDS_IN"] + takes),
            values["WORDS_OUT"].eq(values["WORDS_OUT"] + gives),
        ]

    def _elaborate_read(self, m: Module, values: dict[str, Signal]) -> None:
        with m.If(self.s_axil_rready):
            m.d.sync += self.s_axil_rvalid.eq(0)
        m.d.comb += self.s_axil_arready.eq(~self.s_axil_rvalid)
        with m.If(self.s_axil_arvalid & self.s_axil_arready):
            m.d.sync += [self.s_axil_rvalid.eq(1), self.s_axil_rresp.eq(OKAY)]
            with m.Switch(self.s_axil_araddr[2:]):
                for register in REGISTERS:
                    with m.Case(register.offset >> 2):
                        m.d.sync += self.s_axil_rdata.eq(values[register.name])
                with m.Default():
                    m.d.sync += [self.s_axil_rdata.eq(0), self.s_axil_rresp.eq(SLVERR)]

    def _elaborate_write(self, m: Module, values: dict[str, Signal], written: dict[str, Signal]) -> None:
        # Address and data may come in any order; each waits for the other in its register.
        address, has_address = Signal(ADDRESS_BITS), Signal()
        word, strobe, has_word = Signal(32), Signal(4), Signal()
        m.d.comb += [self.s_axil_awready.eq(~has_address), self.s_axil_wready.eq(~has_word)]
        with m.If(self.s_axil_awvalid & self.s_axil_awready):
            m.d.sync += [address.eq(self.s_axil_awaddr), has_address.eq(1)]
        with m.If(self.s_axil_wvalid & self.s_axil_wready):
            m.d.sync += [word.eq(self.s_axil_wdata), strobe.eq(self.s_axil_wstrb), has_word.eq(1)]
        with m.If(self.s_axil_bvalid & self.s_axil_bready):
            m.d.sync += self.s_axil_bvalid.eq(0)
        mask = Cat(bit.replicate(8) for bit in strobe)
        with m.If(has_address & has_word & ~self.s_axil_bvalid):
            m.d.sync += [
                has_address.eq(0),
                has_word.eq(0),
                self.s_axil_bvalid.eq(1),
                self.s_axil_bresp.eq(SLVERR),
            ]
            with m.Switch(address[2:]):
                for register in REGISTERS:
                    if register.access is Access.WRITE:
                        value = values[register.name]
                        allowed = mask & ((1 << register.writable_bits) - 1)
                        with m.Case(register.offset >> 2):
                            m.d.comb += written[register.name].eq(1)
                            m.d.sync += [value.eq((word & allowed) | (value & ~allowed)), self.s_axil_bresp.eq(OKAY)]
