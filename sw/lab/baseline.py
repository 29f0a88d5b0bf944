"""The float formula on the very contexts that an estimator has learned from: what fixed point is measured against."""

import numpy as np

from ..oselm.estimator import Node2Vec
from .experiments.learners import FloatNode2Vec

__all__ = ["float_embedding"]


def float_embedding(estimator: Node2Vec) -> np.ndarray:
    """(n_nodes, dim) float64: what ``fit`` of a fitted estimator's graph gives in float64, one context after another.

    Only sound for an estimator that has seen ``fit`` alone.
    """
    params = {
        **estimator.get_params(deep=False),
        "backend": "golden",
        "random_state": estimator.model_.params["random_state"],
    }
    return FloatNode2Vec(**params).fit(estimator.graph_).embedding_
