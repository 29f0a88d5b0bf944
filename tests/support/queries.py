"""Amaranth's simulator with streams and queries at random paces."""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal

from .simulator import simulator_of

__all__ = ["Bench"]


class Bench:
    """A component with sources, sinks and servers at its ports.

    Parameters
    ----------
    dut : Component
    gap : float
        Chance, in each cycle, that a source, sink or server is not ready.
    seed : int
    """

    def __init__(self, dut: Any, *, gap: float = 0.0, seed: int = 0):
        self._dut, self._random, self._gap = dut, Random(seed), gap
        self._reset = Signal()
        top = Module()
        top.submodules.dut = ResetInserter(self._reset)(dut)
        # So that there is a clock even where the component is combinational.
        top.d.sync += Signal(name="odd_cycle").eq(1)
        self._simulator = simulator_of(top)
        self._simulator.add_clock(1e-6)
        self.cycles = 0
        self._simulator.add_testbench(self._count, background=True)

    async def _count(self, ctx):
        while True:
            await ctx.tick()
            self.cycles += 1

    def pauses(self) -> bool:
        """Whether whoever asks is to wait for a cycle."""
        return self._random.random() < self._gap

    def drive(self, port: Any = None, /, **values: Any) -> None:
        """Hold inputs of the component, or of one of its interfaces."""
        held = self._dut if port is None else port

        async def hold(ctx):
            for name, value in values.items():
                ctx.set(getattr(held, name), value)

        self._simulator.add_testbench(hold)

    def testbench(self, process: Callable[[Any], Any]) -> None:
        """Any other process of Amaranth's simulator."""
        self._simulator.add_testbench(process)

    def source(self, stream: Any, payloads: Sequence[Any]) -> None:
        """Send them one after another."""

        async def send(ctx):
            for payload in payloads:
                while self.pauses():
                    await ctx.tick()
                ctx.set(stream.payload, payload)
                ctx.set(stream.valid, 1)
                await ctx.tick().until(stream.ready)
                ctx.set(stream.valid, 0)

        self._simulator.add_testbench(send)

    def sink(self, stream: Any, n: int, *, timeout: int = 20_000) -> list[Any]:
        """The next ``n`` payloads, in a list that fills while the simulation runs. Whatever is offered has to stay
        until it is taken."""
        got: list[Any] = []

        async def take(ctx):
            refused = None
            waited = 0
            while len(got) < n:
                ready = not self.pauses()
                ctx.set(stream.ready, ready)
                *_, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
                assert refused is None or (valid and payload == refused), "what was offered was withdrawn"
                refused = payload if valid and not ready else None
                if valid and ready:
                    got.append(payload)
                waited = 0 if valid and ready else waited + 1
                assert waited < timeout, f"{len(got)} of {n} payloads came"
            ctx.set(stream.ready, 0)

        self._simulator.add_testbench(take)
        return got

    def watch(self, valid: Any, value: Any, n: int, *, timeout: int = 20_000) -> list[Any]:
        """The next ``n`` values of an output that cannot be refused."""
        got: list[Any] = []

        async def look(ctx):
            waited = 0
            while len(got) < n:
                *_, here, now = await ctx.tick().sample(valid, value)
                waited = 0 if here else waited + 1
                if here:
                    got.append(now)
                assert waited < timeout, f"{len(got)} of {n} values came"

        self._simulator.add_testbench(look)
        return got

    def server(self, port: Any, answer: Callable[[Any], Any], *, latency: int = 3) -> None:
        """Answer the requests of a QueryPort that ``dut`` asks through, in order, ``latency`` cycles later or more."""

        async def serve(ctx):
            waiting: deque[tuple[int, Any]] = deque()
            now = 0
            while True:
                ready = not self.pauses()
                ctx.set(port.request.ready, ready)
                due = bool(waiting) and waiting[0][0] <= now and not self.pauses()
                ctx.set(port.response.valid, due)
                if due:
                    ctx.set(port.response.payload, waiting.popleft()[1])
                *_, valid, payload = await ctx.tick().sample(port.request.valid, port.request.payload)
                if valid and ready:
                    waiting.append((now + latency, answer(payload)))
                now += 1

        self._simulator.add_testbench(serve, background=True)

    def reset_at(self, cycle: int) -> None:
        """Reset the component in that cycle."""

        async def pulse(ctx):
            await ctx.tick().repeat(cycle)
            ctx.set(self._reset, 1)
            await ctx.tick()
            ctx.set(self._reset, 0)

        self._simulator.add_testbench(pulse)

    def run(self) -> int:
        """Until all sources and sinks are done; returns the cycles."""
        self._simulator.run()
        return self.cycles
