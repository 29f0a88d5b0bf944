"""Streams and a memory in plain Python for blocks of the graph store, in Amaranth's own simulator."""

from collections import deque
from collections.abc import Iterable
from random import Random
from typing import Any

from amaranth.hdl import Value
from amaranth.lib.wiring import Component

from .simulator import simulator_of

__all__ = ["PlainMemory", "answers", "as_int", "simulation"]


def as_int(ctx, port) -> int:
    """Bits of a port, whatever its layout."""
    return ctx.get(Value.cast(port))


class PlainMemory:
    """Behind a MemoryPort or ReadPort; its ``words`` are numbers.

    Parameters
    ----------
    port : the design's
    words : iterable of int
    latency : int
        Least number of cycles from a request to its response.
    stall : float
        Chance, in each cycle, that a request or a write is not taken, or a response does not come.
    write_stall : float, optional
        The same for writes alone.
    """

    def __init__(self, port, words: Iterable[int], *, latency=3, stall=0.0, write_stall=None, seed=0):
        self.port, self.words, self.latency, self.stall = port, list(words), latency, stall
        self.write_stall = stall if write_stall is None else write_stall
        self._random = Random(seed)
        self.requests: list[int] = []

    async def serve(self, ctx) -> None:
        request, response, write = self.port.request, self.port.response, getattr(self.port, "write", None)
        due: deque[tuple[int, int]] = deque()
        t = 0

        def go(stall=self.stall):
            return int(self._random.random() >= stall)

        while True:
            reads, writes = go(), go(self.write_stall)
            ctx.set(request.ready, reads)
            if write is not None:
                ctx.set(write.ready, writes)
            ctx.set(response.valid, 0)
            if due and due[0][0] <= t and go():
                ctx.set(response.valid, 1)
                ctx.set(Value.cast(response.payload), due.popleft()[1])
            # A design that is combinational in ``ready`` settles before it is looked at.
            await ctx.delay(1e-8)
            reads &= ctx.get(request.valid)
            address = ctx.get(request.payload)
            writes &= 0 if write is None else ctx.get(write.valid)
            target, word = (
                (0, 0) if write is None else (ctx.get(write.payload.address), as_int(ctx, write.payload.word))
            )
            await ctx.tick()
            assert not (reads and writes and address == target), f"{address} is read and written at once"
            if reads:
                self.requests.append(address)
                due.append((t + self.latency, self.words[address]))
            if writes:
                self.words[target] = word
            t += 1


async def answers(
    ctx, dut: Component, inputs: Iterable[Any], *, gap: float = 0.0, seed: int = 0
) -> tuple[list[int], list[int]]:
    """Put words through ``i`` and ``o`` of a block one after another; what comes out, and the cycles each takes from
    being taken to being answered. With ``gap`` the answer waits now and then."""
    random = Random(seed)
    out, cycles = [], []
    for word in inputs:
        ctx.set(dut.i.payload, word)
        ctx.set(dut.i.valid, 1)
        *_, ready = await ctx.tick().sample(dut.i.ready)
        while not ready:
            *_, ready = await ctx.tick().sample(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        n, taken = 1, False
        while not taken:
            go = random.random() >= gap
            ctx.set(dut.o.ready, int(go))
            *_, valid, payload = await ctx.tick().sample(dut.o.valid, Value.cast(dut.o.payload))
            taken = valid and go
            n += not taken
        ctx.set(dut.o.ready, 0)
        out.append(payload)
        cycles.append(n)
    return out, cycles


def simulation(dut: Component, bench, *background) -> None:
    """Run a testbench beside others that go on as long as it does."""
    simulator = simulator_of(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    for process in background:
        simulator.add_testbench(process, background=True)
    simulator.run()
