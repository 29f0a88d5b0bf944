"""Model files of version 1, whose walks and first values were other numbers: finished ones go on learning from here."""

import hashlib
from typing import Any

import numpy as np

from ...hw.boards.table import BOARDS
from ...hw.oselm.config import PRESETS, CoreConfig
from ..errors import InputError
from ..graph.graph import Graph
from ..graph.live import LiveGraph
from .checks import Arrays, check_csr, check_raw
from .model import Model, Run
from .sizing import WEIGHT_BITS
from .vectors import ids_from_arrays

__all__ = ["unpacked"]


def unpacked(meta: dict[str, Any], arrays: Arrays) -> Model:
    """The model; its negatives come from the graph from now on. Raises InputError for a run that is not finished."""
    from .model_file import check_params

    run = meta["run"]
    if not run["next"] >= run["total"]:
        raise InputError(
            "a model of version 1 in the middle of a run, whose walks this version cannot go on with; finish it with "
            "the version that began it (skipwalk train --resume), or train anew"
        )
    old = CoreConfig.from_dict(meta["config"])
    n = arrays.length("indptr", most=old.nodes + 1) - 1
    indptr = arrays.get("indptr", (n + 1,), np.int64)
    indices = arrays.get("indices", (int(indptr[-1]),), np.int32)
    check_csr(indptr, indices, None, 0)
    weights = arrays.get("weights", indices.shape, np.float64) if "weights" in arrays else None
    if weights is not None and not ((weights > 0) & np.isfinite(weights)).all():
        raise ValueError("weights that are not positive and finite")
    beta = arrays.get("beta", (n, old.dim), np.int32 if old.beta.bits <= 32 else np.int64).astype(np.int64)
    p = arrays.get("p", (old.dim, old.dim), np.int64)
    check_raw("beta", beta, old.beta)
    check_raw("P", p, old.p)
    h = hashlib.sha256()
    for array in (beta, p):
        h.update(str(array.shape).encode())
        h.update(np.ascontiguousarray(array, "<i8").tobytes())
    if h.hexdigest() != meta["digest"]:
        raise InputError(f"damaged: digest {h.hexdigest()[:16]} instead of {meta['digest'][:16]}; write it again")
    params = dict(meta["params"])
    params["random_state"] = params.pop("seed")
    params["negatives_from"] = "graph"
    config = _known(old)
    check_params(params, config)
    ids = np.fromiter(ids_from_arrays(arrays.ids(n)), object)
    if len(ids) != n or len(set(ids)) != n:
        raise ValueError(f"{len(ids)} ids, or some of them equal, for {n} nodes")
    bits = config.weight_bits or (WEIGHT_BITS if weights is not None or not config.edge_ends else 0)
    walks = max(int(run["total"]), n * params["walks_per_node"])
    return Model(
        config=config,
        params=params,
        live=LiveGraph.of(Graph(ids, indptr, indices, weights), nodes=config.nodes, weight_bits=bits),
        beta=beta,
        p=p,
        run=Run(int(run["number"]), 0),
        walks=walks,
        settled=walks,
        round=params["walks_per_node"],
        counters={str(name): int(value) for name, value in meta["counters"].items()},
    )


def _known(old: CoreConfig) -> CoreConfig:
    """The core of today that was this one then: that has a graph store, and is the same else."""
    today = [*PRESETS.values(), *(board.core for board in BOARDS.values() if board.core is not None)]
    for core in today:
        plain = {field: getattr(old, field) for field in ("edge_ends", "weight_bits", "walkers", "nodes", "name")}
        if core.replace(**plain) == old and core.nodes >= old.nodes:
            return core
    return old
