"""Drive the ports of a design from a table and compare its outputs, cycle by cycle; see ``support.cycles``."""

import json
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from tests.support.runner import parameters
from tests.support.streams import PERIOD_NS


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def outputs_of_every_cycle(dut):
    table = json.loads(Path(parameters()["table"]).read_text())
    # The clock rises once before the first row; ports that float would write a memory then.
    for port in table["inputs"][0]:
        getattr(dut, port).value = 0
    Clock(dut.clk, PERIOD_NS, unit="ns").start(start_high=False)
    checked = 0
    for t, (inputs, outputs) in enumerate(zip(table["inputs"], table["outputs"], strict=True)):
        await FallingEdge(dut.clk)
        for port, bits in inputs.items():
            getattr(dut, port).value = bits
        await ReadOnly()
        for port, bits in outputs.items():
            seen = int(getattr(dut, port).value)
            assert seen == bits, f"cycle {t}: {port} is {seen:#x} instead of {bits:#x}; inputs {inputs}"
            checked += 1
    assert checked
