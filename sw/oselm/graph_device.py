"""Driver of a core that holds the graph: edits and walks as commands, nothing read back until it is asked for."""

from dataclasses import dataclass

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...hw.oselm.front_end.sampling import Sampling
from ...hw.oselm.protocol import Edit, Opcode, Parameter, edit_header, header
from ...sim.oselm.front_end.contexts import AliasTable
from ...sim.oselm.front_end.threefry import STREAM_NEGATIVES, STREAM_ROWS, STREAM_STARTS, STREAM_WALKS, seed_key
from ..graph.live import LiveGraph
from .driver import SLICE, OSELMDevice
from .words import edge_words, set_words, table_words

__all__ = ["GraphDevice", "Learning"]


@dataclass(frozen=True)
class Learning:
    """All parameters of a core that learns a graph, as it takes them.

    Attributes
    ----------
    q, p0 : float
    seed : int
        Of walks, starts, negatives and first values.
    row_scale : int
        Largest first value, raw.
    walk_length : int
    sampling : Sampling
    """

    q: float
    p0: float
    seed: int
    row_scale: int
    walk_length: int
    sampling: Sampling

    def check(self, cfg: CoreConfig) -> None:
        """Raise what :meth:`GraphDevice.set_learning` would raise."""
        OSELMDevice.raw_parameters(cfg, q=self.q, p0=self.p0)


class GraphDevice(OSELMDevice):
    """An open core that makes its walks, contexts and first values itself; or one whose transport does it.

    What is posted is learned later, in order. A question (rows, P, counters) waits for it.
    """

    _limits: tuple[int, int, int] | None = None

    def set_learning(self, how: Learning) -> None:
        """Set all parameters but the position (:meth:`go_on`) and the limits (:meth:`set_limits`). Raises InputError as
        :meth:`set_parameters`."""
        self.set_parameters(q=how.q, p0=how.p0)
        values: dict[Parameter, int] = {Parameter.SAMPLING: how.sampling.word}
        for first, stream in (
            (Parameter.KEY_HIGH, STREAM_NEGATIVES),
            (Parameter.WALK_KEY_HIGH, STREAM_WALKS),
            (Parameter.START_KEY_HIGH, STREAM_STARTS),
            (Parameter.ROW_KEY_HIGH, STREAM_ROWS),
        ):
            key = int(seed_key(how.seed, stream))
            values[first], values[Parameter(first + 1)] = key >> 32, key & 0xFFFFFFFF
        values[Parameter.ROW_SCALE] = how.row_scale
        values[Parameter.WALK_LENGTH] = how.walk_length
        self._exchange(set_words(values))

    def set_limits(self, limits: tuple[int, int, int]) -> None:
        """Of candidates that lie back, near and far, for walks from now on, unless the core has these limits already;
        :func:`skipwalk.sim.oselm.graph.walks.case_limits`."""
        if limits != self._limits:
            names = (Parameter.LIMIT_BACK, Parameter.LIMIT_NEAR, Parameter.LIMIT_FAR)
            self._exchange(set_words(dict(zip(names, limits, strict=True))))
            self._limits = limits

    def set_table(self, table: AliasTable) -> None:
        """The distribution of negatives, unless the core has it already."""
        if not self.holds_table(table):
            self._exchange(table_words(table.threshold, table.alias))
            self._table = table

    def go_on(self, *, walks: int, round_: int, place: int) -> None:
        """Number of the next walk, and where the next round's starts begin."""
        self._exchange(
            set_words(
                {Parameter.NEXT_WALK: walks & 0xFFFFFFFF, Parameter.ROUND: round_, Parameter.PLACE: place},
            )
        )

    def load_graph(self, live: LiveGraph) -> None:
        """Send a whole graph: all rows become known, with first values, then all edges, then vacant rows are freed.

        ``live.store`` has to be filled in the same order, as :class:`LiveGraph` does it.
        """
        n = len(live.ids)
        self._exchange(np.array([edit_header(Edit.CLEAR), edit_header(Edit.NODES), n], np.uint32))
        indptr, indices, weights = live.csr()
        rows = np.repeat(np.arange(n), np.diff(indptr))
        upper = np.flatnonzero(rows < indices)
        for at in range(0, len(upper), SLICE):
            part = upper[at : at + SLICE]
            raw = None if weights is None else weights[part]
            self._exchange(edge_words(rows[part], indices[part], raw))
        if live.vacant:
            self._exchange(np.array([edit_header(Edit.FREE_NODE, row) for row in live.vacant], np.uint32))

    def post_rounds(self, n: int, *, ahead: int = 1) -> None:
        """Ask for the next ``n`` walks of the rounds over all nodes; see :meth:`post`."""
        self.post(np.array([header(Opcode.ROUND, n)], np.uint32), ahead=ahead)
