"""A neighbour list gains an entry, loses one, or has its sums changed."""

from enum import IntEnum

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from .copy_pass import CopyPass
from .layouts import EntryLayout, HeaderLayout, address_bits, first_entry
from .memory import MemoryPort

__all__ = ["Change", "ChangeLayout", "ChangedLayout", "ListEditor"]


class Change(IntEnum):
    """What becomes of the entry in question."""

    INSERT = 0
    DELETE = 1
    WEIGH = 2


class ChangeLayout(data.StructLayout):
    """The list of ``header``, and the :class:`Change` at its entry ``index``. ``entry``: what is inserted; with
    ``moves`` the list goes to the room of the next class at ``fresh``. ``change``: added to the sums behind (from the
    entry on, with WEIGH), modulo ``2**weight_bits``."""

    def __init__(self, cfg: CoreConfig):
        change = {"change": cfg.weight_bits} if cfg.weight_bits else {}
        super().__init__(
            {"header": HeaderLayout(cfg), "kind": Change, "index": cfg.row_bits, "entry": EntryLayout(cfg)}
            | change
            | {"moves": 1, "fresh": cfg.place_bits}
        )


class ChangedLayout(data.StructLayout):
    """The ``header`` from now on, known; ``leaves``: the room and place of the one before are not needed any more."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"header": HeaderLayout(cfg), "leaves": 1})


class ListEditor(wiring.Component):
    """Changes one list in place, or on its way to another room.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of ChangeLayout), o : Out(stream of ChangedLayout)
        One at a time.
    entries : Out(MemoryPort)

    Timing: :data:`OVERHEAD` cycles more than :class:`~skipwalk.hw.oselm.graph.copy_pass.CopyPass` takes for the whole
    list if it moves, otherwise for what comes behind the entry.
    """

    OVERHEAD = 3

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(ChangeLayout(cfg))),
                "o": Out(stream.Signature(ChangedLayout(cfg))),
                "entries": Out(MemoryPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.copier = copier = CopyPass(cfg)
        wiring.connect(m, copier.entries, wiring.flipped(self.entries))
        wanted = Signal.like(self.i.payload, reset_less=True)
        copy, changed = Signal.like(copier.i.payload, reset_less=True), self.o.payload
        before, after = wanted.header, Signal(HeaderLayout(cfg), reset_less=True)
        leaves = Signal(reset_less=True)
        inserts, deletes = wanted.kind == Change.INSERT, wanted.kind == Change.DELETE
        m.d.comb += [copier.i.payload.eq(copy), changed.header.eq(after), changed.leaves.eq(leaves)]
        with m.FSM():
            with m.State("CHANGE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += wanted.eq(self.i.payload)
                with m.If(self.i.valid):
                    m.next = "PREPARE"
            with m.State("PREPARE"):
                first = first_entry(cfg, before.place)
                m.d.sync += [
                    copy.source.eq(first + wanted.index + deletes),
                    copy.target.eq(first + wanted.index),
                    copy.count.eq(before.degree - wanted.index - deletes),
                    copy.index.eq(0),
                    copy.insert.eq(inserts),
                    copy.entry.eq(wanted.entry),
                    after.eq(before),
                    after.known.eq(1),
                    leaves.eq(0),
                ]
                if cfg.weight_bits:
                    m.d.sync += copy.change.eq(wanted.change)
                with m.If(wanted.moves):
                    m.d.sync += [
                        copy.source.eq(first),
                        copy.target.eq(first_entry(cfg, wanted.fresh)),
                        copy.count.eq(before.degree),
                        copy.index.eq(wanted.index),
                        after.place.eq(wanted.fresh),
                        after.room.eq(before.room + 1),
                        leaves.eq(before.room != 0),
                    ]
                with m.If(inserts):
                    m.d.sync += after.degree.eq(before.degree + 1)
                with m.If(deletes):
                    m.d.sync += after.degree.eq(before.degree - 1)
                    with m.If(before.degree == 1):
                        m.d.sync += [after.place.eq(0), after.room.eq(0), leaves.eq(1)]
                m.next = "COPY"
            with m.State("COPY"):
                m.d.comb += copier.i.valid.eq(1)
                m.next = "COPIED"
            with m.State("COPIED"):
                m.d.comb += self.o.valid.eq(copier.i.ready)
                with m.If(copier.i.ready & self.o.ready):
                    m.next = "CHANGE"
        return m
