"""Models to files and back: an .npz archive without pickles, signed as a whole and checked before it is used.

The graph is stored as compressed sparse rows, with raw weights; beta and P as the integers that the core stores; all
that is small as one JSON text. What is read is bounded by what the text says before any array is unpacked, and every
array's shape, kind, range and consistency are checked before compiled code sees it. A file appears whole or not at all.
"""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ...hw.oselm.config import CoreConfig, Schedule
from ..errors import InputError, SkipwalkError
from ..graph.live import LiveGraph
from ..graph.packed import open_input, pack_npz, reading
from ..results.files import atomic_write
from .changes import Addition, Change, CutEdge, DropNode, made
from .checks import check_csr, check_raw, open_arrays
from .model import Model, Run, learning
from .parameters import MOST_PER_END, MOST_WALKS
from .vectors import from_json, ids_from_arrays, ids_to_arrays, to_json

__all__ = ["FORMAT", "VERSION", "is_model", "read_model", "write_model"]

FORMAT = "skipwalk-model"
#: Rises when older readers would misread a file.
VERSION = 2

_NO_MODEL = "not a model file; write one with `skipwalk train` or Node2Vec.save"
_KINDS: dict[str, type] = {"+": Addition, "-": CutEdge, "x": DropNode}
_MARKS = {kind: mark for mark, kind in _KINDS.items()}


# ---- writing
def write_model(model: Model, path: str | Path) -> None:
    """Write a model whose vectors are up to date. Raises InputError if that is not possible, or for an id that cannot
    be saved."""
    live, run = model.live, model.run
    indptr, indices, weights = live.csr()
    taken = live.occupied().tolist()
    arrays: dict[str, np.ndarray] = {
        "indptr": indptr,
        "indices": indices,
        "vacant": np.array(live.vacant, np.int64),
        "beta": model.beta.astype(np.int32),
        "p": model.p,
        **ids_to_arrays([live.ids[row] for row in taken]),
    }
    if weights is not None:
        arrays["weights"] = weights.astype(np.int32)
    if model.visits is not None:
        arrays["visits"] = model.visits
    meta = {
        "format": FORMAT,
        "version": VERSION,
        "config": model.config.to_dict(),
        "params": model.params,
        "unit": live.unit,
        "weight_bits": live.store.weight_bits,
        "walks": model.walks,
        "round": model.round,
        "place": model.place,
        "run": {
            "number": run.number,
            "total": run.total,
            "next": run.next,
            "per_end": run.per_end,
            "changes": [[_MARKS[type(change)], *map(to_json, change)] for change in run.changes],
        },
        "counters": model.counters,
        "digest": model.digest,
    }
    meta["content"] = _signature(meta, arrays)
    arrays["meta"] = np.array(json.dumps(meta, sort_keys=True))
    with atomic_write(path) as file:
        pack_npz(file, arrays)


def _signature(meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over all that a file holds, but this."""
    h = hashlib.sha256(json.dumps({k: v for k, v in meta.items() if k != "content"}, sort_keys=True).encode())
    for name in sorted(arrays.keys() - {"meta"}):
        array = np.ascontiguousarray(arrays[name])
        h.update(f"{name} {array.dtype.str} {array.shape}".encode())
        h.update(array.tobytes())
    return h.hexdigest()


# ---- reading
def read_model(path: str | Path) -> Model:
    """Read what :func:`write_model` wrote, or version 1 with its run finished. Raises InputError for any other, a
    damaged, or a newer file."""
    path = Path(path)
    with reading(path):
        with open_input(path) as file:
            if file.read(2) != b"PK":
                raise InputError(_NO_MODEL)
        with open_arrays(path) as arrays:
            try:
                if "meta" not in arrays:
                    raise InputError(_NO_MODEL)
                meta = json.loads(arrays.text("meta"))
                if not isinstance(meta, dict) or meta.get("format") != FORMAT:
                    raise InputError(_NO_MODEL)
            except (ValueError, RecursionError):
                raise InputError(_NO_MODEL) from None
            version = meta.get("version")
            if version not in (1, VERSION):
                raise InputError(f"a model of version {version}; this program reads versions 1 and {VERSION}")
            try:
                if version == 1:
                    from .model_file_1 import unpacked

                    return unpacked(meta, arrays)
                return _unpacked(meta, arrays)
            except SkipwalkError:
                raise
            except (
                KeyError,
                ValueError,
                TypeError,
                IndexError,
                AttributeError,
                RecursionError,
                OverflowError,
            ) as error:
                raise InputError(f"a damaged model file ({error}); write it again") from error


def _unpacked(meta: dict[str, Any], arrays: Any) -> Model:
    config = CoreConfig.from_dict(meta["config"])
    rows = arrays.length("indptr", most=config.nodes + 1) - 1
    indptr = arrays.get("indptr", (rows + 1,), np.int64)
    n_entries = int(indptr[-1])
    indices = arrays.get("indices", (n_entries,), np.int32)
    vacant = arrays.get("vacant", (arrays.length("vacant", most=rows),), np.int64)
    weights = arrays.get("weights", (n_entries,), np.int32) if "weights" in arrays else None
    bits = _integer(meta, "weight_bits", 0, 24)
    if (weights is None) != (bits == 0) or (bits and bits < 17):
        raise ValueError("weights and weight_bits do not go together")
    unit = meta["unit"]
    if (unit is None) != (bits == 0) or (unit is not None and not (isinstance(unit, float) and 0 < unit < 2.0**1000)):
        raise ValueError(f"unit {unit!r}")
    check_csr(indptr, indices, weights, bits)
    taken = np.ones(rows, bool)
    if len(vacant):
        if vacant.min() < 0 or vacant.max() >= rows or len(np.unique(vacant)) < len(vacant):
            raise ValueError("vacant rows that are none")
        taken[vacant] = False
    if np.diff(indptr)[~taken].any():
        raise ValueError("a vacant row with edges")
    nodes = ids_from_arrays(arrays.ids(int(taken.sum())))
    if len(nodes) != taken.sum() or len(set(nodes)) != len(nodes):
        raise ValueError(f"{len(nodes)} ids, or some of them equal, for {taken.sum()} nodes")
    beta = arrays.get("beta", (rows, config.dim), np.int32)
    p = arrays.get("p", (config.dim, config.dim), np.int64)
    check_raw("beta", beta, config.beta)
    check_raw("P", p, config.p)
    visits = arrays.get("visits", (rows,), np.int64) if "visits" in arrays else None
    if visits is not None and (visits.min(initial=0) < 0 or not visits.any()):
        raise ValueError("visits that are no counts")
    everything = arrays.loaded()
    if _signature(meta, everything) != meta["content"]:
        raise InputError("damaged: its content does not have the digest it was written with; write it again")

    params = meta["params"]
    check_params(params, config)
    if (visits is None) == (params["negatives_from"] == "visits" and params["negatives"] > 0):
        raise ValueError("negatives_from and visits do not go together")
    live = LiveGraph.from_csr(indptr, indices, weights, nodes, vacant.tolist(), config.nodes, bits, unit)
    walks = _integer(meta, "walks", 0, 1 << 62)
    model = Model(
        config=config,
        params=params,
        live=live,
        beta=beta.astype(np.int64),
        p=p,
        run=_run(meta["run"], live),
        walks=walks,
        settled=walks,
        round=_integer(meta, "round", 0, (1 << 32) - 1),
        place=_integer(meta, "place", 0, (1 << 20) - 1),
        visits=visits,
        counters=_counters(meta["counters"]),
    )
    if model.digest != meta["digest"]:
        raise InputError(f"damaged: digest {model.digest[:16]} instead of {str(meta['digest'])[:16]}; write it again")
    return model


def _integer(table: dict[str, Any], name: str, low: int, high: int) -> int:
    value = table[name]
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be {low} to {high}, not {value!r}")
    return value


def _counters(table: Any) -> dict[str, int]:
    if not isinstance(table, dict):
        raise ValueError(f"counters {table!r}")
    return {str(name): _integer(table, name, 0, 1 << 62) for name in table}


def _run(data: dict[str, Any], live: LiveGraph) -> Run:
    """A run whose changes can be made."""
    run = Run(
        number=_integer(data, "number", 0, 1 << 62),
        total=_integer(data, "total", 0, 1 << 62),
        next=_integer(data, "next", 0, data["total"]),
        per_end=_integer(data, "per_end", 0, MOST_PER_END),
    )
    changes: list[Change] = []
    for mark, *rest in data["changes"]:
        change = _KINDS[mark](*map(from_json, rest))
        if isinstance(change, Addition) and change.weight is not None and not 0 < float(change.weight) < float("inf"):
            raise ValueError(f"weight {change.weight!r}")
        changes.append(change)
    if len(changes) != (0 if run.of_walks else run.total - run.next):
        raise ValueError(f"{len(changes)} changes where {run.total - run.next} are left")
    if changes:
        nodes = min(live.store.nodes + 2 * len(changes), 1 << CoreConfig.ROW_BITS)
        trial = live.rebuilt(nodes=nodes)
        trial.resized(nodes=nodes, edge_ends=min(trial.store.edge_ends + 64 * len(changes), CoreConfig.MAX_EDGE_ENDS))
        for change in changes:
            made(trial, change, 1)
        run.changes = changes
    return run


#: Kinds of parameters in a file: the estimator's own, but how it runs.
_WHOLE = ("walk_length", "walks_per_node", "window", "negatives", "walks_in_flight", "block_walks", "random_state")
_REAL = ("p", "q", "inflation", "p0", "init_scale")
_TEXT = ("preset", "schedule", "negative_mode", "negatives_from")
#: Parameters that came later, and what they were before.
_LATER = {"pool_slots": 512, "pool_replaced": 8, "update_p": None, "update_q": None}


def check_params(params: Any, config: CoreConfig) -> None:
    """Raise ValueError or KeyError for parameters that no estimator has written, and drop what a file may not say."""
    for name in ("backend", "verbose"):
        params.pop(name, None)
    for name, value in _LATER.items():
        params.setdefault(name, value)
    for name in _WHOLE:
        _integer(params, name, 0, (1 << 64) - 1)
    for name in (*_REAL, *(name for name in ("update_p", "update_q") if params[name] is not None)):
        if type(params[name]) not in (int, float):
            raise ValueError(f"{name} is {params[name]!r}")
    for name in ("walks_per_node", "block_walks", "walks_in_flight"):
        _integer(params, name, 1, MOST_WALKS)
    # A preset may be one of another version, and what changes it may not go with today's; their kinds are known.
    for name in ("dim", "nodes", "mu_shift"):
        if params[name] is not None:
            _integer(params, name, 0, 1 << CoreConfig.ROW_BITS)
    if params["schedule"] not in (None, *map(str, Schedule)):
        raise ValueError(f"schedule is {params['schedule']!r}")
    if not isinstance(params["preset"], str):
        raise ValueError(f"preset is {params['preset']!r}")
    if unknown := sorted(params.keys() - {*_WHOLE, *_REAL, *_LATER, *_TEXT, "dim", "nodes", "mu_shift"}):
        raise ValueError(f"parameters that no estimator has: {', '.join(unknown)}")
    if params["block_walks"] % params["walks_in_flight"]:
        raise ValueError("block_walks is no multiple of walks_in_flight")
    how = learning(params, config)
    how.check(config)
    if how.sampling.samples > config.max_samples:
        raise ValueError(f"contexts of {how.sampling.samples} samples for a core that takes {config.max_samples}")


def is_model(path: str | Path) -> bool:
    """Whether the file is an .npz archive of a model, as far as its names tell."""
    try:
        with open_input(Path(path)) as file, zipfile.ZipFile(file) as archive:
            return {"meta.npy", "beta.npy", "p.npy", "indptr.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return False
