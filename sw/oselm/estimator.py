"""node2vec that keeps learning: a scikit-learn estimator over an OS-ELM core."""

import copy
import dataclasses
import time
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ...hw.oselm.config import CoreConfig, Schedule, preset
from ...sim.arith.fixed import to_raw
from ...sim.oselm.initial import initial_rows
from ..errors import CapacityError, InputError
from ..graph.contexts import visits
from ..graph.graph import Graph
from ..graph.readers import read_graph
from ..graph.walks import n_walks
from ..link.transport import open_transport
from .driver import OSELMDevice
from .model import Model, Run
from .training import Interrupted, load_state, train, walk_blocks

__all__ = ["Node2Vec", "as_graph"]


class Node2Vec(BaseEstimator):
    """Embedding of a graph's nodes by sequential node2vec (OS-ELM), on the golden model or in the RTL: equal bits.

    Parameters
    ----------
    preset : str or CoreConfig
        The core. The next four change it where they are given; they, and it, count in ``fit`` alone.
    dim : int, optional
        Length of a vector.
    nodes : int, optional
        Rows of the core: the graph's nodes and those that ``partial_fit`` may add.
    schedule : {"streaming", "sequential"}, optional
    mu_shift : int, optional
        Input weights are 2**-mu_shift times the vectors.
    walk_length, walks_per_node : int
    p, q : float
        Return and in-out parameter of the walks.
    window : int
        Nodes in a window, the centre included.
    negatives : int
        For a whole context (``negative_mode="shared"``) or for each positive (``"per_positive"``), from visits^0.75
        of all walks so far, those of the present run included.
    inflation : float
        What a context adds to the diagonal of P while that is below ``p0``; 0 is OS-ELM as published.
    p0 : float
        P starts as p0 I.
    init_scale : float
        Rows start uniform in -init_scale ... init_scale.
    walks_in_flight : int
        Walks whose contexts take turns.
    block_walks : int
        Walks between two barriers, the unit of stopping and saving; a multiple of ``walks_in_flight``.
    seed : int
        0 ... 2**64 - 1. Equal graphs, parameters and seeds give equal bits on every backend and machine.
    backend : str
        ``golden``, ``rtl`` or ``serial:ADDRESS``; see :func:`skipwalk.sw.link.transport.open_transport`.
    verbose : bool
        Show progress on stderr.

    Attributes
    ----------
    embedding_ : (n_nodes, dim) ndarray, float32 unless the core stores more bits than that holds
    ids_ : (n_nodes,) ndarray of object
        The node of each row.
    digest_ : str
        SHA-256 over the bits of the vectors and of P.
    counters_ : dict
        What the core counted (contexts, saturations, cycles where there is a clock).
    config_ : CoreConfig
    graph_ : Graph
    model_ : Model
    seconds_ : float
        What training took in the last call, without opening the device; not saved.

    Errors are :class:`~skipwalk.sw.errors.InputError` (input), CapacityError (does not fit the core), DeviceError, and
    ValueError or TypeError (parameters). After any of them the estimator is as it was before the call. The first
    Ctrl-C stops between two blocks with :class:`~skipwalk.sw.oselm.training.Interrupted`; :meth:`resume` goes on.
    """

    def __init__(
        self,
        *,
        preset: str | CoreConfig = "ecp5-85f",
        dim: int | None = None,
        nodes: int | None = None,
        schedule: str | None = None,
        mu_shift: int | None = None,
        walk_length: int = 80,
        walks_per_node: int = 10,
        p: float = 0.5,
        q: float = 1.0,
        window: int = 8,
        negatives: int = 24,
        negative_mode: str = "shared",
        inflation: float = 1e-4,
        p0: float = 1.9,
        init_scale: float = 0.05,
        walks_in_flight: int = 4,
        block_walks: int = 256,
        seed: int = 0,
        backend: str = "golden",
        verbose: bool = False,
    ):
        self.preset = preset
        self.dim = dim
        self.nodes = nodes
        self.schedule = schedule
        self.mu_shift = mu_shift
        self.walk_length = walk_length
        self.walks_per_node = walks_per_node
        self.p = p
        self.q = q
        self.window = window
        self.negatives = negatives
        self.negative_mode = negative_mode
        self.inflation = inflation
        self.p0 = p0
        self.init_scale = init_scale
        self.walks_in_flight = walks_in_flight
        self.block_walks = block_walks
        self.seed = seed
        self.backend = backend
        self.verbose = verbose

    # ---- learning
    def fit(
        self, X: Any, y: None = None, *, checkpoint: str | Path | None = None, checkpoint_every: int = 64
    ) -> "Node2Vec":
        """Learn a graph from the start.

        Parameters
        ----------
        X : Graph, networkx graph, SciPy sparse matrix, path of a graph file, or pairs of node ids
        y : ignored
        checkpoint : path, optional
            Save the model there every ``checkpoint_every`` blocks and when interrupted; ``Node2Vec.load(path)`` and
            :meth:`resume` then end in the same bits as a run that was never interrupted.
        """
        graph = as_graph(X)
        config = self.core_config()
        self._check_parameters(config)
        _check_capacity(graph, config)
        if not graph.n_edges:
            raise InputError("the graph has no edges, so there is nothing to walk on")
        model = Model(
            config=config,
            params=self._params(),
            graph=graph,
            beta=self._initial_raw(config, 0, graph.n_nodes, self.seed, self.init_scale),
            p=np.eye(config.dim, dtype=np.int64) * to_raw(self.p0, config.p),
            visits=np.zeros(graph.n_nodes, np.int64),
            run=Run(0, self.walks_per_node, n_walks(graph, self.walks_per_node)),
        )
        model.visits += _visits(model)
        return self._run(model, 0, checkpoint, checkpoint_every)

    def partial_fit(
        self,
        new_edges: Any,
        weights: Any = None,
        *,
        walks_per_end: int = 5,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
    ) -> "Node2Vec":
        """Add edges, and the nodes they bring, and learn from walks that start at both ends of each.

        Edges that were there already, with another weight now, count as new. Edges without news change nothing.
        Before the first ``fit`` this is ``fit``.

        Parameters
        ----------
        new_edges : Graph, networkx graph or pairs of node ids
        weights : (m,), optional
            For pairs.
        walks_per_end : int
        """
        if not self.__sklearn_is_fitted__():
            graph = Graph.from_edges(new_edges, weights) if weights is not None else as_graph(new_edges)
            return self.fit(graph, checkpoint=checkpoint, checkpoint_every=checkpoint_every)
        old = self.model_
        if not old.run.finished:
            raise InputError(f"{old.run.total - old.run.next} walks of the last run are left; call resume() first")
        if walks_per_end < 1:
            raise ValueError(f"walks_per_end must be at least 1, not {walks_per_end}")
        self._check_parameters(old.config)
        if isinstance(new_edges, Graph | nx.Graph):
            extra = as_graph(new_edges)
            pairs, weights = extra.edges()
            new_edges = extra.ids[pairs]
        added = old.graph.add_edges(new_edges, weights)
        _check_capacity(added.graph, old.config)
        starts = np.concatenate([added.new_edges, added.reweighted]).ravel()
        first_new, n_new = old.graph.n_nodes, len(added.new_nodes)
        self.seconds_ = 0.0
        if not len(starts) and not n_new:
            return self
        fresh = self._initial_raw(old.config, first_new, n_new, old.params["seed"], self.init_scale)
        model = dataclasses.replace(
            old,
            params={**self._params(), "seed": old.params["seed"]},
            graph=added.graph,
            beta=np.concatenate([old.beta, fresh]),
            p=old.p.copy(),
            visits=np.concatenate([old.visits, np.zeros(n_new, np.int64)]),
            run=Run(old.run.number + 1, walks_per_end, walks_per_end * len(starts), starts=starts),
            counters=dict(old.counters),
        )
        model.visits += _visits(model)
        return self._run(model, first_new if self._loaded is old else 0, checkpoint, checkpoint_every)

    def resume(self, *, checkpoint: str | Path | None = None, checkpoint_every: int = 64) -> "Node2Vec":
        """Finish a run that was interrupted, with the parameters it was begun with. Does nothing if none is left."""
        old = self._fitted()
        self.seconds_ = 0.0
        if old.run.finished:
            return self
        model = copy.deepcopy(old)
        return self._run(model, model.graph.n_nodes if self._loaded is old else 0, checkpoint, checkpoint_every)

    # ---- what was learned
    def transform(self, X: Iterable[Hashable] | None = None) -> np.ndarray:
        """The vectors of these node ids, (n, dim), in their order; of all nodes if not given.

        Raises UnknownNodeError for a node that the graph does not have.
        """
        model = self._fitted()
        if X is None:
            return model.vectors
        rows = [model.graph.index(node.item() if isinstance(node, np.generic) else node) for node in X]
        return model.vectors[rows]

    def fit_transform(self, X: Any, y: None = None, **fit_params: Any) -> np.ndarray:
        """``fit``, then the vectors of all nodes in the order of ``ids_``."""
        return self.fit(X, y, **fit_params).embedding_

    @property
    def embedding_(self) -> np.ndarray:
        return self._fitted().vectors

    @property
    def ids_(self) -> np.ndarray:
        return self._fitted().graph.ids

    @property
    def digest_(self) -> str:
        return self._fitted().digest

    @property
    def counters_(self) -> dict[str, int]:
        return dict(self._fitted().counters)

    @property
    def config_(self) -> CoreConfig:
        return self._fitted().config

    @property
    def graph_(self) -> Graph:
        return self._fitted().graph

    # ---- files and devices
    def save(self, path: str | Path) -> None:
        """Write graph, vectors, P and the state of training to one .npz file, whole or not at all."""
        self._fitted().save(path)

    @classmethod
    def load(cls, path: str | Path, **changes: Any) -> "Node2Vec":
        """A model from a file, ready for ``partial_fit``, ``resume`` and ``transform``.

        ``changes`` are parameters to set otherwise, as ``backend="rtl"``. Raises InputError for a file that is no
        model or is damaged.
        """
        model = Model.load(path)
        known = cls._get_param_names()
        estimator = cls(**{name: value for name, value in model.params.items() if name in known})
        try:
            same = estimator.core_config() == model.config
        except ValueError:
            same = False
        if not same:  # a configuration without a name, or a name that means another one by now
            estimator.set_params(preset=model.config, dim=None, nodes=None, schedule=None, mu_shift=None)
        estimator.set_params(**changes)
        estimator.model_ = model
        return estimator

    def close(self) -> None:
        """Give the device back. It is opened again when it is needed."""
        device, self._device, self._loaded = self._device, None, None
        if device is not None:
            device.close()

    def core_config(self) -> CoreConfig:
        """The core that the parameters describe. Raises ValueError or TypeError as CoreConfig does."""
        base = self.preset if isinstance(self.preset, CoreConfig) else preset(self.preset)
        changes: dict[str, Any] = {}
        if self.nodes is not None:
            changes["nodes"] = self.nodes
        if self.mu_shift is not None:
            changes["mu_shift"] = self.mu_shift
        if self.dim is not None:
            # The largest power of two in dim, because a row has to be whole beats of all lanes.
            changes["dim"], changes["lanes"] = self.dim, min(base.lanes, max(2, self.dim & -self.dim))
            changes["group"] = min(base.group, changes["lanes"])
        if self.schedule is not None and Schedule(self.schedule) is not base.schedule:
            changes["schedule"] = Schedule(self.schedule)
            changes["lookahead"] = 0 if self.schedule == Schedule.SEQUENTIAL else 3
        return base.replace(**changes)

    # ---- below
    #: The open device, and the model whose state it holds; neither is copied or pickled.
    _device: OSELMDevice | None = None
    _opened: tuple[str, CoreConfig] | None = None
    _loaded: Model | None = None

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__().copy()
        state.pop("_device", None), state.pop("_loaded", None)
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _fitted(self) -> Model:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError("this Node2Vec has not learned a graph yet; call fit first")
        return self.model_

    def _params(self) -> dict[str, Any]:
        """What shapes the result, and so belongs to a model."""
        params = self.get_params(deep=False)
        del params["backend"], params["verbose"]
        if isinstance(self.preset, CoreConfig):
            params["preset"] = self.preset.name
        return params

    @staticmethod
    def _initial_raw(config: CoreConfig, first: int, n: int, seed: int, scale: float) -> np.ndarray:
        return to_raw(initial_rows(first, n, config.dim, scale=scale, seed=seed), config.beta)

    def _check_parameters(self, config: CoreConfig) -> None:
        positives = self.window - 1
        if self.negative_mode == "shared":
            samples, shown = positives + self.negatives, f"{self.negatives} shared negatives"
        else:
            samples, shown = positives * (1 + self.negatives), f"{self.negatives} negatives for each positive"
        if samples > config.max_samples:
            raise CapacityError(
                f"a window of {self.window} and {shown} make contexts of {samples} samples, but the core "
                f"({config.name}) takes {config.max_samples}; lower window or negatives, or choose another preset"
            )
        for name in ("walks_per_node", "walks_in_flight", "block_walks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.block_walks % self.walks_in_flight:
            raise ValueError(
                f"block_walks ({self.block_walks}) must be a multiple of walks_in_flight ({self.walks_in_flight})"
            )

    def _open(self, config: CoreConfig) -> OSELMDevice:
        """The device, opened unless it is open already for this backend and configuration."""
        if self._device is not None and self._device.sound and self._opened == (self.backend, config):
            return self._device
        self.close()
        self._device = OSELMDevice(open_transport(self.backend, config), config)
        self._opened = self.backend, config
        return self._device

    def _run(self, model: Model, first_row: int, checkpoint: str | Path | None, checkpoint_every: int) -> "Node2Vec":
        """Train ``model`` and make it the estimator's; its rows from ``first_row`` on are not in the device yet."""
        if checkpoint_every < 1:
            raise ValueError(f"checkpoint_every must be at least 1, not {checkpoint_every}")
        was_open = self._device
        device = self._open(model.config)
        self._loaded = None
        begin = time.perf_counter()
        try:
            load_state(model, device, first_row if device is was_open else 0)
            if not model.run.finished:
                train(
                    model,
                    device,
                    checkpoint=checkpoint,
                    checkpoint_every=checkpoint_every,
                    progress=bool(self.verbose),
                )
        except Interrupted:
            self.model_ = self._loaded = model
            raise
        finally:
            self.seconds_ = time.perf_counter() - begin
        self.model_ = self._loaded = model
        return self


def as_graph(X: Any) -> Graph:
    """A Graph of whatever describes one: itself, a networkx graph, a SciPy sparse matrix, a path, or pairs of ids."""
    if isinstance(X, Graph):
        return X
    if isinstance(X, nx.Graph):
        return Graph.from_networkx(X)
    if sparse.issparse(X):
        return Graph.from_scipy(X)
    if isinstance(X, str | Path):
        return read_graph(X)
    return Graph.from_edges(X)


def _check_capacity(graph: Graph, config: CoreConfig) -> None:
    if graph.n_nodes > config.nodes:
        raise CapacityError(
            f"the graph has {graph.n_nodes} nodes, but the core ({config.name}) has {config.nodes} rows; "
            f"train with nodes={graph.n_nodes} or more, or choose a larger preset"
        )


def _visits(model: Model) -> np.ndarray:
    """How often each row occurs in the walks of ``model.run``: they are cheap enough to be walked twice."""
    if not model.run.total:
        return np.zeros(model.graph.n_nodes, np.int64)
    return visits((block for _, block in walk_blocks(model)), model.graph.n_nodes)
