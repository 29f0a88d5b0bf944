"""Embeddings to files and back, in every bit."""

import gzip
import os
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph import packed
from skipwalk.sw.oselm import checks
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.vectors import ids_to_arrays, load_npz, load_word2vec, save_npz, save_word2vec
from skipwalk.sw.results.files import atomic_write

round_trip = settings(max_examples=60, deadline=None)
shapes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5)
vectors32 = arrays(np.float32, shapes, elements=st.floats(allow_nan=False, allow_infinity=False, width=32))
vectors64 = arrays(np.float64, shapes, elements=st.floats(allow_nan=False, allow_infinity=False))

scalars = st.one_of(st.integers(), st.text(), st.none(), st.floats(allow_nan=False))
any_id = st.one_of(scalars, st.tuples(scalars, st.tuples(scalars)))
word = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1).filter(lambda text: text[0] != "=")


def take(data, ids, n):
    return data.draw(st.lists(ids, min_size=n, max_size=n, unique_by=lambda node: (str(node), type(node))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@round_trip
@given(st.one_of(vectors32, vectors64), st.data())
def test_word2vec_round_trip(folder, vectors, data):
    ids = take(data, data.draw(st.sampled_from([word, st.integers(-(10**17), 10**17)])), len(vectors))
    save_word2vec(folder / "e.txt", ids, vectors)
    got_ids, got = load_word2vec(folder / "e.txt", vectors.dtype)
    assert list(map(str, got_ids)) == list(map(str, ids))
    assert got.dtype == vectors.dtype
    assert got.tobytes() == vectors.tobytes()


@round_trip
@given(st.one_of(vectors32, vectors64), st.data())
def test_npz_round_trip(folder, vectors, data):
    ids = take(data, data.draw(st.sampled_from([any_id, st.integers(), st.text()])), len(vectors))
    save_npz(folder / "e.npz", ids, vectors, seed=3, note={"p": 0.5})
    got_ids, got, meta = load_npz(folder / "e.npz")
    assert got_ids == ids
    assert list(map(type, got_ids)) == list(map(type, ids))
    assert (got.dtype, got.tobytes()) == (vectors.dtype, vectors.tobytes())
    assert meta == {"seed": 3, "note": {"p": 0.5}}


def test_word2vec_text_is_what_others_read(tmp_path):
    save_word2vec(tmp_path / "e.txt", np.array(["a", "b"], object), np.array([[0.5, -1], [1e-5, 3]], np.float32))
    assert (tmp_path / "e.txt").read_text() == "2 2\na 0.5 -1\nb 9.99999975e-06 3\n"


def test_npz_is_plain_numpy_for_plain_ids(tmp_path):
    save_npz(tmp_path / "e.npz", [3, 1], np.eye(2))
    with np.load(tmp_path / "e.npz") as archive:
        assert archive["ids"].tolist() == [3, 1]
    save_npz(tmp_path / "f.npz", np.array([3, 1]), np.eye(2))
    assert (tmp_path / "e.npz").read_bytes() == (tmp_path / "f.npz").read_bytes()


def test_ids_that_numpy_would_cut_keep_their_ends(tmp_path):
    save_npz(tmp_path / "e.npz", ["a\0", "a", "\ud800"], np.eye(3))
    assert load_npz(tmp_path / "e.npz")[0] == ["a\0", "a", "\ud800"]


def test_one_long_id_does_not_widen_all(tmp_path):
    ids = ["x" * 100_000, *map(str, range(1000))]
    assert sum(array.nbytes for array in ids_to_arrays(ids).values()) < 120_000
    assert ids_to_arrays(ids[1:]).keys() == {"ids"}
    save_npz(tmp_path / "e.npz", ids, np.eye(1001, 1))
    assert load_npz(tmp_path / "e.npz")[0] == ids
    model = Node2Vec(dim=8, window=4, negatives=4, walk_length=4, walks_per_node=1).fit(
        [(ids[0], node) for node in ids[1:]]
    )
    model.save(tmp_path / "m.npz")
    assert Node2Vec.load(tmp_path / "m.npz").ids_.tolist() == ids


def test_long_ids_that_pack_well_are_read_again(tmp_path, monkeypatch):
    """What a reader takes for a bomb is not written."""
    monkeypatch.setattr(packed, "_FREE", 1 << 16)
    monkeypatch.setattr(checks, "_FREE", 1 << 16)
    ids = [f"{'x' * 1000}{node}" for node in range(1000)]
    model = Node2Vec(dim=2, window=4, negatives=4, walk_length=4, walks_per_node=1).fit(
        [(ids[0], node) for node in ids[1:]]
    )
    model.save(tmp_path / "m.npz")
    assert Node2Vec.load(tmp_path / "m.npz").ids_.tolist() == ids


def test_word2vec_text_may_begin_with_a_mark(tmp_path):
    (tmp_path / "e.txt").write_bytes(b"\xef\xbb\xbf1 1\na 1\n")
    assert load_word2vec(tmp_path / "e.txt")[0] == ["a"]


def test_integer_ids_come_back_as_integers(tmp_path):
    save_word2vec(tmp_path / "e.txt", [5, 7], np.zeros((2, 1)))
    assert load_word2vec(tmp_path / "e.txt")[0] == [5, 7]


def test_reads_packed_text(tmp_path):
    (tmp_path / "e.txt.gz").write_bytes(gzip.compress(b"1 2\na 1 2\n"))
    assert load_word2vec(tmp_path / "e.txt.gz")[1].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        (["a b"], [[1.0]], r"id 'a b' is empty or has white space.*save \.npz"),
        ([""], [[1.0]], "id '' is empty"),
        (["a\u2028"], [[1.0]], "white space"),
        ([1, "1"], [[1.0], [2.0]], "id '1' is there twice"),
        (["\ud800"], [[1.0]], "cannot be written as UTF-8"),
        (["a"], [[np.nan]], "the vector of 'a' is not finite"),
        (["a", "b"], [[1.0], [np.inf]], "the vector of 'b' is not finite"),
        (["a"], [1.0], r"shape \(1,\) for 1 ids"),
        (["a"], [[1.0], [2.0]], r"shape \(2, 1\) for 1 ids"),
        (["a"], [["x"]], "have to be numbers"),
    ],
)
def test_word2vec_refuses_and_leaves_the_old_file(tmp_path, ids, vectors, message):
    path = tmp_path / "e.txt"
    path.write_text("old")
    with pytest.raises(InputError, match=message):
        save_word2vec(path, ids, np.array(vectors))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["e.txt"]


@pytest.mark.parametrize(
    ("ids", "meta", "message"),
    [
        ([frozenset()], {}, r"id frozenset\(\) is a frozenset; only strings"),
        (["a"], {"x": object()}, "meta: .*JSON cannot hold it"),
        (["a"], {"x": float("nan")}, "meta: "),
    ],
)
def test_npz_refuses(tmp_path, ids, meta, message):
    with pytest.raises(InputError, match=message):
        save_npz(tmp_path / "e.npz", ids, np.zeros((1, 2)), **meta)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "e.txt:1: '' is no header"),
        ("a 1 2\n", "e.txt:1: 'a 1 2' is no header"),
        ("2 x\n", "e.txt:1: "),
        ("2 2\na 1 2\n", "e.txt: 1 vectors, but the header says 2"),
        ("1 2\na 1 2\nb 1 2\n", "e.txt: 2 vectors, but the header says 1"),
        ("2 2\na 1 2\nb 1\n", "e.txt:3: 2 columns; an id and 2 numbers"),
        ("1 2\na 1 x\n", "e.txt:2: could not convert string to float: 'x'"),
        ("1 2\na 1 nan\n", "e.txt:2: a value is not finite"),
        ("1 2\na 1 1e39\n", "e.txt:2: a value is not finite"),
        ("2 1\na 1\na 2\n", "e.txt:3: id 'a' is in line 2 already"),
        ("0 0\n", "e.txt: no vectors"),
        ("1 1\na 1_0\n", "e.txt:2: could not convert string to float: '1x0'"),
        ("9" * 5000 + " 1\na 1\n", "e.txt:1: '999.*' is no header"),
    ],
)
def test_malformed_word2vec_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "e.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        load_word2vec(tmp_path / "e.txt")


def test_binary_word2vec_is_refused(tmp_path):
    (tmp_path / "e.bin").write_bytes(b"1 1\na \xff\xff\xff\xff\n")
    with pytest.raises(InputError, match="binary format is not read"):
        load_word2vec(tmp_path / "e.bin")


def test_damaged_npz_is_refused(tmp_path):
    path = tmp_path / "e.npz"
    save_npz(path, ["a", "b"], np.ones((2, 3)))
    whole = path.read_bytes()
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"e\.npz: "):
            load_npz(path)
    np.savez(path, vectors=np.ones((3, 1)), meta=np.array("{}"), ids=np.arange(2))
    with pytest.raises(InputError, match=r"shape \(3, 1\) for 2 ids"):
        load_npz(path)
    with pytest.raises(InputError, match="no such file"):
        load_npz(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("vectors", np.array([["0"], ["1"]]), "vectors of <U1; they have to be numbers"),
        ("vectors", np.array([[1j], [0]]), "vectors of complex128"),
        ("vectors", np.array([[np.nan], [0.0]]), "the vector of 'a' is not finite"),
        ("meta", np.array("[1]"), "its meta is no table"),
    ],
)
def test_npz_that_nobody_could_evaluate_is_refused(tmp_path, name, array, message):
    good = {"vectors": np.zeros((2, 1)), "ids": np.array(["a", "b"]), "meta": np.array("{}")}
    np.savez(tmp_path / "e.npz", **{**good, name: array})
    with pytest.raises(InputError, match=message):
        load_npz(tmp_path / "e.npz")


def test_atomic_write_keeps_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def interrupted():
        with atomic_write(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_atomic_write_obeys_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "x"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"e\.txt: cannot be written: the folder .*none does not exist"):
        save_word2vec(tmp_path / "none" / "e.txt", ["a"], np.zeros((1, 1)))


@pytest.mark.parametrize("node", ["a\x1b[2J", "a\0b", "a\u202eb", "=1+1", "\x7f", "\u2066"])
def test_ids_that_a_terminal_or_spreadsheet_would_obey(tmp_path, node):
    with pytest.raises(InputError, match="control character or begins with ="):
        save_word2vec(tmp_path / "e.txt", [node, "b"], np.zeros((2, 1)))
    assert not os.listdir(tmp_path)
