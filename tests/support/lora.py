"""Random programs for a Skip2-LoRA unit."""

import numpy as np
from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.lora.protocol import (
    REPORT_WORDS,
    LoraCounter,
    LoraOpcode,
    LoraParameter,
    Space,
    packed_words,
)
from skipwalk.sim.lora.layout import pack_adapters, pack_dense
from skipwalk.sim.lora.unit import LoraUnit
from skipwalk.sw.lora import words as w
from skipwalk.sw.lora.network import Network
from skipwalk.sw.lora.pretrain import pretrain
from skipwalk.sw.lora.tasks import Task

__all__ = ["COMPARED", "golden_replies", "random_program", "random_setup", "small_network", "small_task"]

#: Counters that the golden model has as well.
COMPARED = [c for c in LoraCounter if c not in (LoraCounter.CYCLES, LoraCounter.WAIT_SAMPLE, LoraCounter.DENSE)]


def random_setup(cfg: LoraConfig, rng: np.random.Generator, scale: float) -> list[np.ndarray]:
    """Adapters up to ``scale``, a backbone and parameters."""
    top = min(int(scale * 2**cfg.a.fraction), cfg.a.max_raw, cfg.b.max_raw)
    a = [rng.integers(-top, top, (n, cfg.rank)) for n in cfg.widths]
    b = [rng.integers(-top, top, (cfg.rank, cfg.classes)) for _ in cfg.widths]
    limit = 1 << (cfg.weight_bits - 1)
    weights = [rng.integers(-limit, limit, s) for s in zip(cfg.widths, cfg.outputs, strict=True)]
    parts = [
        w.write(cfg, Space.ADAPTERS, pack_adapters(cfg, a, b)),
        w.write(cfg, Space.WEIGHTS, pack_dense(cfg, weights)),
        w.write(cfg, Space.BIASES, rng.integers(-3000, 3000, sum(cfg.outputs))),
        w.set_parameter(LoraParameter.RATE, 1500),
    ]
    for k in range(cfg.layers):
        shift = int(rng.integers(5, 9)) + cfg.x_bits - 8
        parts.append(w.set_parameter(LoraParameter(LoraParameter.SHIFT_1 + k), shift))
    return parts


def random_program(cfg: LoraConfig, seed: int, n: int, scale: float) -> tuple[np.ndarray, int]:
    """Words of a program and how many replies it has: samples from all sources, trained and asked for, first visits
    and hits, epochs, barriers anywhere, commands that are refused; in the end adapters and counters are read."""
    rng = np.random.default_rng(seed)
    parts, replies = random_setup(cfg, rng, scale), 0
    inputs = rng.integers(0, 1 << cfg.x_bits, (cfg.cache_samples, cfg.widths[0]))
    seen: list[int] = []
    for i in range(n):
        label = int(rng.integers(-1, cfg.classes))
        last = bool(rng.random() < 0.4)
        replies += cfg.classes if label < 0 else 0
        kind = rng.random()
        if kind < 0.2 or not seen:
            number = int(rng.integers(cfg.cache_samples))
            seen.append(number)
            parts.append(w.input_samples(cfg, inputs[number : number + 1], [label], [number], [last]))
        elif kind < 0.3:
            x = rng.integers(0, 1 << cfg.x_bits, (cfg.x_words, cfg.lanes))
            c = rng.integers(cfg.y.min_raw // 4, cfg.y.max_raw // 4, cfg.classes)
            number = int(rng.integers(2 * cfg.cache_samples))
            parts.append(w.sample_with_activations(cfg, x, c, None if label < 0 else label, number, last=last))
        else:
            parts.append(w.cached_samples([rng.choice(seen)], [label], [last]))
        if rng.random() < 0.05:
            parts.append(w.command(LoraOpcode.FLUSH, i))
            replies += 1
        if rng.random() < 0.05:
            # Not in the cache; a label too high, with an input that is skipped; an unknown opcode.
            parts.append(w.cached_samples([cfg.cache_samples], [0], [True]))
            if cfg.classes < 16:
                parts.append(w.input_samples(cfg, inputs[1:2], [cfg.classes], [0]))
            parts.append(np.array([0xF0000000, 0], np.uint32))
        if rng.random() < 0.08:
            words, n_replies = _epochs(cfg, rng, inputs)
            parts.append(words)
            replies += n_replies
    parts += [w.load(cfg, inputs, rng.integers(0, cfg.classes, len(inputs))), w.epochs(len(inputs), 2, 3)]
    replies += 2 * REPORT_WORDS
    words, n_replies = _closing(cfg)
    return np.concatenate([*parts, words]), replies + n_replies


def _epochs(cfg: LoraConfig, rng: np.random.Generator, inputs: np.ndarray) -> tuple[np.ndarray, int]:
    """Some weights changed, some samples loaded, perhaps one too many for the cache, perhaps with a label too high; and
    epochs of some."""
    first = int(rng.integers(0, 2))
    count = len(inputs) - first + int(rng.integers(-1, 2))
    labels = rng.integers(0, cfg.classes, count)
    if cfg.classes < 16 and rng.random() < 0.3:
        labels[-1] = cfg.classes
    keys = [
        w.set_parameter(parameter, int(rng.integers(1 << 32)))
        for parameter in (LoraParameter.KEY_HIGH, LoraParameter.KEY_LOW, LoraParameter.EPOCH)
    ]
    limit = 1 << (cfg.weight_bits - 1)
    some = rng.integers(-limit, limit, int(rng.integers(1, 3 * cfg.lanes)))
    # Perhaps not whole groups of weights, perhaps beyond the end; the samples that are loaded see them.
    keys.append(w.write(cfg, Space.WEIGHTS, some, int(rng.integers(cfg.dense_words))))
    epochs, asked = int(rng.integers(0, 4)), int(rng.integers(0, len(inputs) + 2))
    words = [*keys, w.load(cfg, inputs[rng.integers(0, len(inputs), count)], labels, first)]
    words += [w.epochs(asked, epochs, int(rng.integers(1, 5))), w.epochs(len(inputs), 1, 3)]
    return np.concatenate(words), REPORT_WORDS * (epochs + 1)


def _closing(cfg: LoraConfig) -> tuple[np.ndarray, int]:
    """The start of A rewritten by signs, everything read, one word too many, and counters."""
    n = cfg.adapter_words + 1
    parts = [w.command(LoraOpcode.INFO), w.read(Space.ADAPTERS, n)]
    parts += [w.write(cfg, Space.SIGNS, np.arange(2 * cfg.lanes + 3) % 3 == 0, first=cfg.adapter_words - 2)]
    parts += [w.read(Space.ADAPTERS, 1, first=cfg.adapter_words - 2), w.read(Space.WEIGHTS, 1)]
    parts += [w.get(c) for c in COMPARED]
    read = sum(packed_words(cfg, Space.ADAPTERS, k * cfg.lanes) for k in (n, 1, 1))
    return np.concatenate(parts), 6 + read + 2 * len(COMPARED)


def golden_replies(cfg: LoraConfig, words: np.ndarray, *, plain: bool = True) -> np.ndarray:
    unit = LoraUnit(cfg, plain=plain)
    unit.feed(words)
    return unit.drain()


def small_task(n: int = 24) -> Task:
    """Six numbers in three classes, 120 samples to learn them from; ``n`` to learn that the first two have changed
    places, and 60 to be tested on."""
    rng = np.random.default_rng(4)
    x = rng.random((180 + n, 6))
    y = (x[:, 0] > x[:, 1]).astype(int) + (x[:, 2] > 0.7)
    moved = x[:, [1, 0, 2, 3, 4, 5]]
    return Task("small", 3, (x[:120], y[:120]), (moved[120:-60], y[120:-60]), (moved[-60:], y[-60:]))


def small_network(task: Task) -> Network:
    """8 hidden values, learned from what a :func:`small_task` has for it."""
    return pretrain(*task.pretrain, task.classes, hidden=(8,), epochs=5)
