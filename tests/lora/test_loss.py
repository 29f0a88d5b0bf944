"""The cross entropy and the tally of an epoch, against the golden model's ``cross_entropy``."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.loss import CrossEntropy, log_words
from skipwalk.hw.lora.protocol import REPORT_WORDS
from skipwalk.hw.lora.tally import EpochTally
from skipwalk.sim.lora import golden

from ..support.compare import assert_same
from ..support.pysim import clocked

TINY = lora_preset("tiny")
CONFIGS = [TINY, TINY.replace(classes=16, y=SQ(6, 12), exp_bits=6), TINY.replace(y=SQ(12, 6), exp_bits=16)]


@pytest.mark.parametrize("cfg", CONFIGS, ids=str)
def test_cross_entropy(cfg):
    """One sample a cycle: random outputs, equal ones, and the extremes, for the label that is right and the worst."""
    rng = np.random.default_rng(1)
    one = 1 << cfg.y.fraction
    ys = [np.full(cfg.classes, cfg.y.min_raw), np.arange(cfg.classes) * one]
    ys += [rng.choice([cfg.y.min_raw, cfg.y.max_raw], cfg.classes) for _ in range(6)]
    ys += [rng.integers(-3 * one, 3 * one, cfg.classes) for _ in range(40)]
    samples = [(y, label) for y in ys for label in (int(y.argmax()), int(y.argmin()))]
    dut = CrossEntropy(cfg)
    n = len(samples) + dut.latency
    drive = {name: np.zeros(n, np.int64) for name in ("i_valid", "gap", "total")}
    for t, (y, label) in enumerate(samples):
        drive["i_valid"][t] = t % 5 != 4
        drive["gap"][t], drive["total"][t] = y.max() - y[label], golden._exponentials(cfg, y).sum()
    seen = clocked(dut, drive, ["o_valid", "loss"])
    assert_same(seen["o_valid"][dut.latency :], drive["i_valid"][: len(samples)])
    valid = seen["o_valid"][dut.latency :].astype(bool)
    want = np.array([golden.cross_entropy(cfg, y, label) for y, label in samples])
    assert_same(seen["loss"][dut.latency :][valid], want[valid], cfg=cfg)
    assert not seen["o_valid"][: dut.latency].any()
    assert want.max() < 1 << CrossEntropy.bits(cfg)


def test_logarithms_are_those_of_the_model():
    for cfg in CONFIGS:
        assert log_words(cfg) == golden.log_table(cfg).tolist()
        assert log_words(cfg)[0] == 0


def test_tally():
    """Epochs of one sample and of many, the largest losses, the next sample's result while a report is sent."""
    rng = np.random.default_rng(2)
    bits = 30
    lengths = [1, 1, 40, 7, 2]
    columns = {name: [] for name in ("correct", "valid", "loss", "ends")}
    want = []

    def cycle(correct=0, valid=0, loss=0, ends=0):
        for name, value in zip(columns, (correct, valid, loss, ends), strict=True):
            columns[name].append(value)

    for length in lengths:
        losses = rng.choice([0, 1, (1 << bits) - 1, int(rng.integers(1 << bits))], length)
        right = rng.integers(0, 2, length)
        for i, (loss, hit) in enumerate(zip(losses.tolist(), right.tolist(), strict=True)):
            cycle(correct=hit)
            for _ in range(int(rng.integers(3, 6))):
                cycle(loss=int(rng.integers(1 << bits)), ends=1)
            cycle(valid=1, loss=loss, ends=i == length - 1)
        total = int(losses.sum())
        want.append([length, int(right.sum()), total & 0xFFFFFFFF, total >> 32])
    for _ in range(REPORT_WORDS + 3):
        cycle()
    seen = clocked(EpochTally(TINY, bits), columns, ["o_valid", "o"])
    got = seen["o"][seen["o_valid"].astype(bool)].reshape(-1, REPORT_WORDS)
    assert_same(got, want)
