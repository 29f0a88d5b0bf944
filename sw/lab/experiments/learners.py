"""Three ways to learn the same walks: fixed point, the float formula, and skip-gram with negative sampling (gensim).

All are :class:`~skipwalk.sw.oselm.estimator.Node2Vec` with the same ``fit`` and ``partial_fit``: equal seeds give equal
walks, and to the first two equal negatives in equal order.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....sim.oselm import formula
from ....sim.oselm.golden import Contexts
from ....sim.oselm.initial import initial_rows
from ...oselm.estimator import Node2Vec
from ...oselm.model import Model
from ...oselm.training import context_blocks, walk_blocks
from ...results.report import installed

__all__ = ["LEARNERS", "NO_GENSIM", "PUBLISHED", "SGNS", "FloatNode2Vec", "gensim_version", "learner"]


#: Why SGNS was left out.
NO_GENSIM = 'gensim is not installed: pip install "skipwalk[gensim]"'

#: Parameters of OS-ELM as published, and of SGNS on the same samples: 10 negatives for each positive, 77 samples.
PUBLISHED = {
    "preset": "paper",
    "negatives": 10,
    "negative_mode": "per_positive",
    "inflation": 0.0,
    "walks_in_flight": 1,
}


class FloatNode2Vec(Node2Vec):
    """The float formula in float64, one context after another, whatever the configuration's schedule and formats."""

    _beta = np.empty((0, 0))
    _p = np.empty((0, 0))

    def _run(self, model: Model, first_row: int, checkpoint: Any, checkpoint_every: int) -> "FloatNode2Vec":
        params, config = model.params, model.config
        beta, p = self._beta.copy(), self._p.copy()
        if not model.run.number:
            beta, p = np.empty((0, config.dim)), np.eye(config.dim) * params["p0"]
        n_new = model.graph.n_nodes - len(beta)
        fresh = initial_rows(len(beta), n_new, config.dim, scale=params["init_scale"], seed=params["seed"])
        beta = np.concatenate([beta, fresh])
        for _, batch in context_blocks(model):
            same = Contexts(batch.centres, batch.indptr, batch.samples, batch.labels)
            formula.train(beta, p, same, mu=2.0**-config.mu_shift, q=params["inflation"], p0=params["p0"])
        model.run.next = model.run.total
        self._beta, self._p, self.model_ = beta, p, model
        return self

    @property
    def embedding_(self) -> np.ndarray:
        return self._beta


class SGNS(Node2Vec):
    """node2vec as it is used today: gensim's skip-gram with negative sampling by gradient descent, on one thread.

    ``window - 1`` nodes to both sides, ``negatives`` for each, gensim's defaults for the rest (rate from 0.025 down to
    0.0001 in the first run; 0.025 all along in later ones). Negatives follow the counts of the first run.
    """

    #: Passes over the walks of the first run.
    epochs = 1

    #: gensim's first one.
    _RATE = 0.025

    def _run(self, model: Model, first_row: int, checkpoint: Any, checkpoint_every: int) -> "SGNS":
        from gensim.models import Word2Vec

        # It warns of every batch of walks that is too short for many threads.
        logging.getLogger("gensim").setLevel(logging.ERROR)
        params, run = model.params, model.run
        sentences = [[str(row) for row in walk if row >= 0] for _, block in walk_blocks(model) for walk in block]
        if not run.number:
            self._words = Word2Vec(
                vector_size=model.config.dim,
                window=params["window"] - 1,
                negative=params["negatives"],
                seed=params["seed"],
                min_count=0,
                sg=1,
                workers=1,
                shrink_windows=False,
            )
            self._words.build_vocab(sentences)
            self._words.train(sentences, total_examples=len(sentences), epochs=self.epochs)
        else:
            rate = {"start_alpha": self._RATE, "end_alpha": self._RATE}
            self._words.train(sentences, total_examples=len(sentences), epochs=1, **rate)
        run.next = run.total
        self.model_ = model
        return self

    @property
    def embedding_(self) -> np.ndarray:
        """Nodes that no walk of the first run has met are zero."""
        words = self._words.wv
        rows = np.zeros((self._fitted().graph.n_nodes, words.vector_size), np.float32)
        known = [int(word) for word in words.index_to_key]
        rows[known] = words.vectors
        return rows


LEARNERS: dict[str, type[Node2Vec]] = {"fixed": Node2Vec, "float": FloatNode2Vec, "sgns": SGNS}


def learner(params: Mapping[str, Any], seed: int) -> Node2Vec:
    """The learner that ``params`` name (``learner``), with all others as parameters of Node2Vec; for ``sgns`` also
    ``epochs``."""
    rest = dict(params)
    kind, epochs = LEARNERS[rest.pop("learner")], rest.pop("epochs", 1)
    if kind is SGNS:
        made = SGNS(**rest, seed=seed)
        made.epochs = epochs
        return made
    return kind(**rest, seed=seed)


def gensim_version() -> str | None:
    """None where gensim is not installed."""
    return installed(["gensim"]).get("gensim")
