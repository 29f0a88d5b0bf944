"""The one convention of both estimators: where random numbers begin, and how a long call tells how far it is."""

import operator
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm import tqdm

__all__ = ["Progress", "as_seed", "plain", "progress_bar"]

#: Called with how much of how much has been done.
Progress = Callable[[int, int], None]


def as_seed(random_state: Any) -> int:
    """The seed, 0 ... 2**64 - 1, that ``random_state`` stands for.

    An integer, NumPy's included, is its own seed; None is another one each time; a ``numpy.random.RandomState`` or
    ``Generator`` gives its next number. Raises TypeError for anything else, ValueError for an integer out of range.
    """
    if random_state is None:
        return secrets.randbits(64)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 1 << 32, dtype=np.uint64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 1 << 63))
    try:
        seed = operator.index(random_state)
    except TypeError:
        raise TypeError(
            f"random_state must be an integer, None, a RandomState or a Generator, not {random_state!r}"
        ) from None
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"random_state must be 0 to 2**64 - 1, not {seed}")
    return seed


def plain(value: Any) -> Any:
    """A NumPy scalar, or an array without axes, as Python's own number, which JSON can hold; anything else as it is."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and not value.ndim else value


@contextmanager
def progress_bar(
    total: int, unit: str, *, verbose: bool, progress: Progress | None, done: int = 0
) -> Iterator[Progress]:
    """A function to be told how much is done; it moves a bar with the time left, with ``verbose`` and if stderr is a
    terminal, and calls ``progress``."""
    bar = tqdm(
        total=total, initial=done, unit=unit, unit_scale=True, disable=None if verbose else True, dynamic_ncols=True
    )

    def tell(now: int, of: int) -> None:
        bar.update(now - bar.n)
        if progress is not None:
            progress(now, of)

    with bar:
        yield tell
