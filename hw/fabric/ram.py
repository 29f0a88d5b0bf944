"""Memories with one write and one read port, behind one interface for every vendor."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from . import ecp5
from .pipeline import clog2, delay
from .ram_grid import BlockGrid
from .vendor import Vendor

__all__ = ["Ram"]


class Ram(wiring.Component):
    """``depth`` words of ``width`` bits; one is written and one read every cycle.

    Parameters
    ----------
    depth, width : int
        Words, and bits of a word.
    vendor : Vendor
        Whose block RAM is instantiated.
    primitives : bool
        False: behaviour that a simulator can run and any synthesis can infer from. True: the vendor's cell.
    style : str
        ``"block"`` for block RAM; ``"distributed"`` for LUT RAM of at most 128 words that is read without a clock.
    init : sequence of int
        Contents after configuration, from address 0; the rest is 0. Only with it may a word be read before it
        was written: ECP5 block RAM is otherwise undefined after power up (a simulation starts with zeros).

    Members
    -------
    wr_en : In(1), wr_addr : In(clog2(depth)), wr_data : In(width)
        A word is written while ``wr_en`` is high and can be read from the next cycle on.
    rd_addr : In(clog2(depth)), rd_data : Out(width)
        The word at the address of :attr:`latency` cycles earlier, as it was then.

    Timing: latency 0 (distributed), 2 (block: array, output register), or 3 (block RAM of several banks, with the
    choice of the bank registered). The vendor does not change it.

    What block RAM reads from an address **in the very cycle in which it is written** is undefined (LUT RAM: the old
    word). The twin of a vendor's block (``vendor`` not generic, ``primitives`` false) returns the complement of the
    old word there, so that whoever relies on it is found in simulation.

    Resources: :attr:`grid` ``.blocks`` block RAMs.

    Raises
    ------
    ValueError
        A size below 1, an unknown style, a distributed RAM of more than 128 words, or more initial words than words.
    """

    MAX_DISTRIBUTED = 128

    def __init__(
        self,
        depth: int,
        width: int,
        *,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
        style: str = "block",
        init: Sequence[int] = (),
    ):
        if depth < 1 or width < 1:
            raise ValueError(f"a RAM has at least one word of one bit, not {depth} of {width}")
        if style not in ("block", "distributed"):
            raise ValueError(f"style must be 'block' or 'distributed', not {style!r}")
        if style == "distributed" and depth > self.MAX_DISTRIBUTED:
            raise ValueError(f"a distributed RAM has at most {self.MAX_DISTRIBUTED} words, not {depth}; use 'block'")
        if len(init) > depth:
            raise ValueError(f"{len(init)} initial words do not fit a RAM of {depth}")
        self._depth = depth
        self._width = width
        self._vendor = Vendor(vendor)
        self._primitives = primitives
        self._style = style
        self._init = list(init)
        self.grid = BlockGrid.cheapest(depth, width)
        super().__init__(
            {
                "wr_en": In(1),
                "wr_addr": In(clog2(depth)),
                "wr_data": In(width),
                "rd_addr": In(clog2(depth)),
                "rd_data": Out(width),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``rd_addr`` to ``rd_data``."""
        return 0 if self._style == "distributed" else self.grid.latency

    def elaborate(self, platform):
        m = Module()
        if self._primitives and self._vendor is Vendor.ECP5 and self._style == "block":
            self._elaborate_ecp5(m)
            return m
        # Asynchronous read, then a register: Yosys makes a block RAM of both, and with the attribute it spares the
        # logic by which a synchronous read port returns the old word where an address is read and written at once.
        attrs: dict[str, int | str] = {"no_rw_check": 1}
        if self._style == "distributed" and not self._init:
            # Behind a register it would be taken for block RAM. One with contents that are never written is logic.
            attrs["ram_style"] = "distributed"
        memory = Memory(shape=self._width, depth=self._depth, init=self._init, attrs=attrs)
        m.submodules.memory = memory
        wr, rd = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            wr.en.eq(self.wr_en),
            wr.addr.eq(self.wr_addr),
            wr.data.eq(self.wr_data),
            rd.addr.eq(self.rd_addr),
        ]
        word = rd.data
        if self._vendor is not Vendor.GENERIC and self._style == "block":
            collision = self.wr_en & (self.wr_addr == self.rd_addr)
            word = word ^ collision.replicate(self._width)
        m.d.comb += self.rd_data.eq(delay(m, word, self.latency, name="word"))
        return m

    def _elaborate_ecp5(self, m: Module) -> None:
        grid = self.grid
        inner = clog2(grid.block_depth)
        pad = Cat(self.wr_data, Const(0, grid.columns * grid.block_width - self._width))
        words = []
        for row in range(grid.rows):
            wr_en = self.wr_en if grid.rows == 1 else self.wr_en & (self.wr_addr[inner:] == row)
            slices = []
            for column in range(grid.columns):
                low = column * grid.block_width
                mask = (1 << grid.block_width) - 1
                init = self._init[row * grid.block_depth : (row + 1) * grid.block_depth]
                block = ecp5.DP16KD(grid.block_width, init=[word >> low & mask for word in init])
                m.submodules[f"block_{row}_{column}"] = block
                m.d.comb += [
                    block.wr_en.eq(wr_en),
                    block.wr_addr.eq(self.wr_addr[:inner]),
                    block.wr_data.eq(pad[low : low + grid.block_width]),
                    block.rd_addr.eq(self.rd_addr[:inner]),
                ]
                slices.append(block.rd_data)
            words.append(Cat(slices)[: self._width])
        if grid.rows == 1:
            m.d.comb += self.rd_data.eq(words[0])
            return
        bank = delay(m, self.rd_addr[inner:], self.latency - 1, name="bank")
        word = Signal(self._width, reset_less=True)
        with m.Switch(bank):
            for row in range(grid.rows - 1):
                with m.Case(row):
                    m.d.sync += word.eq(words[row])
            with m.Default():
                m.d.sync += word.eq(words[-1])
        m.d.comb += self.rd_data.eq(word)
