"""The training loop compiled by Numba, for machines without a C compiler: any configuration, one compilation for all.

It is kept in Numba's cache, with the numbers of the configuration as arguments.
"""

from collections import namedtuple
from functools import lru_cache

import numpy as np

from ...hw.oselm.config import CoreConfig
from ..jit import jit, part
from .kernel import Kernel, arithmetic, lines

__all__ = ["kernel"]

#: The numbers of :func:`arithmetic`, by their names.
Numbers = namedtuple("Numbers", list(arithmetic(CoreConfig(dim=2, nodes=2, lanes=2, max_samples=1))))  # type: ignore[misc]


@lru_cache(maxsize=64)
def kernel(cfg: CoreConfig) -> Kernel:
    """As :func:`skipwalk.sim.oselm.kernel.kernel`, and as slow as that is without vectors."""
    numbers = Numbers(**arithmetic(cfg))
    value, slope = lines(cfg.gain_bits)

    def run(beta, p, q, p0, centres, indptr, samples, labels, counters):
        _train(numbers, value, slope, beta, p, np.int64(q), np.int64(p0), centres, indptr, samples, labels, counters)

    return run


@part
def _round(x, shift):
    return (x + ((1 << shift) >> 1)) >> shift


@part
def _saturated(x, bits):
    top = np.int64(1) << (bits - 1)
    return min(max(x, -top), top - 1)


@part
def _reciprocal(n, value, slope, x):
    """The piecewise-linear reciprocal of ``golden.reciprocal``, for one number of at least 1."""
    one, top = np.int64(1) << n.HU_FRACTION, n.HU_INTEGER - 1
    exponent = 0
    while x >> (exponent + 1) >= one:
        exponent += 1
    mantissa = (x << (top - exponent)) - (1 << n.MANTISSA_BITS)
    interval = mantissa >> n.OFFSET_BITS
    offset = (mantissa & ((1 << n.OFFSET_BITS) - 1)) - (1 << (n.OFFSET_BITS - 1))
    fall = _saturated(_round(slope[interval] * offset, n.PRODUCT_SHIFT), n.VALUE_BITS + 1)
    return min(_round((value[interval] - fall) << (top - exponent), n.GUARD + top), (1 << n.GAIN_BITS) - 1)


@part
def _sweep(n, p, q, p0, update, k, u, forward, h, out, counters):
    for r in range(n.DIM):
        if update:
            ur = u[r]
            grow = q if p[r, r] < p0 else 0
            for c in range(0, n.DIM, n.LANES):
                bad = 0
                for j in range(c, c + n.LANES):
                    exact = _round(ur * k[j], n.P_SHIFT)
                    step = _saturated(exact, n.P_BITS)
                    bad |= step != exact
                    exact = p[r, j] - step + (grow if j == r else 0)
                    new = _saturated(exact, n.P_BITS)
                    bad |= new != exact
                    p[r, j] = new
                counters[1] += bad
        if forward:
            acc = np.int64(0)
            for j in range(n.DIM):
                acc += _saturated(_round(p[r, j], n.P_DROP), n.P_VIEW_BITS) * h[j]
            exact = _round(acc, n.U_SHIFT)
            out[r] = _saturated(exact, n.U_BITS)
            counters[4] += out[r] != exact


@part
def _gain(n, value, slope, h, u, k, counters):
    acc = np.int64(0)
    for r in range(n.DIM):
        acc += h[r] * u[r]
    exact = _round(acc, n.HU_SHIFT)
    one = np.int64(1) << n.HU_FRACTION
    hu = min(max(exact, 0), (np.int64(1) << (n.HU_INTEGER + n.HU_FRACTION)) - 1 - one)
    counters[5] += hu != exact
    _scaled(n, _reciprocal(n, value, slope, one + hu), u, k, counters)


@part
def _constant_gain(n, value, slope, p0, h, k, counters):
    acc = np.int64(0)
    for r in range(n.DIM):
        acc += h[r] * h[r]
    one = np.int64(1) << n.HU_FRACTION
    top = (np.int64(1) << (n.HU_INTEGER + n.HU_FRACTION)) - 1
    p = _saturated(_round(p0, n.P_DROP), n.P_VIEW_BITS)
    exact_hh = _round(acc, n.HH_SHIFT)
    hh = min(exact_hh, top)
    exact = _round(p * hh, n.P_FRACTION)
    kept = min(max(exact, 0), top - one)
    counters[5] += (hh != exact_hh) | (kept != exact)
    _scaled(n, _round(p * _reciprocal(n, value, slope, one + kept), n.GAIN_BITS), h, k, counters)


@part
def _scaled(n, g, u, k, counters):
    for c in range(0, n.DIM, n.LANES):
        bad = 0
        for j in range(c, c + n.LANES):
            exact = _round(g * u[j], n.K_SHIFT)
            k[j] = _saturated(exact, n.K_BITS)
            bad |= k[j] != exact
        counters[2] += bad


@part
def _sweep_and_gain(n, value, slope, p, q, p0, update, k, u, forward, h, new_u, new_k, counters):
    if not n.CONSTANT:
        _sweep(n, p, q, p0, update, k, u, forward, h, new_u, counters)
        if forward:
            _gain(n, value, slope, h, new_u, new_k, counters)
    elif forward:
        _constant_gain(n, value, slope, p0, h, new_k, counters)


@part
def _load(n, beta, row, h):
    for j in range(n.DIM):
        h[j] = _saturated(_round(np.int64(beta[row, j]), n.BETA_DROP), n.BETA_VIEW_BITS)


@part
def _error(n, beta, row, h, label, counters):
    acc = np.int64(0)
    for j in range(n.DIM):
        acc += _saturated(_round(np.int64(beta[row, j]), n.BETA_DROP), n.BETA_VIEW_BITS) * h[j]
    exact_d = _round(acc, n.E_SHIFT)
    d = _saturated(exact_d, n.E_BITS)
    exact = (np.int64(label) << n.E_FRACTION) - d
    e = _saturated(exact, n.E_BITS)
    counters[3] += (d != exact_d) | (e != exact)
    return e


@part
def _update(n, beta, row, e, k, counters):
    for c in range(0, n.DIM, n.LANES):
        bad = 0
        for j in range(c, c + n.LANES):
            exact = _round(e * k[j], n.BETA_SHIFT)
            step = _saturated(exact, n.BETA_BITS)
            bad |= step != exact
            exact = beta[row, j] + step
            new = _saturated(exact, n.BETA_BITS)
            bad |= new != exact
            beta[row, j] = new
        counters[0] += bad


@jit()
def _train(numbers, value, slope, beta, p, q, p0, centres, indptr, samples, labels, counters):
    c = numbers
    n, ahead = len(centres), c.AHEAD
    slots = 2 if ahead < 0 else ahead + 2
    h = np.zeros((slots, c.DIM), np.int64)
    u = np.zeros((slots, c.DIM), np.int64)
    k = np.zeros((slots, c.DIM), np.int64)
    errors = np.zeros((2, 128), np.int64)
    if ahead >= 0:
        for s in range(-ahead, n + 1):
            j, before = s + ahead, s - 1
            if j < n:
                _load(c, beta, centres[j], h[j % slots])
            reads = indptr[s + 1] - indptr[s] if 0 <= s < n else 0
            updates = indptr[s] - indptr[before] if 0 <= before < n else 0
            for x in range(max(reads, updates)):
                if x < reads:
                    m = indptr[s] + x
                    errors[s % 2, x] = _error(c, beta, samples[m], h[s % slots], labels[m], counters)
                if x < updates:
                    _update(c, beta, samples[indptr[before] + x], errors[before % 2, x], k[before % slots], counters)
            a, b = j % slots, before % slots
            of_p = before >= 0, k[b], u[b], j < n, h[a], u[a], k[a]
            _sweep_and_gain(c, value, slope, p, q, p0, *of_p, counters)
    else:
        for i in range(n):
            a, b = i % 2, (i - 1) % 2
            _load(c, beta, centres[i], h[a])
            of_p = i > 0, k[b], u[b], True, h[a], u[a], k[a]
            _sweep_and_gain(c, value, slope, p, q, p0, *of_p, counters)
            for m in range(indptr[i], indptr[i + 1]):
                errors[0, m - indptr[i]] = _error(c, beta, samples[m], h[a], labels[m], counters)
            for m in range(indptr[i], indptr[i + 1]):
                _update(c, beta, samples[m], errors[0, m - indptr[i]], k[a], counters)
        b = (n - 1) % 2
        of_p = True, k[b], u[b], False, h[b], u[1 - b], k[1 - b]
        _sweep_and_gain(c, value, slope, p, q, p0, *of_p, counters)
