"""The backbone's control and rounding against the golden model's ``backbone_forward``; the lanes are a few lines."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.dense import LoraDense
from skipwalk.hw.lora.ops import BeatKind
from skipwalk.sim.lora import golden

from ..support.compare import assert_same
from ..support.lora_blocks import SHAPES, bench, with_extremes

LATENCY, SUM_BITS = 13, 40


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("wait", [0, 9])
def test_dense(name, wait):
    """Samples one after another, the lanes lent at once or late; sums of other beats in between; all shifts."""
    cfg = SHAPES[name]
    rng = np.random.default_rng(wait)
    limit = 1 << (cfg.weight_bits - 1)
    net = golden.Backbone(
        with_extremes(rng, -limit, limit - 1, (cfg.dense_words, cfg.lanes)),
        with_extremes(rng, -(1 << 20), 1 << 20, sum(cfg.outputs)),
        np.array([5, 0, 9, 16][: cfg.layers]),
    )
    net.biases[:2] = [-(1 << 31), (1 << 31) - 1]
    dut = LoraDense(cfg, latency=LATENCY, sum_bits=SUM_BITS)
    inputs = [with_extremes(rng, 0, (1 << cfg.x_bits) - 1, cfg.widths[0]) for _ in range(4)]
    found, cycles, waits = [], [], []
    state = {"sample": -1, "began": 0, "asked": 0}
    words = np.zeros((cfg.x_words, cfg.lanes), np.int64)
    staged, c = np.zeros(cfg.lanes, np.int64), np.zeros(cfg.classes, np.int64)
    sums: dict[int, int] = {}
    acc = 0

    def begin(ctx, t):
        state["sample"] += 1
        state["began"], state["asked"] = t, None
        words[:] = 0
        words.reshape(-1)[: cfg.widths[0]] = inputs[state["sample"]]
        ctx.set(dut.backbone.start, 1)
        ctx.set(dut.backbone.ring, state["sample"] % 8)

    def step(ctx, t):
        nonlocal acc
        if t < len(net.biases):
            ctx.set(dut.host.biases, 1)
            ctx.set(dut.host.addr, t)
            ctx.set(dut.host.data, int(net.biases[t]) & 0xFFFFFFFF)
            return True
        if t == len(net.biases):
            ctx.set(dut.host.biases, 0)
            for k, shift in enumerate(net.shifts):
                ctx.set(dut.parameters.shifts[k], int(shift))
        ctx.set(dut.backbone.start, 0)
        if t == len(net.biases) + 1:
            begin(ctx, t)
        request = ctx.get(dut.loan.request)
        if request and state["asked"] is None:
            state["asked"] = t
        granted = request and t >= state["asked"] + wait
        ctx.set(dut.loan.granted, int(granted))
        op = ctx.get(dut.op)
        if op.valid:
            assert (granted, op.kind, op.ahead) == (True, BeatKind.DENSE, state["sample"] % 8)
            acc = (0 if op.first else acc) + int(net.weights[op.dense_word] @ words[op.x])
            if op.last:
                sums[t + LATENCY] = acc
        # Of a HEAD beat, if there is none of ours.
        ctx.set(dut.sums.valid, int(t in sums or rng.random() < 0.3))
        ctx.set(dut.sums.op.kind, BeatKind.DENSE if t in sums else BeatKind.HEAD)
        ctx.set(dut.sums.value, sums.pop(t, 12345))
        port = dut.backbone
        if ctx.get(port.x_store):
            words[ctx.get(port.x_word)] = staged
            staged[:] = 0
        if ctx.get(port.x_valid):
            staged[ctx.get(port.x_lane)] = ctx.get(port.x)
        if ctx.get(port.c_valid):
            c[ctx.get(port.c_class)] = ctx.get(port.c)
        if ctx.get(port.done):
            found.append((words.copy(), c.copy()))
            cycles.append(t - state["began"])
            if len(found) == len(inputs):
                return False
            waits.append(int(rng.integers(1, 5)))
            state["next"] = t + waits[-1]
        if state.get("next") == t:
            begin(ctx, t)
        return True

    bench(dut, step)
    for x, (got_words, got_c) in zip(inputs, found, strict=True):
        want_words, want_c = golden.backbone_forward(cfg, net, x)
        assert_same(got_words, want_words, cfg=cfg)
        assert_same(got_c, want_c, fmt=cfg.y, cfg=cfg)
    # A beat a cycle within a layer, and the gap between two.
    assert set(cycles) == {cfg.dense_words + cfg.layers * dut.layer_gap + wait}
