"""States of the command interpreter that change the graph, and ask for walks over it: EDIT, START and ROUND. To be used
within ``m.FSM()``; the state after each command is HEADER."""

from amaranth.hdl import Module, Signal, Value

from .config import CoreConfig
from .graph.layouts import Outcome
from .graph.starts import StartKind
from .protocol import WALKS_SHIFT, Edit, Opcode

__all__ = ["GraphStates"]


class GraphStates:
    """``EDIT`` with its operands, for which ``left`` has been set to 0, and ``STARTS``.

    An edit is over when the rows that it made known have their first values; then it may ask for walks. With ANSWER,
    its header comes back when those have been trained.

    Parameters
    ----------
    m : Module
        Of the interpreter.
    command : CommandInterpreter
    cfg : CoreConfig
    header : Value
        The command being executed.
    """

    def __init__(self, m: Module, command, cfg: CoreConfig, header: Value):
        self._command = command
        self._function = function = header[24:27]
        self._walks = header[WALKS_SHIFT:24]
        self._answers = (header[28:] == Opcode.EDIT) & header[27]
        self._operand, self._weight = (Signal(32, reset_less=True, name=name) for name in ("operand", "weight"))
        self._operands = Signal(range(3))  # words that follow the header
        opcode, u = header[28:], header[: cfg.ROW_BITS]
        edit, starts = command.graph.edit.payload, command.graph.starts.payload
        with m.Switch(function):
            for change in Edit:
                with m.Case(change):
                    m.d.comb += self._operands.eq(change.operands(cfg))
        m.d.comb += [
            edit.function.eq(function),
            edit.u.eq(u),
            edit.operand.eq(self._operand),
            edit.weight.eq(self._weight),
            starts.u.eq(u),
            starts.v.eq(self._operand),
        ]
        with m.Switch(opcode):
            for code, kind, count in (
                (Opcode.START, StartKind.START, header[WALKS_SHIFT:28]),
                (Opcode.ROUND, StartKind.ROUND, header[:28]),
                (Opcode.EDIT, StartKind.ENDS, self._walks),
            ):
                with m.Case(code):
                    m.d.comb += [starts.kind.eq(kind), starts.count.eq(count)]

    def states(self, m: Module, left: Signal) -> None:
        """All of them."""
        command, graph = self._command, self._command.graph
        with m.State("EDIT"):
            with m.If(left == self._operands):
                m.d.comb += graph.edit.valid.eq(1)
                with m.If(graph.edit.ready):
                    m.next = "EDITED"
            with m.Else():
                m.d.comb += command.i.ready.eq(1)
                with m.If(command.i.valid):
                    m.d.sync += left.eq(left + 1)
                    with m.If(left == 0):
                        m.d.sync += self._operand.eq(command.i.payload)
                    with m.Else():
                        m.d.sync += self._weight.eq(command.i.payload)
        of_edge = (self._function == Edit.ADD_EDGE) | (self._function == Edit.REMOVE_EDGE)
        with m.State("EDITED"):
            outcome = graph.done.payload.outcome
            m.d.comb += graph.done.ready.eq(~graph.filling)
            with m.If(graph.done.valid & ~graph.filling):
                m.d.comb += [
                    command.rejected.eq(outcome == Outcome.REJECTED),
                    graph.refused.eq(outcome == Outcome.REFUSED),
                ]
                self._end(m)
                with m.If((outcome == Outcome.DONE) & of_edge & (self._walks != 0)):
                    m.next = "STARTS"
        with m.State("STARTS"):
            m.d.comb += graph.starts.valid.eq(1)
            with m.If(graph.starts.ready):
                self._end(m)
        with m.State("ANSWER"):
            m.d.comb += [command.walks.close.eq(1), command.rest.drain.eq(command.walks.idle)]
            with m.If(command.rest.at_rest):
                m.next = "ECHO"

    def _end(self, m: Module) -> None:
        """The command has been executed; an answer waits until its walks have been trained."""
        m.next = "HEADER"
        with m.If(self._answers):
            m.next = "ANSWER"
