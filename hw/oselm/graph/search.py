"""Binary search in a neighbour list."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from .layouts import EntryLayout, address_bits
from .memory import ReadPort

__all__ = ["FoundLayout", "Search", "SoughtLayout"]


class SoughtLayout(data.StructLayout):
    """``key`` in the list of ``count`` entries from the address ``first`` on: a row, or with ``by_sum`` (only where
    edges have weights) a sum."""

    def __init__(self, cfg: CoreConfig):
        key_bits = max(cfg.row_bits, cfg.weight_bits)
        by_sum = {"by_sum": 1} if cfg.weight_bits else {}
        super().__init__({"first": address_bits(cfg), "count": cfg.row_bits, "key": key_bits, **by_sum})


class FoundLayout(data.StructLayout):
    """``index`` entries are below the key; ``entry`` is the one after these, and ``found`` tells that it has exactly
    the key. Without such an entry ``found`` is 0 and ``entry`` means nothing."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"index": cfg.row_bits, "found": 1, "entry": EntryLayout(cfg)})


class Search(wiring.Component):
    """Finds the first entry whose row, or sum, is not below a key.

    The entry that a uniform x below a row's sum falls to is the first with ``sum > x``: key ``x + 1``, by sum.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of SoughtLayout), o : Out(stream of FoundLayout)
        One at a time.
    entries : Out(ReadPort)

    Timing: at most ``bit_length(count)`` probes, fewer if one of them hits the key; a probe takes 2 cycles more than
    the memory does, and all else :data:`OVERHEAD` cycles from ``i`` to ``o``.

    Resources: no memory, no multiplier.
    """

    OVERHEAD = 3

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(SoughtLayout(cfg))),
                "o": Out(stream.Signature(FoundLayout(cfg))),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        asked, answered = self.entries.request, self.entries.response
        sought = Signal.like(self.i.payload, reset_less=True)
        # The first entry that is not below the key is in ``low`` ... ``high``; ``middle`` is probed next.
        bits = address_bits(self._cfg) + 1
        low, high, middle = (Signal(bits, reset_less=True, name=name) for name in ("low", "high", "middle"))
        # Where to go on if the entry in the middle is below the key, and if not; and whether that is the end.
        above, middle_above, middle_below = (
            Signal(bits, reset_less=True, name=name) for name in ("above", "middle_above", "middle_below")
        )
        ends_above, ends_below = Signal(reset_less=True), Signal(reset_less=True)
        below, equal = Signal(reset_less=True), Signal(reset_less=True)
        probed, entry = (Signal.like(answered.payload, reset_less=True, name=name) for name in ("probed", "entry"))
        found, index = Signal(reset_less=True), Signal.like(self.o.payload.index, reset_less=True)
        value = answered.payload.row
        if self._cfg.weight_bits:
            value = Mux(sought.by_sum, answered.payload.sum, answered.payload.row)
        m.d.sync += [
            above.eq(middle + 1),
            # These two a cycle after ``above``, at the latest when the first answer can be there.
            middle_above.eq((above + high)[1:]),
            ends_above.eq(above == high),
            middle_below.eq((low + middle)[1:]),
            ends_below.eq(middle == low),
        ]
        m.d.comb += [
            asked.payload.eq(middle),
            self.o.payload.index.eq(index),
            self.o.payload.found.eq(found),
            self.o.payload.entry.eq(entry),
        ]
        with m.FSM():
            with m.State("SOUGHT"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    sought.eq(self.i.payload),
                    low.eq(self.i.payload.first),
                    high.eq(self.i.payload.first + self.i.payload.count),
                    found.eq(0),
                ]
                with m.If(self.i.valid):
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += middle.eq((low + high)[1:])
                m.next = "INDEX"
                with m.If(sought.count != 0):
                    m.next = "PROBE"
            with m.State("PROBE"):
                m.d.comb += asked.valid.eq(1)
                with m.If(asked.ready):
                    m.next = "COMPARE"
            with m.State("COMPARE"):
                m.d.sync += [below.eq(value < sought.key), equal.eq(value == sought.key), probed.eq(answered.payload)]
                with m.If(answered.valid):
                    m.next = "HALVE"
            with m.State("HALVE"):
                m.d.sync += found.eq(equal)
                with m.If(below):
                    m.d.sync += [low.eq(above), middle.eq(middle_above)]
                with m.Else():
                    m.d.sync += [high.eq(middle), middle.eq(middle_below), entry.eq(probed)]
                    with m.If(equal):
                        m.d.sync += low.eq(middle)
                m.next = "PROBE"
                with m.If(equal | Mux(below, ends_above, ends_below)):
                    m.next = "INDEX"
            with m.State("INDEX"):
                m.d.sync += index.eq(low - sought.first)
                m.next = "FOUND"
            with m.State("FOUND"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "SOUGHT"
        return m
