"""What the parts that make walks ask of others, answered out of a golden store."""

import numpy as np
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.graph.draws import Key
from skipwalk.sim.oselm.front_end.threefry import draw
from skipwalk.sim.oselm.graph.store import GraphStore

from .queries import Bench

__all__ = ["KEYS", "Service", "bits_at", "random_store"]

#: In the order of Key.
KEYS = (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, 0x1357_9BDF_0246_8ACE, 77)


def bits_at(key: int, counter: int) -> int:
    return int(draw(np.uint64(key), np.uint64(counter))) & (1 << 64) - 1


class Service:
    """Answers of a configuration's store, counted by kind in :attr:`asked`."""

    def __init__(self, cfg: CoreConfig, store: GraphStore, limits=(0, 0, 0)):
        self.cfg, self.store, self.limits = cfg, store, limits
        self.asked = {"draws": 0, "candidates": 0, "headers": 0, "entries": 0, "exact": 0}

    def serve(self, bench: Bench, port, kind: str, latency: int = 3) -> None:
        def answer(request):
            self.asked[kind] += 1
            return getattr(self, kind)(request)

        bench.server(port, answer, latency=latency)

    def draws(self, request):
        return bits_at(KEYS[Key(request.key)], request.counter)

    def candidates(self, request):
        low = request.bits & 0xFFFF_FFFF
        accepts = sum((low <= limit) << k for k, limit in enumerate(self.limits))
        return {"share": (request.bits >> 32) * request.n >> 32, "accepts": accepts}

    def headers(self, row):
        a = self.store.arrays
        return {"place": int(a.place[row]) & (1 << self.cfg.place_bits) - 1, "degree": int(a.degree[row])}

    def entries(self, address):
        a = self.store.arrays
        return {"row": int(a.neighbours[address])} | ({"sum": int(a.sums[address])} if len(a.sums) else {})


def random_store(cfg: CoreConfig, rng: np.random.Generator, *, hub: bool = False, nodes: int = 40) -> GraphStore:
    """Rows of degree 0, 1 and more, in a store with gaps; with ``hub`` there is a row that all others know."""
    store = GraphStore.of(cfg)
    store.clear()
    some = np.sort(rng.choice(cfg.nodes, min(cfg.nodes, nodes), replace=False))

    def add(u, v):
        store.add_edge(int(u), int(v), int(rng.choice([1, 2, 300, 65535])) if cfg.weight_bits else 1)

    for v in some[1:] if hub else ():
        add(some[0], v)
    for _ in range(2 * len(some)):
        add(*rng.choice(some, 2, replace=False))
    for _ in range(len(some) // 2):
        u = int(rng.choice(some))
        if store.degree(u):
            store.remove_edge(u, int(rng.choice(store.neighbours(u))))
    return store
