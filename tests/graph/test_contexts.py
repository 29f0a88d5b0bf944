"""Contexts and negative sampling, against their definition in plain Python."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skipwalk.sim.oselm.front_end.contexts import AliasTable
from skipwalk.sim.oselm.graph.store import GraphStore
from skipwalk.sw.graph.contexts import contexts, expected_visits, negative_sampler, visits
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.walks import walks

from ..support.contexts import plain_contexts
from ..support.graph import PlainStore

SAMPLER = AliasTable(np.arange(1, 21))


def as_lists(batch):
    parts = [slice(a, b) for a, b in zip(batch.indptr[:-1], batch.indptr[1:], strict=True)]
    return [
        (int(c), batch.samples[s].tolist(), batch.labels[s].tolist()) for c, s in zip(batch.centres, parts, strict=True)
    ]


def padded_walks(lengths, width, seed=0):
    block = np.random.default_rng(seed).integers(0, 20, (len(lengths), width)).astype(np.int32)
    for row, n in zip(block, lengths, strict=True):
        row[n:] = -1
    return block


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 12), max_size=9),
    window=st.integers(2, 9),
    negatives=st.integers(0, 4),
    mode=st.sampled_from(["shared", "per_positive"]),
    interleave=st.integers(1, 4),
    group=st.integers(0, 3),
    seed=st.integers(0, 2**64 - 1),
)
def test_equals_the_definition(lengths, window, negatives, mode, interleave, group, seed):
    how = {
        "window": window,
        "negatives": negatives,
        "mode": mode,
        "sampler": SAMPLER,
        "seed": seed,
        "first_walk": group * interleave,
        "interleave": interleave,
    }
    block = padded_walks(lengths, 12)
    batch = contexts(block, **how)
    assert as_lists(batch) == plain_contexts(block, **how)
    assert [a.dtype for a in (batch.centres, batch.indptr, batch.samples, batch.labels)] == [
        np.int32,
        np.int64,
        np.int32,
        np.uint8,
    ]


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    negatives=st.integers(0, 4),
    mode=st.sampled_from(["shared", "per_positive"]),
    interleave=st.integers(1, 9),
    pool=st.sampled_from([(1, 1), (4, 4), (16, 2), (16, 16), (32, 4), (64, 1)]),
    group=st.integers(0, 3) | st.just(1 << 20),
    of_graph=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
)
def test_a_pool_equals_its_definition(lengths, negatives, mode, interleave, pool, group, of_graph, seed):
    """Each slot is looked for walk by walk, backwards, in plain Python; of the first walks also before walk 0."""
    store, plain = None, None
    if of_graph:
        store, plain = GraphStore(20, 256), PlainStore(20, 256, 0)
        rng = np.random.default_rng(seed % 1000)
        for one in (store, plain):
            one.clear()
        for u, v in rng.integers(0, 20, (30, 2)).tolist():
            for one in (store, plain):
                one.add_edge(u, v, 1)
    how = {
        "window": 3,
        "negatives": negatives,
        "mode": mode,
        "seed": seed,
        "first_walk": group * interleave,
        "interleave": interleave,
        "pool": pool[0],
        "replaced": pool[1],
    }
    block = padded_walks(lengths, 9)
    batch = contexts(block, sampler=store or SAMPLER, **how)
    assert as_lists(batch) == plain_contexts(block, sampler=SAMPLER, store=plain, **how)


def test_a_pool_is_the_same_wherever_a_run_begins():
    block = padded_walks([9] * 40, 9)
    how = {"window": 3, "sampler": SAMPLER, "seed": 3, "interleave": 4, "pool": 32, "replaced": 2}
    whole = as_lists(contexts(block, first_walk=8, **how))
    parts = [contexts(block[i:j], first_walk=8 + i, **how) for i, j in ((0, 4), (4, 24), (24, 40))]
    assert whole == [context for part in parts for context in as_lists(part)]


def test_a_pool_renews_itself_evenly():
    """Over M / r walks all slots are replaced, r a walk, so a walk finds what M / r walks have drawn."""
    block = np.tile(np.arange(2, dtype=np.int32), (64, 1))
    sampler = AliasTable(np.ones(1 << 20))
    batch = contexts(block, window=2, negatives=2000, sampler=sampler, seed=0, first_walk=0, pool=64, replaced=4)
    drawn = [set(samples[1:]) for _, samples, _ in as_lists(batch)]
    assert all(len(one) == 64 for one in drawn)
    assert all(len(one & other) == 60 for one, other in pairwise(drawn))
    assert all(not one & other for one, other in zip(drawn, drawn[16:], strict=False))


def test_a_walk_of_80_gives_73_contexts_of_31_or_77_samples():
    block = padded_walks([80], 80)
    shared = contexts(block, sampler=SAMPLER, seed=1, first_walk=0)
    assert len(shared) == 73
    assert set(np.diff(shared.indptr)) == {31}
    paper = contexts(block, negatives=10, mode="per_positive", sampler=SAMPLER, seed=1, first_walk=0)
    assert len(paper) == 73
    assert set(np.diff(paper.indptr)) == {77}


def test_a_short_walk_gives_one_context_and_a_single_node_none():
    block = np.array([[4, 5, 6, -1, -1], [7, -1, -1, -1, -1], [1, 2, 3, 4, 5]], np.int32)
    batch = contexts(block, window=4, negatives=0, sampler=None, seed=0, first_walk=0)
    assert as_lists(batch) == [(4, [5, 6], [1, 1]), (1, [2, 3, 4], [1, 1, 1]), (2, [3, 4, 5], [1, 1, 1])]


def test_walks_in_flight_take_turns():
    block = np.array([[0, 1, 2], [3, 4, -1], [5, 6, 7], [8, 9, 10]], np.int32)
    order = lambda k: contexts(  # noqa: E731
        block, window=2, negatives=0, sampler=None, seed=0, first_walk=0, interleave=k
    ).centres.tolist()
    assert order(1) == [0, 1, 3, 5, 6, 8, 9]
    assert order(2) == [0, 3, 1, 5, 8, 6, 9]
    assert order(3) == [0, 3, 5, 1, 6, 8, 9]
    assert order(4) == order(9) == [0, 3, 5, 8, 1, 6, 9]


@pytest.mark.parametrize("interleave", [1, 4])
def test_blocks_change_nothing(interleave):
    graph = Graph.from_edges(np.random.default_rng(0).integers(0, 20, (60, 2)))
    whole = np.concatenate(list(walks(graph, length=12, per_node=3, seed=2)))
    how = {"sampler": SAMPLER, "seed": 7, "interleave": interleave}
    at_once = as_lists(contexts(whole, first_walk=0, **how))
    parts, first = [], 0
    for block in walks(graph, length=12, per_node=3, seed=2, block=8):
        parts += as_lists(contexts(block, first_walk=first, **how))
        first += len(block)
    assert parts == at_once


def test_interleaving_changes_the_order_only():
    block = padded_walks([12] * 6, 12)
    one = as_lists(contexts(block, sampler=SAMPLER, seed=7, first_walk=0))
    three = as_lists(contexts(block, sampler=SAMPLER, seed=7, first_walk=0, interleave=3))
    assert one != three
    assert sorted(one) == sorted(three)


# ---- the sampler
def probabilities(table):
    """What the table draws, exactly but for the 2**-32 of its columns."""
    full = 2.0**24
    kept = table.threshold.astype(float) / full
    out = kept.copy()
    np.add.at(out, table.alias, 1 - kept)
    return out / len(table)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=40).filter(any))
def test_alias_table_holds_the_distribution(weights):
    got = probabilities(AliasTable(weights))
    assert got == pytest.approx(np.array(weights) / sum(weights), abs=2.0**-23)
    assert (got[np.array(weights) == 0] == 0).all()


def test_alias_table_of_extreme_weights():
    assert probabilities(AliasTable([1e308, 1e308, 5e-324])) == pytest.approx([0.5, 0.5, 0], abs=2.0**-23)
    assert probabilities(AliasTable([5e-324, 5e-324])) == pytest.approx([0.5, 0.5], abs=2.0**-23)
    assert probabilities(AliasTable([3])) == [1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], r"1 to 2\*\*31 - 1 entries, not of shape \(0,\)"),
        ([[1.0]], r"shape \(1, 1\)"),
        ([1, -1], "weight 1 is -1"),
        ([1, np.nan], "weight 1 is nan"),
        ([np.inf], "weight 0 is inf"),
        ([0, 0], "all weights are 0"),
    ],
)
def test_alias_table_refuses(weights, message):
    with pytest.raises(ValueError, match=message):
        AliasTable(np.array(weights))


def test_negatives_follow_visits_to_the_three_quarters():
    counts = np.array([0, 1, 16, 81, 0])
    block = np.tile(np.array([[1, 2]], np.int32), (4000, 1))
    batch = contexts(block, negatives=24, sampler=negative_sampler(counts), seed=3, first_walk=0)
    drawn = np.bincount(batch.samples[batch.labels == 0], minlength=5)
    expected = len(block) * 24 * np.array([0, 1, 8, 27, 0]) / 36
    assert drawn.sum() == expected.sum()
    assert drawn[[0, 4]].tolist() == [0, 0]
    inside = expected > 0
    # Two degrees of freedom: beyond 14 once in 1100 seeds.
    assert ((drawn - expected)[inside] ** 2 / expected[inside]).sum() < 14


def test_visits_counts_nodes_of_walks():
    blocks = [np.array([[0, 2, -1]], np.int32), np.array([[2, 2, 3], [0, -1, -1]], np.int32)]
    assert visits(blocks, 5).tolist() == [2, 0, 3, 1, 0]


def test_expected_visits_are_those_of_long_walks():
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)]
    graph = Graph.from_edges(edges, [1, 2, 4, 1, 3])
    counted = visits(walks(graph, length=200, per_node=400, p=1, q=1, seed=1), 5)
    expected = expected_visits(graph)
    assert counted / counted.sum() == pytest.approx(expected / expected.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 1}, "window must be at least 2, not 1"),
        ({"negatives": -1}, "negatives must be at least 0, not -1"),
        ({"interleave": 0}, "interleave must be at least 1, not 0"),
        ({"first_walk": -1}, "first_walk must be at least 0, not -1"),
        ({"mode": "each"}, "mode must be 'shared' or 'per_positive', not 'each'"),
        ({"first_walk": 3, "interleave": 2}, "first_walk 3 is not a multiple of interleave 2"),
        ({"sampler": None}, "24 negatives need a sampler"),
        ({"pool": 24}, "pool must be a power of two, or 0 for none, not 24"),
        ({"pool": 16, "replaced": 32}, r"replaced must be a power of two from 1 to pool \(16\), not 32"),
        ({"pool": 16, "replaced": 3}, r"replaced must be a power of two from 1 to pool \(16\), not 3"),
        ({"pool": 16, "walk_block": np.zeros((1, 2**16), np.int32)}, "65536 contexts of a walk: at most 65535"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"first_walk": 2**32}, "4294967297 walks: at most 4294967296 have negatives of their own"),
        ({"negatives": 2**16 + 1}, "65537 negatives of a context: at most 65536"),
        ({"mode": "per_positive", "negatives": 2**14}, "114688 negatives of a context"),
        ({"walk_block": np.zeros((1, 2**16 + 1), np.int32)}, "65537 contexts of a walk: at most 65536"),
        ({"walk_block": np.zeros(3, np.int32)}, r"walk_block must be \(n, length\), not of shape \(3,\)"),
    ],
)
def test_refuses(arguments, message):
    how = {"walk_block": padded_walks([5], 5), "sampler": SAMPLER, "seed": 1, "first_walk": 0, **arguments}
    with pytest.raises(ValueError, match=message):
        contexts(how.pop("walk_block"), **how)


@pytest.mark.parametrize("shape", [(0, 8), (3, 0), (0, 0)])
def test_walks_of_nothing_have_no_contexts(shape):
    store = GraphStore(4, 16)
    store.clear()
    store.add_edge(0, 1)
    batch = contexts(np.zeros(shape, np.int32), window=2, negatives=1, sampler=store, seed=0, first_walk=0)
    assert (len(batch), batch.indptr.tolist(), len(batch.samples)) == (0, [0], 0)
