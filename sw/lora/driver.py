"""Driver of a Skip2-LoRA unit: backbone, adapters and samples as arrays of raw integers; words stay below."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import (
    REPORT_WORDS,
    LoraCounter,
    LoraIdentity,
    LoraOpcode,
    LoraParameter,
    Space,
    element_bits,
    packed_words,
)
from ...sim.arith.words import from_words, unpacked_run
from ...sim.lora.golden import Backbone
from ..errors import DeviceError, InputError
from ..link.transport import Transport
from ..unit.driver import UnitDriver
from . import words as w

__all__ = ["EpochReport", "LoraDevice"]

#: Samples that travel with one call of the transport.
SLICE = 4096


@dataclass(frozen=True)
class EpochReport:
    """What the unit counted in an epoch.

    Attributes
    ----------
    samples : int
        Learned.
    correct : int
        Of these, how many had the highest output at their label when they were learned.
    loss : float
        Their mean cross entropy then.
    """

    samples: int
    correct: int
    loss: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.samples


class LoraDevice(UnitDriver[LoraConfig]):
    """An open Skip2-LoRA unit.

    Samples that all fit the Skip-Cache are loaded once, and an epoch, or many, are one command: :meth:`load_samples`,
    :meth:`epochs`. Others are sent one by one: :meth:`train`. The driver mirrors the Skip-Cache's directory: a sample
    whose number is in it travels as one word then, others with their input, from which the unit computes their
    activations again.
    """

    WHAT = "Skip2-LoRA unit"

    def __init__(self, transport: Transport, cfg: LoraConfig):
        self._cached = np.zeros(cfg.cache_samples, bool)
        super().__init__(transport, cfg)

    @classmethod
    def expected(cls, cfg: LoraConfig) -> LoraIdentity:
        return LoraIdentity.of(cfg)

    @classmethod
    def counters_of(cls, cfg: LoraConfig) -> tuple[LoraCounter, ...]:
        return tuple(LoraCounter)

    def _identify(self) -> None:
        """Also empties the Skip-Cache, of which the driver knows nothing yet."""
        super()._identify()
        self.forget()

    # ---- state
    def load_backbone(self, net: Backbone) -> None:
        """Write weights, biases and shifts; what the Skip-Cache holds is void."""
        parts = [w.write(self.cfg, Space.WEIGHTS, net.weights), w.write(self.cfg, Space.BIASES, net.biases)]
        for k, shift in enumerate(net.shifts):
            parts.append(w.set_parameter(LoraParameter(LoraParameter.SHIFT_1 + k), int(shift)))
        self._exchange(np.concatenate(parts))
        self.forget()

    def forget(self) -> None:
        """Empty the Skip-Cache."""
        self._exchange(w.command(LoraOpcode.FORGET))
        self._cached[:] = False

    def load_adapters(self, words: np.ndarray) -> None:
        """Write A and B, (adapter_words, lanes) raw. An A as training starts from travels by its signs."""
        cfg = self.cfg
        shape = (cfg.adapter_words, cfg.lanes)
        if np.shape(words) != shape:
            raise InputError(f"adapters must have shape {shape}, not {np.shape(words)}")
        a = words[: cfg.a_words]
        if (np.abs(a) == cfg.start).all():
            signs = w.write(cfg, Space.SIGNS, (a < 0).astype(np.int64))
            self._exchange(np.concatenate([signs, w.write(cfg, Space.ADAPTERS, words[cfg.a_words :], cfg.a_words)]))
        else:
            self._exchange(w.write(cfg, Space.ADAPTERS, words))

    def read_adapters(self) -> np.ndarray:
        """A and B, (adapter_words, lanes) int64 raw."""
        shape = (self.cfg.adapter_words, self.cfg.lanes)
        n = shape[0] * shape[1]
        replies = self._exchange(w.read(Space.ADAPTERS, shape[0]), packed_words(self.cfg, Space.ADAPTERS, n))
        return unpacked_run(replies, element_bits(self.cfg, Space.ADAPTERS), n).reshape(shape)

    def set_rate(self, raw: int) -> None:
        """Factor of the learning rate, raw in ``LoraConfig.RATE``."""
        if not 0 <= raw <= self.cfg.RATE.max_raw:
            raise InputError(f"the raw learning-rate factor must be 0 to {self.cfg.RATE.max_raw}, not {raw}")
        self._exchange(w.set_parameter(LoraParameter.RATE, raw))

    # ---- samples
    def load_samples(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        """Put samples (n, n_1), raw, with labels (n,) into the Skip-Cache, numbered from 0. Raises InputError for more
        than it holds."""
        room = self.cfg.cache_samples
        if len(inputs) > room:
            raise InputError(f"{len(inputs)} samples do not fit a Skip-Cache of {room}; send them by train()")
        for start in range(0, len(inputs), SLICE):
            part = slice(start, start + SLICE)
            self._exchange(w.load(self.cfg, inputs[part], labels[part], start))
        self._cached[: len(inputs)] = True

    def epochs(self, n: int, epochs: int, batch: int, *, key: int, first: int = 0) -> Iterator[EpochReport]:
        """Learn the samples 0 ... n - 1 of the Skip-Cache ``epochs`` times, yielding a report as each epoch ends.

        One command does it all: the unit can be used for something else when all reports have been taken, and no more
        if they are not. ``key`` orders the samples, ``first`` is the number of the first epoch; every ``batch``-th
        sample ends a mini-batch, and the last one. Raises InputError for a number that the unit cannot take, and
        DeviceError if it does not have the samples.
        """
        if not (0 < n <= self.cfg.cache_samples and self._cached[:n].all()):
            raise InputError(f"{n} samples are not in the Skip-Cache; load them first")
        parameters = {
            LoraParameter.KEY_HIGH: key >> 32,
            LoraParameter.KEY_LOW: key & 0xFFFFFFFF,
            LoraParameter.EPOCH: first & 0xFFFFFFFF,
        }
        try:
            ask = w.epochs(n, epochs, batch)
        except ValueError as error:
            raise InputError(str(error)) from error
        words = np.concatenate([*(w.set_parameter(p, value) for p, value in parameters.items()), ask])
        with self._whole():
            self._ask(words, 0)
            for _ in range(epochs):
                samples, correct, low, high = self._ask(np.empty(0, np.uint32), REPORT_WORDS).tolist()
                if samples != n:
                    raise DeviceError(f"the unit learned {samples} samples in an epoch of {n}; was it reset?")
                yield EpochReport(samples, correct, (high << 32 | low) * 2.0**-self.cfg.loss_fraction / n)

    def train(
        self, inputs: np.ndarray, labels: np.ndarray, order: np.ndarray, batch: int, *, cache: bool = True
    ) -> None:
        """Learn samples ``order`` (a pass or several) out of ``inputs`` (n, n_1), raw, and ``labels`` (n,).

        Every ``batch``-th sample ends a mini-batch, and the last one. With ``cache``, samples below the capacity of
        the Skip-Cache are kept there. Returns when all is learned.
        """
        for _ in self.train_slices(inputs, labels, order, batch, cache=cache):
            pass

    def train_slices(
        self, inputs: np.ndarray, labels: np.ndarray, order: np.ndarray, batch: int, *, cache: bool = True
    ) -> Iterator[int]:
        """As :meth:`train`, yielding how many samples have been sent. The mini-batches are those of the whole."""
        last = np.arange(1, len(order) + 1) % batch == 0
        if len(order):
            last[-1] = True
        for start in range(0, len(order), SLICE):
            part = slice(start, start + SLICE)
            self._exchange(self._sample_words(inputs, labels, order[part], last[part], cache))
            yield min(start + SLICE, len(order))
        self.flush()

    def _sample_words(self, inputs, labels, order, last, cache: bool) -> np.ndarray:
        numbers = np.where(cache & (order < self.cfg.cache_samples), order, w.NO_NUMBER)
        hit = np.zeros(len(order), bool)
        kept = numbers != w.NO_NUMBER
        seen = self._cached.copy()
        for i in np.nonzero(kept)[0]:
            hit[i] = seen[numbers[i]]
            seen[numbers[i]] = True
        self._cached = seen
        if hit.all():
            return w.cached_samples(numbers, labels[order], last)
        parts, position = [], 0
        for i in [*np.nonzero(~hit)[0], len(order)]:
            run = slice(position, i)
            parts.append(w.cached_samples(numbers[run], labels[order[run]], last[run]))
            one = slice(i, i + 1)
            if i < len(order):
                x, y = inputs[order[one]], labels[order[one]]
                parts.append(w.input_samples(self.cfg, x, y, numbers[one], last[one]))
            position = i + 1
        return np.concatenate(parts)

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """y (n, classes), raw, of inputs (n, n_1) by backbone and adapters; nothing is learned or cached."""
        classes, out = self.cfg.classes, []
        for start in range(0, len(inputs), SLICE):
            part = inputs[start : start + SLICE]
            with self._whole():
                replies = self._flush(w.input_samples(self.cfg, part), len(part) * classes)
            out.append(from_words(replies, self.cfg.y).reshape(-1, classes))
        return np.concatenate([np.empty((0, classes), np.int64), *out])
