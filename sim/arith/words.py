"""Numbers as they travel: signed raw integers in words of 32 bits."""

import numpy as np

from ...hw.arith.formats import SQ
from ..jit import jit

__all__ = ["from_packed", "from_words", "packed", "packed_run", "raw_words", "unpacked_run"]


def raw_words(raw: np.ndarray) -> np.ndarray:
    """Signed raw integers as they travel: two's complement in 32 bits."""
    return (np.asarray(raw, np.int64) & 0xFFFFFFFF).astype(np.uint32)


def from_words(words: np.ndarray, fmt: SQ) -> np.ndarray:
    """The signed raw integers (int64) in the low ``fmt.bits`` bits of words."""
    sign = np.int64(1) << (fmt.bits - 1)
    return ((words.astype(np.int64) & ((sign << 1) - 1)) ^ sign) - sign


def packed(raw: np.ndarray, fmt: SQ) -> np.ndarray:
    """Rows of signed raw integers (n, dim) as their stored bits one after another, uint32 (n, words): the first element
    lowest, each row filled up with 0 to a whole word."""
    out = np.zeros((len(raw), -(-raw.shape[1] * fmt.bits // 32)), np.uint32)
    _pack(raw, fmt.bits, out)
    return out


def from_packed(words: np.ndarray, dim: int, fmt: SQ) -> np.ndarray:
    """Inverse of :func:`packed`: (n, dim) int64; what fills up the rows is ignored."""
    out = np.empty((len(words), dim), np.int64)
    _unpack(words, fmt.bits, out)
    return out


def packed_run(raw: np.ndarray, bits: int) -> np.ndarray:
    """The low ``bits`` (1 to 32) bits of each of raw (n,), across words: one row of :func:`packed`, (words,) uint32."""
    out = np.zeros((1, -(-len(raw) * bits // 32)), np.uint32)
    _pack(np.asarray(raw, np.int64)[None], bits, out)
    return out[0]


def unpacked_run(words: np.ndarray, bits: int, n: int) -> np.ndarray:
    """Inverse of :func:`packed_run`: n signed integers (int64)."""
    out = np.empty((1, n), np.int64)
    _unpack(np.asarray(words, np.uint32)[None], bits, out)
    return out[0]


@jit()
def _pack(raw, bits, out):
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for i in range(raw.shape[0]):
        held, n, at = np.uint64(0), 0, 0
        for j in range(raw.shape[1]):
            held |= (np.uint64(raw[i, j]) & mask) << np.uint64(n)
            n += bits
            if n >= 32:
                out[i, at] = held & np.uint64(0xFFFFFFFF)
                held >>= np.uint64(32)
                n -= 32
                at += 1
        if n:
            out[i, at] = held


@jit()
def _unpack(words, bits, out):
    for i in range(out.shape[0]):
        held, n, at = np.uint64(0), 0, 0
        for j in range(out.shape[1]):
            if n < bits:
                held |= np.uint64(words[i, at]) << np.uint64(n)
                n += 32
                at += 1
            out[i, j] = np.int64(held << np.uint64(64 - bits)) >> (64 - bits)
            held >>= np.uint64(bits)
            n -= bits
