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
from .ports import GraphExtent
from .settings import RoundPlace

__all__ = ["StartKind", "StartLayout", "StartPort", "Starts"]


class StartKind(IntEnum):
    START = 0  # from row u
    ROUND = 1  # the next ones of a round
    ENDS = 2  # from rows u and v in turn


class StartLayout(data.StructLayout):
    """``count`` walks of a :class:`StartKind`; from each of both with ENDS."""

    def __init__(self):
        super().__init__({"kind": 2, "count": 28, "u": CoreConfig.ROW_BITS, "v": CoreConfig.ROW_BITS})


class StartPort(wiring.Signature):
    """Seen from who wants starts.

    ``commands``, ``busy`` : which ones; more may come.
    ``rows`` : where walks start.
    ``dropped`` : a whole round had no start: the rest of the command was dropped.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "commands": Out(stream.Signature(StartLayout())),
                "rows": In(stream.Signature(cfg.row_bits)),
                "busy": In(1),
                "dropped": In(1),
            }
        )


class _Registers:
    """What the states of the starts share."""

    def __init__(self, cfg: CoreConfig):
        bits = CoreConfig.ROW_BITS
        self.command = Signal(StartLayout(), reset_less=True)
        self.done = Signal(reset_less=True)
        self.round, self.place, self.last_place = Signal(32), Signal(bits), Signal(reset_less=True)
        # Of the store's rows: the width of their numbers, and as many ones; a row needs at least one bit.
        self.width, self.mask = Signal(range(bits + 1), reset_less=True), Signal(bits, reset_less=True)
        # A number on its way through the steps, and the bits of a step.
        self.y, self.sum, self.factor, self.addend = (
            Signal(bits, reset_less=True, name=name) for name in ("y", "sum", "factor", "addend")
        )
        self.step, self.turn = Signal(range(Starts.STEPS), reset_less=True), Signal(range(bits), reset_less=True)
        # The row that it is; row v comes next; no row of the present round has been a start.
        self.row, self.second, self.fruitless = Signal(cfg.row_bits, reset_less=True), Signal(reset_less=True), Signal()
        self.inside, self.edge = Signal(reset_less=True), Signal(reset_less=True)


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
    port : In(StartPort)
        A command is taken when the one before it is done.
    extent : In(GraphExtent)
        Steady while ``port.busy``.
    place : In(RoundPlace)
        Where a round goes on.
    draws : Out(QueryPort(DrawLayout, 64)), headers : Out(ReadPort)

    Timing: a place of a round takes ``3 (D + b + b / 2 + 4)`` cycles, where D is the cycles to a draw, and a row
    ``H + 4``, where H is the cycles to a header. Resources: no multiplier and no memory.
    """

    STEPS = 3

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "port": In(StartPort(cfg)),
                "extent": In(GraphExtent(cfg)),
                "place": In(RoundPlace()),
                "draws": Out(QueryPort(DrawLayout(), 64)),
                "headers": Out(ReadPort(cfg.row_bits, HeaderLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        r = _Registers(self._cfg)
        draw = self.draws.request.payload
        m.d.comb += [
            draw.counter.eq(Cat(r.step, Const(0, 32 - len(r.step)), r.round)),
            draw.key.eq(Key.STARTS),
            self.headers.request.payload.eq(r.row),
            self.port.rows.payload.eq(r.row),
        ]
        m.d.sync += [r.done.eq(r.command.count == 0), r.last_place.eq(r.place >= r.mask)]
        with m.If(self.place.set_round):
            m.d.sync += [r.round.eq(self.place.value), r.place.eq(0)]
        with m.If(self.place.set_place):
            m.d.sync += r.place.eq(self.place.value)
        self._measure(m, r)
        with m.FSM() as fsm:
            m.d.comb += self.port.busy.eq(~fsm.ongoing("COMMAND"))
            self._begin(m, r)
            self._draw(m, r)
            self._permute(m, r)
            self._look_up(m, r)
            self._offer(m, r)
        return m

    def _measure(self, m, r):
        """How wide the numbers of the store's rows are."""
        highest = Signal(self._cfg.row_bits, reset_less=True)
        m.d.sync += [highest.eq(self.extent.rows - 1), r.width.eq(1), r.mask.eq(1)]
        for bit in range(1, self._cfg.row_bits):
            with m.If(highest[bit]):
                m.d.sync += [r.width.eq(bit + 1), r.mask.eq((1 << bit + 1) - 1)]
        with m.If(self.extent.rows == 0):
            m.d.sync += [r.width.eq(1), r.mask.eq(1)]

    def _begin(self, m, r):
        """A command, and the next row of it: one that is given, or a place of the round."""
        commands = self.port.commands
        with m.State("COMMAND"):
            m.d.comb += commands.ready.eq(1)
            m.d.sync += [r.command.eq(commands.payload), r.second.eq(0), r.fruitless.eq(0)]
            with m.If(commands.valid):
                m.next = "COUNT"
        with m.State("COUNT"):
            m.next = "NEXT"
        with m.State("NEXT"):
            m.d.sync += [r.step.eq(0), r.y.eq(r.place)]
            with m.If(r.done):
                m.next = "COMMAND"
            with m.Elif(r.command.kind != StartKind.ROUND):
                m.d.sync += r.y.eq(Mux(r.second, r.command.v, r.command.u))
                m.next = "ROW"
            with m.Else():
                with m.If(r.place == 0):
                    m.d.sync += r.fruitless.eq(1)
                m.next = "DRAW"

    def _draw(self, m, r):
        """m and a of a step."""
        with m.State("DRAW"):
            m.d.comb += self.draws.request.valid.eq(1)
            with m.If(self.draws.request.ready):
                m.next = "DRAW WAIT"
        with m.State("DRAW WAIT"):
            bits = self.draws.response.payload
            m.d.sync += [
                r.factor.eq((bits & r.mask) | 1),
                r.sum.eq(bits[32:]),
                r.addend.eq(r.y),
                r.turn.eq(r.width - 1),
            ]
            with m.If(self.draws.response.valid):
                m.next = "MULTIPLY"

    def _permute(self, m, r):
        """``y <- y * m + a`` bit by bit, ``y <- y ^ (y >> ((b + 1) // 2))``; the place moves on in the last step."""
        with m.State("MULTIPLY"):
            m.d.sync += [r.factor.eq(r.factor >> 1), r.addend.eq(r.addend << 1), r.turn.eq(r.turn - 1)]
            with m.If(r.factor[0]):
                m.d.sync += r.sum.eq(r.sum + r.addend)
            with m.If(r.turn == 0):
                m.next = "MASK"
        with m.State("MASK"):
            m.d.sync += [r.y.eq(r.sum & r.mask), r.addend.eq(r.sum & r.mask), r.turn.eq((r.width - 1) >> 1)]
            m.next = "SHIFT"
        with m.State("SHIFT"):
            m.d.sync += [r.addend.eq(r.addend >> 1), r.turn.eq(r.turn - 1)]
            with m.If(r.turn == 0):
                m.next = "FOLD"
        with m.State("FOLD"):
            m.d.sync += [r.y.eq(r.y ^ r.addend), r.step.eq(r.step + 1)]
            m.next = "DRAW"
            with m.If(r.step == self.STEPS - 1):
                m.d.sync += r.place.eq(r.place + 1)
                with m.If(r.last_place):
                    m.d.sync += [r.place.eq(0), r.round.eq(r.round + 1)]
                m.next = "ROW"

    def _look_up(self, m, r):
        """Whether there is such a row, and it has an edge."""
        headers = self.headers
        with m.State("ROW"):
            limit = Mux(r.command.kind == StartKind.ROUND, self.extent.rows, self._cfg.nodes)
            m.d.sync += [r.inside.eq((r.y < limit) & self.extent.open), r.row.eq(r.y)]
            m.next = "ASK"
        with m.State("ASK"):
            with m.If(~r.inside):
                m.next = "PASS"
            with m.Else():
                m.d.comb += headers.request.valid.eq(1)
                with m.If(headers.request.ready):
                    m.next = "HEADER"
        with m.State("HEADER"):
            m.d.sync += r.edge.eq(headers.response.payload.degree != 0)
            with m.If(headers.response.valid):
                m.next = "EDGE"
        with m.State("EDGE"):
            m.next = "PASS"
            with m.If(r.edge):
                m.next = "OFFER"

    def _offer(self, m, r):
        """The row is a start, or it is passed over; a round without any is given up."""
        rows, command = self.port.rows, r.command
        with m.State("OFFER"):
            m.d.comb += rows.valid.eq(1)
            with m.If(rows.ready):
                m.d.sync += r.fruitless.eq(0)
                with m.If(command.kind == StartKind.ROUND):
                    m.d.sync += command.count.eq(command.count - 1)
                m.next = "PASS"
        with m.State("PASS"):
            m.next = "COUNT"
            with m.If(command.kind == StartKind.ENDS):
                m.d.sync += r.second.eq(~r.second)
            with m.If((command.kind == StartKind.START) | ((command.kind == StartKind.ENDS) & r.second)):
                m.d.sync += command.count.eq(command.count - 1)
            with m.Elif((command.kind == StartKind.ROUND) & r.fruitless & (r.place == 0)):
                m.next = "DROP"
        with m.State("DROP"):
            m.d.comb += self.port.dropped.eq(1)
            m.next = "COMMAND"
