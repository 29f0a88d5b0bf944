"""Slots for rows: finds them, or gives them, and says what has to be moved."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.vendor import Vendor
from .chains import Chains, Find
from .config import RowsConfig
from .layouts import JobLayout, Kind, OpLayout
from .uses import Use, Uses

__all__ = ["RowDirectory"]


class RowDirectory(wiring.Component):
    """Executes :class:`~skipwalk.hw.oselm.rows.layouts.Kind` one after another.

    Parameters
    ----------
    cfg : RowsConfig
    vendor, primitives
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    ops : In(stream of OpLayout)
    slots : Out(stream of slots)
        For WALK and POOL, in order; the row need not be there yet.
    jobs : Out(stream of JobLayout)
        Rows to be moved, in order; END and FLUSH end with a ``mark``.
    release : In(1), waiting : Out(1)
        As of :class:`~skipwalk.hw.oselm.rows.uses.Uses`.

    Timing: two or five commands to :class:`~skipwalk.hw.oselm.rows.chains.Chains` and Uses, and 2 cycles for each: with
    memories of latency 2 a row that has a slot takes about 17 cycles, another one 42. Resources: those of both.
    """

    def __init__(self, cfg: RowsConfig, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        self._cfg = cfg
        self._chains = Chains(cfg, vendor=vendor, primitives=primitives)
        self._uses = Uses(cfg, vendor=vendor, primitives=primitives)
        super().__init__(
            {
                "ops": In(stream.Signature(OpLayout(cfg))),
                "slots": Out(stream.Signature(cfg.slot_bits)),
                "jobs": Out(stream.Signature(JobLayout(cfg))),
                "release": In(1),
                "waiting": Out(1),
            }
        )

    def elaborate(self, platform):
        cfg, chains, uses = self._cfg, self._chains, self._uses
        m = Module()
        m.submodules.chains, m.submodules.uses = chains, uses
        op, slot, job = Signal(OpLayout(cfg)), Signal(cfg.slot_bits), Signal(JobLayout(cfg))
        m.d.comb += [
            uses.release.eq(self.release),
            self.waiting.eq(uses.waiting),
            chains.i.payload.row.eq(op.row),
            chains.i.payload.slot.eq(slot),
            uses.i.payload.slot.eq(slot),
            self.slots.payload.eq(slot),
            self.jobs.payload.eq(job),
        ]

        def ask(state: str, part, kind, answered: str) -> None:
            """The part does something; its answer is looked at in the state ``answered``."""
            with m.State(state):
                m.d.comb += [part.i.valid.eq(1), part.i.payload.kind.eq(kind)]
                with m.If(part.i.ready):
                    m.next = answered

        with m.FSM():
            with m.State("IDLE"):
                given = self.ops.payload
                m.d.comb += self.ops.ready.eq(1)
                m.d.sync += [op.eq(given), slot.eq(given.row), job.eq(0)]
                with m.If(self.ops.valid), m.Switch(given.kind):
                    with m.Case(Kind.WALK, Kind.POOL):
                        m.next = "FIND"
                    with m.Case(Kind.DROP):
                        m.next = "DROP"
                    with m.Case(Kind.END):
                        m.next = "END"
                    with m.Case(Kind.FLUSH):
                        m.d.sync += slot.eq(0)
                        m.next = "LOOK"
            ask("FIND", chains, Find.FIND, "FOUND")
            with m.State("FOUND"):
                m.d.comb += chains.o.ready.eq(1)
                m.d.sync += slot.eq(chains.o.payload.slot)
                with m.If(chains.o.valid):
                    m.next = "NEXT"
                    with m.If(chains.o.payload.there):
                        m.next = "WALK"
            ask("NEXT", uses, Use.NEXT, "GIVEN")
            with m.State("GIVEN"):
                m.d.comb += uses.o.ready.eq(1)
                m.d.sync += slot.eq(uses.o.payload)
                with m.If(uses.o.valid):
                    m.next = "UNLINK"
            ask("UNLINK", chains, Find.UNLINK, "UNLINKED")
            self._move(m, ask, op, slot, job)
            with m.State("WALK"):
                m.d.comb += [uses.i.valid.eq(1), uses.i.payload.kind.eq(Use.WALK)]
                with m.If(op.kind == Kind.POOL):
                    m.d.comb += uses.i.payload.kind.eq(Use.POOL)
                with m.If(uses.i.ready):
                    m.next = "USED"
            ask("DROP", uses, Use.DROP, "USED")
            ask("END", uses, Use.END, "USED")
            with m.State("USED"):
                m.d.comb += uses.o.ready.eq(1)
                with m.If(uses.o.valid), m.Switch(op.kind):
                    with m.Case(Kind.WALK, Kind.POOL):
                        m.next = "SLOT"
                    with m.Case(Kind.DROP):
                        m.next = "IDLE"
                    with m.Default():
                        m.d.sync += job.mark.eq(1)
                        m.next = "MARK"
            with m.State("SLOT"):
                m.d.comb += self.slots.valid.eq(1)
                with m.If(self.slots.ready):
                    m.next = "IDLE"
        return m

    def _move(self, m, ask, op, slot, job):
        """States with jobs: a row comes into a slot; all rows go to memory; a mark."""
        cfg, found = self._cfg, self._chains.o
        with m.State("UNLINKED"):
            m.d.comb += found.ready.eq(1)
            m.d.sync += [
                job.evict.eq(found.payload.there),
                job.out.eq(found.payload.row),
                job.row.eq(op.row),
                job.slot.eq(slot),
                job.fill.eq(1),
            ]
            with m.If(found.valid):
                m.next = "LINK"
        ask("LINK", self._chains, Find.LINK, "LINKED")
        with m.State("LINKED"):
            m.d.comb += found.ready.eq(1)
            with m.If(found.valid):
                m.next = "MOVE"
        ask("LOOK", self._chains, Find.LOOK, "SEEN")
        with m.State("SEEN"):
            m.d.comb += found.ready.eq(1)
            m.d.sync += [job.evict.eq(found.payload.there), job.out.eq(found.payload.row), job.slot.eq(slot)]
            with m.If(found.valid):
                m.next = "MOVE"
        with m.State("MOVE"):
            m.d.comb += self.jobs.valid.eq(job.evict | job.fill)
            with m.If(self.jobs.ready | ~self.jobs.valid):
                m.next = "WALK"
                with m.If(op.kind == Kind.FLUSH):
                    m.d.sync += slot.eq(slot + 1)
                    m.next = "LOOK"
                    with m.If(slot == cfg.slots - 1):
                        m.d.sync += job.eq(0)
                        m.d.sync += job.mark.eq(1)
                        m.next = "MARK"
        with m.State("MARK"):
            m.d.comb += self.jobs.valid.eq(1)
            with m.If(self.jobs.ready):
                m.next = "IDLE"
