"""The golden model (:mod:`.golden`) with compiled loops: the same function of the same state, for whole runs.

:func:`run` and :func:`backbone_forward` equal theirs bit for bit; the tests hold them to it. The plain NumPy model
stays the definition.
"""

import numpy as np

from ...hw.lora.config import LoraConfig
from ..arith.reciprocal import reciprocal
from ..jit import jit, part
from .golden import COUNTERS, Backbone, Segment, State, exp_table, log_table

__all__ = ["backbone_forward", "losses", "run"]

_A, _B, _GRADIENT, _Z, _Y, _G, _GZ = range(len(COUNTERS))


@part
def _fit(value, shift, bits, sat, which):
    """Round half up by ``shift`` and saturate to a signed width, counting an event."""
    if shift > 0:
        value = (value + (np.int64(1) << (shift - 1))) >> shift
    top = (np.int64(1) << (bits - 1)) - 1
    if value > top:
        sat[which] += 1
        return top
    if value < -top - 1:
        sat[which] += 1
        return -top - 1
    return value


@part
def _update(word, gradient, vector, factor, shift, bits, gradient_bits, first, last, sat, which):
    """One beat: gradient sums of a word and, at the end of a mini-batch, the word itself."""
    clamped = np.zeros(sat.shape[0], np.int64)
    for i in range(word.shape[0]):
        acc = _fit(vector[i] * factor + (0 if first else gradient[i]), 0, gradient_bits, clamped, _GRADIENT)
        gradient[i] = acc
        if last:
            word[i] = _fit(word[i] - _fit(acc, shift, bits, clamped, which), 0, bits, clamped, which)
    for i in (_GRADIENT, which):
        if clamped[i]:
            sat[i] += 1


@part
def _error(y, label, g, table, gains, gain_low, rate, index_shift, g_shift, g_bits, scale_shift, scale_bits, sat):
    """Scaled softmax error; ``gains`` are the reciprocals of every possible sum from ``gain_low`` on."""
    top = y.max()
    total = np.int64(0)
    half = (np.int64(1) << index_shift) >> 1
    for j in range(y.shape[0]):
        index = (top - y[j] + half) >> index_shift
        g[j] = table[index] if index < table.shape[0] else 0
        total += g[j]
    unused = np.zeros(1, np.int64)
    scale = _fit(gains[total - gain_low] * rate, scale_shift, scale_bits, unused, 0)
    others = np.int64(0)
    for j in range(y.shape[0]):
        if j != label:
            g[j] = _fit(g[j] * scale, g_shift, g_bits, sat, _G)
            others += g[j]
    g[label] = _fit(-others, 0, g_bits, sat, _G)


@jit()
def _losses(y, labels, table, logs, ln2, exp_bits, log_bits, index_shift, gap_shift):
    out = np.zeros(labels.shape[0], np.int64)
    half = (np.int64(1) << index_shift) >> 1
    for i in range(labels.shape[0]):
        top = y[i].max()
        total = np.int64(0)
        for j in range(y.shape[1]):
            index = (top - y[i, j] + half) >> index_shift
            total += table[index] if index < table.shape[0] else 0
        e = 0
        while total >> (exp_bits + e + 1):
            e += 1
        index = (total >> (e + exp_bits - log_bits)) - (1 << log_bits)
        out[i] = ((top - y[i, labels[i]]) << gap_shift) + e * ln2 + logs[index]
    return out


def losses(cfg: LoraConfig, y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """:func:`.golden.cross_entropy` of each of many outputs y (n, classes) with labels (n,): (n,)."""
    return _losses(
        np.ascontiguousarray(y, np.int64),
        np.asarray(labels, np.int64),
        exp_table(cfg),
        log_table(cfg),
        int(np.floor(np.log(2.0) * 2.0**cfg.loss_fraction + 0.5)),
        *(cfg.exp_bits, cfg.log_bits, cfg.exp_index_shift, cfg.loss_fraction - cfg.y.fraction),
    )


@jit()
def _run(x, c, rows, labels, last, words, gradients, rate, fresh, sat, totals, y, shape, shifts, bits, layer, column,
         chunk, table, gains, gain_low):  # fmt: skip
    """Slots 0 to n - 1 + lag; see ``lora.slot``. Returns whether a new mini-batch would begin."""
    lag, rank, z_size, a_words = shape
    y_shift, gz_shift, b_shift, g_shift, index_shift, scale_shift = shifts[:6]
    z_shifts, a_shifts = shifts[6:10], shifts[10:]
    a_bits, b_bits, z_bits, y_bits, g_bits, gz_bits, gradient_bits, scale_bits = bits
    n, m, lanes = labels.shape[0], c.shape[1], words.shape[1]
    z = np.zeros((n, lanes), np.int64)
    g = np.zeros((n, m), np.int64)
    gz = np.zeros((n, z_size), np.int64)
    first = np.zeros(n, np.bool_)
    for s in range(n):
        if labels[s] >= 0:
            first[s] = fresh
            fresh = last[s]
    for s in range(n + lag):
        head, back, done = s - 1, s + 1 - lag, s - lag
        if 0 <= back < n and labels[back] >= 0:
            clamped = np.zeros(sat.shape[0], np.int64)
            for i in range(z_size):
                acc = np.int64(0)
                for j in range(m):
                    acc += g[back, j] * words[a_words + j, i]
                gz[back, i] = _fit(acc, gz_shift, gz_bits, clamped, _GZ)
            if clamped[_GZ]:
                sat[_GZ] += 1
            for j in range(m):
                w = a_words + j
                _update(words[w], gradients[w], z[back], g[back, j], b_shift, b_bits, gradient_bits,
                        first[back], last[back], sat, _B)  # fmt: skip
        if 0 <= head < n:
            for j in range(m):
                acc = c[rows[head], j] << y_shift
                for i in range(z_size):
                    acc += z[head, i] * words[a_words + j, i]
                y[head, j] = _fit(acc, y_shift, y_bits, sat, _Y)
            if labels[head] >= 0:
                _error(y[head], labels[head], g[head], table, gains, gain_low, rate, index_shift, g_shift, g_bits,
                       scale_shift, scale_bits, sat)  # fmt: skip
                totals[0] += 1
                totals[1] += y[head].argmax() == labels[head]
        if 0 <= done < n and labels[done] >= 0:
            for w in range(a_words):
                factor = gz[done, layer[w] * rank + column[w]]
                vector = x[rows[done], chunk[w]]
                _update(words[w], gradients[w], vector, factor, a_shifts[layer[w]], a_bits, gradient_bits,
                        first[done], last[done], sat, _A)  # fmt: skip
        if s < n:
            acc = np.int64(0)
            for w in range(a_words):
                for i in range(lanes):
                    acc += words[w, i] * x[rows[s], chunk[w], i]
                if w == a_words - 1 or column[w + 1] != column[w] or layer[w + 1] != layer[w]:
                    k = layer[w] * rank + column[w]
                    z[s, k] = _fit(acc, z_shifts[layer[w]], z_bits, sat, _Z)
                    acc = np.int64(0)
    return fresh


def run(cfg: LoraConfig, state: State, segment: Segment) -> np.ndarray:
    """:func:`.golden.run`, compiled. Raises ValueError if samples are in flight: a segment starts after a barrier."""
    if any(s is not None for s in state.in_flight):
        raise ValueError("samples are in flight; end the segment with lora.barrier first")
    layer = np.repeat(np.arange(cfg.layers), [cfg.rank * c for c in cfg.chunks])
    column = np.concatenate([np.repeat(np.arange(cfg.rank), c) for c in cfg.chunks])
    starts = np.cumsum([0, *cfg.chunks[:-1]])
    chunk = np.concatenate([np.tile(s + np.arange(c), cfg.rank) for s, c in zip(starts, cfg.chunks, strict=True)])
    gain_low = 1 << cfg.exp_bits
    sums = np.arange(gain_low, cfg.classes * gain_low + 1)
    gains = reciprocal(sums, int_bits=cfg.SUM_INTEGER, frac_bits=cfg.exp_bits, gain_bits=cfg.gain_bits)
    shifts = np.zeros(14, np.int64)
    shifts[:6] = (
        *(cfg.y_shift, cfg.gz_shift, cfg.b_shift, cfg.g_shift),
        *(cfg.exp_index_shift, cfg.RATE.fraction),
    )
    for k in range(cfg.layers):
        shifts[6 + k], shifts[10 + k] = cfg.z_shift(k), cfg.a_shift(k)
    bits = (
        *(cfg.a.bits, cfg.b.bits, cfg.z.bits, cfg.y.bits, cfg.g.bits, cfg.gz.bits),
        *(cfg.gradient_bits, cfg.gain_bits + 2),
    )
    sat = np.zeros(len(COUNTERS), np.int64)
    totals = np.zeros(2, np.int64)
    y = np.zeros((len(segment.labels), cfg.classes), np.int64)
    state.fresh = bool(
        _run(
            np.ascontiguousarray(segment.x, np.int64),
            np.ascontiguousarray(segment.c, np.int64),
            np.asarray(segment.order, np.int64),
            np.asarray(segment.labels, np.int64),
            np.asarray(segment.last, np.bool_),
            state.words,
            state.gradients,
            state.rate,
            state.fresh,
            sat,
            totals,
            y,
            (cfg.lag, cfg.rank, cfg.z_size, cfg.a_words),
            shifts,
            np.array(bits, np.int64),
            layer,
            column,
            chunk,
            exp_table(cfg),
            gains,
            gain_low,
        )
    )
    for name, count in zip(COUNTERS, sat, strict=True):
        state.counters[name] += int(count)
    state.trained += int(totals[0])
    state.correct += int(totals[1])
    state.in_flight = [None] * cfg.lag
    return y


def backbone_forward(cfg: LoraConfig, net: Backbone, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`.golden.backbone_forward` of many inputs (n, n_1): words (n, x_words, lanes) and c (n, classes)."""
    words = np.zeros((len(x), cfg.x_words, cfg.lanes), np.int64)
    h = np.asarray(x, np.int64)
    c = np.zeros((len(x), cfg.classes), np.int64)
    row = neuron = word = 0
    for k, (chunks, outputs) in enumerate(zip(cfg.chunks, cfg.outputs, strict=True)):
        padded = np.zeros((len(x), chunks * cfg.lanes), np.int64)
        padded[:, : h.shape[1]] = h
        words[:, word : word + chunks] = padded.reshape(len(x), chunks, cfg.lanes)
        weights = net.weights[row : row + outputs * chunks].reshape(outputs, -1)
        # float64 holds the sums of products exactly, and BLAS is many times faster than integers.
        acc = (padded.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int64)
        acc += net.biases[neuron : neuron + outputs]
        shift = int(net.shifts[k])
        fmt = cfg.y if k == cfg.layers - 1 else cfg.x_format(k + 1)
        h = np.clip((acc + ((1 << shift) >> 1)) >> shift, fmt.min_raw, fmt.max_raw)
        row, neuron, word = row + outputs * chunks, neuron + outputs, word + chunks
        c = h
    return words, c
