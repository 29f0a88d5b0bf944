"""The P engine: one pass over the rows of P updates it and multiplies it by h."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.dot import DotProduct
from ..arith.rank_one import RankOneStep
from ..arith.requantize import requantize
from ..fabric.pipeline import any_along, clog2, delay, hops
from ..fabric.ram import Ram
from ..fabric.read_chain import chain_latency
from .config import CoreConfig
from .ops import HostOp, SweepOp, lane_bits
from .ports import ChainUse, Elements, Inflation, RowRead, VectorWrites
from .sizes import CONTEXT_SLOTS, LUT_RAM_WORDS

__all__ = ["PSweep"]


class _BeatLayout(data.StructLayout):
    """A beat of a sweep, or a ``lane`` that the host writes or a chunk that it reads."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "valid": 1,
                "op": SweepOp(cfg),
                "row": clog2(cfg.dim),
                "chunk": max(1, clog2(cfg.chunks)),
                "host_write": 1,
                "host_read": 1,
                "lane": lane_bits(cfg),
            }
        )


class PSweep(wiring.Component):
    """``P <- P - u k^T + q on the diagonal while P_ii < p0``, and in the same pass ``u_new = P h``.

    Parameters
    ----------
    cfg : CoreConfig
    primitives : bool
        As in :class:`Multiplier`.

    Members
    -------
    start : In(SweepOp)
        Begins a sweep; not before :attr:`spacing` cycles after the last one.
    k : In(VectorWrites)
        A beat of a gain; written before the first beat of a sweep that uses it is in the lanes.
    h : In(VectorWrites)
        A beat of h; written at the latest :attr:`h_after_start` cycles after the start (a beat later for each chunk).
    inflation : In(Inflation)
        What the diagonal grows by, and up to where.
    host : In(HostOp)
        ``write_p`` and ``read_p``, only between sweeps.
    elements : Out(Elements)
        u_new.
    row : Out(RowRead)
        The chunk that ``read_p`` asked for.
    chain : Out(ChainUse)
        A read chain outside.
    saturated_p, saturated_u : Out(1)
        A beat of P or an element of u was clamped.

    Groups of lanes follow each other as in :class:`SampleEngine`: ``data`` of ``k``, ``h`` and ``row``, and
    ``chain.row``, come with their
    group, all other members with group 0.

    Timing: ``dim * chunks`` beats; the last u comes :attr:`latency` cycles after the last beat.

    Numerics: u k is rounded once to ``cfg.p``; P - step + q saturates; P h is exact and rounded once to ``cfg.u``.
    The diagonal grows if it was below p0 before the sweep.

    Resources: ``2 lanes`` multipliers; ``dim`` times ``chunks`` (rounded up to a power of two) words of ``p.bits`` in
    each lane.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        # A chunk has an address of its own bits, so a row or vector takes a power of two of words.
        lanes, words, vectors = cfg.lanes, cfg.dim << clog2(cfg.chunks), CONTEXT_SLOTS << clog2(cfg.chunks)
        style = "distributed" if words <= LUT_RAM_WORDS else "block"
        self._p = [Ram(words, cfg.p.bits, style=style, **kind) for _ in range(lanes)]
        self._h = [Ram(vectors, cfg.beta_view.bits, style="distributed", **kind) for _ in range(lanes)]
        self._k = [Ram(vectors, cfg.k.bits, style="distributed", **kind) for _ in range(lanes)]
        self._u = Ram(CONTEXT_SLOTS << clog2(cfg.dim), cfg.u.bits, **kind)
        self._dot = DotProduct(lanes, cfg.p_view.bits, cfg.beta_view.bits, cfg.chunks, groups=cfg.groups, **kind)
        self._step = RankOneStep(lanes, cfg.u.bits, cfg.k.bits, [("p", cfg.p_shift, cfg.p)], groups=cfg.groups, **kind)
        super().__init__(
            {
                "start": In(SweepOp(cfg)),
                "k": In(VectorWrites(cfg, cfg.k.bits)),
                "h": In(VectorWrites(cfg, cfg.beta_view.bits)),
                "inflation": In(Inflation(cfg)),
                "host": In(HostOp(cfg)),
                "elements": Out(Elements(cfg)),
                "row": Out(RowRead(cfg, cfg.p.bits)),
                "chain": Out(ChainUse(cfg)),
                "saturated_p": Out(1),
                "saturated_u": Out(1),
            }
        )

    #: From u and k in a lane to the new row of P: multiply and round, subtract, add q, saturate.
    _NEW = RankOneStep.LATENCY + 3

    @property
    def _p_latency(self) -> int:
        """Cycles from an address to a row of P; what LUT RAM gives at once is registered."""
        return max(1, self._p[0].latency)

    @property
    def _lanes_after(self) -> int:
        """Cycles from the start to its first beat in the lanes: the memory of u, then the broadcast."""
        return 1 + self._u.latency + self._cfg.broadcast

    @property
    def spacing(self) -> int:
        """Fewest cycles between two starts: all rows, and the first one is written before it is read again."""
        return max(self._cfg.dim * self._cfg.chunks, self._NEW + 1 - (RankOneStep.LATENCY - self._p_latency))

    @property
    def h_after_start(self) -> int:
        return self._lanes_after + self._NEW - 1

    @property
    def latency(self) -> int:
        """Cycles from the start of a beat to the u of its row."""
        return self._lanes_after + self._NEW + self._dot.latency + 1

    def _row_of(self, lane, chunk):
        """The row whose diagonal element is in this lane and chunk."""
        return Cat(Const(lane, clog2(self._cfg.lanes)), chunk)[: clog2(self._cfg.dim)]

    def elaborate(self, platform):
        cfg, dot = self._cfg, self._dot
        m = Module()
        for name in ("p", "h", "k"):
            for lane, ram in enumerate(getattr(self, f"_{name}")):
                m.submodules[f"{name}_{lane}"] = ram
        m.submodules.u_memory = self._u
        m.submodules.dot = dot
        m.submodules.step = self._step

        layout, saturated = _BeatLayout(cfg), []
        issue = Signal(layout)
        self._count(m, issue)
        for group, (scalar, op, k_write, h_write, inflation) in enumerate(self._spread(m, issue)):
            ops = [data.View(layout, op)]
            for i in range(1, self._NEW + 1):
                later = delay(m, ops[-1], 1, name=f"beat_{group}_{i}")
                ops.append(data.View(layout, later))
            saturated.append(self._group(m, group, ops, scalar, k_write, h_write, inflation))
            if group == 0:
                at_row, at_new = ops[RankOneStep.LATENCY], ops[self._NEW]
        m.d.comb += [
            self.saturated_p.eq(any_along(m, saturated, name="saturated_p")),
            self.row.en.eq(at_row.host_read),
            dot.valid.eq(at_new.valid & at_new.op.forward),
            dot.first.eq(at_new.chunk == 0),
            dot.last.eq(at_new.chunk == cfg.chunks - 1),
        ]
        self._elements(m, at_new)
        return m

    def _count(self, m, issue):
        """Beat by beat through the rows; or the beat that the host means."""
        last_chunk = issue.chunk == self._cfg.chunks - 1
        last_row = issue.row == self._cfg.dim - 1
        with m.If(self.start.valid):
            m.d.sync += [issue.valid.eq(1), issue.op.eq(self.start), issue.row.eq(0), issue.chunk.eq(0)]
        with m.Elif(last_chunk):
            m.d.sync += [issue.chunk.eq(0), issue.row.eq(issue.row + 1)]
            with m.If(last_row):
                m.d.sync += issue.valid.eq(0)
        with m.Else():
            m.d.sync += issue.chunk.eq(issue.chunk + 1)
        m.d.sync += [issue.host_write.eq(self.host.write_p), issue.host_read.eq(self.host.read_p)]
        with m.If(self.host.write_p | self.host.read_p):
            m.d.sync += [
                issue.row.eq(self.host.row),
                issue.chunk.eq(self.host.chunk),
                issue.lane.eq(self.host.lane),
            ]

    def _spread(self, m, issue):
        """The scalar u joins, then all goes to the lanes: for each group the scalar, the beat, the writes of k and h,
        and the inflation."""
        cfg, u = self._cfg, self._u
        m.d.comb += u.rd_addr.eq(Cat(issue.row, issue.op.before))
        fetched = delay(m, issue, u.latency, name="fetched")
        host_data = delay(m, self.host.data[: cfg.p.bits], 1 + u.latency, name="host_data").as_signed()
        scalar = Mux(data.View(issue.shape(), fetched).host_write, host_data, u.rd_data.as_signed())
        scalar = delay(m, scalar, cfg.broadcast - 1, name="scalar")
        op = delay(m, fetched, cfg.broadcast - 1, name="beat")
        return zip(
            hops(m, scalar, cfg.groups, name="scalar", local=1),
            hops(m, op, cfg.groups, name="beat", local=1),
            hops(m, Cat(self.k.en, self.k.addr), cfg.groups, name="k"),
            hops(m, Cat(self.h.en, self.h.addr), cfg.groups, name="h"),
            hops(m, Cat(self.inflation.q, self.inflation.p0), cfg.groups, name="inflation"),
            strict=True,
        )

    def _elements(self, m, at_new):
        """h and u, element by element: h is taken up chunk by chunk where the rows of that chunk begin."""
        cfg, dot, elements = self._cfg, self._dot, self.elements
        m.d.comb += self.chain.load.eq(dot.valid & (at_new.row == self._row_of(0, at_new.chunk)))
        row_done = Signal()
        m.d.sync += row_done.eq(dot.valid & dot.last)
        m.d.comb += self.chain.shift.eq(row_done)
        at_u = data.View(at_new.shape(), delay(m, at_new, dot.latency + 1, name="beat_u"))
        u_saturated = Signal()
        u = requantize(m, dot.sum, shift=cfg.u_shift, fmt=cfg.u, saturated=u_saturated)
        u_register = Signal(signed(cfg.u.bits), reset_less=True)
        u_saturated_register = Signal(reset_less=True)
        u_valid = Signal()
        m.d.sync += [u_register.eq(u), u_saturated_register.eq(u_saturated), u_valid.eq(dot.sum_valid)]
        m.d.comb += [
            elements.valid.eq(u_valid),
            elements.u.eq(u_register),
            elements.row.eq(at_u.row),
            elements.context.eq(at_u.op.ahead),
            elements.first.eq(at_u.row == 0),
            elements.last.eq(at_u.row == cfg.dim - 1),
            elements.h.eq(
                delay(m, self.chain.serial, dot.latency + 1 - chain_latency(cfg.groups), name="h_element").as_signed()
            ),
            self.saturated_u.eq(u_valid & u_saturated_register),
            self._u.wr_en.eq(u_valid),
            self._u.wr_addr.eq(Cat(elements.row, elements.context)),
            self._u.wr_data.eq(u_register),
        ]

    def _group(self, m, group, ops, scalar, k_write, h_write, inflation):
        """The lanes of a group, with the beat as they had it ``i`` cycles ago in ``ops[i]``; was a beat clamped?"""
        cfg, dot, step = self._cfg, self._dot, self._step
        op, at_step, at_sum, at_new = ops[0], ops[RankOneStep.LATENCY], ops[self._NEW - 1], ops[self._NEW]
        at_read = ops[RankOneStep.LATENCY - self._p_latency]
        host_value = delay(m, scalar, self._NEW, name=f"host_value_{group}").as_signed()
        q, p0 = inflation[: len(self.inflation.q)], inflation[len(self.inflation.q) :].as_signed()
        size = cfg.lanes // cfg.groups

        def row_addr(beat):
            return Cat(beat.chunk, beat.row) if cfg.chunks > 1 else beat.row

        def vector_addr(beat, context):
            return Cat(beat.chunk, context) if cfg.chunks > 1 else context

        m.d.comb += step.scalar[group].eq(scalar)
        p_saturated = Signal(size, name=f"p_saturated_{group}", reset_less=True)
        for index in range(size):
            lane = group * size + index
            p, h, k = self._p[lane], self._h[lane], self._k[lane]
            m.d.comb += [
                k.wr_en.eq(k_write[0]),
                k.wr_addr.eq(k_write[1:]),
                k.wr_data.eq(self.k.data[lane]),
                h.wr_en.eq(h_write[0]),
                h.wr_addr.eq(h_write[1:]),
                h.wr_data.eq(self.h.data[lane]),
                k.rd_addr.eq(vector_addr(op, op.op.before)),
                step.vector[lane].eq(k.rd_data),
                p.rd_addr.eq(row_addr(at_read)),
            ]
            old = Signal(signed(cfg.p.bits), name=f"old_{lane}")
            word = delay(m, p.rd_data, self._p_latency - p.latency, name=f"word_{lane}")
            m.d.comb += [old.eq(word), self.row.data[lane].eq(old)]
            # P - u k
            difference = Signal(signed(cfg.p.bits + 1), name=f"difference_{lane}", reset_less=True)
            grows = Signal(name=f"grows_{lane}", reset_less=True)
            clamped = Signal(name=f"clamped_{lane}", reset_less=True)
            m.d.sync += [
                difference.eq(old - Mux(at_step.op.update, step.p[lane], 0)),
                clamped.eq(at_step.op.update & step.p_saturated[lane]),
            ]
            # + q on the diagonal while it is below p0
            diagonal = at_step.row == self._row_of(lane, at_step.chunk)
            m.d.sync += grows.eq(at_step.op.update & diagonal & (old < p0))
            total = Signal(signed(cfg.p.bits + 2), name=f"total_{lane}", reset_less=True)
            m.d.sync += total.eq(difference + Mux(grows, q, 0))
            clamped = delay(m, clamped, 1, name=f"clamped_{lane}")
            saturated = Signal(name=f"sum_saturated_{lane}")
            total = requantize(m, total, shift=0, fmt=cfg.p, saturated=saturated)
            new = Signal(signed(cfg.p.bits), name=f"new_{lane}", reset_less=True)
            m.d.sync += [new.eq(total), p_saturated[index].eq(saturated | clamped)]
            only = at_new.host_write & (at_new.lane == lane)
            m.d.comb += [
                p.wr_en.eq((at_new.valid & at_new.op.update) | only),
                p.wr_addr.eq(row_addr(at_new)),
                p.wr_data.eq(Mux(at_new.host_write, host_value, new)),
                h.rd_addr.eq(vector_addr(at_new, at_new.op.ahead)),
                dot.a[lane].eq(requantize(m, new, shift=cfg.p.fraction - cfg.p_view.fraction, fmt=cfg.p_view)),
                dot.b[lane].eq(h.rd_data),
                self.chain.row[lane].eq(h.rd_data),
            ]
        updated = Signal(name=f"updated_{group}", reset_less=True)
        m.d.sync += updated.eq(at_sum.valid & at_sum.op.update)
        return updated & p_saturated.any()
