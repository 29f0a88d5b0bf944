"""What a core that holds a graph does with it: EDIT, START and ROUND of ``hw.oselm.protocol``, and their parameters."""

import numpy as np

from ....hw.oselm.config import CoreConfig
from ....hw.oselm.protocol import WALKS_SHIFT, Edit, Parameter
from .rows import first_values
from .starts import PLACE_BITS, round_starts
from .store import GraphStore, Outcome
from .walks import make_walks

__all__ = ["GraphUnit"]

_ROW = (1 << CoreConfig.ROW_BITS) - 1
_LOW = 0xFFFFFFFF
_NONE = np.empty(0, np.int64)
#: Upper and lower word of a key.
_KEYS = (
    (Parameter.WALK_KEY_HIGH, Parameter.WALK_KEY_LOW),
    (Parameter.START_KEY_HIGH, Parameter.START_KEY_LOW),
    (Parameter.ROW_KEY_HIGH, Parameter.ROW_KEY_LOW),
)


class GraphUnit:
    """The store, and what makes walks over it; for a configuration with ``edge_ends``.

    Parameters
    ----------
    cfg : CoreConfig
    beta : (nodes, dim) int64
        The rows of the core, into which first values are written.

    Attributes
    ----------
    store : GraphStore
    rejected, refused : int
        Edits and parameters that were unsound, and edits that did not fit.
    """

    def __init__(self, cfg: CoreConfig, beta: np.ndarray):
        self._cfg, self._beta = cfg, beta
        self.store = GraphStore.of(cfg)
        self.rejected = self.refused = 0
        self._values = dict.fromkeys((p for p in Parameter if p >= Parameter.WALK_KEY_HIGH), 0)
        self._walk_key = self._start_key = self._row_key = 0

    @property
    def has_length(self) -> bool:
        """Whether WALK_LENGTH has been set."""
        return self._values[Parameter.WALK_LENGTH] > 0

    def set(self, number: int, value: int) -> None:
        """A parameter from WALK_KEY_HIGH on."""
        values, cfg = self._values, self._cfg
        if number not in values:
            self.rejected += 1
            return
        parameter = Parameter(number)
        sound = {
            Parameter.WALK_LENGTH: 2 <= value <= cfg.max_walk,
            Parameter.ROW_SCALE: value <= min(0xFFFF, cfg.beta.max_raw),
        }
        if not sound.get(parameter, True):
            self.rejected += 1
            return
        values[parameter] = value
        if parameter is Parameter.ROUND:
            values[Parameter.PLACE] = 0
        if parameter is Parameter.PLACE:
            values[parameter] &= (1 << PLACE_BITS) - 1
        keys = (values[high] << 32 | values[low] for high, low in _KEYS)
        self._walk_key, self._start_key, self._row_key = keys

    def edit(self, argument: int, operands: np.ndarray) -> np.ndarray | None:
        """Execute EDIT; returns the starts of the walks that it asks for, int64, or None if it asks for none."""
        u, function = argument & _ROW, argument >> 24 & 0x7
        store = self.store
        if function not in list(Edit):
            self.rejected += 1
            return None
        edit = Edit(function)
        word = int(operands[0]) if len(operands) else 0
        v = word & _ROW
        match edit:
            case Edit.CLEAR:
                outcome = store.clear()
            case Edit.NODES:
                outcome = self._nodes(u, word)
            case Edit.ADD_EDGE:
                new = [row for row in (u, v) if row < self._cfg.nodes and not store.known(row)]
                outcome = store.add_edge(u, v, int(operands[1]) if self._cfg.weight_bits else 1)
                if outcome is Outcome.DONE:
                    for row in new:
                        self._begin(row, 1)
            case Edit.REMOVE_EDGE:
                outcome = store.remove_edge(u, v)
            case Edit.FREE_NODE:
                outcome = store.free_node(u)
        self.rejected += outcome is Outcome.REJECTED
        self.refused += outcome is Outcome.REFUSED
        n = argument >> WALKS_SHIFT & 0xF
        if not n or outcome is not Outcome.DONE or edit not in (Edit.ADD_EDGE, Edit.REMOVE_EDGE):
            return None
        return np.array([row for row in (u, v) if store.degree(row)] * n, np.int64)

    def add_edges(self, words: np.ndarray) -> None:
        """Execute whole EDITs that add edges and ask for no walks, one after another: as :meth:`edit`, at once."""
        columns = words.reshape(-1, 3 if self._cfg.weight_bits else 2).astype(np.int64)
        u, v = columns[:, 0] & _ROW, columns[:, 1] & _ROW
        known = self.store.arrays.known
        rows = np.unique(np.concatenate([u, v]))
        rows = rows[rows < len(known)]
        new = rows[~known[rows]]
        outcomes = self.store.add_edges(u, v, columns[:, 2] if self._cfg.weight_bits else None)
        self.rejected += int(np.count_nonzero(outcomes == Outcome.REJECTED))
        self.refused += int(np.count_nonzero(outcomes == Outcome.REFUSED))
        for row in new[known[new]].tolist():
            self._begin(row, 1)

    def _nodes(self, first: int, count: int) -> Outcome:
        end = first + count
        unknown = np.flatnonzero(~self.store.arrays.known[first:end]) + first
        outcome = self.store.make_known(first, count)
        if outcome is Outcome.DONE:
            # Runs of rows that were unknown, one at a time.
            for run in np.split(unknown, np.flatnonzero(np.diff(unknown) > 1) + 1):
                if len(run):
                    self._begin(int(run[0]), len(run))
        return outcome

    def _begin(self, first: int, n: int) -> None:
        """First values of rows."""
        scale = self._values[Parameter.ROW_SCALE]
        self._beta[first : first + n] = first_values(self._row_key, first, n, self._cfg.dim, scale)

    # ---- walks
    def start(self, argument: int) -> np.ndarray:
        """The starts that START asks for, int64."""
        row, n = argument & _ROW, argument >> WALKS_SHIFT
        has_edge = self.store.open and row < self._cfg.nodes and self.store.degree(row)
        return np.full(n, row, np.int64) if has_edge else _NONE

    def round(self, n: int) -> np.ndarray:
        """The starts that ROUND asks for, int64."""
        values = self._values
        found = round_starts(self.store.arrays, self._start_key, values[Parameter.ROUND], values[Parameter.PLACE], n)
        values[Parameter.ROUND], values[Parameter.PLACE] = found.round, found.place
        self.rejected += found.gave_up
        return found.rows

    def walks(self, starts: np.ndarray, first: int) -> np.ndarray:
        """Walks number ``first``, ... (modulo 2**32) from ``starts``, (n, length) int32."""
        values = self._values
        limits = values[Parameter.LIMIT_BACK], values[Parameter.LIMIT_NEAR], values[Parameter.LIMIT_FAR]
        length = values[Parameter.WALK_LENGTH]
        return make_walks(self.store.arrays, starts, length=length, limits=limits, key=self._walk_key, first=first)
