"""The front end with a graph that is written from outside: words in, items of contexts and elements out."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from skipwalk.hw.fabric.pipeline import delay
from skipwalk.hw.fabric.ram import Ram
from skipwalk.hw.fabric.shared import QueryPort
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.front_end.front_end import FrontEnd
from skipwalk.hw.oselm.graph.layouts import EntryLayout, HeaderLayout
from skipwalk.hw.oselm.graph.ports import FixedRead
from skipwalk.sim.oselm.graph.store import GraphStore

__all__ = ["ELEMENT", "FLUSHED", "GraphMemory", "WalkWords", "words_of"]

HEADER, ENTRY, ROWS, SET, START, WALK, FLUSH, FILL, STALL = range(9)
ELEMENT, FLUSHED = 1 << 30, 1 << 31


class GraphMemory(wiring.Component):
    """Words that are read by two, of which the second may be kept waiting: in each cycle with a chance of
    ``stall`` / 16."""

    def __init__(self, depth: int, word, *, vendor, init=()):
        self._ram = Ram(depth, word.size, vendor=vendor, init=[word.as_value().value for word in init])
        bits = (depth - 1).bit_length()
        super().__init__(
            {
                "first": In(FixedRead(bits, word)),
                "second": In(QueryPort(bits, word)),
                "stall": In(4),
                "wr_en": In(1),
                "wr_addr": In(bits),
                "wr_data": In(word),
            }
        )

    @property
    def latency(self) -> int:
        return 1 + self._ram.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = self._ram
        first, request, response = self.first, self.second.request, self.second.response
        lfsr = Signal(16, init=1)
        m.d.sync += lfsr.eq(Cat(lfsr[15] ^ lfsr[13] ^ lfsr[12] ^ lfsr[10], lfsr[:15]))
        m.d.comb += request.ready.eq(~first.en & (lfsr[3:7] >= self.stall))
        address = Signal.like(ram.rd_addr)
        m.d.sync += address.eq(first.address)
        with m.If(~first.en):
            m.d.sync += address.eq(request.payload)
        taken = request.valid & request.ready
        m.d.comb += [
            ram.rd_addr.eq(address),
            first.word.eq(ram.rd_data),
            response.payload.eq(ram.rd_data),
            response.valid.eq(delay(m, taken, self.latency, name="taken", reset_less=False)),
            ram.wr_en.eq(self.wr_en),
            ram.wr_addr.eq(self.wr_addr),
            ram.wr_data.eq(self.wr_data),
        ]
        return m


class WalkWords(wiring.Component):
    """A word for each centre and sample (as ContextWords), each element of a row, and each FLUSH, the latter with the
    number of rejections and of walks made."""

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        header, entry = HeaderLayout(cfg), EntryLayout(cfg)
        m.submodules.headers = headers = GraphMemory(cfg.nodes, header, vendor=cfg.vendor)
        m.submodules.entries = entries = GraphMemory(cfg.edge_ends, entry, vendor=cfg.vendor)
        m.submodules.front = front = FrontEnd(cfg, header_latency=headers.latency, entry_latency=entries.latency)
        m.submodules.queue = queue = SyncFIFOBuffered(width=32, depth=1024)
        wiring.connect(m, front.graph.headers, headers.second)
        wiring.connect(m, front.graph.entries, entries.second)
        wiring.connect(m, front.graph.negative_headers, headers.first)
        wiring.connect(m, front.graph.negative_entries, entries.first)

        word, argument, left = self.i.payload, Signal(28), Signal(28)
        words = [Signal(32, name=f"word_{n}") for n in range(3)]
        rows, opened, stall = Signal.like(front.graph.extent.rows), Signal(), Signal(4)
        rejected, made = Signal(16), Signal(15)
        m.d.sync += [rejected.eq(rejected + front.rejected), made.eq(made + front.made)]
        m.d.comb += [
            front.graph.extent.rows.eq(rows),
            front.graph.extent.open.eq(opened),
            headers.stall.eq(stall),
            entries.stall.eq(stall),
            headers.wr_addr.eq(argument),
            headers.wr_data.place.eq(words[0]),
            headers.wr_data.degree.eq(words[1]),
            entries.wr_addr.eq(argument),
            entries.wr_data.row.eq(words[0]),
            front.host.setting.number.eq(argument),
            front.host.setting.value.eq(words[0]),
            front.starts.payload.kind.eq(argument),
            front.starts.payload.count.eq(words[0]),
            front.starts.payload.u.eq(words[1]),
            front.starts.payload.v.eq(words[2]),
            front.fill.rows.payload.eq(argument),
            front.host.words.payload.eq(word),
        ]
        if cfg.weight_bits:
            m.d.comb += entries.wr_data.sum.eq(words[1])
        item = front.o.payload
        m.d.comb += [
            front.o.ready.eq((queue.w_level < 1000) & ~front.fill.element.en),
            queue.w_en.eq(front.o.valid & front.o.ready),
            queue.w_data.eq(Cat(item.row, Const(0, 20 - cfg.row_bits), item.label, item.centre, item.ends)),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        element = front.fill.element
        with m.If(element.en):
            m.d.comb += [
                queue.w_en.eq(1),
                queue.w_data.eq(ELEMENT | element.index << 17 | element.value.as_unsigned()),
            ]
        operands = {HEADER: 2, ENTRY: 2, SET: 1, START: 3}
        opcode = Signal(4)
        with m.FSM():
            with m.State("OPCODE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [argument.eq(word), left.eq(0), opcode.eq(word[28:])]
                with m.If(self.i.valid), m.Switch(word[28:]):
                    for code, n in operands.items():
                        with m.Case(code):
                            m.d.sync += left.eq(n)
                            m.next = "OPERANDS"
                    with m.Case(ROWS):
                        m.d.sync += [rows.eq(word), opened.eq(1)]
                    with m.Case(STALL):
                        m.d.sync += stall.eq(word)
                    with m.Case(WALK):
                        m.d.sync += left.eq(word)
                        m.next = "WALK"
                    with m.Case(FLUSH):
                        m.next = "FLUSH"
                    with m.Case(FILL):
                        m.next = "FILL"
            with m.State("OPERANDS"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    with m.Switch(opcode):
                        for code, n in operands.items():
                            with m.Case(code), m.Switch(left):
                                for k in range(1, n + 1):
                                    with m.Case(k):
                                        m.d.sync += words[n - k].eq(word)
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "DO"
            with m.State("DO"):
                m.next = "OPCODE"
                with m.Switch(opcode):
                    with m.Case(HEADER):
                        m.d.comb += headers.wr_en.eq(1)
                    with m.Case(ENTRY):
                        m.d.comb += entries.wr_en.eq(1)
                    with m.Case(SET):
                        m.d.comb += front.host.close.eq(1)
                        m.next = "SET"
                    with m.Case(START):
                        m.next = "START"
            with m.State("SET"):
                m.d.comb += front.host.close.eq(1)
                with m.If(front.host.idle):
                    m.d.comb += front.host.setting.en.eq(1)
                    m.next = "SETTLE"
            with m.State("SETTLE"):
                with m.If(front.host.idle):
                    m.next = "OPCODE"
            with m.State("START"):
                m.d.comb += front.starts.valid.eq(1)
                with m.If(front.starts.ready):
                    m.next = "OPCODE"
            with m.State("WALK"):
                m.d.comb += [front.host.words.valid.eq(self.i.valid), self.i.ready.eq(front.host.words.ready)]
                with m.If(self.i.valid & front.host.words.ready):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "BUSY"
            with m.State("BUSY"), m.If(~front.host.busy):
                m.next = "OPCODE"
            with m.State("FLUSH"):
                m.d.comb += front.host.close.eq(1)
                with m.If(front.host.idle & ~front.fill.busy & (queue.w_level < 1000)):
                    m.d.comb += [queue.w_en.eq(1), queue.w_data.eq(Cat(rejected, made, Const(1, 1)))]
                    m.next = "OPCODE"
            with m.State("FILL"):
                m.d.comb += front.fill.rows.valid.eq(queue.w_level < 500)
                with m.If(front.fill.rows.valid & front.fill.rows.ready):
                    m.next = "OPCODE"
        return m


def words_of(store: GraphStore) -> np.ndarray:
    """Words that write a store into the memories."""
    a = store.arrays
    out: list[int] = []
    for row in range(store.nodes):
        out += [HEADER << 28 | row, int(a.place[row]), int(a.degree[row])]
    for e in range(store.top):
        out += [ENTRY << 28 | e, int(a.neighbours[e]), int(a.sums[e]) if len(a.sums) else 0]
    return (np.array([*out, ROWS << 28 | store.rows]) & 0xFFFF_FFFF).astype(np.uint32)
