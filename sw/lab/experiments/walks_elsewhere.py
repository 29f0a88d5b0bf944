"""Updates whose walks do not all start at the ends of the new edge: some start beside them, or anywhere in the graph.

An experiment's alone. The core would only need to be told: it has START for a walk from any row.
"""

from typing import Any

import numpy as np

from ....hw.oselm.config import CoreConfig
from ....hw.oselm.protocol import WALKS_SHIFT, Edit, Opcode
from ....sim.oselm.unit import OSELMUnit
from ...link.transport import Transport
from ...oselm.estimator import Node2Vec
from ...oselm.model import Model
from .learners import UnitTransport

__all__ = ["WalksElsewhere", "walks_elsewhere"]

_ROW = (1 << CoreConfig.ROW_BITS) - 1


class _Unit(OSELMUnit):
    """The golden model of a core; of the walks that an edge asks for from each end, ``moved`` start elsewhere."""

    def __init__(self, cfg: CoreConfig, moved: int, beside: bool, seed: int):
        super().__init__(cfg)
        self._moved, self._beside, self._rng = moved, beside, np.random.default_rng(seed)

    def _execute(self, opcode: int, argument: int, operands: np.ndarray) -> None:
        walks = argument >> WALKS_SHIFT & 0xF
        if opcode != Opcode.EDIT or argument >> 24 & 0x7 != Edit.ADD_EDGE or not walks:
            super()._execute(opcode, argument, operands)
            return
        super()._execute(opcode, argument - (self._moved << WALKS_SHIFT), operands)
        front = self._front
        assert front is not None
        assert front.graph is not None
        store = front.graph.store
        for end in (argument & _ROW, int(operands[0]) & _ROW):
            among = store.neighbours(end) if self._beside else np.flatnonzero(store.arrays.known)
            for row in self._rng.choice(among, self._moved).tolist():
                front.start(Opcode.START, 1 << WALKS_SHIFT | row)


class WalksElsewhere(Node2Vec):
    """Of the walks from each end of a new edge, 15 at most, ``moved`` start at neighbours of it, or without ``beside``
    at any node, all drawn anew."""

    moved, beside = 0, True

    def _opener(self, backend: str, model: Model) -> Transport:
        return UnitTransport(_Unit(model.driven, self.moved, self.beside, model.params["random_state"]))


def walks_elsewhere(moved: int, beside: bool, **params: Any) -> WalksElsewhere:
    """An untrained model, with parameters of Node2Vec."""
    model = WalksElsewhere(**params)
    model.moved, model.beside = moved, beside
    return model
