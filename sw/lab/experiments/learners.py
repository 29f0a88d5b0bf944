"""Three ways to learn the same walks: fixed point, the float formula, and skip-gram with negative sampling (gensim).

All are :class:`~skipwalk.sw.oselm.estimator.Node2Vec` with the same ``fit`` and ``partial_fit``: equal seeds give equal
walks, and to the first two equal negatives in equal order.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....hw.arith.formats import SQ
from ....hw.oselm.config import CONSTANT_FORMATS, CoreConfig, GainRule, preset
from ....hw.oselm.protocol import Opcode
from ....sim.oselm import formula
from ....sim.oselm.golden import Contexts
from ....sim.oselm.unit import OSELMUnit
from ...link.transport import BufferedTransport, Transport
from ...oselm.estimator import Node2Vec
from ...oselm.model import Model
from ...oselm.twin import Twin
from ...results.report import installed

__all__ = [
    "LEARNERS",
    "NO_GENSIM",
    "PUBLISHED",
    "SGNS",
    "WIDE",
    "FloatNode2Vec",
    "Floats",
    "UnitTransport",
    "gensim_version",
    "learner",
]


#: P may grow beyond 2, where the default holds it: as many bits, two more of them before the point.
WIDE: dict[str, Any] = {"p_format": (4, 14), "p0": 6.0}

#: Why SGNS was left out.
NO_GENSIM = 'gensim is not installed: pip install "skipwalk[gensim]"'

#: Parameters of OS-ELM as published, and of SGNS on the same samples: 10 negatives for each positive, 77 samples.
PUBLISHED = {
    "preset": "paper",
    "negatives": 10,
    "negative_mode": "per_positive",
    "inflation": 0.0,
    "walks_in_flight": 1,
    "update_p": None,
}


class Floats(Twin):
    """The float formula, one context after another, in place of the core's arithmetic.

    A core that is given its state anew gets the graph first, then its rows: what it has learned in float comes back
    with the first of them.
    """

    def __init__(self, model: Model, learned: "tuple[np.ndarray, np.ndarray] | None"):
        super().__init__(model.driven)
        params, config = model.params, model.config
        constant = config.gain is GainRule.CONSTANT
        self.how = {"mu": 2.0**-config.mu_shift, "q": params["inflation"], "p0": params["p0"], "constant": constant}
        self.beta, self.p = np.zeros((config.nodes, config.dim)), np.eye(config.dim) * params["p0"]
        self._before = learned

    def learn(self, contexts: Contexts) -> None:
        formula.train(self.beta, self.p, contexts, **self.how)

    def first_rows(self, rows: np.ndarray) -> None:
        self.beta[rows] = self.state.beta[rows] * self._cfg.beta.step

    def _execute(self, opcode: int, argument: int, operands: np.ndarray) -> None:
        if opcode == Opcode.WRITE_ROW and self._before is not None:
            beta, self.p = self._before
            self.beta[: len(beta)] = beta[: len(self.beta)]
            self._before = None
        super()._execute(opcode, argument, operands)


class UnitTransport(BufferedTransport):
    """A golden model, or a twin, as a core."""

    def __init__(self, unit: OSELMUnit):
        super().__init__()
        self._unit = unit

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        self._unit.feed(words)
        return self._handed_over(self._unit.drain(), n_replies)

    def close(self) -> None:
        """Nothing to give back."""


class FloatNode2Vec(Node2Vec):
    """The float formula in float64, one context after another, whatever the configuration's schedule and formats."""

    #: What learns, of a model and of the rows and P that it goes on with.
    floats_of: type[Floats] = Floats

    _floats: Floats | None = None

    def fit(self, X: Any, y: None = None, **how: Any) -> "FloatNode2Vec":
        self._floats = None
        self._session = None
        super().fit(X, y, **how)
        return self

    def _opener(self, backend: str, model: Model) -> Transport:
        learned = None if self._floats is None else (self._floats.beta, self._floats.p)
        self._floats = self.floats_of(model, learned)
        return UnitTransport(self._floats)

    @property
    def embedding_(self) -> np.ndarray:
        rows = self.model_.live.occupied()
        assert self._floats is not None
        return self._floats.beta[rows]


class _Walks(Twin):
    """Keeps the walks that it makes, and learns nothing."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(cfg)
        self.made: list[np.ndarray] = []
        assert self._front is not None
        self._front.walked = self.made.append

    def learn(self, contexts: Contexts) -> None:
        pass

    def first_rows(self, rows: np.ndarray) -> None:
        pass


class SGNS(Node2Vec):
    """node2vec as it is used today: gensim's skip-gram with negative sampling by gradient descent, on one thread.

    ``window - 1`` nodes to both sides, ``negatives`` for each, gensim's defaults for the rest (rate from 0.025 down to
    0.0001 in the first run; 0.025 all along in later ones). Negatives follow the counts of the first run. Walks are
    learned when vectors are asked for.
    """

    #: Passes over the walks of the first run.
    epochs = 1

    #: gensim's first one.
    _RATE = 0.025

    _walks: _Walks | None = None
    _words: Any = None

    def fit(self, X: Any, y: None = None, **how: Any) -> "SGNS":
        self._walks = self._words = None
        self._session = None
        super().fit(X, y, **how)
        return self

    def _opener(self, backend: str, model: Model) -> Transport:
        made = [] if self._walks is None else self._walks.made
        self._walks = _Walks(model.driven)
        self._walks.made += made
        return UnitTransport(self._walks)

    def partial_fit(self, new_edges: Any, weights: Any = None, **how: Any) -> "SGNS":
        self._learn()
        super().partial_fit(new_edges, weights, **how)
        return self

    def _learn(self) -> None:
        """The walks that were made since the last time."""
        from gensim.models import Word2Vec

        assert self._walks is not None
        # It warns of every batch of walks that is too short for many threads.
        logging.getLogger("gensim").setLevel(logging.ERROR)
        sentences = [[str(row) for row in walk] for block in self._walks.made for walk in block.tolist()]
        self._walks.made.clear()
        if not sentences:
            return
        params = self.model_.params
        if self._words is None:
            self._words = Word2Vec(
                vector_size=self.config_.dim,
                window=params["window"] - 1,
                negative=params["negatives"],
                seed=params["random_state"],
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

    @property
    def embedding_(self) -> np.ndarray:
        """Nodes that no walk of the first run has met are zero."""
        self._learn()
        words = self._words.wv
        rows = np.zeros((len(self.model_.live.ids), words.vector_size), np.float32)
        known = [int(word) for word in words.index_to_key]
        rows[known] = words.vectors
        return rows[self.model_.live.occupied()]


LEARNERS: dict[str, type[Node2Vec]] = {"fixed": Node2Vec, "float": FloatNode2Vec, "sgns": SGNS}


def learner(params: Mapping[str, Any], seed: int) -> Node2Vec:
    """The learner that ``params`` name (``learner``), with all others as parameters of Node2Vec; for ``sgns`` also
    ``epochs``. ``constant`` is a gain that stands in P's place, on the core of ``ecp5-85f`` but for that; ``p_format``
    (integer, fraction) are the bits of P there."""
    rest = dict(params)
    if "constant" in rest:
        core = preset("ecp5-85f").replace(gain=GainRule.CONSTANT, **CONSTANT_FORMATS)
        rest |= {"preset": core, "p0": rest.pop("constant"), "inflation": 0.0}
    if "p_format" in rest:
        rest["preset"] = preset("ecp5-85f").replace(p=SQ(*rest.pop("p_format")))
    kind, epochs = LEARNERS[rest.pop("learner")], rest.pop("epochs", 1)
    if kind is SGNS:
        made = SGNS(**rest, random_state=seed)
        made.epochs = epochs
        return made
    return kind(**rest, random_state=seed)


def gensim_version() -> str | None:
    """None where gensim is not installed."""
    return installed(["gensim"]).get("gensim")
