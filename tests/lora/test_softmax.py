"""The softmax and its error against the golden model's ``softmax_error``."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.softmax import SoftmaxError, exp_words
from skipwalk.sim.lora import golden

from ..support.compare import assert_same
from ..support.pysim import clocked

TINY = lora_preset("tiny")


@pytest.mark.parametrize(
    "cfg",
    [
        TINY,
        TINY.replace(classes=2, g=SQ(1, 10), gain_bits=12),
        TINY.replace(classes=4, g=SQ(1, 10), gain_bits=12),
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
    seen = clocked(dut, drive, ["g.en", "g.class_", "g.value", "correct", "saturated"])
    for i, y in enumerate(ys):
        # All of g comes before the next sample's first y.
        part = slice(i * period + m, (i + 1) * period)
        valid = seen["g.en"][part].astype(bool)
        classes, g = seen["g.class_"][part][valid], seen["g.value"][part][valid]
        assert sorted(classes) == list(range(m))
        assert classes[-1] == labels[i]
        state = golden.initial_state(cfg, np.zeros((cfg.adapter_words, cfg.lanes)), int(rates[i]))
        want = golden.softmax_error(cfg, state, y, int(labels[i]))
        assert_same(g[np.argsort(classes)], want, fmt=cfg.g, y=y, label=labels[i])
        assert seen["saturated"][part].sum() == state.counters["sat_g"]
        assert seen["correct"][part].sum() == (y.argmax() == labels[i])
    assert not seen["g.en"][:m].any()


def test_exponentials_are_those_of_the_model():
    cfg = TINY.replace(exp_entries=300, exp_bits=16)
    assert exp_words(cfg) == golden.exp_table(cfg).tolist()
    assert exp_words(TINY)[0] == 1 << TINY.exp_bits
