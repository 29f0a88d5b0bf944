"""Runs in the simulator, started by test_sequencers.py: what a sequencer issues, and when, with engines played.

Operations are written down with their cycles and compared with the schedule afterwards: their order, who sees whose
update, and the distances that the engines ask for.
"""

from itertools import pairwise

import cocotb
import numpy as np
from amaranth.hdl import signed
from cocotb.triggers import FallingEdge, ReadOnly
from skipwalk.hw.oselm.config import CoreConfig, Schedule
from skipwalk.hw.oselm.context_queue import ContextLayout
from skipwalk.hw.oselm.ops import ReadKind, ReadOp, SampleLayout, SweepOp, UpdateKind, UpdateOp
from skipwalk.hw.oselm.sizes import CONTEXT_SLOTS

from tests.oselm.cocotb_contexts import expected
from tests.support.runner import parameters
from tests.support.streams import StreamSource, assert_same, cycle, decode, start

CFG = CoreConfig.from_dict(parameters()["cfg"])
#: Of the engines: read_after_update, gain_latency, spacing; from GAIN to k in the P engine, and from the start of a
#: sweep to its first use; the latest time for h after a start, and from CENTRE to h.
T = parameters()["timing"]
STREAMING = CFG.schedule is Schedule.STREAMING
WAITS = ("waits__input", "waits__error", "waits__gain", "waits__sweep", "waits__row")


class Engines:
    """Writes down what is issued; answers with errors and gains, in order, after latencies that vary."""

    def __init__(self, dut, rng, slowness):
        self.dut, self.rng, self.slowness = dut, rng, slowness
        self.log = {"read": [], "update": [], "sweep": []}
        self.errors_at: list[int] = []  # when the error of each entry was announced
        self.gains: list[int] = []
        self.waits = dict.fromkeys(WAITS, 0)
        self.idle = False
        self._errors: list[int] = []
        self._gains: list[int] = []
        cocotb.start_soon(self._play())

    def _later(self, queue, least):
        queue.append(max([cycle() + least + int(self.rng.integers(0, self.slowness)), *(at + 1 for at in queue[-1:])]))

    async def _play(self):
        dut = self.dut
        shapes = {"read": ReadOp(CFG), "update": UpdateOp(CFG), "sweep": SweepOp(CFG)}
        offered = False
        while True:
            now = cycle()
            ready = bool(self._errors) and self._errors[0] <= now
            dut.error_valid.value = int(ready)
            if ready:
                self._errors.pop(0)
                self.errors_at.append(now)
            if not offered and self._gains and self._gains[0] <= now:
                self._gains.pop(0)
                self.gains.append(int(self.rng.integers(0, 1 << CFG.gain_bits)))
                dut.g__payload.value = self.gains[-1]
                offered = True
            dut.g__valid.value = int(offered)
            await ReadOnly()
            if offered and bool(dut.g__ready.value):
                offered = False
            for name, shape in shapes.items():
                op = decode(int(getattr(dut, name).value), shape)
                if op.valid:
                    scalar = decode(int(dut.scalar.value), signed(CFG.gain_bits + 1)) if name == "update" else None
                    self.log[name].append((now, op, scalar))
            high = [w for w in WAITS if bool(getattr(dut, w).value)]
            assert len(high) <= 1, f"cycle {now}: {' and '.join(high)}"
            for w in high:
                self.waits[w] += 1
            self.idle = bool(dut.idle.value)
            if self.log["read"] and self.log["read"][-1][0] == now:
                op = self.log["read"][-1][1]
                if op.kind in (ReadKind.SAMPLE, ReadKind.REPEAT) and op.chunk == CFG.chunks - 1:
                    self._later(self._errors, 10)
            if self.log["sweep"] and self.log["sweep"][-1][0] == now and self.log["sweep"][-1][1].forward:
                self._later(self._gains, T["spacing"] + 8)
            await FallingEdge(dut.clk)


def beats(log, kinds):
    """Operations of some kinds as (cycle, first beat); all beats of one have to follow each other."""
    chosen = [(t, op, scalar) for t, op, scalar in log if op.kind in kinds]
    assert len(chosen) % CFG.chunks == 0
    out = []
    for i in range(0, len(chosen), CFG.chunks):
        group = chosen[i : i + CFG.chunks]
        assert [op.chunk for _, op, _ in group] == list(range(CFG.chunks))
        assert [t for t, _, _ in group] == list(range(group[0][0], group[0][0] + CFG.chunks))
        # The scalar of a gain is g; an update takes its error elsewhere.
        assert group[0][1].kind != UpdateKind.GAIN or len({scalar for _, _, scalar in group}) == 1
        out.append(group[0])
    return out


def check(segments, engines):
    """All that was issued for segments of contexts, against the schedule."""
    contexts = [c for segment in segments for c in segment]
    first = np.cumsum([0, *(len(samples) for _, samples in contexts)])
    entries = [(s, x, row) for s, (_, samples) in enumerate(contexts) for x, (row, *_) in enumerate(samples)]
    begins = np.repeat(np.cumsum([0, *(len(segment) for segment in segments[:-1])]), [len(x) for x in segments])
    ends = np.repeat(np.cumsum([len(segment) for segment in segments]), [len(x) for x in segments])
    # Slots of vectors: streaming goes on counting while it drains.
    extra = CFG.lookahead + 1 if STREAMING else 0
    segment_of = np.repeat(np.arange(len(segments)), [len(x) for x in segments])
    slots = [(s + extra * (int(g) + 1 if STREAMING else 0)) % CONTEXT_SLOTS for s, g in enumerate(segment_of)]
    listed = []
    rows = []
    for segment in segments:
        # Rows are forgotten between segments, numbers go on.
        _, samples, rows = expected(segment, before=[None] * len(rows))
        listed += samples

    reads, updates = engines.log["read"], engines.log["update"]
    centres = beats(reads, {ReadKind.CENTRE})
    samples = beats(reads, {ReadKind.SAMPLE, ReadKind.REPEAT})
    gains, changes = beats(updates, {UpdateKind.GAIN}), beats(updates, {UpdateKind.UPDATE})
    assert_same([(op.row, op.context) for _, op, _ in centres],
                [(row, slots[s]) for s, (row, _) in enumerate(contexts)])  # fmt: skip
    assert_same([(op.row, op.label, op.n, op.context) for _, op, _ in samples],
                [(*listed[i][:3], slots[entries[i][0]]) for i in range(len(entries))])  # fmt: skip
    for (_, op, _), entry in zip(samples, listed, strict=True):
        repeats = not STREAMING and entry[5]
        assert op.kind == (ReadKind.REPEAT if repeats else ReadKind.SAMPLE)
        assert not repeats or op.source == entry[4]
    assert_same([(op.context, scalar) for _, op, scalar in gains],
                [(slots[s], g) for s, g in enumerate(engines.gains)])  # fmt: skip
    assert len(gains) == len(contexts)
    want = [(row, n, hit, slots[entries[i][0]]) for i, (row, _, n, hit, *_) in enumerate(listed)]
    assert_same([(op.row, op.n, op.hit, op.context) for _, op, _ in changes], want)
    assert all(op.source == entry[4] for (_, op, _), entry in zip(changes, listed, strict=True) if entry[3])

    # Sweeps: each context is multiplied once and applied once, so many contexts later.
    ahead = CFG.lookahead
    want = []
    for begin, end in sorted(set(zip(begins.tolist(), ends.tolist(), strict=True))):
        for s in range(begin - ahead, end + 1):
            j, before = s + ahead, s - 1
            if j < end or before >= begin:
                want.append(
                    (j < end, slots[j] if j < end else 0, before >= begin, slots[before] if before >= begin else 0)
                )
    sweeps = engines.log["sweep"]
    got = [(bool(op.forward), op.ahead, bool(op.update), op.before) for _, op, _ in sweeps]
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert g[0] == w[0]
        assert g[2] == w[2]
        assert g[1] == w[1] or not g[0]
        assert g[3] == w[3] or not g[2]
    assert all(b - a >= T["spacing"] for (a, *_), (b, *_) in pairwise(sweeps))
    forward = [t for t, op, _ in sweeps if op.forward]
    for (t, *_), swept in zip(centres, forward, strict=True):
        assert t + T["centre_to_h"] <= swept + T["h_after_start"]
    applied = [t for t, op, _ in sweeps if op.update]
    for (t, *_), swept in zip(gains, applied, strict=True):
        assert t + T["gain_to_k"] < swept + T["k_after_start"]

    # Who sees whom, for equal rows.
    after = T["read_after_update"]
    by_row: dict[int, list[int]] = {}
    for i, (_, _, row) in enumerate(entries):
        by_row.setdefault(row, []).append(i)

    def sees(t, row, visible, what):
        for i in by_row.get(row, []):
            s, x, _ = entries[i]
            apart = t - changes[i][0]
            assert apart != after - 1, f"{what} meets the update of sample {x} of context {s}"
            assert (apart >= after) == visible(s, x), f"{what} and the update of sample {x} of context {s}: {apart}"

    for j, (t, op, _) in enumerate(centres):
        last = max(j - ahead - 2, begins[j] - 1) if STREAMING else j - 1
        sees(t, op.row, lambda s, x, last=last: s <= last, f"centre {j}")
    for i, (t, op, _) in enumerate(samples):
        s, x, _ = entries[i]
        if op.kind == ReadKind.REPEAT:
            continue
        if STREAMING:
            low = begins[s]
            sees(t, op.row, lambda a, b, s=s, x=x, low=low: a < low or a <= s - 2 or (a == s - 1 and b < x),
                 f"sample {x} of context {s}")  # fmt: skip
        else:
            sees(t, op.row, lambda a, b, s=s: a < s, f"sample {x} of context {s}")

    # Errors and gains are there before they are used.
    for i, (t, *_) in enumerate(changes):
        assert t > engines.errors_at[i]
        assert t - gains[entries[i][0]][0] >= T["gain_latency"]
    # The row FIFO, and all that is numbered modulo the ring, holds one mention of a number at a time.
    for i in range(CFG.ring, len(entries)):
        assert samples[i][0] > changes[i - CFG.ring][0]
    assert first[-1] == len(samples)


def random_contexts(rng, n, nodes):
    counts = rng.choice([0, 1, CFG.max_samples, -1], n)
    return [
        (
            int(rng.integers(0, nodes)),
            [
                (int(rng.integers(0, nodes)), int(rng.integers(0, 2)), True)
                for _ in range(count if count >= 0 else int(rng.integers(0, CFG.max_samples + 1)))
            ],
        )
        for count in counts.tolist()
    ]


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(gap=[0.0, 0.985], slowness=[1, 60], nodes=[2, 6, 60], seed=[1])
async def keeps_to_the_schedule(dut, gap, slowness, nodes, seed):
    rng = np.random.default_rng([seed, nodes, slowness])
    dut.drain.value = dut.error_valid.value = dut.g__valid.value = 0
    heads = StreamSource(dut, "contexts", shape=ContextLayout(CFG), gap=gap, seed=seed)
    tails = StreamSource(dut, "samples", shape=SampleLayout(CFG), gap=gap / 2, seed=seed)
    await start(dut)
    engines = Engines(dut, rng, slowness)
    segments, rows = [], []
    for n in (25, 1, 3, 12):
        segment = random_contexts(rng, n, nodes)
        segments.append(segment)
        centres, samples, rows = expected(segment, before=[None] * len(rows))
        names = ("row", "label", "n", "hit", "source", "repeat")
        sending = cocotb.start_soon(
            tails.send(dict(zip(names, (*s[:4], s[4] or 0, s[5]), strict=True)) for s in samples)
        )
        await heads.send({"row": c[0], "count": c[1], "hit": c[2], "source": c[3] or 0} for c in centres)
        dut.drain.value = 1
        for _ in range(20_000):
            await FallingEdge(dut.clk)
            if engines.idle and sending.done():
                break
        else:
            raise AssertionError("the sequencer does not come to rest")
        for _ in range(100):
            await FallingEdge(dut.clk)
        dut.drain.value = 0
    check(segments, engines)
    if gap and slowness == 1:
        assert engines.waits["waits__input"]
    if slowness > 1 and not gap:
        assert engines.waits["waits__gain"]
