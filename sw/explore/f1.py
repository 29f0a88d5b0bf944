"""How well a core of the design space learns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...hw.oselm.config import CoreConfig
from ..graph.graph import Graph
from ..oselm.estimator import Node2Vec
from ..oselm.evaluation import evaluate

__all__ = ["f1_of"]


def f1_of(
    graph: Graph, rows: np.ndarray, classes: Sequence[str], core: CoreConfig, parameters: dict[str, Any]
) -> float:
    """Micro-F1 of the vectors that the golden model of ``core`` learns; ``parameters`` are the estimator's."""
    estimator = Node2Vec(preset=core, **parameters).fit(graph)
    return float(evaluate(estimator.embedding_[rows], classes).micro.mean())
