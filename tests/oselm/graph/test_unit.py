"""A core that holds a graph, in software, against a plain interpreter of the same words."""

import numpy as np
import pytest
from skipwalk.hw.oselm.config import CoreConfig, Schedule
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import ANSWER, PACKED, Counter, Edit, Opcode, Parameter, edit_header, header
from skipwalk.sim.oselm import compiled
from skipwalk.sim.oselm.unit import OSELMUnit
from skipwalk.sw.oselm.words import set_words

from ...support.oselm import (
    ReferenceCore,
    anything,
    assert_replies,
    front_end,
    graph_command,
    graph_setup,
    load,
    random_walks,
    read_back,
)

SMALL = CoreConfig(
    name="small", dim=8, nodes=40, lanes=4, max_samples=7, lookahead=2, walks=4, max_walk=20, edge_ends=256
)
CONFIGS = [
    SMALL,
    SMALL.replace(weight_bits=17),
    SMALL.replace(weight_bits=24, edge_ends=1024, walks=1, walkers=1, schedule=Schedule.SEQUENTIAL, lookahead=0),
]


def run(cfg, *parts):
    """Replies of the device and of the plain interpreter to the same words."""
    words = np.concatenate([np.asarray(part, np.uint32) for part in parts])
    device, plain = OSELMUnit(cfg), ReferenceCore(cfg, compiled.train)
    device.feed(words)
    assert_replies(device.drain().tolist(), plain.execute(words))
    return device, plain


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cfg", CONFIGS, ids=["plain", "weights", "sequential"])
def test_any_commands(cfg, seed):
    rng = np.random.default_rng(seed)
    _, plain = run(cfg, load(cfg, rng), anything(cfg, rng, 200, packed=True), read_back(cfg))
    assert plain.walks_ever > 50


@pytest.mark.parametrize("cfg", CONFIGS, ids=["plain", "weights", "sequential"])
def test_edges_that_come_together(cfg):
    """How a graph is loaded: many edges without walks, some of them unsound or too many for the store."""
    rng = np.random.default_rng(7)
    edges = []
    for n in range(300):
        u, v = rng.integers(0, cfg.nodes + (n % 9 == 0), 2).tolist()
        weight = [int(rng.choice([0, 1, 300, 2000, 65536]))] if cfg.weight_bits else []
        edges += [edit_header(Edit.ADD_EDGE, u, int(n % 20 == 19)), v | int(rng.integers(0, 1 << 12)) << 20, *weight]
    setup = graph_setup(cfg, rng), set_words({Parameter.SAMPLING: SAMPLING.word})
    device, plain = run(cfg, load(cfg, rng), *setup, edges, edges[: 20 * 3], read_back(cfg))
    assert device.rejected + device._front.rejected > 5
    assert plain.walks_ever > 0 or cfg.walks < SAMPLING.walks


def test_rows_of_20_bits():
    """Walks with one row a word, and a graph far up."""
    rng = np.random.default_rng(1)
    cfg = SMALL.replace(nodes=70000)
    commands = [graph_command(cfg, rng) for _ in range(80)]
    # Rounds would be long in plain Python.
    words = [word for command in commands if command[0] >> 28 != Opcode.ROUND for word in command]
    walks = random_walks(cfg, rng, 10, 9)
    parts = set_words({Parameter.SAMPLING: SAMPLING.word}), graph_setup(cfg, rng), words, walks, words
    _, plain = run(cfg, *parts, read_back(SMALL), [header(Opcode.READ_ROW, int(row)) for row in walks % cfg.nodes])
    assert plain.walks_ever > 20
    assert max(plain.store.known) > 65536


def test_any_commands_refuse_some():
    rng = np.random.default_rng(9)
    cfg = SMALL.replace(weight_bits=17, edge_ends=128)
    words = [word for _ in range(400) for word in graph_command(cfg, rng)]
    _, plain = run(cfg, load(cfg, rng), front_end(cfg, rng, SAMPLING), graph_setup(cfg, rng), words, read_back(cfg))
    assert plain.refused > 10
    assert plain.walks_ever > 100


SAMPLING = Sampling(window=4, negatives=3, per_positive=False, walks=4, source=1)


def count(device, counter):
    device.feed(np.array([header(Opcode.GET, counter)], np.uint32))
    return device.drain().tolist()[0]


def ready(cfg, rng=None):
    """A device whose front end is set up, and whose graph is a triangle 0, 1, 2."""
    rng = rng or np.random.default_rng(1)
    device = OSELMUnit(cfg)
    device.feed(np.concatenate([front_end(cfg, rng, SAMPLING), graph_setup(cfg, rng)]))
    for u, v in ((0, 1), (1, 2), (0, 2)):
        device.feed(np.array([edit_header(Edit.ADD_EDGE, u), v], np.uint32))
    return device


def test_words_may_be_cut_up_anywhere():
    rng = np.random.default_rng(3)
    cfg = SMALL.replace(weight_bits=20)
    words = np.concatenate([load(cfg, rng), anything(cfg, rng, 200, packed=True), read_back(cfg)])
    whole, parts = OSELMUnit(cfg), OSELMUnit(cfg)
    whole.feed(words)
    for part in np.split(words, np.sort(rng.integers(0, len(words), 400))):
        parts.feed(part)
    assert np.array_equal(whole.drain(), parts.drain())


@pytest.mark.parametrize(
    ("words", "rejected", "refused", "walks"),
    [
        ([edit_header(Edit.ADD_EDGE, 3, 2), 4], 0, 0, 4),
        ([edit_header(Edit.ADD_EDGE, 0, 2), 1], 0, 0, 4),
        ([edit_header(Edit.ADD_EDGE, 3, 2), 3], 1, 0, 0),
        ([edit_header(Edit.ADD_EDGE, 3, 2), 40], 1, 0, 0),
        ([edit_header(Edit.REMOVE_EDGE, 0, 2), 1], 0, 0, 4),
        ([edit_header(Edit.REMOVE_EDGE, 0, 2), 3], 1, 0, 0),
        ([edit_header(Edit.FREE_NODE, 0, 2)], 0, 0, 0),
        ([edit_header(Edit.FREE_NODE, 3)], 1, 0, 0),
        ([edit_header(Edit.NODES, 38, 2), 2], 0, 0, 0),
        ([edit_header(Edit.NODES, 38), 3], 1, 0, 0),
        ([edit_header(Edit.NODES, 38), (1 << 32) - 1], 1, 0, 0),
        ([header(Opcode.EDIT, 5 << 24)], 1, 0, 0),
        ([header(Opcode.START, 3 << 20 | 1)], 0, 0, 3),
        ([header(Opcode.START, 3 << 20 | 7)], 0, 0, 0),
        ([header(Opcode.START, 3 << 20 | 50)], 0, 0, 0),
        ([header(Opcode.ROUND, 7)], 0, 0, 7),
        ([*set_words({Parameter.WALK_LENGTH: 1}), header(Opcode.START, 1 << 20)], 1, 0, 1),
        ([*set_words({Parameter.ROW_SCALE: 65536})], 1, 0, 0),
        ([*set_words({Parameter.SAMPLING: SAMPLING.word}), header(Opcode.SET, 19), 1], 1, 0, 0),
        ([edit_header(Edit.CLEAR), header(Opcode.ROUND, 7)], 1, 0, 0),
        ([*(edit_header(Edit.FREE_NODE, u) for u in range(3)), header(Opcode.ROUND, 7)], 1, 0, 0),
    ],
)
def test_what_becomes_of_a_command(words, rejected, refused, walks):
    device = ready(SMALL)
    device.feed(np.array(words, np.uint32))
    got = [count(device, c) for c in (Counter.REJECTED, Counter.REFUSED, Counter.WALKS)]
    assert got == [rejected, refused, walks]


@pytest.mark.parametrize(
    ("words", "walks"),
    [
        ([edit_header(Edit.ADD_EDGE, 3, 2, answer=True), 4], 4),
        ([edit_header(Edit.ADD_EDGE, 3, 2, answer=True), 3], 0),
        ([edit_header(Edit.NODES, 38, answer=True), 3], 0),
        ([edit_header(Edit.CLEAR, answer=True)], 0),
        ([header(Opcode.EDIT, ANSWER | 5 << 24)], 0),
    ],
)
def test_an_edit_answers_when_its_walks_have_been_trained(words, walks):
    device = ready(SMALL)
    device.feed(np.array(words, np.uint32))
    assert device.drain().tolist() == [words[0]]
    # Walks of 12 nodes (graph_setup).
    assert device.state.contexts == walks * (12 - SAMPLING.window + 1)


@pytest.mark.parametrize("missing", [Parameter.SAMPLING, Parameter.WALK_LENGTH])
def test_walks_need_sampling_and_length(missing):
    device = OSELMUnit(SMALL)
    values = {Parameter.SAMPLING: SAMPLING.word, Parameter.WALK_LENGTH: 5}
    del values[missing]
    device.feed(set_words(values))
    words = [
        edit_header(Edit.CLEAR),
        edit_header(Edit.ADD_EDGE, 0, 1),
        1,
        header(Opcode.START, 1 << 20),
        header(Opcode.ROUND, 3),
    ]
    device.feed(np.array(words, np.uint32))
    assert [count(device, c) for c in (Counter.REJECTED, Counter.WALKS)] == [3, 0]


def test_after_a_reset_the_store_wants_to_be_cleared():
    device = OSELMUnit(SMALL)
    words = [edit_header(Edit.NODES, 0), 3, edit_header(Edit.ADD_EDGE, 0), 1, edit_header(Edit.FREE_NODE, 0)]
    device.feed(np.array(words, np.uint32))
    assert count(device, Counter.REJECTED) == 3
    device.feed(np.array([edit_header(Edit.CLEAR), *words], np.uint32))
    assert count(device, Counter.REJECTED) == 3


def test_a_core_without_a_graph_knows_no_such_command():
    device = OSELMUnit(SMALL.replace(edge_ends=0))
    device.feed(np.array([edit_header(Edit.CLEAR), header(Opcode.START), header(Opcode.ROUND)], np.uint32))
    device.feed(set_words({Parameter.WALK_LENGTH: 5}))
    device.feed(set_words({Parameter.SAMPLING: SAMPLING.word}))
    assert count(device, Counter.REJECTED) == 5


def test_known_rows_keep_what_they_learnt():
    device = ready(SMALL)
    before = device.state.beta.copy()
    assert before[:3].any(axis=1).all()
    assert not before[3:].any()
    device.feed(np.array([edit_header(Edit.NODES, 0), 5, edit_header(Edit.ADD_EDGE, 2), 6], np.uint32))
    assert np.array_equal(device.state.beta[:3], before[:3])
    assert device.state.beta[[3, 4, 6]].any(axis=1).all()
    assert not device.state.beta[5].any()
    device.feed(np.array([edit_header(Edit.FREE_NODE, 6), edit_header(Edit.CLEAR)], np.uint32))
    assert device.state.beta[6].any(), "rows keep their values until they become known again"


def test_packed_rows_are_their_stored_bits():
    cfg = SMALL
    device = OSELMUnit(cfg)
    elements = [1, -1, cfg.beta.max_raw, cfg.beta.min_raw, 0, 5, -70000, 12345]
    bits = sum((e & (1 << 18) - 1) << 18 * i for i, e in enumerate(elements))
    words = [bits >> 32 * i & 0xFFFFFFFF for i in range(5)]
    device.feed(
        np.array([header(Opcode.WRITE_ROW, PACKED | 3), *words, header(Opcode.READ_ROW, PACKED | 3)], np.uint32)
    )
    assert device.state.beta[3].tolist() == elements
    assert device.drain().tolist() == words
    device.feed(np.array([header(Opcode.READ_ROW, PACKED | 40), header(Opcode.FLUSH)], np.uint32))
    assert device.drain().tolist() == [0] * 5 + [header(Opcode.FLUSH)]
