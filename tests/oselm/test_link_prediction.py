"""Hidden edges: what is hidden and what is not, non-edges that are none, rankings against pairs counted by hand."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.oselm.link_prediction import (
    BASELINES,
    NON_EDGES,
    SCORES,
    hide_links,
    rank_by_graph,
    rank_by_vectors,
)


def communities(n: int, seed: int, *, inside: float = 0.6, across: float = 0.05) -> Graph:
    """Three communities of ``n`` nodes, and two nodes apart from them."""
    rng = np.random.default_rng(seed)
    side = np.arange(3 * n) // n
    chance = np.where(side[:, None] == side, inside, across)
    u, v = np.nonzero(np.triu(rng.random((3 * n, 3 * n)) < chance, 1))
    weights = rng.integers(1, 4, len(u) + 1).astype(float)
    return Graph.from_edges([*zip(u.tolist(), v.tolist(), strict=True), ("x", "y")], weights)


def keys(pairs) -> set[tuple[int, int]]:
    return {(min(pair), max(pair)) for pair in np.asarray(pairs).tolist()}


def parts(graph: Graph) -> int:
    matrix = csr_matrix((np.ones(len(graph.indices)), graph.indices, graph.indptr), (graph.n_nodes, graph.n_nodes))
    return connected_components(matrix)[0]


@pytest.mark.parametrize("sort", NON_EDGES)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_hidden_and_what_is_not(sort, seed):
    graph = communities(20, seed)
    links = hide_links(graph, share=0.3, non_edges=sort, seed=seed)
    edges = keys(graph.edges()[0])
    assert len(keys(links.hidden)) == len(links.hidden) == round(0.3 * graph.n_edges)
    assert keys(links.hidden) | keys(links.train_edges) == edges
    assert not keys(links.hidden) & keys(links.train_edges)
    assert keys(links.kept.edges()[0]) == keys(links.train_edges)
    assert parts(links.kept) == parts(graph)
    assert links.kept.ids.tolist() == graph.ids.tolist()
    kept, weights = links.kept.edges()
    heavy = {(min(u, v), max(u, v)): w for (u, v), w in zip(*map(np.ndarray.tolist, graph.edges()), strict=True)}
    assert [heavy[pair] for pair in map(tuple, kept.tolist())] == weights.tolist()
    for pairs, like, known in (
        (links.non_edges, links.hidden, edges),
        (links.train_non_edges, links.train_edges, keys(links.train_edges)),
    ):
        assert len(keys(pairs)) == len(pairs) == len(like)
        assert not keys(pairs) & known
        assert (pairs[:, 0] != pairs[:, 1]).all()
        ends = [np.bincount(np.ravel(p), minlength=graph.n_nodes).tolist() for p in (pairs, like)]
        assert (ends[0] == ends[1]) == (sort == "matched")
    again, other = (hide_links(graph, share=0.3, non_edges=sort, seed=s) for s in (seed, seed + 1))
    assert np.array_equal(again.hidden, links.hidden)
    assert np.array_equal(again.non_edges, links.non_edges)
    assert keys(other.hidden) != keys(links.hidden)


def test_vectors_that_know_everything_rank_without_a_fault_and_others_guess():
    # Three cliques without an edge between them: whatever is no edge joins two of them.
    graph = Graph.from_edges([(16 * c + a, 16 * c + b) for c in range(3) for a in range(16) for b in range(a)])
    links = hide_links(graph, seed=1)
    assert links.kept.n_nodes == 48
    truth = np.eye(3)[np.arange(48) // 16]
    assert rank_by_vectors(truth, links) == dict.fromkeys(SCORES, (1.0, 1.0))
    noise = rank_by_vectors(np.random.default_rng(0).normal(size=(48, 3)), links)
    assert all(0.3 < value < 0.7 for ranking in noise.values() for value in ranking)
    # Length counts for the dot product alone; a node without a vector ranks last, and is no fault.
    length = np.ones((48, 1))
    length[:16], length[0] = 1e3, 0
    scaled = rank_by_vectors(truth * length, links)
    assert scaled["cosine"].auc == scaled["dot"].auc < 1


def test_logistic_regression_learns_which_columns_count():
    graph = Graph.from_edges([(16 * c + a, 16 * c + b) for c in range(3) for a in range(16) for b in range(a)])
    links = hide_links(graph, seed=2)
    noise = 5 * np.random.default_rng(0).normal(size=(48, 4))
    ranked = rank_by_vectors(np.hstack([np.eye(3)[np.arange(48) // 16], noise]), links)
    assert ranked["hadamard"].auc > 0.99 > 0.8 > ranked["dot"].auc


def test_baselines_are_what_their_names_say():
    links = hide_links(communities(12, 5), non_edges="uniform", seed=3)
    near = {node: set() for node in range(links.kept.n_nodes)}
    for u, v in links.train_edges.tolist():
        near[u].add(v)
        near[v].add(u)

    def adamic_adar(u, v):
        return sum(1 / math.log(len(near[w])) for w in near[u] & near[v])

    def preferential_attachment(u, v):
        return len(near[u]) * len(near[v])

    ranked = rank_by_graph(links)
    for name, score in zip(BASELINES, (adamic_adar, preferential_attachment), strict=True):
        one, other = ([score(u, v) for u, v in pairs.tolist()] for pairs in (links.hidden, links.non_edges))
        wins = np.sign(np.subtract.outer(one, other).round(9))
        assert ranked[name].auc == pytest.approx((1 + wins.mean()) / 2)


def test_matched_non_edges_leave_nothing_to_the_number_of_neighbours():
    rng = np.random.default_rng(0)
    weight = 1 / np.arange(1, 401) ** 0.7
    u, v = rng.choice(400, (2, 2000), p=weight / weight.sum())
    graph = Graph.from_edges(np.stack([u, v], 1)[u != v])
    by = {sort: rank_by_graph(hide_links(graph, non_edges=sort))["preferential-attachment"].auc for sort in NON_EDGES}
    assert by["uniform"] > 0.75
    assert 0.4 < by["matched"] < 0.6


def test_what_cannot_be_hidden_is_refused():
    tree = Graph.from_edges([(0, i) for i in range(1, 9)])
    with pytest.raises(InputError, match="2 of 8 edges cannot be hidden: a spanning forest needs 8 of them"):
        hide_links(tree)
    clique = Graph.from_edges([(a, b) for a in range(9) for b in range(a)])
    with pytest.raises(InputError, match="cannot be joined to non-edges; choose uniform ones"):
        hide_links(clique)
    with pytest.raises(InputError, match="too few pairs that are no edges for 9 of them"):
        hide_links(clique, non_edges="uniform")
    for share in (0, 1, -0.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            hide_links(clique, share=share)
    with pytest.raises(ValueError, match="one of matched, uniform, not 'any'"):
        hide_links(clique, non_edges="any")
