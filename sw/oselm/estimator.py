"""node2vec that keeps learning: a scikit-learn estimator over an OS-ELM core that holds the graph."""

import copy
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ...hw.oselm.config import CoreConfig
from ..errors import InputError
from ..estimators.base import Estimator
from ..estimators.conventions import Progress, as_seed, plain
from ..estimators.turns import TakesTurns
from ..graph.conversion import as_graph, is_graph, listed
from ..graph.graph import Graph
from ..results.files import check_place
from . import visits
from .changes import cuts, drops
from .model import Model
from .parameters import MOST_PER_END, MOST_WALKS, check_count, check_parameters, core_of
from .session import Session, open_core
from .sizing import placed
from .training import Interrupted
from .updates import WEIGHTS_OF_A_GRAPH, is_news, with_room

__all__ = ["Node2Vec"]


class Node2Vec(TakesTurns, Estimator):
    """Embedding of a graph's nodes by sequential node2vec (OS-ELM), on the golden model or in the RTL: equal bits.

    Parameters
    ----------
    preset : str or CoreConfig
        The core. The next four change it where they are given; they, and it, count in ``fit`` alone.
    dim : int, optional
        Length of a vector.
    nodes : int, optional
        Rows of the core: the graph's nodes and those that ``partial_fit`` may add. If not given, rows and memory for
        edges follow the graph on ``golden`` and ``rtl``; a board has what it has.
    schedule : {"streaming", "sequential"}, optional
    mu_shift : int, optional
        Input weights are 2**-mu_shift times the vectors.
    walk_length, walks_per_node : int
    p, q : float
        Return and in-out parameter of the walks.
    update_p : float, optional
        Return parameter of the walks around a change, which teach more if they seldom turn back; None: ``p``.
    update_q : float, optional
        In-out parameter of the walks around a change; None: ``q``.
    window : int
        Nodes in a window, the centre included.
    negatives : int
        For a whole context (``negative_mode="shared"``) or for each positive (``"per_positive"``).
    negatives_from : {"graph", "pool", "visits"}, optional
        Half of them any node and half the neighbour of any node, drawn from the graph as it is at that moment; or
        visits^0.75 of all walks so far, those of the present run included, as published: every walk is then made twice,
        and an update costs what the whole graph costs. ``pool``: as ``graph``, through a pool of ``pool_slots`` nodes
        of which each walk replaces ``pool_replaced``, so that few rows are in use at a time. If not given: ``pool``
        on a core whose rows are in memory outside, ``graph`` on any other. Counts in ``fit`` alone.
    pool_slots, pool_replaced : int
        Powers of two, 16 ... 1024 and at most 128.
    inflation : float
        What a context adds to the diagonal of P while that is below ``p0``; 0 is OS-ELM as published.
    p0 : float
        P starts as p0 I; on a core with a constant gain, p0 alone counts, and ``inflation`` has no effect.
    init_scale : float
        Rows start uniform in -init_scale ... init_scale.
    walks_in_flight : int
        Walks whose contexts take turns.
    block_walks : int
        Walks between two barriers, the unit of stopping and saving; a multiple of ``walks_in_flight``.
    random_state : int, None, RandomState or Generator
        Where random numbers begin: 0 ... 2**64 - 1, another one each time with None. Equal graphs, parameters and seeds
        give equal bits on every backend and machine. Counts in ``fit`` alone.
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
        As it is now; built anew each time.
    model_ : Model
        Graph, raw vectors, P and the state of training.
    seconds_ : float
        What training took in the last call, without opening the device; not saved.

    Notes
    -----
    Vectors, P and counters stay on the device: whatever shows them reads them, and nothing else does. An update costs
    what its changes cost, whatever the size of the graph. Calls from several threads take turns.

    Errors are :class:`~skipwalk.sw.errors.InputError` (input), CapacityError (does not fit the core), DeviceError, and
    ValueError or TypeError (parameters). After any but a DeviceError, and after a ``fit`` that failed, the estimator is
    as it was before the call. A device that fails during an update has taken the newest vectors with it, and so has a
    second Ctrl-C: from then on all methods raise a DeviceError that says so, until ``fit`` or a saved model. The first
    Ctrl-C or SIGTERM stops at the next barrier with :class:`~skipwalk.sw.oselm.training.Interrupted`, and
    :meth:`resume` goes on; so it does after an exception of ``progress`` in an update. A checkpoint that cannot be
    written is spoken of in the log, and the run goes on.
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
        update_p: float | None = 4.0,
        update_q: float | None = None,
        window: int = 8,
        negatives: int = 24,
        negative_mode: str = "shared",
        negatives_from: str | None = None,
        pool_slots: int = 512,
        pool_replaced: int = 8,
        inflation: float = 1e-4,
        p0: float = 1.9,
        init_scale: float = 0.05,
        walks_in_flight: int = 4,
        block_walks: int = 256,
        random_state: Any = 0,
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
        self.update_p = update_p
        self.update_q = update_q
        self.window = window
        self.negatives = negatives
        self.negative_mode = negative_mode
        self.negatives_from = negatives_from
        self.pool_slots = pool_slots
        self.pool_replaced = pool_replaced
        self.inflation = inflation
        self.p0 = p0
        self.init_scale = init_scale
        self.walks_in_flight = walks_in_flight
        self.block_walks = block_walks
        self.random_state = random_state
        self.backend = backend
        self.verbose = verbose

    # ---- learning
    def fit(
        self,
        X: Any,
        y: None = None,
        *,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
        progress: Progress | None = None,
    ) -> "Node2Vec":
        """Learn a graph from the start.

        Parameters
        ----------
        X : Graph, networkx graph, SciPy sparse matrix, path of a graph file, or pairs of node ids
        y : ignored
        checkpoint : path, optional
            Save the model there every ``checkpoint_every`` blocks and when interrupted; ``Node2Vec.load(path)`` and
            :meth:`resume` then end in the same bits as a run that was never interrupted.
        progress : callable, optional
            Called with how many of how many walks are done.
        """
        with self._turn():
            graph = as_graph(X)
            base, params = self.core_config(), self._params(as_seed(self.random_state))
            if params["negatives_from"] is None:
                params["negatives_from"] = "pool" if base.slots else "graph"
            check_parameters(base, params)
            if not graph.n_edges:
                raise InputError("the graph has no edges, so there is nothing to walk on")
            config, live = placed(graph, base, follow=self._follows())
            model = Model.untrained(config, params, live, params["walks_per_node"] * live.n_starts)
            if params["negatives_from"] == "visits" and params["negatives"]:
                model.visits = visits.of_rounds(model, model.run)
            session = Session(model, self.backend, self._follows(), self._opener)
            before = self._session
            try:
                session.fit(before, **self._how(checkpoint, checkpoint_every, progress))
            except Interrupted:
                self._session = session
                raise
            self._session = session
            return self

    def partial_fit(
        self,
        new_edges: Any,
        weights: Any = None,
        *,
        walks_per_end: int = 5,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
        progress: Progress | None = None,
    ) -> "Node2Vec":
        """Add edges, and the nodes they bring, one after another, and learn from walks around each.

        Edges that were there already, with another weight now, count as new. Edges without news change nothing. A pair
        of a new node and itself brings the node alone. Before the first ``fit`` this is ``fit``.

        Parameters
        ----------
        new_edges : Graph, networkx graph, SciPy sparse matrix or pairs of node ids
            What a graph lacks is not removed; see :meth:`remove_edges`. Its nodes without edges come, too.
        weights : (m,), optional
            For pairs; without them an edge that is there keeps its weight, and a new one has 1.
        walks_per_end : int
            From each of the two nodes of an edge, on the graph as it is with this edge.
        """
        how = self._how(checkpoint, checkpoint_every, progress)
        with self._turn():
            if not self.__sklearn_is_fitted__():
                if weights is not None and is_graph(new_edges):
                    raise InputError(WEIGHTS_OF_A_GRAPH)
                graph = new_edges
                if weights is not None:
                    graph = Graph.from_edges(listed(new_edges, "edges", "a list of pairs of node ids"), weights)
                return self.fit(graph, checkpoint=checkpoint, checkpoint_every=checkpoint_every, progress=progress)
            session = self._ready(walks_per_end=walks_per_end)
            changes = with_room(session, new_edges, weights)
            return self._update(session, changes, walks_per_end, how)

    def remove_edges(
        self,
        edges: Any,
        *,
        walks_per_end: int = 5,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
        progress: Progress | None = None,
    ) -> "Node2Vec":
        """Remove edges (pairs of node ids) one after another, and learn from walks around each gap: ``walks_per_end``
        from each of its nodes that still has an edge. Raises InputError, with nothing changed, for an edge that is not
        there."""
        how = self._how(checkpoint, checkpoint_every, progress)
        with self._turn():
            session = self._ready(walks_per_end=walks_per_end)
            return self._update(session, cuts(session.model.live, edges), walks_per_end, how)

    def remove_nodes(
        self,
        nodes: Iterable[Hashable],
        *,
        walks_per_end: int = 5,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
        progress: Progress | None = None,
    ) -> "Node2Vec":
        """Remove nodes, with their edges, one after another, and learn from ``walks_per_end`` walks from each neighbour
        that still has an edge. The row is free for the next new node, which starts from first values. Raises
        UnknownNodeError, with nothing changed, for a node that is not there."""
        how = self._how(checkpoint, checkpoint_every, progress)
        with self._turn():
            session = self._ready(walks_per_end=walks_per_end)
            return self._update(session, drops(session.model.live, nodes), walks_per_end, how)

    def refresh(
        self,
        walks_per_node: int = 1,
        *,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
        progress: Progress | None = None,
    ) -> "Node2Vec":
        """Learn from more walks over the graph as it is now: ``walks_per_node`` times as many as nodes have edges,
        in rounds that go on where the last one stopped. Brings quality back after many removals. Takes checkpoint and
        progress as :meth:`fit`, and costs what these walks cost there. Raises InputError for a graph without edges."""
        how = self._how(checkpoint, checkpoint_every, progress)
        with self._turn():
            session = self._ready(walks_per_node=walks_per_node)
            if not session.model.live.n_starts:
                raise InputError("the graph has no edges left, so there is nothing to walk on; add some first")
            session.seconds = 0.0
            session.rounds(plain(walks_per_node), **how)
            return self

    def resume(
        self,
        *,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
        progress: Progress | None = None,
    ) -> "Node2Vec":
        """Finish a run that was interrupted, with the parameters it was begun with. Does nothing if none is left."""
        how = self._how(checkpoint, checkpoint_every, progress)
        with self._turn():
            session = self._current()
            session.seconds = 0.0
            if not session.model.run.finished:
                session.train(**how)
            return self

    def wait(self) -> "Node2Vec":
        """Wait until the device has learned all that it was sent; an update returns as soon as the device has it."""
        with self._turn():
            self._current().wait()
            return self

    # ---- what was learned
    def transform(self, X: Iterable[Hashable] | None = None) -> np.ndarray:
        """The vectors of these node ids, (n, dim), in their order; of all nodes if not given.

        Only these rows are read from the device. Raises UnknownNodeError for a node that the graph does not have.
        """
        with self._turn():
            session = self._current()
            if X is None:
                return session.settled().vectors
            live = session.model.live
            rows = [live.index(plain(node)) for node in listed(X, "nodes", "a list of node ids")]
            return session.model.as_vectors(session.raw_rows(rows))

    def fit_transform(self, X: Any, y: None = None, **fit_params: Any) -> np.ndarray:
        """``fit``, then the vectors of all nodes in the order of ``ids_``."""
        return self.fit(X, y, **fit_params).embedding_

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """``node2vec0`` ... of the columns of :attr:`embedding_`."""
        return np.array([f"node2vec{i}" for i in range(self._current().model.config.dim)], object)

    @property
    def model_(self) -> Model:
        with self._turn():
            return self._current().settled()

    @property
    def seconds_(self) -> float:
        return self._current().seconds

    @property
    def embedding_(self) -> np.ndarray:
        return self.model_.vectors

    @property
    def ids_(self) -> np.ndarray:
        with self._turn():
            live = self._current().model.live
            return np.fromiter((live.ids[row] for row in live.occupied().tolist()), object, live.n_nodes)

    @property
    def digest_(self) -> str:
        return self.model_.digest

    @property
    def counters_(self) -> dict[str, int]:
        return dict(self.model_.counters)

    @property
    def config_(self) -> CoreConfig:
        return self._current().model.config

    @property
    def graph_(self) -> Graph:
        with self._turn():
            return self._current().model.graph

    # ---- files and devices
    def save(self, path: str | Path) -> None:
        """Write graph, vectors, P and the state of training to one .npz file, whole or not at all."""
        self.model_.save(path)

    @classmethod
    def load(cls, path: str | Path, **changes: Any) -> "Node2Vec":
        """A model from a file, ready for ``partial_fit``, ``resume`` and ``transform``.

        ``changes`` are parameters to set otherwise, as ``backend="rtl"``, which no file chooses. Raises InputError for
        a file that is no model or is damaged.
        """
        model = Model.load(path)
        known = cls._get_param_names()
        estimator = cls(**{name: value for name, value in model.params.items() if name in known})
        try:
            same = estimator.core_config() == model.config
        except ValueError:
            same = False
        if not same:  # a configuration without a name, or a name that means another one by now
            estimator.set_params(preset=model.config, dim=None, schedule=None, mu_shift=None)
        estimator.set_params(**changes)
        estimator._session = Session(model, estimator.backend, estimator._follows(), estimator._opener)
        return estimator

    def close(self) -> None:
        """Give the device back, after what it has learned was read. It is opened again when it is needed."""
        with self._turn():
            if self._session is not None:
                self._session.close()

    def core_config(self) -> CoreConfig:
        """The core that the parameters describe. Raises ValueError or TypeError as CoreConfig does."""
        sizes = {name: plain(getattr(self, name)) for name in ("dim", "nodes", "mu_shift")}
        return core_of(self.preset, schedule=self.schedule, **sizes)

    # ---- below
    _session: Session | None = None
    _names: tuple[str, ...] = ()
    #: Opens cores.
    _opener = staticmethod(open_core)

    def __copy__(self) -> "Node2Vec":
        """With a session of its own, as a deep copy: what either learns, the other does not."""
        return copy.deepcopy(self)

    def __sklearn_is_fitted__(self) -> bool:
        return self._session is not None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = True
        tags.no_validation = True
        tags.transformer_tags = TransformerTags()
        return tags

    def _current(self) -> Session:
        """What was learned, on the backend that is set now."""
        session = self._session
        if session is None:
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("this Node2Vec has not learned a graph yet; call fit first")
        session.backend, session.follow = self.backend, self._follows()
        return session

    def _params(self, seed: int) -> dict[str, Any]:
        """What shapes the result, and so belongs to a model: plain numbers and text."""
        params = {name: plain(getattr(self, name)) for name in self._shaping()}
        if isinstance(self.preset, CoreConfig):
            params["preset"] = self.preset.name
        params["random_state"] = seed
        return params

    @classmethod
    def _shaping(cls) -> tuple[str, ...]:
        """Parameters but for how it runs. Kept, because their names are found anew each time."""
        if not vars(cls).get("_names"):
            cls._names = tuple(name for name in cls._get_param_names() if name not in ("backend", "verbose"))
        return cls._names

    def _follows(self) -> bool:
        """Whether the core is as large as the graph asks for."""
        return self.nodes is None and self.backend in ("golden", "rtl")

    def _how(self, checkpoint: str | Path | None, checkpoint_every: int, progress: Progress | None) -> dict[str, Any]:
        """How a run is watched and kept."""
        check_count("checkpoint_every", plain(checkpoint_every), MOST_WALKS)
        if checkpoint is not None:
            check_place(Path(checkpoint))
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be a function of how many of how many, not {progress!r}")
        kept = {"checkpoint": checkpoint, "checkpoint_every": plain(checkpoint_every)}
        return {"verbose": bool(self.verbose), "progress": progress, **kept}

    def _ready(self, **walks: int) -> Session:
        """What was learned, to go on with so many walks and the parameters as they are set now. Raises InputError for a
        run that is not finished."""
        session = self._current()
        model = session.model
        if not model.run.finished:
            left = model.run.total - model.run.next
            raise InputError(f"{left} {model.run.unit} of the last run are left; call resume() first")
        for name, value in walks.items():
            check_count(name, plain(value), MOST_PER_END if name == "walks_per_end" else MOST_WALKS)
        kept = {name: model.params[name] for name in ("random_state", "negatives_from")}
        params = {**self._params(kept["random_state"]), **kept}
        if params != model.params:
            check_parameters(model.config, params)
            session.relearn(params)
        return session

    def _update(self, session: Session, changes: list[Any], per_end: int, how: dict[str, Any]) -> "Node2Vec":
        session.seconds = 0.0
        if any(is_news(change, session.model) for change in changes):
            session.update(changes, plain(per_end), **how)
        return self
