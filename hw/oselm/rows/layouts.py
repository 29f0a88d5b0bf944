"""What travels to, in and from the cache of rows."""

from amaranth.hdl import signed
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from .config import RowsConfig

__all__ = ["FillLayout", "JobLayout", "Kind", "OpLayout", "RowAsks", "RowLease", "SlotBeats", "SlotReads"]


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


class RowAsks(wiring.Signature):
    """From who needs rows on the chip, one group after another.

    ``ops``, ``slots`` : as of :class:`~skipwalk.hw.oselm.rows.cache.RowCache`.
    ``landed`` : in the order of END and FLUSH, for a cycle each: the rows stand in their slots, where reads see them.
    ``release`` : the oldest group has ended, and all its updates have been written.
    """

    def __init__(self, cfg: RowsConfig):
        super().__init__(
            {
                "ops": Out(stream.Signature(OpLayout(cfg))),
                "slots": In(stream.Signature(cfg.slot_bits)),
                "landed": In(1),
                "release": Out(1),
            }
        )


class RowLease(wiring.Signature):
    """From who reads or writes whole rows while nothing is trained.

    ``wanted``, ``row`` : a row is to be on the chip; steady until it is done with.
    ``held``, ``slot`` : it stands in this slot, as long as it is wanted.
    ``flush`` : all rows are to go to memory; steady until ``held`` says that they have.
    """

    def __init__(self, cfg: RowsConfig):
        super().__init__(
            {
                "wanted": Out(1),
                "flush": Out(1),
                "row": Out(cfg.row_bits),
                "held": In(1),
                "slot": In(cfg.slot_bits),
            }
        )


class SlotBeats(wiring.Signature):
    """To the engine that holds the slots: beats of rows, each a ``chunk`` of a ``slot``, where it has nothing to do.

    ``reads`` : read a chunk, which comes as ``row`` with ``en``, lane by lane.
    ``writes`` : replace a chunk by ``fill``, which stays until the engine has seen it.
    """

    def __init__(self, cfg: RowsConfig, lanes: int, chunk_bits: int, bits: int):
        beat = stream.Signature(data.StructLayout({"slot": cfg.slot_bits, "chunk": chunk_bits}))
        chunk = data.ArrayLayout(signed(bits), lanes)
        super().__init__({"reads": Out(beat), "en": In(1), "row": In(chunk), "writes": Out(beat), "fill": Out(chunk)})
