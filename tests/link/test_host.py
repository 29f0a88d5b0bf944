"""The host end of the link against the device model, through pipes that lose, damage and repeat."""

import contextlib
import socket
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skipwalk.hw.link.protocol import VERSION, Flags, Identity, LinkConfig, UartConfig
from skipwalk.sim.link.faults import FAULTS, FaultyPipe
from skipwalk.sim.link.frame import Frame, FrameSplitter
from skipwalk.sim.link.model import DeviceModel, FoldingCore, ModelPipe
from skipwalk.sw.link.link import Link
from skipwalk.sw.link.pipe import LinkError, open_pipe

KIND, DIGEST = 0x4C45534F, 0x12345678


def device(cfg: LinkConfig | None = None, core=None) -> DeviceModel:
    cfg = cfg or LinkConfig()
    (identity,) = Identity.of_units([(KIND, DIGEST)], cfg)
    return DeviceModel([(identity, core or FoldingCore())], cfg)


def random_words(rng, n: int) -> np.ndarray:
    """Words with many zero bytes, which COBS has to get round."""
    return rng.integers(0, 1 << 32, n, np.uint32) & rng.choice(np.array([0, 0xFF, 0xFFFFFFFF], np.uint32), n)


# ---- identities
def test_words_of_identities():
    """As the text of Identity says, and back."""
    cfg = LinkConfig(frame_words=8, depth=64)
    units = [(KIND, DIGEST), (KIND + 1, 5), (KIND, 6)]
    for n, identity in enumerate(Identity.of_units(units, cfg)):
        kind, digest = units[n]
        assert identity.words == (identity.magic, VERSION | 8 << 8 | 64 << 16, kind, digest, n | 3 << 8)
        assert Identity.from_words(identity.words) == identity


# ---- frames
@given(
    words=st.binary(max_size=400).map(lambda b: b[: len(b) // 4 * 4]), seq=st.integers(0, 0xFFFF), host=st.booleans()
)
def test_frame_round_trip(words, seq, host):
    frame = Frame(flags=Flags.AGAIN, session=7, seq=seq, ack=9, limit=None if host else 11, words=words)
    encoded = frame.encode()
    assert encoded.index(0) == len(encoded) - 1
    assert Frame.decode(encoded[:-1], from_device=not host) == frame


@given(data=st.data())
def test_no_damaged_frame_passes(data):
    frame = Frame(session=7, seq=3, ack=9, words=bytes(range(64)))
    encoded = bytearray(frame.encode()[:-1])
    for place in data.draw(st.sets(st.integers(0, 8 * len(encoded) - 1), min_size=1, max_size=4)):
        encoded[place // 8] ^= 1 << place % 8
    for raw in FrameSplitter().feed(bytes(encoded) + b"\0"):
        assert Frame.decode(raw, from_device=False) is None


# ---- whole link
@given(
    seed=st.integers(0, 1 << 32),
    rate=st.sampled_from([0.0, 0.02, 0.1, 0.3]),
    bursts=st.lists(st.integers(0, 700), min_size=1, max_size=6),
    cfg=st.sampled_from([LinkConfig(), LinkConfig(depth=16, frame_words=4), LinkConfig(depth=128, frame_words=60)]),
    pace=st.sampled_from([None, 1, 7, 100]),
    latency=st.sampled_from([0.0, 0.001, 0.2]),
)
@settings(max_examples=60, deadline=None)
def test_words_arrive_once_and_in_order(seed, rate, bursts, cfg, pace, latency):
    rng = np.random.default_rng(seed)
    pipe = FaultyPipe(ModelPipe(device(cfg), words_per_read=pace, latency=latency), rate, rng)
    core = FoldingCore()
    with Link(pipe, kind=KIND, digest=DIGEST, give_up=60) as link:
        for n in bursts:
            words = random_words(rng, n)
            link.write(words)
            np.testing.assert_array_equal(link.read(n), core(words))
        link.flush()


def test_counts_run_past_16_bits():
    """150,000 words each way: sequence numbers wrap more than twice, with faults at the wraps too."""
    rng = np.random.default_rng(5)
    pipe = FaultyPipe(ModelPipe(device()), 0.05, rng)
    core = FoldingCore()
    with Link(pipe, give_up=60) as link:
        words = random_words(rng, 150_000)
        link.write(words)
        np.testing.assert_array_equal(link.read(len(words)), core(words))
        assert link.stats.frames_resent > 0
        assert link.stats.frames_damaged > 0
    assert set(pipe.counts) == set(FAULTS)


def test_sound_pipe_repeats_nothing():
    with Link(ModelPipe(device())) as link:
        link.write(np.arange(40_000))
        link.read(40_000)
        assert (link.stats.frames_resent, link.stats.polls, link.stats.frames_damaged) == (0, 0, 0)
        assert link.stats.frames_sent <= 40_000 / 64 + 40_000 / 128 + 2


class LosesOne(ModelPipe):
    """Loses the ``k``-th frame that the host writes; answers each of the others by itself."""

    def __init__(self, k: int, **options):
        super().__init__(device(), **options)
        self._left = k

    def write(self, data):
        for frame in data.split(b"\0")[:-1]:
            self._left -= bool(frame)
            if self._left != 0 or not frame:
                super().write(frame + b"\0")
                self._coming.append((self._now + self._latency, self.device.drain()))


def test_one_lost_frame_costs_one_window():
    """Those in flight behind it are repeated too, once, and without waiting for the host's patience."""
    with Link(LosesOne(5, latency=0.001)) as link:
        link.write(np.arange(10_000))
        np.testing.assert_array_equal(link.read(10_000), FoldingCore()(np.arange(10_000)))
        assert 1 <= link.stats.frames_resent <= 512 // 64
        assert link.stats.polls == 0


def test_walk_costs_at_most_200_bytes():
    """80 nodes as 16-bit numbers and a command word, one walk at a time or many: frames included."""
    for walks in (1, 50):
        with Link(ModelPipe(device(core=lambda words: words[:0]))) as link:
            opened = link.stats.bytes_sent
            link.write(np.full(41 * walks, 0xA5A5A5A5, np.uint32))
            link.flush()
            assert (link.stats.bytes_sent - opened) / walks <= 200


# ---- sessions
def test_new_host_finds_running_device_clean():
    """The first host dies in the middle of a frame, with answers unread."""
    model = device()
    first = Link(ModelPipe(model))
    first.write(np.arange(300))
    model.feed(Frame(session=model.session, seq=300, words=bytes(40)).encode()[:-20])
    with Link(ModelPipe(model)) as second:
        second.write([1, 2, 3])
        np.testing.assert_array_equal(second.read(3), FoldingCore()(np.array([1, 2, 3], np.uint32)))
        assert second.poll() == 0


@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "taken over"])
def test_lost_session_is_told(restarted):
    pipe = ModelPipe(device())
    link = Link(pipe)
    if restarted:
        pipe.device = device()
    else:
        Link(ModelPipe(pipe.device))
    link.write(np.arange(10))
    with pytest.raises(LinkError, match="has restarted" if restarted else "opened by someone else"):
        link.flush()


def test_session_number_drawn_twice_is_drawn_again(monkeypatch):
    """By chance a new host draws the number of the session before: it may not step into that."""
    model = device()
    Link(ModelPipe(model)).write([1])
    drawn = iter([model.session - 1, 4711])
    monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))
    with Link(ModelPipe(model)) as link:
        link.write([5])
        np.testing.assert_array_equal(link.read(1), FoldingCore()(np.array([5], np.uint32)))
    assert model.session == 4712


def test_late_second_greeting_changes_nothing():
    """The first greeting was only slow, not lost: its repetition arrives within the running session."""
    model = device()
    with Link(ModelPipe(model)) as link:
        link.write([1, 2])
        model.feed(Frame(flags=Flags.OPEN, session=model.session).encode())
        link.write([3])
        np.testing.assert_array_equal(link.read(3), FoldingCore()(np.array([1, 2, 3], np.uint32)))


def test_data_before_any_session_are_not_taken():
    model = device()
    model.feed(Frame(session=0, words=bytes(8)).encode())
    model.run_core()
    assert (model.rx_head, Frame.decode(model.drain()[:-1], from_device=True).session) == (0, 0)


# ---- errors
@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"kind": 1}, r"core 0x4c45534f, expected is 0x00000001"),
        ({"digest": 2}, r"digest 0x12345678, expected is 0x00000002"),
    ],
)
def test_wrong_device_is_refused(expected, message):
    with pytest.raises(LinkError, match=message):
        Link(ModelPipe(device()), **expected)


def test_other_protocol_version_is_refused():
    identity = Identity(kind=KIND, digest=DIGEST, version=VERSION + 1)
    with pytest.raises(LinkError, match=f"protocol version {VERSION + 1:#010x}, expected is {VERSION:#010x}"):
        Link(ModelPipe(DeviceModel([(identity, FoldingCore())])))


def test_version_with_fewer_words_of_identity_is_told_apart():
    class Old(Identity):
        @property
        def words(self):
            return super().words[:4]

    with pytest.raises(LinkError, match="protocol version 0x00000001"):
        Link(ModelPipe(DeviceModel([(Old(kind=KIND, digest=DIGEST, version=1), FoldingCore())])))


# ---- units
def with_units() -> DeviceModel:
    """Two of one kind, and one of another; the last answers with its words turned over."""
    identities = Identity.of_units([(KIND, DIGEST), (KIND, DIGEST + 1), (KIND + 1, DIGEST)], LinkConfig())
    return DeviceModel(list(zip(identities, [FoldingCore(), FoldingCore(), lambda words: ~words], strict=True)))


@pytest.mark.parametrize(
    ("wanted", "unit"),
    [
        ({}, 0),
        ({"kind": KIND}, 0),
        ({"digest": DIGEST + 1}, 1),
        ({"kind": KIND, "digest": DIGEST + 1}, 1),
        ({"kind": KIND + 1}, 2),
        ({"kind": KIND + 1, "digest": DIGEST}, 2),
    ],
)
def test_link_finds_the_unit(wanted, unit):
    rng = np.random.default_rng(4)
    with Link(FaultyPipe(ModelPipe(with_units()), 0.1, rng), **wanted, give_up=60) as link:
        assert (link.identity.unit, link.identity.units) == (unit, 3)
        words = random_words(rng, 100)
        link.write(words)
        np.testing.assert_array_equal(link.read(100), ~words if unit == 2 else FoldingCore()(words))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"kind": 1}, f"core {KIND:#010x}, expected is 0x00000001"),
        ({"kind": KIND + 1, "digest": 7}, f"digest {DIGEST:#010x}, expected is 0x00000007"),
        ({"kind": 1, "digest": DIGEST + 1}, f"core {KIND:#010x}, expected is 0x00000001"),
    ],
)
def test_no_unit_is_the_one_wanted(wanted, message):
    with pytest.raises(LinkError, match=message):
        Link(ModelPipe(with_units()), **wanted)


def test_unit_that_there_is_not_is_the_first():
    model = with_units()
    model.feed(Frame(flags=Flags.OPEN, session=9, seq=3).encode())
    (answer,) = FrameSplitter().feed(model.drain())
    assert Identity.from_words(np.frombuffer(Frame.decode(answer, from_device=True).words, np.uint32)).unit == 0


@pytest.mark.parametrize("n", [0, 256])
def test_device_has_1_to_255_units(n):
    with pytest.raises(ValueError, match=f"1 to 255 units, not {n}"):
        Identity.of_units([(KIND, DIGEST)] * n, LinkConfig())


class Silence(ModelPipe):
    """A pipe that from some moment on gives nothing, or noise."""

    def __init__(self, noise: bytes = b""):
        super().__init__(device())
        self.dead = False
        self.noise = noise

    def read(self, timeout):
        data = super().read(timeout)
        return self.noise if self.dead else data


@pytest.mark.parametrize(("noise", "message"), [(b"", "nothing came back"), (b"\xf0" * 7, "only noise")])
def test_nobody_answers(noise, message):
    pipe = Silence(noise)
    pipe.dead = True
    pipe.device.drain = lambda: b""
    with pytest.raises(LinkError, match=message):
        Link(pipe)


def test_device_goes_away():
    pipe = Silence()
    link = Link(pipe)
    pipe.dead = True
    with pytest.raises(LinkError, match="has not answered for 3 s; check its power"):
        link.read(1)


def test_core_that_owes_words_is_no_dead_link():
    with Link(ModelPipe(device())) as link:
        link.write([1, 2])
        with pytest.raises(LinkError, match="its core gave 2 of 3 words in 8 s"):
            link.read(3, timeout=8)
        assert len(link.read(2)) == 2


@pytest.mark.parametrize("words", [[1.5], [[1]], [-1], [1 << 32]])
def test_what_is_no_word_is_not_sent(words):
    with Link(ModelPipe(device())) as link:
        with pytest.raises((TypeError, ValueError), match="words"):
            link.write(words)
        assert link.stats.words_sent == 0


@pytest.mark.parametrize("address", ["tcp:7000", "tcp:host:", "tcp:host:70000", "@3000", "/dev/x@fast", "/dev/x@0"])
def test_bad_address(address):
    with pytest.raises(LinkError, match="is no address"):
        open_pipe(address)


@pytest.fixture
def served():
    """A device model behind a TCP port; yields the address and a function that switches it off."""
    listener = socket.create_server(("127.0.0.1", 0))
    off = threading.Event()

    def serve():
        connected, _ = listener.accept()
        model = device()
        with connected:
            connected.settimeout(0.01)
            while not off.is_set():
                with contextlib.suppress(TimeoutError):
                    data = connected.recv(4096)
                    if not data:
                        break
                    model.feed(data)
                model.run_core()
                connected.sendall(model.drain())

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"tcp:127.0.0.1:{listener.getsockname()[1]}", off.set
    off.set()
    thread.join()
    listener.close()


def test_socket(served):
    address, switch_off = served
    words = np.arange(3000, dtype=np.uint32)
    with Link(open_pipe(address)) as link:
        link.write(words)
        np.testing.assert_array_equal(link.read(len(words)), FoldingCore()(words))
        switch_off()
        with pytest.raises(LinkError, match=r"closed by the other end|went away"):
            link.read(1)


@pytest.mark.parametrize("address", ["/dev/no-such-port", "tcp:127.0.0.1:1"])
def test_absent_device(address):
    with pytest.raises(LinkError, match="cannot be"):
        open_pipe(address)


@pytest.mark.parametrize(
    ("kind", "values"),
    [(LinkConfig, {"depth": 100}), (LinkConfig, {"depth": 64}), (LinkConfig, {"frame_words": 3}),
     (LinkConfig, {"clear_cycles": 0}), (UartConfig, {"clock_hz": 10, "baud": 3})],
)  # fmt: skip
def test_impossible_configuration(kind, values):
    with pytest.raises(ValueError, match=str(next(iter(values.values())))):
        kind(**values)
