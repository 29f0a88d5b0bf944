"""What the sequencer tells the engines to do: the payloads between the two."""

from amaranth.hdl import Shape, signed, unsigned
from amaranth.lib import data, enum

from ..fabric.pipeline import clog2
from .config import CoreConfig
from .sizes import CONTEXT_SLOTS

__all__ = [
    "HostOp",
    "ReadKind",
    "ReadOp",
    "SampleLayout",
    "SweepOp",
    "UpdateKind",
    "UpdateOp",
    "gain_shape",
    "lane_bits",
]


class ReadKind(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What becomes of a row that is read."""

    CENTRE = 0  # it is h of a context
    SAMPLE = 1  # h.beta[s], and the row waits for its update
    HOST = 2  # it leaves through the read chain
    REPEAT = 3  # nothing is read: the row was read earlier in the same context, and so was its product with h


class UpdateKind(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What the update multipliers do with a scalar."""

    UPDATE = 0  # beta[s] <- beta[s] + e k
    GAIN = 1  # k <- g u; with a constant gain, k <- f h
    HOST = 2  # one lane of a row is replaced by the scalar
    FILL = 3  # a row is replaced, chunk by chunk, by what has come from memory


def lane_bits(cfg: CoreConfig) -> int:
    return max(1, clog2(cfg.lanes))


def gain_shape(cfg: CoreConfig) -> Shape:
    """Of what u is multiplied by to become k, or with a constant gain h."""
    return unsigned(cfg.gain_bits) if cfg.has_p else signed(cfg.p_view.bits)


def _chunk_bits(cfg: CoreConfig) -> int:
    return max(1, clog2(cfg.chunks))


class SampleLayout(data.StructLayout):
    """A sample on its way: ``row``, ``label``, its number ``n`` modulo the ring, and the latest earlier entry of the
    same row (``hit``, ``source``) if one is within the hazard window; ``repeat`` if it is in the same context."""

    def __init__(self, cfg: CoreConfig):
        ring = clog2(cfg.ring)
        super().__init__({"row": cfg.row_bits, "label": 1, "n": ring, "hit": 1, "source": ring, "repeat": 1})


class ReadOp(data.StructLayout):
    """Read chunk ``chunk`` of ``row``. ``context`` is the slot of h; ``n`` and ``label`` matter for a sample,
    ``source`` for a repeated one."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "valid": 1,
                "kind": ReadKind,
                "row": cfg.row_bits,
                "chunk": _chunk_bits(cfg),
                "context": clog2(CONTEXT_SLOTS),
                "n": clog2(cfg.ring),
                "label": 1,
                "source": clog2(cfg.ring),
            }
        )


class UpdateOp(data.StructLayout):
    """Update chunk ``chunk``: of ``row`` with the error of entry ``n`` and the k of ``context`` (the row as it waits,
    or if ``hit`` the result of entry ``source``); or of k of ``context``; or ``lane`` of ``row`` for the host."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "valid": 1,
                "kind": UpdateKind,
                "row": cfg.row_bits,
                "chunk": _chunk_bits(cfg),
                "context": clog2(CONTEXT_SLOTS),
                "n": clog2(cfg.ring),
                "hit": 1,
                "source": clog2(cfg.ring),
                "lane": lane_bits(cfg),
            }
        )


class SweepOp(data.StructLayout):
    """Start a sweep over P: apply the update of context ``before`` and/or multiply by h of context ``ahead``."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "valid": 1,
                "update": 1,
                "forward": 1,
                "before": clog2(CONTEXT_SLOTS),
                "ahead": clog2(CONTEXT_SLOTS),
            }
        )


class HostOp(data.StructLayout):
    """Replace an element of a row of beta or of P by ``data``, or read a chunk of one; at most one at a time."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "write_row": 1,
                "write_p": 1,
                "read_row": 1,
                "read_p": 1,
                "row": max(cfg.row_bits, clog2(cfg.dim)),
                "chunk": _chunk_bits(cfg),
                "lane": lane_bits(cfg),
                "data": signed(max(cfg.beta.bits, cfg.p.bits)),
            }
        )
