"""The keys of the OS-ELM core's random numbers, one stream for each use.

Walks, starts, rows and negatives each have a key, and count below it by what they are for, so results do not depend on
block sizes, on the order in which things are computed, or on where a run was interrupted.
"""

from ...arith.threefry import draw, drawn, fold, seed_key

__all__ = ["STREAM_NEGATIVES", "STREAM_ROWS", "STREAM_STARTS", "STREAM_WALKS", "draw", "drawn", "fold", "seed_key"]

#: First word folded into a seed: which use the numbers are for. (4 was for the updates of models of version 1.)
STREAM_STARTS, STREAM_WALKS, STREAM_NEGATIVES, STREAM_ROWS = 1, 2, 3, 5
