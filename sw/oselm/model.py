"""A model in the middle of its life: graph, raw state of the core, where training stands."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...hw.oselm.front_end.sampling import Sampling
from ...sim.arith.fixed import from_raw, to_raw
from ...sim.oselm.graph.walks import case_limits
from ..graph.graph import Graph
from ..graph.live import LiveGraph
from .changes import Change
from .graph_device import Learning

__all__ = ["Model", "Run", "learning", "limits_of"]


@dataclass
class Run:
    """What is being learned, perhaps begun: rounds of walks over all nodes, or the changes of an update.

    Attributes
    ----------
    number : int
        0 is ``fit``; 1, 2, ... are what came after it.
    total, next : int
        Walks, or changes: how many there are, and how many are done.
    per_end : int
        Of an update: walks from each node around a change. 0 makes it rounds of walks.
    changes : list
        Of an update: those that are left.
    """

    number: int
    total: int
    next: int = 0
    per_end: int = 0
    changes: list[Change] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.next >= self.total

    @property
    def of_walks(self) -> bool:
        """Whether it is rounds of walks."""
        return not self.per_end

    @property
    def unit(self) -> str:
        return "walks" if self.of_walks else "changes"


@dataclass
class Model:
    """All that training changes, and what it needs to go on.

    Attributes
    ----------
    config : CoreConfig
        The core.
    params : dict
        Of the estimator, JSON-able; ``random_state`` is the seed.
    live : LiveGraph
    beta : (rows, dim) int64
        Raw rows, format ``config.beta``; vacant ones included.
    p : (dim, dim) int64
        Raw, format ``config.p``.
    walks : int
        How many have been made, by all runs; the number of the next one.
    round, place : int
        Where the next round over all nodes goes on.
    run : Run
    visits : (rows,) int64 or None
        How often each row occurs in all walks of all runs, those still to come of ``run`` included; None unless
        negatives follow it.
    counters : dict
        Sums of the core's counters over all runs.
    settled : int
        ``walks`` when ``beta``, ``p`` and ``counters`` were read last.
    """

    config: CoreConfig
    params: dict[str, Any]
    live: LiveGraph
    beta: np.ndarray
    p: np.ndarray
    run: Run
    walks: int = 0
    round: int = 0
    place: int = 0
    visits: np.ndarray | None = None
    counters: dict[str, int] = field(default_factory=dict)
    settled: int = 0

    @property
    def graph(self) -> Graph:
        """Built anew each time."""
        return self.live.graph()

    @property
    def vectors(self) -> np.ndarray:
        """The embedding, (n_nodes, dim): float32 where it holds every value exactly, else float64."""
        return self.as_vectors(self.beta[self.live.occupied()])

    def as_vectors(self, raw: np.ndarray) -> np.ndarray:
        """Raw rows (n, dim) as floats."""
        exact = self.config.beta.bits <= 24
        return from_raw(raw, self.config.beta).astype(np.float32 if exact else np.float64)

    @property
    def digest(self) -> str:
        """SHA-256 over the raw integers of the nodes' rows and of P (64 bit, little-endian): equal exactly if every bit
        is."""
        h = hashlib.sha256()
        for array in (self.beta[self.live.occupied()], self.p):
            h.update(str(array.shape).encode())
            h.update(np.ascontiguousarray(array, "<i8").tobytes())
        return h.hexdigest()

    @property
    def learning(self) -> Learning:
        """Parameters as the core takes them. Raises ValueError for one that it cannot."""
        return learning(self.params, self.config)

    @classmethod
    def untrained(cls, config: CoreConfig, params: dict[str, Any], live: LiveGraph, walks: int) -> "Model":
        """Before the first of ``walks`` walks: no rows yet, and P = p0 I."""
        p = np.eye(config.dim, dtype=np.int64) * to_raw(params["p0"], config.p)
        return cls(config, params, live, beta=np.empty((0, config.dim), np.int64), p=p, run=Run(0, walks))

    @property
    def limits(self) -> tuple[int, int, int]:
        """Those of the walks of ``run``; :func:`limits_of`."""
        return limits_of(self.params, around_change=not self.run.of_walks)

    @property
    def driven(self) -> CoreConfig:
        """The core that the driver speaks to: ``config``, with the graph's store and with walks as long, and as many in
        flight, as the parameters ask for. Where it is not ``config`` itself, the host makes up for what is missing."""
        walks = max(self.config.walks, self.params["walks_in_flight"])
        pool = self.params["pool_slots"] if self.params["negatives_from"] == "pool" else 0
        return self.config.replace(
            edge_ends=self.live.store.edge_ends,
            weight_bits=self.live.store.weight_bits,
            walks=walks,
            walkers=min(self.config.walkers, walks),
            max_walk=max(self.config.max_walk, self.params["walk_length"]),
            pool=max(self.config.pool, pool),
        )

    @property
    def store_on_host(self) -> bool:
        """Whether the graph is in a store of the host, because the core's is none, too small or without weights."""
        store, config = self.live.store, self.config
        return (store.edge_ends, store.weight_bits) != (config.edge_ends, config.weight_bits)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What makes :attr:`driven` another core."""
        store, params = self.live.store, self.params
        how = (params[name] for name in ("walks_in_flight", "walk_length", "negatives_from", "pool_slots"))
        return self.config, store.edge_ends, store.weight_bits, *how

    # ---- files
    def save(self, path: str | Path) -> None:
        """Write the model; raises InputError if that is not possible, or for an id that cannot be saved."""
        from .model_file import write_model

        write_model(self, path)

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """Read what :meth:`save` wrote. Raises InputError for any other, a damaged, or a newer file."""
        from .model_file import read_model

        return read_model(path)


def learning(params: dict[str, Any], config: CoreConfig) -> Learning:
    """Parameters of an estimator as the core takes them; raises ValueError for one that is out of range."""
    mode = params["negative_mode"]
    if mode not in ("shared", "per_positive"):
        raise ValueError(f"negative_mode must be 'shared' or 'per_positive', not {mode!r}")
    source = params["negatives_from"]
    if source not in ("graph", "pool", "visits"):
        raise ValueError(f"negatives_from must be 'graph', 'pool' or 'visits', not {source!r}")
    for name, low, high in (
        ("window", 2, 255),
        ("negatives", 0, 255),
        ("walks_in_flight", 1, 64),
        ("walk_length", 2, 4096),
        ("pool_slots", CoreConfig.MIN_POOL, CoreConfig.MAX_POOL),
        ("pool_replaced", 1, 128),
    ):
        if type(params[name]) is not int:
            raise TypeError(f"{name} must be an integer, not {params[name]!r}")
        if not low <= params[name] <= high:
            raise ValueError(f"{name} must be {low} to {high}, not {params[name]}")
    for name in ("pool_slots", "pool_replaced"):
        if params[name] & (params[name] - 1):
            raise ValueError(f"{name} must be a power of two, not {params[name]}")
    if params["pool_replaced"] > params["pool_slots"]:
        raise ValueError(f"pool_replaced {params['pool_replaced']} exceeds pool_slots {params['pool_slots']}")
    if config.slots:
        _check_slots(params, config)
    if source == "visits" and params["negatives"] and not config.alias_table:
        raise ValueError(
            f"the core ({config.name}) has no alias table: negatives_from must be 'graph' or 'pool', not 'visits'"
        )
    pooled = {"pool": params["pool_slots"], "replaced": params["pool_replaced"]} if source == "pool" else {}
    most = ((1 << 16) - 1) * config.beta.step
    # Vectors of zeros, and a gain of 0, never learn.
    for name, fmt, top in (("init_scale", config.beta, most), ("p0", config.p, config.p.max_raw * config.p.step)):
        if not fmt.step / 2 <= params[name] < top + fmt.step / 2:
            raise ValueError(f"{name} must be {fmt.step:.2g} to {top:g} in the format {fmt}, not {params[name]}")
    scale = int(to_raw(np.array(params["init_scale"], np.float64), config.beta))
    for around_change in (False, True):
        limits_of(params, around_change=around_change)
    return Learning(
        q=params["inflation"],
        p0=params["p0"],
        seed=params["random_state"],
        row_scale=scale,
        walk_length=params["walk_length"],
        sampling=Sampling(
            window=params["window"],
            negatives=params["negatives"],
            per_positive=mode == "per_positive",
            walks=params["walks_in_flight"],
            source=int(source != "visits" and params["negatives"] > 0),
            **pooled,
        ),
    )


def limits_of(params: dict[str, Any], *, around_change: bool) -> tuple[int, int, int]:
    """Limits of the candidates of walks: of rounds, or of those around a change. Raises ValueError for p, q or those
    of updates out of range."""
    found = {name: params[name] for name in ("p", "q")}
    for name in found:
        own = params[f"update_{name}"]
        if around_change and own is not None:
            if not 1e-100 < own < 1e100:
                raise ValueError(f"update_{name} must be between 1e-100 and 1e100, or None, not {own}")
            found[name] = own
    return case_limits(**found)


def _check_slots(params: dict[str, Any], config: CoreConfig) -> None:
    """Raise ValueError for what a core takes only where all rows are on the chip."""
    core = f"the core ({config.name}) has its rows in memory"
    if params["negatives"] and params["negatives_from"] != "pool":
        raise ValueError(f"{core}: negatives_from must be 'pool', not {params['negatives_from']!r}")
    for name, most in (
        ("walks_in_flight", config.walks),
        ("walk_length", config.max_walk),
        ("pool_slots", config.pool),
        ("pool_replaced", config.replaced),
    ):
        if params[name] > most:
            raise ValueError(f"{core}, and slots for {name} up to {most}, not {params[name]}")
