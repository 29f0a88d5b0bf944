"""Runs in the simulator, started by test_cocotb.py: structured payloads through a register that may be faulty."""

import cocotb
import numpy as np
from amaranth.hdl import signed
from amaranth.lib import data

from tests.support.streams import StreamSink, StreamSource, assert_same, start

SHAPE = data.StructLayout({"value": signed(9), "last": 1})


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def words_pass(dut):
    values = np.random.default_rng(1).integers(-256, 256, 40)
    source, sink = StreamSource(dut, shape=SHAPE, gap=0.2), StreamSink(dut, shape=SHAPE, gap=0.5)
    await start(dut)
    await source.send({"value": int(v), "last": n == 39} for n, v in enumerate(values))
    got = await sink.receive(40, timeout=100)
    assert_same([word.value for word in got], values, seed=1)
    assert [word.last for word in got] == [0] * 39 + [1]
