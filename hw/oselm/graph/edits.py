"""Edits of the graph, carried out in its two memories."""

from enum import IntEnum

from amaranth.hdl import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..protocol import Edit
from .allocator import Allocator, RoomLayout
from .edge_finder import EdgeFinder, EdgeLayout
from .layouts import DoneLayout, EditLayout, EntryLayout, HeaderLayout, Outcome, address_bits, first_entry
from .list_editor import Change, ListEditor
from .memory import MemoryPort
from .ports import OneAtATime
from .soundness import Soundness

__all__ = ["EditEngine"]


class _Phase(IntEnum):
    """What is done for one end of an edge, and then for the other."""

    LOAD = 0
    FIND = 1
    ROOM = 2
    KNOW = 3
    LIST = 4


class _EndLayout(data.StructLayout):
    """What is known of one end of an edge: its row and header, and how the edge looks from there; ``moves``: its list
    goes to a room of the next class, at ``fresh``."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "row": cfg.row_bits,
                "header": HeaderLayout(cfg),
                "edge": EdgeLayout(cfg),
                "moves": 1,
                "fresh": cfg.place_bits,
            }
        )


class EditEngine(wiring.Component):
    """Carries out :class:`~skipwalk.hw.oselm.protocol.Edit` as :mod:`skipwalk.sim.oselm.graph.edits` does, to the bit.

    Each phase is done for the ``near`` end of an edge, then both change places, and it is done for the other: load the
    header, find the other end in the list, get room, have the row's first values made, change the list.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    edit : In(stream of EditLayout), done : Out(stream of DoneLayout)
        One at a time.
    fill : Out(stream of rows)
        A row has become known and gets its first values; before ``done``.
    rows : Out(range(cfg.nodes + 1))
        1 + the highest row that has been known since CLEAR.
    open : Out(1)
        CLEAR has been done since the reset; until then all else is rejected.
    headers, entries : Out(MemoryPort)
        The headers by row; the list memory.

    Timing: CLEAR takes ``nodes + 4`` cycles. An edge takes a cycle for each entry behind it in both lists, or for all
    of a list that moves, a binary search in both (see :class:`~skipwalk.hw.oselm.graph.search.Search`) and a few dozen
    cycles beside.

    Resources: those of its parts; no multiplier.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        self._finder, self._lists, self._allocator = EdgeFinder(cfg), ListEditor(cfg), Allocator(cfg)
        self._users = OneAtATime(4, address_bits(cfg), EntryLayout(cfg))
        self._edit = Signal(EditLayout(), reset_less=True)
        self._near, self._far = (Signal(_EndLayout(cfg), reset_less=True, name=name) for name in ("near", "far"))
        self._phase = Signal(_Phase, reset_less=True)
        self._second = Signal(reset_less=True)  # ``near`` is end v
        self._outcome = Signal(Outcome, reset_less=True)
        # Added to the sums: the weight, less what it was before.
        self._change = Signal(signed(cfg.weight_bits + 1), reset_less=True)
        self._freed = Signal(RoomLayout(cfg), reset_less=True)
        super().__init__(
            {
                "edit": In(stream.Signature(EditLayout())),
                "done": Out(stream.Signature(DoneLayout(cfg))),
                "fill": Out(stream.Signature(cfg.row_bits)),
                "rows": Out(range(cfg.nodes + 1)),
                "open": Out(1),
                "headers": Out(MemoryPort(cfg.row_bits, HeaderLayout(cfg))),
                "entries": Out(MemoryPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        edit, users = self._edit, self._users
        m = Module()
        m.submodules.finder = self._finder
        m.submodules.lists = self._lists
        m.submodules.allocator = self._allocator
        m.submodules.users = users
        wiring.connect(m, users.memory, wiring.flipped(self.entries))
        wiring.connect(m, self._lists.entries, users.users[0])
        wiring.connect(m, self._allocator.entries, users.users[1])
        for side in ("request", "response"):
            wiring.connect(m, getattr(self._finder.entries, side), getattr(users.users[2], side))
        of_edge = (edit.function == Edit.ADD_EDGE) | (edit.function == Edit.REMOVE_EDGE)
        has_degrees = of_edge & (self._outcome == Outcome.DONE)
        m.d.comb += [
            self.headers.request.payload.eq(self._near.row),
            self.headers.write.payload.address.eq(self._near.row),
            self.fill.payload.eq(self._near.row),
            self.done.payload.outcome.eq(self._outcome),
            self.done.payload.degree_u.eq(Mux(has_degrees, self._near.header.degree, 0)),
            self.done.payload.degree_v.eq(Mux(has_degrees, self._far.header.degree, 0)),
        ]
        with m.FSM():
            self._begin(m)
            self._rows(m)
            self._load(m)
            self._find(m)
            self._decide(m)
            self._room(m)
            self._list(m)
            self._turn(m)
            with m.State("DONE"):
                m.d.comb += self.done.valid.eq(1)
                with m.If(self.done.ready):
                    m.next = "EDIT"
        return m

    def _end(self, m: Module, outcome: Outcome) -> None:
        """The edit is over."""
        m.d.sync += self._outcome.eq(outcome)
        m.next = "DONE"

    def _end_phase(self, m: Module, phase: _Phase) -> None:
        """``near`` end is through."""
        m.d.sync += self._phase.eq(phase)
        m.next = "TURN"

    def _begin(self, m: Module) -> None:
        edit, near, far = self._edit, self._near, self._far
        m.submodules.soundness = soundness = Soundness(self._cfg)
        m.d.comb += [soundness.edit.eq(edit), soundness.open.eq(self.open)]
        with m.State("EDIT"):
            m.d.comb += self.edit.ready.eq(1)
            m.d.sync += edit.eq(self.edit.payload)
            with m.If(self.edit.valid):
                m.next = "CHECK"
        with m.State("CHECK"):
            m.d.sync += [near.eq(0), far.eq(0), near.row.eq(edit.u), far.row.eq(edit.operand), self._second.eq(0)]
            m.next = "CHECKED"
        with m.State("CHECKED"):
            m.next = "BEGIN"
        with m.State("BEGIN"):
            m.d.sync += self._outcome.eq(Outcome.DONE)
            with m.Switch(edit.function):
                with m.Case(Edit.CLEAR):
                    m.d.sync += [self.rows.eq(0), near.row.eq(0)]
                    m.d.comb += self._allocator.clear.eq(1)
                    m.next = "CLEAR"
                with m.Case(Edit.NODES):
                    m.next = "NODES"
                with m.Default():
                    m.next = "LOAD"
            with m.If(~soundness.sound):
                self._end(m, Outcome.REJECTED)

    def _rows(self, m: Module) -> None:
        """CLEAR and NODES go from row to row; a row becomes known."""
        cfg, near = self._cfg, self._near
        left = Signal(cfg.row_bits + 1, reset_less=True)
        beyond, none_left = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [beyond.eq(near.row >= self.rows), none_left.eq(left == 0)]
        write = self.headers.write
        with m.State("CLEAR"):
            m.d.comb += write.valid.eq(1)
            with m.If(write.ready):
                m.d.sync += near.row.eq(near.row + 1)
                with m.If(near.row == cfg.nodes - 1):
                    m.d.sync += self.open.eq(1)
                    m.next = "DONE"
        with m.State("NODES"):
            m.d.sync += left.eq(self._edit.operand)
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
            m.d.comb += self.fill.valid.eq(~near.header.known)
            with m.If(near.header.known | self.fill.ready):
                with m.If(~near.header.known & beyond):
                    m.d.sync += self.rows.eq(near.row + 1)
                with m.If(self._edit.function == Edit.NODES):
                    m.next = "NODE HEADER"
                with m.Else():
                    self._end_phase(m, _Phase.KNOW)

    def _load(self, m: Module) -> None:
        """The header; that of a node that goes names its last neighbour as the other end."""
        near, far, headers, own = self._near, self._far, self.headers, self._users.users[3]
        first = first_entry(self._cfg, near.header.place)
        with m.State("LOAD"):
            m.d.comb += headers.request.valid.eq(1)
            with m.If(headers.request.ready):
                m.next = "LOADED"
        with m.State("LOADED"), m.If(headers.response.valid):
            m.d.sync += near.header.eq(headers.response.payload)
            self._end_phase(m, _Phase.LOAD)
            with m.If(self._edit.function == Edit.NODES):
                m.next = "NODE LOADED"
            with m.If((self._edit.function == Edit.FREE_NODE) & ~self._second):
                m.next = "NODE TO FREE"
        with m.State("NODE TO FREE"):
            m.next = "LAST"
            with m.If(~near.header.known):
                self._end(m, Outcome.REJECTED)
            with m.Elif(near.header.degree == 0):
                m.next = "FORGET"

        with m.State("LAST"):
            m.d.comb += [own.request.valid.eq(1), own.request.payload.eq(first + near.header.degree - 1)]
            with m.If(own.request.ready):
                m.next = "LAST ANSWER"
        with m.State("LAST ANSWER"), m.If(own.response.valid):
            m.d.sync += far.row.eq(own.response.payload.row)
            self._end_phase(m, _Phase.LOAD)
        with m.State("FORGET"):
            m.d.comb += headers.write.valid.eq(1)
            with m.If(headers.write.ready):
                m.next = "DONE"

    def _find(self, m: Module) -> None:
        """The other end in the list."""
        near, finder = self._near, self._finder
        m.d.comb += [finder.i.payload.header.eq(near.header), finder.i.payload.row.eq(self._far.row)]
        with m.State("FIND"):
            m.d.comb += [finder.i.valid.eq(1), finder.o.ready.eq(1)]
            with m.If(finder.o.valid):
                m.d.sync += near.edge.eq(finder.o.payload)
                self._end_phase(m, _Phase.FIND)

    def _decide(self, m: Module) -> None:
        near, far, bits = self._near, self._far, self._cfg.weight_bits
        adds, found = self._edit.function == Edit.ADD_EDGE, near.edge.found
        heavy, same = Signal(reset_less=True), Signal(reset_less=True)
        if bits:
            change = self._change
            with m.State("WEIGH"):
                m.d.sync += change.eq(Mux(adds, self._edit.weight[: self._cfg.WEIGHT_BITS], 0) - near.edge.weight)
                m.next = "WEIGHED"
            with m.State("WEIGHED"):
                sums = [(end.edge.total + change)[bits] for end in (near, far)]
                m.d.sync += [heavy.eq(sums[0] | sums[1]), same.eq(change == 0)]
                m.next = "DECIDE"
        with m.State("DECIDE"):
            m.next = "LIST"
            with m.If(~adds & ~found):
                self._end(m, Outcome.REJECTED)
            with m.If(adds & ~found):
                m.next = "ROOM"
            with m.If(adds & found & (same if bits else 1)):
                m.next = "DONE"
            if bits:
                with m.If(adds & heavy):
                    self._end(m, Outcome.REFUSED)

    def _room(self, m: Module) -> None:
        """A full room is changed for one of the next class; what one end got is given back if the other gets none."""
        cfg, near, far, allocator, freed = self._cfg, self._near, self._far, self._allocator, self._freed
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
                self._end_phase(m, _Phase.ROOM)
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
                self._end_phase(m, _Phase.ROOM)
                with m.If(~allocator.o.payload.granted):
                    m.next = "NO ROOM"
        with m.State("NO ROOM"):
            m.d.sync += [freed.room.eq(far.header.room + 1), freed.place.eq(far.fresh)]
            self._end(m, Outcome.REFUSED)
            with m.If(self._second & far.moves):
                m.next = "FREE"
        with m.State("FREE"):
            m.d.comb += [allocator.i.valid.eq(1), allocator.i.payload.eq(freed), allocator.i.payload.free.eq(1)]
            with m.If(allocator.i.ready):
                m.next = "FREED"
        with m.State("FREED"):
            m.d.comb += allocator.o.ready.eq(1)
            with m.If(allocator.o.valid):
                self._end_phase(m, _Phase.LIST)
                with m.If(self._outcome == Outcome.REFUSED):
                    m.next = "DONE"

    def _list(self, m: Module) -> None:
        """The list changes, then the header, and what was its room is free."""
        near, far, lists, write = self._near, self._far, self._lists, self.headers.write
        wanted, changed = lists.i.payload, lists.o.payload
        adds = self._edit.function == Edit.ADD_EDGE
        m.d.comb += [
            wanted.header.eq(near.header),
            wanted.index.eq(near.edge.index),
            wanted.entry.row.eq(far.row),
            wanted.moves.eq(near.moves),
            wanted.fresh.eq(near.fresh),
            wanted.kind.eq(Mux(adds, Mux(near.edge.found, Change.WEIGH, Change.INSERT), Change.DELETE)),
        ]
        if self._cfg.weight_bits:
            m.d.comb += [wanted.change.eq(self._change), wanted.entry.sum.eq(near.edge.before + self._change)]
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
                    self._freed.room.eq(near.header.room),
                    self._freed.place.eq(near.header.place),
                    near.header.eq(changed.header),
                ]
                self._end_phase(m, _Phase.LIST)
                with m.If(changed.leaves):
                    m.next = "FREE"

    def _turn(self, m: Module) -> None:
        """The ends change places. ``near`` was end v if ``second`` is set, and the phase is over."""
        after = {
            _Phase.LOAD: "FIND",
            _Phase.FIND: "WEIGH" if self._cfg.weight_bits else "DECIDE",
            _Phase.ROOM: "KNOW",
            _Phase.KNOW: "LIST",
            _Phase.LIST: "DONE",
        }
        with m.State("TURN"):
            m.d.sync += [self._near.eq(self._far), self._far.eq(self._near), self._second.eq(~self._second)]
            with m.Switch(self._phase):
                for phase, state in after.items():
                    with m.Case(phase):
                        m.next = phase.name
                        with m.If(self._second):
                            m.next = state
            with m.If(self._second & (self._phase == _Phase.LIST) & (self._edit.function == Edit.FREE_NODE)):
                m.next = "NODE TO FREE"
