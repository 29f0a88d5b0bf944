"""Walks on the device: from starts to walkers, and from walkers into the group that is being filled."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..front_end.ports import FillPort, FillTurn, NewNumber, WalkRules
from .starts import StartLayout, StartPort
from .walker import NodeLayout, WalkPort

__all__ = ["WalkMaker"]


class WalkMaker(wiring.Component):
    """Numbers the starts, and gives each a slot of the group and a walker.

    A group begins when it has as many walks as ``rules`` say, or is to be closed, and is handed over when these are
    complete; both at once where rows are outside, because slots are asked for a group at a time.
    A command that asks for walks is dropped where none can be made: without rules, a length, or negatives to draw.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    turn : In(FillTurn(StartLayout))
        Commands.
    starts : Out(StartPort)
        Those of them that are sound, and what the starts make of them.
    length : In
        Nodes of a walk; 0 as long as none has been set.
    rules : In(WalkRules), fill : Out(FillPort)
        As in :class:`~skipwalk.hw.oselm.front_end.walk_loader.WalkLoader`; a walk belongs to the group as soon as a
        walker has it.
    rejected : Out(1)
        A command was dropped, or the rest of it.
    next_walk : In(NewNumber), other : In(1)
        Number of the next walk; a walk that was not made here has taken it.
    walks : Out(WalkPort) array
        To the walkers, and what they make.
    made : Out(1)
        A walk is complete.

    Timing: a walk for each walker at a time, handed out in two cycles; a node a cycle, of one walker every other cycle.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "turn": In(FillTurn(StartLayout())),
                "starts": Out(StartPort(cfg)),
                "length": In(range(cfg.max_walk + 1)),
                "rules": In(WalkRules()),
                "fill": Out(FillPort(cfg)),
                "rejected": Out(1),
                "next_walk": In(NewNumber()),
                "other": In(1),
                "walks": Out(WalkPort(cfg)).array(cfg.walkers),
                "made": Out(1),
            }
        )

    def elaborate(self, platform):
        turn, rules, starts = self.turn, self.rules, self.starts
        m = Module()
        command = Signal(StartLayout(), reset_less=True)
        sound, unsound = Signal(reset_less=True), Signal()
        m.d.comb += [
            starts.commands.payload.eq(command),
            self.fill.nodes.eq(self.length),
            self.rejected.eq(unsound | starts.dropped),
        ]
        with m.FSM() as fsm:
            m.d.comb += turn.busy.eq(~fsm.ongoing("COMMAND"))
            with m.State("COMMAND"):
                m.d.comb += turn.work.ready.eq(1)
                m.d.sync += command.eq(turn.work.payload)
                with m.If(turn.work.valid):
                    m.next = "SOUND"
            with m.State("SOUND"):
                m.d.sync += sound.eq((rules.sampling.window != 0) & (self.length != 0) & rules.drawable)
                with m.If(rules.settled):
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.next = "COMMAND"
                with m.If(command.count != 0):
                    m.d.comb += [self.fill.count.eq(sound), unsound.eq(~sound)]
                    with m.If(sound):
                        m.next = "COUNTING"
            with m.State("COUNTING"):
                m.d.comb += starts.commands.valid.eq(self.fill.counted)
                with m.If(self.fill.counted & starts.commands.ready):
                    m.next = "STARTS"
            with m.State("STARTS"), m.If(~starts.busy & ~starts.rows.valid):
                m.next = "COMMAND"
        self._give(m)
        self._take(m, closes=turn.close & ~turn.busy)
        return m

    def _give(self, m):
        """Starts to walkers."""
        rows = self.starts.rows
        number = Signal(32)
        ready, turn = Signal(len(self.walks)), Signal(len(self.walks))
        given, free = Signal(), Signal()
        with m.If(self.next_walk.en):
            m.d.sync += number.eq(self.next_walk.value)
        with m.Elif(self.other | given):
            m.d.sync += number.eq(number + 1)
        # Whose turn it is is decided a cycle ahead: neither room nor a walker that is ready can go away meanwhile.
        m.d.comb += [
            free.eq(rows.valid & self.fill.room & (self.fill.n != self.rules.sampling.walks) & ~given),
            given.eq(turn.any()),
            self.fill.walk_en.eq(given),
            rows.ready.eq(given),
        ]
        for i, walk in enumerate(self.walks):
            task = walk.task.payload
            # The first one that is ready.
            m.d.sync += turn[i].eq(free & ready[i] & ~ready[:i].any())
            m.d.comb += [
                ready[i].eq(walk.task.ready),
                walk.task.valid.eq(turn[i]),
                task.row.eq(rows.payload),
                task.number.eq(number),
                task.slot.eq(self.fill.n),
                task.group.eq(self.fill.group),
            ]

    def _take(self, m, *, closes):
        """Nodes from walkers, and walks into groups."""
        node, en = Signal(NodeLayout(self._cfg), reset_less=True), Signal()
        n, complete, over = Signal.like(self.fill.n), Signal.like(self.fill.n), Signal()
        final, begin, begun = Signal(), Signal(), Signal()
        # Each walker has a register, so that none has to look at the others.
        held = Signal(len(self.walks))
        m.d.sync += en.eq(held.any())
        for i, walk in reversed(list(enumerate(self.walks))):
            waiting = Signal.like(node, name=f"node_{i}")
            m.d.comb += walk.nodes.ready.eq(~held[i])
            with m.If(~held[i]):
                m.d.sync += [held[i].eq(walk.nodes.valid), waiting.eq(walk.nodes.payload)]
            with m.Elif(~held[:i].any()):
                m.d.sync += held[i].eq(0)
            with m.If(held[i]):
                m.d.sync += node.eq(waiting)
        m.d.comb += [
            self.fill.node_en.eq(en),
            self.fill.address.eq(node.address),
            self.fill.node.eq(node.row),
            self.made.eq(en & node.last),
            self.fill.n.eq(n),
            self.turn.pending.eq(n != 0),
            self.fill.hand_over.eq(over),
            self.fill.begin.eq(over if self._cfg.slots else begin),
            final.eq((n != 0) & ((n == self.rules.sampling.walks) | closes) & ~self.fill.walk_en),
        ]
        m.d.sync += [
            n.eq(n + self.fill.walk_en),
            complete.eq(complete + self.made),
            # A cycle after what they depend on, during which nothing of it can change.
            begin.eq(final & ~begun),
            begun.eq(begun | final),
            over.eq((begun | final) & (complete == n)),
        ]
        with m.If(over):
            m.d.sync += [n.eq(0), complete.eq(0), over.eq(0), begun.eq(0)]
