"""Runs in the simulator, started by test_cocotb.py: the stream drivers on a component that is easy to predict."""

import cocotb
import numpy as np

from tests.support.accumulator import Accumulator
from tests.support.runner import parameters
from tests.support.streams import StreamSink, StreamSource, assert_same, reset, start

DEPTH = parameters()["depth"]


def random_words(n, seed):
    return np.random.default_rng(seed).integers(0, Accumulator.SILENT, n, dtype=np.uint32)


def sums(words):
    return np.cumsum(words, dtype=np.uint32)


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(gap_in=[0.0, 0.5], gap_out=[0.0, 0.9], seed=[1, 2])
async def sums_match(dut, gap_in, gap_out, seed):
    words = random_words(200, seed)
    source, sink = StreamSource(dut, gap=gap_in, seed=seed), StreamSink(dut, gap=gap_out, seed=seed)
    await start(dut)
    await source.send(words)
    assert_same(await sink.receive(len(words)), sums(words), seed=seed)
    await sink.silent(20)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def full_rate_is_a_word_a_cycle(dut):
    words = random_words(100, 3)
    source, sink = StreamSource(dut), StreamSink(dut)
    await start(dut)
    await source.send(words)
    await sink.receive(len(words))
    assert np.diff(source.times).tolist() == np.diff(sink.times).tolist() == [1] * 99
    assert sink.times[0] - source.times[0] == 2


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def at_most_depth_answers_wait(dut):
    source, sink = StreamSource(dut), StreamSink(dut, gap=0.999_999)
    await start(dut)
    task = cocotb.start_soon(source.send(range(100)))
    await sink.silent(50)
    assert len(source.times) == DEPTH
    task.cancel()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def reset_midway_starts_anew(dut):
    words = random_words(50, 4)
    source, sink = StreamSource(dut), StreamSink(dut, gap=0.5)
    await start(dut)
    await source.send(words[:20])
    await reset(dut)
    sink.words.clear()
    await source.send(words)
    assert_same(await sink.receive(len(words)), sums(words))
