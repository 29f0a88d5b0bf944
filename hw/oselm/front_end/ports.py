"""Named ports between the blocks of the front end, each seen from the block that begins."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ..config import CoreConfig
from ..graph.layouts import EntryLayout, HeaderLayout, address_bits
from ..graph.memory import ReadPort
from ..graph.ports import FixedRead, GraphExtent
from ..protocol import THRESHOLD_BITS
from ..rows.layouts import RowAsks
from .layouts import SamplingLayout, WalkAddress, WalkLayout, slot_bits

__all__ = [
    "FillPort",
    "FillTurn",
    "GroupDraws",
    "GroupUse",
    "ItemPlaces",
    "NegativeReads",
    "NewNumber",
    "NodeReads",
    "PoolDraws",
    "PoolUse",
    "PoolWrites",
    "RowUse",
    "Setting",
    "TableWrites",
    "WalkRules",
]


class Setting(wiring.Signature):
    """From the interpreter: with ``en``, parameter ``number`` becomes ``value``."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"en": Out(1), "number": Out(5 if cfg.edge_ends else 4), "value": Out(32)})


class NewNumber(wiring.Signature):
    """From the parameters: with ``en``, the next walk has the number ``value``."""

    def __init__(self):
        super().__init__({"en": Out(1), "value": Out(32)})


class WalkRules(wiring.Signature):
    """From the parameters: how walks become contexts.

    ``sampling``, ``settled`` : as it was set last, its window 0 as long as it has not been; it has been checked and
    can be used.
    ``drawable`` : there is something to draw negatives from, or none are wanted.
    """

    def __init__(self):
        super().__init__({"sampling": Out(SamplingLayout()), "settled": Out(1), "drawable": Out(1)})


class FillTurn(wiring.Signature):
    """From who hands out work to who fills a group with walks.

    ``work``, ``busy`` : commands; one is being executed.
    ``close``, ``pending`` : hand over what there is, only while not ``busy``; walks have not been handed over.
    """

    def __init__(self, work):
        super().__init__({"work": Out(stream.Signature(work)), "close": Out(1), "busy": In(1), "pending": In(1)})


class FillPort(wiring.Signature):
    """Seen from who fills a group with walks.

    Members
    -------
    group : In(1), room : In(1)
        The group to be filled; it is not in use.
    n : Out, begin : Out(1), hand_over : Out(1)
        So many walks are in it, at least one; no more will be, and contexts can be made as nodes come; it is complete.
        Each once a group, ``begin`` not later than ``hand_over`` and only with ``room``.
    count : Out(1), nodes : Out, counted : In(1)
        Find out what a walk of so many nodes gives; that is known. ``nodes`` stay from ``count`` on as long as walks
        of that length are added.
    walk_en : Out(1)
        Another walk of ``nodes`` nodes belongs to the group; ``n`` rises in the next cycle.
    node_en : Out(1), address : Out(WalkAddress), node : Out
        Write a node.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "group": In(1),
                "room": In(1),
                "n": Out(range(cfg.walks + 1)),
                "begin": Out(1),
                "hand_over": Out(1),
                "count": Out(1),
                "nodes": Out(range(cfg.max_walk + 1)),
                "counted": In(1),
                "walk_en": Out(1),
                "node_en": Out(1),
                "address": Out(WalkAddress(cfg)),
                "node": Out(cfg.row_bits),
            }
        )


class GroupUse(wiring.Signature):
    """Seen from who makes contexts out of the walks of a group.

    ``full``, ``walks`` : groups of which contexts can be made, and how many walks they have.
    ``free`` : the group is not needed any more; for one cycle.
    ``walk_address``, ``walk``, ``there`` : asks what a walk gives, by slot and group, and how many of its nodes are
    there at least; answered in the same cycle.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "full": In(2),
                "walks": In(range(cfg.walks + 1)).array(2),
                "free": Out(2),
                "walk_address": Out(slot_bits(cfg) + 1),
                "walk": In(WalkLayout(cfg)),
                "there": In(range(cfg.max_walk + 1)),
            }
        )


class NodeReads(wiring.Signature):
    """From who wants nodes: the ``node`` of a walk at ``address``, a fixed number of cycles later."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"address": Out(WalkAddress(cfg)), "node": In(cfg.row_bits)})


class TableWrites(wiring.Signature):
    """From the loader: the alias table has so many ``columns``, 0 as long as there is none; with ``en``, ``column``
    gets a ``threshold`` and an ``alias``."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "columns": Out(range(cfg.nodes + 1)),
                "en": Out(1),
                "column": Out(cfg.row_bits),
                "threshold": Out(THRESHOLD_BITS),
                "alias": Out(cfg.row_bits),
            }
        )


class ItemPlaces(wiring.Signature):
    """From the windowing, item by item.

    ``go`` : the next item may be given.
    ``valid`` : there is an item, with:
    ``centre``, ``negative``, ``ends`` : it is the centre or a negative (else a positive), and the last one of its
    context.
    ``address`` : where the centre or positive stands.
    ``counter`` : of a negative: number of the walk << 32 | of the context << 16 | of the negative.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "go": In(1),
                "valid": Out(1),
                "centre": Out(1),
                "negative": Out(1),
                "ends": Out(1),
                "address": Out(WalkAddress(cfg)),
                "counter": Out(64),
            }
        )


class GroupDraws(wiring.Signature):
    """From who makes contexts: a group of ``walks`` walks begins, the first one with the number ``first``.

    ``wanted``, ``done`` : the draws of the group, then its contexts; all stays until then.
    ``clear`` : all items of the groups before it have been given.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "wanted": Out(1),
                "first": Out(32),
                "walks": Out(range(cfg.walks + 1)),
                "clear": Out(1),
                "done": In(1),
            }
        )


class PoolWrites(wiring.Signature):
    """To the pool: with ``en``, the slot of a row goes to ``place``. It takes as long as a draw, so it comes after the
    items that were given before."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"en": Out(1), "place": Out(clog2(cfg.pool)), "slot": Out(cfg.engine.row_bits)})


class PoolDraws(wiring.Signature):
    """From who fetches rows: the draws of a group of walks, which come as rows.

    ``group`` : its walks; done when all have been asked for.
    ``rows`` : each with its ``place`` in the pool, in order.
    ``busy`` : some are still to come.
    """

    def __init__(self, cfg: CoreConfig):
        rows = stream.Signature(self.row_layout(cfg))
        super().__init__({"group": Out(GroupDraws(cfg)), "rows": In(rows), "busy": In(1)})

    @staticmethod
    def row_layout(cfg: CoreConfig) -> data.StructLayout:
        """A row, and its place in the pool."""
        return data.StructLayout({"place": clog2(cfg.pool), "row": cfg.row_bits})


class PoolUse(wiring.Signature):
    """To who makes items, where negatives come through a pool.

    ``stale`` : what the pool holds is of no use any more.
    ``group`` : of which group the draws are that renew it.
    ``drawn``, ``writes`` : instead of ``group`` where rows are outside: a row goes in once it has a slot.
    """

    def __init__(self, cfg: CoreConfig):
        outside = {"drawn": Out(PoolDraws(cfg)), "writes": Out(PoolWrites(cfg))}
        super().__init__({"stale": Out(1), **(outside if cfg.slots else {"group": Out(GroupDraws(cfg))})})


class RowUse(wiring.Signature):
    """From the front end to the rows outside.

    ``asks`` : rows of the groups.
    ``updated`` : an update of a row has been written.
    ``fetching`` : rows of a group are being asked for or are on their way.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__({"asks": Out(RowAsks(cfg.rows_outside)), "updated": In(1), "fetching": Out(1)})


class NegativeReads(wiring.Signature):
    """From who draws negatives: how large the graph is, and reads of it, which wait where lists are outside."""

    def __init__(self, cfg: CoreConfig):
        port = ReadPort if cfg.lists_outside else FixedRead
        super().__init__(
            {
                "extent": In(GraphExtent(cfg)),
                "headers": Out(port(cfg.row_bits, HeaderLayout(cfg))),
                "entries": Out(port(address_bits(cfg), EntryLayout(cfg))),
            }
        )
