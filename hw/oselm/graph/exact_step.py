"""The exact step of a walk: after many refusals, one sum over all neighbours instead of another candidate."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.shared import QueryPort
from ..config import CoreConfig
from .candidates import CASES
from .layouts import EntryLayout, address_bits
from .list_reader import ListLayout, ListReader
from .memory import ReadPort

__all__ = ["SHARE_BITS", "ExactStep", "SumLayout"]

#: Of a draw, the upper ones, by which an exact step chooses.
SHARE_BITS = 24
_FACTOR_BITS = 17


class SumLayout(data.StructLayout):
    """The lists of the present node and of the one before it, ``previous``; and a random ``share``."""

    def __init__(self, cfg: CoreConfig):
        near = ListLayout(cfg)
        super().__init__({"here": near, "before": near, "previous": cfg.row_bits, "share": SHARE_BITS})


class _Registers:
    """What the states of an exact step share."""

    def __init__(self, cfg: CoreConfig):
        self.step = Signal(SumLayout(cfg), reset_less=True)
        # By how much each case counts; near and far count alike.
        self.factors = [Signal(_FACTOR_BITS, name=f"factor_{k}", reset_less=True) for k in range(CASES)]
        self.same = Signal(reset_less=True)
        # The sum, and in the second pass, ``choosing``, what it has to exceed.
        bits = (cfg.weight_bits or cfg.row_bits) + _FACTOR_BITS
        self.total, self.limit = Signal(bits, reset_less=True), Signal(bits, reset_less=True)
        self.choosing, self.exceeds = Signal(reset_less=True), Signal(reset_less=True)
        # The last entries that were read; ``begun``: also of the list before.
        self.entry, self.other = Signal(EntryLayout(cfg), reset_less=True), Signal(cfg.row_bits, reset_less=True)
        self.begun = Signal(reset_less=True)
        self.back, self.below, self.equal = (Signal(reset_less=True, name=name) for name in ("back", "below", "equal"))
        self.case = Signal(range(CASES), reset_less=True)
        self.weight, self.factor = Signal(bits, reset_less=True), Signal(_FACTOR_BITS, reset_less=True)
        self.turn = Signal(range(SHARE_BITS), reset_less=True)


class ExactStep(wiring.Component):
    """The first neighbour whose running sum exceeds ``(share * T) >> 24``.

    The sum is of ``weight * f``, where weight is 1 without weights, and ``f = max((limit + 1) >> 16, 1)`` by the
    limit of its case: back, near or far. T is the sum over all. Both lists are in ascending order, so that one pass
    through both tells near from far; it takes one pass for T, and another for the neighbour.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    limits : In(ArrayLayout(32, CASES))
        Steady while a step is under way.
    port : In(QueryPort(SumLayout, row))
        One step at a time.
    entries, others : Out(ReadPort)
        Of the list here, and of the one before.

    Timing: an entry here takes 5 cycles in the first pass and 6 in the second, with weights up to 18 more, and an entry
    before 2, if they are read as fast; and 24 cycles between the passes.

    Resources: no multiplier and no block RAM.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "limits": In(data.ArrayLayout(32, CASES)),
                "port": In(QueryPort(SumLayout(cfg), cfg.row_bits)),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
                "others": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        r = _Registers(cfg)
        m.submodules.here = here = ListReader(cfg)
        m.submodules.before = before = ListReader(cfg)
        wiring.connect(m, here.entries, wiring.flipped(self.entries))
        wiring.connect(m, before.entries, wiring.flipped(self.others))
        for factor, limit in zip(r.factors, self.limits, strict=True):
            above = Signal(_FACTOR_BITS, reset_less=True)
            m.d.sync += [above.eq(limit[16:] + limit[:16].all()), factor.eq(Mux(above == 0, 1, above))]
        m.d.comb += [
            self.port.response.payload.eq(r.entry.row),
            here.list.eq(r.step.here),
            before.list.eq(r.step.before),
        ]
        m.d.sync += [
            r.same.eq(r.factors[1] == r.factors[2]),
            r.back.eq(r.entry.row == r.step.previous),
            r.below.eq(r.other < r.entry.row),
            r.equal.eq(r.other == r.entry.row),
            r.exceeds.eq(r.total > r.limit),
        ]
        with m.FSM():
            self._begin(m, r, here, before)
            self._find_case(m, r, here, before)
            self._add(m, r)
            self._end_entry(m, r, here)
            self._multiply(m, r)
            with m.State("CHOSEN"):
                m.d.comb += self.port.response.valid.eq(1)
                m.next = "STEP"
        return m

    def _begin(self, m, r, here, before):
        """A step, and each of its passes."""
        request = self.port.request
        with m.State("STEP"):
            m.d.comb += request.ready.eq(1)
            m.d.sync += [r.step.eq(request.payload), r.choosing.eq(0), r.limit.eq(0), r.turn.eq(SHARE_BITS - 1)]
            with m.If(request.valid):
                m.next = "STOP"
        with m.State("STOP"):
            m.d.comb += [here.stop.eq(1), before.stop.eq(1)]
            m.next = "QUIET"
        with m.State("QUIET"):
            m.d.sync += [r.begun.eq(0), r.total.eq(0)]
            if self._cfg.weight_bits:
                m.d.sync += r.entry.sum.eq(0)
            with m.If(here.quiet & before.quiet):
                m.d.comb += [here.begin.eq(1), before.begin.eq(1)]
                m.next = "ENTRY"

    def _find_case(self, m, r, here, before):
        """The next entry here, and its case: the list before is read as far as the same row."""
        with m.State("ENTRY"):
            m.d.comb += here.o.ready.eq(1)
            if self._cfg.weight_bits:
                m.d.sync += r.weight.eq((here.o.payload.sum - r.entry.sum)[: self._cfg.weight_bits])
            with m.If(here.o.valid):
                m.d.sync += r.entry.eq(here.o.payload)
                m.next = "COMPARE"
        with m.State("COMPARE"):
            m.next = "CASE"
        with m.State("CASE"):
            m.d.sync += r.case.eq(2)
            m.next = "ADD"
            with m.If(r.back):
                m.d.sync += r.case.eq(0)
            with m.Elif(r.begun & r.equal):
                m.d.sync += r.case.eq(1)
            with m.Elif(~r.same & before.left & (~r.begun | r.below)):
                m.d.comb += before.o.ready.eq(1)
                m.next = "CASE"
                with m.If(before.o.valid):
                    m.d.sync += [r.begun.eq(1), r.other.eq(before.o.payload.row)]
                    m.next = "COMPARE"

    def _add(self, m, r):
        """``total += weight * f``; a product bit by bit where there are weights."""
        if not self._cfg.weight_bits:
            with m.State("ADD"):
                m.d.sync += r.total.eq(r.total + Array(r.factors)[r.case])
                m.next = "ADDED"
            return
        with m.State("ADD"):
            m.d.sync += r.factor.eq(Array(r.factors)[r.case])
            m.next = "BITS"
        with m.State("BITS"):
            m.d.sync += [r.weight.eq(r.weight << 1), r.factor.eq(r.factor >> 1)]
            with m.If(r.factor[0]):
                m.d.sync += r.total.eq(r.total + r.weight)
            with m.If(r.factor == 0):
                m.next = "ADDED"

    def _end_entry(self, m, r, here):
        """The next entry; the end of the first pass; or this is the neighbour."""
        with m.State("ADDED"):
            m.next = "ENTRY"
            with m.If(r.choosing):
                m.next = "EXCEEDS"
            with m.Elif(~here.left):
                m.next = "MULTIPLY"
        with m.State("EXCEEDS"):
            m.next = "ENTRY"
            with m.If(r.exceeds):
                m.next = "CHOSEN"

    def _multiply(self, m, r):
        """``limit = (share * T) >> 24``, bit by bit, the lowest first: what falls out on the right is what the shift
        takes away. Then the second pass."""
        with m.State("MULTIPLY"):
            m.d.sync += [
                r.step.share.eq(r.step.share >> 1),
                r.limit.eq((r.limit + Mux(r.step.share[0], r.total, 0)) >> 1),
                r.turn.eq(r.turn - 1),
            ]
            with m.If(r.turn == 0):
                m.d.sync += r.choosing.eq(1)
                m.next = "STOP"
