"""Commands for the Skip2-LoRA unit as arrays of words, and numbers back from its replies."""

import numpy as np

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import (
    LABELS_PER_WORD,
    NO_NUMBER,
    LoraCounter,
    LoraOpcode,
    LoraParameter,
    Source,
    Space,
    activations_per_word,
    element_bits,
    epochs_operand,
    header,
    sample_header,
)
from ...sim.arith.words import packed_run

__all__ = [
    "cached_samples",
    "command",
    "epochs",
    "get",
    "input_samples",
    "load",
    "pack",
    "read",
    "sample_with_activations",
    "set_parameter",
    "write",
]


def _words(values) -> np.ndarray:
    return np.asarray(values, np.int64).astype(np.uint32)


def command(opcode: LoraOpcode, argument: int = 0) -> np.ndarray:
    """A command without operands."""
    return _words([header(opcode, argument)])


def set_parameter(parameter: LoraParameter, value: int) -> np.ndarray:
    return _words([header(LoraOpcode.SET, parameter), value])


def get(counter: LoraCounter) -> np.ndarray:
    """Answers two words."""
    return command(LoraOpcode.GET, counter)


def write(cfg: LoraConfig, space: Space, elements: np.ndarray, first: int = 0) -> np.ndarray:
    """Elements of a space, from word ``first`` on; of SIGNS, 1 where they are negative."""
    return np.concatenate(
        [
            _words([header(LoraOpcode.WRITE, first, space=space), elements.size]),
            packed_run(np.ravel(elements), element_bits(cfg, space)),
        ]
    )


def read(space: Space, count: int, first: int = 0) -> np.ndarray:
    """Answers the elements of ``count`` words, packed."""
    return _words([header(LoraOpcode.READ, first, space=space), count])


def load(cfg: LoraConfig, x: np.ndarray, labels: np.ndarray, first: int = 0) -> np.ndarray:
    """Samples (n, n_1), raw inputs, with labels (n,) into the Skip-Cache, numbered from ``first`` on."""
    parts = [_words([header(LoraOpcode.LOAD, first), len(x)])]
    inputs = pack(cfg, _padded(cfg, x))
    for i in range(0, len(x), LABELS_PER_WORD):
        part = slice(i, i + LABELS_PER_WORD)
        four = np.asarray(labels[part], np.int64)
        parts += [_words([(four << 4 * np.arange(len(four))).sum()]), inputs[part].ravel()]
    return np.concatenate(parts)


def epochs(n: int, count: int, batch: int) -> np.ndarray:
    """Learn the samples 0 ... n - 1 of the Skip-Cache ``count`` times; answers a report on each epoch."""
    return _words([header(LoraOpcode.EPOCHS, n), epochs_operand(count, batch)])


def _padded(cfg: LoraConfig, x: np.ndarray) -> np.ndarray:
    """Inputs (n, n_1) with zeros up to whole chunks."""
    padded = np.zeros((len(x), cfg.chunks[0] * cfg.lanes), np.int64)
    padded[:, : cfg.widths[0]] = x
    return padded


def pack(cfg: LoraConfig, x: np.ndarray) -> np.ndarray:
    """Words of activations (n, x_words or fewer, lanes), raw, as they travel: (n, words)."""
    per_word = activations_per_word(cfg)
    groups = np.asarray(x, np.int64).reshape(len(x), -1, per_word)
    return _words((groups << np.arange(per_word) * cfg.x_bits).sum(axis=2))


def cached_samples(numbers: np.ndarray, labels: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Samples from the Skip-Cache, a word each; a negative label asks for the outputs."""
    labels = np.asarray(labels, np.int64)
    train = (labels >= 0).astype(np.int64)
    fields = train << 25 | (np.asarray(last, np.int64) & train) << 24 | labels * train << 20
    return _words(LoraOpcode.SAMPLE << 28 | Source.CACHE << 26 | fields | np.asarray(numbers, np.int64))


def input_samples(
    cfg: LoraConfig, x: np.ndarray, labels: np.ndarray | None = None, numbers=None, last: np.ndarray | None = None
) -> np.ndarray:
    """Samples (n, n_1), raw inputs, that go through the backbone.

    Without ``labels`` their outputs are asked for; without ``numbers`` they are not kept in the Skip-Cache.
    """
    n = len(x)
    heads = cached_samples(
        np.full(n, NO_NUMBER) if numbers is None else numbers,
        np.full(n, -1) if labels is None else labels,
        np.ones(n) if last is None else last,
    )
    heads = heads - _words(Source.CACHE << 26) + _words(Source.INPUT << 26)
    return np.column_stack([heads, pack(cfg, _padded(cfg, x))]).ravel()


def sample_with_activations(
    cfg: LoraConfig, x: np.ndarray, c: np.ndarray, label: int | None, number: int = NO_NUMBER, *, last: bool = True
) -> np.ndarray:
    """A sample whose activations (x_words, lanes) and frozen outputs (classes,) the host has."""
    head = _words([sample_header(Source.ACTIVATIONS, number, label=label, last=last)])
    return np.concatenate([head, pack(cfg, x[None])[0], _words(c)])
