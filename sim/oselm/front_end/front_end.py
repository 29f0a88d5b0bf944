"""The front end: walks in, or a graph and starts, and contexts out; defined by :mod:`skipwalk.sw.graph.contexts`, which
makes them here too, and by :mod:`skipwalk.sim.oselm.graph`."""

from collections.abc import Callable

import numpy as np

from ....hw.oselm.config import CoreConfig
from ....hw.oselm.front_end.sampling import Sampling
from ....hw.oselm.protocol import THRESHOLD_BITS, WALKS_SHIFT, Opcode, Parameter
from ...jit import jit, part
from ..golden import Contexts
from ..graph.unit import GraphUnit
from .contexts import graph_contexts, make_contexts

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
    graph : GraphUnit or None
        Of a configuration with ``edge_ends``.
    walks_made : int
        Walks over ``graph``.
    walked : callable or None
        Called with each block of these, for whoever wants to see them.
    """

    def __init__(self, cfg: CoreConfig, beta: np.ndarray):
        self._cfg = cfg
        self.graph = GraphUnit(cfg, beta) if cfg.edge_ends else None
        self.walks_made = 0
        self.walked: Callable[[np.ndarray], None] | None = None
        self._rejected = 0
        self._sampling: Sampling | None = None
        self._key = 0
        self._next_walk = 0
        self._threshold, self._alias = np.empty(0, np.uint32), np.empty(0, np.int32)
        # Walks of one kind (from the host or over the graph) since a group began, and the number of the first one.
        self._walks: list[np.ndarray] = []
        self._from_host, self._first = True, 0
        self._made: list[Contexts] = []

    @property
    def rejected(self) -> int:
        """Commands that were dropped."""
        return self._rejected + (self.graph.rejected if self.graph is not None else 0)

    def clear_counters(self) -> None:
        self._rejected = self.walks_made = 0
        if self.graph is not None:
            self.graph.rejected = self.graph.refused = 0

    def take(self, words: np.ndarray, at: int) -> int:
        """Take the walks from ``words[at:]`` up to another command or one that is cut off; returns where that is."""
        if at == len(words) or words[at] >> 28 not in (_NOP, _WALK):
            return at
        end, n = _extent(words, at, self._cfg.walk_rows)
        if n:
            self._begin(from_host=True)
            block = np.full((n, self._cfg.max_walk), -1, np.int32)
            n_sound = _decode(words[at:end], self._cfg.nodes, self._cfg.walk_rows, 2 if self._cfg.slots else 0, block)
            n_sound = n_sound if self._ready() else 0
            self._rejected += n - n_sound
            if n_sound:
                self._add(block[:n_sound])
        return end

    def start(self, opcode: int, argument: int) -> None:
        """START or ROUND."""
        assert self.graph is not None
        self._begin(from_host=False)
        n = argument >> WALKS_SHIFT if opcode == Opcode.START else argument
        if n and self._can_walk():
            self._walk(self.graph.start(argument) if opcode == Opcode.START else self.graph.round(n))

    def edit(self, argument: int, operands: np.ndarray) -> None:
        """EDIT; all walks before it have been closed."""
        assert self.graph is not None
        self._begin(from_host=False)
        starts = self.graph.edit(argument, operands)
        if starts is not None and self._can_walk():
            self._walk(starts)

    def close(self) -> list[Contexts]:
        """The contexts of all walks since the last time."""
        self._hand_over()
        made, self._made = self._made, []
        return made

    # ---- walks
    def _ready(self) -> bool:
        """Whether contexts can be made of walks."""
        s = self._sampling
        if s is None or not s.negatives:
            return s is not None
        return self.graph.store.rows > 0 if s.source and self.graph is not None else len(self._alias) > 0

    def _can_walk(self) -> bool:
        """Whether walks can be made; counts a command for which they cannot."""
        assert self.graph is not None
        ready = self.graph.has_length and self._ready()
        self._rejected += not ready
        return ready

    def _walk(self, starts: np.ndarray) -> None:
        """Make walks from ``starts``."""
        assert self.graph is not None
        if len(starts):
            block = self.graph.walks(starts, self._next_walk)
            self._add(block)
            self.walks_made += len(starts)
            if self.walked is not None:
                self.walked(block)

    def _begin(self, *, from_host: bool) -> None:
        """A command comes: walks of the other kind are not waited for any more, whatever becomes of it."""
        if from_host is not self._from_host:
            self._hand_over()
        self._from_host = from_host

    def _add(self, block: np.ndarray) -> None:
        if not self._walks:
            self._first = self._next_walk
        self._walks.append(block)
        self._next_walk = (self._next_walk + len(block)) & 0xFFFFFFFF

    def _hand_over(self) -> None:
        """Make contexts of the walks up to now."""
        if not self._walks:
            return
        walks, self._walks = self._walks, []
        s = self._sampling
        assert s is not None
        block = walks[0] if len(walks) == 1 else np.concatenate(walks)
        how = block, s.window, s.negatives, s.per_positive
        where = np.uint64(self._key), self._first, s.walks, s.pool, s.replaced
        if s.source and self.graph is not None:
            made = graph_contexts(*how, self.graph.store.arrays, *where)
        else:
            made = make_contexts(*how, self._threshold, self._alias, *where)
        self._made.append(Contexts(*made))

    # ---- parameters
    def set(self, parameter: int, value: int) -> None:
        match parameter:
            case Parameter.SAMPLING:
                sampling = Sampling.from_word(value, self._cfg)
                if sampling is None:
                    self._rejected += 1
                else:
                    self._sampling = sampling
            case Parameter.KEY_HIGH:
                self._key = value << 32 | self._key & 0xFFFFFFFF
            case Parameter.KEY_LOW:
                self._key = self._key & ~0xFFFFFFFF | value
            case Parameter.NEXT_WALK:
                self._next_walk = value
            case _ if self.graph is not None:
                self.graph.set(parameter, value)
            case _:
                self._rejected += 1

    def write_table(self, columns: int, operands: np.ndarray) -> None:
        """Load an alias table. One with an unsound entry leaves none; a number of columns out of range changes
        nothing, as does any on a core without a table."""
        if not 1 <= columns <= self._cfg.table_rows:
            self._rejected += 1
            return
        threshold, alias = operands.reshape(-1, 2).T
        if (threshold >> THRESHOLD_BITS).any() or (alias >= columns).any():
            self._rejected += 1
            threshold, alias = threshold[:0], alias[:0]
        self._threshold, self._alias = np.ascontiguousarray(threshold), alias.astype(np.int32)


@part
def _words(nodes, per_word):
    return nodes if per_word == 1 else (nodes + 1) >> 1


@jit()
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


@jit()
def _decode(words, nodes, per_word, least, block):
    """Fill the rows of ``block`` with the sound walks, those of at least so many nodes; returns how many."""
    n, at = 0, 0
    mask = 0xFFFF if per_word == 2 else _ROW_MASK
    while at < len(words):
        argument = int(words[at]) & _ARGUMENT
        is_walk = words[at] >> 28 == _WALK
        at += 1
        if not is_walk:
            continue
        count = argument & _COUNT_MASK
        sound = least <= argument <= block.shape[1]
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
