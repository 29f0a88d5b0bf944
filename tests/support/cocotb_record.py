"""Drive the ports of a design from a table and write down its outputs of every cycle; see ``support.record``."""

import json
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from tests.support.runner import parameters
from tests.support.streams import PERIOD_NS


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def record(dut):
    folder = Path(parameters()["folder"])
    table = json.loads((folder / "inputs.json").read_text())
    inputs = {getattr(dut, port): bits for port, bits in table["inputs"].items()}
    outputs = {port: getattr(dut, port) for port in table["outputs"]}
    seen = {port: [] for port in outputs}
    Clock(dut.clk, PERIOD_NS, unit="ns").start(start_high=False)
    dut.rst.value = 0
    before = dict.fromkeys(inputs)
    for t in range(table["cycles"]):
        await FallingEdge(dut.clk)
        for port, bits in inputs.items():
            if bits[t] != before[port]:
                port.value = before[port] = bits[t]
        await ReadOnly()
        for port, handle in outputs.items():
            seen[port].append(int(handle.value))
    (folder / "outputs.json").write_text(json.dumps(seen))
