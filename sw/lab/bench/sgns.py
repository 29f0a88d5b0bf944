"""node2vec as published: skip-gram with negative sampling, in NumPy, C and gensim."""

import ctypes
import logging
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph.contexts import ContextBatch
from .native import Compiler, aligned, load, padded
from .work import Work

__all__ = [
    "GENSIM_WINDOW",
    "NEGATIVES",
    "c_arrays",
    "c_runner",
    "gensim_runner",
    "numpy_runner",
    "sigmoid_table",
    "train_numpy",
]

#: Negatives of a positive; 7 positives of a context make 77 samples.
NEGATIVES = 10
RATE = 0.025
#: gensim draws the reach to each side from 1 to its window: 6 makes 3.5 to each side, 7 pairs a word.
GENSIM_WINDOW = 6
#: What people run: a window of 7 to both sides, 14 pairs a word.
GENSIM_BOTH_SIDES = 7


def train_numpy(inner: np.ndarray, outer: np.ndarray, batch: ContextBatch, *, rate: float) -> None:
    """One pass: ``inner`` and ``outer`` (rows, D) are trained in place, all samples of a context at once."""
    kind = inner.dtype.type
    rate = kind(rate)
    labels_all = batch.labels.astype(kind)
    for c, centre in enumerate(batch.centres):
        part = slice(batch.indptr[c], batch.indptr[c + 1])
        rows, labels = batch.samples[part], labels_all[part]
        h = inner[centre].copy()
        taken = outer[rows]
        g = rate * (labels - 1 / (1 + np.exp(-(taken @ h))))
        inner[centre] += g @ taken
        # A row that comes twice gets both updates.
        g = (rows[:, None] == rows).astype(kind) @ g
        outer[rows] = taken + np.multiply.outer(g, h)


def numpy_runner(work: Work, batch: ContextBatch, dim: int) -> Callable[[], None]:
    """A function that trains the contexts once in NumPy, float32."""
    inner, outer = (work.rows(dim).astype(np.float32) for _ in range(2))
    return lambda: train_numpy(inner, outer, batch, rate=RATE)


def sigmoid_table() -> np.ndarray:
    """(1000,) float32: the sigmoid from -6 to 6, as word2vec tabulates it."""
    return (1 / (1 + np.exp(-(np.arange(1000) / 1000 * 2 - 1) * 6))).astype(np.float32)


def by_pairs(batch: ContextBatch) -> np.ndarray:
    """The samples with each positive in front of its negatives: (contexts, positives, 1 + negatives), flattened."""
    n = len(batch)
    table = batch.samples.reshape(n, -1)
    positives = table.shape[1] // (1 + NEGATIVES)
    negatives = table[:, positives:].reshape(n, positives, NEGATIVES)
    return np.concatenate([table[:, :positives, None], negatives], axis=2).reshape(-1)


def c_arrays(work: Work, batch: ContextBatch, dim: int) -> list[np.ndarray]:
    """What ``train`` of sgns.c takes in front of its numbers, in its order."""
    arrays = [aligned(work.rows(dim)), aligned(work.rows(dim)), sigmoid_table(), np.ascontiguousarray(batch.centres)]
    return [*arrays, np.ascontiguousarray(batch.indptr), padded(by_pairs(batch), np.int32)]


def c_runner(work: Work, batch: ContextBatch, dim: int, compiler: Compiler) -> Callable[[], None]:
    """A function that trains the contexts once in C, pair after pair."""
    function = load("sgns.c", compiler, DIM=dim, GROUP=1 + NEGATIVES).train
    arrays = c_arrays(work, batch, dim)
    arguments = [*(ctypes.c_void_p(array.ctypes.data) for array in arrays), ctypes.c_int64(len(batch))]

    def run() -> None:
        function(*arguments, ctypes.c_float(RATE))

    run.arrays = arrays  # type: ignore[attr-defined]  # kept alive as long as the function
    return run


def gensim_runner(work: Work, dim: int, *, workers: int, both_sides: bool = False) -> Callable[[], Any]:
    """A function that trains the walks once by gensim. Raises ImportError without it.

    Walks are lists of words before the clock starts; the vocabulary is built then, too.
    """
    from gensim.models import Word2Vec

    logging.getLogger("gensim").setLevel(logging.ERROR)
    sentences = [[str(node) for node in walk if node >= 0] for walk in work.walks]
    model = Word2Vec(
        vector_size=dim,
        window=GENSIM_BOTH_SIDES if both_sides else GENSIM_WINDOW,
        shrink_windows=not both_sides,
        min_count=0,
        sample=0,
        sg=1,
        negative=NEGATIVES,
        workers=workers,
        seed=1,
    )
    model.build_vocab(sentences)
    arguments = {"total_examples": len(sentences), "epochs": 1, "start_alpha": RATE, "end_alpha": RATE}
    return lambda: model.train(sentences, **arguments)


def all_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
