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


class SumLayout(data.StructLayout):
    """The lists of the present node and of the one before it, ``previous``; and a random ``share``."""

    def __init__(self, cfg: CoreConfig):
        near = ListLayout(cfg)
        super().__init__({"here": near, "before": near, "previous": cfg.row_bits, "share": SHARE_BITS})


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
        request, response = self.port.request, self.port.response
        factor_bits = 17
        factors = [Signal(factor_bits, name=f"factor_{k}", reset_less=True) for k in range(CASES)]
        for factor, limit in zip(factors, self.limits, strict=True):
            above = Signal(factor_bits, reset_less=True)
            m.d.sync += [above.eq(limit[16:] + limit[:16].all()), factor.eq(Mux(above == 0, 1, above))]
        same = Signal(reset_less=True)  # near and far count alike
        m.d.sync += same.eq(factors[1] == factors[2])

        step = Signal(SumLayout(cfg), reset_less=True)
        bits = (cfg.weight_bits or cfg.row_bits) + factor_bits
        total, limit = Signal(bits, reset_less=True), Signal(bits, reset_less=True)
        choosing = Signal(reset_less=True)  # the second pass
        m.submodules.here = here = ListReader(cfg)
        m.submodules.before = before = ListReader(cfg)
        wiring.connect(m, here.entries, wiring.flipped(self.entries))
        wiring.connect(m, before.entries, wiring.flipped(self.others))
        # The last entries that were read; ``begun``: also of the list before.
        entry = Signal(EntryLayout(cfg), reset_less=True)
        other = Signal(cfg.row_bits, reset_less=True)
        begun = Signal(reset_less=True)
        back, below, equal = (Signal(reset_less=True, name=name) for name in ("back", "below", "equal"))
        case = Signal(range(CASES), reset_less=True)
        turn = Signal(range(SHARE_BITS), reset_less=True)
        exceeds = Signal(reset_less=True)
        m.d.comb += [
            response.payload.eq(entry.row),
            here.list.eq(step.here),
            before.list.eq(step.before),
        ]
        m.d.sync += [
            back.eq(entry.row == step.previous),
            below.eq(other < entry.row),
            equal.eq(other == entry.row),
            exceeds.eq(total > limit),
        ]
        with m.FSM():
            with m.State("STEP"):
                m.d.comb += request.ready.eq(1)
                m.d.sync += [step.eq(request.payload), choosing.eq(0), limit.eq(0), turn.eq(SHARE_BITS - 1)]
                with m.If(request.valid):
                    m.next = "STOP"
            with m.State("STOP"):
                m.d.comb += [here.stop.eq(1), before.stop.eq(1)]
                m.next = "QUIET"
            with m.State("QUIET"):
                m.d.sync += [begun.eq(0), total.eq(0)]
                if cfg.weight_bits:
                    m.d.sync += entry.sum.eq(0)
                with m.If(here.quiet & before.quiet):
                    m.d.comb += [here.begin.eq(1), before.begin.eq(1)]
                    m.next = "ENTRY"
            with m.State("ENTRY"):
                m.d.comb += here.o.ready.eq(1)
                if cfg.weight_bits:
                    weight = Signal(bits, reset_less=True)
                    m.d.sync += weight.eq((here.o.payload.sum - entry.sum)[: cfg.weight_bits])
                with m.If(here.o.valid):
                    m.d.sync += entry.eq(here.o.payload)
                    m.next = "COMPARE"
            with m.State("COMPARE"):
                m.next = "CASE"
            with m.State("CASE"):
                m.d.sync += case.eq(2)
                m.next = "ADD"
                with m.If(back):
                    m.d.sync += case.eq(0)
                with m.Elif(begun & equal):
                    m.d.sync += case.eq(1)
                with m.Elif(~same & before.left & (~begun | below)):
                    m.d.comb += before.o.ready.eq(1)
                    m.next = "CASE"
                    with m.If(before.o.valid):
                        m.d.sync += [begun.eq(1), other.eq(before.o.payload.row)]
                        m.next = "COMPARE"
            if cfg.weight_bits:
                factor = Signal(factor_bits, reset_less=True)
                with m.State("ADD"):
                    m.d.sync += factor.eq(Array(factors)[case])
                    m.next = "BITS"
                with m.State("BITS"):
                    m.d.sync += [weight.eq(weight << 1), factor.eq(factor >> 1)]
                    with m.If(factor[0]):
                        m.d.sync += total.eq(total + weight)
                    with m.If(factor == 0):
                        m.next = "ADDED"
            else:
                with m.State("ADD"):
                    m.d.sync += total.eq(total + Array(factors)[case])
                    m.next = "ADDED"
            with m.State("ADDED"):
                m.next = "ENTRY"
                with m.If(choosing):
                    m.next = "EXCEEDS"
                with m.Elif(~here.left):
                    m.next = "MULTIPLY"
            with m.State("EXCEEDS"):
                m.next = "ENTRY"
                with m.If(exceeds):
                    m.next = "CHOSEN"
            # Bit by bit, the lowest first: what falls out on the right is what the shift by 24 takes away.
            with m.State("MULTIPLY"):
                m.d.sync += [
                    step.share.eq(step.share >> 1),
                    limit.eq((limit + Mux(step.share[0], total, 0)) >> 1),
                    turn.eq(turn - 1),
                ]
                with m.If(turn == 0):
                    m.d.sync += choosing.eq(1)
                    m.next = "STOP"
            with m.State("CHOSEN"):
                m.d.comb += response.valid.eq(1)
                m.next = "STEP"
        return m
