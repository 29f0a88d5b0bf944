"""Random programs for a Skip2-LoRA unit."""

import numpy as np
from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.lora.protocol import LoraCounter, LoraOpcode, LoraParameter, Space
from skipwalk.sim.lora.layout import pack_adapters, pack_dense
from skipwalk.sim.lora.unit import LoraUnit
from skipwalk.sw.lora import words as w

__all__ = ["COMPARED", "golden_replies", "random_program", "random_setup"]

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
        w.write(Space.ADAPTERS, pack_adapters(cfg, a, b)),
        w.write(Space.WEIGHTS, pack_dense(cfg, weights)),
        w.write(Space.BIASES, rng.integers(-3000, 3000, sum(cfg.outputs))),
        w.set_parameter(LoraParameter.RATE, 1500),
    ]
    for k in range(cfg.layers):
        shift = int(rng.integers(5, 9)) + cfg.x_bits - 8
        parts.append(w.set_parameter(LoraParameter(LoraParameter.SHIFT_1 + k), shift))
    return parts


def random_program(cfg: LoraConfig, seed: int, n: int, scale: float) -> tuple[np.ndarray, int]:
    """Words of a program and how many replies it has: samples from all sources, trained and asked for, first visits
    and hits, barriers anywhere, commands that are refused; in the end all adapters and counters are read."""
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
                parts.append(w.input_samples(cfg, inputs[:1], [cfg.classes]))
            parts.append(np.array([0xF0000000, 0], np.uint32))
    parts += [w.command(LoraOpcode.INFO), w.read(Space.ADAPTERS, cfg.adapter_words + 1)]
    replies += 6 + (cfg.adapter_words + 1) * cfg.lanes
    parts += [w.get(c) for c in COMPARED]
    return np.concatenate(parts), replies + 2 * len(COMPARED)


def golden_replies(cfg: LoraConfig, words: np.ndarray, *, plain: bool = True) -> np.ndarray:
    unit = LoraUnit(cfg, plain=plain)
    unit.feed(words)
    return unit.drain()
