"""Runs in the simulator, started by test_core.py: the core's two streams with gaps on both, reset, full rate."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.protocol import Opcode, header

from tests.support.oselm import ReferenceCore, anything, assert_replies, hot, load, pack_words, read_back, repeats
from tests.support.runner import parameters
from tests.support.streams import StreamSink, StreamSource, reset, start, wait

CFG = CoreConfig.from_dict(parameters()["cfg"])


async def execute(dut, source, sink, reference, *words, **context):
    """Send words and compare all replies; nothing may follow them."""
    whole = np.concatenate(words)
    want = reference.execute(whole)
    sending = cocotb.start_soon(source.send(int(w) for w in whole))
    got = await sink.receive(len(want), timeout=50_000)
    await sending
    await sink.silent(200)
    assert_replies(got, want, cfg=CFG, **context)


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(gap_in=[0.0, 0.5], gap_out=[0.0, 0.8], seed=[1, 2])
async def replies_match(dut, gap_in, gap_out, seed):
    rng = np.random.default_rng(seed)
    source, sink = StreamSource(dut, gap=gap_in, seed=seed), StreamSink(dut, gap=gap_out, seed=seed)
    reference = ReferenceCore(CFG)
    await start(dut)
    await execute(dut, source, sink, reference, load(CFG, rng), seed=seed)
    await execute(dut, source, sink, reference, anything(CFG, rng, 120), seed=seed)
    await execute(dut, source, sink, reference, load(CFG, rng), pack_words(repeats(CFG, rng, rounds=1)), seed=seed)
    await execute(dut, source, sink, reference, read_back(CFG), seed=seed)


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(seed=[1, 2, 3])
async def reset_midway_starts_anew(dut, seed):
    rng = np.random.default_rng(seed)
    source, sink = StreamSource(dut, gap=0.2), StreamSink(dut, gap=0.3)
    await start(dut)
    sending = cocotb.start_soon(source.send(np.concatenate([load(CFG, rng), hot(CFG, rng, 500, nodes=5)]).tolist()))
    words = len(load(CFG, rng))
    while len(source.times) < words + int(rng.integers(0, 100)):
        await FallingEdge(dut.clk)
    sending.cancel()
    dut.i__valid.value = 0
    await reset(dut)
    sink.words.clear()
    await execute(dut, source, sink, ReferenceCore(CFG), load(CFG, rng), hot(CFG, rng, 20, nodes=5), read_back(CFG))


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def nothing_comes_unasked(dut):
    source, sink = StreamSource(dut), StreamSink(dut)
    rng = np.random.default_rng(0)
    await start(dut)
    await sink.silent(100)
    await execute(dut, source, sink, ReferenceCore(CFG), load(CFG, rng), hot(CFG, rng, 30, nodes=9))
    await sink.silent(1_000)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def a_host_that_does_not_listen_stops_the_core_and_loses_nothing(dut):
    rng = np.random.default_rng(0)
    source, deaf = StreamSource(dut), StreamSink(dut, gap=0.99)
    await start(dut)
    words = np.concatenate([load(CFG, rng), [np.uint32(header(Opcode.INFO))] * 20, read_back(CFG)[:4]])
    await execute(dut, source, deaf, ReferenceCore(CFG), words)
    await wait(dut, 1)
