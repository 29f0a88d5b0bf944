"""Edits of the graph, carried out in its two memories."""

from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..protocol import Edit
from .allocator import Allocator
from .edge_finder import EdgeFinder
from .edit_edges import decide_states, find_state, list_states, room_states
from .edit_registers import EditRegisters, Phase
from .edit_rows import load_states, row_states
from .layouts import DoneLayout, EditLayout, EntryLayout, HeaderLayout, Outcome, address_bits
from .list_editor import ListEditor
from .memory import MemoryPort
from .ports import GraphExtent, OneAtATime
from .soundness import Soundness

__all__ = ["EditEngine"]


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
    extent : Out(GraphExtent)
        How far the graph goes.
    headers, entries : Out(MemoryPort)
        The headers by row; the list memory.

    Timing, where memories take a request and a write each cycle: CLEAR takes ``nodes + 4`` cycles. An edge takes a
    cycle for each entry behind it in both lists, or for all of a list that moves, a binary search in both (see
    :class:`~skipwalk.hw.oselm.graph.search.Search`) and a few dozen cycles beside.

    Resources: those of its parts; no multiplier.
    """

    def __init__(self, cfg: CoreConfig):
        self.cfg = cfg
        self.finder, self.lists, self.allocator = EdgeFinder(cfg), ListEditor(cfg), Allocator(cfg)
        self.users = OneAtATime(4, address_bits(cfg), EntryLayout(cfg))
        super().__init__(
            {
                "edit": In(stream.Signature(EditLayout())),
                "done": Out(stream.Signature(DoneLayout(cfg))),
                "fill": Out(stream.Signature(cfg.row_bits)),
                "extent": Out(GraphExtent(cfg)),
                "headers": Out(MemoryPort(cfg.row_bits, HeaderLayout(cfg))),
                "entries": Out(MemoryPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        users = self.users
        m = Module()
        r = EditRegisters(self.cfg)
        m.submodules.finder = self.finder
        m.submodules.lists = self.lists
        m.submodules.allocator = self.allocator
        m.submodules.users = users
        wiring.connect(m, users.memory, wiring.flipped(self.entries))
        wiring.connect(m, self.lists.entries, users.users[0])
        wiring.connect(m, self.allocator.entries, users.users[1])
        for side in ("request", "response"):
            wiring.connect(m, getattr(self.finder.entries, side), getattr(users.users[2], side))
        of_edge = (r.edit.function == Edit.ADD_EDGE) | (r.edit.function == Edit.REMOVE_EDGE)
        has_degrees = of_edge & (r.outcome == Outcome.DONE)
        m.d.comb += [
            self.headers.request.payload.eq(r.near.row),
            self.headers.write.payload.address.eq(r.near.row),
            self.fill.payload.eq(r.near.row),
            self.done.payload.outcome.eq(r.outcome),
            self.done.payload.degree_u.eq(Mux(has_degrees, r.near.header.degree, 0)),
            self.done.payload.degree_v.eq(Mux(has_degrees, r.far.header.degree, 0)),
        ]
        with m.FSM():
            self._begin(m, r)
            for states in (row_states, load_states, find_state, decide_states, room_states, list_states):
                states(m, self, r)
            self._turn(m, r)
            with m.State("DONE"):
                m.d.comb += self.done.valid.eq(1)
                with m.If(self.done.ready):
                    m.next = "EDIT"
        return m

    def _begin(self, m: Module, r: EditRegisters) -> None:
        """An edit is taken, looked at, and begun, if it is sound."""
        edit, near, far = r.edit, r.near, r.far
        m.submodules.soundness = soundness = Soundness(self.cfg)
        m.d.comb += [soundness.edit.eq(edit), soundness.open.eq(self.extent.open)]
        with m.State("EDIT"):
            m.d.comb += self.edit.ready.eq(1)
            m.d.sync += edit.eq(self.edit.payload)
            with m.If(self.edit.valid):
                m.next = "CHECK"
        with m.State("CHECK"):
            m.d.sync += [near.eq(0), far.eq(0), near.row.eq(edit.u), far.row.eq(edit.operand), r.second.eq(0)]
            m.next = "CHECKED"
        with m.State("CHECKED"):
            m.next = "BEGIN"
        with m.State("BEGIN"):
            m.d.sync += r.outcome.eq(Outcome.DONE)
            with m.Switch(edit.function):
                with m.Case(Edit.CLEAR):
                    m.d.sync += [self.extent.rows.eq(0), near.row.eq(0)]
                    m.d.comb += self.allocator.clear.eq(1)
                    m.next = "CLEAR"
                with m.Case(Edit.NODES):
                    m.next = "NODES"
                with m.Default():
                    m.next = "LOAD"
            with m.If(~soundness.sound):
                r.end(m, Outcome.REJECTED)

    def _turn(self, m: Module, r: EditRegisters) -> None:
        """The ends change places. ``near`` was end v if ``second`` is set, and the phase is over."""
        after = {
            Phase.LOAD: "FIND",
            Phase.FIND: "WEIGH" if self.cfg.weight_bits else "DECIDE",
            Phase.ROOM: "KNOW",
            Phase.KNOW: "LIST",
            Phase.LIST: "DONE",
        }
        with m.State("TURN"):
            m.d.sync += [r.near.eq(r.far), r.far.eq(r.near), r.second.eq(~r.second)]
            with m.Switch(r.phase):
                for phase, state in after.items():
                    with m.Case(phase):
                        m.next = phase.name
                        with m.If(r.second):
                            m.next = state
            with m.If(r.second & (r.phase == Phase.LIST) & (r.edit.function == Edit.FREE_NODE)):
                m.next = "NODE TO FREE"
