"""Numbers as they travel: signed raw integers in words of 32 bits."""

from collections.abc import Iterator

import numpy as np

from ...hw.arith.formats import SQ

__all__ = ["from_packed", "from_words", "packed", "packed_run", "raw_words", "unpacked_run"]

#: Elements that are packed or unpacked at once.
_ELEMENTS = 1 << 14


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
    return _pack(raw, fmt.bits)


def from_packed(words: np.ndarray, dim: int, fmt: SQ) -> np.ndarray:
    """Inverse of :func:`packed`: (n, dim) int64; what fills up the rows is ignored."""
    return _unpack(words, fmt.bits, dim)


def packed_run(raw: np.ndarray, bits: int) -> np.ndarray:
    """The low ``bits`` (1 to 32) bits of each of raw (n,), across words: one row of :func:`packed`, (words,) uint32."""
    return _pack(np.asarray(raw)[None], bits)[0]


def unpacked_run(words: np.ndarray, bits: int, n: int) -> np.ndarray:
    """Inverse of :func:`packed_run`: n signed integers (int64)."""
    return _unpack(np.asarray(words)[None], bits, n)[0]


def _blocks(rows: int, elements: int) -> Iterator[slice]:
    """Of rows of so many elements, that their bits, a byte each, stay in a cache."""
    size = max(1, _ELEMENTS // max(elements, 1))
    return (slice(first, first + size) for first in range(0, rows, size))


def _pack(raw: np.ndarray, bits: int) -> np.ndarray:
    n, dim = raw.shape
    out = np.zeros((n, -(-dim * bits // 32)), "<u4")
    for rows in _blocks(n, dim):
        each = np.ascontiguousarray(raw_words(raw[rows]), "<u4")
        each = each.view(np.uint8).reshape(*each.shape, 4)
        chosen = np.unpackbits(each, axis=2, count=bits, bitorder="little").reshape(len(each), dim * bits)
        bytes_ = np.packbits(chosen, axis=1, bitorder="little")
        out.view(np.uint8)[rows, : bytes_.shape[1]] = bytes_
    return out.astype(np.uint32, copy=False)


def _unpack(words: np.ndarray, bits: int, dim: int) -> np.ndarray:
    out = np.empty((len(words), dim), np.int64)
    for rows in _blocks(len(words), dim):
        bytes_ = np.ascontiguousarray(words[rows], "<u4").view(np.uint8)
        found = np.unpackbits(bytes_, axis=1, count=dim * bits, bitorder="little").reshape(len(bytes_), dim, bits)
        each = np.repeat(found[:, :, -1:], 32, axis=2)  # the sign
        each[:, :, :bits] = found
        out[rows] = np.packbits(each, axis=2, bitorder="little").view("<i4")[:, :, 0]
    return out
