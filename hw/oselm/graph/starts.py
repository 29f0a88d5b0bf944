"""Where walks start: from given rows, or from every row once in shuffled order, round after round."""

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.shared import QueryPort
from ..config import CoreConfig
from .draws import DrawLayout, Key
from .layouts import HeaderLayout
from .memory import ReadPort

__all__ = ["StartKind", "StartLayout", "Starts"]


class StartKind(IntEnum):
    START = 0  # from row u
    ROUND = 1  # the next ones of a round
    ENDS = 2  # from rows u and v in turn


class StartLayout(data.StructLayout):
    """``count`` walks of a :class:`StartKind`; from each of both with ENDS."""

    def __init__(self):
        super().__init__({"kind": 2, "count": 28, "u": CoreConfig.ROW_BITS, "v": CoreConfig.ROW_BITS})


class Starts(wiring.Component):
    """Rows to start from, as :mod:`skipwalk.sim.oselm.graph.starts` defines them; only rows that have an edge.

    A place x of a round, b bits wide, becomes a row by :data:`STEPS` keyed steps ``y <- y * m + a``,
    ``y <- y ^ (y >> ((b + 1) // 2))``, which permute all numbers of b bits; those that are no rows are passed over.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of StartLayout)
        Taken when the one before it is done.
    o : Out(stream of rows)
    busy : Out(1)
        Rows may still come.
    rows : In(range(nodes + 1)), open : In(1)
        As of the graph store; steady while ``busy``.
    value : In(32), set_round, set_place : In(1)
        Set the round, and its place to 0; or the place. Only while not ``busy``.
    dropped : Out(1)
        A whole round had no start: the rest of the command was dropped.
    draws : Out(QueryPort(DrawLayout, 64)), headers : Out(ReadPort)

    Timing: a place of a round takes ``3 (D + b + b / 2 + 4)`` cycles, where D is the cycles to a draw, and a row
    ``H + 4``, where H is the cycles to a header. Resources: no multiplier and no memory.
    """

    STEPS = 3

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(StartLayout())),
                "o": Out(stream.Signature(cfg.row_bits)),
                "busy": Out(1),
                "rows": In(range(cfg.nodes + 1)),
                "open": In(1),
                "value": In(32),
                "set_round": In(1),
                "set_place": In(1),
                "dropped": Out(1),
                "draws": Out(QueryPort(DrawLayout(), 64)),
                "headers": Out(ReadPort(cfg.row_bits, HeaderLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        command = Signal(StartLayout(), reset_less=True)
        round_, place = Signal(32), Signal(CoreConfig.ROW_BITS)
        second = Signal(reset_less=True)  # row v comes next
        # Of ``rows``: the width of its numbers, and as many ones; a row needs at least one bit.
        width, mask = Signal(range(CoreConfig.ROW_BITS + 1), reset_less=True), Signal.like(place, reset_less=True)
        highest = Signal(cfg.row_bits, reset_less=True)
        m.d.sync += [highest.eq(self.rows - 1), width.eq(1), mask.eq(1)]
        for bit in range(1, cfg.row_bits):
            with m.If(highest[bit]):
                m.d.sync += [width.eq(bit + 1), mask.eq((1 << bit + 1) - 1)]
        with m.If(self.rows == 0):
            m.d.sync += [width.eq(1), mask.eq(1)]

        y, sum_, factor, addend = (
            Signal(CoreConfig.ROW_BITS, reset_less=True, name=name) for name in ("y", "sum", "factor", "addend")
        )
        step, turn = Signal(range(self.STEPS), reset_less=True), Signal(range(CoreConfig.ROW_BITS), reset_less=True)
        inside, fruitless, last_place = Signal(reset_less=True), Signal(), Signal(reset_less=True)
        row = Signal(cfg.row_bits, reset_less=True)
        edge, done = Signal(reset_less=True), Signal(reset_less=True)
        draw = self.draws.request.payload
        m.d.comb += [
            draw.counter.eq(Cat(step, Const(0, 32 - len(step)), round_)),
            draw.key.eq(Key.STARTS),
            self.headers.request.payload.eq(row),
            self.o.payload.eq(row),
        ]
        m.d.sync += [done.eq(command.count == 0), last_place.eq(place >= mask)]
        with m.If(self.set_round):
            m.d.sync += [round_.eq(self.value), place.eq(0)]
        with m.If(self.set_place):
            m.d.sync += place.eq(self.value)
        kind = command.kind
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("COMMAND"))
            with m.State("COMMAND"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [command.eq(self.i.payload), second.eq(0), fruitless.eq(0)]
                with m.If(self.i.valid):
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += [step.eq(0), y.eq(place)]
                with m.If(done):
                    m.next = "COMMAND"
                with m.Elif(kind != StartKind.ROUND):
                    m.d.sync += y.eq(Mux(second, command.v, command.u))
                    m.next = "ROW"
                with m.Else():
                    with m.If(place == 0):
                        m.d.sync += fruitless.eq(1)
                    m.next = "DRAW"
            with m.State("DRAW"):
                m.d.comb += self.draws.request.valid.eq(1)
                with m.If(self.draws.request.ready):
                    m.next = "DRAW WAIT"
            with m.State("DRAW WAIT"):
                bits = self.draws.response.payload
                m.d.sync += [factor.eq((bits & mask) | 1), sum_.eq(bits[32:]), addend.eq(y), turn.eq(width - 1)]
                with m.If(self.draws.response.valid):
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.sync += [factor.eq(factor >> 1), addend.eq(addend << 1), turn.eq(turn - 1)]
                with m.If(factor[0]):
                    m.d.sync += sum_.eq(sum_ + addend)
                with m.If(turn == 0):
                    m.next = "MASK"
            with m.State("MASK"):
                m.d.sync += [y.eq(sum_ & mask), addend.eq(sum_ & mask), turn.eq((width - 1) >> 1)]
                m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.sync += [addend.eq(addend >> 1), turn.eq(turn - 1)]
                with m.If(turn == 0):
                    m.next = "FOLD"
            with m.State("FOLD"):
                m.d.sync += [y.eq(y ^ addend), step.eq(step + 1)]
                m.next = "DRAW"
                with m.If(step == self.STEPS - 1):
                    m.d.sync += place.eq(place + 1)
                    with m.If(last_place):
                        m.d.sync += [place.eq(0), round_.eq(round_ + 1)]
                    m.next = "ROW"
            with m.State("ROW"):
                limit = Mux(kind == StartKind.ROUND, self.rows, cfg.nodes)
                m.d.sync += [inside.eq((y < limit) & self.open), row.eq(y)]
                m.next = "ASK"
            with m.State("ASK"):
                with m.If(~inside):
                    m.next = "PASS"
                with m.Else():
                    m.d.comb += self.headers.request.valid.eq(1)
                    with m.If(self.headers.request.ready):
                        m.next = "HEADER"
            with m.State("HEADER"):
                m.d.sync += edge.eq(self.headers.response.payload.degree != 0)
                with m.If(self.headers.response.valid):
                    m.next = "EDGE"
            with m.State("EDGE"):
                m.next = "PASS"
                with m.If(edge):
                    m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += fruitless.eq(0)
                    with m.If(kind == StartKind.ROUND):
                        m.d.sync += command.count.eq(command.count - 1)
                    m.next = "PASS"
            with m.State("PASS"):
                m.next = "COUNT"
                with m.If(kind == StartKind.ENDS):
                    m.d.sync += second.eq(~second)
                with m.If((kind == StartKind.START) | ((kind == StartKind.ENDS) & second)):
                    m.d.sync += command.count.eq(command.count - 1)
                with m.Elif((kind == StartKind.ROUND) & fruitless & (place == 0)):
                    m.next = "DROP"
            with m.State("DROP"):
                m.d.comb += self.dropped.eq(1)
                m.next = "COMMAND"
        return m
