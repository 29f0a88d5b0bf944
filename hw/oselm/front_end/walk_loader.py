"""Walks and alias tables on their way from the command stream into the front end's memories."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ..config import CoreConfig
from ..protocol import THRESHOLD_BITS, Opcode
from .ports import FillPort, FillTurn, TableWrites, WalkRules

__all__ = ["WalkLoader"]


class WalkLoader(wiring.Component):
    """Executes WALK and WRITE_TABLE of :mod:`skipwalk.hw.oselm.protocol`.

    Walks in flight form a *group*, one of two (see :class:`~skipwalk.hw.oselm.front_end.groups.Groups`). It is handed
    over when it has as many walks as ``rules`` say, or when it is to be closed. What is unsound is dropped: a walk
    as a whole, without a place in its group; of a table, all entries.

    Parameters
    ----------
    cfg : CoreConfig

    Members
    -------
    turn : In(FillTurn(32))
        Words: a header, its operands, the next header. While ``busy`` operands are missing, or the command is still
        being executed; else the next word is a header.
    rules : In(WalkRules)
        How walks become contexts.
    rejected : Out(1)
        A command was dropped.
    fill : Out(FillPort)
        Walks go into the group; each is counted on its own.
    table : Out(TableWrites)
        The table.

    Timing: a word of a walk takes a cycle and one for each of its rows, a walk ``window + 6`` more; an entry of the
    table takes 4.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "turn": In(FillTurn(32)),
                "rules": In(WalkRules()),
                "rejected": Out(1),
                "fill": Out(FillPort(cfg)),
                "table": Out(TableWrites(cfg)),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        word = Signal(32)
        header = Signal(28)
        sound = Signal()
        left = Signal(20)  # nodes, or columns
        taken = Signal(range(cfg.walks + 1))  # walks in the group
        m.d.comb += [self.turn.pending.eq(taken != 0), self.fill.n.eq(taken), self.fill.begin.eq(self.fill.hand_over)]

        with m.FSM() as fsm:
            m.d.comb += self.turn.busy.eq(~fsm.ongoing("HEADER"))
            with m.State("HEADER"):
                m.d.comb += self.turn.work.ready.eq(1)
                m.d.sync += [header.eq(self.turn.work.payload), left.eq(self.turn.work.payload)]
                with m.If(self.turn.work.valid):
                    with m.If(self.turn.work.payload[28:] == Opcode.WRITE_TABLE):
                        m.next = "TABLE"
                    with m.Else():
                        m.next = "WALK"
                with m.Elif(self.turn.close & (taken != 0)):
                    m.d.comb += self.fill.hand_over.eq(1)
                    m.d.sync += taken.eq(0)
            self._walk(m, word, header, sound, left, taken)
            self._table(m, word, header, sound, left)
        return m

    def _walk(self, m, word, header, sound, left, taken):
        cfg, sampling = self._cfg, self.rules.sampling
        row_bits = 32 // cfg.walk_rows if cfg.walk_rows > 1 else cfg.ROW_BITS
        row = word[:row_bits]
        index = Signal(clog2(cfg.max_walk))
        nodes = Signal(range(cfg.max_walk + 1))
        complete = Signal()
        address = self.fill.address
        m.d.comb += [
            address.index.eq(index),
            address.slot.eq(taken),
            address.group.eq(self.fill.group),
            self.fill.node.eq(row),
        ]
        m.d.comb += self.fill.nodes.eq(nodes)

        with m.State("WALK"):
            m.d.sync += [
                sound.eq((header <= cfg.max_walk) & (sampling.window != 0) & self.rules.drawable),
                nodes.eq(header),
                left.eq(header[:16]),
                index.eq(0),
            ]
            if cfg.slots:
                # A walk without a context could wait for one for ever, and its group with it.
                with m.If(header[:16] < 2):
                    m.d.sync += sound.eq(0)
            with m.If(self.rules.settled & self.fill.room):
                with m.If(header[:16] == 0):
                    m.next = "COUNT"
                with m.Else():
                    m.next = "WORD"
        with m.State("WORD"):
            m.d.comb += self.turn.work.ready.eq(1)
            m.d.sync += word.eq(self.turn.work.payload)
            with m.If(self.turn.work.valid):
                m.next = "FIRST"
        states = ["FIRST", "SECOND"][: cfg.walk_rows]
        for state, after in zip(states, [*states[1:], "WORD"], strict=True):
            with m.State(state):
                # Nodes of a walk that is too long fall into its own slot.
                m.d.comb += self.fill.node_en.eq(1)
                m.d.sync += [
                    sound.eq(sound & (row < cfg.nodes)),
                    word.eq(word >> row_bits),
                    index.eq(index + 1),
                    left.eq(left - 1),
                ]
                with m.If(left == 1):
                    m.next = "COUNT"
                with m.Else():
                    m.next = after
        with m.State("COUNT"):
            m.d.comb += self.fill.count.eq(1)
            m.d.sync += complete.eq(taken + 1 == sampling.walks)
            m.next = "COMMIT"
        with m.State("COMMIT"), m.If(self.fill.counted):
            m.d.comb += [self.rejected.eq(~sound), self.fill.walk_en.eq(sound)]
            with m.If(sound):
                m.d.sync += taken.eq(taken + 1)
                m.next = "COMMITTED"
            with m.Else():
                m.next = "HEADER"
        with m.State("COMMITTED"):
            m.d.comb += self.fill.hand_over.eq(complete)
            with m.If(complete):
                m.d.sync += taken.eq(0)
            m.next = "HEADER"

    def _table(self, m, word, header, sound, left):
        cfg = self._cfg
        column = Signal(cfg.row_bits)
        threshold = Signal(32)
        writes = Signal()
        small, inside = Signal(), Signal()
        m.d.comb += [
            self.table.column.eq(column),
            self.table.threshold.eq(threshold),
            self.table.alias.eq(word),
        ]
        with m.State("TABLE"):
            fits = (header != 0) & (header <= cfg.table_rows)
            m.d.sync += [sound.eq(fits), writes.eq(fits), column.eq(0)]
            with m.If(fits):
                m.d.sync += self.table.columns.eq(0)
            with m.If(left == 0):
                m.next = "TABLE END"
            with m.Else():
                m.next = "THRESHOLD"
        with m.State("THRESHOLD"):
            m.d.comb += self.turn.work.ready.eq(1)
            m.d.sync += threshold.eq(self.turn.work.payload)
            with m.If(self.turn.work.valid):
                m.next = "ALIAS"
        with m.State("ALIAS"):
            m.d.comb += self.turn.work.ready.eq(1)
            m.d.sync += word.eq(self.turn.work.payload)
            with m.If(self.turn.work.valid):
                m.next = "ENTRY"
        with m.State("ENTRY"):
            m.d.comb += self.table.en.eq(writes)
            m.d.sync += [small.eq(threshold < 1 << THRESHOLD_BITS), inside.eq(word < header)]
            m.next = "ENTRY END"
        with m.State("ENTRY END"):
            m.d.sync += [sound.eq(sound & small & inside), column.eq(column + 1), left.eq(left - 1)]
            with m.If(left == 1):
                m.next = "TABLE END"
            with m.Else():
                m.next = "THRESHOLD"
        with m.State("TABLE END"):
            m.d.comb += self.rejected.eq(~sound)
            with m.If(sound):
                m.d.sync += self.table.columns.eq(header)
            m.next = "HEADER"
