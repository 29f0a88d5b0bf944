"""The link's gateware: UART, COBS and frames by themselves, and the whole device end behind faulty pipes."""

from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from cobs import cobs
from skipwalk.hw.link.cobs import CobsDecoder, CobsEncoder
from skipwalk.hw.link.device import LinkDevice
from skipwalk.hw.link.protocol import FOLD_KIND, Flags, Identity, LinkConfig, UartConfig
from skipwalk.hw.link.uart import UartReceiver, UartTransmitter
from skipwalk.hw.ports.serial import Unit
from skipwalk.sim.link.faults import FAULTS, FaultyPipe
from skipwalk.sim.link.folding import FoldingCore as FoldingGateware
from skipwalk.sim.link.frame import Frame, FrameSplitter, Words
from skipwalk.sim.link.model import DeviceModel, FoldingCore
from skipwalk.sim.link.rtl import ByteTop, LinkedCore, RtlPipe
from skipwalk.sim.rtl.synthesis import synthesise
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sw.link.link import Link
from skipwalk.sw.link.pipe import LinkError

from ..support.simulator import simulator_of

TIMEOUT_CYCLES = 200_000


def run(dut, *benches) -> None:
    """Until the first bench ends; the others are background."""
    top = Module()
    top.submodules.dut = dut
    simulator = simulator_of(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(benches[0])
    for bench in benches[1:]:
        simulator.add_testbench(bench, background=True)
    simulator.run()


def through(dut, beats, n_out: int, *, gap: float = 0.0, stall: float = 0.0, seed: int = 0) -> list:
    """What a component with streams ``i`` and ``o`` makes of ``beats``: its first ``n_out`` payloads, and no more."""
    rng = np.random.default_rng(seed)
    out = []

    async def feed(ctx):
        for beat in beats:
            while rng.random() < gap:
                await ctx.tick()
            ctx.set(dut.i.payload, beat)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def take(ctx):
        quiet = 0
        while quiet < 40 or len(out) < n_out:
            ctx.set(dut.o.ready, rng.random() >= stall)
            *_, moved, value = await ctx.tick().sample(dut.o.valid & dut.o.ready, dut.o.payload)
            quiet += 1
            if moved:
                out.append((value.byte, value.end, value.bad) if isinstance(value, data.Const) else value)
                quiet = 0
            assert quiet < 3000, f"silent after {len(out)} of {n_out} beats"

    run(dut, take, feed)
    return out


# ---- COBS
def blocks() -> list[bytes]:
    """Frames round every edge of the encoding."""
    rng = np.random.default_rng(1)
    ones = [bytes([1]) * n for n in (1, 253, 254, 255, 508, 509)]
    with_zeros = [bytes(n) for n in (1, 3)] + [bytes([5]) * n + b"\0" for n in (253, 254)]
    at_random = [rng.choice(np.array([0, 1, 255], np.uint8), n).tobytes() for n in (2, 40, 300)]
    return [*ones, *with_zeros, *at_random]


@pytest.mark.parametrize(("gap", "stall"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
def test_cobs_encoder_is_the_librarys(gap, stall):
    beats, wanted = [], b""
    for frame in blocks():
        beats += [{"byte": byte} for byte in frame] + [{"end": 1}]
        wanted += cobs.encode(frame) + b"\0"
    assert bytes(through(CobsEncoder(), beats, len(wanted), gap=gap, stall=stall)) == wanted


@pytest.mark.parametrize(("gap", "stall"), [(0.0, 0.0), (0.5, 0.5)])
def test_cobs_decoder_is_the_librarys(gap, stall):
    """Good frames, cut ones, and idle zeros between."""
    line, wanted = b"\0\0", []
    for i, frame in enumerate(blocks()):
        encoded = cobs.encode(frame)
        if i % 3 == 2 and encoded[-1] == 1 and len(encoded) > 2:
            line += encoded[:-2] + b"\0"  # the last code byte lost with the byte before it
        line += encoded + b"\0" * (1 + i % 2)
        wanted.append(frame)
    out = through(CobsDecoder(), line, sum(len(f) + 1 for f in wanted), gap=gap, stall=stall)
    got, now = [], b""
    for byte, end, bad in out:
        if end:
            got.append(None if bad else now)
            now = b""
        else:
            now += bytes([byte])
    expected = []
    for raw in FrameSplitter().feed(line):
        try:
            expected.append(cobs.decode(raw))
        except cobs.DecodeError:
            expected.append(None)
    assert got == expected


# ---- UART
class Wire(wiring.Component):
    """A transmitter and a receiver that do not agree exactly about the bit rate."""

    def __init__(self, sender: UartConfig, receiver: UartConfig):
        self._sender = UartTransmitter(sender)
        self._receiver = UartReceiver(receiver)
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sender = sender = self._sender
        m.submodules.receiver = receiver = self._receiver
        wiring.connect(m, wiring.flipped(self.i), sender.i)
        wiring.connect(m, receiver.o, wiring.flipped(self.o))
        m.d.comb += receiver.rx.eq(sender.tx)
        return m


@pytest.mark.parametrize("clock_hz", [12_000_000, 25_000_000, 50_000_000, 100_000_000])
@pytest.mark.parametrize("off", [-0.03, 0.0, 0.03])
def test_uart_at_odd_ratios(clock_hz, off):
    """3 Mbaud from 4 clocks a bit up, and from a sender up to 3 % off."""
    if clock_hz < 16_000_000 and off:
        pytest.skip("at 4 clocks a bit the sampling grid takes the whole tolerance")
    message = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7F]) + np.random.default_rng(0).bytes(20)
    sender = UartConfig(clock_hz=clock_hz, baud=round(3_000_000 * (1 + off)))
    receiver = UartConfig(clock_hz=clock_hz, baud=3_000_000)
    for gap in (0.0, 0.98):
        assert bytes(through(Wire(sender, receiver), message, len(message), gap=gap)) == message


def test_uart_drops_what_is_no_byte():
    """A spike, and a break (start bit without stop bit), then a byte."""
    cfg = UartConfig(clock_hz=80, baud=10)
    dut = UartReceiver(cfg)
    seen = []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        pattern = [
            (0, 3),
            (1, 100),
            (0, 8 * 10),
            (1, 100),
            (0, 8),
            *((b, 8) for b in (1, 0, 1, 1, 0, 0, 0, 1)),
            (1, 20),
        ]
        for level, cycles in pattern:
            ctx.set(dut.rx, level)
            for _ in range(cycles):
                await ctx.tick()
                if ctx.get(dut.o.valid):
                    seen.append(ctx.get(dut.o.payload))

    run(dut, bench)
    assert seen == [0b10001101]


# ---- the device end
def opened(cfg: LinkConfig | None = None, **options) -> VerilatedCore:
    return VerilatedCore.from_component(ByteTop(LinkedCore(cfg)), timeout=TIMEOUT_CYCLES, **options)


def random_words(rng, n: int) -> np.ndarray:
    return rng.integers(0, 1 << 32, n, np.uint32) & rng.choice(np.array([0, 0xFF, 0xFFFFFFFF], np.uint32), n)


SMALL = LinkConfig(depth=32, frame_words=8, clear_cycles=1)


@pytest.mark.parametrize("cfg", [LinkConfig(), SMALL], ids=["default", "small"])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.25])
def test_rtl_behind_faulty_pipe(cfg, rate):
    """Several sessions on one running device; each ends wherever it is."""
    rng = np.random.default_rng(7)
    with opened(cfg, gap_in=0.3, gap_out=0.3) as rtl:
        pipe = FaultyPipe(RtlPipe(rtl, clock_hz=1e6), rate, rng)
        for _ in range(4):
            core = FoldingCore()
            link = Link(pipe, give_up=60)
            for n in rng.integers(1, 1000, 3).tolist():
                words = random_words(rng, n)
                link.write(words)
                np.testing.assert_array_equal(link.read(n), core(words))
            link.write(random_words(rng, 100))
    assert set(pipe.counts) == (set(FAULTS) if rate else set())


def test_rtl_counts_run_past_16_bits():
    rng = np.random.default_rng(8)
    with opened() as rtl:
        pipe = FaultyPipe(RtlPipe(rtl, clock_hz=1e6), 0.05, rng)
        core = FoldingCore()
        link = Link(pipe, give_up=60)
        words = random_words(rng, 150_000)
        link.write(words)
        np.testing.assert_array_equal(link.read(len(words)), core(words))
    assert link.stats.frames_resent > 0


@pytest.mark.parametrize("cfg", [LinkConfig(), SMALL], ids=["default", "small"])
def test_rtl_answers_as_the_model_does(cfg):
    """Frame after frame of every kind, good and bad; after each, both ends are in the same state."""
    rng = np.random.default_rng(9)
    (identity,) = Identity.of_units([(FOLD_KIND, 0)], cfg)
    model = DeviceModel([(identity, FoldingCore())], cfg)
    got: dict[str, dict[tuple[int, int], int]] = {"model": {}, "rtl": {}}
    most = 0
    with opened(cfg) as rtl:
        for _ in range(400):
            frame = provocation(rng, model, cfg)
            model.feed(frame)
            sent = b""
            while more := model.drain():
                sent += more
                model.run_core()
            answers = {
                "model": [Frame.decode(raw, from_device=True) for raw in FrameSplitter().feed(sent)],
                "rtl": frames_of(rtl, frame),
            }
            last, n_words = {}, {}
            for who, frames in answers.items():
                assert None not in frames
                n_words[who] = sum(len(f.words) for f in frames) // 4
                again = any(Flags.AGAIN in f.flags for f in frames)
                opens = [f.words for f in frames if Flags.OPEN in f.flags]
                for f in frames:
                    if Flags.OPEN not in f.flags:
                        for i, word in enumerate(np.frombuffer(f.words, Words).tolist()):
                            got[who][f.session, f.seq + i & 0xFFFF] = word
                end = [(f.session, f.seq + len(f.words) // 4 * (not opens) & 0xFFFF, f.ack, f.limit) for f in frames]
                last[who] = (again, opens, end[-1:])
            assert last["rtl"] == last["model"]
            # Only the gateware may have begun to repeat before it heard that it need not.
            assert n_words["rtl"] <= n_words["model"] + 2 * cfg.frame_words
            assert got["rtl"] == got["model"]
            most = max(most, len(got["model"]))
    assert most > 2 * cfg.depth  # the rings went round


def to_words(raw: bytes) -> np.ndarray:
    """One byte in each word, as the simulated top takes them."""
    return np.frombuffer(raw, np.uint8).astype(np.uint32)


def frames_of(rtl: VerilatedCore, raw: bytes) -> list[Frame]:
    """What the device answers to ``raw``."""
    rtl.feed(to_words(raw))
    settle(rtl)
    answers = FrameSplitter().feed(rtl.drain().astype(np.uint8).tobytes())
    return [Frame.decode(answer, from_device=True) for answer in answers]


def settle(rtl: VerilatedCore) -> None:
    """Run until nothing has come back for longer than a frame takes to turn round."""
    seen = -1
    while seen != rtl.words_out:
        seen = rtl.words_out
        rtl.step(1500)


def provocation(rng, model: DeviceModel, cfg: LinkConfig) -> bytes:
    """A frame that a host could send, or that no host should."""
    kind = 0 if rng.random() < 0.01 else rng.integers(1, 14)
    n = int(rng.integers(0, cfg.frame_words + 1))
    unread = model.tx_head - model.tx_acked & 0xFFFF
    if unread >= cfg.depth // 2:
        kind = 11  # before the core has to stop, of which the model knows nothing to the cycle
    good = {
        "session": model.session,
        "seq": model.rx_head,
        "ack": model.tx_acked if rng.random() < 0.9 and unread < cfg.depth // 2 else model.tx_head,
        "words": random_words(rng, n).tobytes(),
    }
    change: dict = {}
    if kind == 0:
        change = {"flags": Flags.OPEN, "session": int(rng.choice([model.session or 1, 77, 78])), "seq": 0, "words": b""}
    elif kind == 1:
        change = {"session": int(rng.integers(1 << 16))}
    elif kind == 2:
        change = {"seq": model.rx_head + int(rng.integers(-70, 70)) & 0xFFFF}
    elif kind == 3:
        change = {"ack": model.tx_head - int(rng.integers(0, 70)) & 0xFFFF}
    elif kind == 4:
        change = {"ack": model.tx_acked, "flags": Flags.AGAIN}
    elif kind == 5:
        change = {"words": random_words(rng, cfg.frame_words + int(rng.integers(1, 3))).tobytes()}
    elif kind == 6:
        change = {"flags": Flags(4) | Flags.AGAIN}
    raw = Frame(**(good | change)).encode()
    if kind == 7:
        raw = raw[: rng.integers(1, len(raw))] + b"\0"
    elif kind == 8:
        raw = rng.bytes(30) + raw
    elif kind == 9:
        raw = raw + raw
    elif kind == 10:
        raw = Frame(flags=Flags.AGAIN, session=model.session, ack=model.tx_acked).encode() + raw
    return raw


class Gate(wiring.Component):
    """Passes words on, but none in the first ``CLOSED`` cycles."""

    CLOSED = 1 << 17

    def __init__(self):
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self.CLOSED + 1), init=self.CLOSED)
        m.d.sync += left.eq(left - (left != 0))
        m.d.comb += [
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid & (left == 0)),
            self.i.ready.eq(self.o.ready & (left == 0)),
        ]
        return m


def test_frame_without_room_is_refused_whole():
    """A core that takes nothing: the ring fills, one word waits beside it. Later exactly what was accepted comes."""
    size, depth = SMALL.frame_words, SMALL.depth
    words = np.arange(1, depth + size + 2, dtype=Words)
    accepted = []
    with VerilatedCore.from_component(
        ByteTop(LinkedCore(SMALL, [Unit(FOLD_KIND, 0, Gate())])), timeout=TIMEOUT_CYCLES
    ) as rtl:
        frames_of(rtl, Frame(flags=Flags.OPEN, session=5).encode())
        for n in [size] * (depth // size) + [size, 2, 1]:
            start = len(accepted)
            answer = frames_of(rtl, Frame(session=5, seq=start, words=words[start : start + n].tobytes()).encode())[-1]
            fits = start + n <= depth + 1
            assert answer.flags == (Flags(0) if fits else Flags.AGAIN)
            accepted += words[start : start + n].tolist() if fits else []
            assert answer.ack == len(accepted)
            assert answer.limit in (depth, depth + 1)
        assert len(accepted) == depth + 1
        rtl.step(Gate.CLOSED)
        rtl.drain()
        got: list[int] = []
        for _ in range(2):  # the ring to the host is shorter than what was accepted
            for answer in frames_of(rtl, Frame(flags=Flags.AGAIN, session=5, ack=len(got)).encode()):
                assert answer.seq == len(got)
                got += np.frombuffer(answer.words, Words).tolist()
        assert got == accepted


class Inverter(wiring.Component):
    """A core that answers each word with its complement, and never more than one late."""

    i: In(stream.Signature(32))
    o: Out(stream.Signature(32))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i.ready.eq(self.o.ready | ~self.o.valid)
        with m.If(self.i.ready):
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(~self.i.payload)]
        return m


class Counting(wiring.Component):
    """A core that always has an answer: how many it gave since its reset."""

    i: In(stream.Signature(32))
    o: Out(stream.Signature(32))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.i.ready.eq(1), self.o.valid.eq(1)]
        with m.If(self.o.ready):
            m.d.sync += self.o.payload.eq(self.o.payload + 1)
        return m


def test_a_session_begins_with_a_core_that_was_reset():
    """Its first answer is none of the session before, though the core offers one all the time."""
    top = ByteTop(LinkedCore(SMALL, [Unit(FOLD_KIND, 0, Counting())]))
    with VerilatedCore.from_component(top, timeout=TIMEOUT_CYCLES) as rtl:
        for _ in range(3):
            np.testing.assert_array_equal(Link(RtlPipe(rtl, clock_hz=1e6)).read(100), np.arange(100))


def test_rtl_carries_several_units():
    """Sessions with one and the other, some broken off with words in flight: each begins with a reset of its unit."""
    rng = np.random.default_rng(11)
    other = int.from_bytes(b"INVT", "big")
    units = [Unit(FOLD_KIND, 0, FoldingGateware()), Unit(other, 5, Inverter()), Unit(FOLD_KIND, 1, FoldingGateware())]
    with VerilatedCore.from_component(ByteTop(LinkedCore(SMALL, units)), timeout=TIMEOUT_CYCLES, gap_in=0.2) as rtl:
        pipe = FaultyPipe(RtlPipe(rtl, clock_hz=1e6), 0.05, rng)
        for wanted, unit in [((FOLD_KIND, 1), 2), ((other, 5), 1), ((FOLD_KIND, 0), 0), ((other, None), 1)] * 2:
            link = Link(pipe, kind=wanted[0], digest=wanted[1], give_up=60)
            assert (link.identity.unit, link.identity.units) == (unit, 3)
            words = random_words(rng, 200)
            link.write(words)
            np.testing.assert_array_equal(link.read(200), ~words if unit == 1 else FoldingCore()(words))
            link.write(words[:30])
        with pytest.raises(LinkError, match="digest 0x00000005, expected is 0x00000006"):
            Link(pipe, kind=other, digest=6, give_up=60)


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="frames of 64 words and a depth of 512, the link has 8 and 32"):
        LinkDevice([Identity(kind=0, digest=0)], SMALL)


def test_link_is_small_and_its_buffers_are_block_ram():
    cells = synthesise(LinkDevice([Identity(kind=0, digest=0)]))
    luts = cells["LUT4"] + 2 * cells["CCU2C"]
    assert luts < 1500
    assert cells["DP16KD"] == 3
    assert "TRELLIS_DPR16X4" not in cells


def test_no_source_of_the_host_end_needs_gateware():
    """Opening a board takes no Amaranth."""
    for name in ("sim/link/frame.py", "sim/link/pipe.py", "sw/link/link.py", "sw/link/pipe.py"):
        assert "amaranth" not in (Path(__file__).parents[2] / name).read_text()
