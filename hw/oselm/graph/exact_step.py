"""The exact step of a walk: after many refusals, one sum over all neighbours instead of another candidate."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.shared import QueryPort
from ..config import CoreConfig
from .candidates import CASES
from .layouts import EntryLayout, address_bits, first_entry
from .memory import ReadPort

__all__ = ["SHARE_BITS", "ExactStep", "ListLayout", "SumLayout"]

#: Of a draw, the upper ones, by which an exact step chooses.
SHARE_BITS = 24


class ListLayout(data.StructLayout):
    """Where a neighbour list begins, as in a header, and how long it is."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"place": cfg.place_bits, "degree": cfg.row_bits})


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
    entries : Out(ReadPort)

    Timing: for each pass ``E + 4`` cycles an entry of the list here and ``E + 2`` an entry of the list before, where E
    is the cycles from a request to the response of entries, and with weights up to 18 more an entry; and 24 cycles
    between the passes.

    Resources: no multiplier and no block RAM.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "limits": In(data.ArrayLayout(32, CASES)),
                "port": In(QueryPort(SumLayout(cfg), cfg.row_bits)),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        request, response = self.port.request, self.port.response
        factor_bits = 17
        factors = [Signal(factor_bits, name=f"factor_{k}", reset_less=True) for k in range(CASES)]
        for factor, limit in zip(factors, self.limits, strict=True):
            above = (limit[16:] + limit[:16].all())[:factor_bits]
            m.d.sync += factor.eq(Mux(above == 0, 1, above))
        same = Signal(reset_less=True)  # near and far count alike
        m.d.sync += same.eq(factors[1] == factors[2])

        step = Signal(SumLayout(cfg), reset_less=True)
        bits = (cfg.weight_bits or cfg.row_bits) + factor_bits
        total, limit = Signal(bits, reset_less=True), Signal(bits, reset_less=True)
        choosing = Signal(reset_less=True)  # the second pass
        # Entries still to be read in both lists, and the last ones that were.
        address, other_address = (
            Signal(address_bits(cfg), reset_less=True, name=name) for name in ("address", "other_address")
        )
        left, others_left = Signal(cfg.row_bits, reset_less=True), Signal(cfg.row_bits, reset_less=True)
        entry = Signal(EntryLayout(cfg), reset_less=True)
        other = Signal(cfg.row_bits, reset_less=True)
        begun = Signal(reset_less=True)  # ``other`` has been read
        back, below, equal, some = (Signal(reset_less=True, name=name) for name in ("back", "below", "equal", "some"))
        case = Signal(range(CASES), reset_less=True)
        turn = Signal(range(SHARE_BITS), reset_less=True)
        exceeds, ends = Signal(reset_less=True), Signal(reset_less=True)
        asked, answered = self.entries.request, self.entries.response
        m.d.comb += [asked.payload.eq(address), response.payload.eq(entry.row)]
        m.d.sync += [
            back.eq(entry.row == step.previous),
            below.eq(other < entry.row),
            equal.eq(other == entry.row),
            some.eq(others_left != 0),
            exceeds.eq(total > limit),
            ends.eq(left == 0),
        ]
        with m.FSM():
            with m.State("STEP"):
                m.d.comb += request.ready.eq(1)
                m.d.sync += [step.eq(request.payload), choosing.eq(0), limit.eq(0), turn.eq(SHARE_BITS - 1)]
                with m.If(request.valid):
                    m.next = "PASS"
            with m.State("PASS"):
                m.d.sync += [
                    address.eq(first_entry(cfg, step.here.place)),
                    other_address.eq(first_entry(cfg, step.before.place)),
                    left.eq(step.here.degree),
                    others_left.eq(step.before.degree),
                    begun.eq(0),
                    total.eq(0),
                ]
                m.next = "ENTRY"
                if cfg.weight_bits:
                    m.d.sync += entry.sum.eq(0)
            with m.State("ENTRY"):
                m.d.comb += asked.valid.eq(1)
                with m.If(asked.ready):
                    m.next = "ENTRY WAIT"
            with m.State("ENTRY WAIT"):
                if cfg.weight_bits:
                    weight = Signal(bits, reset_less=True)
                    m.d.sync += weight.eq((answered.payload.sum - entry.sum)[: cfg.weight_bits])
                with m.If(answered.valid):
                    m.d.sync += [entry.eq(answered.payload), address.eq(address + 1), left.eq(left - 1)]
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
                with m.Elif(~same & some & (~begun | below)):
                    m.next = "OTHER"
            with m.State("OTHER"):
                m.d.comb += [asked.valid.eq(1), asked.payload.eq(other_address)]
                with m.If(asked.ready):
                    m.next = "OTHER WAIT"
            with m.State("OTHER WAIT"):
                m.d.sync += other.eq(answered.payload.row)
                with m.If(answered.valid):
                    m.d.sync += [other_address.eq(other_address + 1), others_left.eq(others_left - 1), begun.eq(1)]
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
                        m.next = "EXCEED"
            else:
                with m.State("ADD"):
                    m.d.sync += total.eq(total + Array(factors)[case])
                    m.next = "EXCEED"
            with m.State("EXCEED"):
                m.next = "NEXT"
            with m.State("NEXT"):
                m.next = "ENTRY"
                with m.If(choosing):
                    with m.If(exceeds):
                        m.next = "CHOSEN"
                with m.Elif(ends):
                    m.next = "MULTIPLY"
            # Bit by bit, the lowest first: what falls out on the right is what the shift by 24 takes away.
            with m.State("MULTIPLY"):
                m.d.sync += [
                    step.share.eq(step.share >> 1),
                    limit.eq((limit + Mux(step.share[0], total, 0)) >> 1),
                    turn.eq(turn - 1),
                ]
                with m.If(turn == 0):
                    m.d.sync += choosing.eq(1)
                    m.next = "PASS"
            with m.State("CHOSEN"):
                m.d.comb += response.valid.eq(1)
                m.next = "STEP"
        return m
