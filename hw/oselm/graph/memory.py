"""What the graph store asks of a memory, and block RAM that answers."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2, delay
from ...fabric.ram import Ram
from ...fabric.vendor import Vendor

__all__ = ["BlockMemory", "MemoryPort", "ReadPort"]


class ReadPort(wiring.Signature):
    """Seen from the reader.

    Members
    -------
    request : Out(stream of addresses)
        An address that is not taken need not be offered again.
    response : In(stream of words, always ready)
        In the order of the requests, any number of cycles later. The reader has to take them: it asks only for what it
        has room for.
    """

    def __init__(self, address, word):
        super().__init__(
            {
                "request": Out(stream.Signature(address)),
                "response": In(stream.Signature(word, always_ready=True)),
            }
        )


class MemoryPort(wiring.Signature):
    """A :class:`ReadPort`, and ``write``, a stream of ``address`` and ``word``.

    A read sees all writes that were taken in earlier cycles, and none of those that are taken in later ones. What it
    sees of one that is taken in the same cycle is undefined.
    """

    def __init__(self, address, word):
        super().__init__(
            {
                **ReadPort(address, word).members,
                "write": Out(stream.Signature(data.StructLayout({"address": address, "word": word}))),
            }
        )


class BlockMemory(wiring.Component):
    """``depth`` words in block RAM.

    Parameters
    ----------
    depth : int
    word : shape
        Of a word.
    vendor : Vendor
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    port : In(MemoryPort)
        Always ready.

    Timing: a word is read and one is written every cycle; a response comes :attr:`latency` cycles after its request.

    Resources: :attr:`blocks` block RAMs, as :class:`~skipwalk.hw.fabric.ram_grid.BlockGrid` chooses them.
    """

    def __init__(self, depth: int, word: data.Layout, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        self._ram = Ram(depth, word.size, vendor=vendor, primitives=primitives)
        super().__init__({"port": In(MemoryPort(clog2(depth), word))})

    @property
    def latency(self) -> int:
        """Cycles from a request to its response."""
        return self._ram.latency

    @property
    def blocks(self) -> int:
        """Block RAMs."""
        return self._ram.grid.blocks

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = self._ram
        port = self.port
        asked = delay(m, port.request.valid, ram.latency, name="asked", reset_less=False)
        m.d.comb += [
            port.request.ready.eq(1),
            port.write.ready.eq(1),
            ram.rd_addr.eq(port.request.payload),
            ram.wr_en.eq(port.write.valid),
            ram.wr_addr.eq(port.write.payload.address),
            ram.wr_data.eq(port.write.payload.word),
            port.response.valid.eq(asked),
            port.response.payload.eq(ram.rd_data),
        ]
        return m
