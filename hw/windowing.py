"""Contexts out of walks: in which order, and item by item."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .config import CoreConfig
from .pipeline import clog2
from .walk_loader import SamplingLayout, WalkAddress, WalkLayout

__all__ = ["Windowing"]


class _ContextLayout(data.StructLayout):
    """A context to be made: its centre, its number of positives, the number of its walk and its own number in it."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "centre": WalkAddress(cfg),
                "positives": clog2(cfg.max_samples + 1),
                "walk": 32,
            }
        )


class Windowing(wiring.Component):
    """The order of :mod:`skipwalk.sw.contexts`: the walks of a group take turns, context by context; each context is
    its centre, its positives, then its negatives, which are only numbered here.

    Two machines: one looks for the next context, the other gives the items of the present one, one a cycle.

    Parameters
    ----------
    cfg : CoreConfig

    Members
    -------
    sampling : In(SamplingLayout)
        Steady while there are walks.
    full, walks : In, free : Out(2)
        As in :class:`~skipwalk.hw.walk_loader.WalkLoader`.
    walk_address : Out, walk : In(WalkLayout)
        Asks for a walk of the group; answered in the same cycle.
    next_walk : In(32), set_next_walk : In(1)
        Number of the next group's first walk; only while there are no walks.
    go : In(1)
        The next item may be given.
    valid : Out(1)
        There is an item, with:
    centre, negative, ends : Out(1)
        It is the centre or a negative (else a positive), and the last one of its context.
    address : Out(WalkAddress)
        Where the centre or positive stands.
    counter : Out(64)
        Of a negative: number of the walk << 32 | of the context << 16 | of the negative.
    busy : Out(1)
        There is still something to be done, ``full`` aside.

    Timing: one item a cycle, also from context to context and from group to group, as long as the next context is
    found in time: that takes 2 cycles, and 2 more for each walk that has no context left.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "sampling": In(SamplingLayout()),
                "full": In(2),
                "walks": In(range(cfg.walks + 1)).array(2),
                "free": Out(2),
                "walk_address": Out(clog2(cfg.walks) + 1),
                "walk": In(WalkLayout(cfg)),
                "next_walk": In(32),
                "set_next_walk": In(1),
                "go": In(1),
                "valid": Out(1),
                "centre": Out(1),
                "negative": Out(1),
                "ends": Out(1),
                "address": Out(WalkAddress(cfg)),
                "counter": Out(64),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        context, valid, take = Signal(_ContextLayout(cfg), reset_less=True), Signal(), Signal()
        done = Signal(2)  # groups of which all contexts have been found
        seeking = self._seek(m, context, valid, take, done)
        group, giving = self._give(m, context, valid, take)
        # A group is in use until its last item has been given.
        for i in range(2):
            ahead = valid & (context.centre.group == i)
            m.d.comb += self.free[i].eq(done[i] & ~ahead & ~(giving & (group == i)))
            with m.If(self.free[i]):
                m.d.sync += done[i].eq(0)
        m.d.comb += self.busy.eq(seeking | valid | giving | self.valid | done.any())
        return m

    def _seek(self, m, context, valid, take, done):
        """Finds the next context; returns whether it is at work."""
        cfg = self._cfg
        slots = clog2(cfg.walks)
        group = Signal()
        slot = Signal(slots)
        t = Signal(range(cfg.max_walk + 1))
        first = Signal(32)  # number of the group's first walk
        walk = Signal(WalkLayout(cfg), reset_less=True)
        here, again, last, more = Signal(), Signal(), Signal(), Signal()
        walks = Signal(range(cfg.walks + 1))
        m.d.comb += [self.walk_address.eq(slot | group << slots), walks.eq(Mux(group, *reversed(list(self.walks))))]
        with m.If(self.set_next_walk):
            m.d.sync += first.eq(self.next_walk)
        with m.If(take):
            m.d.sync += valid.eq(0)
        with m.FSM() as fsm:
            with m.State("WAIT"):
                m.d.sync += [slot.eq(0), t.eq(0), more.eq(0)]
                with m.If((self.full & ~done).bit_select(group, 1)):
                    m.next = "LOOK"
            with m.State("LOOK"):
                m.d.sync += [
                    walk.eq(self.walk),
                    here.eq(t < self.walk.contexts),
                    again.eq(t + 1 < self.walk.contexts),
                    last.eq(slot + 1 == walks),
                ]
                m.next = "DECIDE"
            with m.State("DECIDE"):
                with m.If(~here | ~valid | take):
                    with m.If(here):
                        m.d.sync += [
                            valid.eq(1),
                            context.centre.index.eq(t),
                            context.centre.slot.eq(slot),
                            context.centre.group.eq(group),
                            context.positives.eq(walk.positives),
                            context.walk.eq(first + slot),
                        ]
                    m.d.sync += [slot.eq(slot + 1), more.eq(more | again)]
                    m.next = "LOOK"
                    with m.If(last):
                        m.d.sync += [slot.eq(0), t.eq(t + 1), more.eq(0)]
                        with m.If(~more & ~again):
                            m.d.sync += [done.bit_select(group, 1).eq(1), group.eq(~group), first.eq(first + walks)]
                            m.next = "WAIT"
            return ~fsm.ongoing("WAIT")

    def _give(self, m, context, valid, take):
        """Gives the items of a context; returns its group, and whether there is one."""
        cfg, sampling = self._cfg, self.sampling
        present = Signal(_ContextLayout(cfg), reset_less=True)
        giving, centre, negative = Signal(), Signal(), Signal()
        address = Signal(WalkAddress(cfg), reset_less=True)
        positives = Signal(present.positives.shape(), reset_less=True)  # still to come after this one
        negatives = Signal(8, reset_less=True)  # the same, of this round
        rounds = Signal.like(positives)  # the same
        j = Signal(16, reset_less=True)
        some = Signal()  # any negatives at all
        m.d.sync += some.eq(sampling.negatives != 0)

        give, ends, to_negatives = Signal(), Signal(), Signal()
        no_positives, no_negatives = positives == 0, (negatives == 0) & (rounds == 0)
        m.d.comb += [
            give.eq(giving & self.go),
            to_negatives.eq(~centre & ~negative & no_positives & some),
            ends.eq(~centre & Mux(negative, no_negatives, no_positives & ~some)),
            take.eq(valid & (~giving | (give & ends))),
        ]
        with m.If(give):
            m.d.sync += [address.index.eq(address.index + 1), centre.eq(0)]
            with m.If(~centre & ~negative):
                m.d.sync += positives.eq(positives - 1)
            with m.If(to_negatives):
                m.d.sync += [
                    negative.eq(1),
                    negatives.eq(sampling.negatives - 1),
                    rounds.eq(Mux(sampling.per_positive, present.positives - 1, 0)),
                    j.eq(0),
                ]
            with m.If(negative):
                m.d.sync += [j.eq(j + 1), negatives.eq(negatives - 1)]
                with m.If(negatives == 0):
                    m.d.sync += [negatives.eq(sampling.negatives - 1), rounds.eq(rounds - 1)]
            with m.If(ends):
                m.d.sync += giving.eq(0)
        with m.If(take):
            m.d.sync += [
                giving.eq(1),
                present.eq(context),
                address.eq(context.centre),
                positives.eq(context.positives - 1),
                centre.eq(1),
                negative.eq(0),
            ]

        index = present.centre.index
        m.d.sync += [
            self.valid.eq(give),
            self.centre.eq(centre),
            self.negative.eq(negative),
            self.ends.eq(ends),
            self.address.eq(address),
            self.counter.eq(Cat(j, index, Const(0, 16 - len(index)), present.walk)),
        ]
        return present.centre.group, giving
