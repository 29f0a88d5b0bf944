"""Activations: those of the samples in flight, twice, and the Skip-Cache."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2, delay, times
from ..fabric.ram import Ram
from .config import LoraConfig
from .ops import RINGS, ring_words
from .ports import Activations

__all__ = ["ActivationAddress", "ActivationStore"]


class ActivationAddress(data.StructLayout):
    """A word of activations: ``x`` of the sample in entry ``ring``."""

    def __init__(self, cfg: LoraConfig):
        super().__init__({"ring": clog2(RINGS), "x": clog2(cfg.x_words)})


class ActivationStore(wiring.Component):
    """Rings of the last ``RINGS`` samples' activations with two read ports, and the Skip-Cache behind them.

    Parameters
    ----------
    cfg : LoraConfig
    primitives : bool
        As in :class:`Ram`.

    Members
    -------
    x : In(Activations)
        What is written: into rings and Skip-Cache, and from the one into the other.
    behind_at, ahead_at : In(ActivationAddress), behind, ahead : Out(ArrayLayout(x_bits, lanes))
        Two words of the rings, :attr:`latency` cycles after their addresses.

    Timing: a word is written, copied and read twice in each cycle.

    Resources: for each group of lanes that fills 32 bits, twice ``RINGS * x_words`` words of 32 bits, in LUT RAM if
    that holds so many, and ``cache_samples * x_words`` of block RAM.
    """

    def __init__(self, cfg: LoraConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        # The lanes whose activations share a word of the host share memories as well: block RAM is 36 bits wide.
        self._packed = 32 // cfg.x_bits
        groups = range(cfg.lanes // self._packed)
        style = "distributed" if ring_words(cfg) <= Ram.MAX_DISTRIBUTED else "block"
        self._ahead = [Ram(ring_words(cfg), 32, style=style, **kind) for _ in groups]
        self._behind = [Ram(ring_words(cfg), 32, style=style, **kind) for _ in groups]
        self._cache = [Ram(cfg.cache_samples * cfg.x_words, 32, **kind) for _ in groups]
        word = data.ArrayLayout(cfg.x_bits, cfg.lanes)
        super().__init__(
            {
                "x": In(Activations(cfg)),
                "behind_at": In(ActivationAddress(cfg)),
                "ahead_at": In(ActivationAddress(cfg)),
                "behind": Out(word),
                "ahead": Out(word),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from an address to its word."""
        # What LUT RAM gives is registered.
        return self._ahead[0].latency or 1

    @property
    def cache_latency(self) -> int:
        """Cycles from ``x.cache_rd_addr`` to the word that ``x.copy`` takes."""
        return self._cache[0].latency

    def elaborate(self, platform):
        cfg, x = self._cfg, self.x
        m = Module()
        for name in ("ahead", "behind", "cache"):
            for i, ram in enumerate(getattr(self, f"_{name}")):
                m.submodules[f"{name}_{i}"] = ram
        for group, cache in enumerate(self._cache):
            staged = [Signal(cfg.x_bits, name=f"staged_{group}_{i}", reset_less=True) for i in range(self._packed)]
            for i, element in enumerate(staged):
                with m.If(x.group & (x.select == group)):
                    m.d.sync += element.eq(x.data.word_select(i, cfg.x_bits))
                with m.Elif(x.one & (x.select == group * self._packed + i)):
                    m.d.sync += element.eq(x.data)
                with m.Elif(x.ring):
                    m.d.sync += element.eq(0)
            m.d.comb += [
                cache.wr_en.eq(x.cache),
                cache.wr_addr.eq(x.cache_addr),
                cache.wr_data.eq(Cat(staged)),
                cache.rd_addr.eq(x.cache_rd_addr),
            ]
            for ring, at, out, name in (
                (self._ahead[group], self.ahead_at, self.ahead, "ahead"),
                (self._behind[group], self.behind_at, self.behind, "behind"),
            ):
                word = delay(m, ring.rd_data, self.latency - ring.latency, name=f"{name}_word_{group}")
                lanes = slice(group * self._packed * cfg.x_bits, (group + 1) * self._packed * cfg.x_bits)
                m.d.comb += [
                    ring.wr_en.eq(x.ring | x.copy),
                    ring.wr_addr.eq(x.ring_addr),
                    ring.wr_data.eq(Mux(x.copy, cache.rd_data, Cat(staged))),
                    ring.rd_addr.eq(times(at.ring, cfg.x_words) + at.x),
                    out.as_value()[lanes].eq(word),
                ]
        return m
