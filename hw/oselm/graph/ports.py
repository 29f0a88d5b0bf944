"""Ports of the graph store, and how several readers share its memories."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import delay
from ..config import CoreConfig
from .memory import BlockMemory, MemoryPort, ReadPort

__all__ = ["FixedRead", "GraphExtent", "OneAtATime", "SharedMemory"]


class GraphExtent(wiring.Signature):
    """From the store.

    ``rows`` : 1 + the highest row that has been known since CLEAR.
    ``open`` : CLEAR has been done since the reset; until then all else is rejected.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__({"rows": Out(range(cfg.nodes + 1)), "open": Out(1)})


class FixedRead(wiring.Signature):
    """Seen from the reader, which is never refused: ``en`` and ``address``, and ``word`` a fixed number of cycles
    later."""

    def __init__(self, address, word):
        super().__init__({"en": Out(1), "address": Out(address), "word": In(word)})


class SharedMemory(wiring.Component):
    """A block memory for three.

    Parameters
    ----------
    memory : BlockMemory
        Becomes a submodule.

    Members
    -------
    first : In(FixedRead)
        Goes before all others; its word comes :attr:`latency` cycles after ``en``.
    second : In(MemoryPort)
        Reads whenever ``first`` does not; its writes are always taken.
    third : In(ReadPort)
        Reads whenever neither of the others does.

    Timing: one read and one write a cycle, each :attr:`latency` cycles from request to response: a register that
    keeps the choice away from the memory, and the memory.
    """

    def __init__(self, memory: BlockMemory):
        self._memory = memory
        address, word = memory.port.request.payload.shape(), memory.port.response.payload.shape()
        super().__init__(
            {
                "first": In(FixedRead(address, word)),
                "second": In(MemoryPort(address, word)),
                "third": In(ReadPort(address, word)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a request to its response."""
        return 1 + self._memory.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self._memory
        first, second, third, port = self.first, self.second, self.third, memory.port
        asked, write = port.request, port.write
        address, to_second, to_third = Signal.like(asked.payload, reset_less=True), Signal(), Signal()
        written, writes = Signal.like(write.payload, reset_less=True), Signal()
        m.d.comb += [
            second.request.ready.eq(~first.en),
            third.request.ready.eq(~first.en & ~second.request.valid),
            second.write.ready.eq(1),
        ]
        m.d.sync += [
            to_second.eq(second.request.valid & second.request.ready),
            to_third.eq(third.request.valid & third.request.ready),
            address.eq(third.request.payload),
            writes.eq(second.write.valid),
            written.eq(second.write.payload),
        ]
        with m.If(first.en):
            m.d.sync += address.eq(first.address)
        with m.Elif(second.request.valid):
            m.d.sync += address.eq(second.request.payload)
        m.d.comb += [
            asked.valid.eq(1),
            asked.payload.eq(address),
            write.valid.eq(writes),
            write.payload.eq(written),
            first.word.eq(port.response.payload),
            second.response.payload.eq(port.response.payload),
            third.response.payload.eq(port.response.payload),
            second.response.valid.eq(delay(m, to_second, memory.latency, name="for_second", reset_less=False)),
            third.response.valid.eq(delay(m, to_third, memory.latency, name="for_third", reset_less=False)),
        ]
        return m


class OneAtATime(wiring.Component):
    """Several users of one port, of whom only one at a time asks, waits for responses, or writes.

    Parameters
    ----------
    n : int
        Users.
    address, word : shape

    Members
    -------
    users : array(n) of In(MemoryPort)
    memory : Out(MemoryPort)

    Timing: no register either way.
    """

    def __init__(self, n: int, address, word):
        port = MemoryPort(address, word)
        super().__init__({"users": In(port).array(n), "memory": Out(port)})

    def elaborate(self, platform):
        m = Module()
        memory = self.memory
        for i, user in enumerate(self.users):
            for offered, taken in ((user.request, memory.request), (user.write, memory.write)):
                m.d.comb += offered.ready.eq(taken.ready)
                with m.If(offered.valid):
                    m.d.comb += [taken.valid.eq(1), taken.payload.eq(offered.payload)]
            asked = Signal(name=f"asked_{i}")
            with m.If(memory.request.valid):
                m.d.sync += asked.eq(user.request.valid)
            m.d.comb += [
                user.response.valid.eq(memory.response.valid & asked),
                user.response.payload.eq(memory.response.payload),
            ]
        return m
