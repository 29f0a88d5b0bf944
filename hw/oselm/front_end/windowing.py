"""Contexts out of walks: in which order, and item by item."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ..config import CoreConfig
from .layouts import WalkAddress, WalkLayout, slot_bits
from .ports import GroupDraws, GroupUse, ItemPlaces, NewNumber

__all__ = ["Windowing"]


class _ContextLayout(data.StructLayout):
    """A context to be made: where its centre stands, what its walk gives, and the number of the walk."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"centre": WalkAddress(cfg), "walk": WalkLayout(cfg), "number": 32})


class Windowing(wiring.Component):
    """The order of :mod:`skipwalk.sw.graph.contexts`: the walks of a group take turns, context by context; each context
    is its centre, its positives, then its negatives, which are only numbered here.

    Two machines: one looks for the next context, the other gives the items of the present one, one a cycle.

    Parameters
    ----------
    cfg : CoreConfig

    Members
    -------
    groups : Out(GroupUse)
        Walks, group by group.
    next_walk : In(NewNumber)
        Number of the next group's first walk; only while there are no walks.
    items : Out(ItemPlaces)
        Items in order.
    draws : Out(GroupDraws)
        Only with ``cfg.pool``: before the contexts of a group are looked for.
    busy : Out(1)
        There is still something to be done, ``groups.full`` aside.

    Timing: one item a cycle, also from context to context and from group to group, as long as the next context is
    found in time: that takes 3 cycles, and 3 more for each walk that has no context left. A context whose nodes are not
    there is looked for every 3 cycles. With a pool the contexts of a group are looked for once those of the last one
    have been given, and ``draws`` are done.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        draws = {"draws": Out(GroupDraws(cfg))} if cfg.pool else {}
        super().__init__(
            {
                "groups": Out(GroupUse(cfg)),
                "next_walk": In(NewNumber()),
                "items": Out(ItemPlaces(cfg)),
                **draws,
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
        if cfg.pool:
            # The last negative looks into the pool a cycle after it was given; the first new one may not meet it there.
            m.d.comb += self.draws.clear.eq(~valid & ~giving & ~self.items.valid)
        # A group is in use until its last item has been given.
        for i in range(2):
            ahead = valid & (context.centre.group == i)
            m.d.comb += self.groups.free[i].eq(done[i] & ~ahead & ~(giving & (group == i)))
            with m.If(self.groups.free[i]):
                m.d.sync += done[i].eq(0)
        m.d.comb += self.busy.eq(seeking | valid | giving | self.items.valid | done.any())
        return m

    def _seek(self, m, context, valid, take, done):
        """Finds the next context; returns whether it is at work."""
        cfg = self._cfg
        slots = slot_bits(cfg)
        group = Signal()
        slot = Signal(slots)
        t = Signal(range(cfg.max_walk + 1))
        first = Signal(32)  # number of the group's first walk
        number = Signal(32, reset_less=True)
        walk = Signal(WalkLayout(cfg), reset_less=True)
        here, again, last, more = Signal(), Signal(), Signal(), Signal()
        there, enough = Signal.like(self.groups.there, reset_less=True), Signal()
        walks = Signal(range(cfg.walks + 1))
        m.d.comb += self.groups.walk_address.eq(slot | group << slots)
        m.d.sync += walks.eq(Mux(group, *reversed(list(self.groups.walks))))
        with m.If(self.next_walk.en):
            m.d.sync += first.eq(self.next_walk.value)
        with m.If(take):
            m.d.sync += valid.eq(0)
        with m.FSM() as fsm:
            with m.State("WAIT"):
                m.d.sync += [slot.eq(0), t.eq(0), more.eq(0)]
                with m.If((self.groups.full & ~done).bit_select(group, 1)):
                    m.next = "DRAW" if cfg.pool else "LOOK"
            if cfg.pool:
                with m.State("DRAW"):
                    m.d.comb += [self.draws.wanted.eq(1), self.draws.first.eq(first), self.draws.walks.eq(walks)]
                    with m.If(self.draws.done):
                        m.next = "LOOK"
            with m.State("LOOK"):
                m.d.sync += [walk.eq(self.groups.walk), there.eq(self.groups.there), number.eq(first + slot)]
                m.next = "COMPARE"
            with m.State("COMPARE"):
                m.d.sync += [
                    here.eq(t < walk.contexts),
                    again.eq(t + 1 < walk.contexts),
                    enough.eq(t + walk.positives < there),
                    last.eq(slot + 1 == walks),
                ]
                m.next = "DECIDE"
            with m.State("DECIDE"):
                with m.If(here & ~enough):
                    m.next = "LOOK"
                with m.Elif(~here | ~valid):
                    with m.If(here):
                        m.d.sync += [
                            valid.eq(1),
                            context.centre.index.eq(t),
                            context.centre.slot.eq(slot),
                            context.centre.group.eq(group),
                            context.walk.eq(walk),
                            context.number.eq(number),
                        ]
                    m.d.sync += [slot.eq(slot + 1), more.eq(more | again)]
                    m.next = "LOOK"
                    with m.If(last):
                        m.d.sync += [slot.eq(0), t.eq(t + 1), more.eq(0)]
                        with m.If(~more & ~again):
                            m.next = "END"
            with m.State("END"):
                m.d.sync += [done.bit_select(group, 1).eq(1), group.eq(~group), first.eq(first + walks)]
                m.next = "WAIT"
            return ~fsm.ongoing("WAIT")

    def _give(self, m, context, valid, take):
        """Gives the items of a context; returns its group, and whether there is one."""
        cfg, items = self._cfg, self.items
        giving, centre, negative = Signal(), Signal(), Signal()
        address = Signal(WalkAddress(cfg), reset_less=True)
        t, number = Signal(clog2(cfg.max_walk), reset_less=True), Signal(32, reset_less=True)
        j = Signal(16, reset_less=True)
        # What comes after this item: positives and samples; flags, so that no comparison is waited for.
        positives = Signal(context.walk.positives.shape(), reset_less=True)
        samples = Signal.like(positives)
        last_positive, last = Signal(reset_less=True), Signal(reset_less=True)

        give = Signal()
        m.d.comb += [give.eq(giving & items.go), take.eq(valid & (~giving | (items.go & last)))]
        with m.If(give):
            m.d.sync += [
                address.index.eq(address.index + 1),
                centre.eq(0),
                positives.eq(positives - 1),
                last_positive.eq(positives == 1),
                samples.eq(samples - 1),
                last.eq(samples == 1),
                negative.eq(negative | last_positive),
                giving.eq(~last),
            ]
            with m.If(negative):
                m.d.sync += j.eq(j + 1)
        with m.If(take):
            m.d.sync += [
                giving.eq(1),
                address.eq(context.centre),
                t.eq(context.centre.index),
                number.eq(context.number),
                j.eq(0),
                positives.eq(context.walk.positives),
                samples.eq(context.walk.samples),
                last_positive.eq(0),
                last.eq(0),
                centre.eq(1),
                negative.eq(0),
            ]
        m.d.sync += [
            items.valid.eq(give),
            items.centre.eq(centre),
            items.negative.eq(negative),
            items.ends.eq(last),
            items.address.eq(address),
            items.counter.eq(Cat(j, t, Const(0, 16 - len(t)), number)),
        ]
        return address.group, giving
