"""Walks on the device: from starts to walkers, and from walkers into the group that is being filled."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..front_end.groups import FillPort
from ..front_end.walk_shape import SamplingLayout
from .starts import StartLayout
from .walker import NodeLayout, TaskLayout

__all__ = ["WalkMaker"]


class WalkMaker(wiring.Component):
    """Numbers the starts, and gives each a slot of the group and a walker.

    A group is handed over when all its walks are complete and it has as many as ``sampling`` says, or is to be closed.
    A command that asks for walks is dropped where none can be made: without ``sampling``, a length, or negatives to
    draw.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of StartLayout), commands : Out(stream of StartLayout)
        Commands, and those of them that are sound, for the starts.
    starts : In(stream of rows), starting : In(1)
        What the starts make of them; more may come.
    length : In
        Nodes of a walk; 0 as long as none has been set.
    sampling, settled, drawable, close, fill
        As in :class:`~skipwalk.hw.oselm.front_end.walk_loader.WalkLoader`; a walk belongs to the group as soon as a
        walker has it.
    busy : Out(1), pending : Out(1)
        A command is being executed; walks have not been handed over.
    rejected : Out(1)
        A command was dropped.
    number : In(32), set_number : In(1), other : In(1)
        Of the next walk; a walk that was not made here has taken it.
    tasks : Out(stream of TaskLayout) array, walked : In(stream of NodeLayout) array
        To the walkers, and what they make.
    made : Out(1)
        A walk is complete.

    Timing: a walk for each walker at a time, handed out in two cycles; a node a cycle, of one walker every other cycle.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(StartLayout())),
                "commands": Out(stream.Signature(StartLayout())),
                "starts": In(stream.Signature(cfg.row_bits)),
                "starting": In(1),
                "length": In(range(cfg.max_walk + 1)),
                "sampling": In(SamplingLayout()),
                "settled": In(1),
                "drawable": In(1),
                "close": In(1),
                "fill": Out(FillPort(cfg)),
                "busy": Out(1),
                "pending": Out(1),
                "rejected": Out(1),
                "number": In(32),
                "set_number": In(1),
                "other": In(1),
                "tasks": Out(stream.Signature(TaskLayout(cfg))).array(cfg.walkers),
                "walked": In(stream.Signature(NodeLayout(cfg))).array(cfg.walkers),
                "made": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        command = Signal(StartLayout(), reset_less=True)
        sound = Signal(reset_less=True)
        m.d.comb += [self.commands.payload.eq(command), self.fill.nodes.eq(self.length)]
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("COMMAND"))
            with m.State("COMMAND"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += command.eq(self.i.payload)
                with m.If(self.i.valid):
                    m.next = "SOUND"
            with m.State("SOUND"):
                m.d.sync += sound.eq((self.sampling.window != 0) & (self.length != 0) & self.drawable)
                with m.If(self.settled):
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.next = "COMMAND"
                with m.If(command.count != 0):
                    m.d.comb += [self.fill.count.eq(sound), self.rejected.eq(~sound)]
                    with m.If(sound):
                        m.next = "COUNTING"
            with m.State("COUNTING"):
                m.d.comb += self.commands.valid.eq(self.fill.counted)
                with m.If(self.fill.counted & self.commands.ready):
                    m.next = "STARTS"
            with m.State("STARTS"), m.If(~self.starting & ~self.starts.valid):
                m.next = "COMMAND"
        self._give(m)
        self._take(m, closes=self.close & ~self.busy)
        return m

    def _give(self, m):
        """Starts to walkers."""
        number = Signal(32)
        ready, turn = Signal(len(self.tasks)), Signal(len(self.tasks))
        given, free = Signal(), Signal()
        with m.If(self.set_number):
            m.d.sync += number.eq(self.number)
        with m.Elif(self.other | given):
            m.d.sync += number.eq(number + 1)
        # Whose turn it is is decided a cycle ahead: neither room nor a walker that is ready can go away meanwhile.
        m.d.comb += [
            free.eq(self.starts.valid & self.fill.room & (self.fill.n != self.sampling.walks) & ~given),
            given.eq(turn.any()),
            self.fill.walk_en.eq(given),
            self.starts.ready.eq(given),
        ]
        for i, tasks in enumerate(self.tasks):
            task = tasks.payload
            # The first one that is ready.
            m.d.sync += turn[i].eq(free & ready[i] & ~ready[:i].any())
            m.d.comb += [
                ready[i].eq(tasks.ready),
                tasks.valid.eq(turn[i]),
                task.row.eq(self.starts.payload),
                task.number.eq(number),
                task.slot.eq(self.fill.n),
                task.group.eq(self.fill.group),
            ]

    def _take(self, m, *, closes):
        """Nodes from walkers, and walks into groups."""
        node, en = Signal(NodeLayout(self._cfg), reset_less=True), Signal()
        n, complete, over = Signal.like(self.fill.n), Signal.like(self.fill.n), Signal()
        # Each walker has a register, so that none has to look at the others.
        held = Signal(len(self.walked))
        m.d.sync += en.eq(held.any())
        for i, walked in reversed(list(enumerate(self.walked))):
            waiting = Signal.like(node, name=f"node_{i}")
            m.d.comb += walked.ready.eq(~held[i])
            with m.If(~held[i]):
                m.d.sync += [held[i].eq(walked.valid), waiting.eq(walked.payload)]
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
            self.pending.eq(n != 0),
            self.fill.hand_over.eq(over),
        ]
        full = n == self.sampling.walks
        m.d.sync += [
            n.eq(n + self.fill.walk_en),
            complete.eq(complete + self.made),
            # A cycle after what it depends on, during which nothing of it can change.
            over.eq((n != 0) & (complete == n) & (full | closes) & ~self.fill.walk_en),
        ]
        with m.If(over):
            m.d.sync += [n.eq(0), complete.eq(0), over.eq(0)]
