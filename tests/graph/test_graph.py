"""Graphs: construction, growth, files in every format, and what is said about files that are wrong."""

import gzip
import logging
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from skipwalk.sw.errors import InputError, SkipwalkError, UnknownNodeError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.readers import read_edges, read_graph, read_labels, typed_ids

from ..support.data import DATA


def adjacency(graph: Graph) -> dict:
    """{(u, v): weight} in ids, both ways round."""
    w = np.ones(len(graph.indices)) if graph.weights is None else graph.weights
    row = np.repeat(np.arange(graph.n_nodes), graph.degree)
    return {(graph.ids[r], graph.ids[c]): x for r, c, x in zip(row, graph.indices, w, strict=True)}


def both_ways(edges: dict) -> dict:
    return {pair: w for (u, v), w in edges.items() for pair in ((u, v), (v, u))}


# ---- construction
def test_rows_in_order_of_first_appearance():
    g = Graph.from_edges([("b", "a"), ("c", "b")])
    assert g.ids.tolist() == ["b", "a", "c"]
    assert g.indptr.tolist() == [0, 2, 3, 4]
    assert g.indices.tolist() == [1, 2, 0, 0]
    assert (g.indices.dtype, g.indptr.dtype) == (np.int32, np.int64)
    assert g.weights is None
    assert (g.n_nodes, g.n_edges, g.degree.tolist()) == (3, 2, [2, 1, 1])


def test_integer_array_equals_list_of_pairs():
    edges = np.random.default_rng(1).integers(0, 50, (200, 2))
    a, b = Graph.from_edges(edges), Graph.from_edges(edges.tolist())
    assert a.ids.tolist() == b.ids.tolist()
    assert all(type(node) is int for node in a.ids)
    assert a.digest == b.digest


def test_ids_of_mixed_types_stay_what_they_are():
    g = Graph.from_edges([(1, "1"), ("1", (2, 3)), ((2, 3), None)])
    assert g.ids.tolist() == [1, "1", (2, 3), None]
    assert [g.index(node) for node in g.ids] == [0, 1, 2, 3]


def test_nodes_come_first_and_keep_a_row_without_edges():
    g = Graph.from_edges([(3, 1)], nodes=[0, 1, 2])
    assert g.ids.tolist() == [0, 1, 2, 3]
    assert g.degree.tolist() == [0, 1, 0, 1]


def test_with_ids_the_edges_are_row_numbers():
    g = Graph.from_edges([(0, 2)], ids=["a", "b", "c"])
    assert adjacency(g) == both_ways({("a", "c"): 1.0})


def test_self_loops_are_dropped_and_counted():
    g = Graph.from_edges([("a", "a"), ("a", "b")])
    assert (g.n_edges, g.self_loops) == (1, 1)


def test_last_weight_of_a_repeated_edge_counts():
    g = Graph.from_edges([(1, 2), (2, 1), (1, 3), (1, 2)], [5, 6, 1, 7])
    assert adjacency(g) == both_ways({(1, 2): 7.0, (1, 3): 1.0})
    assert g.duplicates == 2


def test_weights_that_are_all_one_are_not_stored():
    assert Graph.from_edges([(1, 2), (2, 3)], [1, 1.0]).weights is None


def test_empty_graph():
    g = Graph.from_edges([])
    assert (g.n_nodes, g.n_edges, g.degree.tolist(), g.edges()[0].shape) == (0, 0, [], (0, 2))


def test_arrays_cannot_be_changed():
    g = Graph.from_edges([(1, 2)], [2.0])
    for array in (g.ids, g.indptr, g.indices, g.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"edges": [(1, 2), (3,)]}, r"edge 1 is \(3,\); it has to be a pair"),
        ({"edges": [(1, 2), (3, 4, 5)]}, "edge 1 .* has to be a pair"),
        ({"edges": [7]}, "edge 0 is 7"),
        ({"edges": [([], 2)]}, "edge 0 .* hashable"),
        ({"edges": [(1, float("nan"))]}, "edge 0 .* NaN cannot be a node id"),
        ({"edges": ["ab", "bc"]}, "edge 0 is 'ab'; it has to be a pair"),
        ({"edges": np.zeros((2, 3), int)}, r"shape \(2, 3\)"),
        ({"edges": [(1, 2)], "weights": [0]}, "edge 0 has the weight 0; weights have to be positive and finite"),
        ({"edges": [(1, 2), (2, 3)], "weights": [1, -2]}, "edge 1 has the weight -2"),
        ({"edges": [(1, 2)], "weights": [float("nan")]}, "edge 0 has the weight nan"),
        ({"edges": [(1, 2)], "weights": [float("inf")]}, "edge 0 has the weight inf"),
        ({"edges": [(1, 2)], "weights": ["x"]}, "not all of them are numbers"),
        ({"edges": [(1, 2)], "weights": [1, 2]}, r"shape \(2,\) for 1 edges"),
        ({"edges": [], "nodes": [[]]}, r"nodes: \[\] cannot be a node id"),
        ({"edges": [], "nodes": [float("nan")]}, "nodes: NaN"),
        ({"edges": [], "ids": ["a", "a"]}, "ids: 'a' is given twice"),
        ({"edges": [(0, 2)], "ids": ["a", "b"]}, r"edge 0 is \(0, 2\); rows are 0 to 1"),
        ({"edges": [(0, -1)], "ids": ["a", "b"]}, r"edge 0 is \(0, -1\)"),
        ({"edges": [("a", "b")], "ids": ["a", "b"]}, "integer row numbers"),
        ({"edges": [], "ids": [1], "nodes": [2]}, "either ids or nodes"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        Graph.from_edges(**arguments)
    assert isinstance(caught.value, (SkipwalkError, ValueError))


def test_unknown_node_is_named():
    g = Graph.from_edges([(1, 2)])
    for node in (3, []):
        with pytest.raises(UnknownNodeError, match=r"^no node (3|\[\]) in this graph of 2 nodes$") as caught:
            g.index(node)
        assert isinstance(caught.value, KeyError)
    assert 1 in g
    assert 3 not in g


pairs_of_small_ids = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(pairs_of_small_ids, st.data())
def test_equals_networkx(edges, data):
    weights = data.draw(st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=len(edges), max_size=len(edges)))
    g = Graph.from_edges(edges, weights)
    expected = {(u, v): w for (u, v), w in zip(edges, weights, strict=True)}
    reference = nx.Graph()
    for (u, v), w in zip(edges, weights, strict=True):
        reference.add_node(u)
        reference.add_node(v)
        if u != v:
            reference.add_edge(u, v, weight=w)
    assert adjacency(g) == both_ways({(u, v): w for u, v, w in reference.edges(data="weight")})
    assert g.n_edges + g.self_loops + g.duplicates == len(edges) >= len(expected)
    assert all((np.diff(g.neighbours(r)) > 0).all() for r in range(g.n_nodes))


def test_from_networkx_keeps_order_weights_and_isolated_nodes(caplog):
    source = nx.Graph()
    source.add_nodes_from(["z", "y", "x"])
    source.add_edge("x", "y", weight=2)
    g = Graph.from_networkx(source)
    assert g.ids.tolist() == ["z", "y", "x"]
    assert adjacency(g) == both_ways({("x", "y"): 2.0})
    assert not caplog.records


def test_from_networkx_merges_parallel_edges():
    g = Graph.from_networkx(nx.MultiGraph([(1, 2, {"weight": 3}), (2, 1, {"weight": 4}), (2, 3)]))
    assert adjacency(g) == both_ways({(1, 2): 4.0, (2, 3): 1.0})


def test_from_networkx_warns_of_direction(caplog):
    g = Graph.from_networkx(nx.DiGraph([(1, 2), (2, 3)]))
    assert adjacency(g) == both_ways({(1, 2): 1.0, (2, 3): 1.0})
    assert "directed graph: its 2 edges are taken in both directions" in caplog.text


def test_from_networkx_names_the_edge_of_a_bad_weight():
    with pytest.raises(InputError, match="edge 1 - 2 has the weight 'heavy'"):
        Graph.from_networkx(nx.Graph([(1, 2, {"weight": "heavy"})]))


@pytest.mark.parametrize("kind", ["csr_array", "coo_matrix", "csc_array"])
def test_from_scipy(kind, caplog):
    dense = np.array([[0, 2, 0], [2, 0, 1], [0, 1, 0]])
    expected = both_ways({(0, 1): 2.0, (1, 2): 1.0})
    for part in (dense, np.triu(dense), np.tril(dense)):
        g = Graph.from_scipy(getattr(sparse, kind)(part))
        assert adjacency(g) == expected
        assert g.duplicates == 0
    assert not caplog.records


def test_from_scipy_of_an_unsymmetric_matrix_warns_and_takes_the_lower_entry(caplog):
    g = Graph.from_scipy(sparse.csr_array(np.array([[0, 2, 4], [3, 0, 0], [0, 5, 0]])), ids=["a", "b", "c"])
    assert adjacency(g) == both_ways({("a", "b"): 3.0, ("a", "c"): 4.0, ("b", "c"): 5.0})
    assert "not symmetric" in caplog.text


def test_from_scipy_refuses():
    with pytest.raises(InputError, match=r"square, not \(2, 3\)"):
        Graph.from_scipy(sparse.csr_array((2, 3)))
    with pytest.raises(InputError, match="1 ids for a matrix of 2 rows"):
        Graph.from_scipy(sparse.csr_array((2, 2)), ids=["a"])
    for indices, indptr in (([5, 0], [0, 1, 2]), ([1, 0], [0, 2, 1]), ([1, -1], [0, 1, 2])):
        damaged = sparse.csr_array((2, 2))
        damaged.data, damaged.indices, damaged.indptr = np.ones(2), np.array(indices), np.array(indptr)
        with pytest.raises(InputError, match="the adjacency matrix is damaged"):
            Graph.from_scipy(damaged)
    stored_zero = sparse.csr_array((np.zeros(1), ([0], [1])), shape=(2, 2))
    with pytest.raises(InputError, match="edge 0 has the weight 0"):
        Graph.from_scipy(stored_zero)


def test_strength_is_the_sum_of_weights():
    assert Graph.from_edges([(0, 1), (1, 2)], [2, 3]).strength.tolist() == [2, 5, 3]
    assert Graph.from_edges([(0, 1), (1, 2)]).strength.tolist() == [1, 2, 1]


def test_digest_tells_graphs_apart():
    a, b = Graph.from_edges([(0, 1), (1, 2)]), Graph.from_edges([(0, 1), (0, 2)])
    assert len({a.digest, b.digest, Graph.from_edges([(0, 1), (1, 2)], [1, 2]).digest}) == 3
    assert a.digest == Graph.from_edges([(0, 1), (2, 1)]).digest


# ---- growth
def test_add_edges_appends_rows_and_leaves_the_old_graph():
    old = Graph.from_edges([("a", "b"), ("b", "c")])
    before = old.digest
    new, new_nodes, new_edges, reweighted = old.add_edges([("c", "b"), ("d", "a"), ("a", "c"), ("a", "d"), ("e", "e")])
    assert old.digest == before
    assert old.n_nodes == 3
    assert new.ids.tolist() == ["a", "b", "c", "d", "e"]
    assert new_nodes.tolist() == [3, 4]
    assert new_edges.tolist() == [[3, 0], [0, 2]]
    assert reweighted.tolist() == []
    assert adjacency(new) == both_ways({("a", "b"): 1, ("b", "c"): 1, ("d", "a"): 1, ("a", "c"): 1})
    assert (new.self_loops, new.duplicates) == (1, 2)
    assert new.index("d") == 3
    assert "d" not in old


def test_add_edges_changes_weights_only_when_given():
    old = Graph.from_edges([(0, 1), (1, 2)], [2, 3])
    kept = old.add_edges([(1, 0), (0, 2)])
    assert adjacency(kept.graph) == both_ways({(0, 1): 2.0, (1, 2): 3.0, (0, 2): 1.0})
    assert kept.reweighted.tolist() == []
    changed = old.add_edges([(1, 0), (2, 1)], [5, 3])
    assert adjacency(changed.graph) == both_ways({(0, 1): 5.0, (1, 2): 3.0})
    assert changed.reweighted.tolist() == [[0, 1]]
    assert changed.new_edges.shape == (0, 2)
    weighted = Graph.from_edges([(0, 1)]).add_edges([(0, 1), (1, 2)], [4, 1])
    assert adjacency(weighted.graph) == both_ways({(0, 1): 4.0, (1, 2): 1.0})
    assert weighted.reweighted.tolist() == [[0, 1]]


def test_add_edges_that_fail_change_nothing():
    g = Graph.from_edges([(0, 1)])
    with pytest.raises(InputError, match="edge 1"):
        g.add_edges([(5, 6), (7,)])
    assert 5 not in g


@settings(max_examples=60, deadline=None)
@given(pairs_of_small_ids, pairs_of_small_ids)
def test_adding_edges_equals_giving_them_at_once(first, second):
    at_once = Graph.from_edges(first + second)
    grown = Graph.from_edges(first).add_edges(second).graph
    assert grown.ids.tolist() == at_once.ids.tolist()
    assert grown.digest == at_once.digest
    assert (grown.self_loops, grown.duplicates) == (at_once.self_loops, at_once.duplicates)


# ---- files
SQUARE = both_ways({(1, 2): 1.0, (2, 3): 2.5, (3, 4): 1.0, (4, 1): 1.0})


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.txt", "# made by hand\n1 2 1\n\n2\t3 2.5\n  3 4 1\r\n4 1 1\n"),
        ("g.edges", "% KONECT's comment\n1 2 1\n2 3 2.5\n3 4 1\n4 1 1"),
        ("g.txt", "\ufeff1 2 1\n2 3 2.5\n3 4 1\n4 1 1\n"),
        ("g.txt", "source target weight\n1 2 1\n2 3 2.5\n3 4 1\n4 1 1\n"),
        ("g.csv", "1,2,1\n2,3,2.5\n3,4,1\n4,1,1\n"),
        ("g.csv", "Source,Target,Weight\n1,2,1\n2,3,2.5\n3,4,1\n4,1,1\n"),
        ("g.csv", "type,weight,target,source\nx,1,2,1\nx,2.5,3,2\nx,1,4,3\nx,1,1,4\n"),
        ("g.csv", 'begin,end,w\n"1", 2,1\n2,3,"2.5"\n\n3,4,1\n4,1,1\n'),
        ("g.tsv", "#c\n1\t2\t1\n2\t3\t2.5\n3\t4\t1\n4\t1\t1\n"),
    ],
)
def test_reads_text(tmp_path, name, text):
    path = write(tmp_path / name, text)
    assert adjacency(read_graph(path)) == SQUARE
    packed = tmp_path / (name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert adjacency(read_graph(packed)) == SQUARE


def test_words_of_a_header_can_be_nodes_of_an_edge_list(tmp_path):
    path = write(tmp_path / "g.txt", "u v\nv w\n")
    assert adjacency(read_graph(path)) == both_ways({("u", "v"): 1.0, ("v", "w"): 1.0})


def square_nx() -> nx.Graph:
    return nx.Graph([(u, v, {"weight": w}) for (u, v), w in SQUARE.items()])


@pytest.mark.parametrize(("name", "writer"), [("g.graphml", nx.write_graphml), ("g.gml", nx.write_gml)])
def test_reads_networkx_formats(tmp_path, name, writer):
    writer(square_nx(), tmp_path / name)
    assert adjacency(read_graph(tmp_path / name)) == SQUARE
    writer(square_nx(), tmp_path / (name + ".gz"))
    assert adjacency(read_graph(tmp_path / (name + ".gz"))) == SQUARE
    writer(nx.relabel_nodes(square_nx(), {1: "one"}), tmp_path / name)
    assert set(read_graph(tmp_path / name).ids) == {"one", "2", "3", "4"}


def test_reads_gml_without_labels(tmp_path):
    text = "graph [ node [ id 7 ] node [ id 9 ] edge [ source 7 target 9 ] ]"
    assert adjacency(read_graph(write(tmp_path / "g.gml", text))) == both_ways({(7, 9): 1.0})


def test_reads_npz(tmp_path):
    path, ids = tmp_path / "g.npz", np.array([1, 2, 3, 4])
    matrix = nx.to_scipy_sparse_array(square_nx(), nodelist=ids.tolist(), format="csr")
    sparse.save_npz(path, matrix)
    shifted = {(u - 1, v - 1): w for (u, v), w in SQUARE.items()}
    assert adjacency(read_graph(path)) == shifted
    np.savez(path, indptr=matrix.indptr, indices=matrix.indices, weights=matrix.data, ids=ids)
    assert adjacency(read_graph(path)) == SQUARE
    np.savez(path, indptr=matrix.indptr, indices=matrix.indices)
    assert adjacency(read_graph(path)) == dict.fromkeys(shifted, 1.0)
    np.savez(path, edges=np.array(list(SQUARE)), weights=np.array(list(SQUARE.values())))
    assert adjacency(read_graph(path)) == SQUARE
    np.savez(path, edges=np.array([["a", "b"], ["b", "c"]]))
    assert adjacency(read_graph(path)) == both_ways({("a", "b"): 1.0, ("b", "c"): 1.0})


def test_fmt_overrides_the_ending(tmp_path):
    assert adjacency(read_graph(write(tmp_path / "g.dat", "1,2\n"), fmt="csv")) == both_ways({(1, 2): 1.0})
    with pytest.raises(InputError, match="unknown format 'xls'; there are edges, csv"):
        read_graph(tmp_path / "g.dat", fmt="xls")


def test_ids_are_integers_only_if_all_are_written_so():
    assert typed_ids(["7", "-3", "0"]) == [7, -3, 0]
    for words in (["7", "a"], ["007"], ["-0"], ["1.0"], ["1" * 19], ["+1"], ["1_0"], ["\u0661"]):
        assert typed_ids(words) == words


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("g.txt", "1 2\n3\n", r"g\.txt:2: 1 columns, but 2 in the lines before"),
        ("g.txt", "1,2\n", r"g\.txt:1: 1 columns; an edge is `u v` or `u v weight`, and files with commas"),
        ("g.txt", "1 2 3 4\n", r"g\.txt:1: 4 columns; an edge is"),
        ("g.txt", "# c\n1 2 0.5\n1 3\n", r"g\.txt:3: 2 columns, but 3 .* every edge a weight or none"),
        ("g.txt", "1 2 x\n", r"g\.txt:1: weight 'x' is not a number"),
        ("g.txt", "1 2 1\n1 3 nan\n", r"g\.txt:2: weight nan; it has to be positive and finite"),
        ("g.txt", "1 2 0\n", r"g\.txt:1: weight 0;"),
        ("g.txt", "1 2 -1e-9\n", r"g\.txt:1: weight -1e-9;"),
        ("g.txt", "1 2 inf\n", r"g\.txt:1: weight inf;"),
        ("g.txt", "", r"g\.txt: no edges .* right file\?"),
        ("g.txt", "# only a comment\n", r"g\.txt: no edges"),
        ("g.txt", "1 1\n", r"g\.txt: no edges between different nodes \(1 self-loops\)"),
        ("g.csv", "1,2\n,3\n", r"g\.csv:2: an empty node id"),
        ("g.csv", "1,2\n\n\n3,\n", r"g\.csv:4: an empty node id"),
        ("g.csv", "1,2,3,4\n", r"g\.csv:1: 4 columns and no header"),
        ("g.csv", "source,target,weight\n1,2\n", r"g\.csv:2: 2 columns; the header has more"),
        ("g.csv", '1,2\n"3,4\n', r"g\.csv:\d: malformed"),
        ("g.graphml", "<graphml>\n<graph\n", r"g\.graphml:2: malformed"),
        ("g.graphml", "<nothing/>", r"g\.graphml: malformed"),
        ("g.gml", "graph [\n node [ id 1\n", r"g\.gml(:\d)?: malformed"),
        ("g.gml", "graph [\n node ] id 1\n", r"g\.gml:2: malformed"),
        ("g.gml", "", r"g\.gml: malformed"),
        ("g.npz", "text", r"g\.npz: malformed|g\.npz: cut off"),
        ("g.txt.gz", "1 2 3 4\n", r"g\.txt\.gz:1: 4 columns"),
    ],
)
def test_malformed_file_is_named_with_its_line(tmp_path, name, text, message):
    path = write(tmp_path / name, text)
    with pytest.raises(InputError, match=message) as caught:
        read_graph(path)
    assert caught.value.path == path


def test_edge_list_that_is_not_text(tmp_path):
    path = tmp_path / "g.txt"
    path.write_bytes(b"1 2\n\xff\xfe 3\n")
    with pytest.raises(InputError, match=r"g\.txt:2: not UTF-8 text"):
        read_graph(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: no such file"):
        read_graph(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_graph(tmp_path)


@pytest.mark.parametrize("name", ["g.npz", "g.txt.gz"])
def test_file_that_is_cut_off_anywhere(tmp_path, name):
    path, matrix = tmp_path / name, sparse.random_array((30, 30), density=0.2, rng=np.random.default_rng(0))
    if name == "g.npz":
        sparse.save_npz(path, matrix + matrix.T)
    else:
        path.write_bytes(gzip.compress(b"1 2\n2 3\n" * 20))
    whole = path.read_bytes()
    for size in range(2, len(whole), max(1, len(whole) // 23)):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=f"{name}.*(cut off|malformed)"):
            read_graph(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(1)}, "has the arrays x; it needs edges"),
        ({"edges": np.zeros((2, 3), int)}, r"g\.npz: edges: shape \(2, 3\)"),
        ({"edges": np.array([[1, 2]]), "weights": np.array([np.nan])}, "edge 0 has the weight nan"),
        ({"edges": np.array([[1, None]], object)}, "holds Python's objects, which are not read"),
        ({"indptr": np.array([0, 1]), "indices": np.array([5])}, "damaged|malformed"),
        ({"indptr": np.array([0, 9]), "indices": np.array([0])}, "damaged|malformed"),
        ({"indptr": np.array([]), "indices": np.array([])}, "malformed"),
        ({"indptr": np.array([0, 1, 2]), "indices": np.array([1, 0]), "ids": np.array(["a"])}, "1 ids for a matrix"),
        ({"format": np.array("csr")}, "malformed"),
    ],
)
def test_npz_with_wrong_arrays(tmp_path, arrays, message):
    np.savez(tmp_path / "g.npz", **arrays)
    with pytest.raises(InputError, match=message) as caught:
        read_graph(tmp_path / "g.npz")
    assert caught.value.path == tmp_path / "g.npz"


def test_single_npy_array_is_refused(tmp_path):
    with (tmp_path / "g.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(InputError, match="a single array"):
        read_graph(tmp_path / "g.npz")


# ---- edges to add
@pytest.mark.parametrize(
    ("old", "text", "pairs"),
    [
        ([(1, 2)], "2 3\n", [[2, 3]]),
        ([("1", "2")], "2 3\n", [["2", "3"]]),
        ([(1, 2)], "2 x\n3 2\n", [[2, "x"], [2, 3]]),
        ([("a", "7")], "7 8\n", [["7", "8"]]),
        ([(1, (2, 3))], "1 x\n", [[1, "x"]]),
    ],
)
def test_edges_to_add_have_the_ids_of_the_graph(tmp_path, old, text, pairs):
    got, weights = read_edges(write(tmp_path / "e.txt", text), Graph.from_edges(old))
    assert got.tolist() == pairs
    assert weights is None


def test_edges_to_add_keep_weights(tmp_path):
    graph = Graph.from_edges([(1, 2), (2, 3)])
    pairs, weights = read_edges(write(tmp_path / "e.csv", "3,2,5\n4,1,2\n"), graph)
    added = graph.add_edges(pairs, weights)
    assert adjacency(added.graph) == both_ways({(1, 2): 1.0, (2, 3): 5.0, (1, 4): 2.0})
    assert added.new_nodes.tolist() == [3]


def test_edges_to_add_cannot_tell_ids_that_read_the_same(tmp_path):
    with pytest.raises(InputError, match=r"e\.txt: .* read the same"):
        read_edges(write(tmp_path / "e.txt", "1 2\n"), Graph.from_edges([(1, "1")]))


# ---- labels
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.txt", "1 0\n2 1\n\n# c\n3 0\n"),
        ("l.txt", "node class\n1 0\n2 1\n3 0\n"),
        ("l.csv", "1,0\n2,1\n3,0\n"),
        ("l.csv", "label,id,year\n0,1,1999\n1,2,2000\n0,3,2001\n"),
        ("l.tsv", "paper\tfield\n1\t0\n2\t1\n3\t0\n"),
    ],
)
def test_reads_labels(tmp_path, name, text):
    path = write(tmp_path / name, text)
    assert read_labels(path) == {1: 0, 2: 1, 3: 0}
    words = Graph.from_edges([("1", "2"), ("2", "3")])
    assert read_labels(path, words) == {"1": 0, "2": 1, "3": 0}


def test_labels_that_are_words(tmp_path):
    assert read_labels(write(tmp_path / "l.txt", "a x\nb 1\n")) == {"a": "x", "b": "1"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.txt", "1 0\n9 0\n", r"l\.txt:2: node '9' is not in the graph"),
        ("l.txt", "1\n", r"l\.txt:1: 1 columns; a label line is a node and its class"),
        ("l.txt", "1 0 0\n", r"l\.txt:1: 3 columns"),
        ("l.csv", "id,label\n1\n", r"l\.csv:2: 1 columns"),
        ("l.csv", "id,label\n1,0\n2,\n", r"l\.csv:3: a class is missing; fill or remove the line"),
        ("l.txt", "1 0\n2 1\n1 1\n", r"l\.txt:3: node '1' has the class '1', but '0' in line 1"),
        ("l.txt", "", r"l\.txt: no labels"),
        ("l.npz", "", r"l\.npz: labels are read from text"),
    ],
)
def test_labels_refused(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_labels(write(tmp_path / name, text), Graph.from_edges([(1, 2), (2, 3)]), strict=True)


def test_labels_cannot_tell_ids_that_read_the_same(tmp_path):
    with pytest.raises(InputError, match="read the same"):
        read_labels(write(tmp_path / "l.txt", "1 0\n"), Graph.from_edges([(1, "1")]))


@pytest.mark.skipif(not (DATA / "cora").is_dir(), reason="SKIPWALK_DATA has no cora folder")
def test_cora():
    g = read_graph(DATA / "cora" / "edges.txt")
    assert (g.n_nodes, g.n_edges, g.self_loops, g.duplicates) == (2708, 5278, 0, 0)
    labels = read_labels(DATA / "cora" / "labels.txt", g)
    assert len(labels) == 2708
    assert set(labels.values()) == set(range(7))


def test_large_counts_are_logged(caplog):
    with caplog.at_level(logging.INFO):
        Graph.from_edges([(1, 1), (1, 2)])
    assert "1 self-loops dropped" in caplog.text
