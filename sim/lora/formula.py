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
        z of sample s sees the updates of A by samples up to s - lag, and y those of B up to s - lag + 2 (at most
        s - 1), as in the unit; 1 is the textbook's order.

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
    # What has been learned of a sample and not been applied yet: for B its z and g, for A its gz.
    for_b: list[tuple[int, np.ndarray, np.ndarray]] = []
    for_a: list[tuple[int, np.ndarray]] = []

    def apply(up_to_b: int, up_to_a: int) -> None:
        nonlocal a_all, b_all
        while for_b and for_b[0][0] <= up_to_b:
            t, z, g = for_b.pop(0)
            for_a.append((t, g @ b_all.T))
            np.add(gb, np.outer(z, g), out=gb)
            if last[t]:
                b_all = b_all - rate * gb
                gb[:] = 0
        while for_a and for_a[0][0] <= up_to_a:
            t, gz = for_a.pop(0)
            np.add(ga, x_all[t][:, None] * gz.reshape(-1, rank)[layer], out=ga)
            if last[t]:
                a_all = a_all - rate * ga
                ga[:] = 0

    for s in range(len(labels)):
        apply(s - max(1, lag - 2), s - lag)
        z = np.add.reduceat(x_all[s][:, None] * a_all, starts).ravel()
        y = c[s] + z @ b_all
        g = np.exp(y - y.max())
        g /= g.sum()
        g[labels[s]] -= 1
        for_b.append((s, z, g))
    apply(len(labels), len(labels))
    return np.split(a_all, starts[1:]), list(b_all.reshape(-1, rank, classes))
