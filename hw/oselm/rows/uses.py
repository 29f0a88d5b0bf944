"""Which slots are in use, and the next one that is not."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import delay
from ...fabric.ram import Ram
from ...fabric.vendor import Vendor
from .config import RowsConfig

__all__ = ["Use", "UseLayout", "Uses"]


class Use(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What :class:`Uses` does."""

    WALK = 0  # the group that is being fetched uses a slot
    POOL = 1  # the same, and the pool holds it once more
    DROP = 2  # the pool holds it once less
    END = 3  # the next group begins
    NEXT = 4  # -> a slot that nobody uses; waits until there is one


class UseLayout(data.StructLayout):
    """A :class:`Use`."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"kind": Use, "slot": cfg.slot_bits})


class _StateLayout(data.StructLayout):
    """Number of the ``group`` that used it last, unless that is not ``recent``; how often the pool holds it."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"group": cfg.age_bits, "recent": 1, "count": cfg.count_bits})


class Uses(wiring.Component):
    """A slot is in use while the pool holds it, and from when a group uses it until that group is released. One that
    the pool drops is in use for the group before the present one, which may have drawn it.

    Parameters
    ----------
    cfg : RowsConfig
    vendor, primitives
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    i : In(stream of UseLayout), o : Out(stream of slots)
        One at a time: each is answered before the next is taken.
    release : In(1)
        The oldest group has ended, and all its updates have been written. Only after its END.
    waiting : Out(1)
        Nobody lets a slot go: the hand has been round once.

    Timing: with memories of latency n, ``n + 3`` cycles, as of Chains; NEXT ``n + 1`` more for each slot in use that it
    passes by. Nothing is taken after a reset for as many cycles as there are slots, rounded up to a power of two.
    Resources: a memory of as many words: the number of a group, a count. What is written goes in through registers, a
    cycle later, when the answer stands.
    """

    def __init__(self, cfg: RowsConfig, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        self._cfg = cfg
        self._states = Ram(1 << cfg.slot_bits, _StateLayout(cfg).size, vendor=vendor, primitives=primitives)
        super().__init__(
            {
                "i": In(stream.Signature(UseLayout(cfg))),
                "o": Out(stream.Signature(cfg.slot_bits)),
                "release": In(1),
                "waiting": Out(1),
            }
        )

    def elaborate(self, platform):
        cfg, states = self._cfg, self._states
        m = Module()
        m.submodules.states = states
        state, new = data.View(_StateLayout(cfg), states.rd_data), Signal(_StateLayout(cfg))
        kind, at = Signal(Use), Signal(cfg.slot_bits)
        hand, sweep = Signal(cfg.slot_bits), Signal(cfg.slot_bits)
        newest, oldest = Signal(cfg.age_bits), Signal(cfg.age_bits)
        passed = Signal(range(cfg.slots + 1))
        t = Signal(range(states.latency + 1))
        age, window, in_use, writes = Signal(cfg.age_bits), Signal(cfg.age_bits), Signal(), Signal()
        released = Signal()  # a cycle late, which only keeps slots longer
        m.d.sync += [released.eq(self.release), oldest.eq(oldest + released), t.eq(0)]
        m.d.comb += [
            states.rd_addr.eq(at),
            states.wr_en.eq(delay(m, writes, 1, name="wr_en", reset_less=False)),
            states.wr_addr.eq(delay(m, at, 1, name="wr_addr")),
            states.wr_data.eq(delay(m, new, 1, name="wr_data")),
            age.eq(newest - state.group),
            window.eq(newest - oldest),
            in_use.eq((state.count != 0) | (state.recent & (age <= window))),
            self.o.payload.eq(at),
            self.waiting.eq(passed == cfg.slots),
        ]

        def following(slot):
            return Mux(slot == cfg.slots - 1, 0, slot + 1)

        with m.FSM():
            with m.State("CLEAR"):
                m.d.comb += writes.eq(1)
                m.d.sync += at.eq(at + 1)
                with m.If(at == (1 << cfg.slot_bits) - 1):
                    m.next = "IDLE"
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [kind.eq(self.i.payload.kind), at.eq(self.i.payload.slot), passed.eq(0)]
                with m.Switch(self.i.payload.kind):
                    with m.Case(Use.END):
                        m.d.sync += at.eq(sweep)
                    with m.Case(Use.NEXT):
                        m.d.sync += at.eq(hand)
                with m.If(self.i.valid):
                    m.next = "READ"
            with m.State("READ"):
                m.d.sync += t.eq(t + 1)
                with m.If(t == states.latency):
                    m.d.sync += t.eq(0)
                    m.d.comb += [new.eq(state), new.recent.eq(1)]
                    m.next = "ANSWER"
                    with m.Switch(kind):
                        with m.Case(Use.WALK, Use.POOL):
                            m.d.comb += [writes.eq(1), new.group.eq(newest)]
                            m.d.comb += new.count.eq(state.count + (kind == Use.POOL))
                        with m.Case(Use.DROP):
                            m.d.comb += [writes.eq(1), new.count.eq(state.count - 1)]
                            with m.If(~state.recent | (age != 0)):
                                m.d.comb += new.group.eq(newest - 1)
                        with m.Case(Use.END):
                            # One slot a group: what nobody uses is not recent, before numbers come again.
                            m.d.comb += [writes.eq(1), new.recent.eq(state.recent & in_use)]
                            m.d.sync += [sweep.eq(following(sweep)), newest.eq(newest + 1)]
                        with m.Case(Use.NEXT):
                            m.d.sync += hand.eq(following(at))
                            with m.If(in_use):
                                m.d.sync += [at.eq(following(at)), passed.eq(passed + ~self.waiting)]
                                m.next = "READ"
            with m.State("ANSWER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
