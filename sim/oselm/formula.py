"""The float formula of the OS-ELM skip-gram: the textbook, without formats, lanes or schedule.

What the fixed-point golden model is held against, with a stated tolerance. Equations: docs/oselm.md.
"""

import numba as nb
import numpy as np

from .golden import Contexts

__all__ = ["train"]


@nb.njit(cache=False, fastmath=False)
def _train(beta, p, mu, q, p0, constant, centres, indptr, samples, labels):
    D = beta.shape[1]
    h, u, k = np.zeros(D), np.zeros(D), np.zeros(D)
    errors = np.zeros(max(1, np.max(np.diff(indptr)))) if len(centres) else np.zeros(1)
    for i in range(len(centres)):
        for a in range(D):
            h[a] = mu * beta[centres[i], a]
        hu = 0.0
        for a in range(D):
            u[a] = 0.0
            for b in range(D):
                u[a] += p[a, b] * h[b]
            hu += h[a] * u[a]
        for a in range(D):
            k[a] = u[a] / (1.0 + hu)
        for a in range(0 if constant else D):
            grow = q if p[a, a] < p0 else 0.0
            for b in range(D):
                p[a, b] -= k[a] * u[b]
            p[a, a] += grow
        for n in range(indptr[i], indptr[i + 1]):
            e = float(labels[n])
            for a in range(D):
                e -= h[a] * beta[samples[n], a]
            errors[n - indptr[i]] = e
        for n in range(indptr[i], indptr[i + 1]):
            for a in range(D):
                beta[samples[n], a] += errors[n - indptr[i]] * k[a]


def train(
    beta: np.ndarray, p: np.ndarray, contexts: Contexts, *, mu: float, q: float, p0: float, constant: bool = False
) -> None:
    """Train ``beta`` (nodes, D) and ``p`` (D, D), both float64, in place, one context at a time: first all its
    errors, then all its updates.

    ``mu`` scales the input weights, ``q`` is added to each P_ii that was below ``p0`` before a context (q = 0: the
    published OS-ELM). With ``constant``, P stays as it is: p0 I makes the gain that of normalised LMS.
    """
    _train(
        beta,
        p,
        mu,
        q,
        p0,
        constant,
        np.asarray(contexts.centres, np.int64),
        np.asarray(contexts.indptr, np.int64),
        np.asarray(contexts.samples, np.int64),
        np.asarray(contexts.labels, np.int64),
    )
