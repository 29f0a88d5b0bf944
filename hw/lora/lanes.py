"""The lanes of the Skip2-LoRA unit: memories of A, B, their gradients, activations and backbone, beside multipliers."""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.dot import DotProduct, Multipliers
from ..arith.formats import SQ
from ..arith.multiplier import Multiplier
from ..arith.requantize import requantize
from ..fabric.pipeline import clog2, delay
from ..fabric.ram import Ram
from ..fabric.read_chain import ReadChain
from ..unit.ports import ChainAccess
from .activation_store import ActivationStore
from .config import LoraConfig
from .ops import BeatKind, LaneOp, dense_bits, word_bits
from .ports import Activations, Gradient, HostWrites, Sums
from .timing import UPDATE

__all__ = ["LoraLanes"]


class _Clamped:
    """What was clamped, lane by lane."""

    def __init__(self, cfg: LoraConfig):
        self.gradient, self.word, self.gz = Signal(cfg.lanes), Signal(cfg.lanes), Signal(cfg.z_size)


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

    Resources: ``2 lanes`` multipliers, an :class:`.ActivationStore`. Each lane has ``adapter_words`` words of A and B,
    and as many of gradients; each ``weight_group`` lanes have a memory of ``dense_words`` words.
    """

    def __init__(self, cfg: LoraConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        lanes = range(cfg.lanes)
        self._word_bits = max(cfg.a.bits, cfg.b.bits)
        style = "distributed" if cfg.adapter_words <= Ram.MAX_DISTRIBUTED else "block"
        self._words = [Ram(cfg.adapter_words, self._word_bits, style=style, **kind) for _ in lanes]
        self._gradients = [Ram(cfg.adapter_words, cfg.gradient_bits, style=style, **kind) for _ in lanes]
        self._activations = ActivationStore(cfg, primitives=primitives)
        size = cfg.weight_group
        self._weights = [Ram(cfg.dense_words, size * cfg.weight_bits, **kind) for _ in range(cfg.lanes // size)]
        self._read = max(self._words[0].latency, 2)

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
        return self._read + UPDATE

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
        return self._activations.cache_latency

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        for name in ("words", "gradients", "weights"):
            for i, ram in enumerate(getattr(self, f"_{name}")):
                m.submodules[f"{name}_{i}"] = ram
        m.submodules.update = self._update
        m.submodules.dot = dot = self._dot
        m.submodules.chain = self._chain
        m.submodules.activations = activations = self._activations
        wiring.connect(m, wiring.flipped(self.x), activations.x)

        # The beat at every stage that looks at it: `control[i]` beside the control, `ops[i]` in the lanes.
        control = self._stages(m, self.op, max(self._read, cfg.broadcast), "control")
        ops = self._stages(m, control[cfg.broadcast], self.latency - cfg.broadcast, "beat")
        read, new = self._read, self.new
        host = self._host(m)
        gz_next, scalar = self._scalar(m, control)
        z_ahead, z_behind = self._z(m, ops[-1])
        for at, op in (
            (activations.behind_at, ops[read - activations.latency]),
            (activations.ahead_at, ops[new - activations.latency]),
        ):
            m.d.comb += at.x.eq(op.x)
        m.d.comb += [
            activations.behind_at.ring.eq(ops[read - activations.latency].behind),
            activations.ahead_at.ring.eq(ops[new - activations.latency].ahead),
        ]

        clamped = _Clamped(cfg)
        self._weights_memory(m, ops[new - self._weights[0].latency], host)
        for lane in range(cfg.lanes):
            z = (z_ahead[lane], z_behind[lane]) if lane < cfg.z_size else None
            product = self._operands(m, lane, ops, scalar, z, host)
            if lane < cfg.z_size:
                self._back(m, lane, ops, product, gz_next[lane], clamped)
            acc = self._gradient(m, lane, ops, product, clamped)
            new_word = self._word(m, lane, ops, acc, host, clamped)
            self._forward(m, lane, ops[new], new_word, z)
        m.d.comb += [
            dot.valid.eq(ops[new].valid & (ops[new].kind != BeatKind.BACK)),
            dot.first.eq(ops[new].first),
            dot.last.eq(ops[new].last),
            self.sums.valid.eq(dot.sum_valid & (ops[-1].kind != BeatKind.SWEEP)),
            self.sums.value.eq(dot.sum),
            self.sums.op.eq(ops[-1]),
        ]
        self._read_chain(m)
        self._events(m, ops, clamped)
        return m

    @staticmethod
    def _stages(m, first, n, name):
        """A beat, and the same 1 ... n cycles later."""
        layout = first.shape()
        steps = [first]
        for i in range(1, n + 1):
            steps.append(data.View(layout, delay(m, steps[-1], 1, name=f"{name}_{i}", reset_less=False)))
        return steps

    def _host(self, m):
        """What the host writes, as the lanes see it."""
        cfg, host = self._cfg, self.host
        addr_bits = max(word_bits(cfg), dense_bits(cfg))
        later = {
            name: delay(m, value, cfg.broadcast, name=f"host_{name}", reset_less=reset_less)
            for name, value, reset_less in (
                ("addr", host.addr[:addr_bits], True),
                ("lane", host.lane, True),
                ("data", host.data, True),
                ("adapters", host.adapters, False),
                ("weights", host.weights, False),
            )
        }
        return SimpleNamespace(**later)

    def _scalar(self, m, control):
        """gz, collected in the lanes, is taken over where a slot starts; an element of it or of g for each beat.

        Returns where the lanes collect gz, and the scalar as the lanes see it.
        """
        cfg, read = self._cfg, self._read
        gz_next = [Signal(signed(cfg.gz.bits), name=f"gz_next_{i}", reset_less=True) for i in range(cfg.z_size)]
        gz = [Signal(signed(cfg.gz.bits), name=f"gz_{i}", reset_less=True) for i in range(cfg.z_size)]
        with m.If(control[read - 1].valid & control[read - 1].start):
            m.d.sync += [now.eq(later) for now, later in zip(gz, gz_next, strict=True)]
        beat = control[read]
        m.d.comb += [self.g.ring.eq(beat.behind), self.g.class_.eq(beat.index)]
        scalar = Signal(signed(self._update.b[0].shape().width))
        m.d.comb += scalar.eq(Mux(beat.kind == BeatKind.SWEEP, Array(gz)[beat.index], self.g.value))
        return gz_next, delay(m, scalar, cfg.broadcast, name="scalar").as_signed()

    def _z(self, m, done):
        """z: one more sum with every group of beats, then the whole vector moves on; ``done`` is the beat of a sum.

        Returns z of the sample whose y comes next, and of the one that updates B.
        """
        cfg, dot = self._cfg, self._dot
        z = [Signal(signed(cfg.z.bits), name=f"z_{i}", reset_less=True) for i in range(cfg.z_size)]
        history = [
            [Signal(signed(cfg.z.bits), name=f"z_{i}_before_{age}", reset_less=True) for i in range(cfg.z_size)]
            for age in range(1, cfg.lag)
        ]
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
        return history[0], history[cfg.lag - 2]

    def _weights_memory(self, m, op, host):
        """Weights of the backbone. The lanes of a group share a memory, which is written with the group's last lane."""
        cfg, size = self._cfg, self._cfg.weight_group
        for group, weights in enumerate(self._weights):
            mine = host.weights & (host.lane >> clog2(size) == group)
            place = host.lane[: clog2(size)]
            staged = [Signal(cfg.weight_bits, name=f"weight_{group}_{i}", reset_less=True) for i in range(size - 1)]
            for i, element in enumerate(staged):
                with m.If(mine & (place == i)):
                    m.d.sync += element.eq(host.data)
            m.d.comb += [
                weights.wr_en.eq(mine & (place == size - 1)),
                weights.wr_addr.eq(host.addr),
                weights.wr_data.eq(Cat(*staged, host.data[: cfg.weight_bits])),
                weights.rd_addr.eq(op.dense_word),
            ]

    def _operands(self, m, lane, ops, scalar, z, host):
        """The update's product: a word, z or x times the scalar. Returns it."""
        read, words, update = self._read, self._words[lane], self._update
        op, asking = ops[read], ops[read - words.latency]
        # The host reads through the same port.
        m.d.comb += [
            words.rd_addr.eq(Mux(asking.valid, asking.word, host.addr)),
            self._chain.rows[0][lane].eq(words.rd_data),
            update.b[lane].eq(scalar),
        ]
        with m.Switch(op.kind):
            with m.Case(BeatKind.BACK):
                m.d.comb += update.a[lane].eq(words.rd_data.as_signed())
            if z is not None:
                with m.Case(BeatKind.HEAD):
                    m.d.comb += update.a[lane].eq(z[1])
            with m.Case(BeatKind.SWEEP):
                m.d.comb += update.a[lane].eq(self._activations.behind[lane])
        return update.p[lane]

    def _back(self, m, lane, ops, product, gz, clamped):
        """``gz += W g``, rounded with the last class."""
        cfg, at_product = self._cfg, self._read + Multiplier.LATENCY
        op, then = ops[at_product], ops[at_product + 1]
        gz_sum = Signal(signed(len(product) + clog2(cfg.classes)), name=f"gz_sum_{lane}", reset_less=True)
        with m.If(op.valid & (op.kind == BeatKind.BACK)):
            m.d.sync += gz_sum.eq(Mux(op.first, 0, gz_sum) + product)
        rounded = requantize(m, gz_sum, shift=cfg.gz_shift, fmt=cfg.gz, saturated=clamped.gz[lane])
        with m.If(then.valid & (then.kind == BeatKind.BACK) & then.last):
            m.d.sync += gz.eq(rounded)

    def _gradient(self, m, lane, ops, product, clamped):
        """``G += vector * scalar``, saturated; returns it at ``at_acc``."""
        cfg, gradients, at_product = self._cfg, self._gradients[lane], self._read + Multiplier.LATENCY
        total = Signal(signed(max(len(product), cfg.gradient_bits) + 1), name=f"total_{lane}", reset_less=True)
        acc = Signal(signed(cfg.gradient_bits), name=f"acc_{lane}", reset_less=True)
        acc_clamped = Signal(name=f"gradient_clamped_{lane}")
        op, at_acc = ops[at_product], ops[at_product + 2]
        m.d.comb += gradients.rd_addr.eq(ops[at_product - gradients.latency].word)
        m.d.sync += [
            total.eq(product + Mux(op.fresh, 0, gradients.rd_data.as_signed())),
            acc.eq(requantize(m, total, shift=0, fmt=SQ(cfg.gradient_bits, 0), saturated=acc_clamped)),
            clamped.gradient[lane].eq(acc_clamped),
        ]
        m.d.comb += [
            gradients.wr_en.eq(at_acc.valid & at_acc.update & self._has_word(at_acc)),
            gradients.wr_addr.eq(at_acc.word),
            gradients.wr_data.eq(acc),
        ]
        return acc

    def _word(self, m, lane, ops, acc, host, clamped):
        """``W <- W - G`` at the end of a mini-batch; returns the word at ``new``."""
        words, at_step = self._words[lane], self._read + Multiplier.LATENCY + 3
        step, step_clamped = self._step(m, acc, ops[at_step - 1], lane)
        op = ops[at_step]
        old = delay(m, words.rd_data, at_step - self._read, name=f"old_{lane}").as_signed()
        difference = Signal(signed(self._word_bits + 1), name=f"difference_{lane}")
        m.d.comb += difference.eq(old - Mux(op.update & op.apply, step, 0))
        new_word = Signal(signed(self._word_bits), name=f"new_{lane}", reset_less=True)
        fitted, new_clamped = self._fit(m, difference, op.kind == BeatKind.HEAD, lane)
        m.d.sync += [new_word.eq(fitted), clamped.word[lane].eq(new_clamped | step_clamped)]
        op = ops[self.new]
        host_only = host.adapters & (host.lane == lane)
        m.d.comb += [
            words.wr_en.eq((op.valid & op.update & op.apply & self._has_word(op)) | host_only),
            words.wr_addr.eq(Mux(host.adapters, host.addr, op.word)),
            words.wr_data.eq(Mux(host.adapters, host.data, new_word)),
        ]
        return new_word

    def _forward(self, m, lane, op, new_word, z):
        """The product of the word, or of weights, with x or z."""
        dot, size = self._dot, self._cfg.weight_group
        weight = self._weights[lane // size].rd_data.word_select(lane % size, self._cfg.weight_bits)
        m.d.comb += dot.a[lane].eq(Mux(op.kind == BeatKind.DENSE, weight.as_signed(), new_word))
        with m.If(op.kind != BeatKind.HEAD):
            m.d.comb += dot.b[lane].eq(self._activations.ahead[lane])
        if z is not None:
            with m.Else():
                m.d.comb += dot.b[lane].eq(z[0])

    def _read_chain(self, m):
        chain = self._chain
        wait = self._cfg.broadcast + self._words[0].latency
        loads = delay(m, self.host.read, wait, name="host_read", reset_less=False)
        m.d.comb += [
            chain.load.eq(loads),
            self.chain.loaded.eq(loads),
            chain.shift.eq(self.chain.shift),
            self.chain.element.eq(chain.o),
        ]

    def _events(self, m, ops, clamped):
        at_product = self._read + Multiplier.LATENCY
        back, acc, new = ops[at_product + 1], ops[at_product + 2], ops[self.new]
        updates = new.valid & new.update & new.apply
        m.d.sync += [
            self.saturated_gradient.eq(acc.valid & acc.update & self._has_word(acc) & clamped.gradient.any()),
            self.saturated_a.eq(updates & (new.kind == BeatKind.SWEEP) & clamped.word.any()),
            self.saturated_b.eq(updates & (new.kind == BeatKind.HEAD) & clamped.word.any()),
            self.saturated_gz.eq(
                back.valid & (back.kind == BeatKind.BACK) & back.last & back.update & clamped.gz.any()
            ),
        ]

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
