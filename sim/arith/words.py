"""Numbers as they travel: signed raw integers in words of 32 bits."""

import numpy as np

from ...hw.arith.formats import SQ

__all__ = ["from_words", "raw_words"]


def raw_words(raw: np.ndarray) -> np.ndarray:
    """Signed raw integers as they travel: two's complement in 32 bits."""
    return (np.asarray(raw, np.int64) & 0xFFFFFFFF).astype(np.uint32)


def from_words(words: np.ndarray, fmt: SQ) -> np.ndarray:
    """The signed raw integers (int64) in the low ``fmt.bits`` bits of words."""
    sign = np.int64(1) << (fmt.bits - 1)
    return ((words.astype(np.int64) & ((sign << 1) - 1)) ^ sign) - sign
