"""The port of a memory outside the chip: bursts of words."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["MemoryPort", "RequestLayout", "WordLayout", "widened"]


class RequestLayout(data.StructLayout):
    """``last + 1`` words from ``address`` on, which counts words; ``write`` or read them."""

    def __init__(self, address_bits: int, last_bits: int):
        super().__init__({"address": address_bits, "last": last_bits, "write": 1})


class WordLayout(data.StructLayout):
    """A word to be written, and which of its bytes are; byte 0 is the lowest."""

    def __init__(self, word_bits: int):
        super().__init__({"data": word_bits, "strobes": word_bits // 8})


class MemoryPort(wiring.Signature):
    """Seen from who needs memory.

    Requests take effect one after another: a read sees all writes that were requested before it. Words of writes may
    come before their request or after it, in order; words of reads come in order.

    Parameters
    ----------
    address_bits : int
        A burst does not go beyond the last address.
    word_bits : int
        A multiple of 8.
    last_bits : int
        A burst has at most ``2**last_bits`` words.

    Members
    -------
    request : Out(stream of RequestLayout), write : Out(stream of WordLayout), read : In(stream of words)
    opened : In(1)
        An event, for a counter: memory has opened a page that was not at hand. 0 where it has none.

    Raises ValueError for a word of part of a byte.
    """

    def __init__(self, address_bits: int, word_bits: int, last_bits: int):
        if word_bits < 8 or word_bits % 8:
            raise ValueError(f"word_bits must be a multiple of 8, not {word_bits}")
        self.address_bits, self.word_bits, self.last_bits = address_bits, word_bits, last_bits
        super().__init__(
            {
                "request": Out(stream.Signature(RequestLayout(address_bits, last_bits))),
                "write": Out(stream.Signature(WordLayout(word_bits))),
                "read": In(stream.Signature(word_bits)),
                "opened": In(1),
            }
        )


def widened(m: Module, port, memory) -> None:
    """Connects who needs memory to a ``memory`` of as many addresses or more; words are alike, and so are bursts."""
    wiring.connect(m, port.write, memory.write)
    wiring.connect(m, memory.read, port.read)
    asked, request = port.request.payload, memory.request.payload
    m.d.comb += [
        request.address.eq(asked.address),
        request.last.eq(asked.last),
        request.write.eq(asked.write),
        memory.request.valid.eq(port.request.valid),
        port.request.ready.eq(memory.request.ready),
        port.opened.eq(memory.opened),
    ]
