"""Walks and alias tables on their way from the command stream into the front end's memories."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ..config import CoreConfig
from ..protocol import THRESHOLD_BITS, Opcode
from .sampling import FIELDS

__all__ = ["SamplingLayout", "WalkAddress", "WalkLayout", "WalkLoader", "slot_bits"]

#: Of a row in a word of WALK.
_ROW_BITS = 16


def slot_bits(cfg: CoreConfig) -> int:
    """Width of a walk's place in its group."""
    return max(1, clog2(cfg.walks))


class SamplingLayout(data.StructLayout):
    """The word of :class:`~skipwalk.hw.oselm.front_end.sampling.Sampling`."""

    def __init__(self):
        super().__init__(FIELDS)


class WalkAddress(data.StructLayout):
    """A node in the memory of walks: its ``index`` in the walk, the walk's ``slot`` in its group, and the group."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"index": clog2(cfg.max_walk), "slot": slot_bits(cfg), "group": 1})


class WalkLayout(data.StructLayout):
    """What a walk gives: how many ``contexts``, each with so many ``samples``, the first of them ``positives``."""

    def __init__(self, cfg: CoreConfig):
        samples = clog2(cfg.max_samples + 1)
        super().__init__({"contexts": clog2(cfg.max_walk + 1), "positives": samples, "samples": samples})


class WalkLoader(wiring.Component):
    """Executes WALK and WRITE_TABLE of :mod:`skipwalk.hw.oselm.protocol`.

    Walks in flight form a *group*. There is room for two: one is filled while contexts are made of the other. A group
    is handed over when it has as many walks as ``sampling`` says, or when it is to be closed. What is unsound is
    dropped: a walk as a whole, without a place in its group; of a table, all entries.

    Parameters
    ----------
    cfg : CoreConfig

    Members
    -------
    i : In(stream of 32-bit words)
        A header, its operands, the next header.
    busy : Out(1)
        Operands are missing, or the command is still being executed; else the next word is a header.
    sampling : In(SamplingLayout), settled : In(1)
        ``sampling`` has been checked and can be used; its window is 0 as long as none has been set.
    close : In(1)
        Hand over what there is; only while not ``busy``.
    rejected : Out(1)
        A command was dropped.
    pending : Out(1)
        Walks have not been handed over.
    full : Out(2), walks : Out array
        Groups that have been handed over, and how many walks they have.
    free : In(2)
        The group is not needed any more; for one cycle.
    node_en : Out(1), node_address : Out(WalkAddress), node : Out
        Write a node.
    walk_en : Out(1), walk_address : Out, walk : Out(WalkLayout)
        Write what a walk gives, by slot and group.
    columns : Out
        Of the table; 0 as long as there is none.
    entry_en, entry_column, entry_threshold, entry_alias : Out
        Write an entry of the table.

    Timing: a word of a walk takes 3 cycles, a walk ``window + 5`` more; an entry of the table takes 4.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(32)),
                "busy": Out(1),
                "sampling": In(SamplingLayout()),
                "settled": In(1),
                "close": In(1),
                "rejected": Out(1),
                "pending": Out(1),
                "full": Out(2),
                "walks": Out(range(cfg.walks + 1)).array(2),
                "free": In(2),
                "node_en": Out(1),
                "node_address": Out(WalkAddress(cfg)),
                "node": Out(cfg.row_bits),
                "walk_en": Out(1),
                "walk_address": Out(slot_bits(cfg) + 1),
                "walk": Out(WalkLayout(cfg)),
                "columns": Out(range(cfg.nodes + 1)),
                "entry_en": Out(1),
                "entry_column": Out(cfg.row_bits),
                "entry_threshold": Out(THRESHOLD_BITS),
                "entry_alias": Out(cfg.row_bits),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        word = Signal(32)
        header = Signal(28)
        sound = Signal()
        left = Signal(20)  # nodes, or columns
        group = Signal()
        n = Signal(range(cfg.walks + 1))  # walks in the group
        m.d.comb += self.pending.eq(n != 0)

        def hand_over(walks):
            m.d.sync += [n.eq(0), group.eq(~group)]
            with m.Switch(group):
                for i in range(2):
                    with m.Case(i):
                        m.d.sync += [self.full[i].eq(1), self.walks[i].eq(walks)]

        m.d.sync += self.full.eq(self.full & ~self.free)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("HEADER"))
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [header.eq(self.i.payload), left.eq(self.i.payload)]
                with m.If(self.i.valid):
                    with m.If(self.i.payload[28:] == Opcode.WRITE_TABLE):
                        m.next = "TABLE"
                    with m.Else():
                        m.next = "WALK"
                with m.Elif(self.close & (n != 0)):
                    hand_over(n)
            self._walk(m, word, header, sound, left, group, n, hand_over)
            self._table(m, word, header, sound, left)
        return m

    def _walk(self, m, word, header, sound, left, group, n, hand_over):
        cfg, sampling = self._cfg, self.sampling
        row = word[:_ROW_BITS]
        index = Signal(clog2(cfg.max_walk))
        nodes = Signal(range(cfg.max_walk + 1))
        positives = Signal(WalkLayout(cfg)["positives"].shape)
        address = self.node_address
        m.d.comb += [address.index.eq(index), address.slot.eq(n), address.group.eq(group), self.node.eq(row)]
        m.d.comb += [self.walk_address.eq(n | group << slot_bits(cfg))]

        with m.State("WALK"):
            has_table = (sampling.negatives == 0) | (self.columns != 0)
            m.d.sync += [
                sound.eq((header <= cfg.max_walk) & (sampling.window != 0) & has_table),
                nodes.eq(header),
                left.eq(header[:16]),
                index.eq(0),
            ]
            with m.If(self.settled & ~self.full.bit_select(group, 1)):
                with m.If(header[:16] == 0):
                    m.next = "COUNT"
                with m.Else():
                    m.next = "WORD"
        with m.State("WORD"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += word.eq(self.i.payload)
            with m.If(self.i.valid):
                m.next = "FIRST"
        for state, after in (("FIRST", "SECOND"), ("SECOND", "WORD")):
            with m.State(state):
                # Nodes of a walk that is too long fall into its own slot.
                m.d.comb += self.node_en.eq(1)
                m.d.sync += [
                    sound.eq(sound & (row < cfg.nodes)),
                    word.eq(word >> _ROW_BITS),
                    index.eq(index + 1),
                    left.eq(left - 1),
                ]
                with m.If(left == 1):
                    m.next = "COUNT"
                with m.Else():
                    m.next = after
        # Samples are counted positive by positive, which takes no multiplier.
        step = Signal(9, reset_less=True)
        uncounted = Signal.like(positives)
        samples = Signal.like(positives)
        short, complete = Signal(), Signal()
        with m.State("COUNT"):
            m.d.sync += [
                short.eq(nodes < sampling.window),
                complete.eq(n + 1 == sampling.walks),
                step.eq(Mux(sampling.per_positive, sampling.negatives + 1, 1)),
                samples.eq(Mux(sampling.per_positive, 0, sampling.negatives)),
            ]
            m.next = "POSITIVES"
        with m.State("POSITIVES"):
            some = Mux(short, nodes, sampling.window) - 1
            m.d.sync += [positives.eq(some), uncounted.eq(some)]
            with m.If(nodes > 1):
                m.next = "SAMPLES"
            with m.Else():
                m.next = "COMMIT"
        with m.State("SAMPLES"):
            m.d.sync += [uncounted.eq(uncounted - 1), samples.eq(samples + step)]
            with m.If(uncounted == 1):
                m.next = "COMMIT"
        with m.State("COMMIT"):
            m.d.comb += [
                self.rejected.eq(~sound),
                self.walk_en.eq(sound),
                self.walk.positives.eq(positives),
                self.walk.samples.eq(samples),
                self.walk.contexts.eq(Mux(nodes > 1, nodes - positives, 0)),
            ]
            with m.If(sound):
                m.d.sync += n.eq(n + 1)
                with m.If(complete):
                    hand_over(n + 1)
            m.next = "HEADER"

    def _table(self, m, word, header, sound, left):
        cfg = self._cfg
        column = Signal(cfg.row_bits)
        threshold = Signal(32)
        writes = Signal()
        small, inside = Signal(), Signal()
        m.d.comb += [
            self.entry_column.eq(column),
            self.entry_threshold.eq(threshold),
            self.entry_alias.eq(word),
        ]
        with m.State("TABLE"):
            fits = (header != 0) & (header <= cfg.nodes)
            m.d.sync += [sound.eq(fits), writes.eq(fits), column.eq(0)]
            with m.If(fits):
                m.d.sync += self.columns.eq(0)
            with m.If(left == 0):
                m.next = "TABLE END"
            with m.Else():
                m.next = "THRESHOLD"
        with m.State("THRESHOLD"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += threshold.eq(self.i.payload)
            with m.If(self.i.valid):
                m.next = "ALIAS"
        with m.State("ALIAS"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += word.eq(self.i.payload)
            with m.If(self.i.valid):
                m.next = "ENTRY"
        with m.State("ENTRY"):
            m.d.comb += self.entry_en.eq(writes)
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
                m.d.sync += self.columns.eq(header)
            m.next = "HEADER"
