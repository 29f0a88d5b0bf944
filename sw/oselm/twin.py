"""The golden model of a core that holds the graph, in front of another learner: it makes walks, contexts and rows."""

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import Edit, Opcode
from ...sim.oselm.golden import Contexts, State
from ...sim.oselm.unit import OSELMUnit

__all__ = ["Twin"]

_ROW = (1 << CoreConfig.ROW_BITS) - 1


class Twin(OSELMUnit):
    """Executes the words of a core of ``cfg``, but hands its contexts to :meth:`learn`, and the rows that an edit has
    made known, which have their first values in ``state.beta``, to :meth:`first_rows`."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(cfg)
        self._train = self._hand_over

    def learn(self, contexts: Contexts) -> None:
        """All contexts up to a barrier."""
        raise NotImplementedError

    def first_rows(self, rows: np.ndarray) -> None:
        """Rows (n,) that are known from now on."""
        raise NotImplementedError

    def _hand_over(self, cfg: CoreConfig, state: State, contexts: Contexts) -> None:
        state.contexts += len(contexts.centres)
        state.samples += len(contexts.samples)
        self.learn(contexts)

    def _edges(self, words: np.ndarray, at: int) -> int:
        """One at a time, so that rows that become known are seen."""
        return at

    def _execute(self, opcode: int, argument: int, operands: np.ndarray) -> None:
        if opcode != Opcode.EDIT:
            super()._execute(opcode, argument, operands)
            return
        assert self._front is not None
        assert self._front.graph is not None
        touched = [argument & _ROW]
        if argument >> 24 & 0x7 == Edit.NODES:
            touched = list(range(touched[0], min(touched[0] + int(operands[0]), self._cfg.nodes)))
        elif len(operands):
            touched.append(int(operands[0]) & _ROW)
        known = self._front.graph.store.arrays.known
        rows = np.unique([row for row in touched if row < len(known)]).astype(np.int64)
        before = known[rows].copy()
        super()._execute(opcode, argument, operands)
        new = rows[~before & known[rows]]
        if len(new):
            self.first_rows(new)
