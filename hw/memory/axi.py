"""An AXI4 master behind the port of a memory: bursts, several under way, none overtaken by one it depends on."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2
from .cutter import BurstCutter
from .port import MemoryPort

__all__ = ["AxiBus", "AxiMaster"]


class AxiBus(wiring.Signature):
    """An AXI4 master's pins, one ID."""

    def __init__(self, address_bits: int, data_bits: int):
        address = {"id": 1, "addr": address_bits, "len": 8, "size": 3, "burst": 2, "cache": 4, "prot": 3, "valid": 1}
        super().__init__(
            {
                **{f"aw{name}": Out(bits) for name, bits in address.items()},
                "awready": In(1),
                "wdata": Out(data_bits),
                "wstrb": Out(data_bits // 8),
                "wlast": Out(1),
                "wvalid": Out(1),
                "wready": In(1),
                "bid": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                **{f"ar{name}": Out(bits) for name, bits in address.items()},
                "arready": In(1),
                "rid": In(1),
                "rdata": In(data_bits),
                "rresp": In(2),
                "rlast": In(1),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


class _Pending(wiring.Component):
    """The pages of bursts that are under way: they end in the order in which they begin.

    ``begin`` with ``page``, only with ``room``; ``end`` of the oldest; whether ``asked`` is ``among`` them; whether
    there are any (``busy``).
    """

    def __init__(self, depth: int, page_bits: int):
        self._depth = depth
        super().__init__(
            {
                "begin": In(1),
                "page": In(page_bits),
                "room": Out(1),
                "end": In(1),
                "asked": In(page_bits),
                "among": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        held = Signal(self._depth)
        pages = [Signal.like(self.page, name=f"page_{i}", reset_less=True) for i in range(self._depth)]
        newest, oldest = Signal(range(self._depth)), Signal(range(self._depth))
        begins, ends = Signal(self._depth), Signal(self._depth)
        m.d.comb += [
            begins.eq(self.begin << newest),
            ends.eq(self.end << oldest),
            self.room.eq(~held.all()),
            self.busy.eq(held.any()),
            self.among.eq(Cat(held[i] & (page == self.asked) for i, page in enumerate(pages)).any()),
        ]
        m.d.sync += [held.eq((held | begins) & ~ends), newest.eq(newest + self.begin), oldest.eq(oldest + self.end)]
        for i, page in enumerate(pages):
            with m.If(begins[i]):
                m.d.sync += page.eq(self.page)
        return m


class AxiMaster(wiring.Component):
    """Executes bursts: up to ``outstanding`` reads and as many writes are under way at a time.

    AXI keeps the order of reads, and that of writes, but not between them. So a read waits while a write of the same
    page (of 4 KB, or 256 words if that is less) is under way, and a write while such a read is.

    Parameters
    ----------
    address_bits : int
        Of the port, which counts words.
    data_bits : int
        Of a word: 32, 64 or 128.
    last_bits : int
        Of the port. A burst is cut where a page ends, as AXI demands.
    bus_bits : int
        Of the bus's addresses, which count bytes.
    outstanding : int
        A power of two.

    Members
    -------
    port : In(MemoryPort)
    axi : Out(AxiBus)
    base : In(bus_bits)
        Where word 0 lies; a multiple of 4 KB; steady while bursts are under way.
    idle : Out(1)
        All bursts have been answered.
    failed : Out(2)
        A burst of reads (bit 0) or writes (bit 1) was answered by an error, in this cycle. Words of it count as read.

    Timing: a word a cycle in each direction; a burst begins 3 cycles after its request at the earliest.
    Resources: ``2 * outstanding`` comparisons of pages, a queue of ``outstanding`` lengths.

    Raises ValueError for a width or number out of range.
    """

    PAGE_BYTES, MOST_WORDS = 4096, 256

    def __init__(self, *, address_bits: int, data_bits: int, last_bits: int, bus_bits: int = 32, outstanding: int = 4):
        if data_bits not in (32, 64, 128):
            raise ValueError(f"data_bits must be 32, 64 or 128, not {data_bits}")
        if outstanding < 2 or outstanding & (outstanding - 1):
            raise ValueError(f"outstanding must be a power of two of at least 2, not {outstanding}")
        if address_bits + clog2(data_bits // 8) > bus_bits:
            raise ValueError(f"{address_bits} bits of words of {data_bits // 8} bytes exceed a bus of {bus_bits} bits")
        self._data_bits, self._last_bits, self._outstanding = data_bits, last_bits, outstanding
        self._page_bits = clog2(min(self.PAGE_BYTES // (data_bits // 8), self.MOST_WORDS))
        self._address_bits = max(address_bits, self._page_bits + 1)
        super().__init__(
            {
                "port": In(MemoryPort(address_bits, data_bits, last_bits)),
                "axi": Out(AxiBus(bus_bits, data_bits)),
                "base": In(bus_bits),
                "idle": Out(1),
                "failed": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi, port = self.axi, self.port
        pages = self._address_bits - self._page_bits
        m.submodules.cutter = cutter = BurstCutter(self._address_bits, self._last_bits, self._page_bits)
        m.submodules.reads = reads = _Pending(self._outstanding, pages)
        m.submodules.writes = writes = _Pending(self._outstanding, pages)
        part, page = cutter.o.payload, cutter.o.payload.address[self._page_bits :]
        m.d.comb += [
            cutter.i.payload.address.eq(port.request.payload.address),
            cutter.i.payload.last.eq(port.request.payload.last),
            cutter.i.payload.write.eq(port.request.payload.write),
            cutter.i.valid.eq(port.request.valid),
            port.request.ready.eq(cutter.i.ready),
        ]
        for pending in (reads, writes):
            m.d.comb += [pending.page.eq(page), pending.asked.eq(page)]
        lengths_ready = self._write(m, writes, part.last)
        begins_read = reads.room & ~writes.among & (~axi.arvalid | axi.arready)
        begins_write = writes.room & ~reads.among & (~axi.awvalid | axi.awready) & lengths_ready
        m.d.comb += [
            cutter.o.ready.eq(Mux(part.write, begins_write, begins_read)),
            writes.begin.eq(cutter.o.valid & part.write & begins_write),
            reads.begin.eq(cutter.o.valid & ~part.write & begins_read),
        ]
        for name, pending in (("aw", writes), ("ar", reads)):
            self._address(m, name, pending.begin, part)
        self._read(m, reads)
        m.d.comb += self.idle.eq(~(port.request.valid | cutter.o.valid | reads.busy | writes.busy))
        return m

    def _address(self, m, name, begins, part):
        """A channel of addresses."""
        names = ("addr", "len", "size", "burst", "cache", "valid", "ready")
        pins = {pin: getattr(self.axi, name + pin) for pin in names}
        size = clog2(self._data_bits // 8)
        # Bursts of rising addresses, whole words, modifiable and bufferable.
        m.d.comb += [pins["size"].eq(size), pins["burst"].eq(1), pins["cache"].eq(0b0011)]
        with m.If(pins["ready"]):
            m.d.sync += pins["valid"].eq(0)
        with m.If(begins):
            m.d.sync += [
                pins["valid"].eq(1),
                pins["addr"].eq(self.base + Cat(Const(0, size), part.address)),
                pins["len"].eq(part.last),
            ]

    def _write(self, m, writes, last):
        """Words of the bursts whose addresses have been given; returns whether another length can be noted."""
        axi, words = self.axi, self.port.write
        m.submodules.lengths = lengths = SyncFIFOBuffered(width=self._page_bits, depth=self._outstanding)
        word, left, under_way = words.payload, Signal(self._page_bits), Signal()
        m.d.comb += [
            lengths.w_data.eq(last),
            lengths.w_en.eq(writes.begin),
            axi.wdata.eq(word.data),
            axi.wstrb.eq(word.strobes),
            axi.wlast.eq(left == 0),
            axi.wvalid.eq(under_way & words.valid),
            words.ready.eq(under_way & axi.wready),
            axi.bready.eq(1),
            writes.end.eq(axi.bvalid),
        ]
        ends = axi.wvalid & axi.wready & axi.wlast
        m.d.comb += lengths.r_en.eq(~under_way | ends)
        with m.If(lengths.r_en):
            m.d.sync += [under_way.eq(lengths.r_rdy), left.eq(lengths.r_data)]
        with m.Elif(axi.wvalid & axi.wready):
            m.d.sync += left.eq(left - 1)
        m.d.sync += self.failed[1].eq(axi.bvalid & axi.bresp[1])
        return lengths.w_rdy

    def _read(self, m, reads):
        """Words as they come."""
        axi, words = self.axi, self.port.read
        comes, wrong = Signal(), Signal()
        m.d.comb += [
            words.payload.eq(axi.rdata),
            words.valid.eq(axi.rvalid),
            axi.rready.eq(words.ready),
            comes.eq(axi.rvalid & axi.rready),
            reads.end.eq(comes & axi.rlast),
        ]
        m.d.sync += self.failed[0].eq(reads.end & (wrong | axi.rresp[1]))
        with m.If(comes):
            m.d.sync += wrong.eq((wrong | axi.rresp[1]) & ~axi.rlast)
