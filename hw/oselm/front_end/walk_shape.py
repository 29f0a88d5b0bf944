"""What a walk of so many nodes gives: contexts, and the samples of each."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from .layouts import SamplingLayout, WalkLayout

__all__ = ["WalkShape"]


class WalkShape(wiring.Component):
    """The :class:`WalkLayout` of a walk.

    Parameters
    ----------
    cfg : CoreConfig
        With ``walks``.

    Members
    -------
    start : In(1), nodes : In
        Of the walk; both nodes and ``sampling``, which has been checked, stay until it is ``done``.
    sampling : In(SamplingLayout)
    done : Out(1), walk : Out(WalkLayout)
        High from then on, up to the next start.

    Timing: ``done`` at most ``window + 1`` cycles after ``start``.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "start": In(1),
                "nodes": In(range(cfg.max_walk + 1)),
                "sampling": In(SamplingLayout()),
                "done": Out(1),
                "walk": Out(WalkLayout(cfg)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sampling, nodes, walk = self.sampling, self.nodes, self.walk
        # Samples are counted positive by positive, which takes no multiplier.
        positives = Signal.like(walk.positives, reset_less=True)
        uncounted, samples = Signal.like(positives, reset_less=True), Signal.like(positives, reset_less=True)
        step = Signal(9, reset_less=True)
        short = Signal(reset_less=True)
        m.d.comb += [
            walk.positives.eq(positives),
            walk.samples.eq(samples),
            walk.contexts.eq(Mux(nodes > 1, nodes - positives, 0)),
        ]
        with m.FSM():
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                with m.If(self.start):
                    m.d.sync += [
                        short.eq(nodes < sampling.window),
                        step.eq(Mux(sampling.per_positive, sampling.negatives + 1, 1)),
                        samples.eq(Mux(sampling.per_positive, 0, sampling.negatives)),
                    ]
                    m.next = "POSITIVES"
            with m.State("POSITIVES"):
                some = Mux(short, nodes, sampling.window) - 1
                m.d.sync += [positives.eq(some), uncounted.eq(some)]
                m.next = "DONE"
                with m.If(nodes > 1):
                    m.next = "SAMPLES"
            with m.State("SAMPLES"):
                m.d.sync += [uncounted.eq(uncounted - 1), samples.eq(samples + step)]
                with m.If(uncounted == 1):
                    m.next = "DONE"
        return m
