"""What users of networkx, SciPy, pandas and scikit-learn hand over: it counts in full, or is refused by name."""

import copy
import warnings

import networkx as nx
import numpy as np
import pytest
from scipy import sparse
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.lora.estimator import SkipLoRA
from skipwalk.sw.lora.network import Network
from skipwalk.sw.oselm.estimator import Node2Vec
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier

PATH = [(n, n + 1) for n in range(8)]


class Table:
    """As a DataFrame of pandas or polars: iterating it gives its columns."""

    def __init__(self, *rows):
        self._rows = np.array(rows, object)
        self.columns = list(range(self._rows.shape[1]))

    def __iter__(self):
        return iter(self.columns)

    def to_numpy(self):
        return self._rows


def small(**changes) -> Node2Vec:
    few = {"dim": 8, "window": 4, "negatives": 4, "walk_length": 10, "walks_per_node": 1, "init_scale": 1.0}
    return Node2Vec(**{**few, **changes})


def lonely() -> nx.Graph:
    graph = nx.path_graph(9)
    graph.add_node("alone")
    return graph


# ---- graphs
def test_a_table_is_its_rows_and_not_its_columns():
    fitted = small().fit(Table(*PATH))
    assert fitted.digest_ == small().fit(PATH).digest_
    assert fitted.partial_fit(Table((0, 5))).graph_.n_edges == 9
    assert fitted.remove_edges(Table((0, 5))).graph_.n_edges == 8
    for table in (Table([3], [1]), np.array([[3], [1]])):
        with pytest.raises(InputError, match=r"nodes cannot be an array of \(2, 1\); give a list of node ids, \(n,\)"):
            fitted.transform(table)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.fit({(0, 1): 5.0}), "a graph cannot be a dictionary, whose values would be lost"),
        (lambda e: e.partial_fit({(0, 1): 5.0}), "edges cannot be a dictionary"),
        (lambda e: Graph.from_edges({(0, 1): 5.0}), "edges cannot be a dictionary"),
        (lambda e: e.partial_fit(nx.path_graph(2), [5.0]), "weights are those of pairs, and a graph has its own"),
        (lambda e: small().partial_fit(nx.path_graph(2), [5.0]), "weights are those of pairs"),
        (lambda e: small().partial_fit(Graph.from_edges(PATH), [5.0] * 8), "weights are those of pairs"),
        (lambda e: e.remove_edges(nx.path_graph(2)), "edges cannot be <networkx.*; give a list of pairs"),
        (lambda e: e.partial_fit([(0, 1)], [10**400]), "not all of them are numbers that fit 64 bits"),
        (lambda e: e.partial_fit([(0, 1)], np.array([3], "m8[s]")), "weights: not all of them are numbers"),
        (lambda e: e.partial_fit(PATH, np.ma.masked_equal(range(1, 9), 2)), "weights: some are masked"),
        (lambda e: e.fit(np.ma.masked_equal(PATH, 3)), "a graph: some are masked; give pairs"),
        (lambda e: e.partial_fit(np.ma.masked_equal(PATH, 3)), "edges: some are masked; give a list of pairs"),
        (lambda e: e.remove_edges(np.ma.masked_equal(PATH, 3)), "edges: some are masked"),
        (lambda e: Graph.from_edges(np.ma.masked_equal(PATH, 3)), "edges: some are masked"),
        (lambda e: Graph.from_edges(np.ma.masked_equal(PATH, 3), ids=range(9)), "edges: some are masked"),
        (
            lambda e: e.fit(nx.Graph([(0, 1, {"weight": 10**400})])),
            "edge 0 - 1 has the weight 1000.*; it has to be a n",
        ),
        (lambda e: e.fit(nx.Graph([("a", "b", {"weight": -2})])), "edge 'a' - 'b' has the weight -2; it has to be pos"),
    ],
)
def test_what_would_be_lost_is_refused(call, message):
    fitted = small().fit(PATH)
    before = fitted.digest_
    with pytest.raises(InputError, match=message):
        call(fitted)
    assert fitted.digest_ == before


MATRIX = sparse.csr_array(([1.0] * 8, tuple(zip(*PATH, strict=True))), (10, 10))


@pytest.mark.parametrize("given", [lonely(), Graph.from_networkx(lonely()), MATRIX])
def test_a_graph_brings_its_nodes_without_edges_in_an_update_too(given):
    fitted = small(random_state=1).fit(PATH[:4])
    assert fitted.partial_fit(given).graph_.n_nodes == small().fit(given).graph_.n_nodes == 10
    assert fitted.graph_.n_edges == 8
    weighted = small().fit(PATH, [2.0] * 8).partial_fit(given)
    assert (weighted.graph_.n_nodes, weighted.graph_.degree.min()) == (10, 0)


def test_an_edge_that_comes_again_with_another_weight_is_spoken_of(caplog):
    graph = Graph.from_edges([(0, 1), (1, 2), (1, 0), (2, 1)], [2.0, 1.0, 5.0, 1.0])
    assert graph.edges()[1].tolist() == [5.0, 1.0]
    assert "1 edges come again with another weight; of each, the last one counts" in caplog.text
    caplog.clear()
    Graph.from_edges([(0, 1), (1, 0)], [2.0, 2.0])
    Graph.from_networkx(nx.MultiGraph([(0, 1), (0, 1)]))
    assert not caplog.records


# ---- copies
def test_a_copy_learns_by_itself():
    fitted = small().fit(PATH)
    before = fitted.digest_
    copied = copy.copy(fitted)
    assert copied.partial_fit([(0, 20)]).graph_.n_nodes == 10
    assert (fitted.digest_, fitted.graph_.n_nodes) == (before, 9)
    assert copied.digest_ == fitted.partial_fit([(0, 20)]).digest_


# ---- samples
RNG = np.random.default_rng(0)
X = RNG.random((40, 4))
NETWORK = Network([RNG.normal(size=(4, 6)), RNG.normal(size=(6, 3))], [RNG.normal(size=6), np.zeros(3)])
Y = NETWORK.forward(X)[1].argmax(1)


def lora(network=NETWORK, **changes) -> SkipLoRA:
    return SkipLoRA(network, **{"epochs": 2, "learning_rate": 0.01, **changes})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ma.masked_less(X, 0.3), Y, "samples: some values are masked"),
        (X, np.ma.masked_equal(Y, Y[0]), "y: some labels are masked"),
        (X, None, "y is None; give a label for each sample"),
        (sparse.csr_array(X), Y, r"samples: a sparse matrix; give its toarray\(\)"),
        (np.full((40, 4), 10**400), Y, "samples: no array of real numbers: int too large"),
        (X.astype(np.longdouble) * np.longdouble("1e4000"), Y, "not finite"),
        (X * 1e308, Y, "calibration data from .* make numbers beyond"),
        ((X - 0.5) * 3.4e308, Y, "calibration data from|not finite"),
        (X * 1e-320, Y, "calibration data from .* make numbers beyond"),
    ],
)
def test_samples_that_would_lose_something_are_refused(x, y, message):
    model = lora()
    with np.errstate(over="ignore"), pytest.raises(InputError, match=message):
        model.fit(x, y)
    assert not model.__sklearn_is_fitted__()


@pytest.mark.filterwarnings("error")
def test_scores_of_nothing_and_scores_with_weights():
    model = lora().fit(X, Y)
    with pytest.raises(InputError, match="0 labels for 0 samples"):
        model.score(X[:0], Y[:0])
    right = model.predict(X) == Y
    assert model.score(X, Y, sample_weight=right + 1) == pytest.approx(2 * right.sum() / (right + 1).sum())
    for weights in ([1.0], np.zeros(40), np.full(40, np.nan)):
        with pytest.raises(InputError, match="sample_weight must be 40 finite numbers"):
            model.score(X, Y, sample_weight=weights)
    assert model.n_features_in_ == 4
    model.decision_function(X * 1e308)


def test_a_clone_keeps_the_network_that_was_fitted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = MLPClassifier((6,), max_iter=200, random_state=0).fit(X, Y)
    model = lora(network).fit(X, Y)
    np.testing.assert_array_equal(clone(model).fit(X, Y).adapters_raw_, model.adapters_raw_)
    assert not clone(model).__sklearn_is_fitted__()
    assert np.isfinite(cross_val_score(lora(network), X, Y, cv=2, error_score="raise")).all()


def test_a_fit_that_fails_leaves_nothing_behind():
    def stop(*_):
        raise KeyboardInterrupt

    model = lora(random_state=None)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, progress=stop)
    assert not model.__sklearn_is_fitted__()
    one = lora(random_state=np.random.RandomState(1)).fit(X, Y)
    other = lora(random_state=np.random.RandomState(1)).fit(X, Y)
    cycles = one.train_cycles_, one.counters_
    with pytest.raises(KeyboardInterrupt):
        one.fit(X, Y, progress=stop)
    assert (one.train_cycles_, one.counters_) == cycles
    # The order of samples goes on from the seed that the adapters began with.
    np.testing.assert_array_equal(one.partial_fit(X, Y).adapters_raw_, other.partial_fit(X, Y).adapters_raw_)


def test_parameters_are_judged_when_they_are_set():
    for changes, message in (({"random_state": -1}, "random_state must be 0 to"), ({"backend": "foo"}, "unknown back")):
        model = lora()
        with pytest.raises(InputError, match=message):
            model.set_params(**changes)
        assert model.get_params() == lora().get_params()
        with pytest.raises(InputError, match=message):
            lora(**changes)
