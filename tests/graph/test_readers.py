"""What is more likely a mistake in a graph file is refused, what was taken is logged, and no file takes more than it
should."""

import bz2
import gzip
import io
import logging
import lzma
import zipfile

import networkx as nx
import numpy as np
import pytest
from scipy import io as scipy_io
from scipy import sparse
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.packed import unpack_npz
from skipwalk.sw.graph.readers import read_edges, read_graph, read_labels
from skipwalk.sw.oselm.estimator import Node2Vec


def edges(path) -> dict:
    graph = read_graph(path)
    pairs, weights = graph.edges()
    values = [1.0] * len(pairs) if weights is None else weights.tolist()
    return {frozenset(graph.ids[pair]): w for pair, w in zip(pairs, values, strict=True)}


def want(*triples) -> dict:
    return {frozenset((u, v)): w for u, v, w in triples}


WEIGHTED = want(("a", "b", 2.0), ("b", "c", 3.0))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("g.txt", "1, 2\n2, 3\n", r"g\.txt:1: the id '1,' has a mark of a table; name the file \.csv"),
        ("g.txt", "1 2\n2 ;3\n", r"g\.txt:2: the id ';3'"),
        ("g.txt", '"John Doe" x\n', r"""g\.txt:1: the id '"John'"""),
        ("g.txt", "#a #b\n#b c\n", r"g\.txt:1: a comment, or an edge"),
        ("g.txt", "a b\n#b c\n", r"g\.txt:2: a comment, or an edge"),
        ("g.txt", "#b c\na #b\n", r"g\.txt:1: a comment, or an edge"),
        ("g.txt", "a #b\n", "the id '#b' begins with #"),
        ("g.csv", "a,b\n#b,c\n", r"g\.csv:2: a comment, or an edge"),
        ("g.txt", "4 3\n1 2\n2 3\n3 4\n", r"g\.txt:1: reads as the numbers of nodes and edges \(3 edges follow\)"),
        ("g.txt", "9 4\n0 1\n1 2\n2 3\n3 4\n", r"g\.txt:1: reads as the numbers"),
        ("g.txt", "3 3 2\n1 2 1\n2 3 1\n", r"g\.txt:1: reads as the numbers"),
        ("g.txt", "a b {'weight': __import__('os')}\n", "no dictionary of plain attributes"),
        ("g.txt", "a b {'c': nan}\n", r"g\.txt:1: \"{'c': nan}\" is no dictionary of plain attributes; write"),
        ("g.txt", "// n m\n1 2\n", r"g\.txt:1: begins with //; comments begin with #"),
        ("g.txt", '"1" "2"\n2 3\n', 'the ids "2" and 2 differ in their quotes alone'),
        ("g.txt", '<?xml version="1.0"?><gexf></gexf>', r"g\.txt:1: is XML or HTML"),
        ("g.txt", '{"nodes": [], "links": []}', r"g\.txt:1: is JSON"),
        ("g.net", "*Vertices 2\n1 2\n", r"g\.net:1: is Pajek's format"),
        (
            "g.txt",
            "version https://git-lfs.github.com/spec/v1\noid a\nsize 5\n",
            "is a pointer of Git LFS; `git lfs pull`",
        ),
        ("g.txt", "%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 2\n", "let its name end in .mtx"),
        ("g.adjlist", "0 1 2\n1 2 3\n", r"g\.adjlist: \.adjlist is not read; convert it"),
        ("g.gexf", "<gexf/>", r"\.gexf is not read"),
        ("g.json.gz", "{}", r"\.json is not read"),
        (
            "g.gml",
            "graph [ node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 weight 1" + "0" * 400 + " ] ]",
            "edge 0 - 1 has the weight 1000.*; it has to be a number",
        ),
        ("g.gml", "graph [" * 5000, "nested too deeply|malformed"),
        ("g.txt", "1 - 2\n2 - 3\n", r"g\.txt:1: every second word is '-'"),
        ("g.txt", "1 -> 2\n2 -> 3\n", r"g\.txt:1: every second word is '->'"),
        ("g.txt", "[1 2]\n[2 3]\n", r"g\.txt:1: the id '\[1' has a mark"),
        ("g.csv", "4,3\n1,2\n2,3\n3,4\n", r"g\.csv:1: reads as the numbers of nodes and edges"),
        ("g.txt", "1 2 1_0\n", "weight '1_0' is not a number"),
        ("g.txt", "a b\nb\0 c\n", r"g\.txt:2: a NUL"),
        ("g.mtx", "%%MatrixMarket matrix coordinate complex general\n2 2 1\n1 2 1 1\n", "complex numbers"),
        ("g.mtx", "%%MatrixMarket matrix array real general\n90000 90000\n1\n", "8100000000 entries in 56 bytes"),
        (
            "g.mtx",
            "%%MatrixMarket matrix coordinate real general\n9000000 9000000 1\n1 2 1\n",
            "matrix of 9000000 rows",
        ),
    ],
)
def test_mistakes_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_graph(tmp_path / name)


@pytest.mark.parametrize("text", ["1 2\n2 3\n3 1\n", "# 3 2\n#\n#nodes\n1 2\n2 3\n#end\n1 3\n", "1 2\n2 3\n1 3\n4 3\n"])
def test_edges_that_only_look_like_mistakes(tmp_path, text):
    (tmp_path / "g.txt").write_text(text)
    assert frozenset((1, 3)) in edges(tmp_path / "g.txt")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.csv", "source;target;score\na;b;2\nb;c;3\n"),
        ("g.csv", "source\ttarget\tstrength\na\tb\t2\nb\tc\t3\n"),
        ("g.csv", "a;b;2\nb;c;3\n"),
        ("g.txt", "a b {'weight': 2.0, 'x': 'y'}\nb c {'weight': 3}\n"),
        ("g.gml", 'graph [ node [ id 0 label "a" ] node [ id 1 label "b" ] node [ id 2 label "c" ] '
                  "edge [ source 0 target 1 value 2 ] edge [ source 1 target 2 value 3 ] ]"),
    ],
)  # fmt: skip
def test_weights_and_delimiters(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert edges(tmp_path / name) == WEIGHTED


def test_what_networkx_writes_by_default(tmp_path):
    nx.write_edgelist(nx.path_graph(4), tmp_path / "g.txt")
    assert edges(tmp_path / "g.txt") == want((0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0))


def test_matrix_market_has_ids_as_in_the_file(tmp_path):
    scipy_io.mmwrite(tmp_path / "g.mtx", sparse.coo_array(([2.0, 3.0], ([1, 2], [0, 1])), shape=(3, 3)))
    assert edges(tmp_path / "g.mtx") == want((1, 2, 2.0), (2, 3, 3.0))
    (tmp_path / "g.mtx").write_text(
        "%%MatrixMarket matrix coordinate real general\n1000000000000 1000000000000 1\n1 2 1\n"
    )
    with pytest.raises(InputError, match="a matrix of 1000000000000 rows"):
        read_graph(tmp_path / "g.mtx")


def test_packed_files(tmp_path):
    text = b"a,b,2\nb,c,3\n"
    for ending, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        path = tmp_path / f"g.csv.{ending}"
        path.write_bytes(pack(text))
        assert edges(path) == WEIGHTED
        path.write_bytes(pack(text)[:-9])
        with pytest.raises(InputError, match="cut off or damaged"):
            read_graph(path)
    for name in ("g.zip", "g.csv.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("inner.csv", text)
        assert edges(tmp_path / name) == WEIGHTED
    with zipfile.ZipFile(tmp_path / "g.zip", "a") as archive:
        archive.writestr("other.csv", text)
    with pytest.raises(InputError, match="2 files in the archive"):
        read_graph(tmp_path / "g.zip")


@pytest.mark.parametrize("ending", ["gz", "zip", "npz"])
def test_small_file_that_becomes_a_large_one(tmp_path, ending):
    path = tmp_path / f"g.{ending}"
    if ending == "gz":
        path.write_bytes(gzip.compress(bytes(80_000_000), 1))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("edges.npy", bytes(80_000_000))
    with pytest.raises(InputError, match="unpack to more than"):
        read_graph(path)


def test_declared_shape_is_refused_before_memory_is_taken():
    header = io.BytesIO()
    declared = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(header, declared)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("edges.npy", header.getvalue())
    with pytest.raises(InputError, match=r"shape \(1000000, 1000000\)"):
        unpack_npz(file.getvalue())


def test_every_flipped_byte_of_an_npz_is_an_input_error_or_harmless(tmp_path):
    path = tmp_path / "g.npz"
    np.savez_compressed(path, edges=np.array([[1, 2], [2, 3]]))
    whole = path.read_bytes()
    for at in range(len(whole)):
        for bit in (1, 64, 255):
            data = bytearray(whole)
            data[at] ^= bit
            path.write_bytes(data)
            try:
                read_graph(path)
            except InputError as error:
                assert error.path == path  # noqa: PT017


PAIRS = np.array([[0, 1], [1, 2]])
DIAGONAL = {"offsets": np.array([1]), "data": np.ones((1, 2)), "shape": np.array([10**9, 10**9])}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"format": np.array(b"dia"), **DIAGONAL}, "a matrix of 1000000000 rows"),
        ({"edges": PAIRS, "ids": np.array([b"a", b"b", b"c"])}, r"ids of \|S1; ids are numbers or text"),
        ({"edges": PAIRS.astype("datetime64[s]")}, "edges of datetime64"),
        ({"edges": PAIRS > 0}, "edges of bool"),
        ({"edges": PAIRS, "weights": np.array([2 + 1j, 3])}, "not all of them are numbers"),
    ],
)
def test_arrays_that_are_no_graph(tmp_path, arrays, message):
    """Ids that could not be saved after training, shapes that only take memory, and numbers that would lose a part."""
    np.savez(tmp_path / "g.npz", **arrays)
    with pytest.raises(InputError, match=rf"g\.npz: .*{message}"):
        read_graph(tmp_path / "g.npz")


@pytest.mark.parametrize("header", ["src_id,dst_id", "node_1,node_2", "FromNodeId,ToNodeId", "source-id,Target Id"])
def test_headers_however_they_are_written(tmp_path, header):
    (tmp_path / "g.csv").write_text(f"{header},weight\na,b,2\nb,c,3\n")
    assert edges(tmp_path / "g.csv") == WEIGHTED


def test_log_says_what_was_passed_over(tmp_path, caplog):
    caplog.set_level(logging.INFO, "skipwalk")
    (tmp_path / "g.txt").write_text("a b {'capacity': 2}\n")
    assert read_graph(tmp_path / "g.txt").weights is None
    assert "g.txt: attributes passed over: capacity" in caplog.text
    np.savez(tmp_path / "g.npz", edges=PAIRS, score=np.array([2.0, 3.0]), colour=PAIRS)
    assert edges(tmp_path / "g.npz") == want((0, 1, 2.0), (1, 2, 3.0))
    assert "weights are 'score'; passed over: colour" in caplog.text
    scipy_io.mmwrite(tmp_path / "g.mtx", sparse.coo_array(([2.0], ([1], [0])), shape=(2, 2)))
    read_graph(tmp_path / "g.mtx")
    assert "g.mtx: weights are the entries" in caplog.text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("g.txt", "source target\nalice bob\nbob carol\n", "g.txt:1: taken as the edge 'source' - 'target', of nodes"),
        ("g.csv", "From,Aim\na,b\nb,c\n", "g.csv:1: taken as the edge 'From' - 'Aim'"),
        ("g.txt", "'a' 'b'\n'b' 'c'\n", "g.txt: 3 ids have quotes, as 'a', which are taken as parts of them"),
        ("g.txt", "a b 2\nb c 1\nb a 3\n", "1 edges come again with another weight"),
        ("g.csv", ",source,target\n0,5,6\n", "columns passed over: one without a name"),
        ("g.gml", "graph [ node [ id 0 ] node [ id 1 ] node [ id 2 ] edge [ source 0 target 1 weight 2 ] "
         "edge [ source 1 target 2 ] ]", "1 edges have no 'weight'; their weight is 1"),
    ],
)  # fmt: skip
def test_log_warns_of_what_may_be_meant_otherwise(tmp_path, caplog, name, text, said):
    (tmp_path / name).write_text(text)
    read_graph(tmp_path / name)
    assert said in caplog.text


def test_log_warns_of_nothing_else(tmp_path, caplog):
    for text in ("a b\nb c\n", "a b\n", "1 2\n3 4\n", "a b 2\nb a 2\n"):
        (tmp_path / "g.txt").write_text(text)
        read_graph(tmp_path / "g.txt")
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_ends_of_lines_of_all_systems(tmp_path):
    for end in (b"\n", b"\r\n", b"\r"):
        (tmp_path / "g.txt").write_bytes(end.join([b"# comment", b"a b 2", b"b c 3", b""]))
        assert edges(tmp_path / "g.txt") == WEIGHTED
        (tmp_path / "g.csv").write_bytes(end.join([b"source,target,weights", b"a,b,2", b"b,c,3", b""]))
        assert edges(tmp_path / "g.csv") == WEIGHTED


def test_a_model_is_no_graph(tmp_path):
    Node2Vec(preset="tiny", window=4, negatives=4, walk_length=10, walks_per_node=1).fit([(1, 2)]).save(
        tmp_path / "m.npz"
    )
    with pytest.raises(InputError, match=r"m\.npz: is a saved model; name the file that its graph came from"):
        read_graph(tmp_path / "m.npz")


def test_edges_to_add_bring_nodes_alone(tmp_path):
    graph = Graph.from_edges([(1, 2)], [2.0])
    for text, want_pairs, want_weights in (("3 3\n", [[3, 3]], None), ("2 3 4\n9 9 1\n", [[2, 3], [9, 9]], [4.0, 1.0])):
        (tmp_path / "e.txt").write_text(text)
        pairs, weights = read_edges(tmp_path / "e.txt", graph)
        assert pairs.tolist() == want_pairs
        assert weights is None if want_weights is None else weights.tolist() == want_weights
    (tmp_path / "e.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match=r"e\.txt: no edges"):
        read_edges(tmp_path / "e.txt", graph)


def test_log_says_what_was_taken(tmp_path, caplog):
    caplog.set_level(logging.INFO, "skipwalk")
    (tmp_path / "g.csv").write_text("source,target,kind,score\na,b,x,2\n")
    read_graph(tmp_path / "g.csv")
    assert "columns passed over: kind" in caplog.text
    assert "source, target and weight" in caplog.text


def test_pairs_of_ids_are_not_taken_for_rows():
    for pairs in ([(3, 1), (1, 0)], np.array([[3, 1], [1, 0]])):
        with pytest.raises(InputError, match="give nodes=ids"):
            Graph.from_edges(pairs, ids=[3, 1, 0, 2])
    graph = Graph.from_rows([(0, 1)], None, [3, 1])
    assert graph.neighbours(graph.index(3)).tolist() == [graph.index(1)]


def test_labels_are_split_as_graphs_are(tmp_path):
    (tmp_path / "l.csv").write_text("node;class\n1;x\n2;y\n")
    assert read_labels(tmp_path / "l.csv") == {1: "x", 2: "y"}
