"""A compiled core beside the model of what it answers."""

import functools

import numpy as np
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.core import OSELMCore
from skipwalk.hw.oselm.protocol import Counter, Opcode, counters_of, header
from skipwalk.sim.memory.behind import simulated
from skipwalk.sim.oselm import golden
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.verilated import VerilatedCore, compile_library

from .oselm import ReferenceCore, assert_replies

__all__ = ["Bench", "library"]


@functools.cache
def library(cfg: CoreConfig, *, quick: bool = False, stall: float = 0.0, latency: int = 0):
    """``stall`` and ``latency`` as of StallingMemory, where rows are outside."""
    core = simulated(OSELMCore(cfg), **({"stall": stall, "latency": latency} if cfg.slots else {}))
    return compile_library(build.to_verilog(core, "oselm_core"), "oselm_core", quick=quick)


class Bench:
    """Runs the same words on both. ``options`` as of VerilatedCore, ``built`` as of :func:`library`."""

    def __init__(self, cfg: CoreConfig, train=golden.train, *, timeout: int = 50_000, built=None, **options):
        self.cfg, self.options, self._train = cfg, options, train
        self.core = VerilatedCore(library(cfg, **(built or {})), timeout=timeout, **options)
        self.reference = ReferenceCore(cfg, train)

    def run(self, *words: np.ndarray) -> np.ndarray:
        """Execute on both; replies, which have been compared."""
        whole = np.concatenate(words)
        want = self.reference.execute(whole)
        got = self.core.run(whole, len(want))
        self.core.step(300)
        got = np.concatenate([got, self.core.drain()])
        assert_replies(got, want, cfg=self.cfg, options=self.options)
        return got

    def reset(self) -> None:
        """Reset the core, which forgets all but what its memories hold."""
        self.core.reset()
        state = self.reference.state
        self.reference = ReferenceCore(self.cfg, self._train)
        self.reference.state.beta, self.reference.state.p = state.beta, state.p

    def counters(self) -> dict[Counter, int]:
        words = (
            self.run(np.array([header(Opcode.GET, c) for c in counters_of(self.cfg)], np.uint32))
            .reshape(-1, 2)
            .astype(np.int64)
        )
        return {c: int(low | high << 32) for c, (low, high) in zip(counters_of(self.cfg), words, strict=True)}
