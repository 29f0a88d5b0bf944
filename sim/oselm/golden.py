"""Golden model of the OS-ELM core: plain NumPy on raw integers, equal to the RTL bit for bit.

One function for each hardware block, composed into :func:`train`, which takes one *segment*: the contexts between two
barriers. Equations: arXiv 2312.15138 in the notation of docs/oselm.md; the schedules are defined there and here.
``compiled`` is the same arithmetic with compiled loops, for whole graphs.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...hw.oselm.config import CoreConfig, Schedule
from ..arith.fixed import requantize, saturate
from ..arith.reciprocal import reciprocal

__all__ = [
    "COUNTERS",
    "Contexts",
    "State",
    "constant_gain",
    "dot",
    "error",
    "gain",
    "initial_state",
    "sweep",
    "train",
    "update_row",
    "view",
]

#: Saturation counters, in the order in which the core reports them. One event is one beat (``lanes`` elements, or one
#: scalar) in which at least one value was clamped.
COUNTERS = ("sat_beta", "sat_p", "sat_k", "sat_e", "sat_u", "sat_hu")


@dataclass
class Contexts:
    """Contexts in stream order, as flat arrays.

    ``centres`` (n,): row of each centre. ``indptr`` (n + 1,): where the samples of a context begin and end.
    ``samples`` (total,): rows. ``labels`` (total,): 1 for a node of the window, 0 for a negative.
    """

    centres: np.ndarray
    indptr: np.ndarray
    samples: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.centres)


@dataclass
class State:
    """All that training changes: raw integers as the core stores them."""

    beta: np.ndarray  # (nodes, dim) int32, format cfg.beta
    p: np.ndarray  # (dim, dim) int64, format cfg.p
    q: int  # raw, format cfg.p: covariance inflation a context
    p0: int  # raw, format cfg.p: cap of the inflated diagonal
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    contexts: int = 0
    samples: int = 0

    def copy(self) -> "State":
        return State(self.beta.copy(), self.p.copy(), self.q, self.p0, dict(self.counters), self.contexts, self.samples)


def initial_state(cfg: CoreConfig, *, q: int, p0: int, beta: np.ndarray | None = None) -> State:
    """P = p0 I and the rows of ``beta`` (raw; the rest of the store is zero)."""
    state = State(_zeros(cfg.nodes, cfg.dim), np.eye(cfg.dim, dtype=np.int64) * p0, q, p0)
    if beta is not None:
        state.beta[: len(beta)] = beta
    return state


def _zeros(*shape: int) -> np.ndarray:
    """int32, with its rows on as few cache lines as there can be."""
    size, line = 4 * math.prod(shape), 64
    room = np.zeros(size + line, np.uint8)
    skip = -room.ctypes.data % line
    return room[skip : skip + size].view(np.int32).reshape(shape)


def view(x: np.ndarray, stored, seen) -> np.ndarray:
    """Stored words as a multiplier port sees them."""
    return requantize(x, stored.fraction - seen.fraction, seen)


def _count(state: State, name: str, exact: Any, kept: Any, lanes: int) -> None:
    changed = np.asarray(exact != kept).reshape(-1, lanes) if np.ndim(exact) else np.asarray([[exact != kept]])
    state.counters[name] += int(changed.any(axis=1).sum())


def _rounded(x, shift: int):
    return (x + ((1 << shift) >> 1)) >> shift


def sweep(
    cfg: CoreConfig, state: State, k: np.ndarray | None, u: np.ndarray | None, h: np.ndarray | None
) -> np.ndarray | None:
    """One pass over the rows of P: inflate, apply the rank-one update of an earlier context, multiply by ``h``.

    ``P[r, j] <- P[r, j] - u[r] k[j] + (q if r == j and P[r, r] < p0)``, then ``u_new = P h``. Without ``k`` and ``u``
    P stays as it is; without ``h`` nothing is returned.
    """
    if k is not None and u is not None:
        product = np.outer(u, k)
        step = requantize(product, cfg.p_shift, cfg.p)
        grow = np.where(np.eye(cfg.dim, dtype=bool) & (state.p < state.p0), state.q, 0)
        exact = state.p - step + grow
        new = saturate(exact, cfg.p)
        _count(
            state,
            "sat_p",
            np.where(step != _rounded(product, cfg.p_shift), cfg.p.max_raw + 1, exact).ravel(),
            new.ravel(),
            cfg.lanes,
        )
        state.p = new
    if h is None:
        return None
    acc = view(state.p, cfg.p, cfg.p_view) @ h
    out = requantize(acc, cfg.u_shift, cfg.u)
    _count(state, "sat_u", _rounded(acc, cfg.u_shift), out, 1)
    return out


def gain(cfg: CoreConfig, state: State, h: np.ndarray, u: np.ndarray) -> np.ndarray:
    """``k = mu g u`` with ``g = 1 / (1 + mu^2 h.u)``; h.u below 0 or above the range is clamped and counted."""
    exact = int(_rounded(int(h @ u), cfg.hu_shift))
    hu = min(max(exact, 0), _most(cfg) - (1 << cfg.HU_FRACTION))
    _count(state, "sat_hu", np.int64(exact), np.int64(hu), 1)
    return _scaled(cfg, state, _one_over_one_plus(cfg, hu), u)


def constant_gain(cfg: CoreConfig, state: State, h: np.ndarray) -> np.ndarray:
    """``k = mu f h`` with ``f = p0 / (1 + p0 mu^2 h.h)``, in the format that a multiplier sees P in.

    h.h above its range, and p0 h.h below 0 or above its range, are clamped, and together counted once.
    """
    p0 = int(view(saturate(np.array(state.p0), cfg.p), cfg.p, cfg.p_view))
    exact_hh = _rounded(int(h @ h), cfg.hh_shift)
    hh = min(exact_hh, _most(cfg))
    exact = _rounded(p0 * hh, cfg.p_view.fraction)
    kept = min(max(exact, 0), _most(cfg) - (1 << cfg.HU_FRACTION))
    state.counters["sat_hu"] += hh != exact_hh or kept != exact
    f = _rounded(p0 * _one_over_one_plus(cfg, kept), cfg.gain_bits)
    return _scaled(cfg, state, f, h)


def _most(cfg: CoreConfig) -> int:
    """The largest number that the reciprocal takes."""
    return (1 << (cfg.HU_INTEGER + cfg.HU_FRACTION)) - 1


def _one_over_one_plus(cfg: CoreConfig, x: int) -> int:
    """``g = 1 / (1 + x)``."""
    widths = {"int_bits": cfg.HU_INTEGER, "frac_bits": cfg.HU_FRACTION, "gain_bits": cfg.gain_bits}
    return int(reciprocal(np.array([(1 << cfg.HU_FRACTION) + x], np.int64), **widths)[0])


def _scaled(cfg: CoreConfig, state: State, factor: int, vector: np.ndarray) -> np.ndarray:
    """k, a multiple of ``vector``."""
    product = factor * vector
    k = requantize(product, cfg.k_shift, cfg.k)
    _count(state, "sat_k", _rounded(product, cfg.k_shift), k, cfg.lanes)
    return k


def _sweep_and_gain(
    cfg: CoreConfig, state: State, k: np.ndarray | None, u: np.ndarray | None, h: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The sweep with k and u of an earlier context; then u and k of the context of ``h``, if there is one. A constant
    gain has no sweep and no u."""
    if not cfg.has_p:
        return None, None if h is None else constant_gain(cfg, state, h)
    new = sweep(cfg, state, k, u, h)
    return new, None if h is None or new is None else gain(cfg, state, h, new)


def dot(cfg: CoreConfig, row: np.ndarray, h: np.ndarray) -> int:
    """``h.beta[s]`` in full precision."""
    return int(view(row, cfg.beta, cfg.beta_view) @ h)


def error(cfg: CoreConfig, state: State, acc: int, label: int) -> int:
    """``e = t - mu h.beta[s]``."""
    d = int(requantize(np.asarray(acc), cfg.e_shift, cfg.e))
    exact = (int(label) << cfg.e.fraction) - d
    e = int(saturate(np.asarray(exact), cfg.e))
    clipped = e != exact or d != int(_rounded(acc, cfg.e_shift))
    state.counters["sat_e"] += clipped
    return e


def update_row(cfg: CoreConfig, state: State, row: int, e: int, k: np.ndarray) -> None:
    """``beta[s] <- beta[s] + e k``."""
    product = e * k
    step = requantize(product, cfg.beta_shift, cfg.beta)
    exact = state.beta[row] + step
    new = saturate(exact, cfg.beta)
    _count(
        state,
        "sat_beta",
        np.where(step != _rounded(product, cfg.beta_shift), cfg.beta.max_raw + 1, exact),
        new,
        cfg.lanes,
    )
    state.beta[row] = new


def train(cfg: CoreConfig, state: State, contexts: Contexts) -> None:
    """Train on one segment (the contexts between two barriers), changing ``state``."""
    if cfg.schedule is Schedule.STREAMING:
        _streaming(cfg, state, contexts)
    else:
        _sequential(cfg, state, contexts)
    state.contexts += len(contexts)
    state.samples += len(contexts.samples)


def _sequential(cfg: CoreConfig, state: State, c: Contexts) -> None:
    """Every context sees all that came before it. A context is one step: its errors are taken before its updates."""
    k = u = None
    for i in range(len(c)):
        h = view(state.beta[c.centres[i]], cfg.beta, cfg.beta_view)
        u, k = _sweep_and_gain(cfg, state, k, u, h)
        assert k is not None
        span = range(c.indptr[i], c.indptr[i + 1])
        errors = [error(cfg, state, dot(cfg, state.beta[c.samples[n]], h), c.labels[n]) for n in span]
        for n, e in zip(span, errors, strict=True):
            update_row(cfg, state, c.samples[n], e, k)
    _sweep_and_gain(cfg, state, k, u, None)


def _streaming(cfg: CoreConfig, state: State, c: Contexts) -> None:
    """Slot s: read the centre of context s + A, then, position by position, read a sample of s and update one of s - 1.

    A read at a position sees the updates of all earlier positions. In the same slot P is swept for context s + A, with
    the rank-one update of context s - 1. Slots run from -A to n, so that the last update of beta and of P are made.
    """
    n, ahead = len(c), cfg.lookahead
    if n == 0:
        return
    h: dict[int, np.ndarray] = {}
    u: dict[int, np.ndarray | None] = {}
    k: dict[int, np.ndarray] = {}
    errors_before: list[int] = []
    for s in range(-ahead, n + 1):
        j, before = s + ahead, s - 1
        if j < n:
            h[j] = view(state.beta[c.centres[j]], cfg.beta, cfg.beta_view)
        reads = range(c.indptr[s], c.indptr[s + 1]) if 0 <= s < n else range(0)
        updates = range(c.indptr[before], c.indptr[before + 1]) if 0 <= before < n else range(0)
        errors = []
        for x in range(max(len(reads), len(updates))):
            if x < len(reads):
                row = c.samples[reads[x]]
                errors.append(error(cfg, state, dot(cfg, state.beta[row], h[s]), c.labels[reads[x]]))
            if x < len(updates):
                update_row(cfg, state, c.samples[updates[x]], errors_before[x], k[before])
        errors_before = errors
        new_u, new_k = _sweep_and_gain(cfg, state, k.get(before), u.get(before), h.get(j))
        if new_k is not None:
            u[j], k[j] = new_u, new_k
        h.pop(s, None), u.pop(before, None), k.pop(before, None)
