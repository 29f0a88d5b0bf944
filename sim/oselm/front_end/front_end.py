"""The front end: walks in, contexts out; defined by :mod:`skipwalk.sw.graph.contexts`, which makes them here too."""

import numpy as np
from numba import njit

from ....hw.oselm.config import CoreConfig
from ....hw.oselm.front_end.sampling import Sampling
from ....hw.oselm.protocol import THRESHOLD_BITS, Opcode, Parameter
from ..golden import Contexts
from .contexts import make_contexts

__all__ = ["FrontEnd"]

_NOP, _WALK = int(Opcode.NOP), int(Opcode.WALK)
_COUNT_MASK = 0xFFFF
_ROW_MASK = (1 << CoreConfig.ROW_BITS) - 1
#: The upper bits of a header of WALK have to be 0.
_ARGUMENT = 0x0FFFFFFF


class FrontEnd:
    """State and commands of ``hw.oselm.front_end.front_end``, for a configuration with ``walks``.

    Attributes
    ----------
    rejected : int
        Commands that were dropped.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        self.rejected = 0
        self._sampling: Sampling | None = None
        self._key = 0
        self._next_walk = 0
        self._threshold, self._alias = np.empty(0, np.uint32), np.empty(0, np.int32)
        self._walks: list[np.ndarray] = []

    def take(self, words: np.ndarray, at: int) -> int:
        """Take the walks from ``words[at:]`` up to another command or one that is cut off; returns where that is."""
        end, n = _extent(words, at, self._cfg.walk_rows)
        if n:
            block = np.full((n, self._cfg.max_walk), -1, np.int32)
            n_sound = _decode(words[at:end], self._cfg.nodes, self._cfg.walk_rows, block)
            ready = self._sampling is not None and (not self._sampling.negatives or len(self._alias) > 0)
            n_sound = n_sound if ready else 0
            self.rejected += n - n_sound
            self._walks.append(block[:n_sound])
        return end

    def close(self) -> Contexts | None:
        """The contexts of all walks taken since the last time, or None if there were none."""
        walks, self._walks = self._walks, []
        if self._sampling is None or not any(len(block) for block in walks):
            return None
        s = self._sampling
        block = np.concatenate(walks)
        how = block, s.window, s.negatives, s.per_positive, self._threshold, self._alias
        made = make_contexts(*how, np.uint64(self._key), self._next_walk, s.walks)
        self._next_walk = (self._next_walk + len(block)) & 0xFFFFFFFF
        return Contexts(*(array.astype(np.int64) for array in made))

    def set(self, parameter: int, value: int) -> None:
        match parameter:
            case Parameter.SAMPLING:
                sampling = Sampling.from_word(value, self._cfg)
                if sampling is None:
                    self.rejected += 1
                else:
                    self._sampling = sampling
            case Parameter.KEY_HIGH:
                self._key = value << 32 | self._key & 0xFFFFFFFF
            case Parameter.KEY_LOW:
                self._key = self._key & ~0xFFFFFFFF | value
            case Parameter.NEXT_WALK:
                self._next_walk = value
            case _:
                self.rejected += 1

    def write_table(self, columns: int, operands: np.ndarray) -> None:
        """Load an alias table. One with an unsound entry leaves none; a number of columns out of range changes
        nothing."""
        if not 1 <= columns <= self._cfg.nodes:
            self.rejected += 1
            return
        threshold, alias = operands.reshape(-1, 2).T
        if (threshold >> THRESHOLD_BITS).any() or (alias >= columns).any():
            self.rejected += 1
            threshold, alias = threshold[:0], alias[:0]
        self._threshold, self._alias = np.ascontiguousarray(threshold), alias.astype(np.int32)


@njit(cache=True, nogil=True)
def _words(nodes, per_word):
    return nodes if per_word == 1 else (nodes + 1) >> 1


@njit(cache=True, nogil=True)
def _extent(words, at, per_word):
    """Where the run of NOP and whole WALK commands from ``at`` ends, and how many walks it has."""
    n = 0
    while at < len(words):
        opcode = words[at] >> 28
        if opcode == _WALK:
            size = _words(int(words[at]) & _COUNT_MASK, per_word)
            if at + 1 + size > len(words):
                break
            n += 1
            at += size
        elif opcode != _NOP:
            break
        at += 1
    return at, n


@njit(cache=True, nogil=True)
def _decode(words, nodes, per_word, block):
    """Fill the rows of ``block`` with the sound walks; returns how many."""
    n, at = 0, 0
    mask = 0xFFFF if per_word == 2 else _ROW_MASK
    while at < len(words):
        argument = int(words[at]) & _ARGUMENT
        is_walk = words[at] >> 28 == _WALK
        at += 1
        if not is_walk:
            continue
        count = argument & _COUNT_MASK
        sound = argument <= block.shape[1]
        if sound:
            for i in range(count):
                row = (int(words[at + i // per_word]) >> 16 * (i % per_word)) & mask
                sound = sound and row < nodes
                block[n, i] = row
            if not sound:
                block[n] = -1
        at += _words(count, per_word)
        n += sound
    return n
