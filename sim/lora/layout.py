"""Between the matrices of Skip2-LoRA and the words of ``lanes`` elements in which the unit stores them."""

from collections.abc import Sequence

import numpy as np

from ...hw.lora.config import LoraConfig

__all__ = ["pack_activations", "pack_adapters", "pack_dense", "unpack_activations", "unpack_adapters"]


def pack_activations(cfg: LoraConfig, x: Sequence[np.ndarray]) -> np.ndarray:
    """x_k (n, n_k) of every layer as words (n, x_words, lanes); the lanes beyond n_k are 0."""
    parts = []
    for xk, n_k, chunks in zip(x, cfg.widths, cfg.chunks, strict=True):
        _expect(np.shape(xk)[1:], (n_k,), "activations")
        parts.append(np.pad(np.asarray(xk, np.int64), ((0, 0), (0, chunks * cfg.lanes - n_k))))
    return np.concatenate(parts, axis=1).reshape(len(parts[0]), cfg.x_words, cfg.lanes)


def unpack_activations(cfg: LoraConfig, words: np.ndarray) -> list[np.ndarray]:
    """Inverse of :func:`pack_activations`."""
    flat = words.reshape(len(words), -1)
    starts = np.cumsum([0, *cfg.chunks]) * cfg.lanes
    return [flat[:, s : s + n] for s, n in zip(starts, cfg.widths, strict=False)]


def pack_adapters(cfg: LoraConfig, a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> np.ndarray:
    """A_k (n_k, r) and B_k (r, m) of every layer as words (adapter_words, lanes): A by column, B by class."""
    rows = []
    for ak, n_k, chunks in zip(a, cfg.widths, cfg.chunks, strict=True):
        _expect(np.shape(ak), (n_k, cfg.rank), "A")
        padded = np.pad(np.asarray(ak, np.int64).T, ((0, 0), (0, chunks * cfg.lanes - n_k)))
        rows.append(padded.reshape(-1, cfg.lanes))
    for bk in b:
        _expect(np.shape(bk), (cfg.rank, cfg.classes), "B")
    columns = np.concatenate([np.asarray(bk, np.int64) for bk in b]).T
    rows.append(np.pad(columns, ((0, 0), (0, cfg.lanes - cfg.z_size))))
    return np.concatenate(rows)


def unpack_adapters(cfg: LoraConfig, words: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inverse of :func:`pack_adapters`."""
    a, word = [], 0
    for n_k, chunks in zip(cfg.widths, cfg.chunks, strict=True):
        a.append(words[word : word + cfg.rank * chunks].reshape(cfg.rank, -1)[:, :n_k].T)
        word += cfg.rank * chunks
    columns = words[word:, : cfg.z_size].T
    return a, list(columns.reshape(cfg.layers, cfg.rank, cfg.classes))


def pack_dense(cfg: LoraConfig, weights: Sequence[np.ndarray]) -> np.ndarray:
    """W_k (n_k, outputs) of every layer as words (dense_words, lanes): by output, then chunk."""
    rows = []
    for wk, n_k, outputs, chunks in zip(weights, cfg.widths, cfg.outputs, cfg.chunks, strict=True):
        _expect(np.shape(wk), (n_k, outputs), "weights")
        padded = np.pad(np.asarray(wk, np.int64).T, ((0, 0), (0, chunks * cfg.lanes - n_k)))
        rows.append(padded.reshape(-1, cfg.lanes))
    return np.concatenate(rows)


def _expect(shape: tuple[int, ...], wanted: tuple[int, ...], what: str) -> None:
    if shape != wanted:
        raise ValueError(f"{what} must have shape {wanted}, not {shape}")
