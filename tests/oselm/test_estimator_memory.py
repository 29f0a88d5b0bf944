"""The estimator on a core whose rows are in memory: the vectors of any other, and clear words where it cannot."""

import networkx
import pytest
from skipwalk.hw.oselm.config import preset
from skipwalk.sw.errors import CapacityError
from skipwalk.sw.oselm.estimator import Node2Vec

CORE = preset("tiny").replace(walks=2, walkers=2, max_walk=8, nodes=300, pool=32, slots=160, edge_ends=2048)
HOW = {
    "preset": CORE,
    "walks_per_node": 1,
    "walk_length": 8,
    "walks_in_flight": 2,
    "window": 4,
    "negatives": 3,
    "negatives_from": "pool",
    "pool_slots": 32,
    "random_state": 1,
}
GRAPH = networkx.barabasi_albert_graph(250, 2, seed=1)


def test_slots_change_no_bit():
    outside = Node2Vec(**HOW).fit(GRAPH)
    inside = Node2Vec(**{**HOW, "preset": CORE.replace(slots=0)}).fit(GRAPH)
    assert outside.digest_ == inside.digest_
    assert "rows_fetched" in outside.counters_
    assert "rows_fetched" not in inside.counters_


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"negatives_from": "graph"}, ValueError, "has its rows in memory: negatives_from must be 'pool', not 'graph'"),
        ({"walk_length": 9}, ValueError, "slots for walk_length up to 8, not 9"),
        ({"walks_in_flight": 4}, ValueError, "slots for walks_in_flight up to 2, not 4"),
        ({"pool_slots": 64}, ValueError, "slots for pool_slots up to 32, not 64"),
        ({"pool_replaced": 16}, ValueError, "slots for pool_replaced up to 8, not 16"),
        ({"preset": CORE.replace(edge_ends=0)}, CapacityError, "it has 0 edge ends of .*; choose one with more"),
    ],
)
def test_what_it_cannot_is_said(changes, error, message):
    with pytest.raises(error, match=message):
        Node2Vec(**{**HOW, **changes}).fit(GRAPH)
