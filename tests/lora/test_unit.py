"""The Skip2-LoRA unit in Python: epochs by one command are the samples one by one; what is refused; reports."""

import numpy as np
import pytest
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.protocol import REPORT_WORDS, LoraCounter, LoraOpcode, LoraParameter, Space, packed_words
from skipwalk.sim.arith.permutation import permutation
from skipwalk.sim.arith.words import packed_run, unpacked_run
from skipwalk.sim.lora import compiled
from skipwalk.sim.lora.unit import LoraUnit, rehearsal
from skipwalk.sw.lora import words as w

from ..support.lora import golden_replies, random_program, random_setup

TINY = lora_preset("tiny")
KEY = 0x0123456789ABCDEF
N = TINY.cache_samples


def ready(seed=1):
    """A unit that is set up, and raw inputs and labels of as many samples as its cache holds."""
    rng = np.random.default_rng(seed)
    unit = LoraUnit(TINY)
    unit.feed(np.concatenate(random_setup(TINY, rng, 0.3)))
    for parameter, value in ((LoraParameter.KEY_HIGH, KEY >> 32), (LoraParameter.KEY_LOW, KEY & 0xFFFFFFFF)):
        unit.feed(w.set_parameter(parameter, value))
    return unit, rng.integers(0, 256, (N, TINY.widths[0])), rng.integers(0, TINY.classes, N)


def count(unit, counter):
    unit.feed(w.get(counter))
    return int(unit.drain()[0])


def test_epochs_are_the_samples_one_by_one():
    """In the order of the permutation, mini-batches running on from epoch to epoch, the last sample ending one."""
    for n, epochs, batch, first in ((N, 3, 5, 0), (5, 2, 3, 7), (1, 4, 9, 2**32 - 2)):
        one, x, labels = ready()
        other, _, _ = ready()
        one.feed(w.set_parameter(LoraParameter.EPOCH, first))
        one.feed(np.concatenate([w.load(TINY, x, labels), w.epochs(n, epochs, batch)]))
        numbers = [(first + k) % 2**32 for k in range(epochs)]
        order = np.concatenate([permutation(np.uint64(KEY), k, n) for k in numbers])
        last = np.arange(1, len(order) + 1) % batch == 0
        last[-1] = True
        other.feed(w.input_samples(TINY, x[order], labels[order], last=last))
        other.feed(w.command(LoraOpcode.FLUSH))
        np.testing.assert_array_equal(one.state.words, other.state.words)
        assert one.state.correct == other.state.correct
        reports = one.drain().reshape(epochs, REPORT_WORDS)
        assert (reports[:, 0] == n).all()
        assert reports[:, 1].sum() == one.state.correct
        assert (reports[:, 3] == 0).all()
        # It goes on counting where it was.
        one.feed(w.epochs(n, 1, batch))
        other.feed(
            np.concatenate([w.load(TINY, x, labels), w.set_parameter(LoraParameter.EPOCH, (first + epochs) % 2**32)])
        )
        other.feed(w.epochs(n, 1, batch))
        np.testing.assert_array_equal(one.state.words, other.state.words)


def test_a_report_is_on_the_samples_as_they_were_learned():
    """With a rate of 0 nothing changes, and the loss is that of the outputs."""
    unit, x, labels = ready()
    unit.feed(w.set_parameter(LoraParameter.RATE, 0))
    unit.feed(np.concatenate([w.load(TINY, x, labels), w.epochs(N, 2, 4)]))
    reports = unit.drain().reshape(2, REPORT_WORDS).astype(np.int64)
    unit.feed(np.concatenate([w.input_samples(TINY, x), w.command(LoraOpcode.FLUSH)]))
    y = unit.drain()[:-1].astype(np.int32).reshape(N, TINY.classes).astype(np.int64)
    want = [N, (y.argmax(axis=1) == labels).sum(), compiled.losses(TINY, y, labels).sum(), 0]
    np.testing.assert_array_equal(reports, [want, want])


@pytest.mark.parametrize(
    ("n", "label", "batch"), [(0, 0, 1), (N, TINY.classes, 1), (N + 1, 0, 1), (N, 0, 0)], ids=lambda v: str(v)
)
def test_epochs_that_cannot_be(n, label, batch):
    """Answered with as many zeros, counted once, and nothing changes."""
    unit, x, labels = ready()
    labels[-1] = label
    unit.feed(w.load(TINY, x, labels))
    before = unit.state.words.copy()
    words = w.epochs(n, 3, 1)
    words[1] = words[1] & 0xFFFF | batch << 16
    unit.feed(words)
    np.testing.assert_array_equal(unit.drain(), np.zeros(3 * REPORT_WORDS))
    np.testing.assert_array_equal(unit.state.words, before)
    assert count(unit, LoraCounter.REJECTED) == 1
    assert unit._epoch == 0


def test_a_sample_that_was_forgotten_cannot_be_learned():
    unit, x, labels = ready()
    unit.feed(np.concatenate([w.load(TINY, x, labels), w.command(LoraOpcode.FORGET)]))
    unit.feed(np.concatenate([w.load(TINY, x[1:], labels[1:], first=1), w.epochs(N, 1, 1)]))
    assert unit.drain().tolist() == [0] * REPORT_WORDS
    unit.feed(np.concatenate([w.load(TINY, x[:1], labels[:1]), w.epochs(N, 1, 1)]))
    assert unit.drain()[0] == N


def test_samples_beyond_the_cache_are_skipped():
    unit, x, labels = ready()
    unit.feed(w.load(TINY, np.tile(x, (3, 1)), np.tile(labels, 3), first=2))
    unit.feed(w.command(LoraOpcode.FLUSH))
    assert unit.drain().tolist() == w.command(LoraOpcode.FLUSH).tolist()
    assert count(unit, LoraCounter.REJECTED) == 2 * N + 2
    assert count(unit, LoraCounter.MISSES) == N - 2


@pytest.mark.parametrize("size", [1, 7])
def test_words_may_come_in_any_pieces(size):
    words, replies = random_program(TINY, seed=5, n=40, scale=0.5)
    unit = LoraUnit(TINY)
    for i in range(0, len(words), size):
        unit.feed(words[i : i + size])
    got = unit.drain()
    np.testing.assert_array_equal(got, golden_replies(TINY, words))
    assert len(got) == replies


@pytest.mark.parametrize("bits", [1, 7, 8, 18, 31, 32])
def test_packing(bits):
    """First element lowest, across words, filled with zeros."""
    rng = np.random.default_rng(bits)
    raw = rng.integers(-(1 << bits - 1), 1 << bits - 1, 37)
    words = packed_run(raw, bits)
    stream = sum((int(v) & (1 << bits) - 1) << bits * i for i, v in enumerate(raw))
    assert words.tolist() == [stream >> 32 * i & 0xFFFFFFFF for i in range(-(-37 * bits // 32))]
    np.testing.assert_array_equal(unpacked_run(words, bits, 37), raw)
    assert packed_run(raw[:0], bits).tolist() == []
    assert packed_words(TINY, Space.ADAPTERS, 37) == len(packed_run(raw, 18))


@pytest.mark.parametrize("cfg", [TINY, TINY.replace(x_bits=16)], ids=["8 bit", "16 bit"])
def test_the_rehearsal_needs_everything_and_is_taken(cfg):
    unit = LoraUnit(cfg)
    unit.rehearse()
    unit.feed(rehearsal(cfg))
    unit.drain()
    assert (count(unit, LoraCounter.REJECTED), count(unit, LoraCounter.TRAINED)) == (0, 2)
    assert count(unit, LoraCounter.MISSES) == 3
