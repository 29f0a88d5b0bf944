"""Headers and entries of the graph in memory outside, each in a burst of its own."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ...memory import port as outside
from ..memory_map import Region
from .memory import MemoryPort, ReadPort

__all__ = ["WordsOutside"]


class WordsOutside(wiring.Component):
    """The graph's words at ``region`` of a memory, behind the port that the graph's readers and the edit engine know.

    Parameters
    ----------
    region : Region
        Where they are; of 1 or 2 words of memory each.
    address, word : shape
        As of :class:`~skipwalk.hw.oselm.graph.memory.MemoryPort`.
    signature : skipwalk.hw.memory.port.MemoryPort
        Of the memory.
    writes : bool
        Without, words are only read.

    Members
    -------
    port : In(MemoryPort), or In(ReadPort) without ``writes``
        What is taken has been asked of memory.
    memory : Out(skipwalk.hw.memory.port.MemoryPort)
        Words that were asked for are taken at once, and those to be written are there.

    Timing: a request a cycle; a response comes in the cycle after its last word from memory: the
    wires to its reader are the longest.

    Resources: with ``writes``, a queue of :data:`WAITING` words to be written, in LUT RAM.

    Raises
    ------
    ValueError
        A word does not fit the words of memory that it has, or its base and its address have bits in common.
    """

    WAITING = 4

    def __init__(self, region: Region, address, word: data.Layout, signature: outside.MemoryPort, *, writes: bool):
        if not 1 <= region.words <= 2 or word.size > region.words * signature.word_bits:
            raise ValueError(f"{word.size} bits do not fit {region.words} words of {signature.word_bits}")
        if region.base % (1 << (region.items * region.words - 1).bit_length()):
            raise ValueError(f"base {region.base} is no multiple of the size of {region}")
        self._region, self._signature, self._word = region, signature, word
        graph = MemoryPort(address, word) if writes else ReadPort(address, word)
        self._writes = writes
        super().__init__({"port": In(graph), "memory": Out(signature)})

    def elaborate(self, platform):
        m = Module()
        port, asked = self.port, self.memory.request
        writes, offered = Signal(), Signal()
        place = Signal.like(port.request.payload)
        m.d.comb += [
            place.eq(port.request.payload),
            asked.valid.eq(writes | port.request.valid),
            asked.payload.address.eq(self._address(place)),
            asked.payload.last.eq(self._region.words - 1),
            asked.payload.write.eq(writes),
            port.request.ready.eq(~writes & asked.ready),
        ]
        # A read that has been offered goes first.
        m.d.sync += offered.eq(port.request.valid & ~writes & ~asked.ready)
        if self._writes:
            self._write(m, writes, offered, place)
        self._read(m)
        return m

    def _address(self, place: Value) -> Value:
        region = self._region
        low = Cat(Const(0, region.words - 1), place)
        return region.base | low[: (region.items * region.words - 1).bit_length()]

    def _write(self, m: Module, writes: Value, offered: Value, place: Value) -> None:
        """A write is taken when its request is, and its word waits until memory takes that."""
        words, given, bits = self.memory.write, self.port.write, self._signature.word_bits
        m.submodules.waiting = waiting = SyncFIFO(width=self._word.size, depth=self.WAITING)
        m.d.comb += [
            writes.eq(given.valid & waiting.w_rdy & ~offered),
            given.ready.eq(writes & self.memory.request.ready),
            waiting.w_en.eq(given.ready),
            waiting.w_data.eq(given.payload.word),
            words.valid.eq(waiting.r_rdy),
            words.payload.strobes.eq((1 << bits // 8) - 1),
            words.payload.data.eq(waiting.r_data),
            waiting.r_en.eq(words.ready),
        ]
        with m.If(writes):
            m.d.comb += place.eq(given.payload.address)
        if self._region.words == 2:
            upper = Signal()
            m.d.comb += [
                waiting.r_en.eq(words.ready & upper),
                words.payload.data.eq(Mux(upper, waiting.r_data[bits:], waiting.r_data[:bits])),
            ]
            with m.If(words.valid & words.ready):
                m.d.sync += upper.eq(~upper)

    def _read(self, m: Module) -> None:
        """Words of memory become one of the graph's."""
        read, response = self.memory.read, self.port.response
        word, complete = Signal.like(read.payload, reset_less=True), read.valid
        whole = word
        m.d.comb += read.ready.eq(1)
        with m.If(read.valid):
            m.d.sync += word.eq(read.payload)
        if self._region.words == 2:
            lower, upper = Signal.like(word, reset_less=True), Signal()
            with m.If(read.valid):
                m.d.sync += [upper.eq(~upper), lower.eq(word)]
            whole, complete = Cat(lower, word), read.valid & upper
        m.d.comb += Value.cast(response.payload).eq(whole)
        m.d.sync += response.valid.eq(complete)
