"""Golden model of the Skip2-LoRA unit: plain NumPy on raw integers, equal to the RTL bit for bit.

One function for each hardware block, composed into :func:`slot`, one sample's step of the schedule, and :func:`run`,
a *segment*: the samples between two barriers. Arrays are words of ``lanes`` elements as the unit stores them; the
functions of ``layout`` convert. Equations and schedule are in docs/lora.md. ``compiled`` is the same
arithmetic with compiled loops, for whole fine-tuning runs.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ...hw.arith.formats import SQ
from ...hw.lora.config import LoraConfig
from ..arith.fixed import requantize, saturate
from ..arith.reciprocal import reciprocal

__all__ = [
    "COUNTERS",
    "Backbone",
    "Sample",
    "Segment",
    "State",
    "adapter_forward",
    "backbone_forward",
    "backward",
    "barrier",
    "cross_entropy",
    "exp_table",
    "head_forward",
    "initial_state",
    "log_table",
    "run",
    "slot",
    "softmax_error",
    "update",
]

#: Saturation counters, in the order in which the unit reports them. One event is one beat (``lanes`` elements, or one
#: scalar) in which at least one value was clamped.
COUNTERS = ("sat_a", "sat_b", "sat_gradient", "sat_z", "sat_y", "sat_g", "sat_gz")


@dataclass
class Backbone:
    """The frozen network. ``weights`` (dense_words, lanes), ``biases`` (neurons of all layers), ``shifts`` (layers)."""

    weights: np.ndarray
    biases: np.ndarray
    shifts: np.ndarray


@dataclass
class Sample:
    """One sample on its way through the schedule.

    ``x`` (x_words, lanes) and ``c`` (classes,) come with it; ``label`` is None where only the outputs are wanted;
    ``first`` and ``last`` frame a mini-batch. ``z``, ``y``, ``g`` and ``gz`` are filled in as it advances.
    """

    x: np.ndarray
    c: np.ndarray
    label: int | None = None
    first: bool = True
    last: bool = True
    z: np.ndarray | None = None
    y: np.ndarray | None = None
    g: np.ndarray | None = None
    gz: np.ndarray | None = None


@dataclass
class Segment:
    """Samples between two barriers, as arrays.

    Attributes
    ----------
    x : array (u, x_words, lanes)
    c : array (u, classes)
    labels : array (n,)
        -1 where only the outputs are wanted.
    last : array (n,) of bool
        The sample ends its mini-batch.
    rows : array (n,), optional
        Which of x and c each sample is. Left out: all, in their order.
    """

    x: np.ndarray
    c: np.ndarray
    labels: np.ndarray
    last: np.ndarray
    rows: np.ndarray | None = None

    @property
    def order(self) -> np.ndarray:
        """``rows``, whether they were given or not."""
        return np.arange(len(self.labels)) if self.rows is None else self.rows


@dataclass
class State:
    """All that training changes: raw integers as the unit stores them."""

    words: np.ndarray  # (adapter_words, lanes) int64: A, then the columns of B
    gradients: np.ndarray  # (adapter_words, lanes) int64: sums over the mini-batch at hand
    rate: int  # raw, format cfg.RATE
    fresh: bool = True  # the next training sample begins a mini-batch
    in_flight: list[Sample | None] = field(default_factory=list)  # newest first
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    trained: int = 0
    correct: int = 0

    def copy(self) -> "State":
        return State(
            self.words.copy(),
            self.gradients.copy(),
            self.rate,
            self.fresh,
            list(self.in_flight),
            dict(self.counters),
            self.trained,
            self.correct,
        )


def initial_state(cfg: LoraConfig, words: np.ndarray, rate: int) -> State:
    """Ready to train with adapters ``words`` (adapter_words, lanes) and a raw learning-rate factor."""
    return State(np.array(words, np.int64), np.zeros((cfg.adapter_words, cfg.lanes), np.int64), rate)


@lru_cache(maxsize=16)
def exp_table(cfg: LoraConfig) -> np.ndarray:
    """exp(-i / 2**exp_step_bits), raw with ``exp_bits`` fraction bits, nearest; entry 0 is exactly 1."""
    i = np.arange(cfg.exp_entries)
    return np.floor(np.exp(-i / 2.0**cfg.exp_step_bits) * 2.0**cfg.exp_bits + 0.5).astype(np.int64)


@lru_cache(maxsize=16)
def log_table(cfg: LoraConfig) -> np.ndarray:
    """ln(1 + i / 2**log_bits) in the middle of each interval, raw with ``loss_fraction`` bits; entry 0 is exactly 0."""
    i = np.arange(1 << cfg.log_bits) + 0.5
    i[0] = 0
    return np.floor(np.log1p(i / 2.0**cfg.log_bits) * 2.0**cfg.loss_fraction + 0.5).astype(np.int64)


def _layer_of_word(cfg: LoraConfig) -> np.ndarray:
    """Layer of every word of A."""
    return np.repeat(np.arange(cfg.layers), [cfg.rank * c for c in cfg.chunks])


def _chunk_of_word(cfg: LoraConfig) -> np.ndarray:
    """Which word of x meets every word of A."""
    starts = np.cumsum([0, *cfg.chunks[:-1]])
    return np.concatenate([np.tile(s + np.arange(c), cfg.rank) for s, c in zip(starts, cfg.chunks, strict=True)])


def _requantize(state: State, name: str, acc: np.ndarray, shift, fmt: SQ) -> np.ndarray:
    """Narrow to ``fmt``; every row of ``acc`` (or scalar of a vector) with a clamped value is one event."""
    exact = (acc + ((1 << shift) >> 1)) >> shift
    out = saturate(exact, fmt)
    _count(state, name, exact != out)
    return out


def _count(state: State, name: str, clamped: np.ndarray) -> None:
    state.counters[name] += int(clamped.any(axis=1).sum() if clamped.ndim == 2 else clamped.sum())


def backbone_forward(cfg: LoraConfig, net: Backbone, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of every layer and the last layer's outputs before the adapters.

    Parameters
    ----------
    x : array (n_1,)
        Raw input, ``x_bits`` unsigned.

    Returns
    -------
    x : array (x_words, lanes)
        What the Skip-Cache holds. ReLU is the lower end of the unsigned format.
    c : array (classes,)
        Format ``cfg.y``.
    """
    words = np.zeros((cfg.x_words, cfg.lanes), np.int64)
    h = np.asarray(x, np.int64)
    row = neuron = word = 0
    for k, (chunks, outputs) in enumerate(zip(cfg.chunks, cfg.outputs, strict=True)):
        words[word : word + chunks].reshape(-1)[: len(h)] = h
        weights = net.weights[row : row + outputs * chunks].reshape(outputs, -1)
        acc = weights @ words[word : word + chunks].ravel() + net.biases[neuron : neuron + outputs]
        row, neuron, word = row + outputs * chunks, neuron + outputs, word + chunks
        if k == cfg.layers - 1:
            return words, requantize(acc, int(net.shifts[k]), cfg.y)
        h = requantize(acc, int(net.shifts[k]), cfg.x_format(k + 1))
    raise AssertionError("a configuration has at least one layer")


def adapter_forward(cfg: LoraConfig, state: State, x: np.ndarray) -> np.ndarray:
    """``z_k = x_k A_k`` for all layers: (layers * rank,), format ``cfg.z``."""
    products = (state.words[: cfg.a_words] * x[_chunk_of_word(cfg)]).sum(axis=1)
    z = np.empty(cfg.z_size, np.int64)
    word = 0
    for k, chunks in enumerate(cfg.chunks):
        acc = products[word : word + cfg.rank * chunks].reshape(cfg.rank, chunks).sum(axis=1)
        z[k * cfg.rank : (k + 1) * cfg.rank] = _requantize(state, "sat_z", acc, cfg.z_shift(k), cfg.z)
        word += cfg.rank * chunks
    return z


def head_forward(cfg: LoraConfig, state: State, z: np.ndarray, c: np.ndarray) -> np.ndarray:
    """``y = c + sum_k z_k B_k``: (classes,), format ``cfg.y``."""
    acc = state.words[cfg.a_words :, : cfg.z_size] @ z
    return _requantize(state, "sat_y", acc + (c << cfg.y_shift), cfg.y_shift, cfg.y)


def _exponentials(cfg: LoraConfig, y: np.ndarray) -> np.ndarray:
    """exp(y - max(y)) by the table."""
    table = exp_table(cfg)
    index = (y.max() - y + ((1 << cfg.exp_index_shift) >> 1)) >> cfg.exp_index_shift
    return np.where(index < cfg.exp_entries, table[np.minimum(index, cfg.exp_entries - 1)], 0)


def cross_entropy(cfg: LoraConfig, y: np.ndarray, label: int) -> int:
    """``-ln softmax(y)[label]``, which is max(y) - y[label] + ln(sum of exp(y - max(y))), ``loss_fraction`` bits.

    With the sum 2**e (1 + f), its logarithm is e times that of 2, rounded, and that of 1 + f by a table.
    """
    total = int(_exponentials(cfg, y).sum())
    e = total.bit_length() - 1 - cfg.exp_bits
    index = (total >> (e + cfg.exp_bits - cfg.log_bits)) - (1 << cfg.log_bits)
    ln2 = int(np.floor(np.log(2.0) * 2.0**cfg.loss_fraction + 0.5))
    gap = int(y.max() - y[label]) << (cfg.loss_fraction - cfg.y.fraction)
    return gap + e * ln2 + int(log_table(cfg)[index])


def softmax_error(cfg: LoraConfig, state: State, y: np.ndarray, label: int) -> np.ndarray:
    """``rate (softmax(y) - onehot(label))``: (classes,), format ``cfg.g``.

    The label's own element is minus the sum of the others: 1 - p by way of a rounded reciprocal would leave a gradient
    on samples that are solved.
    """
    e = _exponentials(cfg, y)
    gain = reciprocal(np.array([e.sum()]), int_bits=cfg.SUM_INTEGER, frac_bits=cfg.exp_bits, gain_bits=cfg.gain_bits)[0]
    scale = requantize(gain * state.rate, cfg.RATE.fraction, SQ(2, cfg.gain_bits))
    others = np.arange(cfg.classes) != label
    g = _requantize(state, "sat_g", np.where(others, e * scale, 0), cfg.g_shift, cfg.g)
    g[label] = _requantize(state, "sat_g", -g[others].sum(keepdims=True), 0, cfg.g)[0]
    return g


def backward(cfg: LoraConfig, state: State, g: np.ndarray) -> np.ndarray:
    """``gz = g B^T``: (layers * rank,), format ``cfg.gz``. One event of ``sat_gz`` at most."""
    acc = g @ state.words[cfg.a_words :, : cfg.z_size]
    return _requantize(state, "sat_gz", acc[None, :], cfg.gz_shift, cfg.gz)[0]


def update(
    cfg: LoraConfig,
    state: State,
    name: str,
    rows: slice,
    vectors: np.ndarray,
    factors: np.ndarray,
    shifts: np.ndarray,
    fmt: SQ,
    first: bool,
    last: bool,
) -> None:
    """Gradient sums ``G <- (0 if first else G) + vector * factor``; at the last sample ``W <- W - G >> shift``.

    Parameters
    ----------
    name : str
        Counter of saturations of W.
    rows : slice
        Of ``state.words`` and ``state.gradients``.
    vectors : array (rows, lanes) or (1, lanes); factors, shifts : arrays (rows,)
        One beat each.
    """
    limits = SQ(cfg.gradient_bits, 0)
    exact = vectors * factors[:, None] + (0 if first else state.gradients[rows])
    acc = saturate(exact, limits)
    _count(state, "sat_gradient", acc != exact)
    state.gradients[rows] = acc
    if not last:
        return
    shift = shifts[:, None]
    rounded = (acc + ((1 << shift) >> 1)) >> shift
    step = saturate(rounded, fmt)
    moved = state.words[rows] - step
    new = saturate(moved, fmt)
    _count(state, name, (step != rounded) | (new != moved))
    state.words[rows] = new


def slot(cfg: LoraConfig, state: State, sample: Sample | None) -> Sample | None:
    """One step of the schedule: take in a sample (or none), move those in flight; returns the one whose y is new.

    With s the number of this slot's sample: gz of sample s + 1 - lag from B as it stands; B updated by that same
    sample, then y and g of sample s - 1; A updated by sample s - lag, then z of sample s.
    """
    if sample is not None and sample.label is not None:
        sample.first, state.fresh = state.fresh, sample.last
    flight = [sample, *state.in_flight] + [None] * (cfg.lag + 1 - len(state.in_flight))
    head, back, done = flight[1], flight[cfg.lag - 1], flight[cfg.lag]

    if back is not None and back.g is not None and back.z is not None:
        back.gz = backward(cfg, state, back.g)
        shifts = np.full(cfg.classes, cfg.b_shift)
        vector = np.zeros((1, cfg.lanes), np.int64)
        vector[0, : cfg.z_size] = back.z
        rows = slice(cfg.a_words, cfg.adapter_words)
        update(cfg, state, "sat_b", rows, vector, back.g, shifts, cfg.b, back.first, back.last)
    if head is not None and head.z is not None:
        head.y = head_forward(cfg, state, head.z, head.c)
        if head.label is not None:
            head.g = softmax_error(cfg, state, head.y, head.label)
            state.trained += 1
            state.correct += int(head.y.argmax() == head.label)
    if done is not None and done.gz is not None:
        layers = _layer_of_word(cfg)
        columns = np.concatenate([np.repeat(np.arange(cfg.rank), c) for c in cfg.chunks])
        shifts = np.array([cfg.a_shift(k) for k in range(cfg.layers)])[layers]
        factors = done.gz[layers * cfg.rank + columns]
        vectors = done.x[_chunk_of_word(cfg)]
        rows = slice(0, cfg.a_words)
        update(cfg, state, "sat_a", rows, vectors, factors, shifts, cfg.a, done.first, done.last)
    if sample is not None:
        sample.z = adapter_forward(cfg, state, sample.x)
    state.in_flight = flight[: cfg.lag]
    return head


def barrier(cfg: LoraConfig, state: State) -> list[Sample]:
    """Slots without a sample until nothing is in flight; returns the samples whose y came out."""
    heads = [slot(cfg, state, None) for _ in range(cfg.lag)]
    return [h for h in heads if h is not None]


def run(cfg: LoraConfig, state: State, segment: Segment) -> np.ndarray:
    """A whole segment and the barrier behind it, changing ``state``; returns the outputs y (n, classes)."""
    heads = []
    for row, label, last in zip(segment.order, segment.labels, segment.last, strict=True):
        sample = Sample(segment.x[row], segment.c[row], None if label < 0 else int(label), last=bool(last))
        heads.append(slot(cfg, state, sample))
    heads += barrier(cfg, state)
    done = [h.y for h in heads if h is not None and h.y is not None]
    return np.array(done, np.int64).reshape(-1, cfg.classes)
