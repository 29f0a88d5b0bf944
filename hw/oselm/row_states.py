"""States of the command interpreter in which rows of beta and P come from the host and go to it, packed or not. To be
used within ``m.FSM()``; the state after the last element is HEADER."""

from amaranth.hdl import Const, Module, Mux, Signal, Value

from ..fabric.read_chain import chain_latency
from ..unit.packing import Packer, Unpacker
from .config import CoreConfig
from .protocol import PACKED, Opcode

__all__ = ["RowStates"]


class RowStates:
    """``WRITE`` takes a row, ``READ`` gives one.

    Parameters
    ----------
    m : Module
        Of the interpreter.
    command : CommandInterpreter
    cfg : CoreConfig
    header : Value
        The command being executed.

    Attributes
    ----------
    sound : Value
        Whether there is such a row. Elements of one that there is not are taken and dropped, or read as 0.
    """

    def __init__(self, m: Module, command, cfg: CoreConfig, header: Value):
        self._command, self._cfg, self._header = command, cfg, header
        row = header[: cfg.ROW_BITS]
        self._of_p = (header[28:] == Opcode.WRITE_P) | (header[28:] == Opcode.READ_P) if cfg.has_p else Const(0)
        self._packed = header[PACKED.bit_length() - 1]
        self.sound = Mux(self._of_p, row < cfg.dim, row < cfg.nodes)
        self._known = Signal()  # the same, in the states after the barrier
        m.d.sync += self._known.eq(self.sound)
        self._lane, self._chunk = Signal(range(max(2, cfg.lanes))), Signal(range(max(2, cfg.chunks)))
        self._last_lane = self._lane == cfg.lanes - 1
        self._last = self._last_lane & (self._chunk == cfg.chunks - 1)
        widths = tuple(dict.fromkeys((cfg.beta.bits, cfg.p.bits) if cfg.has_p else (cfg.beta.bits,)))
        m.submodules.packer = self._packer = Packer(widths)
        m.submodules.unpacker = self._unpacker = Unpacker(widths)
        if len(widths) > 1:
            m.d.comb += [self._packer.select.eq(self._of_p), self._unpacker.select.eq(self._of_p)]
        if cfg.slots:
            self._leased = Signal()
            m.d.comb += [
                command.rows.wanted.eq(self._leased),
                command.rows.row.eq(row),
                command.host.row.eq(Mux(self._of_p, row, command.rows.slot)),
            ]
        else:
            m.d.comb += command.host.row.eq(row)
        m.d.comb += [
            command.host.chunk.eq(self._chunk),
            command.host.lane.eq(self._lane),
            command.host.data.eq(Mux(self._packed, self._unpacker.o.payload, command.i.payload)),
            self._unpacker.i.payload.eq(command.i.payload),
            self._packer.i.payload.element.eq(Mux(self._known, command.chain.element, 0)),
            self._packer.i.payload.last.eq(self._last),
        ]
        # A packed word leaves whatever the state; no other reply is there then.
        with m.If(self._packer.o.valid):
            m.d.comb += [command.o.valid.eq(1), command.o.payload.eq(self._packer.o.payload)]
        m.d.comb += self._packer.o.ready.eq(command.o.ready)

    def begin(self, m: Module) -> None:
        """In the state before WRITE or READ."""
        m.d.sync += [self._lane.eq(0), self._chunk.eq(0)]
        m.d.comb += self._unpacker.clear.eq(1)

    def begin_lease(self, m: Module) -> None:
        """A row of beta is to be on the chip first, where rows are outside."""
        with m.If(self.sound & ~self._of_p):
            m.d.sync += self._leased.eq(1)
            m.next = "LEASE"

    def lease(self, m: Module) -> None:
        """LEASE: until the row is there."""
        with m.State("LEASE"), m.If(self._command.rows.held):
            m.next = "WRITE"
            with m.If(self._header[28:] == Opcode.READ_ROW):
                m.next = "READ"

    def _end(self, m: Module) -> None:
        """The row is through."""
        if self._cfg.slots:
            m.d.sync += self._leased.eq(0)
        m.next = "HEADER"

    def _next(self, m: Module) -> None:
        """An element is through."""
        m.d.sync += self._lane.eq(self._lane + 1)
        with m.If(self._last_lane):
            m.d.sync += [self._lane.eq(0), self._chunk.eq(self._chunk + 1)]

    def write(self, m: Module) -> None:
        """WRITE: element after element."""
        command, unpacker = self._command, self._unpacker
        given = Signal()
        with m.State("WRITE"):
            m.d.comb += [
                unpacker.i.valid.eq(command.i.valid & self._packed),
                unpacker.o.ready.eq(self._packed),
                command.i.ready.eq(unpacker.i.ready | ~self._packed),
                given.eq(Mux(self._packed, unpacker.o.valid, command.i.valid)),
            ]
            with m.If(given):
                m.d.comb += [
                    command.host.write_row.eq(self._known & ~self._of_p),
                    command.host.write_p.eq(self._known & self._of_p),
                ]
                self._next(m)
                with m.If(self._last):
                    self._end(m)

    def read(self, m: Module) -> None:
        """READ: chunk after chunk into the read chain, and out of it element after element."""
        command, packer = self._command, self._packer
        moves_later = chain_latency(self._cfg.groups) > 1
        taken = Signal()
        with m.State("READ"):
            m.d.comb += [command.host.read_row.eq(~self._of_p), command.host.read_p.eq(self._of_p)]
            m.next = "LOAD"
        with m.State("LOAD"), m.If(command.chain.loaded):
            m.next = "SHIFT"
        with m.State("SHIFT"):
            with m.If(self._packed):
                m.d.comb += [packer.i.valid.eq(1), taken.eq(packer.i.ready)]
            with m.Else():
                m.d.comb += [
                    command.o.valid.eq(1),
                    command.o.payload.eq(Mux(self._known, command.chain.element, 0)),
                    taken.eq(command.o.ready),
                ]
            m.d.comb += command.chain.shift.eq(taken)
            with m.If(taken):
                self._next(m)
                if moves_later:
                    m.next = "MOVE"
                with m.If(self._last_lane):
                    m.next = "READ"
                with m.If(self._last):
                    m.next = "READ OUT"
        if moves_later:
            with m.State("MOVE"):
                m.next = "SHIFT"
        with m.State("READ OUT"), m.If(packer.i.ready):
            self._end(m)
