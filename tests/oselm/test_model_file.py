"""Model files that somebody has tampered with: they are read as they were written, or refused in a sentence."""

import contextlib
import dataclasses
import io
import json
import zipfile

import networkx as nx
import numpy as np
import pytest
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.sw.errors import InputError, SkipwalkError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.oselm.changes import Addition, CutEdge, DropNode
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.model import Model, Run
from skipwalk.sw.oselm.model_file import _signature
from skipwalk.sw.oselm.vectors import ids_to_arrays

CFG = preset("tiny").replace(vendor=Vendor.ECP5, edge_ends=1024, weight_bits=17)
SMALL = {"preset": CFG, "window": 4, "negatives": 4, "walk_length": 20, "block_walks": 32, "walks_per_node": 1}
GROUPS = nx.planted_partition_graph(3, 12, 0.5, 0.05, seed=1)


@pytest.fixture(scope="module")
def model():
    """Not to be changed. Weighted, with a vacant row and negatives from visits."""
    estimator = Node2Vec(**SMALL, negatives_from="visits").fit(GROUPS).partial_fit([(0, "x"), (0, 1)], [2.0, 0.5])
    return estimator.remove_nodes([7]).model_


@pytest.fixture
def file(model, tmp_path):
    path = tmp_path / "m.npz"
    model.save(path)
    return path


def rewrite(path, *, signed=True, drop=(), meta=None, **arrays):
    """Change a file's arrays, and its text by ``meta(text)``; with ``signed``, its signature holds again."""
    held = {name: array for name, array in np.load(path).items() if name not in drop}
    text = json.loads(held.pop("meta").item())
    held |= arrays
    if meta is not None:
        meta(text)
    if signed:
        text["content"] = _signature(text, held)
    np.savez(path, meta=np.array(json.dumps(text)), **held)


def refused(path, message=None):
    with pytest.raises(InputError, match=message) as caught:
        Model.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_what_was_written_is_read(model, file):
    loaded = Model.load(file)
    assert loaded.digest == model.digest
    assert loaded.live.vacant == model.live.vacant
    assert loaded.live.ids == model.live.ids
    assert loaded.graph.digest == model.graph.digest
    for name in ("config", "params", "walks", "round", "place", "run", "counters", "settled"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert np.array_equal(loaded.visits, model.visits)
    again = file.with_name("again.npz")
    loaded.save(again)
    assert again.read_bytes() == file.read_bytes()


def at(array, place, value):
    changed = array.copy()
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("indices", lambda a: at(a, 0, 10**9), "indices beyond the 37 rows"),
        ("indices", lambda a: at(a, 0, -5000), "indices beyond the 37 rows"),
        ("indices", lambda a: at(a, 0, a[1]), "do not ascend"),
        ("indices", lambda a: at(a, 0, a[0] + 1), "in one of its rows only|do not ascend|next to itself"),
        ("indices", lambda a: a[:-1], "has the shape"),
        ("indices", lambda a: a.astype(np.int64), "of int64 instead of"),
        ("indptr", lambda a: at(a, 3, 10**15), "does not fit"),
        ("indptr", lambda a: at(a, 3, -7), "does not fit"),
        ("indptr", lambda a: at(a, -1, 2**60), "has the shape"),
        ("indptr", lambda a: at(a, -1, -1), "shape|fit"),
        ("indptr", lambda a: np.zeros(10**5, np.int64), "at most"),
        ("weights", lambda a: at(a, 0, 0), "weights out of range"),
        ("weights", lambda a: at(a, 0, a[0] + 1), "different in the two rows"),
        ("weights", lambda a: a * 60, "out of range|sum does not fit"),
        ("beta", lambda a: at(a, (0, 0), 1 << 20), "beta has values outside"),
        ("p", lambda a: at(a, (0, 0), 1 << 40), "P has values outside"),
        ("vacant", lambda a: a + 100, "vacant rows that are none"),
        ("vacant", lambda a: a[:0], "ids of the shape|ids"),
        ("vacant", lambda a: np.array([0], np.int64), "a vacant row with edges"),
        ("visits", lambda a: a - 10**6, "visits that are no counts"),
        ("visits", lambda a: a * 0, "visits that are no counts"),
        ("ids_json", lambda a: a[:-2], "damaged"),
        ("ids_json", lambda a: np.frombuffer(b"[" * 10**6, np.uint8), "damaged"),
        ("ids_json", lambda a: np.frombuffer(b"[1]", np.uint8), "damaged"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_though_they_are_signed(file, name, change, message):
    rewrite(file, **{name: change(np.load(file)[name])})
    refused(file, message)


def put(**values):
    def change(text):
        for name, value in values.items():
            *path, last = name.split("__")
            place = text
            for step in path:
                place = place[step]
            place[last] = value

    return change


@pytest.mark.parametrize(
    "values",
    [
        {"walks": -1},
        {"walks": 1.5},
        {"round": 1 << 32},
        {"place": "x"},
        {"unit": None},
        {"unit": -1.0},
        {"unit": "big"},
        {"weight_bits": 0},
        {"weight_bits": 99},
        {"run": None},
        {"run__next": -1},
        {"run__next": 10**30},
        {"run__total": 10**30},
        {"run__changes": [["+", 1, 2, 3]]},
        {"run__changes": [["?"]]},
        {"counters": {"walks": -1}},
        {"counters": []},
        {"config": {}},
        {"config__nodes": 3},
        {"config__dim": 10**9},
        {"config__colour": 1},
        {"params": []},
        {"params__walk_length": 10**12},
        {"params__walk_length": "long"},
        {"params__window": 1},
        {"params__negatives": 200},
        {"params__p": 0},
        {"params__q": "x"},
        {"params__block_walks": 3},
        {"params__walks_in_flight": 0},
        {"params__random_state": -1},
        {"params__negative_mode": "none"},
        {"params__negatives_from": "graph"},
        {"params__inflation": 9},
        {"params__preset": ["tiny"]},
        {"params__preset": {}},
        {"params__dim": "x"},
        {"params__dim": 1e300},
        {"params__nodes": "x"},
        {"params__nodes": 10**30},
        {"params__mu_shift": "q"},
        {"params__schedule": []},
        {"params__colour": 1},
        {"run__per_end": 1 << 30},
        {"digest": "0"},
        {"version": 9},
        {"format": "other"},
    ],
    ids=str,
)
def test_texts_that_make_no_sense_are_refused_though_they_are_signed(file, values):
    rewrite(file, meta=put(**values))
    refused(file)


def test_the_signature_covers_everything(file):
    for change in ({"meta": put(walks=17)}, {"visits": np.load(file)["visits"] + 1}, {"meta": put(params__p=0.25)}):
        held = file.read_bytes()
        rewrite(file, signed=False, **change)
        refused(file, "its content does not have the digest")
        file.write_bytes(held)
    rewrite(file, extra=np.ones(3))
    refused(file, "arrays that no model has: extra")


def test_no_file_chooses_where_its_reader_connects(file):
    rewrite(file, meta=put(params__backend="serial:tcp:attacker:1", params__verbose=True))
    estimator = Node2Vec.load(file)
    assert (estimator.backend, estimator.verbose) == ("golden", False)
    assert "backend" not in estimator.model_.params


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(file):
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(huge, {"descr": "<i8", "fortran_order": False, "shape": (10**12,)})
    bomb = io.BytesIO()
    np.save(bomb, np.zeros(1 << 24, np.int64))
    for name, content, message in (
        ("indptr", huge.getvalue(), "its header says"),
        ("meta", huge.getvalue(), "not a model file"),
        ("indices", bomb.getvalue(), "unpacks from"),
    ):
        held = {info: zipfile.ZipFile(file).read(info) for info in zipfile.ZipFile(file).namelist()}
        other = file.with_name("other.npz")
        with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in held.items():
                archive.writestr(member, content if member == f"{name}.npy" else data)
        refused(other, message)


def test_flipped_bytes_are_refused_or_change_nothing(file, model):
    data = file.read_bytes()
    bad = file.with_name("bad.npz")
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 300).tolist():
        bad.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with contextlib.suppress(InputError):  # no other error
            assert Model.load(bad).digest == model.digest


def test_changes_that_are_left_are_kept(model, tmp_path):
    changes = [Addition("a", ("b", 2), 1.5), Addition("a", "a", None), CutEdge("a", ("b", 2)), DropNode(3)]
    half = dataclasses.replace(model, run=Run(5, 6, 2, 4, changes))
    half.save(tmp_path / "half.npz")
    assert Model.load(tmp_path / "half.npz").run == half.run
    for wrong in ([CutEdge("a", "b")], [DropNode("nobody")], [Addition(0, 1, float("nan"))]):
        half.run = Run(5, 3, 2, 4, wrong)
        half.save(tmp_path / "half.npz")
        refused(tmp_path / "half.npz")


# ---- version 1
def version_1(path, *, finished=True, weights=False, **changes):
    """A file as version 1 wrote it."""
    graph = Graph.from_networkx(GROUPS)
    rng = np.random.default_rng(2)
    old = preset("tiny").replace(edge_ends=0, weight_bits=0)
    config = {k: v for k, v in old.to_dict().items() if k not in ("edge_ends", "weight_bits", "walkers")}
    beta, p = rng.integers(-500, 500, (36, 8)), np.eye(8, dtype=np.int64) * 90_000
    estimator = Node2Vec(**SMALL)
    gone = ("backend", "verbose", "negatives_from", "pool_slots", "pool_replaced", "update_p", "update_q")
    params = {k: v for k, v in estimator.get_params().items() if k not in gone}
    params |= {"preset": "tiny", "seed": params.pop("random_state")}
    shadow = Model(old, {}, Node2Vec(**SMALL).fit(GROUPS).model_.live, beta, p, Run(0, 0))
    meta = {
        "format": "skipwalk-model",
        "version": 1,
        "config": config,
        "params": params,
        "graph": {"self_loops": 0, "duplicates": 0},
        "run": {"number": 0, "per_node": 1, "total": 36, "next": 36 if finished else 8},
        "counters": {"contexts": 36},
        "digest": shadow.digest,
        **changes,
    }
    arrays = {"indptr": graph.indptr, "indices": graph.indices, "beta": beta.astype(np.int32), "p": p}
    if weights:
        row = np.repeat(np.arange(36), graph.degree)
        arrays["weights"] = 1.0 + np.minimum(row, graph.indices) / 8
    np.savez(path, meta=np.array(json.dumps(meta)), visits=np.ones(36, np.int64), **arrays, **ids_to_arrays(graph.ids))
    return shadow


@pytest.mark.parametrize("weights", [False, True])
def test_version_1_goes_on_learning_if_it_is_finished(tmp_path, weights):
    shadow = version_1(tmp_path / "old.npz", weights=weights)
    loaded = Node2Vec.load(tmp_path / "old.npz")
    assert loaded.digest_ == shadow.digest
    assert (loaded.graph_.weights is not None) is weights
    assert loaded.model_.walks == 36
    assert loaded.update_p is None, "walks around a change go on as they were"
    assert loaded.partial_fit([(0, "x")]).digest_ != shadow.digest
    loaded.save(tmp_path / "new.npz")
    assert Node2Vec.load(tmp_path / "new.npz").digest_ == loaded.digest_


def test_version_1_in_the_middle_of_a_run_says_what_to_do(tmp_path):
    version_1(tmp_path / "old.npz", finished=False)
    refused(tmp_path / "old.npz", "in the middle of a run.*finish it with the version that began it")
    version_1(tmp_path / "old.npz", digest="0")
    refused(tmp_path / "old.npz", "damaged: digest")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("weights", lambda a: a * np.nan, "weights that are not positive and finite"),
        ("weights", lambda a: a - 1, "weights that are not positive and finite"),
        ("ids", lambda a: np.zeros_like(a), "36 ids, or some of them equal, for 36 nodes"),
    ],
)
def test_version_1_with_other_arrays_is_refused(tmp_path, name, change, message):
    path = tmp_path / "old.npz"
    version_1(path, weights=True)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, name: change(arrays[name])})
    refused(path, message)


def test_models_of_all_kinds_of_ids_and_cores(tmp_path):
    for ids, changes in ((list(range(36)), {}), ([f"n{i}" for i in range(36)], {"nodes": 40, "preset": "paper"})):
        graph = nx.relabel_nodes(GROUPS, dict(enumerate(ids)))
        estimator = Node2Vec(**{**SMALL, **changes}).fit(graph)
        estimator.save(tmp_path / "m.npz")
        loaded = Node2Vec.load(tmp_path / "m.npz")
        assert loaded.ids_.tolist() == estimator.ids_.tolist()
        assert loaded.config_ == estimator.config_
        pair = [(ids[0], ids[30])]
        assert loaded.partial_fit(pair).digest_ == estimator.partial_fit(pair).digest_


def test_a_configuration_is_read_as_it_is(file):
    assert CoreConfig.from_dict(json.loads(np.load(file)["meta"].item())["config"]) == CFG
    assert issubclass(InputError, SkipwalkError)
