"""Rounds of starts against the words of their definition, and first values of rows."""

import numpy as np
import pytest
from scipy.stats import chisquare
from skipwalk.sim.oselm.front_end.threefry import draw
from skipwalk.sim.oselm.graph.rows import first_values
from skipwalk.sim.oselm.graph.starts import bits_for, permuted, round_starts
from skipwalk.sim.oselm.graph.store import GraphStore

from ...support.graph import plain_place


def store_with(nodes, alone=()):
    """A ring over all rows of ``nodes`` but those in ``alone``, which are known."""
    store = GraphStore(nodes, 8 * nodes + 16)
    store.clear()
    store.make_known(0, nodes)
    ring = [r for r in range(nodes) if r not in alone]
    for u, v in zip(ring, ring[1:] + ring[:1], strict=True):
        if u != v:
            store.add_edge(u, v)
    return store


@pytest.mark.parametrize("bits", [1, 2, 3, 7, 12, 20])
def test_a_round_is_a_permutation(bits):
    for round_ in (0, 1, 2**32 - 1):
        got = permuted(0xFEDCBA9876543210, round_, bits)
        assert len(np.unique(got)) == 1 << bits == len(got)
        for x in (0, 1, (1 << bits) - 1):
            assert got[x] == plain_place(0xFEDCBA9876543210, round_, x, bits)


def test_rounds_look_shuffled():
    """A place falls evenly over the rounds; what follows a number, in a round or in the next one, is any other."""
    rounds = np.array([permuted(5, r, 4) for r in range(8000)])
    for place in (0, 7, 15):
        assert chisquare(np.bincount(rounds[:, place], minlength=16)).pvalue > 1e-4
    for step in ((rounds[:, 1] - rounds[:, 0]) % 16, (rounds[1:, 3] - rounds[:-1, 3]) % 16):
        seen = np.bincount(step, minlength=16)[1:]
        assert seen.max() < 1.6 * seen.min(), seen


def test_bits_for():
    assert [bits_for(n) for n in (0, 1, 2, 3, 4, 5, 1024, 1025, 1 << 20)] == [1, 1, 1, 2, 2, 3, 10, 11, 20]


@pytest.mark.parametrize("nodes", [2, 3, 16, 21, 100])
def test_every_node_once_a_round(nodes):
    alone = {1, 4} if nodes > 16 else set()
    store = store_with(nodes, alone)
    everyone = sorted(set(range(nodes)) - alone)
    found = round_starts(store.arrays, 3, 2**32 - 1, 0, 3 * len(everyone))
    assert (found.round in (1, 2), found.gave_up) == (True, False)
    rounds = found.rows.reshape(3, -1)
    assert all(sorted(r.tolist()) == everyone for r in rounds)
    # Asked for bit by bit it is the same.
    rows, round_, place = [], 2**32 - 1, 0
    while len(rows) < len(found.rows):
        some = round_starts(store.arrays, 3, round_, place, min(7, len(found.rows) - len(rows)))
        rows += some.rows.tolist()
        round_, place = some.round, some.place
    assert rows == found.rows.tolist()
    assert (round_, place) == (found.round, found.place)


def test_gives_up_after_a_whole_round_without_a_start():
    store = store_with(9)
    for row in range(9):
        store.free_node(row)
    assert round_starts(store.arrays, 3, 4, 0, 5)[1:] == (5, 0, True)
    # What is left of a round does not count.
    assert round_starts(store.arrays, 3, 4, 1, 5)[1:] == (6, 0, True)
    store.clear()
    assert round_starts(store.arrays, 3, 4, 0, 5)[1:] == (5, 0, True)
    # A place that the graph no longer has ends the round.
    store.add_edge(0, 1)
    assert round_starts(store.arrays, 3, 4, 1000, 1).round == 5 or round_starts(store.arrays, 3, 4, 1000, 1).place == 1


def test_first_values():
    got = first_values(11, 1000, 3, 5, 77)
    assert got.tolist() == [
        [((int(draw(np.uint64(11), np.uint64(r << 32 | j))) >> 32) * 155 >> 32) - 77 for j in range(5)]
        for r in range(1000, 1003)
    ]
    assert not first_values(11, 0, 3, 5, 0).any()
    many = first_values(2, 0, 500, 32, 3)
    assert chisquare(np.bincount(many.ravel() + 3, minlength=7)).pvalue > 1e-4
    assert np.abs(first_values(2, 0, 500, 32, 65535)).max() > 65000
