"""Shares of a whole number by a draw, and whether a draw accepts its candidate: one pipeline for all walkers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ...arith.share import Share
from ...fabric.pipeline import delay
from ...fabric.shared import QueryPort
from ..config import CoreConfig

__all__ = ["CASES", "CandidateLayout", "Candidates", "TrialLayout", "share_bits"]

#: Kinds of a step: back to the previous node, near (to one of its neighbours), or far from it.
CASES = 3


def share_bits(cfg: CoreConfig) -> int:
    """Width of what shares are taken of: a degree, a sum of weights, or the span of a first value (17 bits)."""
    return max(17, cfg.row_bits, cfg.weight_bits)


class TrialLayout(data.StructLayout):
    """A draw, and ``n``, of which its upper half takes a share."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"bits": 64, "n": share_bits(cfg)})


class CandidateLayout(data.StructLayout):
    """The ``share``, and whether the draw's lower half accepts a step of each of the :data:`CASES`."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"share": share_bits(cfg), "accepts": CASES})


class Candidates(wiring.Component):
    """``share = ((bits >> 32) * n) >> 32``, ``accepts[k] = (bits & 0xffffffff) <= limits[k]``.

    Parameters
    ----------
    cfg : CoreConfig
    primitives : bool
        As :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    limits : In(ArrayLayout(32, CASES))
        Steady while a trial is under way.
    port : In(QueryPort(TrialLayout, CandidateLayout))
        Always ready.

    Timing: a trial a cycle, :attr:`latency` cycles each. Resources: those of a Share of :func:`share_bits`.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._share = Share(share_bits(cfg), vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "limits": In(data.ArrayLayout(32, CASES)),
                "port": In(QueryPort(TrialLayout(cfg), CandidateLayout(cfg))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a trial to its candidate."""
        return self._share.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.share = share = self._share
        request, response = self.port.request, self.port.response
        trial = request.payload
        low = Signal(32, reset_less=True)
        accepts = Signal(CASES, reset_less=True)
        m.d.sync += [low.eq(trial.bits[:32]), accepts.eq(Cat(low <= limit for limit in self.limits))]
        m.d.comb += [
            request.ready.eq(1),
            share.bits.eq(trial.bits[32:]),
            share.n.eq(trial.n),
            response.valid.eq(delay(m, request.valid, share.latency, name="valid", reset_less=False)),
            response.payload.share.eq(share.o),
            response.payload.accepts.eq(delay(m, accepts, share.latency - 2, name="accepts")),
        ]
        return m
