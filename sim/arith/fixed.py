"""Rounding and saturation, once: the only way to a narrower format, here and in ``skipwalk.hw.arith.requantize``."""

from collections.abc import Sequence

import numpy as np

from ...hw.arith.formats import SQ, UQ

__all__ = ["from_raw", "requantize", "saturate", "to_raw"]


def saturate(x: np.ndarray, fmt: SQ | UQ) -> np.ndarray:
    """Clamp raw integers to the range of ``fmt``."""
    return np.clip(x, fmt.min_raw, fmt.max_raw)


def requantize(x: np.ndarray, shift: int, fmt: SQ | UQ) -> np.ndarray:
    """Drop ``shift`` fraction bits of raw int64 ``x``: round half up, then saturate to ``fmt``."""
    half = (1 << shift) >> 1
    return saturate((np.asarray(x, np.int64) + half) >> shift, fmt)


def to_raw(x: "np.ndarray | Sequence[float] | float", fmt: SQ | UQ) -> np.ndarray:
    """Nearest raw integers (half up), saturated. Raises ValueError for values that are not finite."""
    values = np.asarray(x, np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"a value is not finite and has no place in {fmt}")
    # Clamped before it is scaled: no value is too large for that.
    scaled = np.clip(values, fmt.min_raw * fmt.step, fmt.max_raw * fmt.step) / fmt.step
    whole = np.floor(scaled)
    return saturate(whole.astype(np.int64) + (scaled - whole >= 0.5), fmt)


def from_raw(raw: np.ndarray, fmt: SQ | UQ) -> np.ndarray:
    """Raw integers as float64; exact."""
    return np.asarray(raw, np.float64) * fmt.step
