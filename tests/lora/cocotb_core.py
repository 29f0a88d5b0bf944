"""Runs in the simulator, started by test_core.py: the whole Skip2-LoRA unit against the golden model."""

import cocotb
import numpy as np
from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.lora.protocol import LoraOpcode
from skipwalk.sw.lora import words as w

from tests.support.lora import golden_replies, random_program
from tests.support.runner import parameters
from tests.support.streams import StreamSink, StreamSource, assert_same, reset, start

CFG = LoraConfig.from_dict(parameters()["cfg"])


async def check(source, sink, seed, n, scale):
    words, replies = random_program(CFG, seed, n, scale)
    await source.send(words)
    got = await sink.receive(replies, timeout=20_000)
    assert_same(np.array(got, np.uint32), golden_replies(CFG, words), seed=seed)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(gap_in=[0.0, 0.3], gap_out=[0.0, 0.9], scale=[0.3, 4.0])
async def program_matches_golden(dut, gap_in, gap_out, scale):
    source, sink = StreamSource(dut, gap=gap_in, seed=1), StreamSink(dut, gap=gap_out, seed=1)
    await start(dut)
    await check(source, sink, 7, 25, scale)
    await sink.silent(50)


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(after=[5, 300, 420, 431, 444])
async def reset_midway_starts_anew(dut, after):
    """Whatever the unit is in the middle of: after a reset it behaves as a new one."""
    source, sink = StreamSource(dut), StreamSink(dut)
    await start(dut)
    words, _ = random_program(CFG, 3, 20, 1.0)
    await source.send(words[:after])
    await reset(dut)
    sink.words.clear()
    await check(source, sink, 4, 10, 1.0)
    await sink.silent(50)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def answers_wait_for_a_host_that_does_not_take_them(dut):
    source, sink = StreamSource(dut), StreamSink(dut, gap=0.97, seed=5)
    await start(dut)
    words, _ = random_program(CFG, 6, 2, 1.0)
    x = np.random.default_rng(8).integers(0, 256, (CFG.x_words, CFG.lanes))
    many = [w.sample_with_activations(CFG, x, np.arange(CFG.classes), None, 0)]
    many += [w.cached_samples(np.zeros(60), np.full(60, -1), np.ones(60)), w.command(LoraOpcode.FLUSH, 9)]
    words = np.concatenate([words, *many])
    task = cocotb.start_soon(source.send(words))
    want = golden_replies(CFG, words)
    got = await sink.receive(len(want), timeout=20_000)
    await task
    assert_same(np.array(got, np.uint32), want)
