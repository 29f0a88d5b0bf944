"""Tests of the core in core.v, by cocotb: its words in and out, and one of its registers.

Both streams carry 32-bit words. A word moves on a rising edge of aclk at which tvalid and tready are both high. What
the words mean is in core.json, and in the words of the golden model, which is what the core has to equal.
"""

import json
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from skipwalk.sw.build.verilog import config_of_map
from skipwalk.sw.link.transport import GoldenTransport
from skipwalk.sw.units import UNITS

MAP = json.loads(Path(__file__).with_name("core.json").read_text())
CFG = config_of_map(MAP)


async def start(dut):
    """Clock, inputs at rest, reset."""
    cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
    for port in dut:
        if port._name.startswith(("s_axis_t", "s_axil_")) and not port._name.endswith(("ready", "rdata", "resp")):
            if port._name not in ("s_axil_bvalid", "s_axil_rvalid"):
                port.value = 0
    dut.m_axis_tready.value = 0
    dut.s_axil_bready.value = 1
    dut.s_axil_rready.value = 1
    dut.aresetn.value = 0
    for _ in range(4):
        await FallingEdge(dut.aclk)
    dut.aresetn.value = 1


async def send(dut, words):
    """All words, one after another. Inputs change at falling edges, so that nothing depends on an order of events."""
    for word in words:
        await FallingEdge(dut.aclk)
        dut.s_axis_tdata.value = int(word)
        dut.s_axis_tvalid.value = 1
        await RisingEdge(dut.aclk)
        while not dut.s_axis_tready.value:
            await RisingEdge(dut.aclk)
    await FallingEdge(dut.aclk)
    dut.s_axis_tvalid.value = 0


async def receive(dut, n):
    """The next n words."""
    await FallingEdge(dut.aclk)
    dut.m_axis_tready.value = 1
    words: list[int] = []
    while len(words) < n:
        await RisingEdge(dut.aclk)
        if dut.m_axis_tvalid.value:
            words.append(int(dut.m_axis_tdata.value))
    await FallingEdge(dut.aclk)
    dut.m_axis_tready.value = 0
    return words


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def digest_is_that_of_the_map(dut):
    """The register that says which configuration was built."""
    await start(dut)
    register = next(r for r in MAP["buses"]["s_axil"]["registers"] if r["name"] == "DIGEST")
    await FallingEdge(dut.aclk)
    dut.s_axil_araddr.value = register["offset"]
    dut.s_axil_arvalid.value = 1
    await RisingEdge(dut.aclk)
    while not dut.s_axil_arready.value:
        await RisingEdge(dut.aclk)
    await FallingEdge(dut.aclk)
    dut.s_axil_arvalid.value = 0
    while not dut.s_axil_rvalid.value:
        await FallingEdge(dut.aclk)
    assert int(dut.s_axil_rdata.value) == MAP["digest"]


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def replies_are_those_of_the_golden_model(dut):
    """A random state, a few contexts or samples, and all of it read back. Put words of your own here."""
    await start(dut)
    words = UNITS.of(CFG).program(CFG, np.random.default_rng(1), 4)
    golden = GoldenTransport(CFG, plain=True)
    golden.model.feed(words)
    want = golden.model.drain().tolist()
    cocotb.start_soon(send(dut, words))
    got = await receive(dut, len(want))
    wrong = np.flatnonzero(np.array(got) != np.array(want)).tolist()
    assert not wrong, f"reply {wrong[0]} is {got[wrong[0]]:#x} and not {want[wrong[0]]:#x}"
