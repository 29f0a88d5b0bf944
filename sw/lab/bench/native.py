"""The C kernels beside this file, compiled for this processor when they are wanted, and loaded through ctypes."""

import ctypes
from pathlib import Path

import numpy as np

from ....sim.native.library import Compiler, NoCompilerError, compilers, load_library

__all__ = ["Compiler", "NoCompilerError", "aligned", "compilers", "load", "padded"]

_HERE = Path(__file__).parent
#: Bytes to which arrays of floats have to be aligned.
ALIGNMENT = 64
#: Entries beyond the end of an array that kernels may read.
PADDING = 15


def load(source: str, compiler: Compiler, *flags: str, **defines: int) -> ctypes.CDLL:
    """``source`` of this folder with ``-DNAME=value`` for each of ``defines``. Raises NoCompilerError."""
    # Rounding is nobody's promise here: products and sums may become one operation.
    options = "-ffp-contract=fast", *flags
    return load_library(
        _HERE, source, ("vectors.h",), defines=defines, compiler=compiler, flags=options, below="bench/native"
    )


def aligned(values: np.ndarray) -> np.ndarray:
    """A float32 copy, C-contiguous, whose data begin at a multiple of :data:`ALIGNMENT` bytes."""
    values = np.asarray(values, np.float32)
    buffer = np.empty(values.nbytes + ALIGNMENT, np.uint8)
    skip = -buffer.ctypes.data % ALIGNMENT
    copy = buffer[skip : skip + values.nbytes].view(np.float32).reshape(values.shape)
    copy[...] = values
    return copy


def padded(values: np.ndarray, dtype: type) -> np.ndarray:
    """A copy with :data:`PADDING` zeros at the end."""
    return np.append(values, np.zeros(PADDING)).astype(dtype)
