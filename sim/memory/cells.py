"""An SDR SDRAM in gateware that trusts its controller: for simulations that are too long to be watched.

:mod:`.sdram` is the chip that holds a controller to the data sheet; this one does what it is told, in time.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from ...hw.fabric.pipeline import delay
from ...hw.memory.port import MemoryPort, widened
from ...hw.memory.sdram import SdramController, SdramPins
from ...hw.memory.sdram_config import SdramConfig

__all__ = ["SdramCells", "SdramMemory"]


class SdramCells(wiring.Component):
    """Bursts of two, whose data come ``cas`` clocks after READ. Contents stay in a reset.

    Parameters
    ----------
    cfg : SdramConfig
    depth : int
        Values of 16 bits that there are, a power of two; addresses are taken modulo it.

    Members
    -------
    pins : In(SdramPins)
    """

    def __init__(self, cfg: SdramConfig, depth: int):
        self._cfg = cfg
        self._memory = Memory(shape=cfg.DATA_BITS, depth=depth, init=[])
        super().__init__({"pins": In(SdramPins(cfg))})

    def elaborate(self, platform):
        cfg, pins = self._cfg, self.pins
        m = Module()
        m.submodules.memory = memory = self._memory
        write, read = memory.write_port(granularity=8), memory.read_port(domain="comb")
        # No reset: rows that are open stay open until the controller closes them.
        rows = Array(Signal(cfg.row_bits, name=f"row_{i}", reset_less=True) for i in range(1 << cfg.bank_bits))
        active, reads, writes = (
            pins.cs & (Cat(pins.ras, pins.cas, pins.we) == command) for command in (0b001, 0b010, 0b110)
        )
        with m.If(active):
            m.d.sync += rows[pins.ba].eq(pins.a)
        column = pins.a[: cfg.column_bits]
        # From the lowest bit on: column, bank, row, as the controller's addresses go on.
        cell, second = Signal(cfg.column_bits + cfg.bank_bits + cfg.row_bits), Signal.like(write.addr)
        again = Signal()
        m.d.comb += cell.eq(Cat(column, pins.ba, rows[pins.ba]))
        m.d.sync += [again.eq(writes), second.eq(cell + 1)]
        m.d.comb += [
            write.addr.eq(Mux(again, second, cell)),
            write.data.eq(pins.dq_o),
            write.en.eq(~pins.dqm & (writes | again).replicate(len(pins.dqm))),
        ]
        asked, first = delay(m, cell, cfg.cas, name="cell"), delay(m, reads, cfg.cas, name="reads")
        follows = delay(m, asked + 1, 1, name="follows")
        m.d.comb += [
            read.addr.eq(Mux(first, asked, follows)),
            pins.dq_i.eq(read.data),
        ]
        return m


class SdramMemory(wiring.Component):
    """A controller and its chip behind a port.

    Parameters
    ----------
    signature : MemoryPort
        Of the port; its addresses are at most as wide as the controller's.
    cfg : SdramConfig

    Members
    -------
    port : In(MemoryPort)
    """

    def __init__(self, signature: MemoryPort, cfg: SdramConfig):
        self._controller = SdramController(cfg, signature.last_bits)
        self._cells = SdramCells(cfg, cfg.BEATS << signature.address_bits)
        super().__init__({"port": In(signature)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.controller, m.submodules.cells = controller, cells = self._controller, self._cells
        wiring.connect(m, controller.pins, cells.pins)
        widened(m, wiring.flipped(self.port), controller.port)
        return m
