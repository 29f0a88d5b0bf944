"""The graph on the device in plain Python, from the words of its definition."""

import numpy as np
from skipwalk.sim.oselm.front_end.threefry import draw
from skipwalk.sim.oselm.graph.store import Outcome
from skipwalk.sim.oselm.graph.walks import TRIALS

__all__ = ["PlainStore", "plain_first_values", "plain_place", "plain_round", "plain_walk"]

DONE, REFUSED, REJECTED = Outcome


class PlainStore:
    """A graph store of dicts and lists, allocator included."""

    def __init__(self, nodes, edge_ends, weight_bits):
        self.nodes, self.edge_ends, self.weight_bits = nodes, edge_ends, weight_bits
        self.clear()
        self.open = False

    def clear(self):
        self.open = True
        self.edges: dict[int, dict[int, int]] = {r: {} for r in range(self.nodes)}
        self.place = dict.fromkeys(range(self.nodes), 0)
        self.room = dict.fromkeys(range(self.nodes), 0)
        self.known: set[int] = set()
        self.free: dict[int, list[int]] = {}
        self.top = self.rows = 0
        return DONE

    def _in_range(self, *rows):
        return self.open and all(0 <= r < self.nodes for r in rows)

    def make_known(self, row, count=1):
        if not self._in_range(*(row, max(row, row + count - 1))):
            return REJECTED
        for r in range(row, row + count):
            self.known.add(r)
            self.rows = max(self.rows, r + 1)
        return DONE

    def _alloc(self, c):
        if self.free.get(c):
            return self.free[c].pop()
        size = 4 << (c - 1)
        if self.top + size > self.edge_ends:
            return None
        self.top += size
        return (self.top - size) // 4

    def add_edge(self, u, v, w):
        if not self._in_range(u, v) or u == v:
            return REJECTED
        if self.weight_bits and not 1 <= w <= 65535:
            return REJECTED
        w, limit = (w, 1 << self.weight_bits) if self.weight_bits else (1, 1 << 60)
        more = w - self.edges[u].get(v, 0)
        if any(sum(self.edges[r].values()) + more >= limit for r in (u, v)):
            return REFUSED
        if v not in self.edges[u]:
            got = {}
            for r in (u, v):
                if len(self.edges[r]) == (4 << self.room[r] >> 1 if self.room[r] else 0):
                    got[r] = self._alloc(self.room[r] + 1)
                    if got[r] is None:
                        if r == v and u in got:
                            self.free.setdefault(self.room[u] + 1, []).append(got[u])
                        return REFUSED
            self.make_known(u)
            self.make_known(v)
            for r, place in got.items():
                if self.room[r]:
                    self.free.setdefault(self.room[r], []).append(self.place[r])
                self.room[r] += 1
                self.place[r] = place
        self.edges[u][v] = self.edges[v][u] = w
        return DONE

    def remove_edge(self, u, v):
        if not self._in_range(u, v) or v not in self.edges[u]:
            return REJECTED
        for r, other in ((u, v), (v, u)):
            del self.edges[r][other]
            if not self.edges[r]:
                self.free.setdefault(self.room[r], []).append(self.place[r])
                self.room[r] = self.place[r] = 0
        return DONE

    def free_node(self, u):
        if not self._in_range(u) or u not in self.known:
            return REJECTED
        while self.edges[u]:
            self.remove_edge(u, max(self.edges[u]))
        self.known.discard(u)
        return DONE


def plain_walk(neighbours, weights_of, start, length, limits, key, number):
    """One walk, with a full test of every candidate; returns (rows, steps by the running sum)."""
    j, exact, walk = 0, 0, [start]

    def bits():
        nonlocal j
        j += 1
        return int(draw(np.uint64(key), np.uint64(number % 2**32 << 32 | j)))

    def case(x):
        return 0 if x == walk[-2] else 1 if x in neighbours(walk[-2]) else 2

    while len(walk) < length:
        around, sums = [int(v) for v in neighbours(walk[-1])], [int(s) for s in np.cumsum(weights_of(walk[-1]))]
        if len(around) == 1:
            walk.append(around[0])
            continue
        for _ in range(TRIALS):
            d = bits()
            x = (d >> 32) * sums[-1] >> 32
            candidate = next(v for v, s in zip(around, sums, strict=True) if s > x)
            if len(walk) == 1 or d % 2**32 <= limits[case(candidate)]:
                break
        else:
            exact += 1
            weights = np.diff([0, *sums]).tolist()
            parts = [w * max(limits[case(v)] + 1 >> 16, 1) for v, w in zip(around, weights, strict=True)]
            x = (bits() >> 40) * sum(parts) >> 24
            candidate = next(v for v, s in zip(around, np.cumsum(parts).tolist(), strict=True) if s > x)
        walk.append(candidate)
    return walk, exact


def plain_place(key, round_, x, bits):
    mask, y = (1 << bits) - 1, x
    for k in range(3):
        d = int(draw(np.uint64(key), np.uint64(round_ << 32 | k)))
        y = (y * ((d & mask) | 1) + (d >> 32 & mask)) & mask
        y ^= y >> ((bits + 1) // 2)
    return y


def plain_round(store: PlainStore, key: int, round_: int, x: int, n: int) -> tuple[list[int], int, int, bool]:
    """(starts, round, place, whether it gave up)."""
    bits = max(1, (store.rows - 1).bit_length())
    starts: list[int] = []
    whole, before = False, 0
    while len(starts) < n:
        whole |= x == 0
        y = plain_place(key, round_, x & (1 << bits) - 1, bits)
        if y < store.rows and store.edges[y]:
            starts.append(y)
        x += 1
        if x >= 1 << bits:
            x, round_ = 0, (round_ + 1) % 2**32
            if whole and len(starts) == before:
                return starts, round_, x, True
            whole, before = False, len(starts)
    return starts, round_, x, False


def plain_first_values(key: int, row: int, dim: int, scale: int) -> list[int]:
    return [
        ((int(draw(np.uint64(key), np.uint64(row << 32 | j))) >> 32) * (2 * scale + 1) >> 32) - scale
        for j in range(dim)
    ]
