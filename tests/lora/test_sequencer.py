"""The beats of the sequencer, executed one after another by the golden model's arithmetic, learn what the golden model
learns."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.ops import BeatKind
from skipwalk.hw.lora.schedule import timetable
from skipwalk.hw.lora.sequencer import LoraSequencer
from skipwalk.hw.lora.timing import Latencies
from skipwalk.sim.arith.fixed import requantize, saturate
from skipwalk.sim.lora import golden

from ..support.compare import assert_same
from ..support.lora_blocks import SHAPES, bench
from .test_golden import problem


class Executor:
    """A beat at a time, in no time: what the lanes and the head make of it.

    z of a slot's sample is there when the next slot starts, and so is gz.
    """

    def __init__(self, cfg, words, rate):
        self.cfg = cfg
        self.state = golden.initial_state(cfg, words, rate)
        self.x, self.c, self.labels = {}, {}, {}
        self.g, self.z, self.y, self.ys = {}, [], [], []
        self.new_z, self.gz, self.new_gz = np.zeros(cfg.z_size, np.int64), None, None
        self.acc = 0

    def beat(self, op, sample):
        if op.start:
            self.z.append(self.new_z.copy())
            self.gz = self.new_gz
        getattr(self, f"_{BeatKind(op.kind).name.lower()}")(op, sample)

    def _update(self, op, name, vector, factor, shift, fmt):
        rows, one = slice(op.word, op.word + 1), np.array
        golden.update(self.cfg, self.state, name, rows, vector, one([factor]), one([shift]), fmt,
                      bool(op.fresh), bool(op.apply))  # fmt: skip

    def _sweep(self, op, _):
        cfg = self.cfg
        if op.update:
            x = self.x[op.behind][op.x : op.x + 1]
            self._update(op, "sat_a", x, self.gz[op.index], cfg.a_shift(op.layer), cfg.a)
        if op.forward:
            self.acc = (0 if op.first else self.acc) + self.state.words[op.word] @ self.x[op.ahead][op.x]
            if op.last:
                self.new_z[op.index] = requantize(self.acc, cfg.z_shift(op.layer), cfg.z)

    def _back(self, op, _):
        cfg = self.cfg
        if op.update:
            product = self.state.words[op.word, : cfg.z_size] * self.g[op.behind][op.index]
            self.acc = (0 if op.first else self.acc) + product
            if op.last:
                self.new_gz = requantize(self.acc, cfg.gz_shift, cfg.gz)

    def _head(self, op, sample):
        cfg = self.cfg
        if op.update:
            vector = np.zeros((1, cfg.lanes), np.int64)
            vector[0, : cfg.z_size] = self.z[-1 - (cfg.lag - 2)]
            self._update(op, "sat_b", vector, self.g[op.behind][op.index], cfg.b_shift, cfg.b)
        assert op.forward == sample.valid
        if op.forward:
            assert (op.first, op.last) == (1, 1)
            exact = self.state.words[op.word, : cfg.z_size] @ self.z[-1]
            self.y.append(int(saturate(requantize(exact + (self.c[sample.ring][op.index] << cfg.y_shift),
                                                  cfg.y_shift, cfg.y), cfg.y)))  # fmt: skip
            if op.index == cfg.classes - 1:
                y, self.y = np.array(self.y), []
                self.ys.append(y)
                if sample.train:
                    self.g[sample.ring] = golden.softmax_error(cfg, self.state, y, sample.label)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("gap", "held", "lent"), [(0, 0, 0), (0.97, 0, 0), (0, 0.5, 0), (0.5, 0.3, 0.02)])
def test_sequencer(name, gap, held, lent):
    """Two segments, with samples that come at once, late, while nothing may begin, and while the lanes are lent."""
    cfg = SHAPES[name]
    rng = np.random.default_rng(5)
    t = Latencies(broadcast=cfg.broadcast, read=2, new=9, dot=9, softmax=23 + 2 * cfg.classes)
    times = timetable(cfg, t)
    words, _ = problem(cfg, 1, seed=1, scale=0.3)
    segments = [problem(cfg, n, seed=n, scale=0.3)[1] for n in (12, 7)]
    executor = Executor(cfg, words, rate=1500)
    state = golden.initial_state(cfg, words, rate=1500)
    want = [golden.run(cfg, state, segment) for segment in segments]
    dut = LoraSequencer(cfg, times)
    starts, counts = [], {"began": 0, "retired": 0}
    now = {"segment": 0, "sample": 0, "ring": 0, "lent": 0, "waits": 0}

    def step(ctx, cycle):
        if now["segment"] == len(segments):
            return False
        segment = segments[now["segment"]]
        left = len(segment.labels) - now["sample"]
        offers = left > 0 and (now["waits"] or rng.random() >= gap)
        now["waits"] = 0
        if offers:
            i, ring = now["sample"], now["ring"]
            label = int(segment.labels[i])
            executor.x[ring], executor.c[ring] = segment.x[i], segment.c[i]
            ctx.set(dut.samples.payload, {"valid": 1, "train": int(label >= 0), "last": int(segment.last[i]),
                                          "label": max(label, 0), "ring": ring})  # fmt: skip
        ctx.set(dut.samples.valid, int(offers))
        ctx.set(dut.hold, int(rng.random() < held))
        ctx.set(dut.drain, int(not left))
        if not now["lent"] and rng.random() < lent:
            now["lent"] = int(rng.integers(1, 40))
        ctx.set(dut.loan.request, int(now["lent"] > 0))
        granted = ctx.get(dut.loan.granted)
        if granted and now["lent"]:
            now["lent"] -= 1
        op = ctx.get(dut.beats.op)
        if op.valid:
            assert not granted
            executor.beat(op, ctx.get(dut.beats.sample))
        for event in counts:
            counts[event] += ctx.get(getattr(dut, event))
        if ctx.get(dut.began):
            starts.append(cycle)
        if offers and ctx.get(dut.samples.ready):
            now["sample"] += 1
            now["ring"] = (now["ring"] + 1) % 8
        elif offers:
            now["waits"] = 1
        if not left and ctx.get(dut.idle) and not op.valid and not now["lent"]:
            now["segment"] += 1
            now["sample"] = 0
        return True

    bench(dut, step)
    assert_same(np.array(executor.ys), np.concatenate(want), cfg=cfg)
    assert_same(executor.state.words, state.words, cfg=cfg)
    assert_same(executor.state.gradients, state.gradients, cfg=cfg)
    assert counts == {"began": 19 + 2 * cfg.lag, "retired": 19}
    apart = np.diff(starts)
    assert (apart >= times.length).all()
    if not (gap or held or lent):
        assert (np.delete(apart, 12 + cfg.lag - 1) == times.length).all()
