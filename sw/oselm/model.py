"""A model in the middle of its life: graph, raw state of the core, where training stands; to a file and back.

The file is an .npz archive without pickles: the graph as compressed sparse rows, beta and P as the integers that the
core stores, and one JSON text for everything small. It appears whole or not at all, and its digest is checked when it
is read.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...sim.arith.fixed import from_raw
from ...sim.oselm.front_end.threefry import update_seed
from ..errors import InputError
from ..graph.graph import Graph
from ..graph.packed import read_bytes, reading, unpack_npz
from ..results.files import atomic_write
from .vectors import ids_from_arrays, ids_to_arrays

__all__ = ["FORMAT", "VERSION", "Model", "Run", "is_model"]

FORMAT = "skipwalk-model"
#: Rises when older readers would misread a file.
VERSION = 1

_NO_MODEL = "not a model file; write one with `skipwalk train` or Node2Vec.save"


@dataclass
class Run:
    """Walks to be trained: of ``fit`` (number 0) or of an update (1, 2, ...), perhaps begun."""

    number: int
    per_node: int
    total: int
    next: int = 0  # first walk not yet trained
    starts: np.ndarray | None = None  # (s,) int32; None means every node with an edge

    @property
    def finished(self) -> bool:
        return self.next >= self.total

    def seed(self, seed: int) -> int:
        """Of this run's walks and negatives."""
        return update_seed(seed, self.number) if self.number else seed


@dataclass
class Model:
    """All that training changes, and what it needs to go on.

    Attributes
    ----------
    config : CoreConfig
    params : dict
        Of the estimator, JSON-able.
    graph : Graph
    beta : (n_nodes, dim) int64
        Raw rows, format ``config.beta``.
    p : (dim, dim) int64
        Raw, format ``config.p``.
    visits : (n_nodes,) int64
        How often each row occurs in all walks of all runs, those still to come of ``run`` included.
    run : Run
    counters : dict
        Sums of the core's counters over all runs.
    """

    config: CoreConfig
    params: dict[str, Any]
    graph: Graph
    beta: np.ndarray
    p: np.ndarray
    visits: np.ndarray
    run: Run
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def vectors(self) -> np.ndarray:
        """The embedding, (n_nodes, dim): float32 where it holds every value exactly, else float64."""
        exact = self.config.beta.bits <= 24
        return from_raw(self.beta, self.config.beta).astype(np.float32 if exact else np.float64)

    @property
    def digest(self) -> str:
        """SHA-256 over the raw integers of beta and P (64 bit, little-endian): equal exactly if every bit is."""
        h = hashlib.sha256()
        for array in (self.beta, self.p):
            h.update(str(array.shape).encode())
            h.update(np.ascontiguousarray(array, "<i8").tobytes())
        return h.hexdigest()

    # ---- files
    def save(self, path: str | Path) -> None:
        """Write the model; raises InputError if that is not possible, or for an id that cannot be saved."""
        graph, run = self.graph, self.run
        meta = {
            "format": FORMAT,
            "version": VERSION,
            "config": self.config.to_dict(),
            "params": self.params,
            "graph": {"self_loops": graph.self_loops, "duplicates": graph.duplicates},
            "run": {"number": run.number, "per_node": run.per_node, "total": run.total, "next": run.next},
            "counters": self.counters,
            "digest": self.digest,
        }
        arrays: dict[str, Any] = {
            "meta": np.array(json.dumps(meta, sort_keys=True)),
            "indptr": graph.indptr,
            "indices": graph.indices,
            "beta": self.beta.astype(np.int32 if self.config.beta.bits <= 32 else np.int64),
            "p": self.p,
            "visits": self.visits,
            **ids_to_arrays(graph.ids),
        }
        if graph.weights is not None:
            arrays["weights"] = graph.weights
        if run.starts is not None:
            arrays["starts"] = run.starts
        with atomic_write(path) as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """Read what :meth:`save` wrote. Raises InputError for any other, a damaged, or a newer file."""
        path = Path(path)
        with reading(path):
            data = read_bytes(path)
            if not data.startswith(b"PK"):
                raise InputError(_NO_MODEL)
            arrays = unpack_npz(data)
            try:
                meta = json.loads(arrays["meta"].item())
                if not isinstance(meta, dict) or meta.get("format") != FORMAT:
                    raise KeyError("format")
            except (KeyError, ValueError, AttributeError):
                raise InputError(_NO_MODEL) from None
            if meta["version"] != VERSION:
                raise InputError(f"a model of version {meta['version']}; this program reads version {VERSION}")
            try:
                model = cls._unpacked(meta, arrays)
            except (KeyError, ValueError, TypeError, IndexError) as error:
                raise InputError(f"a damaged model file ({error}); write it again") from error
            if model.digest != meta["digest"]:
                raise InputError(
                    f"damaged: digest {model.digest[:16]} instead of {meta['digest'][:16]}; write it again"
                )
        return model

    @classmethod
    def _unpacked(cls, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Model":
        config = CoreConfig.from_dict(meta["config"])
        ids = np.fromiter(ids_from_arrays(arrays), object)
        graph = Graph(ids, arrays["indptr"], arrays["indices"], arrays.get("weights"), **meta["graph"])
        n, dim = graph.n_nodes, config.dim
        run = Run(**meta["run"], starts=arrays.get("starts"))
        model = cls(
            config=config,
            params=meta["params"],
            graph=graph,
            beta=arrays["beta"].astype(np.int64),
            p=arrays["p"].astype(np.int64),
            visits=arrays["visits"].astype(np.int64),
            run=run,
            counters=meta["counters"],
        )
        for name, array, shape in (
            ("indptr", graph.indptr, (n + 1,)),
            ("indices", graph.indices, (int(graph.indptr[-1]),)),
            ("beta", model.beta, (n, dim)),
            ("P", model.p, (dim, dim)),
            ("visits", model.visits, (n,)),
        ):
            if array.shape != shape:
                raise ValueError(f"{name} has the shape {array.shape} instead of {shape}")
        return model


def is_model(path: str | Path) -> bool:
    """Whether the file is an .npz archive of a model, as far as its names tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"meta.npy", "beta.npy", "p.npy", "indptr.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
