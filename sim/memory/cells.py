"""An SDR SDRAM in gateware that trusts its controller: for simulations that are too long to be watched.

:mod:`.sdram` is the chip that holds a controller to the data sheet; this one does what it is told, in time.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Array, Cat, ClockSignal, DomainRenamer, Instance, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from ...hw.fabric.pipeline import delay
from ...hw.memory.crossing import PortCrossing, across
from ...hw.memory.port import MemoryPort, widened
from ...hw.memory.sdram import SdramController, SdramPins
from ...hw.memory.sdram_config import SdramConfig
from ..rtl.build import to_verilog
from ..rtl.verilated import compile_library

__all__ = ["SdramCells", "SdramMemory", "compile_with_sdram", "write_contents"]

#: Verilog of the cells that have contents from the start; part of the text that is compiled.
_CELL_MODEL = Path(__file__).with_name("cells.v")


def write_contents(path: Path, words: np.ndarray) -> None:
    """Contents for :class:`SdramCells`: words of 32 bits, uint32 of any shape, from address 0 on."""
    cells = np.ascontiguousarray(words, "<u4").reshape(-1).view("<u2").astype(">u2")
    digits = np.frombuffer(cells.tobytes().hex().encode(), np.uint8).reshape(-1, 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(np.pad(digits, ((0, 0), (0, 1)), constant_values=ord("\n")).tobytes())


class SdramCells(wiring.Component):
    """Bursts of two, whose data come ``cas + input_delay`` clocks after READ. Contents stay in a reset.

    Parameters
    ----------
    cfg : SdramConfig
    depth : int
        Values of 16 bits that there are, a power of two; addresses are taken modulo it.
    contents : Path, optional
        What is in them from the start: a file of :func:`write_contents`, and a model in Verilog in place of a memory
        of Amaranth's, which takes a line of Verilog for each.

    Members
    -------
    pins : In(SdramPins)
    """

    def __init__(self, cfg: SdramConfig, depth: int, contents: Path | None = None):
        self._cfg, self._depth, self._contents = cfg, depth, contents
        super().__init__({"pins": In(SdramPins(cfg))})

    def elaborate(self, platform):
        cfg, pins = self._cfg, self.pins
        m = Module()
        write_en, write_at, write_data, read_at, read_data = self._memory(m)
        # No reset: rows that are open stay open until the controller closes them.
        rows = Array(Signal(cfg.row_bits, name=f"row_{i}", reset_less=True) for i in range(1 << cfg.bank_bits))
        active, reads, writes = (
            pins.cs & (Cat(pins.ras, pins.cas, pins.we) == command) for command in (0b001, 0b010, 0b110)
        )
        with m.If(active):
            m.d.sync += rows[pins.ba].eq(pins.a)
        column = pins.a[: cfg.column_bits]
        # From the lowest bit on: column, bank, row, as the controller's addresses go on.
        cell, second = Signal(cfg.column_bits + cfg.bank_bits + cfg.row_bits), Signal.like(write_at)
        again = Signal()
        m.d.comb += cell.eq(Cat(column, pins.ba, rows[pins.ba]))
        m.d.sync += [again.eq(writes), second.eq(cell + 1)]
        m.d.comb += [
            write_at.eq(Mux(again, second, cell)),
            write_data.eq(pins.dq_o),
            write_en.eq(~pins.dqm & (writes | again).replicate(len(pins.dqm))),
        ]
        late = cfg.cas + cfg.input_delay
        asked, first = delay(m, cell, late, name="cell"), delay(m, reads, late, name="reads")
        follows = delay(m, asked + 1, 1, name="follows")
        m.d.comb += [
            read_at.eq(Mux(first, asked, follows)),
            pins.dq_i.eq(read_data),
        ]
        return m

    def _memory(self, m):
        """Strobes, address and data of what is written, address and data of what is read."""
        bits, address_bits = self._cfg.DATA_BITS, (self._depth - 1).bit_length()
        if self._contents is None:
            m.submodules.memory = memory = Memory(shape=bits, depth=self._depth, init=[])
            write, read = memory.write_port(granularity=8), memory.read_port(domain="comb")
            return write.en, write.addr, write.data, read.addr, read.data
        en, write_data, read_data = Signal(bits // 8), Signal(bits), Signal(bits)
        write_at, read_at = Signal(address_bits), Signal(address_bits)
        m.submodules.memory = Instance(
            "skipwalk_cells",
            p_FILE=str(self._contents),
            p_ADDRESS_BITS=address_bits,
            p_DATA_BITS=bits,
            i_clk=ClockSignal(),
            i_en=en,
            i_wr_addr=write_at,
            i_wr_data=write_data,
            i_rd_addr=read_at,
            o_rd_data=read_data,
        )
        return en, write_at, write_data, read_at, read_data


class SdramMemory(wiring.Component):
    """A controller and its chip behind a port; in the domain ``memory``, behind a crossing, if their clock is another.

    Parameters
    ----------
    signature : MemoryPort
        Of the port; its addresses are at most as wide as the controller's.
    cfg : SdramConfig
    contents : Path, optional
        As of :class:`SdramCells`.
    clock_hz : int, optional
        Of the port; that of the SDRAM, if not given.

    Attributes
    ----------
    contents : Path or None
    cycles : Fraction or None
        Of the SDRAM's clock, for each of the port's; None, if that is the same clock.

    Members
    -------
    port : In(MemoryPort)
    """

    def __init__(
        self, signature: MemoryPort, cfg: SdramConfig, contents: Path | None = None, clock_hz: int | None = None
    ):
        self.contents = contents
        self._controller = SdramController(cfg, signature.last_bits)
        self._cells = SdramCells(cfg, cfg.BEATS << signature.address_bits, contents)
        self._crossing = PortCrossing.between(signature, clock_hz, cfg.clock_hz)
        self.cycles = Fraction(cfg.clock_hz, clock_hz) if self._crossing is not None and clock_hz else None
        super().__init__({"port": In(signature)})

    def elaborate(self, platform):
        m = Module()
        controller, cells, port = self._controller, self._cells, wiring.flipped(self.port)
        wiring.connect(m, controller.pins, cells.pins)
        if self._crossing is None:
            m.submodules.controller, m.submodules.cells = controller, cells
            widened(m, port, controller.port)
        else:
            across(m, port, self._crossing, controller)
            m.submodules.cells = DomainRenamer("memory")(cells)
        return m


def compile_with_sdram(top: Any, name: str, memory: SdramMemory, *, quick: bool = False) -> Path:
    """A component that has ``memory`` in it, as :func:`skipwalk.sim.rtl.verilated.compile_library` compiles one."""
    verilog = to_verilog(top, name, ("memory",) if memory.cycles else ())
    if memory.contents is not None:
        verilog += _CELL_MODEL.read_text()
    return compile_library(verilog, name, quick=quick, memory_clock=memory.cycles)
