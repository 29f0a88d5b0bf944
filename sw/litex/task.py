"""The first walks of a graph as the golden model learns them, and the same task as a C header for the processor."""

from dataclasses import dataclass

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import Opcode
from ..errors import CapacityError, InputError
from ..graph.graph import Graph
from ..link.transport import GoldenTransport, Transport
from ..oselm.estimator import Node2Vec
from ..oselm.model import Model
from ..oselm.parameters import check_parameters
from ..oselm.session import Session
from ..oselm.sizing import placed

__all__ = ["Task", "first_walks"]


@dataclass(frozen=True)
class Task:
    """What the processor does, and what comes of it.

    Attributes
    ----------
    header : str
        Text of ``task.h``.
    digest : str
        Of the golden model after it: :attr:`skipwalk.sw.oselm.model.Model.digest`.
    counters : dict
        Of the golden model.
    """

    header: str
    digest: str
    counters: dict[str, int]


def first_walks(core: CoreConfig, graph: Graph, walks: int, *, seed: int = 0, by_dma: int = 0) -> Task:
    """The first ``walks`` walks of ``fit``, with its default parameters as far as contexts fit the core.

    Parameters
    ----------
    core : CoreConfig
        It makes the walks, so it holds the graph.
    graph : Graph
        Without weights.
    by_dma : int
        So many words and more go by DMA; 0: none.

    Raises InputError for a graph with weights or without edges, CapacityError for a core that does not hold it, or has
    no P.
    """
    if not graph.n_edges or graph.weights is not None:
        raise InputError("this wants a graph with edges, and without weights")
    if not core.has_p:
        raise CapacityError(f"the core ({core.name}) has no P, which the digest is of, too")
    params = _parameters(core, seed, walks)
    check_parameters(core, params)
    _, live = placed(graph, core, follow=False)
    model = Model.untrained(core, params, live, walks)
    if model.driven.digest != core.digest:
        wanted = -(-model.live.store.top // 4) * 4
        raise CapacityError(f"the core ({core.name}) does not hold this graph; export one with edge_ends={wanted}")
    recorder = _Recorder(core)
    session = Session(model, "golden", False, lambda *_: recorder)
    p0 = int(model.p[0, 0])
    session.fit(None)
    learned = session.settled()
    session.drop()
    return Task(_header(learned, recorder.settings, p0, walks, by_dma), learned.digest, learned.counters)


class _Recorder(Transport):
    """The golden model, and the parameters that it was sent."""

    def __init__(self, core: CoreConfig):
        self._golden = GoldenTransport(core)
        self.settings: list[tuple[int, int]] = []

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        # The driver sends parameters on their own.
        if len(words) and int(words[0]) >> 28 == Opcode.SET:
            self.settings += [(int(head) & 0x0FFFFFFF, int(value)) for head, value in words.reshape(-1, 2)]
        return self._golden.exchange(words, n_replies)

    def close(self) -> None:
        self._golden.close()


def _parameters(core: CoreConfig, seed: int, walks: int) -> dict:
    """Of ``Node2Vec``: its own, and shorter contexts and walks where the core wants that."""
    params = Node2Vec(random_state=seed, negatives_from="graph").get_params()
    in_flight = min(params["walks_in_flight"], core.walks)
    window = min(params["window"], core.max_samples // 2 + 1)
    return params | {
        "preset": core.name,
        "window": window,
        "negatives": min(params["negatives"], core.max_samples - (window - 1)),
        "walk_length": min(params["walk_length"], core.max_walk),
        "walks_in_flight": in_flight,
        # One block.
        "block_walks": -(-walks // in_flight) * in_flight,
    }


def _header(model: Model, settings: list[tuple[int, int]], p0: int, walks: int, by_dma: int) -> str:
    indptr, indices, _ = model.live.csr()
    n, dim = model.live.n_nodes, model.config.dim
    rows = np.repeat(np.arange(n), np.diff(indptr))
    edges = [(u, v) for u, v in zip(rows.tolist(), indices.tolist(), strict=True) if u < v]
    values = {"NODES": n, "DIM": dim, "P0": p0, "WALKS": walks, "BY_DMA": by_dma}
    lines = [
        "/* A graph, parameters, and how many walks to learn. */",
        "#include <stdint.h>",
        *(f"#define TASK_{name} {value}" for name, value in values.items()),
        f'#define TASK_ROWS_SHAPE "{(n, dim)}"',
        f'#define TASK_P_SHAPE "{(dim, dim)}"',
        "static const struct {",
        "    uint32_t parameter, value;",
        "} TASK_SETTINGS[] = {",
        *(f"    {{{parameter}, {value:#010x}}}," for parameter, value in settings),
        "};",
        "static const uint32_t TASK_EDGES[][2] = {",
        *(f"    {{{u}, {v}}}," for u, v in edges),
        "};",
    ]
    return "\n".join(lines) + "\n"
