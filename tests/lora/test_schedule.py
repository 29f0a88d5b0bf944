"""The timetable of the Skip2-LoRA unit."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.lora.schedule import timetable
from skipwalk.hw.lora.timing import Latencies


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
