"""States of the edit engine for an edge, in their order: the other end is found in the list, what becomes of the edge
is decided, there is room, the list changes. To be used within ``m.FSM()``."""

from amaranth.hdl import Array, Const, Module, Mux, Signal

from ..protocol import Edit
from .edit_registers import EditRegisters, Phase
from .layouts import Outcome
from .list_editor import Change

__all__ = ["decide_states", "find_state", "list_states", "room_states"]


def find_state(m: Module, engine, r: EditRegisters) -> None:
    """The other end in the list."""
    near, finder = r.near, engine.finder
    m.d.comb += [finder.i.payload.header.eq(near.header), finder.i.payload.row.eq(r.far.row)]
    with m.State("FIND"):
        m.d.comb += [finder.i.valid.eq(1), finder.o.ready.eq(1)]
        with m.If(finder.o.valid):
            m.d.sync += near.edge.eq(finder.o.payload)
            r.end_phase(m, Phase.FIND)


def decide_states(m: Module, engine, r: EditRegisters) -> None:
    """An edge that is not there can be added, one that is there removed or weighed anew; sums have a limit."""
    near, far, bits = r.near, r.far, engine.cfg.weight_bits
    adds, found = r.edit.function == Edit.ADD_EDGE, near.edge.found
    heavy, same = Signal(reset_less=True), Signal(reset_less=True)
    if bits:
        change = r.change
        with m.State("WEIGH"):
            m.d.sync += change.eq(Mux(adds, r.edit.weight[: engine.cfg.WEIGHT_BITS], 0) - near.edge.weight)
            m.next = "WEIGHED"
        with m.State("WEIGHED"):
            sums = [(end.edge.total + change)[bits] for end in (near, far)]
            m.d.sync += [heavy.eq(sums[0] | sums[1]), same.eq(change == 0)]
            m.next = "DECIDE"
    with m.State("DECIDE"):
        m.next = "LIST"
        with m.If(~adds & ~found):
            r.end(m, Outcome.REJECTED)
        with m.If(adds & ~found):
            m.next = "ROOM"
        with m.If(adds & found & (same if bits else 1)):
            m.next = "DONE"
        if bits:
            with m.If(adds & heavy):
                r.end(m, Outcome.REFUSED)


def room_states(m: Module, engine, r: EditRegisters) -> None:
    """A full room is changed for one of the next class; what one end got is given back if the other gets none."""
    cfg, near, far, allocator, freed = engine.cfg, r.near, r.far, engine.allocator, r.freed
    sizes = [Const(0), *(Const(4 << c) for c in range(cfg.room_classes))]
    size = Signal(range(4 << cfg.room_classes), reset_less=True)
    full, largest = Signal(reset_less=True), Signal(reset_less=True)
    with m.State("ROOM"):
        m.d.sync += [
            size.eq(Array(sizes)[near.header.room]),
            largest.eq(near.header.room == cfg.room_classes),
            near.moves.eq(0),
        ]
        m.next = "SIZE"
    with m.State("SIZE"):
        m.d.sync += full.eq(near.header.degree == size)
        m.next = "WANT"
    with m.State("WANT"):
        with m.If(~full):
            r.end_phase(m, Phase.ROOM)
        with m.Elif(largest):
            m.next = "NO ROOM"
        with m.Else():
            m.d.comb += [allocator.i.valid.eq(1), allocator.i.payload.room.eq(near.header.room + 1)]
            with m.If(allocator.i.ready):
                m.next = "GRANT"
    with m.State("GRANT"):
        m.d.comb += allocator.o.ready.eq(1)
        with m.If(allocator.o.valid):
            m.d.sync += [near.moves.eq(1), near.fresh.eq(allocator.o.payload.place)]
            r.end_phase(m, Phase.ROOM)
            with m.If(~allocator.o.payload.granted):
                m.next = "NO ROOM"
    with m.State("NO ROOM"):
        m.d.sync += [freed.room.eq(far.header.room + 1), freed.place.eq(far.fresh)]
        r.end(m, Outcome.REFUSED)
        with m.If(r.second & far.moves):
            m.next = "FREE"
    with m.State("FREE"):
        m.d.comb += [allocator.i.valid.eq(1), allocator.i.payload.eq(freed), allocator.i.payload.free.eq(1)]
        with m.If(allocator.i.ready):
            m.next = "FREED"
    with m.State("FREED"):
        m.d.comb += allocator.o.ready.eq(1)
        with m.If(allocator.o.valid):
            r.end_phase(m, Phase.LIST)
            with m.If(r.outcome == Outcome.REFUSED):
                m.next = "DONE"


def list_states(m: Module, engine, r: EditRegisters) -> None:
    """The list changes, then the header, and what was its room is free."""
    near, far, lists, write = r.near, r.far, engine.lists, engine.headers.write
    wanted, changed = lists.i.payload, lists.o.payload
    adds = r.edit.function == Edit.ADD_EDGE
    m.d.comb += [
        wanted.header.eq(near.header),
        wanted.index.eq(near.edge.index),
        wanted.entry.row.eq(far.row),
        wanted.moves.eq(near.moves),
        wanted.fresh.eq(near.fresh),
        wanted.kind.eq(Mux(adds, Mux(near.edge.found, Change.WEIGH, Change.INSERT), Change.DELETE)),
    ]
    if engine.cfg.weight_bits:
        m.d.comb += [wanted.change.eq(r.change), wanted.entry.sum.eq(near.edge.before + r.change)]
    with m.State("LIST"):
        m.d.comb += lists.i.valid.eq(1)
        with m.If(lists.i.ready):
            m.next = "LISTED"
    with m.State("LISTED"):
        m.d.comb += [
            write.valid.eq(lists.o.valid),
            write.payload.word.eq(changed.header),
            lists.o.ready.eq(write.ready),
        ]
        with m.If(lists.o.valid & write.ready):
            m.d.sync += [
                r.freed.room.eq(near.header.room),
                r.freed.place.eq(near.header.place),
                near.header.eq(changed.header),
            ]
            r.end_phase(m, Phase.LIST)
            with m.If(changed.leaves):
                m.next = "FREE"
