"""Skip2-LoRA in floating point: the formula that the fixed-point unit approximates."""

from collections.abc import Sequence

import numpy as np

__all__ = ["fine_tune", "logits"]


def logits(a: Sequence[np.ndarray], b: Sequence[np.ndarray], x: Sequence[np.ndarray], c: np.ndarray) -> np.ndarray:
    """``y = c + sum_k x_k A_k B_k`` for samples (n, n_k) and frozen outputs c (n, m)."""
    return c + sum(xk @ ak @ bk for xk, ak, bk in zip(x, a, b, strict=True))


def fine_tune(
    a: Sequence[np.ndarray],
    b: Sequence[np.ndarray],
    x: Sequence[np.ndarray],
    c: np.ndarray,
    labels: np.ndarray,
    last: np.ndarray,
    *,
    rate: float,
    lag: int = 1,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Stochastic gradient descent on the cross entropy, one sample after another as given.

    Parameters
    ----------
    a, b : lists of arrays (n_k, r) and (r, m)
        Adapters at the start; left as they are.
    x, c : list of arrays (n, n_k), array (n, m)
        Inputs of every layer and frozen outputs of each sample.
    labels, last : arrays (n,)
        Class of each sample, and whether it ends its mini-batch. Gradients are summed over a mini-batch.
    rate : float
        Factor of the summed gradient.
    lag : int
        z of sample s sees the updates of A by samples up to s - lag, as in the unit; 1 is the textbook's order.

    Returns
    -------
    a, b
        Adapters after the last sample's update. A mini-batch that was not ended changes nothing.
    """
    starts = np.cumsum([0, *[len(ak) for ak in a[:-1]]])
    rank, classes = b[0].shape
    a_all, b_all = np.concatenate(a).astype(float), np.concatenate(b).astype(float)
    x_all = np.concatenate(x, axis=1)
    ga, gb = np.zeros_like(a_all), np.zeros_like(b_all)
    layer = np.repeat(np.arange(len(a)), [len(ak) for ak in a])
    pending: list[tuple[int, np.ndarray]] = []

    def update_a() -> None:
        nonlocal a_all
        s, gz = pending.pop(0)
        np.add(ga, x_all[s][:, None] * gz.reshape(-1, rank)[layer], out=ga)
        if last[s]:
            a_all = a_all - rate * ga
            ga[:] = 0

    for s in range(len(labels)):
        if len(pending) == lag:
            update_a()
        z = np.add.reduceat(x_all[s][:, None] * a_all, starts).ravel()
        y = c[s] + z @ b_all
        g = np.exp(y - y.max())
        g /= g.sum()
        g[labels[s]] -= 1
        pending.append((s, g @ b_all.T))
        gb += np.outer(z, g)
        if last[s]:
            b_all = b_all - rate * gb
            gb[:] = 0
        if lag == 1:
            update_a()
    while pending:
        update_a()
    return np.split(a_all, starts[1:]), list(b_all.reshape(-1, rank, classes))
