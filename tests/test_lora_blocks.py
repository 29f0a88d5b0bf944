"""Blocks of the Skip2-LoRA unit one by one, against the golden model: the softmax, the timetable, the words."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.formats import SQ
from skipwalk.hw.lora_config import LoraConfig, lora_preset
from skipwalk.hw.lora_protocol import LoraOpcode, Source, Space, header, sample_header
from skipwalk.hw.lora_schedule import Latencies, timetable
from skipwalk.hw.lora_softmax import SoftmaxError, exp_words
from skipwalk.sim.golden import lora
from skipwalk.sw.lora import words as w

from .support.compare import assert_same
from .support.pysim import clocked

TINY = lora_preset("tiny")


@pytest.mark.parametrize(
    "cfg",
    [
        TINY,
        TINY.replace(classes=2, g=SQ(1, 10), gain_bits=12),
        TINY.replace(classes=16, y=SQ(9, 9), exp_step_bits=5, exp_entries=256, exp_bits=16),
        TINY.replace(classes=10, exp_step_bits=6, exp_entries=3),
    ],
    ids=lambda c: f"{c.classes} classes",
)
def test_softmax_error(cfg):
    """Random, equal and extreme outputs, with every label, as closely as the block allows."""
    rng = np.random.default_rng(1)
    m = cfg.classes
    ys = [np.full(m, 7), np.full(m, cfg.y.min_raw), *(rng.integers(-300, 300, m) for _ in range(12))]
    ys += [rng.choice([cfg.y.min_raw, cfg.y.max_raw], m) for _ in range(4)]
    dut = SoftmaxError(cfg)
    period = m + dut.latency
    labels = np.arange(len(ys)) % m
    rates = rng.integers(0, cfg.RATE.max_raw + 1, len(ys))
    n = period * len(ys)
    drive = {name: np.zeros(n, np.int64) for name in ("valid", "last", "y", "label", "rate")}
    for i, y in enumerate(ys):
        start = i * period
        drive["valid"][start : start + m] = 1
        drive["last"][start + m - 1] = 1
        drive["y"][start : start + m] = y
        drive["label"][start : start + period] = labels[i]
        drive["rate"][start : start + period] = rates[i]
    seen = clocked(dut, drive, ["g_valid", "g_class", "g", "correct", "saturated"])
    for i, y in enumerate(ys):
        # All of g comes before the next sample's first y.
        part = slice(i * period + m, (i + 1) * period)
        valid = seen["g_valid"][part].astype(bool)
        classes, g = seen["g_class"][part][valid], seen["g"][part][valid]
        assert sorted(classes) == list(range(m))
        assert classes[-1] == labels[i]
        state = lora.initial_state(cfg, np.zeros((cfg.adapter_words, cfg.lanes)), int(rates[i]))
        want = lora.softmax_error(cfg, state, y, int(labels[i]))
        assert_same(g[np.argsort(classes)], want, fmt=cfg.g, y=y, label=labels[i])
        assert seen["saturated"][part].sum() == state.counters["sat_g"]
        assert seen["correct"][part].sum() == (y.argmax() == labels[i])
    assert not seen["g_valid"][:m].any()


def test_exponentials_are_those_of_the_model():
    cfg = TINY.replace(exp_entries=300, exp_bits=16)
    assert exp_words(cfg) == lora.exp_table(cfg).tolist()
    assert exp_words(TINY)[0] == 1 << TINY.exp_bits


def test_timetable_keeps_every_condition():
    """A slot after slot, beat by beat: what a beat needs has arrived, whatever the shape of the network."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        layers = int(rng.integers(1, 5))
        rank = int(rng.integers(1, 9))
        lanes = max(4, 1 << (layers * rank - 1).bit_length())
        cfg = LoraConfig(
            widths=tuple(int(v) for v in rng.integers(1, 200, layers)),
            classes=int(rng.integers(2, 17)),
            rank=rank,
            lanes=lanes,
            lag=int(rng.integers(3, 6)),
        )
        t = Latencies(broadcast=int(rng.integers(1, 5)), read=2, new=9, dot=9, softmax=23 + 2 * cfg.classes)
        times = timetable(cfg, t)
        m, sweep = cfg.classes, cfg.a_words
        beats_a = [*range(times.split), *range(times.split + 2 * m, sweep + 2 * m)]
        back, head = times.split, times.split + m
        lanes_at = t.broadcast
        z_moves = beats_a[-1] + lanes_at + t.new + t.dot + 2
        slot = times.length
        assert slot >= sweep + 2 * m
        assert z_moves - slot <= head + lanes_at + t.read, "z of the sample before is too late"
        assert z_moves > head + m - 1 + lanes_at + t.new, "z is pushed away too early"
        assert back + m - 1 + lanes_at + t.read + 5 + 1 <= slot + t.read, "gz is too late"
        g_ready = head + m - 1 + lanes_at + t.new + t.dot + t.softmax
        assert g_ready <= (cfg.lag - 2) * slot + back + t.read, "g is too late"
        assert m - 1 + t.softmax <= slot, "the softmax is not done with the sample before"
        assert slot >= t.new + 1, "a word is read before it is written"
        assert slot + back >= head + t.new + 1, "a column is read before it is written"


def test_words_of_a_sample_are_checked():
    assert sample_header(Source.INPUT, 5, label=2, last=False) == 9 << 28 | 1 << 26 | 1 << 25 | 2 << 20 | 5
    assert sample_header(Source.CACHE, 5) == 9 << 28 | 5
    with pytest.raises(ValueError, match="number of a sample must be 0 to 1048575, not -1"):
        sample_header(Source.CACHE, -1)
    with pytest.raises(ValueError, match="a label must be 0 to 15, not 16"):
        sample_header(Source.CACHE, 1, label=16)
    with pytest.raises(ValueError, match="argument of READ must fit 26 bits"):
        header(LoraOpcode.READ, 1 << 26, space=Space.ADAPTERS)


@pytest.mark.parametrize(("x_bits", "lanes"), [(8, 4), (8, 32), (16, 4), (16, 32)])
def test_packing(x_bits, lanes):
    cfg = TINY.replace(x_bits=x_bits, lanes=lanes, gradient_bits=40)
    x = np.random.default_rng(3).integers(0, 1 << x_bits, (3, cfg.x_words, lanes))
    packed = w.pack(cfg, x)
    assert packed.dtype == np.uint32
    raw = np.ascontiguousarray(packed).view(np.uint8 if x_bits == 8 else np.uint16)
    np.testing.assert_array_equal(raw.reshape(x.shape), x)
