"""The float formula on the very contexts that an estimator has learned from: what fixed point is measured against."""

import dataclasses

import numpy as np

from ...sim.oselm import formula
from ...sim.oselm.golden import Contexts
from ...sim.oselm.initial import initial_rows
from ..oselm.estimator import Node2Vec
from ..oselm.training import context_blocks

__all__ = ["float_embedding"]


def float_embedding(estimator: Node2Vec) -> np.ndarray:
    """(n_nodes, dim) float64: the last run of a fitted estimator again, in float64, one context after another.

    Only sound for an estimator that has seen ``fit`` alone: the vectors start from their initial values.
    """
    params, config = estimator.get_params(deep=False), estimator.config_
    model = dataclasses.replace(estimator.model_, run=dataclasses.replace(estimator.model_.run, next=0))
    beta = initial_rows(0, model.graph.n_nodes, config.dim, scale=params["init_scale"], seed=params["seed"])
    p = np.eye(config.dim) * params["p0"]
    for _, batch in context_blocks(model):
        same = Contexts(batch.centres, batch.indptr, batch.samples, batch.labels)
        formula.train(beta, p, same, mu=2.0**-config.mu_shift, q=params["inflation"], p0=params["p0"])
    return beta
