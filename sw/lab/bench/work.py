"""What every row of the comparison trains: walks over a graph, and contexts out of them."""

from dataclasses import dataclass

import numpy as np

from ....sim.oselm.front_end.threefry import STREAM_ROWS, seed_key
from ....sim.oselm.golden import Contexts
from ....sim.oselm.graph.rows import first_values
from ...graph.contexts import ContextBatch, contexts, negative_sampler, visits
from ...graph.graph import Graph
from ...graph.walks import walks

__all__ = ["INFLATION", "MU", "P0", "Work"]

#: Hyperparameters of OS-ELM, those of :class:`skipwalk.sw.oselm.estimator.Node2Vec`.
MU, INFLATION, P0, INIT_SCALE = 2.0**-7, 1e-4, 1.9, 0.05
#: Walks between two barriers of the core, and in flight in it.
BLOCK, IN_FLIGHT = 256, 4


@dataclass(frozen=True)
class Work:
    """Walks (n, 80) of a graph, the same for everybody.

    Attributes
    ----------
    graph : Graph
    walks : (n, 80) int32
    """

    graph: Graph
    walks: np.ndarray

    @classmethod
    def of(cls, graph: Graph, n_walks: int, seed: int = 0) -> "Work":
        """The first ``n_walks`` walks; they start at nodes in random order."""
        per_node = -(-n_walks // graph.n_nodes)
        blocks = list(walks(graph, seed=seed, per_node=per_node, block=n_walks))
        return cls(graph, np.concatenate(blocks)[:n_walks])

    def __len__(self) -> int:
        return len(self.walks)

    def contexts(
        self, first: int = 0, n: int | None = None, *, window: int = 8, negatives: int = 24, per_positive: bool = False
    ) -> ContextBatch:
        """Contexts of ``n`` walks from ``first`` (a multiple of :data:`IN_FLIGHT`) on, as the core gets them."""
        # A walk may be missing from a short selection that negatives are drawn for.
        counts = visits([self.walks], self.graph.n_nodes) + 1
        return contexts(
            self.walks[first : None if n is None else first + n],
            window=window,
            negatives=negatives,
            mode="per_positive" if per_positive else "shared",
            sampler=negative_sampler(counts),
            seed=0,
            first_walk=first,
            interleave=IN_FLIGHT,
        )

    def rows(self, dim: int) -> np.ndarray:
        """(n_nodes, dim) float64: beta at the start."""
        raw = first_values(int(seed_key(0, STREAM_ROWS)), 0, self.graph.n_nodes, dim, 0xFFFF)
        return raw * (INIT_SCALE / 0xFFFF)


def as_contexts(batch: ContextBatch) -> Contexts:
    """The same contexts as the models of ``skipwalk.sim`` take them."""
    return Contexts(batch.centres, batch.indptr, batch.samples, batch.labels)
