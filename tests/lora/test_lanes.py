"""The lanes, beat by beat on the timetable, against the golden model: every bit of A, B, y and of the backbone's sums,
and every saturation. The sequencer gives the beats; the head is a few lines."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from skipwalk.hw.lora.lanes import LoraLanes
from skipwalk.hw.lora.ops import RINGS, BeatKind, LaneOp
from skipwalk.hw.lora.schedule import timetable
from skipwalk.hw.lora.sequencer import LoraSequencer
from skipwalk.hw.lora.timing import Latencies
from skipwalk.sim.arith.fixed import requantize
from skipwalk.sim.lora import golden
from skipwalk.sw.lora.words import pack

from ..support.compare import assert_same
from ..support.lora_blocks import SHAPES, bench, with_extremes
from .test_golden import problem


class LanesBench(wiring.Component):
    """Lanes whose beats come from a sequencer, or by hand."""

    def __init__(self, cfg):
        self.lanes = LoraLanes(cfg)
        self.times = timetable(cfg, Latencies.of(cfg))
        self.sequencer = LoraSequencer(cfg, self.times)
        self.by_hand, self.op = Signal(), Signal(LaneOp(cfg))
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.lanes, m.submodules.sequencer = self.lanes, self.sequencer
        m.d.comb += self.lanes.op.eq(Mux(self.by_hand, self.op, self.sequencer.beats.op))
        return m


class Run:
    """What is done in each cycle, one thing after another: a generator that yields when a cycle ends."""

    def __init__(self, cfg, seed):
        self.cfg, self.rng = cfg, np.random.default_rng(seed)
        self.bench = LanesBench(cfg)
        self.due, self.samples, self.y, self.ys, self.g = {}, {}, [], [], {}
        self.sums, self.free, self.t = [], [], 0
        self.events = dict.fromkeys(("sat_a", "sat_b", "sat_gradient", "sat_z", "sat_gz"), 0)
        self.state = None

    def watch(self, ctx):
        """The head: y and g of what the lanes give."""
        cfg, lanes, sequencer = self.cfg, self.bench.lanes, self.bench.sequencer
        for name in self.events:
            self.events[name] += ctx.get(getattr(lanes, name.replace("sat", "saturated")))
        op = ctx.get(sequencer.beats.op)
        if op.valid and op.kind == BeatKind.HEAD and op.forward:
            self.due[self.t + lanes.latency] = self.samples[ctx.get(sequencer.beats.sample.ring)]
        if ctx.get(lanes.sums.valid):
            value, done = ctx.get(lanes.sums.value), ctx.get(lanes.sums.op)
            if done.kind == BeatKind.DENSE:
                self.sums.append((done.neuron, value))
            elif self.t in self.due:
                ring, c, label = self.due[self.t]
                self.y.append(int(requantize(value + (c[done.index] << cfg.y_shift), cfg.y_shift, cfg.y)))
                if len(self.y) == cfg.classes:
                    y, self.y = np.array(self.y), []
                    self.ys.append(y)
                    if label >= 0:
                        self.g[ring] = golden.softmax_error(cfg, self.state, y, label)
        g = self.g.get(ctx.get(lanes.g.ring))
        class_ = ctx.get(lanes.g.class_)
        ctx.set(lanes.g.value, int(g[class_]) if g is not None and class_ < cfg.classes else 0)
        if ctx.get(sequencer.retired):
            self.free.append(self.t + cfg.broadcast + lanes.new + 2)

    def write(self, ctx, space, elements):
        """Elements of a space by way of the host's port, from word 0 on."""
        host, lanes = self.bench.lanes.host, self.cfg.lanes
        ctx.set(getattr(host, space), 1)
        for i, element in enumerate(np.ravel(elements).tolist()):
            ctx.set(host.addr, i // lanes)
            ctx.set(host.lane, i % lanes)
            ctx.set(host.data, element & 0xFFFFFFFF)
            yield
        ctx.set(getattr(host, space), 0)
        for _ in range(self.cfg.broadcast + 2):
            yield

    def activations(self, ctx, ring, x):
        """A sample's words into the rings."""
        port = self.bench.lanes.x
        for word, groups in enumerate(pack(self.cfg, x[:, None]).reshape(len(x), -1).tolist()):
            for group, data in enumerate(groups):
                ctx.set(port.group, 1)
                ctx.set(port.select, group)
                ctx.set(port.data, data)
                yield
            ctx.set(port.group, 0)
            ctx.set(port.ring, 1)
            ctx.set(port.ring_addr, ring * self.cfg.x_words + word)
            yield
            ctx.set(port.ring, 0)

    def learn(self, ctx, segment, gap):
        """A segment, and the barrier behind it."""
        sequencer, used, n = self.bench.sequencer, 0, len(segment.labels)
        for i in range(n):
            ring = self.place % RINGS
            while used - len([t for t in self.free if t <= self.t]) >= RINGS:
                yield
            yield from self.activations(ctx, ring, segment.x[i])
            while self.rng.random() < gap:
                yield
            label = int(segment.labels[i])
            self.samples[ring] = (ring, segment.c[i], label)
            ctx.set(sequencer.samples.payload, {"valid": 1, "train": int(label >= 0), "last": int(segment.last[i]),
                                                "label": max(label, 0), "ring": ring})  # fmt: skip
            ctx.set(sequencer.samples.valid, 1)
            while not ctx.get(sequencer.samples.ready):
                yield
            yield
            ctx.set(sequencer.samples.valid, 0)
            used, self.place = used + 1, self.place + 1
        ctx.set(sequencer.drain, 1)
        yield
        while not ctx.get(sequencer.idle):
            yield
        for _ in range(self.bench.lanes.latency + 5):
            yield
        ctx.set(sequencer.drain, 0)
        self.free.clear()

    place = 0

    def read(self, ctx, words):
        """All words of the adapters by way of the read chain."""
        lanes = self.bench.lanes
        for word in range(self.cfg.adapter_words):
            ctx.set(lanes.host.read, 1)
            ctx.set(lanes.host.addr, word)
            yield
            ctx.set(lanes.host.read, 0)
            while not ctx.get(lanes.chain.loaded):
                yield
            yield
            row = []
            for _ in range(self.cfg.lanes):
                row.append(ctx.get(lanes.chain.element))
                ctx.set(lanes.chain.shift, 1)
                yield
            ctx.set(lanes.chain.shift, 0)
            words.append(row)

    def dense(self, ctx, x, ring):
        """The whole backbone by hand, as if each layer had the same inputs: a sum for each output."""
        cfg = self.cfg
        yield from self.activations(ctx, ring, x)
        yield
        ctx.set(self.bench.by_hand, 1)
        word = neuron = start = 0
        for chunks, outputs in zip(cfg.chunks, cfg.outputs, strict=True):
            for _ in range(outputs):
                for k in range(chunks):
                    ctx.set(self.bench.op, {"valid": 1, "kind": BeatKind.DENSE, "dense_word": word, "neuron": neuron,
                                            "x": start + k, "ahead": ring, "first": k == 0,
                                            "last": k == chunks - 1})  # fmt: skip
                    yield
                    word += 1
                neuron += 1
            start += chunks
        ctx.set(self.bench.op, {"valid": 0})
        for _ in range(self.bench.lanes.latency + 2):
            yield
        ctx.set(self.bench.by_hand, 0)

    def __call__(self, script):
        def step(ctx, t):
            self.t = t
            if t == 0:
                self.script = script(ctx)
            self.watch(ctx)
            try:
                next(self.script)
            except StopIteration:
                return False
            # What was just driven may be looked at by the head as well.
            self.late(ctx)
            return True

        bench(self.bench, step)

    def late(self, ctx):
        g = self.g.get(ctx.get(self.bench.lanes.g.ring))
        class_ = ctx.get(self.bench.lanes.g.class_)
        ctx.set(self.bench.lanes.g.value, int(g[class_]) if g is not None and class_ < self.cfg.classes else 0)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("gap", "scale"), [(0, 0.3), (0.98, 4.0)])
def test_lanes(name, gap, scale):
    cfg = SHAPES[name]
    rng = np.random.default_rng(3)
    words, segment = problem(cfg, 25, seed=4, scale=scale)
    state = golden.initial_state(cfg, words, rate=2047)
    limit = 1 << (cfg.weight_bits - 1)
    weights = with_extremes(rng, -limit, limit - 1, (cfg.dense_words, cfg.lanes))
    x = with_extremes(rng, 0, (1 << cfg.x_bits) - 1, (cfg.x_words, cfg.lanes))
    run = Run(cfg, seed=5)
    # Saturations of g are the head's, which is not tried here.
    run.state = golden.initial_state(cfg, words, rate=2047)
    got: list = []

    def script(ctx):
        yield from run.write(ctx, "adapters", words)
        yield from run.write(ctx, "weights", weights)
        # A group of weights that is not complete is not written.
        yield from run.write(ctx, "weights", weights[0, : cfg.weight_group - 1] + 1)
        yield from run.learn(ctx, segment, gap)
        yield from run.dense(ctx, x, 6)
        yield from run.learn(ctx, segment, gap)
        yield from run.read(ctx, got)

    run(script)
    want = np.concatenate([golden.run(cfg, state, segment) for _ in range(2)])
    assert_same(np.array(run.ys), want, fmt=cfg.y, cfg=cfg)
    assert_same(np.array(got), state.words, cfg=cfg)
    assert {name: state.counters[name] for name in run.events} == run.events
    row = start = 0
    sums = []
    for chunks, outputs in zip(cfg.chunks, cfg.outputs, strict=True):
        layer = weights[row : row + outputs * chunks].reshape(outputs, -1)
        sums += (layer @ x[start : start + chunks].ravel()).tolist()
        row, start = row + outputs * chunks, start + chunks
    assert_same([value for _, value in run.sums], sums)
    assert [neuron for neuron, _ in run.sums] == list(range(sum(cfg.outputs)))
