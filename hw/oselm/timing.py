"""Latencies of the OS-ELM core as formulas of its configuration: gateware and cycle formulas read the same ones.

Standard library only; tests hold the engines to them.
"""

from dataclasses import dataclass

from ..arith.latency import MULTIPLIER, RECIPROCAL
from ..fabric.ram_grid import BlockGrid
from .config import CoreConfig
from .sizes import LUT_RAM_WORDS

__all__ = ["EngineTiming"]


@dataclass(frozen=True, kw_only=True)
class EngineTiming:
    """Latencies of the engines, in cycles.

    Attributes
    ----------
    read_after_update : int
        A read issued so much later than an update sees it.
    gain_latency : int
        From the gain of a context to its first update.
    error : int
        From the last read beat of a sample until the sequencer may issue its update.
    gain : int
        From the read of a centre to its gain.
    spacing : int
        Between two sweeps over P, with a constant gain between two centres; also at least from the gain of a context to
        its updates, a sweep later.
    """

    read_after_update: int
    gain_latency: int
    error: int
    gain: int
    spacing: int

    @classmethod
    def of(cls, cfg: CoreConfig) -> "EngineTiming":
        cfg = cfg.engine
        # Groups of lanes hand the sum on, and the last one sends it back.
        along = cfg.groups + 1 if cfg.groups > 1 else 0
        dot = MULTIPLIER + (cfg.lanes // cfg.groups - 1).bit_length() + along + 1
        store = BlockGrid.cheapest(cfg.nodes * cfg.chunks, cfg.beta.bits).latency
        beats = cfg.dim * cfg.chunks
        p_store = 1 if beats <= LUT_RAM_WORDS else BlockGrid.cheapest(beats, cfg.p.bits).latency
        step = MULTIPLIER + 1
        write = step + 1
        read_to_sum = cfg.broadcast + store + dot
        if not cfg.has_p:
            # Both halves of p0 h.h one after the other, their sum, clamped; divide; only then p0 g in the multiplier.
            to_g = 1 + MULTIPLIER + 2 + RECIPROCAL
            return cls(
                read_after_update=write + 2,
                gain_latency=write,
                error=read_to_sum + 3,
                gain=cfg.chunks - 1 + read_to_sum + 1 + to_g + MULTIPLIER + 2,
                spacing=max(to_g + 1, write),
            )
        sweep_to_u = (3 + cfg.broadcast) + (step + 3) + dot + 1
        u_to_gain = MULTIPLIER + 2 + RECIPROCAL + 1
        return cls(
            read_after_update=write + 2,
            gain_latency=write,
            error=read_to_sum + 3,
            gain=beats - 1 + sweep_to_u + u_to_gain,
            spacing=max(beats, step + 4 - (step - p_store), write),
        )
