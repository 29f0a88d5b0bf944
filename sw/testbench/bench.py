"""A block alone under stimulus in Amaranth's own simulator: what came out, beside what its golden function says."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator

from ..errors import DeviceError

__all__ = ["Bench", "Seen", "run_bench"]

#: Cycles without a word on any stream after which a block is given up.
PATIENCE = 10_000


@dataclass(frozen=True)
class Seen:
    """What a run showed: ``columns``, a row a cycle for each port that was watched; ``words``, those of each stream."""

    columns: Mapping[str, np.ndarray]
    words: Mapping[str, list[Any]]
    cycles: int


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A block, what it is given, and what has to come of it. Ports have the names of members, dots into named ones.

    Attributes
    ----------
    block : Component
    columns : mapping
        Port to rows: row t is driven in cycle t. All have the same length.
    watch : sequence of str
        Ports that are read in every cycle of ``columns``.
    sources, sinks : mapping
        Stream to the payloads that it is sent; stream to the number of payloads that are to come.
    values : callable
        ``values(seen)``: numbers, in the order of ``want``.
    want : ndarray
        The golden function's.
    """

    block: Component
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    watch: Sequence[str] = ()
    sources: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    sinks: Mapping[str, int] = field(default_factory=dict)
    values: Callable[[Seen], np.ndarray]
    want: np.ndarray


def run_bench(bench: Bench, waves: Path | None = None, *, gap: float = 0.25, seed: int = 1) -> Seen:
    """Run a bench, with a VCD at ``waves`` if it is given.

    ``gap`` is the chance, each cycle, that a stream is not offered a word, or that its word is not taken.
    Raises DeviceError where a stream stops before all words are through.
    """
    top = Module()
    top.submodules.block = bench.block
    # So that there is a clock even where the block is combinational.
    top.d.sync += Signal(name="odd_cycle").eq(1)
    rng = np.random.default_rng([seed, 7])
    columns: dict[str, list[Any]] = {name: [] for name in bench.watch}
    words: dict[str, list[Any]] = {name: [] for name in bench.sinks}
    left = dict(bench.sinks)
    cycles = 0

    def port(name: str) -> Any:
        return attrgetter(name)(bench.block)

    async def clocked(ctx):
        nonlocal cycles
        rows = len(next(iter(bench.columns.values()), ()))
        for t in range(rows):
            for name, values in bench.columns.items():
                ctx.set(port(name), values[t])
            for name in bench.watch:
                value = ctx.get(port(name))
                columns[name].append(list(value) if hasattr(value, "shape") else value)
            await ctx.tick()
        cycles = max(cycles, rows)

    def source(name, payloads):
        async def process(ctx):
            for payload in payloads:
                while rng.random() < gap:
                    await ctx.tick()
                ctx.set(port(name).payload, payload)
                ctx.set(port(name).valid, 1)
                await ctx.tick().until(port(name).ready)
                ctx.set(port(name).valid, 0)

        return process

    def sink(name):
        async def process(ctx):
            nonlocal cycles
            idle = now = 0
            while left[name]:
                ready = rng.random() >= gap
                ctx.set(port(name).ready, ready)
                _, _, valid, payload = await ctx.tick().sample(port(name).valid, port(name).payload)
                now += 1
                moved = bool(valid and ready)
                idle = 0 if moved else idle + 1
                if moved:
                    words[name].append(payload)
                    left[name] -= 1
                elif idle >= PATIENCE:
                    raise DeviceError(f"stream {name}: {left[name]} words have not come, none for {PATIENCE} cycles")
            ctx.set(port(name).ready, 0)
            cycles = max(cycles, now)

        return process

    simulator = Simulator(top)
    simulator.add_clock(1e-8)
    simulator.add_testbench(clocked)
    for name, payloads in bench.sources.items():
        simulator.add_testbench(source(name, payloads))
    for name in bench.sinks:
        simulator.add_testbench(sink(name))
    with simulator.write_vcd(str(waves)) if waves else contextlib.nullcontext():
        simulator.run()
    return Seen({name: np.array(rows, np.int64) for name, rows in columns.items()}, words, cycles)
