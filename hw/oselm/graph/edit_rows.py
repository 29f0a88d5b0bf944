"""States of the edit engine for rows: all are cleared, some become known, a header is loaded. To be used within
``m.FSM()``."""

from amaranth.hdl import Module, Signal

from ..protocol import Edit
from .edit_registers import EditRegisters, Phase
from .layouts import Outcome, first_entry

__all__ = ["load_states", "row_states"]


def row_states(m: Module, engine, r: EditRegisters) -> None:
    """CLEAR and NODES go from row to row; a row becomes known."""
    cfg, near = engine.cfg, r.near
    left = Signal(cfg.row_bits + 1, reset_less=True)
    beyond, none_left = Signal(reset_less=True), Signal(reset_less=True)
    m.d.sync += [beyond.eq(near.row >= engine.extent.rows), none_left.eq(left == 0)]
    write = engine.headers.write
    with m.State("CLEAR"):
        m.d.comb += write.valid.eq(1)
        with m.If(write.ready):
            m.d.sync += near.row.eq(near.row + 1)
            with m.If(near.row == cfg.nodes - 1):
                m.d.sync += engine.extent.open.eq(1)
                m.next = "DONE"
    with m.State("NODES"):
        m.d.sync += left.eq(r.edit.operand)
        m.next = "NODES LEFT"
    with m.State("NODES LEFT"):
        m.next = "NODE"
    with m.State("NODE"):
        m.next = "LOAD"
        with m.If(none_left):
            m.next = "DONE"
    with m.State("NODE LOADED"):
        m.next = "NEXT NODE"
        with m.If(~near.header.known):
            m.next = "KNOW"
    with m.State("NODE HEADER"):
        m.d.comb += [write.valid.eq(1), write.payload.word.known.eq(1)]
        with m.If(write.ready):
            m.next = "NEXT NODE"
    with m.State("NEXT NODE"):
        m.d.sync += [near.row.eq(near.row + 1), left.eq(left - 1)]
        m.next = "NODES LEFT"
    with m.State("KNOW"):
        m.next = "FILL"  # ``beyond`` is a cycle late
    with m.State("FILL"):
        m.d.comb += engine.fill.valid.eq(~near.header.known)
        with m.If(near.header.known | engine.fill.ready):
            with m.If(~near.header.known & beyond):
                m.d.sync += engine.extent.rows.eq(near.row + 1)
            with m.If(r.edit.function == Edit.NODES):
                m.next = "NODE HEADER"
            with m.Else():
                r.end_phase(m, Phase.KNOW)


def load_states(m: Module, engine, r: EditRegisters) -> None:
    """The header; that of a node that goes names its last neighbour as the other end."""
    near, far, headers, own = r.near, r.far, engine.headers, engine.users.users[3]
    first = first_entry(engine.cfg, near.header.place)
    with m.State("LOAD"):
        m.d.comb += headers.request.valid.eq(1)
        with m.If(headers.request.ready):
            m.next = "LOADED"
    with m.State("LOADED"), m.If(headers.response.valid):
        m.d.sync += near.header.eq(headers.response.payload)
        r.end_phase(m, Phase.LOAD)
        with m.If(r.edit.function == Edit.NODES):
            m.next = "NODE LOADED"
        with m.If((r.edit.function == Edit.FREE_NODE) & ~r.second):
            m.next = "NODE TO FREE"
    with m.State("NODE TO FREE"):
        m.next = "LAST"
        with m.If(~near.header.known):
            r.end(m, Outcome.REJECTED)
        with m.Elif(near.header.degree == 0):
            m.next = "FORGET"
    with m.State("LAST"):
        m.d.comb += [own.request.valid.eq(1), own.request.payload.eq(first + near.header.degree - 1)]
        with m.If(own.request.ready):
            m.next = "LAST ANSWER"
    with m.State("LAST ANSWER"), m.If(own.response.valid):
        m.d.sync += far.row.eq(own.response.payload.row)
        r.end_phase(m, Phase.LOAD)
    with m.State("FORGET"):
        m.d.comb += headers.write.valid.eq(1)
        with m.If(headers.write.ready):
            m.next = "DONE"
