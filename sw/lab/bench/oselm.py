"""OS-ELM on the CPU: the same formula in NumPy, Numba and C, and the golden model, in place on the same contexts."""

import ctypes
from collections.abc import Callable

import numpy as np

from ....hw.oselm.config import CoreConfig
from ....sim.arith.fixed import to_raw
from ....sim.oselm import compiled, formula, golden
from ....sim.oselm.golden import Contexts
from ...graph.contexts import ContextBatch
from .native import Compiler, aligned, load, padded
from .work import INFLATION, MU, P0, Work, as_contexts

__all__ = ["c_runner", "golden_runner", "numba_runner", "numpy_runner", "train_c", "train_numpy"]

#: Sources and flags of what a compiler is asked for: name of the row, file, further flags.
VARIANTS = (
    ("vectors", "oselm.c", ()),
    ("vectors, -ffast-math", "oselm.c", ("-ffast-math",)),
    ("loops, -ffast-math", "oselm_plain.c", ("-ffast-math",)),
    ("loops", "oselm_plain.c", ()),
)


def train_numpy(beta: np.ndarray, p: np.ndarray, contexts: Contexts, *, mu: float, q: float, p0: float) -> None:
    """As :func:`skipwalk.sim.oselm.formula.train`, in NumPy and in the precision of ``beta`` and ``p``."""
    kind = beta.dtype.type
    mu, q, p0 = kind(mu), kind(q), kind(p0)
    diagonal = p.reshape(-1)[:: len(p) + 1]
    for c, centre in enumerate(contexts.centres):
        part = slice(contexts.indptr[c], contexts.indptr[c + 1])
        rows, labels = contexts.samples[part], contexts.labels[part]
        h = mu * beta[centre]
        u = p @ h
        k = u / (1 + h @ u)
        grow = q * (diagonal < p0)
        p -= np.multiply.outer(k, u)
        diagonal += grow
        taken = beta[rows]
        e = labels - taken @ h
        # A row that comes twice gets both updates: each of its places is written with all of them.
        e = (rows[:, None] == rows).astype(kind) @ e
        beta[rows] = taken + np.multiply.outer(e, k)


def train_c(
    function: Callable, beta: np.ndarray, p: np.ndarray, batch: ContextBatch, *, mu: float, q: float, p0: float
) -> Callable[[], None]:
    """``function`` of oselm.c with its arguments: each call trains ``beta`` and ``p``, float32 and aligned, once more.

    The contexts are copied with the padding that the kernel wants.
    """
    samples, labels = padded(batch.samples, np.int32), padded(batch.labels, np.uint8)
    arrays = beta, p, np.ascontiguousarray(batch.centres), np.ascontiguousarray(batch.indptr), samples, labels
    arguments = [*(ctypes.c_void_p(array.ctypes.data) for array in arrays), ctypes.c_int64(len(batch))]
    arguments += [ctypes.c_float(value) for value in (mu, q, p0)]

    def run() -> None:
        function(*arguments)

    run.arrays = arrays  # type: ignore[attr-defined]  # kept alive as long as the function
    return run


def c_runner(work: Work, batch: ContextBatch, dim: int, compiler: Compiler, source: str, flags: tuple[str, ...]):
    """A function that trains the contexts once in C."""
    function = load(source, compiler, *flags, DIM=dim).train
    return train_c(function, aligned(work.rows(dim)), aligned(np.eye(dim) * P0), batch, mu=MU, q=INFLATION, p0=P0)


def golden_runner(work: Work, batch: ContextBatch, cfg: CoreConfig):
    """A function that trains the contexts once on the golden model of ``cfg``, in its fixed point."""
    cfg = cfg.replace(nodes=max(2, work.graph.n_nodes), walks=0, edge_ends=0, weight_bits=0)
    q, p0 = (int(to_raw(value, cfg.p)) for value in (INFLATION, P0))
    state = golden.initial_state(cfg, q=q, p0=p0, beta=to_raw(work.rows(cfg.dim), cfg.beta))
    contexts = as_contexts(batch)
    return lambda: compiled.train(cfg, state, contexts)


def numba_runner(work: Work, batch: ContextBatch, dim: int):
    """A function that trains the contexts once by ``sim.oselm.formula``, float64."""
    beta, p = work.rows(dim), np.eye(dim) * P0
    contexts = Contexts(*(np.asarray(part, np.int64) for part in vars(as_contexts(batch)).values()))
    return lambda: formula.train(beta, p, contexts, mu=MU, q=INFLATION, p0=P0)


def numpy_runner(work: Work, batch: ContextBatch, dim: int):
    """A function that trains the contexts once in NumPy, float32."""
    beta, p = work.rows(dim).astype(np.float32), np.eye(dim, dtype=np.float32) * np.float32(P0)
    contexts = Contexts(batch.centres, batch.indptr, batch.samples, batch.labels.astype(np.float32))
    return lambda: train_numpy(beta, p, contexts, mu=MU, q=INFLATION, p0=P0)
