"""What a context costs: the cycles of the core as a function of its configuration and of the contexts.

:func:`train_cycles` follows the sequencer step by step, without any arithmetic, and is exact for a core that is fed
and emptied at full rate. :func:`slot_cycles` is the closed form for contexts of equal length.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ...hw.oselm.config import CoreConfig, Schedule
from ...hw.oselm.timing import EngineTiming
from .golden import Contexts

__all__ = ["roofline_cycles", "slot_cycles", "train_cycles"]


def roofline_cycles(cfg: CoreConfig, samples: int) -> int:
    """Cycles of a context if every multiplier of the busier engine worked in each of them."""
    return max(cfg.dim * cfg.chunks if cfg.has_p else 0, cfg.chunks * (samples + 1))


def slot_cycles(cfg: CoreConfig, samples: int) -> float:
    """Cycles of a context among many of ``samples`` samples each, in which no row comes again.

    Sequential: with samples, the next centre is taken to be the first of them, as the next node of a walk is.
    """
    t = EngineTiming.of(cfg)
    if cfg.schedule is Schedule.STREAMING:
        behind = t.read_after_update - 1
        around = (t.gain + behind + 1) / cfg.lookahead
        error_loop = behind + t.error + cfg.chunks - 1 if samples else 0
        return max(cfg.chunks * (samples + 1), t.spacing, error_loop, around)
    way = t.gain + 1 + cfg.chunks + t.read_after_update
    if samples:
        way += t.gain_latency + cfg.chunks - 2
    return max(cfg.chunks * (samples + 1), way)


def train_cycles(cfg: CoreConfig, contexts: Contexts) -> int:
    """Cycles from the first operation issued for a segment to the last one.

    Input is assumed to be there when it is wanted. What a barrier adds (waiting until all pipelines are empty) is the
    same for every segment.
    """
    if not len(contexts):
        return 0
    arrays = (
        np.ascontiguousarray(contexts.centres, np.int64),
        np.ascontiguousarray(contexts.indptr, np.int64),
        np.ascontiguousarray(contexts.samples, np.int64),
    )
    return int(_streaming(cfg)(*arrays) if cfg.schedule is Schedule.STREAMING else _sequential(cfg)(*arrays))


@lru_cache(maxsize=16)
def _streaming(cfg: CoreConfig) -> Callable:
    import numba as nb

    t, C, A = EngineTiming.of(cfg), cfg.chunks, cfg.lookahead
    behind = t.read_after_update - 1
    around, error_loop, spacing = t.gain + behind + 1, t.error + behind, t.spacing

    @nb.njit
    def run(centres, indptr, samples):
        n = len(centres)
        known = np.zeros(A + 2, np.int64)  # when the gain of a context is there
        read_at = np.zeros((2, 128), np.int64)  # last read beat of the samples of this slot and the one before
        now, swept = 0, -spacing
        for s in range(-A, n + 1):
            reads = indptr[s + 1] - indptr[s] if 0 <= s < n else 0
            updates = indptr[s] - indptr[s - 1] if 1 <= s <= n else 0
            now = max(now, swept + spacing)
            if 0 <= s < n:
                now = max(now, known[s % (A + 2)])
            j = s + A
            if j < n:
                known[j % (A + 2)] = now + around
            swept = now
            now += C
            for x in range(max(reads, updates)):
                both = x < reads and x < updates
                equal = both and samples[indptr[s] + x] == samples[indptr[s - 1] + x]
                if equal:
                    read_at[s % 2, x] = now + C - 1
                    now += C
                if x < updates:
                    now = max(now, read_at[(s - 1) % 2, x] + error_loop)
                if x < reads and not equal:
                    read_at[s % 2, x] = now + C - 1
                now += C
        return now

    return run


@lru_cache(maxsize=16)
def _sequential(cfg: CoreConfig) -> Callable:
    import numba as nb

    t, C, ring = EngineTiming.of(cfg), cfg.chunks, cfg.ring
    seen_after, after_gain, error, gain, spacing = (
        t.read_after_update,
        t.gain_latency,
        t.error,
        t.gain,
        t.spacing,
    )

    @nb.njit
    def run(centres, indptr, samples):
        n, total = len(centres), len(samples)
        # When an entry was read (last beat), its update was issued (last beat); -1: not yet.
        read_at = np.full(total + 1, -1, np.int64)
        updated_at = np.full(total + 1, -1, np.int64)
        # Latest earlier entry of the same row within the window; for centres: before their context.
        latest: dict[Any, Any] = {np.int64(-1): np.int64(-1)}
        source = np.full(total + 1, -1, np.int64)
        centre_source = np.full(n, -1, np.int64)
        for i in range(n):
            centre_source[i] = latest.get(centres[i], -1)
            for m in range(indptr[i], indptr[i + 1]):
                source[m] = latest.get(samples[m], -1)
                latest[samples[m]] = m
        gain_at = np.full(n, -1, np.int64)  # when the gain is there
        now, free = 0, 0  # this cycle; the reader is free from then on
        u_free = 0  # the updater is free from then on
        next_centre, next_read, next_update, next_gain = 0, 0, 0, 0
        read_context = 0  # whose samples are read
        may_centre, may_update, swept = 0, 0, -spacing
        while next_gain < n or next_update < total:
            # The updater: gains and updates in order.
            if now >= u_free:
                if next_gain < n and next_update == indptr[next_gain] and next_centre > next_gain:
                    if now >= gain_at[next_gain]:
                        u_free = now + C
                        may_update = now + C - 1 + after_gain
                        may_centre = now + C + seen_after
                        next_gain += 1
                elif next_update < total and next_gain > 0 and next_update < indptr[next_gain]:
                    if now >= may_update and read_at[next_update] >= 0 and now >= read_at[next_update] + error:
                        u_free = now + C
                        updated_at[next_update] = now + C - 1
                        next_update += 1
            # The reader: the next centre first, else the next sample.
            if now >= free:
                centre = False
                if next_centre < n and next_centre == next_gain and next_centre <= read_context + 1:
                    if now >= may_centre and now >= swept + spacing:
                        m = centre_source[next_centre]
                        near = m >= 0 and indptr[next_centre] - m <= ring
                        centre = not near or (updated_at[m] >= 0 and now >= updated_at[m] + seen_after)
                if centre:
                    gain_at[next_centre] = now + gain + 1
                    swept = now
                    next_centre += 1
                    free = now + C
                else:
                    while read_context < next_centre - 1 and next_read == indptr[read_context + 1]:
                        read_context += 1
                    if next_read < total and next_centre > read_context and next_read < indptr[read_context + 1]:
                        old = next_read - ring
                        ready = old < 0 or (updated_at[old] >= 0 and now >= updated_at[old] + seen_after)
                        m = source[next_read]
                        if ready and m >= 0 and next_read - m <= ring and m < indptr[read_context]:
                            ready = updated_at[m] >= 0 and now >= updated_at[m] + seen_after
                        if ready:
                            read_at[next_read] = now + C - 1
                            next_read += 1
                            free = now + C
            now += 1
        return now

    return run
