"""What both schedules' sequencers have in common: their ports."""

from amaranth.hdl import signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from .config import CoreConfig
from .context_queue import ContextLayout
from .ops import ReadOp, SampleLayout, SweepOp, UpdateOp, gain_shape
from .ports import Pause, Waits

__all__ = ["sequencer_members"]


def sequencer_members(cfg: CoreConfig, pauses: bool = False) -> dict:
    """Ports of a sequencer.

    ``contexts``, ``samples``, ``g`` : streams in, of whole contexts, their samples, and gains.
    ``error_valid`` : In(1), the error of one more sample is known.
    ``drain`` : In(1), nothing will follow what is queued: finish it.
    ``idle`` : Out(1), nothing is left to issue.
    ``read``, ``update``, ``sweep`` : Out, operations for the engines, with ``scalar`` beside ``update``. No one takes
    ``sweep`` where there is no P.
    ``waits`` : Out(Waits), why nothing can be issued.
    ``pause`` : In(Pause), only with ``pauses``.
    """
    return {
        "contexts": In(stream.Signature(ContextLayout(cfg))),
        "samples": In(stream.Signature(SampleLayout(cfg))),
        "g": In(stream.Signature(gain_shape(cfg))),
        "error_valid": In(1),
        "drain": In(1),
        "idle": Out(1),
        "read": Out(ReadOp(cfg)),
        "update": Out(UpdateOp(cfg)),
        "scalar": Out(signed(cfg.gain_bits + 1) if cfg.has_p else gain_shape(cfg)),
        "sweep": Out(SweepOp(cfg)),
        "waits": Out(Waits()),
        **({"pause": In(Pause())} if pauses else {}),
    }
