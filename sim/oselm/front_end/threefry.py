"""The keys of the OS-ELM core's random numbers, one stream for each use.

A walk, a permutation of the starts, a row and the negatives of all walks each have a key of their own, so results do
not depend on block sizes, on the order in which things are computed, or on where a run was interrupted.
"""

from ...arith.threefry import draw, fold, seed_key

__all__ = [
    "STREAM_NEGATIVES",
    "STREAM_ROWS",
    "STREAM_STARTS",
    "STREAM_UPDATES",
    "STREAM_WALKS",
    "draw",
    "fold",
    "seed_key",
    "update_seed",
]

#: First word folded into a seed: which use the numbers are for.
STREAM_STARTS, STREAM_WALKS, STREAM_NEGATIVES, STREAM_UPDATES, STREAM_ROWS = 1, 2, 3, 4, 5


def update_seed(seed: int, number: int) -> int:
    """The seed for the ``number``-th update of a model that was first trained with ``seed``.

    With one of its own, an update's walks and negatives owe nothing to those of the training or of another update.
    """
    return int(seed_key(seed, STREAM_UPDATES, number))
