"""What travels to, in and from the cache of rows."""

from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from .config import RowsConfig

__all__ = ["FillLayout", "JobLayout", "Kind", "OpLayout", "SlotReads"]


class Kind(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What is to be done; rows and slots are those of :class:`OpLayout`."""

    WALK = 0  # the slot of a row, for the group that is being fetched
    POOL = 1  # the same, and the pool holds it besides
    DROP = 2  # the pool does not hold a slot any more, from this group on
    END = 3  # the group is complete
    FLUSH = 4  # all rows to memory; they stay in their slots


class OpLayout(data.StructLayout):
    """A :class:`Kind` with its ``row`` or, for DROP, its slot."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"kind": Kind, "row": max(cfg.row_bits, cfg.slot_bits)})


class JobLayout(data.StructLayout):
    """With ``evict``, the row ``out`` goes from the slot to memory; then, with ``fill``, the row ``row`` comes. With
    ``mark``, neither: it is told when all that was asked for before has come."""

    def __init__(self, cfg: RowsConfig):
        flags = {"evict": 1, "fill": 1, "mark": 1}
        super().__init__({"slot": cfg.slot_bits, "out": cfg.row_bits, "row": cfg.row_bits, **flags})


class FillLayout(data.StructLayout):
    """A word of the row that comes into a slot; ``last`` of the row."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"slot": cfg.slot_bits, "data": cfg.word_bits, "last": 1})


class SlotReads(wiring.Signature):
    """To who holds the slots: the words of ``slot`` are asked for, and come one after another."""

    def __init__(self, cfg: RowsConfig):
        super().__init__({"slot": Out(stream.Signature(cfg.slot_bits)), "words": In(stream.Signature(cfg.word_bits))})
