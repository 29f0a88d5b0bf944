"""Files, graphs and vectors that OS-ELM cannot use, and what an estimator says of itself."""

import io
import zipfile

import numpy as np
import pytest
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.sw.errors import CapacityError, DeviceError, InputError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.live import LiveGraph
from skipwalk.sw.graph.readers import read_graph
from skipwalk.sw.graph.weights import choose_unit
from skipwalk.sw.oselm import changes, sizing, training
from skipwalk.sw.oselm.checks import Arrays, check_csr
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.evaluation import evaluate

SMALL = {"preset": "tiny", "window": 3, "negatives": 4, "walk_length": 12, "walks_per_node": 2, "block_walks": 16}


# ---- arrays of a file


def arrays(version=None, **named):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, array in named.items():
            with archive.open(f"{name}.npy", "w") as member:
                if isinstance(array, bytes):
                    member.write(array)
                else:
                    np.lib.format.write_array(member, array, version=version)
    return Arrays(zipfile.ZipFile(data), len(data.getvalue()))


def longer(array):
    """Bytes of an array with some behind its end."""
    data = io.BytesIO()
    np.lib.format.write_array(data, array)
    return data.getvalue() + b"more"


@pytest.mark.parametrize(
    ("made", "asked", "said"),
    [
        (lambda: arrays(a=np.zeros(3)), lambda a: a.get("a", (4,), np.float64), r"a has the shape \(3,\) of float64"),
        (lambda: arrays(a=np.zeros(3)), lambda a: a.text("a"), "a is no text"),
        (lambda: arrays(ids=np.zeros(3)), lambda a: a.ids(3), r"ids of the shape \(3,\) of float64; 3 are needed"),
        (lambda: arrays(ids=np.arange(3)), lambda a: a.ids(4), r"ids of the shape \(3,\) of int64; 4 are needed"),
        (lambda: arrays(a=np.zeros(3)), lambda a: a.loaded(), "arrays that no model has: a"),
        (lambda: arrays((2, 0), a=np.zeros(3)), lambda a: a.length("a", most=9), "a is no array of this format"),
        (lambda: arrays(a=np.asfortranarray(np.zeros((2, 3)))), lambda a: a.text("a"), "a is no plain array"),
        (lambda: arrays(a=longer(np.zeros(3))), lambda a: a.length("a", most=9), r"a has \d+ bytes, and its header"),
        (lambda: arrays(a=np.zeros(3)), lambda a: a.length("a", most=2), r"at most \(2,\) fits the rest"),
    ],
)
def test_arrays_are_of_the_shape_and_kind_that_is_asked_for(made, asked, said):
    with pytest.raises(ValueError, match=said):
        asked(made())


def test_an_array_is_read_once_and_a_missing_one_is_named():
    found = arrays(a=np.arange(4), t=np.array("text"))
    assert found.get("a", (4,), np.int64) is found.get("a", (4,), np.int64)
    assert found.text("t") == "text"
    assert sorted(found.loaded()) == ["a", "t"]
    with pytest.raises(KeyError, match="no array b"):
        found.length("b", most=1)


def test_rows_that_are_no_graph():
    for indptr, indices, said in (
        ([1, 1], [0], "indptr does not fit indices"),
        ([0, 1, 1], [1], "in one of its rows only"),
        ([0, 1], [0], "next to itself"),
    ):
        with pytest.raises(ValueError, match=said):
            check_csr(np.array(indptr), np.array(indices, np.int32), None, 0)
    check_csr(np.array([0, 0]), np.zeros(0, np.int32), None, 0)


# ---- graphs


def test_weights_too_far_apart_for_the_store():
    with pytest.raises(InputError, match=r"weights from 1e-12 to 1 are too far apart for \d+ bits"):
        choose_unit(np.array([1e-12, 1.0]), 1.0, weight_bits=24, nodes=4)
    # As exact as can be, where they are far apart but can be told.
    apart = choose_unit(np.array([1e-2, 900.0]), 1000.0, weight_bits=24, nodes=4)
    assert 0.5 <= 1e-2 / apart < 1
    assert choose_unit(None, 0.0, weight_bits=24, nodes=4) == 2.0**-12


def test_a_store_without_weights_takes_no_graph_with_them():
    graph = Graph.from_edges([("a", "b"), ("b", "c")], [1.0, 2.0])
    with pytest.raises(InputError, match="the edges have weights, and the store has none; use weight_bits=24"):
        LiveGraph.of(graph, nodes=8, weight_bits=0)
    live = LiveGraph.of(graph, nodes=8, weight_bits=24)
    assert live.same_as(graph)
    assert not live.same_as(Graph.from_edges([("a", "b"), ("b", "c")], [1.0, 3.0]))


def test_files_of_graphs_that_are_damaged(tmp_path):
    (tmp_path / "g.graphml").write_text("<graphml>\n<graph")
    with pytest.raises(InputError, match=r"g\.graphml:2: malformed: "):
        read_graph(tmp_path / "g.graphml")
    (tmp_path / "g.mtx").write_text("%%MatrixMarket matrix coordinate real general\n3 3 1\n1 9 1.0\n")
    with pytest.raises(InputError, match="malformed"):
        read_graph(tmp_path / "g.mtx")
    np.savez(tmp_path / "g.npz", edges=np.array([["a", "b"], ["b", "c"]]))
    assert read_graph(tmp_path / "g.npz").n_edges == 2
    np.savez(tmp_path / "g.npz", edges=np.array([[0, 1], [1, 2]]), ids=np.array(["x", "y", "z"]))
    assert list(read_graph(tmp_path / "g.npz").ids) == ["x", "y", "z"]
    np.savez(tmp_path / "g.npz", edges=np.zeros((2, 2), complex))
    with pytest.raises(InputError, match="edges of complex128; ids are numbers or text"):
        read_graph(tmp_path / "g.npz")


def test_cores_that_are_too_small_say_how_large_they_have_to_be():
    with pytest.raises(CapacityError, match=r"has 65 nodes, but the core \(tiny\) has \d+ rows; train with nodes=65"):
        sizing.check_nodes(65, preset("tiny").replace(nodes=64))
    with pytest.raises(CapacityError, match=r"no core has more than \d+: leave some out"):
        sizing.check_nodes(1 << 40, preset("tiny"))
    with pytest.raises(CapacityError, match="no store has more than"):
        sizing._rounded(CoreConfig.MAX_EDGE_ENDS + 1)
    assert sizing._rounded(700) == 2048


def test_what_is_no_change_or_was_not_made():
    live = LiveGraph.of(Graph.from_edges([("a", "b")]), nodes=8, weight_bits=0)
    with pytest.raises(TypeError, match="no change: 3"):
        changes.made(live, 3, 1)
    refused = next(outcome for outcome in changes.Outcome if outcome is not changes.Outcome.DONE)
    with pytest.raises(CapacityError, match=rf"{refused.name.lower()} by the graph store"):
        changes._done(refused, changes.CutEdge("a", "b"))


class Device:
    """Counters of a core."""

    def __init__(self, **counters):
        self._counters = {"rejected": 0, "refused": 0, "walks": 3} | counters

    def counters(self):
        return self._counters


def test_a_core_that_has_not_done_what_it_was_told_is_no_result():
    class Model:
        walks, settled = 8, 4

    with pytest.raises(DeviceError, match="the core rejected 2 commands and refused 0 edits"):
        training.settle(Model, Device(rejected=2))
    with pytest.raises(DeviceError, match="the core made 3 walks of 4; load the last saved model and report this"):
        training.settle(Model, Device())


def test_vectors_that_do_not_fit_their_labels():
    with pytest.raises(InputError, match="3 labels for 2 vectors; give one for each"):
        evaluate(np.zeros((2, 4)), ["a", "b", "c"])


# ---- the estimator for scikit-learn


def test_an_estimator_tells_its_parameters_and_what_it_is():
    from sklearn.utils import get_tags

    model = Node2Vec(**SMALL)
    assert repr(model).startswith("Node2Vec(block_walks=16, negatives=4, preset='tiny', ")
    assert "walk_length=12" in repr(model)
    assert "inflation" not in repr(model)
    assert "Node2Vec" in model._repr_html_()
    with pytest.raises((ValueError, InputError), match=r"has no parameter 'depth'; it has .*walk_length"):
        model.set_params(depth=3, window=4)
    assert model.window == 3
    tags = get_tags(model)
    assert (tags.input_tags.sparse, tags.input_tags.two_d_array, tags.no_validation) == (True, False, True)
    assert tags.transformer_tags is not None
    assert not model.__sklearn_is_fitted__()
    model.fit(Graph.from_edges([(i, (i + 1) % 9) for i in range(9)]))
    assert model.__sklearn_is_fitted__()
    names = model.get_feature_names_out()
    assert (names[0], names[-1], len(names)) == ("node2vec0", f"node2vec{len(names) - 1}", model.embedding_.shape[1])


def test_other_parameters_after_learning_go_on_from_there():
    """On the same core with another rate; on another shape of core with all that was learned."""
    edges = [(i, (i + 1) % 9) for i in range(9)]
    model = Node2Vec(**SMALL).fit(Graph.from_edges(edges))
    before = model.embedding_.copy()
    model.set_params(inflation=1e-3)
    model.partial_fit([(0, 3)])
    assert model.embedding_.shape == before.shape
    assert (model.embedding_ != before).any()
    again = Node2Vec(**SMALL).fit(Graph.from_edges(edges))
    again.set_params(walks_in_flight=2, inflation=1e-3)
    np.testing.assert_array_equal(again.embedding_, before)
    again.partial_fit([(0, 3)])
    assert (again.embedding_ != before).any()
