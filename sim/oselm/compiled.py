"""The golden model with its loops compiled by numba: same bits as ``oselm``, fast enough for whole graphs.

``oselm`` is the definition. Nothing here may be looser than it: tests compare the two for equality over random
configurations, and every product is taken in int64.
"""

from collections.abc import Callable
from functools import lru_cache

import numba as nb
import numpy as np

from ...hw.arith.reciprocal_table import ReciprocalTable
from ...hw.oselm.config import CoreConfig, Schedule
from .golden import COUNTERS, Contexts, State

__all__ = ["train"]


def train(cfg: CoreConfig, state: State, contexts: Contexts) -> None:
    """As :func:`skipwalk.sim.oselm.golden.train`."""
    counters = np.zeros(len(COUNTERS), np.int64)
    _kernel(cfg)(
        state.beta,
        state.p,
        np.int64(state.q),
        np.int64(state.p0),
        np.ascontiguousarray(contexts.centres, np.int64),
        np.ascontiguousarray(contexts.indptr, np.int64),
        np.ascontiguousarray(contexts.samples, np.int64),
        np.ascontiguousarray(contexts.labels, np.int64),
        counters,
    )
    for name, value in zip(COUNTERS, counters, strict=True):
        state.counters[name] += int(value)
    state.contexts += len(contexts)
    state.samples += len(contexts.samples)


@nb.njit(inline="always")
def _round(x, shift):
    return (x + ((1 << shift) >> 1)) >> shift


@nb.njit(inline="always")
def _clamp(x, low, high):
    return min(max(x, low), high)


def _reciprocal_kernel(cfg: CoreConfig) -> Callable:
    """The piecewise-linear reciprocal of ``golden.reciprocal``, for one number of at least 1."""
    table = ReciprocalTable(cfg.HU_INTEGER, cfg.HU_FRACTION, cfg.gain_bits)
    value, slope = np.array(table.lines, np.int64).T.copy()
    one, top, guard = 1 << cfg.HU_FRACTION, cfg.HU_INTEGER - 1, table.GUARD
    mantissa_bits, offset_bits, product_shift = table.mantissa_bits, table.offset_bits, table.product_shift
    fall_low, fall_high = -(1 << (table.value_bits)), (1 << table.value_bits) - 1
    g_high = (1 << cfg.gain_bits) - 1

    @nb.njit
    def kernel(x):
        exponent = 0
        while x >> (exponent + 1) >= one:
            exponent += 1
        mantissa = (x << (top - exponent)) - (1 << mantissa_bits)
        interval = mantissa >> offset_bits
        offset = (mantissa & ((1 << offset_bits) - 1)) - (1 << (offset_bits - 1))
        fall = _clamp(_round(slope[interval] * offset, product_shift), fall_low, fall_high)
        return min(_round((value[interval] - fall) << (top - exponent), guard + top), g_high)

    return kernel


@lru_cache(maxsize=16)
def _kernel(cfg: CoreConfig) -> Callable:
    """Compile the training loop with the configuration's widths as constants."""
    D, L, A = cfg.dim, cfg.lanes, cfg.lookahead
    slots = A + 2
    streaming = cfg.schedule is Schedule.STREAMING
    beta_low, beta_high = cfg.beta.min_raw, cfg.beta.max_raw
    p_low, p_high = cfg.p.min_raw, cfg.p.max_raw
    k_low, k_high = cfg.k.min_raw, cfg.k.max_raw
    e_low, e_high = cfg.e.min_raw, cfg.e.max_raw
    u_low, u_high = cfg.u.min_raw, cfg.u.max_raw
    beta_drop = cfg.beta.fraction - cfg.beta_view.fraction
    p_drop = cfg.p.fraction - cfg.p_view.fraction
    bv_low, bv_high = cfg.beta_view.min_raw, cfg.beta_view.max_raw
    pv_low, pv_high = cfg.p_view.min_raw, cfg.p_view.max_raw
    beta_shift, p_shift, k_shift = cfg.beta_shift, cfg.p_shift, cfg.k_shift
    e_shift, u_shift, hu_shift = cfg.e_shift, cfg.u_shift, cfg.hu_shift
    one, e_one = 1 << cfg.HU_FRACTION, 1 << cfg.e.fraction
    hu_top = (1 << (cfg.HU_INTEGER + cfg.HU_FRACTION)) - 1 - one
    reciprocal = _reciprocal_kernel(cfg)

    @nb.njit
    def sweep(p, q, p0, update, k, u, forward, h, out, counters):
        for r in range(D):
            if update:
                ur = u[r]
                grow = q if p[r, r] < p0 else 0
                for c in range(0, D, L):
                    bad = 0
                    for j in range(c, c + L):
                        exact = _round(ur * k[j], p_shift)
                        step = _clamp(exact, p_low, p_high)
                        bad |= step != exact
                        exact = p[r, j] - step + (grow if j == r else 0)
                        new = _clamp(exact, p_low, p_high)
                        bad |= new != exact
                        p[r, j] = new
                    counters[1] += bad
            if forward:
                acc = np.int64(0)
                for j in range(D):
                    acc += _clamp(_round(p[r, j], p_drop), pv_low, pv_high) * h[j]
                exact = _round(acc, u_shift)
                out[r] = _clamp(exact, u_low, u_high)
                counters[4] += out[r] != exact

    @nb.njit
    def gain(h, u, k, counters):
        acc = np.int64(0)
        for r in range(D):
            acc += h[r] * u[r]
        exact = _round(acc, hu_shift)
        hu = _clamp(exact, 0, hu_top)
        counters[5] += hu != exact
        g = reciprocal(one + hu)
        for c in range(0, D, L):
            bad = 0
            for j in range(c, c + L):
                exact = _round(g * u[j], k_shift)
                k[j] = _clamp(exact, k_low, k_high)
                bad |= k[j] != exact
            counters[2] += bad

    @nb.njit
    def load(beta, row, h):
        for j in range(D):
            h[j] = _clamp(_round(beta[row, j], beta_drop), bv_low, bv_high)

    @nb.njit
    def error(beta, row, h, label, counters):
        acc = np.int64(0)
        for j in range(D):
            acc += _clamp(_round(beta[row, j], beta_drop), bv_low, bv_high) * h[j]
        exact_d = _round(acc, e_shift)
        d = _clamp(exact_d, e_low, e_high)
        exact = label * e_one - d
        e = _clamp(exact, e_low, e_high)
        counters[3] += (d != exact_d) | (e != exact)
        return e

    @nb.njit
    def update(beta, row, e, k, counters):
        for c in range(0, D, L):
            bad = 0
            for j in range(c, c + L):
                exact = _round(e * k[j], beta_shift)
                step = _clamp(exact, beta_low, beta_high)
                bad |= step != exact
                exact = beta[row, j] + step
                new = _clamp(exact, beta_low, beta_high)
                bad |= new != exact
                beta[row, j] = new
            counters[0] += bad

    @nb.njit
    def run(beta, p, q, p0, centres, indptr, samples, labels, counters):
        n = len(centres)
        h = np.zeros((slots, D), np.int64)
        u = np.zeros((slots, D), np.int64)
        k = np.zeros((slots, D), np.int64)
        errors = np.zeros((2, 128), np.int64)
        if n == 0:
            return
        if streaming:
            for s in range(-A, n + 1):
                j, before = s + A, s - 1
                if j < n:
                    load(beta, centres[j], h[j % slots])
                reads = indptr[s + 1] - indptr[s] if 0 <= s < n else 0
                updates = indptr[s] - indptr[before] if 0 <= before < n else 0
                for x in range(max(reads, updates)):
                    if x < reads:
                        m = indptr[s] + x
                        errors[s % 2, x] = error(beta, samples[m], h[s % slots], labels[m], counters)
                    if x < updates:
                        update(beta, samples[indptr[before] + x], errors[before % 2, x], k[before % slots], counters)
                a, b = j % slots, before % slots
                sweep(p, q, p0, before >= 0, k[b], u[b], j < n, h[a], u[a], counters)
                if j < n:
                    gain(h[a], u[a], k[a], counters)
        else:
            for i in range(n):
                a, b = i % 2, (i - 1) % 2
                load(beta, centres[i], h[a])
                sweep(p, q, p0, i > 0, k[b], u[b], True, h[a], u[a], counters)
                gain(h[a], u[a], k[a], counters)
                for m in range(indptr[i], indptr[i + 1]):
                    errors[0, m - indptr[i]] = error(beta, samples[m], h[a], labels[m], counters)
                for m in range(indptr[i], indptr[i + 1]):
                    update(beta, samples[m], errors[0, m - indptr[i]], k[a], counters)
            b = (n - 1) % 2
            sweep(p, q, p0, True, k[b], u[b], False, h[b], u[1 - b], counters)

    return run
