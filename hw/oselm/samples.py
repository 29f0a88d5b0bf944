"""The sample engine: rows of beta, their errors, and their rank-one updates."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.dot import DotProduct
from ..arith.rank_one import RankOneStep
from ..arith.requantize import requantize
from ..fabric.pipeline import any_along, clog2, delay, hops
from ..fabric.ram import Ram
from .config import CoreConfig, Schedule
from .ops import ReadKind, ReadOp, UpdateKind, UpdateOp
from .ports import ElementWrites, RowRead, Saturations, Square, VectorWrites
from .sizes import CONTEXT_SLOTS, LUT_RAM_WORDS

__all__ = ["SampleEngine"]


class SampleEngine(wiring.Component):
    """``e = t - mu h.beta[s]`` and later ``beta[s] <- beta[s] + e k``; also h of a centre and ``k = mu g u``, or with a
    constant gain h.h and ``k = mu f h``.

    A row that is read as a sample gives its dot product at once and waits in the row FIFO. When the gain k of its
    context is known it is updated and written back. If the same row was read again in the meantime, the later update
    starts from the result of the earlier one, which the result history still holds: no update is lost. Where a row
    comes twice in a context, both errors are taken from the row as it was before the context.

    Parameters
    ----------
    cfg : CoreConfig
    primitives : bool
        As in :class:`Multiplier`.
    fills : bool
        Rows come from memory outside.

    Members
    -------
    read : In(ReadOp)
        At most one a cycle, never refused.
    update : In(UpdateOp)
        At most one a cycle, never refused. The error of the entry has to be there (``error_valid`` was high for it).
    scalar : In(signed)
        With ``update``: g (or f) for GAIN, the new element for HOST.
    u : In(ElementWrites)
        One element of u, written into the lane.
    k, h : Out(VectorWrites)
        A beat of k or of h, for the engine that sweeps P.
    square : Out(Square)
        h.h of a centre. Only with a constant gain, which has none of ``u``, ``k`` and ``h``.
    row : Out(RowRead)
        A beat of a row that the host reads.
    fill : In
        Lane by lane, what FILL writes; from its issue until the last group of lanes has taken it
        (:attr:`fill_latency`). Only with ``fills``.
    error_valid : Out(1)
        The error of one more entry is known; it may be used from the next cycle on.
    saturated : Out(Saturations)
        An update beat (beta), a beat of k, or an error was clamped.

    All lanes work in step, or in ``cfg.groups`` groups of which each follows a cycle after the one before it. Scalar
    members are those of group 0; elements of a vector (``k``, ``h``, ``row``) come with their group.

    Timing: a beat each cycle on both sides. A read issued at cycle t sees the updates issued up to
    ``t - read_after_update``; an update may be issued :attr:`error_latency` cycles after the last beat of the read of
    its row. Latencies grow by ``cfg.broadcast`` and with the depth of the adder tree.

    Numerics: dot products are exact and rounded once to ``cfg.e``; e k and g u are rounded once to ``cfg.beta`` and
    ``cfg.k``; sums saturate.

    Resources: ``2 lanes`` multipliers; row store ``nodes * chunks`` words of ``beta.bits`` in each lane.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False, fills: bool = False):
        self._cfg, self._fills = cfg, fills
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        chunks, lanes = cfg.chunks, cfg.lanes
        waiting = cfg.ring * chunks
        style = "distributed" if waiting <= LUT_RAM_WORDS else "block"
        # A chunk has an address of its own bits, so a row takes a power of two of words.
        vectors = CONTEXT_SLOTS << clog2(chunks)
        self._store = [Ram(cfg.nodes * chunks, cfg.beta.bits, **kind) for _ in range(lanes)]
        self._fifo = [Ram(waiting, cfg.beta.bits, style=style, **kind) for _ in range(lanes)]
        self._history = [Ram(waiting, cfg.beta.bits, style=style, **kind) for _ in range(lanes)]
        self._h = [Ram(vectors, cfg.beta_view.bits, style="distributed", **kind) for _ in range(lanes)]
        self._k = [Ram(vectors, cfg.k.bits, style="distributed", **kind) for _ in range(lanes)]
        # What a gain multiplies: u, or h once more.
        self._u = [Ram(vectors, self._vector_bits, style="distributed", **kind) for _ in range(lanes)]
        self._errors = Ram(cfg.ring, cfg.e.bits, style="distributed", **kind)
        self._products = (
            Ram(cfg.ring, cfg.e.bits + 1, style="distributed", **kind) if cfg.schedule is Schedule.SEQUENTIAL else None
        )
        self._dot = DotProduct(lanes, cfg.beta_view.bits, cfg.beta_view.bits, chunks, groups=cfg.groups, **kind)
        self._step = RankOneStep(
            lanes,
            self._scalar_bits,
            max(cfg.k.bits, self._vector_bits),
            [("beta", cfg.beta_shift, cfg.beta), ("k", cfg.k_shift, cfg.k)],
            groups=cfg.groups,
            **kind,
        )
        super().__init__(
            {
                "read": In(ReadOp(cfg)),
                "update": In(UpdateOp(cfg)),
                "scalar": In(signed(max(self._scalar_bits, cfg.beta.bits))),
                **(self._p_members(cfg) if cfg.has_p else {"square": Out(Square(cfg))}),
                "row": Out(RowRead(cfg, cfg.beta.bits)),
                "error_valid": Out(1),
                "saturated": Out(Saturations()),
                **({"fill": In(data.ArrayLayout(signed(cfg.beta.bits), lanes))} if fills else {}),
            }
        )

    @staticmethod
    def _p_members(cfg: CoreConfig) -> dict:
        return {
            "u": In(ElementWrites(cfg)),
            "k": Out(VectorWrites(cfg, cfg.k.bits)),
            "h": Out(VectorWrites(cfg, cfg.beta_view.bits)),
        }

    @property
    def _scalar_bits(self) -> int:
        gain = self._cfg.gain_bits + 1 if self._cfg.has_p else self._cfg.p_view.bits
        return max(gain, self._cfg.e.bits)

    @property
    def _vector_bits(self) -> int:
        """Of what a gain multiplies."""
        return self._cfg.u.bits if self._cfg.has_p else self._cfg.beta_view.bits

    #: From the scalar in a lane to the write into the row store: multiply, round, add.
    _WRITE = RankOneStep.LATENCY + 1

    @property
    def read_after_update(self) -> int:
        """A read issued this many cycles after an update, or later, sees it; one cycle earlier they collide."""
        return 1 + self._WRITE + 1

    @property
    def fill_latency(self) -> int:
        """Cycles from a FILL until its beat of ``fill`` may change."""
        return self._cfg.broadcast + RankOneStep.LATENCY + self._cfg.groups + 1

    @property
    def gain_latency(self) -> int:
        """Cycles from a GAIN beat to the first update that may use it."""
        return self._WRITE

    @property
    def square_latency(self) -> int:
        """Cycles from the last read beat of a centre to its h.h."""
        return self._cfg.broadcast + self._store[0].latency + self._dot.latency

    @property
    def error_latency(self) -> int:
        """Cycles from the last read beat of a sample to the first update of that entry."""
        return self.square_latency + 2

    def elaborate(self, platform):
        m = Module()
        for name in ("store", "fifo", "history", "h", "k", "u"):
            for lane, ram in enumerate(getattr(self, f"_{name}")):
                m.submodules[f"{name}_{lane}"] = ram
        m.submodules.dot = self._dot
        m.submodules.step = self._step
        m.submodules.errors = self._errors
        if self._products is not None:
            m.submodules.products = self._products
        at_row = self._read_rows(m)
        self._make_errors(m, at_row)
        self._elaborate_update(m)
        return m

    def _vector_addr(self, op):
        """Address of a chunk of a context's vector; a chunk number has no bits where a row is one beat."""
        return Cat(op.chunk, op.context) if self._cfg.chunks > 1 else op.context

    def _group(self, lane):
        return lane * self._cfg.groups // self._cfg.lanes

    def _chunk_addr(self, base, op):
        return base * self._cfg.chunks + op.chunk if self._cfg.chunks > 1 else base

    def _read_rows(self, m):
        """Rows of beta, of a centre or of a sample, lane by lane; returns the operation that they belong to."""
        cfg, dot = self._cfg, self._dot
        layout, latency = ReadOp(cfg), self._store[0].latency
        op = delay(m, self.read, cfg.broadcast - 1, name="read")
        ops = [data.View(layout, o) for o in hops(m, op, cfg.groups, name="read", local=1)]
        at_rows = [data.View(layout, delay(m, o, latency, name=f"read_row_{group}")) for group, o in enumerate(ops)]
        for lane, (store, fifo, h) in enumerate(zip(self._store, self._fifo, self._h, strict=True)):
            group = self._group(lane)
            op, at_row = ops[group], at_rows[group]
            row = Signal(signed(cfg.beta.bits), name=f"row_{lane}")
            seen = requantize(m, row, shift=cfg.beta.fraction - cfg.beta_view.fraction, fmt=cfg.beta_view)
            m.d.comb += [
                store.rd_addr.eq(self._chunk_addr(op.row, op)),
                row.eq(store.rd_data),
                # The centre becomes h.
                h.wr_en.eq(at_row.valid & (at_row.kind == ReadKind.CENTRE)),
                h.wr_addr.eq(self._vector_addr(at_row)),
                h.wr_data.eq(seen),
                # A sample waits for its update,
                fifo.wr_en.eq(at_row.valid & (at_row.kind == ReadKind.SAMPLE)),
                fifo.wr_addr.eq(self._chunk_addr(at_row.n, at_row)),
                fifo.wr_data.eq(row),
                # and is multiplied by h.
                h.rd_addr.eq(self._vector_addr(at_row)),
                dot.a[lane].eq(seen),
                dot.b[lane].eq(h.rd_data),
                self.row.data[lane].eq(row),
            ]
            if cfg.has_p:
                m.d.comb += self.h.data[lane].eq(seen)
            else:
                self._centre_by_itself(m, lane, at_row, seen)
        at_row = at_rows[0]
        if cfg.has_p:
            m.d.comb += [self.h.en.eq(self._h[0].wr_en), self.h.addr.eq(self._h[0].wr_addr)]
        multiplied = at_row.kind == ReadKind.SAMPLE
        if not cfg.has_p:
            multiplied |= at_row.kind == ReadKind.CENTRE
        m.d.comb += [
            self.row.en.eq(at_row.valid & (at_row.kind == ReadKind.HOST)),
            dot.valid.eq(at_row.valid & multiplied),
            dot.first.eq(at_row.chunk == 0),
            dot.last.eq(at_row.chunk == cfg.chunks - 1),
        ]
        return at_row

    def _centre_by_itself(self, m, lane, at_row, seen):
        """A lane of a centre, which is multiplied by itself, and kept as what the gain will multiply."""
        h, u = self._h[lane], self._u[lane]
        with m.If(at_row.kind == ReadKind.CENTRE):
            m.d.comb += self._dot.b[lane].eq(seen)
        m.d.comb += [u.wr_en.eq(h.wr_en), u.wr_addr.eq(h.wr_addr), u.wr_data.eq(seen)]

    def _make_errors(self, m, at_row):
        """``d = mu h.beta[s]``, then ``e = t - d``."""
        cfg, dot = self._cfg, self._dot
        at_sum = data.View(ReadOp(cfg), delay(m, at_row, dot.latency, name="read_sum"))
        d_saturated = Signal()
        d = requantize(m, dot.sum, shift=cfg.e_shift, fmt=cfg.e, saturated=d_saturated)
        d_register = Signal(signed(cfg.e.bits), reset_less=True)
        d_saturated_register = Signal(reset_less=True)
        repeats = at_sum.valid & (at_sum.kind == ReadKind.REPEAT) & (at_sum.chunk == cfg.chunks - 1)
        d_valid = Signal()
        of_sample = dot.sum_valid
        if not cfg.has_p:
            of_centre = at_sum.kind == ReadKind.CENTRE
            of_sample &= ~of_centre
            m.d.comb += [self.square.valid.eq(dot.sum_valid & of_centre), self.square.sum.eq(dot.sum)]
        m.d.sync += [
            d_register.eq(d),
            d_saturated_register.eq(d_saturated),
            d_valid.eq(of_sample | repeats),
        ]
        at_d = data.View(ReadOp(cfg), delay(m, at_sum, 1, name="read_d"))
        if self._products is not None:
            # A row that comes again within its context keeps the product that it had at the first time.
            products = self._products
            known = Cat(d_register, d_saturated_register)
            chosen = Signal(cfg.e.bits + 1)
            m.d.comb += [
                products.rd_addr.eq(at_d.source),
                chosen.eq(Mux(at_d.kind == ReadKind.REPEAT, products.rd_data, known)),
                products.wr_en.eq(d_valid),
                products.wr_addr.eq(at_d.n),
                products.wr_data.eq(chosen),
            ]
            d_register, d_saturated_register = chosen[:-1].as_signed(), chosen[-1]
        e_saturated = Signal()
        target = Mux(at_d.label, 1 << cfg.e.fraction, 0)
        e = requantize(m, target - d_register, shift=0, fmt=cfg.e, saturated=e_saturated)
        m.d.comb += [self.error_valid.eq(d_valid), self.saturated.e.eq(d_valid & (e_saturated | d_saturated_register))]
        m.d.comb += [
            self._errors.wr_en.eq(d_valid),
            self._errors.wr_addr.eq(at_d.n),
            self._errors.wr_data.eq(e),
        ]

    def _elaborate_update(self, m):
        cfg = self._cfg
        layout = UpdateOp(cfg)
        # The scalar joins the operation one cycle after the issue.
        scalar = Signal(signed(self.scalar.shape().width), reset_less=True)
        is_update = self.update.kind == UpdateKind.UPDATE
        m.d.comb += self._errors.rd_addr.eq(self.update.n)
        m.d.sync += scalar.eq(Mux(is_update, self._errors.rd_data.as_signed(), self.scalar))
        op = delay(m, self.update, cfg.broadcast, name="update")
        u = hops(m, self._u_write, cfg.groups, name="u") if cfg.has_p else [None] * cfg.groups
        inputs = zip(
            hops(m, op, cfg.groups, name="update", local=1),
            hops(m, delay(m, scalar, cfg.broadcast - 1, name="scalar"), cfg.groups, name="scalar", local=1),
            u,
            strict=True,
        )
        beta_saturated, k_saturated = [], []
        for group, (op, scalar, u) in enumerate(inputs):
            flags = self._update_group(m, group, data.View(layout, op), scalar, u)
            beta_saturated.append(flags[0])
            k_saturated.append(flags[1])
        m.d.comb += [
            self.saturated.beta.eq(any_along(m, beta_saturated, name="saturated_beta")),
            self.saturated.k.eq(any_along(m, k_saturated, name="saturated_k")),
        ]

    def _update_group(self, m, group, op, scalar, u_write):
        """The lanes of a group; returns whether a beat of beta, and one of k, was clamped."""
        cfg, step = self._cfg, self._step
        lanes = [lane for lane in range(cfg.lanes) if self._group(lane) == group]
        ops = [op]  # ops[i]: the operation as the lanes had it i cycles ago
        for i in range(1, RankOneStep.LATENCY + self._bypasses):
            later = delay(m, ops[-1], 1, name=f"update_{group}_{i}")
            ops.append(data.View(op.shape(), later))
        host_value = delay(m, scalar, RankOneStep.LATENCY, name=f"host_value_{group}").as_signed()
        nearby = [self._near(m, group, ops, distance) for distance in range(1, self._bypasses + 1)]
        at_lookup = ops[RankOneStep.LATENCY - self._lookup]
        from_history = delay(m, at_lookup.hit, self._lookup - 1, name=f"from_history_{group}")
        almost = ops[RankOneStep.LATENCY - 1]
        updates, gains = (Signal(name=f"{name}_{group}", reset_less=True) for name in ("updates", "gains"))
        m.d.sync += [
            updates.eq(almost.valid & (almost.kind == UpdateKind.UPDATE)),
            gains.eq(almost.valid & (almost.kind == UpdateKind.GAIN)),
        ]
        m.d.comb += step.scalar[group].eq(scalar)
        if group == 0 and cfg.has_p:
            m.d.comb += [self.k.en.eq(gains), self.k.addr.eq(self._vector_addr(ops[RankOneStep.LATENCY]))]

        beta_saturated = Signal(len(lanes), name=f"beta_saturated_{group}", reset_less=True)
        for index, lane in enumerate(lanes):
            self._vectors(m, lane, ops, gains, u_write)
            result, saturated = self._sum(m, lane, ops, nearby, from_history, host_value)
            m.d.sync += beta_saturated[index].eq(saturated | step.beta_saturated[lane])
            self._write_back(m, lane, ops[self._WRITE], result)
        updated = Signal(name=f"updated_{group}", reset_less=True)
        m.d.sync += updated.eq(updates)
        k_saturated = Cat(step.k_saturated[lane] for lane in lanes).any()
        return updated & beta_saturated.any(), gains & k_saturated

    # Where the row to be updated comes from is looked up so that it meets the product. The result of an entry can be
    # looked up from ``lookup + 2`` cycles after its product on; nearer ones are passed on. All but the nearest are
    # chosen a cycle ahead: the sum is a loop of one cycle, so nothing else is to be in it.

    @property
    def _lookup(self) -> int:
        """Cycles from an address to the row in the sum."""
        return self._fifo[0].latency + 1

    @property
    def _bypasses(self) -> int:
        """Results that are passed on."""
        return 1 + self._lookup

    def _near(self, m, group, ops, distance):
        """Whether the row is the result of the beat ``distance`` cycles before."""
        near = Signal(name=f"near_{group}_{distance}", reset_less=True)
        now = RankOneStep.LATENCY - (1 if distance == 1 else 2)
        before, after = ops[now + distance], ops[now]
        m.d.sync += near.eq(
            before.valid
            & (before.kind == UpdateKind.UPDATE)
            & after.hit
            & (before.n == after.source)
            & (before.chunk == after.chunk)
        )
        return near

    @property
    def _u_write(self):
        return Cat(self.u.en, self.u.lane, self.u.addr, self.u.data)

    def _vectors(self, m, lane, ops, gains, u_write):
        """u or k of a lane as the factor, and the new k and u into their memories."""
        op, at_step, step = ops[0], ops[RankOneStep.LATENCY], self._step
        k, u = self._k[lane], self._u[lane]
        use_u = Signal(name=f"use_u_{lane}")
        m.d.comb += [
            k.rd_addr.eq(self._vector_addr(op)),
            u.rd_addr.eq(self._vector_addr(op)),
            use_u.eq(op.kind == UpdateKind.GAIN),
            step.vector[lane].eq(Mux(use_u, u.rd_data.as_signed(), k.rd_data.as_signed())),
            k.wr_en.eq(gains),
            k.wr_addr.eq(self._vector_addr(at_step)),
            k.wr_data.eq(step.k[lane]),
        ]
        if self._cfg.has_p:
            u_en, u_lane, u_addr, u_data = self._split(u_write, self.u.en, self.u.lane, self.u.addr, self.u.data)
            m.d.comb += [
                self.k.data[lane].eq(step.k[lane]),
                u.wr_en.eq(u_en & (u_lane == lane)),
                u.wr_addr.eq(u_addr),
                u.wr_data.eq(u_data),
            ]

    def _sum(self, m, lane, ops, nearby, from_history, host_value):
        """``beta[s] + e k`` of a lane, or what the host writes; and whether the sum was clamped."""
        cfg, step = self._cfg, self._step
        results = [
            Signal(signed(cfg.beta.bits), name=f"result_{lane}_{i}", reset_less=True) for i in range(self._bypasses - 1)
        ]
        chosen = Signal(signed(cfg.beta.bits), name=f"chosen_{lane}")
        m.d.comb += chosen.eq(self._base(m, lane, ops[RankOneStep.LATENCY - self._lookup], from_history))
        for near, result in reversed(list(zip(nearby[1:], results, strict=True))):
            with m.If(near):
                m.d.comb += chosen.eq(result)
        start = Mux(nearby[0], results[0], delay(m, chosen, 1, name=f"start_{lane}").as_signed())
        saturated = Signal(name=f"sum_saturated_{lane}")
        total = requantize(m, start + step.beta[lane], shift=0, fmt=cfg.beta, saturated=saturated)
        m.d.sync += results[0].eq(total)
        with m.If(ops[RankOneStep.LATENCY].kind == UpdateKind.HOST):
            m.d.sync += results[0].eq(host_value)
        if self._fills:
            with m.If(ops[RankOneStep.LATENCY].kind == UpdateKind.FILL):
                m.d.sync += results[0].eq(self.fill[lane])
        for newer, older in pairwise(results):
            m.d.sync += older.eq(newer)
        return results[0], saturated

    def _write_back(self, m, lane, at_write, result):
        """The result into the row store, and into the history if a later entry may want it."""
        store, history = self._store[lane], self._history[lane]
        whole = at_write.kind == UpdateKind.UPDATE
        only = (at_write.kind == UpdateKind.HOST) & (at_write.lane == lane)
        if self._fills:
            only |= at_write.kind == UpdateKind.FILL
        m.d.comb += [
            store.wr_en.eq(at_write.valid & (whole | only)),
            store.wr_addr.eq(self._chunk_addr(at_write.row, at_write)),
            store.wr_data.eq(result),
            history.wr_en.eq(at_write.valid & whole),
            history.wr_addr.eq(self._chunk_addr(at_write.n, at_write)),
            history.wr_data.eq(result),
        ]

    @staticmethod
    def _split(value, *parts):
        """Take apart what was put together by ``Cat(*parts)``."""
        found, at = [], 0
        for part in parts:
            found.append(value[at : at + len(part)])
            at += len(part)
        return found

    def _base(self, m, lane, op, from_history):
        """The row as it waits, or the result of the latest earlier entry with the same row."""
        fifo = self._fifo[lane]
        m.d.comb += fifo.rd_addr.eq(self._chunk_addr(op.n, op))
        history = self._history[lane]
        m.d.comb += history.rd_addr.eq(self._chunk_addr(op.source, op))
        return Mux(from_history, history.rd_data, fifo.rd_data).as_signed()
