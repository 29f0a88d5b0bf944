"""The Skip2-LoRA unit in Python: words in, words out, as :class:`skipwalk.hw.lora.core.LoraCore`, by the golden model.

Same words, same bits; only the counters of cycles stay at 0, and answers to samples come with the next barrier.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import (
    LABELS_PER_WORD,
    NO_NUMBER,
    REPORT_WORDS,
    LoraCounter,
    LoraOpcode,
    LoraParameter,
    Source,
    Space,
    activations_per_word,
    chunk_words,
    element_bits,
    epochs_operand,
    header,
    identity_words,
    packed_words,
    sample_header,
)
from ..arith.permutation import permutation
from ..arith.words import from_words, packed_run, unpacked_run
from . import compiled, golden

__all__ = ["LoraUnit", "rehearsal"]


@dataclass
class _Pending:
    """Samples since the last barrier, column by column."""

    x: list[np.ndarray] = field(default_factory=list)
    c: list[np.ndarray] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    last: list[bool] = field(default_factory=list)


class LoraUnit:
    """One unit: command words in by :meth:`feed`, replies out by :meth:`drain`.

    Parameters
    ----------
    cfg : LoraConfig
    plain : bool
        Train by the definition in plain NumPy instead of its compiled twin.
    """

    def __init__(self, cfg: LoraConfig, *, plain: bool = False):
        self._cfg = cfg
        self._plain = plain
        self._train = golden.run if plain else compiled.run
        self.state = golden.initial_state(cfg, np.zeros((cfg.adapter_words, cfg.lanes), np.int64), 0)
        self._net = golden.Backbone(
            np.zeros((cfg.dense_words, cfg.lanes), np.int64),
            np.zeros(sum(cfg.outputs), np.int64),
            np.zeros(cfg.layers, np.int64),
        )
        self._cache_x = np.zeros((cfg.cache_samples, cfg.x_words, cfg.lanes), np.int64)
        self._cache_c = np.zeros((cfg.cache_samples, cfg.classes), np.int64)
        self._present = np.zeros(cfg.cache_samples, bool)
        self._labels = np.zeros(cfg.cache_samples, np.int64)
        self._key = self._epoch = 0
        self._events = dict.fromkeys(("slots", "hits", "misses", "rejected"), 0)
        self._waiting = np.zeros(0, np.uint32)
        self._pending = _Pending()
        self._out: list[np.ndarray] = []

    def rehearse(self) -> None:
        """Compile now all that any command would otherwise wait for: a quarter of a minute where nothing is in a
        cache."""
        LoraUnit(self._cfg, plain=self._plain).feed(rehearsal(self._cfg))

    def feed(self, words: np.ndarray) -> None:
        """Take command words, uint32 (n,). What is cut off waits for its rest."""
        self._waiting = np.concatenate([self._waiting, np.asarray(words, np.uint32)])
        position = 0
        while position < len(self._waiting):
            step = self._command(self._waiting[position:])
            if not step:
                break
            position += step
        self._waiting = self._waiting[position:]

    def drain(self) -> np.ndarray:
        """Hand over all replies (uint32) up to now."""
        out = np.concatenate([np.empty(0, np.uint32), *self._out])
        self._out = []
        return out

    def _command(self, words: np.ndarray) -> int:
        """Execute the first command; returns its length, or 0 if some of it is still missing."""
        head = int(words[0])
        code = head >> 28
        if code == LoraOpcode.NOP:
            return 1
        if code == LoraOpcode.SAMPLE:
            return self._sample(head, words)
        if code == LoraOpcode.LOAD:
            return self._load(head, words)
        two = (LoraOpcode.SET, LoraOpcode.WRITE, LoraOpcode.READ, LoraOpcode.EPOCHS)
        length = 2 if code in two else 1
        if len(words) < length:
            return 0
        operand = int(words[1]) if length == 2 else 0
        if code == LoraOpcode.WRITE:
            length += packed_words(self._cfg, Space(head >> 26 & 3), operand)
            if len(words) < length:
                return 0
        self._barrier()
        execute: dict[int, Callable[[], None]] = {
            LoraOpcode.INFO: lambda: self._say(identity_words(self._cfg)),
            LoraOpcode.SET: lambda: self._set(head & 15, operand),
            LoraOpcode.GET: lambda: self._get(head & 255),
            LoraOpcode.CLEAR: self._clear,
            LoraOpcode.WRITE: lambda: self._write(Space(head >> 26 & 3), head & 0xFFFFF, operand, words[2:length]),
            LoraOpcode.READ: lambda: self._read(head >> 26 & 3, head & 0xFFFFF, operand),
            LoraOpcode.FORGET: lambda: self._present.fill(False),
            LoraOpcode.FLUSH: lambda: self._say([head]),
            LoraOpcode.EPOCHS: lambda: self._epochs(head & 0xFFFFF, operand & 0xFFFF, operand >> 16),
        }
        execute.get(code, self._reject)()
        return length

    def _say(self, words) -> None:
        self._out.append(np.asarray(words, np.int64).astype(np.uint32))

    def _reject(self, n: int = 1) -> None:
        self._events["rejected"] += n

    # ---- samples
    def _sample(self, head: int, words: np.ndarray) -> int:
        cfg = self._cfg
        source, train, last, label, number = head >> 26 & 3, head >> 25 & 1, head >> 24 & 1, head >> 20 & 15, head
        number &= 0xFFFFF
        sound = not (train and label >= cfg.classes) and source != 3
        fits = number < cfg.cache_samples
        if source == Source.CACHE:
            if sound and fits and self._present[number]:
                self._events["hits"] += 1
                self._push(self._cache_x[number].copy(), self._cache_c[number].copy(), train, label, last)
            else:
                self._reject()
            return 1
        if source == 3:
            self._reject()
            return 1
        chunks = cfg.chunks[0] if source == Source.INPUT else cfg.x_words
        n_x = chunks * chunk_words(cfg)
        length = 1 + n_x + (cfg.classes if source == Source.ACTIVATIONS else 0)
        if len(words) < length:
            return 0
        if not sound:
            self._reject()
            return length
        self._events["misses"] += 1
        x = self._unpack(words[1 : 1 + n_x]).reshape(chunks, cfg.lanes)
        if source == Source.INPUT:
            all_x, all_c = compiled.backbone_forward(cfg, self._net, x.reshape(1, -1))
            x, c = all_x[0], all_c[0]
        else:
            c = from_words(words[1 + n_x : length], cfg.y)
        if fits:
            self._keep(number, x, c, label)
        self._push(x, c, train, label, last)
        return length

    def _unpack(self, words: np.ndarray) -> np.ndarray:
        shifts = np.arange(activations_per_word(self._cfg)) * self._cfg.x_bits
        return (words.astype(np.int64)[:, None] >> shifts & ((1 << self._cfg.x_bits) - 1)).ravel()

    def _keep(self, number: int, x: np.ndarray, c: np.ndarray, label: int) -> None:
        self._cache_x[number], self._cache_c[number] = x, c
        self._labels[number], self._present[number] = label, True

    def _load(self, head: int, words: np.ndarray) -> int:
        cfg = self._cfg
        first, count = head & 0xFFFFF, int(words[1]) if len(words) > 1 else 0
        each = chunk_words(cfg) * cfg.chunks[0]
        length = 2 + -(-count // LABELS_PER_WORD) + count * each
        if len(words) < max(length, 2):
            return 0
        self._barrier()
        position = 2
        for i in range(count):
            if i % LABELS_PER_WORD == 0:
                labels = int(words[position])
                position += 1
            inputs = self._unpack(words[position : position + each])
            position += each
            if first + i < cfg.cache_samples:
                x, c = compiled.backbone_forward(cfg, self._net, inputs[None])
                self._keep(first + i, x[0], c[0], labels >> i % LABELS_PER_WORD * 4 & 15)
                self._events["misses"] += 1
            else:
                self._reject()
        return length

    def _epochs(self, n: int, epochs: int, batch: int) -> None:
        cfg = self._cfg
        fits = 0 < n <= cfg.cache_samples and batch > 0
        if not (fits and self._present[:n].all() and (self._labels[:n] < cfg.classes).all()):
            self._reject()
            self._say(np.zeros(REPORT_WORDS * epochs))
            return
        if not epochs:
            return
        number = (self._epoch + np.arange(epochs)) & 0xFFFFFFFF
        order = np.concatenate([permutation(np.uint64(self._key), k, n) for k in number])
        last = np.arange(1, len(order) + 1) % batch == 0
        last[-1] = True
        labels = self._labels[order]
        y = self._train(cfg, self.state, golden.Segment(self._cache_x, self._cache_c, labels, last, order))
        correct = (y.argmax(axis=1) == labels).reshape(epochs, n).sum(axis=1)
        for right, loss in zip(correct, compiled.losses(cfg, y, labels).reshape(epochs, n).sum(axis=1), strict=True):
            self._say([n, right, loss & 0xFFFFFFFF, loss >> 32])
        self._epoch = (self._epoch + epochs) & 0xFFFFFFFF
        self._events["slots"] += len(order) + cfg.lag
        self._events["hits"] += len(order)

    def _push(self, x: np.ndarray, c: np.ndarray, train: int, label: int, last: int) -> None:
        p = self._pending
        p.x.append(x)
        p.c.append(c)
        p.labels.append(label if train else -1)
        p.last.append(bool(last))

    def _barrier(self) -> None:
        p = self._pending
        if not p.labels:
            return
        segment = golden.Segment(np.array(p.x), np.array(p.c), np.array(p.labels), np.array(p.last))
        y = self._train(self._cfg, self.state, segment)
        self._events["slots"] += len(p.labels) + self._cfg.lag
        self._say(y[segment.labels < 0].ravel())
        self._pending = _Pending()

    # ---- the other commands
    def _set(self, parameter: int, value: int) -> None:
        if parameter == LoraParameter.RATE:
            self.state.rate = value & ((1 << self._cfg.RATE.bits) - 1)
        elif LoraParameter.SHIFT_1 <= parameter < LoraParameter.SHIFT_1 + self._cfg.layers:
            self._net.shifts[parameter - LoraParameter.SHIFT_1] = value & ((1 << self._cfg.SHIFT_BITS) - 1)
        elif parameter == LoraParameter.KEY_HIGH:
            self._key = value << 32 | self._key & 0xFFFFFFFF
        elif parameter == LoraParameter.KEY_LOW:
            self._key = self._key >> 32 << 32 | value
        elif parameter == LoraParameter.EPOCH:
            self._epoch = value
        else:
            self._reject()

    def _counts(self) -> dict[LoraCounter, int]:
        s, e = self.state, self._events
        counts = {
            LoraCounter.SLOTS: e["slots"],
            LoraCounter.TRAINED: s.trained,
            LoraCounter.CORRECT: s.correct,
            LoraCounter.HITS: e["hits"],
            LoraCounter.MISSES: e["misses"],
            LoraCounter.REJECTED: e["rejected"],
        }
        return counts | {LoraCounter[name.upper()]: n for name, n in s.counters.items()}

    def _get(self, counter: int) -> None:
        if counter >= len(LoraCounter):
            self._reject()
            self._say([0, 0])
            return
        count = self._counts().get(LoraCounter(counter), 0)
        self._say([count & 0xFFFFFFFF, count >> 32])

    def _clear(self) -> None:
        self._events = dict.fromkeys(self._events, 0)
        self.state.counters = dict.fromkeys(self.state.counters, 0)
        self.state.trained = self.state.correct = 0

    def _write(self, space: Space, address: int, count: int, words: np.ndarray) -> None:
        cfg = self._cfg
        elements = unpacked_run(words, element_bits(cfg, space), count)
        if space == Space.SIGNS:
            elements = np.where(elements, -cfg.start, cfg.start)
        target, width = {
            Space.ADAPTERS: (self.state.words, cfg.lanes),
            Space.WEIGHTS: (self._net.weights, cfg.lanes),
            Space.BIASES: (self._net.biases, 1),
            Space.SIGNS: (self.state.words, cfg.lanes),
        }[space]
        flat = target.reshape(-1)
        start = address * width
        n = max(0, min(count, len(flat) - start))
        if space == Space.WEIGHTS:
            n -= n % cfg.weight_group
        flat[start : start + n] = elements[:n]
        self._reject(count - max(0, min(count, len(flat) - start)))

    def _read(self, space: int, address: int, count: int) -> None:
        cfg = self._cfg
        found = np.zeros((count, cfg.lanes), np.int64)
        n = max(0, min(count, cfg.adapter_words - address)) if space == Space.ADAPTERS else 0
        found[:n] = self.state.words[address : address + n]
        self._reject(count - n)
        self._say(packed_run(found.ravel(), element_bits(cfg, Space.ADAPTERS)))


def rehearsal(cfg: LoraConfig) -> np.ndarray:
    """Commands that between them need every function that Numba compiles."""
    sample = [0] * (chunk_words(cfg) * cfg.chunks[0])
    words = [header(LoraOpcode.WRITE), 1, *[0] * packed_words(cfg, Space.ADAPTERS, 1)]
    words += [header(LoraOpcode.LOAD), 1, 0, *sample, header(LoraOpcode.EPOCHS, 1), epochs_operand(1, 1)]
    for label in (0, None):
        words += [sample_header(Source.INPUT, NO_NUMBER, label=label), *sample]
    return np.array([*words, header(LoraOpcode.READ), 1, header(LoraOpcode.FLUSH)], np.uint32)
