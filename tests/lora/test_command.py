"""The interpreter alone: random programs against the unit in Python, which says what it hands on, writes and answers.

Around it stand a few lines for the lanes' memories, the backbone, the sequencer and the counters, each as slow as
chance will have it.
"""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.command import LoraCommand
from skipwalk.hw.lora.ops import RINGS
from skipwalk.hw.lora.protocol import LoraCounter
from skipwalk.sim.arith.words import from_words
from skipwalk.sim.lora import golden
from skipwalk.sim.lora.unit import LoraUnit

from ..support.compare import assert_same
from ..support.lora import random_program
from ..support.lora_blocks import SHAPES, bench

CACHE_LATENCY = 3


def count_of(counter):
    """What the counters of the bench have come to."""
    return 0x1234_0000_0007 + 1000 * counter


class Recorder(LoraUnit):
    """The unit, with a list of the samples that go to training in its place, and without what training answers."""

    def __init__(self, cfg):
        super().__init__(cfg)
        self.samples = []
        self.refused_counters = 0

    def _barrier(self):
        p = self._pending
        for x, c, label, last in zip(p.x, p.c, p.labels, p.last, strict=True):
            self.samples.append((x, c, label, last and label >= 0, False, False))
        for part in (p.x, p.c, p.labels, p.last):
            part.clear()

    def _epochs(self, n, epochs, batch):
        segments, said = [], len(self._out)

        def train(cfg, state, segment):
            segments.append(segment)
            return np.zeros((len(segment.labels), cfg.classes), np.int64)

        self._train = train
        super()._epochs(n, epochs, batch)
        for s in segments:
            del self._out[said:]
            for i, (row, label, last) in enumerate(zip(s.order, s.labels, s.last, strict=True)):
                ends = i % n == n - 1
                self.samples.append((s.x[row].copy(), s.c[row].copy(), int(label), bool(last), True, ends))

    def _get(self, counter):
        super()._get(counter)
        if counter < len(LoraCounter):
            self._out[-1] = np.array([count_of(counter) & 0xFFFFFFFF, count_of(counter) >> 32], np.uint32)


class Surroundings:
    """Everything that the interpreter talks to."""

    def __init__(self, cfg, words, seed, gap_in, gap_out):
        self.cfg, self.rng = cfg, np.random.default_rng(seed)
        self.dut = LoraCommand(cfg, cache_latency=CACHE_LATENCY)
        self.words, self.gap_in, self.gap_out = words.tolist(), gap_in, gap_out
        self.replies, self.samples, self.taken, self.offers = [], [], 0, False
        self.events = {"hit": 0, "miss": 0, "rejected": 0}
        self.adapters = np.zeros((cfg.adapter_words, cfg.lanes), np.int64)
        self.net = golden.Backbone(
            np.zeros((cfg.dense_words, cfg.lanes), np.int64),
            np.zeros(sum(cfg.outputs), np.int64),
            np.zeros(cfg.layers, np.int64),
        )
        self.weights = []  # of a group that is not complete
        self.staged = np.zeros(cfg.lanes, np.int64)
        self.rings = np.zeros((RINGS * cfg.x_words, cfg.lanes), np.int64)
        self.cache = np.zeros((cfg.cache_samples * cfg.x_words, cfg.lanes), np.int64)
        self.read_ahead = [None] * CACHE_LATENCY
        self.c = np.zeros((RINGS, cfg.classes), np.int64)
        self.held, self.quiet, self.indices = [], 0, [0, 0]
        self.chain, self.loading = [], None
        self.backbone = iter(())

    def step(self, ctx, t):
        self.t = t
        for part in (self._streams, self._flow, self._activations, self._backbone, self._host, self._rest):
            part(ctx)
        return not self.idle(ctx)

    quiet_cycles = 0

    def idle(self, ctx):
        """All words taken, and nothing has moved for long."""
        moved = self.words or self.held or ctx.get(self.dut.o.valid) or ctx.get(self.dut.flow.samples.valid)
        self.quiet_cycles = 0 if moved else self.quiet_cycles + 1
        return self.quiet_cycles > 400

    def _streams(self, ctx):
        dut = self.dut
        if not self.offers:
            self.offers = bool(self.words) and self.rng.random() >= self.gap_in
        ctx.set(dut.i.valid, int(self.offers))
        if self.offers:
            ctx.set(dut.i.payload, self.words[0])
        ready = self.rng.random() >= self.gap_out
        ctx.set(dut.o.ready, int(ready))
        ctx.set(dut.flow.samples.ready, int(self.rng.random() < 0.5))
        if self.offers and ctx.get(dut.i.ready):
            self.words.pop(0)
            self.offers = False
        if ready and ctx.get(dut.o.valid):
            self.replies.append(ctx.get(dut.o.payload))
        self.events["hit"] += ctx.get(dut.events.hit)
        self.events["miss"] += ctx.get(dut.events.miss)

    def _flow(self, ctx):
        flow = self.dut.flow
        if ctx.get(flow.samples.valid) and ctx.get(flow.samples.ready):
            s = ctx.get(flow.samples.payload)
            x = self.rings[s.ring * self.cfg.x_words :][: self.cfg.x_words].copy()
            flags = bool(s.last and s.train), bool(s.counted), bool(s.ends)
            self.samples.append((x, self.c[s.ring].copy(), s.label if s.train else -1, *flags))
            self.held.append(self.t + int(self.rng.integers(1, 60)))
        done = bool(self.held) and self.held[0] <= self.t
        ctx.set(flow.retired, int(done))
        if done:
            self.held.pop(0)

    def _activations(self, ctx):
        cfg, x = self.cfg, self.dut.x
        packed = 32 // cfg.x_bits
        copied = self.read_ahead.pop(0)
        # Whatever is asked for while nothing is copied.
        self.read_ahead.append(self.cache[ctx.get(x.cache_rd_addr) % len(self.cache)].copy())
        if ctx.get(x.copy):
            self.rings[ctx.get(x.ring_addr)] = copied
        if ctx.get(x.ring):
            self.rings[ctx.get(x.ring_addr)] = self.staged
        if ctx.get(x.cache):
            self.cache[ctx.get(x.cache_addr)] = self.staged
        if ctx.get(x.ring):
            self.staged[:] = 0
        select, data = ctx.get(x.select), ctx.get(x.data)
        if ctx.get(x.group):
            self.staged[select * packed :][:packed] = data >> np.arange(packed) * cfg.x_bits & (1 << cfg.x_bits) - 1
        if ctx.get(x.one):
            self.staged[select] = data
        c = self.dut.c
        if ctx.get(c.en):
            self.c[ctx.get(c.ring), ctx.get(c.class_)] = ctx.get(c.value)

    def _backbone(self, ctx):
        port = self.dut.backbone
        if ctx.get(port.start):
            self.backbone = self._compute(ctx, ctx.get(port.ring))
        next(self.backbone, None)

    def _compute(self, ctx, ring):
        """The layers beyond the first, element by element, with pauses."""
        cfg, port = self.cfg, self.dut.backbone
        self.net.shifts[:] = [ctx.get(self.dut.parameters.shifts[k]) for k in range(cfg.layers)]
        yield
        first = self.rings[ring * cfg.x_words :][: cfg.chunks[0]].ravel()[: cfg.widths[0]]
        words, c = golden.backbone_forward(cfg, self.net, first)
        for word in range(cfg.chunks[0], cfg.x_words):
            for lane in range(cfg.lanes):
                ctx.set(port.x_valid, 1)
                ctx.set(port.x_lane, lane)
                ctx.set(port.x, int(words[word, lane]))
                yield
                ctx.set(port.x_valid, 0)
                while self.rng.random() < 0.3:
                    yield
            ctx.set(port.x_store, 1)
            ctx.set(port.x_word, word)
            yield
            ctx.set(port.x_store, 0)
        for class_, value in enumerate(c.tolist()):
            ctx.set(port.c_valid, 1)
            ctx.set(port.c_class, class_)
            ctx.set(port.c, value)
            yield
            ctx.set(port.c_valid, 0)
        ctx.set(port.done, 1)
        yield
        ctx.set(port.done, 0)
        yield

    def _host(self, ctx):
        cfg, host, chain = self.cfg, self.dut.host, self.dut.chain
        addr, lane, data = ctx.get(host.addr), ctx.get(host.lane), np.array([ctx.get(host.data)], np.uint32)
        if ctx.get(host.adapters):
            self.adapters[addr, lane] = from_words(data, cfg.a)[0]
        if ctx.get(host.weights):
            self.weights = [*self.weights, data] if lane % cfg.weight_group else [data]
            if lane % cfg.weight_group == cfg.weight_group - 1:
                values = np.concatenate(self.weights).astype(np.int64)
                sign = 1 << (cfg.weight_bits - 1)
                group = ((values & (2 * sign - 1)) ^ sign) - sign
                self.net.weights[addr, lane + 1 - cfg.weight_group : lane + 1] = group
        if ctx.get(host.biases):
            self.net.biases[addr] = data.view(np.int32)[0]
        ctx.set(chain.loaded, 0)
        if self.loading is not None and self.rng.random() < 0.3:
            self.chain, self.loading = self.loading, None
            ctx.set(chain.loaded, 1)
        if ctx.get(host.read):
            self.loading = [*(self.adapters[addr].tolist() if addr < cfg.adapter_words else [5] * cfg.lanes), 0]
        ctx.set(chain.element, self.chain[0] if self.chain else 0)
        if ctx.get(chain.shift):
            self.chain.pop(0)

    def _rest(self, ctx):
        rest, counters = self.dut.rest, self.dut.counters
        resting = ctx.get(rest.drain) and not self.held
        self.quiet = self.quiet + 1 if resting else 0
        ctx.set(rest.at_rest, int(self.quiet > 3))
        self.indices = [*self.indices[1:], ctx.get(counters.index)]
        ctx.set(counters.count, count_of(self.indices[0]))
        self.events["rejected"] += ctx.get(self.dut.events.rejected)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("gap_in", "gap_out"), [(0, 0), (0.4, 0.6)])
def test_command(name, gap_in, gap_out):
    cfg = SHAPES[name].replace(a=SHAPES[name].a, b=SHAPES[name].a)
    words, _ = random_program(cfg, seed=11, n=30, scale=0.5)
    want = Recorder(cfg)
    want.feed(words)
    around = Surroundings(cfg, words, 12, gap_in, gap_out)
    bench(around.dut, around.step)
    assert_same(np.array(around.replies, np.uint32), want.drain(), cfg=cfg)
    assert len(around.samples) == len(want.samples)
    assert any(s[4] for s in want.samples)
    for i, (got, expected) in enumerate(zip(around.samples, want.samples, strict=True)):
        assert got[2:] == expected[2:], i
        assert_same(got[0], expected[0], sample=i)
        assert_same(got[1], expected[1], fmt=cfg.y, sample=i)
    assert_same(around.adapters, want.state.words)
    assert_same(around.net.weights, want._net.weights)
    assert_same(around.net.biases, want._net.biases)
    hits, misses, rejected = (want._events[event] for event in ("hits", "misses", "rejected"))
    assert around.events == {"hit": hits, "miss": misses, "rejected": rejected}
