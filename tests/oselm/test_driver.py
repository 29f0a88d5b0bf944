"""The driver trains as the golden model does, and refuses what is wrong unsent."""

import numpy as np
import pytest
from skipwalk.hw.oselm.protocol import Opcode, header, identity_words
from skipwalk.sim.arith.fixed import to_raw
from skipwalk.sim.oselm import golden
from skipwalk.sim.oselm.front_end.contexts import AliasTable
from skipwalk.sw.errors import CapacityError, DeviceError, InputError
from skipwalk.sw.graph.contexts import ContextBatch, contexts
from skipwalk.sw.link.transport import GoldenTransport, Transport
from skipwalk.sw.oselm.driver import OSELMDevice

from ..support.tiny import CFG, DIM, NODES, batch, rows

OUTSIDE = CFG.replace(walks=2, max_walk=8, nodes=300, pool=32, slots=160)


class Scripted(Transport):
    """Answers as told, and remembers what it was sent."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.closed = False

    def exchange(self, words, n_replies=0):
        self.sent.append(words)
        if not n_replies:
            return np.empty(0, np.uint32)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return np.array(answer, np.uint32)

    def close(self):
        self.closed = True


@pytest.fixture
def device():
    with OSELMDevice(GoldenTransport(CFG), CFG) as opened:
        yield opened


@pytest.mark.parametrize(
    ("word", "message"), [(0, "no OS-ELM core"), (1, "another protocol"), (2, "another configuration.*nodes 64, dim 8")]
)
def test_a_stranger_is_refused_with_both_values(word, message):
    identity = identity_words(CFG)
    identity[word] ^= 5
    transport = Scripted(identity)
    with pytest.raises(DeviceError, match=message) as caught:
        OSELMDevice(transport, CFG)
    assert f"{identity[word]:#010x}" in str(caught.value)
    assert f"{identity[word] ^ 5:#010x}" in str(caught.value)
    assert transport.closed


def test_rows_and_p_come_back_as_they_went(device):
    rng = np.random.default_rng(0)
    beta, p = rng.uniform(-1, 1, (5, DIM)), rng.uniform(-1, 1, (DIM, DIM))
    device.load(beta, 10)
    device.write_p(p)
    assert np.abs(device.read_rows(range(10, 15)) - beta).max() <= CFG.beta.step / 2
    assert np.array_equal(device.read_rows_raw([14, 10]), to_raw(beta[[4, 0]], CFG.beta))
    assert np.array_equal(device.read_p_raw(), to_raw(p, CFG.p))
    assert device.read_rows().shape == (NODES, DIM)
    assert not device.read_rows([9, 15]).any()


def test_a_core_without_p_trains_by_p0_and_is_not_asked_for_p():
    cfg = CFG.replace(gain="constant")
    rng = np.random.default_rng(3)
    b, beta = batch(50, rng), rows(rng)
    unit = GoldenTransport(cfg)
    with OSELMDevice(unit, cfg) as device:
        device.load_raw(beta)
        for ask in (lambda: device.write_p(np.eye(DIM)), device.read_p):
            with pytest.raises(CapacityError, match="a core with the gain 'constant' has no P; p0 alone counts"):
                ask()
        device.set_parameters(q=0.0, p0=0.7)
        device.train(b)
        state = golden.initial_state(cfg, q=0, p0=int(to_raw(0.7, cfg.p)), beta=beta)
        golden.train(cfg, state, golden.Contexts(b.centres, b.indptr, b.samples, b.labels))
        assert np.array_equal(device.read_rows_raw(), state.beta)
        assert device.counters()["rejected"] == 0


def test_training_is_the_golden_models(device):
    rng = np.random.default_rng(3)
    b, beta = batch(50, rng), rows(rng)
    device.load_raw(beta)
    device.write_p(np.eye(DIM))
    device.set_parameters(q=1e-4, p0=1.5)
    device.train(b)
    state = golden.initial_state(CFG, q=7, p0=0, beta=beta)
    state.p, state.p0 = np.eye(DIM, dtype=np.int64) << 16, 3 << 15
    golden.train(CFG, state, golden.Contexts(b.centres, b.indptr, b.samples, b.labels))
    assert np.array_equal(device.read_rows_raw(), state.beta)
    assert np.array_equal(device.read_p_raw(), state.p)
    counters = device.counters()
    assert (counters["contexts"], counters["samples"], counters["rejected"]) == (50, len(b.samples), 0)
    device.clear_counters()
    assert not any(device.counters().values())


SAMPLING = {"window": 4, "negatives": 3, "sampler": AliasTable(np.arange(1, 51)), "interleave": 3}


@pytest.mark.parametrize("how", [{}, {"mode": "per_positive", "negatives": 1}, {"negatives": 0, "sampler": None}])
def test_walks_are_trained_as_their_contexts(device, how, monkeypatch):
    monkeypatch.setattr("skipwalk.sw.oselm.driver.SLICE", 7)
    rng = np.random.default_rng(5)
    beta = rows(rng)
    block = rng.integers(0, NODES, (20, 9)).astype(np.int32)
    block[np.arange(9) >= rng.integers(0, 10, 20)[:, None]] = -1
    results = []
    for made_here in (True, False):
        device.load_raw(beta)
        device.write_p(np.eye(DIM))
        device.set_parameters(q=1e-4, p0=1.5)
        for seed, first in ((3, 30), (2**64 - 1, 0)):
            options = {**SAMPLING, "seed": seed, **how}
            if made_here:
                device.train(contexts(block, first_walk=first, **options))
            else:
                device.set_sampling(**options)
                device.train_walks(block, first)
        results.append((device.read_rows_raw(), device.read_p_raw()))
    for expected, got in zip(*results, strict=True):
        assert np.array_equal(expected, got)
    assert device.counters()["rejected"] == 0


def test_a_walk_costs_41_words_and_a_table_is_sent_once():
    transport = Scripted(identity_words(CFG), [header(Opcode.FLUSH, 1)], [header(Opcode.FLUSH, 2)])
    device = OSELMDevice(transport, CFG)
    sent = lambda: sum(len(words) for words in transport.sent)  # noqa: E731
    device.set_sampling(**SAMPLING, seed=0)
    before = sent()
    device.set_sampling(**{**SAMPLING, "sampler": AliasTable(np.arange(1, 51))}, seed=1)
    assert sent() - before == 6, "three parameters"
    for seen, sampler in ((1, SAMPLING["sampler"]), (2, AliasTable(np.ones(NODES)))):
        device.set_sampling(**{**SAMPLING, "sampler": sampler}, seed=1)
        before = sent()
        device.train_walks(np.ones((30, 80), np.int32), 0)
        assert sent() - before == 30 * 41 + 3, seen
    assert sum(int(words[0]) >> 28 == Opcode.WRITE_TABLE for words in transport.sent) == 2


def test_walks_that_do_not_fit_are_refused_before_anything_is_sent():
    plain = OSELMDevice(Scripted(identity_words(CFG.replace(walks=0))), CFG.replace(walks=0))
    transport = Scripted(identity_words(CFG))
    device = OSELMDevice(transport, CFG)
    graph = CFG.replace(edge_ends=64, alias_table=False)
    without = OSELMDevice(Scripted(identity_words(graph)), graph)
    assert device.takes_walks(128, 4)
    for length, walks_in_flight in ((129, 4), (128, 5)):
        assert not device.takes_walks(length, walks_in_flight)
    assert not plain.takes_walks(2)
    walk = np.array([[1, 2, 3]], np.int32)

    def sampling(**changes):
        device.set_sampling(**{**SAMPLING, "seed": 0, **changes})

    for call, error, message in (
        (lambda: device.train_walks(walk, 0), InputError, "call set_sampling first"),
        (lambda: plain.set_sampling(**SAMPLING, seed=0), CapacityError, "3 walks in flight; the core has room for 0"),
        (lambda: sampling(window=1), ValueError, "window must be at least 2, not 1"),
        (lambda: sampling(negatives=-1), ValueError, "negatives must be at least 0"),
        (lambda: sampling(interleave=0), ValueError, "interleave must be at least 1"),
        (lambda: sampling(mode="each"), ValueError, "'shared' or 'per_positive', not 'each'"),
        (lambda: sampling(sampler=None), ValueError, "3 negatives need a sampler"),
        (lambda: sampling(seed=-1), ValueError, "seed must be"),
        (lambda: sampling(interleave=5), CapacityError, "5 walks in flight; the core has room for 4"),
        (lambda: sampling(negatives=5), CapacityError, "8 samples; the core takes 7"),
        (lambda: sampling(mode="per_positive", negatives=2), CapacityError, "9 samples; the core takes 7"),
        (lambda: sampling(sampler=AliasTable(np.ones(NODES + 1))), CapacityError, "65 rows; the core has room for 64"),
        (lambda: without.set_sampling(**SAMPLING, seed=0), CapacityError, "50 rows; the core has room for 0"),
    ):
        with pytest.raises(error, match=message):
            call()
    assert len(transport.sent) == 1
    sampling()
    before = len(transport.sent)
    for block, first, error, message in (
        (walk, 1, ValueError, "first_walk must be a multiple of 3 below"),
        (walk, -3, ValueError, "first_walk must be a multiple of 3 below"),
        (walk + NODES, 0, CapacityError, "rows 65 to 67 in a walk; the core has 64"),
        (np.array([[1, -1, 2]], np.int32), 0, InputError, "goes on after -1"),
        (walk[0], 0, CapacityError, r"shape \(3,\); the core takes \(n, up to 128\)"),
        (np.zeros((1, 129), np.int32), 0, CapacityError, "up to 128"),
    ):
        with pytest.raises(error, match=message):
            device.train_walks(block, first)
    device.train_walks(walk[:0], 0)
    assert len(transport.sent) == before
    assert device.sound


def test_counters_have_48_bits():
    transport = GoldenTransport(CFG)
    transport.model.rejected = 5 << 32 | 3
    assert OSELMDevice(transport, CFG).counters()["rejected"] == 5 << 32 | 3


def test_slices_change_nothing(device, monkeypatch):
    rng = np.random.default_rng(4)
    b, beta = batch(50, rng), rows(rng)
    results = []
    for size in (1 << 14, 7):
        monkeypatch.setattr("skipwalk.sw.oselm.driver.SLICE", size)
        device.load_raw(beta)
        device.write_p(np.eye(DIM))
        device.set_parameters(q=0, p0=1)
        device.train(b)
        results.append(device.read_rows_raw())
    assert np.array_equal(*results)


def test_what_does_not_fit_is_refused_before_anything_is_sent():
    transport = Scripted(identity_words(CFG))
    device = OSELMDevice(transport, CFG)
    one = np.array([1], np.int32)
    long = ContextBatch(one, np.array([0, 8]), np.zeros(8, np.int32), np.zeros(8, np.uint8))
    far = ContextBatch(one, np.array([0, 1]), np.array([NODES], np.int32), np.ones(1, np.uint8))
    for call, error, message in (
        (lambda: device.train(long), CapacityError, "8 samples; the core takes 7"),
        (lambda: device.train(far), CapacityError, f"rows {NODES} to {NODES}"),
        (lambda: device.load(np.zeros((2, DIM)), NODES - 1), CapacityError, f"rows {NODES - 1} to {NODES}"),
        (lambda: device.load(np.zeros((2, DIM + 1))), InputError, "dim of 8"),
        (lambda: device.load(np.full((1, DIM), np.nan)), InputError, "not finite"),
        (lambda: device.read_rows([0, NODES]), InputError, f"row {NODES}"),
        (lambda: device.write_p(np.eye(DIM + 1)), InputError, "dim of 8"),
        (lambda: device.set_parameters(q=-1, p0=1), InputError, "inflation q must be 0 to"),
        (lambda: device.set_parameters(q=1e-6, p0=1), InputError, "inflation q 1e-06 is lost"),
        (lambda: device.set_parameters(q=0, p0=2), InputError, "p0 must be 0 to"),
        (lambda: device.set_parameters(q=0, p0=np.nan), InputError, "p0 must be 0 to"),
    ):
        with pytest.raises(error, match=message):
            call()
    assert len(transport.sent) == 1
    assert device.sound
    device.train(ContextBatch(one[:0], np.zeros(1, np.int64), one[:0], np.zeros(0, np.uint8)))
    assert len(transport.sent) == 1, "no contexts, no words"


@pytest.mark.parametrize("answer", [KeyboardInterrupt(), DeviceError("gone"), [0]])
def test_a_device_stopped_midway_is_used_no_more(answer):
    device = OSELMDevice(Scripted(identity_words(CFG), answer), CFG)
    with pytest.raises((KeyboardInterrupt, DeviceError)):
        device.train(batch(3, np.random.default_rng(0)))
    assert not device.sound
    with pytest.raises(DeviceError, match="open it again"):
        device.counters()


def test_a_closed_device_says_so():
    device = OSELMDevice(GoldenTransport(CFG), CFG)
    device.close()
    device.close()
    with pytest.raises(DeviceError, match="was closed"):
        device.read_p()


def test_a_core_whose_rows_are_in_memory():
    """It learns walks as any other, through a pool, and says what it takes besides."""
    table, seed = AliasTable(np.ones(OUTSIDE.nodes)), 3
    block = np.random.default_rng(0).integers(0, OUTSIDE.nodes, (9, 8)).astype(np.int32)
    how = {"window": 4, "negatives": 3, "sampler": table, "seed": seed, "interleave": 2}
    with OSELMDevice(GoldenTransport(OUTSIDE), OUTSIDE) as device:
        with pytest.raises(CapacityError, match="160 slots for rows in memory, and takes walks alone"):
            device.train(batch(1, np.random.default_rng(0)))
        for pool, replaced in ((0, 1), (32, 16), (64, 4)):
            with pytest.raises(CapacityError, match=f"a pool of {pool} slots, {replaced} replaced; the core"):
                device.set_sampling(**how, pool=pool, replaced=replaced)
        device.set_sampling(**how, pool=32, replaced=4)
        device.load(np.full((OUTSIDE.nodes, DIM), 0.01))
        device.set_parameters(q=0.0, p0=1.0)
        device.write_p(np.eye(DIM))
        with pytest.raises(CapacityError, match="a walk of less than two nodes"):
            device.train_walks(np.array([[1, -1]], np.int32), 0)
        device.train_walks(block, 0)
        found = device.read_rows_raw()
        assert device.counters()["rejected"] == 0
    state = golden.initial_state(OUTSIDE, q=0, p0=to_raw(np.array(1.0), OUTSIDE.p))
    state.beta[:] = to_raw(np.array(0.01), OUTSIDE.beta)
    state.p[:] = to_raw(np.eye(DIM), OUTSIDE.p)
    golden.train(OUTSIDE, state, contexts(block, **how, first_walk=0, pool=32, replaced=4))
    assert np.array_equal(found, state.beta)
