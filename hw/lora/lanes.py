"""The lanes of the Skip2-LoRA unit: memories of A, B, their gradients, activations and backbone, beside multipliers."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.dot import DotProduct, Multipliers
from ..arith.formats import SQ
from ..arith.multiplier import Multiplier
from ..arith.requantize import requantize
from ..fabric.pipeline import clog2, delay, times
from ..fabric.ram import Ram
from ..fabric.read_chain import ReadChain
from ..unit.ports import ChainAccess
from .config import LoraConfig
from .ops import BeatKind, LaneOp, dense_bits, ring_words, word_bits
from .ports import Activations, Gradient, HostWrites, Sums

__all__ = ["LoraLanes"]


class LoraLanes(wiring.Component):
    """Every product of vectors of the unit: one beat a cycle, 2 x ``lanes`` multipliers.

    A beat reads a word of A or B, adds ``vector * scalar`` to its gradient, applies that at the end of a mini-batch,
    and multiplies the new word by the next sample's x or z::

        SWEEP  G += x_behind gz      W <- W - G      z += W . x_ahead
        HEAD   G += z_behind g       W <- W - G      y  = W . z_ahead
        BACK   gz += W g
        DENSE                                        sum += weights . x_ahead

    Parameters
    ----------
    cfg : LoraConfig
    primitives : bool
        As in :class:`Multiplier`.

    Members
    -------
    op : In(LaneOp)
        A beat a cycle, on the timetable of :mod:`.schedule`.
    g : Out(Gradient)
        Where it comes from that a HEAD or BACK beat multiplies by.
    sums : Out(Sums)
        The end of a sum, :attr:`latency` cycles after its beat. z stays inside.
    x : In(Activations)
        Into rings and Skip-Cache.
    host, chain : In(HostWrites), In(ChainAccess)
        One element in, or a word of the adapters out. Only without beats.
    saturated_* : Out(1)
        A beat or a scalar in which something was clamped.

    Numerics: products and gradients are exact up to ``gradient_bits``, where sums saturate; G is rounded once to the
    format of W; W - step saturates; z, y and gz are exact until one rounding to their format.

    Resources: ``2 lanes`` multipliers. Each lane has ``adapter_words`` words of A and B, as many of gradients and
    ``dense_words`` of weights; each group of lanes that fills 32 bits has twice ``8 x_words`` words of activations and
    ``cache_samples x_words`` of Skip-Cache.
    """

    #: From the operands of the update to the new word: product, sum, saturation, rounding, difference.
    _NEW = Multiplier.LATENCY + 4

    def __init__(self, cfg: LoraConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        lanes = range(cfg.lanes)
        self._word_bits = max(cfg.a.bits, cfg.b.bits)
        style = "distributed" if cfg.adapter_words <= Ram.MAX_DISTRIBUTED else "block"
        self._words = [Ram(cfg.adapter_words, self._word_bits, style=style, **kind) for _ in lanes]
        self._gradients = [Ram(cfg.adapter_words, cfg.gradient_bits, style=style, **kind) for _ in lanes]
        # The lanes whose activations share a word of the host share memories as well: block RAM is 36 bits wide.
        self._packed = 32 // cfg.x_bits
        groups = range(cfg.lanes // self._packed)
        self._ahead = [Ram(ring_words(cfg), 32, **kind) for _ in groups]
        self._behind = [Ram(ring_words(cfg), 32, **kind) for _ in groups]
        self._cache = [Ram(cfg.cache_samples * cfg.x_words, 32, **kind) for _ in groups]
        self._weights = [Ram(cfg.dense_words, cfg.weight_bits, **kind) for _ in lanes]
        self._read = max(self._words[0].latency, self._behind[0].latency)

        self._vector_bits = max(cfg.x_bits + 1, cfg.z.bits)
        scalar_bits = max(cfg.g.bits, cfg.gz.bits)
        operand_bits = max(self._word_bits, self._vector_bits)
        self._update = Multipliers(cfg.lanes, operand_bits, scalar_bits, **kind)
        row_bits = max(self._word_bits, cfg.weight_bits)
        self._dot = DotProduct(cfg.lanes, row_bits, self._vector_bits, max(cfg.chunks), **kind)
        self._chain = ReadChain(cfg.lanes, self._word_bits, 1)
        super().__init__(
            {
                "op": In(LaneOp(cfg)),
                "g": Out(Gradient(cfg)),
                "sums": Out(Sums(cfg, self._dot.sum.shape().width)),
                "x": In(Activations(cfg)),
                "host": In(HostWrites(cfg)),
                "chain": In(ChainAccess(self._word_bits)),
                "saturated_a": Out(1),
                "saturated_b": Out(1),
                "saturated_gradient": Out(1),
                "saturated_z": Out(1),
                "saturated_gz": Out(1),
            }
        )

    @property
    def read(self) -> int:
        """Cycles in the lanes from a beat to the operands of the update."""
        return self._read

    @property
    def new(self) -> int:
        """Cycles in the lanes from a beat to the updated word."""
        return self._read + self._NEW

    @property
    def dot(self) -> int:
        """Cycles from the updated word to its sum."""
        return self._dot.latency

    @property
    def latency(self) -> int:
        """Cycles from a beat to ``sums.valid``."""
        return self._cfg.broadcast + self.new + self.dot

    @property
    def cache_latency(self) -> int:
        """Cycles from ``x.cache_rd_addr`` to the word that ``x.copy`` takes."""
        return self._cache[0].latency

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        for name in ("words", "gradients", "weights", "ahead", "behind", "cache"):
            for i, ram in enumerate(getattr(self, f"_{name}")):
                m.submodules[f"{name}_{i}"] = ram
        m.submodules.update = update = self._update
        m.submodules.dot = dot = self._dot
        m.submodules.chain = chain = self._chain

        # The beat at every stage that looks at it: `control[i]` beside the control, `ops[i]` in the lanes.
        layout = LaneOp(cfg)

        def stages(first, n, name):
            steps = [first]
            for i in range(1, n + 1):
                steps.append(data.View(layout, delay(m, steps[-1], 1, name=f"{name}_{i}", reset_less=False)))
            return steps

        control = stages(self.op, max(self._read, cfg.broadcast), "control")
        ops = stages(control[cfg.broadcast], self.latency - cfg.broadcast, "beat")
        read, new = self._read, self.new
        at_product = read + Multiplier.LATENCY
        at_acc, at_step = at_product + 2, at_product + 3

        # ---- gz: collected in the lanes, taken over where a slot starts, an element for each beat
        gz_next = [Signal(signed(cfg.gz.bits), name=f"gz_next_{i}", reset_less=True) for i in range(cfg.z_size)]
        gz = [Signal(signed(cfg.gz.bits), name=f"gz_{i}", reset_less=True) for i in range(cfg.z_size)]
        with m.If(control[read - 1].valid & control[read - 1].start):
            m.d.sync += [now.eq(later) for now, later in zip(gz, gz_next, strict=True)]
        beat = control[read]
        m.d.comb += [self.g.ring.eq(beat.behind), self.g.class_.eq(beat.index)]
        scalar = Signal(signed(update.b[0].shape().width))
        m.d.comb += scalar.eq(Mux(beat.kind == BeatKind.SWEEP, Array(gz)[beat.index], self.g.value))
        scalar = delay(m, scalar, cfg.broadcast, name="scalar").as_signed()

        # ---- z: one more sum with every group of beats, then the whole vector moves on
        z = [Signal(signed(cfg.z.bits), name=f"z_{i}", reset_less=True) for i in range(cfg.z_size)]
        history = [
            [Signal(signed(cfg.z.bits), name=f"z_{i}_before_{age}", reset_less=True) for i in range(cfg.z_size)]
            for age in range(1, cfg.lag)
        ]
        done = ops[-1]
        z_done = dot.sum_valid & (done.kind == BeatKind.SWEEP)
        shifts = [cfg.z_shift(k) for k in range(cfg.layers)]
        aligned = Array([dot.sum << (max(shifts) - s) for s in shifts])[done.layer]
        z_saturated = Signal()
        z_new = requantize(m, aligned, shift=max(shifts), fmt=cfg.z, saturated=z_saturated)
        z_moves = Signal()
        m.d.sync += [
            z_moves.eq(z_done & (done.index == cfg.z_size - 1)),
            self.saturated_z.eq(z_done & done.forward & z_saturated),
        ]
        with m.If(z_done):
            m.d.sync += Array(z)[done.index].eq(z_new)
        with m.If(z_moves):
            for younger, older in zip([z, *history], history, strict=False):
                m.d.sync += [o.eq(y) for o, y in zip(older, younger, strict=True)]
        z_ahead, z_behind = history[0], history[cfg.lag - 2]

        saturated_gradient = Signal(cfg.lanes)
        saturated_word = Signal(cfg.lanes)
        saturated_gz = Signal(cfg.z_size)
        addr_bits = max(word_bits(cfg), dense_bits(cfg))
        host_addr = delay(m, self.host.addr[:addr_bits], cfg.broadcast, name="host_addr")
        host_lane = delay(m, self.host.lane, cfg.broadcast, name="host_lane")
        host_data = delay(m, self.host.data, cfg.broadcast, name="host_data")
        host_adapters = delay(m, self.host.adapters, cfg.broadcast, name="host_adapters", reset_less=False)
        host_weights = delay(m, self.host.weights, cfg.broadcast, name="host_weights", reset_less=False)

        # ---- activations: rings and Skip-Cache
        x_ahead, x_behind = [], []
        for group, (ahead, behind, cache) in enumerate(zip(self._ahead, self._behind, self._cache, strict=True)):
            staged = [Signal(cfg.x_bits, name=f"staged_{group}_{i}", reset_less=True) for i in range(self._packed)]
            for i, element in enumerate(staged):
                with m.If(self.x.group & (self.x.select == group)):
                    m.d.sync += element.eq(self.x.data.word_select(i, cfg.x_bits))
                with m.Elif(self.x.one & (self.x.select == group * self._packed + i)):
                    m.d.sync += element.eq(self.x.data)
                with m.Elif(self.x.ring):
                    m.d.sync += element.eq(0)
            for ring in (ahead, behind):
                m.d.comb += [
                    ring.wr_en.eq(self.x.ring | self.x.copy),
                    ring.wr_addr.eq(self.x.ring_addr),
                    ring.wr_data.eq(Mux(self.x.copy, cache.rd_data, Cat(staged))),
                ]
            op_behind, op_ahead = ops[read - behind.latency], ops[new - ahead.latency]
            m.d.comb += [
                cache.wr_en.eq(self.x.cache),
                cache.wr_addr.eq(self.x.cache_addr),
                cache.wr_data.eq(Cat(staged)),
                cache.rd_addr.eq(self.x.cache_rd_addr),
                behind.rd_addr.eq(times(op_behind.behind, cfg.x_words) + op_behind.x),
                ahead.rd_addr.eq(times(op_ahead.ahead, cfg.x_words) + op_ahead.x),
            ]
            for i in range(self._packed):
                x_ahead.append(ahead.rd_data.word_select(i, cfg.x_bits))
                x_behind.append(behind.rd_data.word_select(i, cfg.x_bits))

        for lane in range(cfg.lanes):
            words, gradients, weights = self._words[lane], self._gradients[lane], self._weights[lane]
            only = host_lane == lane

            # ---- the update's product
            op = ops[read]
            word = Signal(signed(self._word_bits), name=f"word_{lane}")
            # The host reads through the same port.
            idle = ~ops[read - words.latency].valid
            m.d.comb += [
                words.rd_addr.eq(Mux(idle, host_addr, ops[read - words.latency].word)),
                word.eq(words.rd_data),
                chain.rows[0][lane].eq(word),
                update.b[lane].eq(scalar),
            ]
            with m.Switch(op.kind):
                with m.Case(BeatKind.BACK):
                    m.d.comb += update.a[lane].eq(word)
                if lane < cfg.z_size:
                    with m.Case(BeatKind.HEAD):
                        m.d.comb += update.a[lane].eq(z_behind[lane])
                with m.Case(BeatKind.SWEEP):
                    m.d.comb += update.a[lane].eq(x_behind[lane])
            product = update.p[lane]

            # ---- gz
            if lane < cfg.z_size:
                op = ops[at_product]
                guard = clog2(cfg.classes)
                gz_sum = Signal(signed(len(product) + guard), name=f"gz_sum_{lane}", reset_less=True)
                with m.If(op.valid & (op.kind == BeatKind.BACK)):
                    m.d.sync += gz_sum.eq(Mux(op.first, 0, gz_sum) + product)
                op = ops[at_product + 1]
                rounded = requantize(m, gz_sum, shift=cfg.gz_shift, fmt=cfg.gz, saturated=saturated_gz[lane])
                with m.If(op.valid & (op.kind == BeatKind.BACK) & op.last):
                    m.d.sync += gz_next[lane].eq(rounded)

            # ---- gradient and word
            op = ops[at_product]
            m.d.comb += gradients.rd_addr.eq(ops[at_product - gradients.latency].word)
            total = Signal(signed(max(len(product), cfg.gradient_bits) + 1), name=f"total_{lane}", reset_less=True)
            m.d.sync += total.eq(product + Mux(op.fresh, 0, gradients.rd_data.as_signed()))
            clamped = Signal(name=f"gradient_clamped_{lane}")
            acc = Signal(signed(cfg.gradient_bits), name=f"acc_{lane}", reset_less=True)
            m.d.sync += [
                acc.eq(requantize(m, total, shift=0, fmt=SQ(cfg.gradient_bits, 0), saturated=clamped)),
                saturated_gradient[lane].eq(clamped),
            ]
            op = ops[at_acc]
            m.d.comb += [
                gradients.wr_en.eq(op.valid & op.update & self._has_word(op)),
                gradients.wr_addr.eq(op.word),
                gradients.wr_data.eq(acc),
            ]
            step, step_clamped = self._step(m, acc, op, lane)
            op = ops[at_step]
            difference = Signal(signed(self._word_bits + 1), name=f"difference_{lane}")
            old = delay(m, word, at_step - read, name=f"old_{lane}").as_signed()
            m.d.comb += difference.eq(old - Mux(op.update & op.apply, step, 0))
            new_word = Signal(signed(self._word_bits), name=f"new_{lane}", reset_less=True)
            fitted, new_clamped = self._fit(m, difference, op.kind == BeatKind.HEAD, lane)
            m.d.sync += [new_word.eq(fitted), saturated_word[lane].eq(new_clamped | step_clamped)]
            op = ops[new]
            host_only = host_adapters & only
            m.d.comb += [
                words.wr_en.eq((op.valid & op.update & op.apply & self._has_word(op)) | host_only),
                words.wr_addr.eq(Mux(host_adapters, host_addr, op.word)),
                words.wr_data.eq(Mux(host_adapters, host_data, new_word)),
            ]

            # ---- the forward product
            m.d.comb += [
                weights.wr_en.eq(host_weights & only),
                weights.wr_addr.eq(host_addr),
                weights.wr_data.eq(host_data),
                weights.rd_addr.eq(ops[new - weights.latency].dense_word),
                dot.a[lane].eq(Mux(op.kind == BeatKind.DENSE, weights.rd_data.as_signed(), new_word)),
            ]
            with m.If(op.kind != BeatKind.HEAD):
                m.d.comb += dot.b[lane].eq(x_ahead[lane])
            if lane < cfg.z_size:
                with m.Else():
                    m.d.comb += dot.b[lane].eq(z_ahead[lane])

        op = ops[new]
        loads = delay(m, self.host.read, cfg.broadcast + words.latency, name="host_read", reset_less=False)
        m.d.comb += [
            dot.valid.eq(op.valid & (op.kind != BeatKind.BACK)),
            dot.first.eq(op.first),
            dot.last.eq(op.last),
            self.sums.valid.eq(dot.sum_valid & (done.kind != BeatKind.SWEEP)),
            self.sums.value.eq(dot.sum),
            self.sums.op.eq(done),
            chain.load.eq(loads),
            self.chain.loaded.eq(loads),
            chain.shift.eq(self.chain.shift),
            self.chain.element.eq(chain.o),
        ]

        updates = ops[new].valid & ops[new].update & ops[new].apply
        back = ops[at_product + 1]
        m.d.sync += [
            self.saturated_gradient.eq(
                ops[at_acc].valid & ops[at_acc].update & self._has_word(ops[at_acc]) & saturated_gradient.any()
            ),
            self.saturated_a.eq(updates & (ops[new].kind == BeatKind.SWEEP) & saturated_word.any()),
            self.saturated_b.eq(updates & (ops[new].kind == BeatKind.HEAD) & saturated_word.any()),
            self.saturated_gz.eq(
                back.valid & (back.kind == BeatKind.BACK) & back.last & back.update & saturated_gz.any()
            ),
        ]
        return m

    @staticmethod
    def _has_word(op):
        """Whether the beat may write its word."""
        return (op.kind == BeatKind.SWEEP) | (op.kind == BeatKind.HEAD)

    def _step(self, m, acc, op, lane):
        """G rounded to the format of the word; registered. The shifts of the layers are wired, one is chosen."""
        cfg = self._cfg
        shifts = [cfg.a_shift(k) for k in range(cfg.layers)]
        variants = {False: (Array([acc << (max(shifts) - s) for s in shifts])[op.layer], max(shifts), cfg.a)}
        if cfg.a == cfg.b:
            top = max(*shifts, cfg.b_shift)
            choice = Mux(
                op.kind == BeatKind.HEAD,
                acc << (top - cfg.b_shift),
                Array([acc << (top - s) for s in shifts])[op.layer],
            )
            variants = {False: (choice, top, cfg.a)}
        else:
            variants[True] = (acc, cfg.b_shift, cfg.b)
        results = {}
        for is_b, (value, shift, fmt) in variants.items():
            clamped = Signal(name=f"step_clamped_{'b' if is_b else 'a'}_{lane}")
            results[is_b] = (requantize(m, value, shift=shift, fmt=fmt, saturated=clamped), clamped)
        step = Signal(signed(self._word_bits), name=f"step_{lane}", reset_less=True)
        step_clamped = Signal(name=f"step_clamped_{lane}", reset_less=True)
        head = op.kind == BeatKind.HEAD
        a, b = results[False], results.get(True, results[False])
        m.d.sync += [step.eq(Mux(head, b[0], a[0])), step_clamped.eq(Mux(head, b[1], a[1]))]
        return step, step_clamped

    def _fit(self, m, difference, head, lane):
        """The difference saturated to the format of A or B."""
        cfg = self._cfg
        results: list[tuple[Any, Any]] = []
        for fmt in dict.fromkeys((cfg.a, cfg.b)):
            clamped = Signal(name=f"clamped_{fmt.bits}_{len(results)}_{lane}")
            results.append((requantize(m, difference, shift=0, fmt=fmt, saturated=clamped), clamped))
        if len(results) == 1:
            return results[0]
        return Mux(head, results[1][0], results[0][0]), Mux(head, results[1][1], results[0][1])
