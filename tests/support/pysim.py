"""A clocked component as a function of arrays, in Amaranth's own simulator, or compiled."""

import os
from collections.abc import Mapping, Sequence
from operator import attrgetter

import numpy as np
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator

from .rows import clocked_by_rows

__all__ = ["clocked"]


def clocked(
    dut: Component, inputs: Mapping[str, Sequence], outputs: Sequence[str], *, reset: Sequence[int] | None = None
) -> dict[str, np.ndarray]:
    """What the outputs are in each cycle, the inputs of that cycle already applied.

    Names are those of members, with a dot into a named port. Row ``t`` of every array in ``inputs`` is driven in cycle
    ``t`` (a two-dimensional array onto an array of lanes); row ``t`` of the results is read in cycle ``t``, so that a
    component of latency n answers in row ``t + n``.
    ``reset`` gives the reset of domain sync in each cycle, low where left out.

    With ``$SKIPWALK_COMPILED`` what runs is compiled by Verilator: as faults in a netlist are.
    """
    if os.environ.get("SKIPWALK_COMPILED"):
        seen = clocked_by_rows(dut, inputs, outputs, reset=reset)
    else:
        seen = _simulated(dut, inputs, outputs, reset)
    listed = {name: [list(v) if hasattr(v, "shape") else v for v in values] for name, values in seen.items()}
    return {name: np.array(values, np.int64) for name, values in listed.items()}


def _simulated(dut: Component, inputs: Mapping, outputs: Sequence[str], reset: Sequence[int] | None) -> dict[str, list]:
    rows = {name: np.asarray(values).tolist() for name, values in inputs.items()}
    n = len(next(iter(rows.values())))
    assert {len(values) for values in rows.values()} == {n}, "inputs differ in length"
    seen: dict[str, list] = {name: [] for name in outputs}
    rst = Signal()

    async def bench(ctx):
        for t in range(n):
            ctx.set(rst, 0 if reset is None else int(reset[t]))
            for name, values in rows.items():
                ctx.set(attrgetter(name)(dut), values[t])
            for name in outputs:
                seen[name].append(ctx.get(attrgetter(name)(dut)))
            await ctx.tick()

    top = Module()
    top.submodules.dut = ResetInserter(rst)(dut)
    # So that there is a clock even where the component is combinational.
    top.d.sync += Signal(name="odd_cycle").eq(1)
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen
