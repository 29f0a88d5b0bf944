"""Which row stands in which slot: a hash table, whose buckets are chains of slots."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import delay
from ...fabric.ram import Ram
from ...fabric.vendor import Vendor
from .config import RowsConfig

__all__ = ["Chains", "Find", "FindLayout", "FoundLayout"]


class Find(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What :class:`Chains` does."""

    FIND = 0  # -> the slot of the row, if it has one
    LINK = 1  # the row stands in the slot, which is empty
    UNLINK = 2  # -> the row that stood in the slot, if there was one; it is empty now
    LOOK = 3  # -> the row that stands in the slot, if there is one


class FindLayout(data.StructLayout):
    """A :class:`Find`."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"kind": Find, "row": cfg.row_bits, "slot": cfg.slot_bits})


class FoundLayout(data.StructLayout):
    """The answer: ``there`` is one."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"there": 1, "row": cfg.row_bits, "slot": cfg.slot_bits})


class _LinkLayout(data.StructLayout):
    """A slot, if ``there`` is one."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"slot": cfg.slot_bits, "there": 1})


class _EntryLayout(data.StructLayout):
    """The row in a slot, if it is ``taken``, and the next slot of its chain."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"row": cfg.row_bits, "next": _LinkLayout(cfg), "taken": 1})


class Chains(wiring.Component):
    """The lowest bits of a row name its bucket.

    Parameters
    ----------
    cfg : RowsConfig
    vendor, primitives
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    i : In(stream of FindLayout), o : Out(stream of FoundLayout)
        One at a time: each is answered before the next is taken.

    Timing: with memories of latency n, FIND ``n + 4 + (n + 2) * k`` cycles for a row that is the k-th of its chain,
    LINK and LOOK ``n + 4``, UNLINK of a row ``2 n + 6`` and ``n + 2`` for each one before it in the chain, each with a
    cycle in which it is taken and one in which the answer is. Nothing is taken after a reset for as many cycles as
    there are slots, rounded up to a power of two.
    Resources: two memories of as many words: a slot; a row and a slot. Each has registers on both sides, since its
    blocks may lie far apart: what is read is looked at a cycle later, and what is written goes in a cycle later, when
    the answer stands and nothing is read that counts.
    """

    def __init__(self, cfg: RowsConfig, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        self._cfg = cfg
        depth = 1 << cfg.slot_bits
        self._heads = Ram(depth, _LinkLayout(cfg).size, vendor=vendor, primitives=primitives)
        self._entries = Ram(depth, _EntryLayout(cfg).size, vendor=vendor, primitives=primitives)
        super().__init__(
            {"i": In(stream.Signature(FindLayout(cfg))), "o": Out(stream.Signature(FoundLayout(cfg)))},
        )

    def elaborate(self, platform):
        cfg, latency = self._cfg, self._entries.latency + 1
        m = Module()
        m.submodules.heads, m.submodules.entries = heads, entries = self._heads, self._entries
        head, entry = Signal(_LinkLayout(cfg), reset_less=True), Signal(_EntryLayout(cfg), reset_less=True)
        new_head, new_entry = Signal(_LinkLayout(cfg)), Signal(_EntryLayout(cfg))
        writes_head, writes_entry = Signal(), Signal()
        asked, answer = Signal(FindLayout(cfg)), Signal(FoundLayout(cfg))
        bucket, at = Signal(cfg.slot_bits), Signal(cfg.slot_bits)
        after = Signal(_LinkLayout(cfg))  # in the chain, behind the slot that leaves it
        t = Signal(range(latency + 1))
        m.d.comb += [
            heads.rd_addr.eq(bucket),
            entries.rd_addr.eq(at),
            self.o.payload.eq(answer),
        ]
        for memory, seen, writes, address, new in (
            (heads, head, writes_head, bucket, new_head),
            (entries, entry, writes_entry, at, new_entry),
        ):
            m.d.sync += seen.eq(memory.rd_data)
            m.d.comb += [
                memory.wr_en.eq(delay(m, writes, 1, name="wr_en", reset_less=False)),
                memory.wr_addr.eq(delay(m, address, 1, name="wr_addr")),
                memory.wr_data.eq(delay(m, new, 1, name="wr_data")),
            ]
        come = t == latency
        m.d.sync += t.eq(0)
        with m.FSM():
            with m.State("CLEAR"):
                m.d.comb += [writes_head.eq(1), writes_entry.eq(1)]
                m.d.sync += [bucket.eq(bucket + 1), at.eq(at + 1)]
                with m.If(at == (1 << cfg.slot_bits) - 1):
                    m.next = "IDLE"
            with m.State("IDLE"):
                given = self.i.payload
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [asked.eq(given), bucket.eq(given.row), at.eq(given.slot), answer.eq(0)]
                m.d.sync += [answer.slot.eq(given.slot), answer.row.eq(given.row)]
                with m.If(self.i.valid):
                    m.next = "READ"
            with m.State("READ"):
                m.d.sync += t.eq(Mux(come, 0, t + 1))
                with m.If(come), m.Switch(asked.kind):
                    with m.Case(Find.FIND):
                        m.d.sync += at.eq(head.slot)
                        m.next = "CHAIN"
                        with m.If(~head.there):
                            m.next = "ANSWER"
                    with m.Case(Find.LINK):
                        m.d.comb += [
                            new_entry.row.eq(asked.row),
                            new_entry.next.eq(head),
                            new_entry.taken.eq(1),
                            new_head.slot.eq(asked.slot),
                            new_head.there.eq(1),
                            writes_entry.eq(1),
                            writes_head.eq(1),
                        ]
                        m.next = "ANSWER"
                    with m.Default():
                        m.d.sync += [answer.there.eq(entry.taken), answer.row.eq(entry.row), after.eq(entry.next)]
                        m.d.sync += bucket.eq(entry.row)
                        m.next = "ANSWER"
                        with m.If((asked.kind == Find.UNLINK) & entry.taken):
                            m.d.comb += writes_entry.eq(1)  # empty
                            m.next = "HEAD"
            self._walk(
                m, come, t, (head, entry), asked, answer, at, after, (writes_head, new_head), (writes_entry, new_entry)
            )
            with m.State("ANSWER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m

    def _walk(self, m, come, t, seen, asked, answer, at, after, of_head, of_entry):
        """States that go along a chain: to find a row, or the slot before one that leaves."""
        (head, entry), (writes_head, new_head), (writes_entry, new_entry) = seen, of_head, of_entry
        with m.State("CHAIN"):
            m.d.sync += t.eq(t + 1)
            with m.If(come):
                m.d.sync += [t.eq(0), at.eq(entry.next.slot)]
                with m.If(entry.row == asked.row):
                    m.d.sync += [answer.there.eq(1), answer.slot.eq(at)]
                    m.next = "ANSWER"
                with m.Elif(~entry.next.there):
                    m.next = "ANSWER"
        with m.State("HEAD"):
            m.d.sync += t.eq(t + 1)
            with m.If(come):
                m.d.sync += [t.eq(0), at.eq(head.slot)]
                m.next = "BEFORE"
                with m.If(head.slot == asked.slot):
                    m.d.comb += [new_head.eq(after), writes_head.eq(1)]
                    m.next = "ANSWER"
        with m.State("BEFORE"):
            m.d.sync += t.eq(t + 1)
            with m.If(come):
                m.d.sync += [t.eq(0), at.eq(entry.next.slot)]
                with m.If(entry.next.slot == asked.slot):
                    m.d.comb += [new_entry.eq(entry), new_entry.next.eq(after), writes_entry.eq(1)]
                    m.next = "ANSWER"
