"""A row of the graph, or one of its neighbours: as likely a negative as not."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...arith.share import Share
from ...fabric.pipeline import delay
from ..config import CoreConfig
from .layouts import EntryLayout, HeaderLayout, address_bits, first_entry
from .ports import FixedRead

__all__ = ["NeighbourChoice"]


class NeighbourChoice(wiring.Component):
    """``row`` if bit 0 of ``bits`` is 0 or the row has no neighbour, else its neighbour ``(bits * degree) >> 32``.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.
    header_latency, entry_latency : int
        Of the graph store, from a read to its word.
    primitives : bool
        As :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    en : In(1), row : In, bits : In(32)
        Taken every cycle; ``en``: the choice is wanted, the graph may be read for it.
    o : Out
        The choice :attr:`latency` cycles later.
    headers, entries : Out(FixedRead)

    Timing: one choice a cycle; no reset. Resources: those of a Share of a degree.
    """

    _ADDRESS = 1
    _CHOOSE = 1

    def __init__(self, cfg: CoreConfig, *, header_latency: int, entry_latency: int, primitives: bool = False):
        self._cfg = cfg
        self._header_latency, self._entry_latency = header_latency, entry_latency
        self._share = Share(cfg.row_bits, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "en": In(1),
                "row": In(cfg.row_bits),
                "bits": In(32),
                "o": Out(cfg.row_bits),
                "headers": Out(FixedRead(cfg.row_bits, HeaderLayout(cfg))),
                "entries": Out(FixedRead(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``row`` and ``bits`` to ``o``."""
        return self._header_latency + self._share.latency + self._ADDRESS + self._entry_latency + self._CHOOSE

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.share = share = self._share
        header = self.headers.word
        bits = delay(m, self.bits, self._header_latency, name="bits")
        en = delay(m, self.en, self._header_latency, name="en", reset_less=False)
        place = delay(m, header.place, share.latency, name="place")
        wanted = delay(m, en & bits[0] & (header.degree != 0), share.latency, name="wanted", reset_less=False)
        address = Signal(address_bits(cfg), reset_less=True)
        reads = Signal()
        m.d.sync += [address.eq(first_entry(cfg, place) + share.o), reads.eq(wanted)]
        own = delay(m, self.row, self.latency - self._CHOOSE, name="own")
        chooses = delay(m, reads, self._entry_latency, name="chooses")
        choice = Signal(cfg.row_bits, reset_less=True)
        m.d.sync += choice.eq(Mux(chooses, self.entries.word.row, own))
        m.d.comb += [
            self.headers.en.eq(self.en),
            self.headers.address.eq(self.row),
            share.bits.eq(bits),
            share.n.eq(header.degree),
            self.entries.en.eq(reads),
            self.entries.address.eq(address),
            self.o.eq(choice),
        ]
        return m
