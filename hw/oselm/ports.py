"""Named ports between the blocks of the OS-ELM core, each seen from the block that begins."""

from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.dot import sum_bits
from ..fabric.pipeline import clog2
from .config import CoreConfig
from .front_end.ports import Setting
from .graph.layouts import DoneLayout, EditLayout, EntryLayout, HeaderLayout, address_bits
from .graph.memory import ReadPort
from .graph.ports import FixedRead, GraphExtent
from .graph.starts import StartLayout
from .ops import lane_bits
from .sizes import CONTEXT_SLOTS

__all__ = [
    "ChainUse",
    "ContextWords",
    "ElementWrites",
    "Elements",
    "FrontEndAccess",
    "GraphAccess",
    "GraphReads",
    "Inflation",
    "Pause",
    "RowRead",
    "Saturations",
    "SlotForget",
    "Square",
    "VectorWrites",
    "Waits",
]


class ContextWords(wiring.Signature):
    """To the queue, word by word and only while ``ready``: a ``centre`` or a ``sample`` with its ``row`` and ``label``.

    ``ends`` : the context ends here, with this word or with nothing more.
    """

    def __init__(self, cfg: CoreConfig):
        words = {"centre": Out(1), "sample": Out(1), "row": Out(cfg.row_bits), "label": Out(1), "ends": Out(1)}
        super().__init__({**words, "ready": In(1)})


class Inflation(wiring.Signature):
    """From the interpreter: q and p0, in the format of P."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"q": Out(cfg.p.bits - 1), "p0": Out(signed(cfg.p.bits))})


class FrontEndAccess(wiring.Signature):
    """From the interpreter to the front end.

    ``words``, ``busy`` : WALK and WRITE_TABLE, the latter only while ``idle``. It wants more words of the command, or
    works on it, while ``busy``.
    ``close``, ``idle`` : walks that wait for others will go alone; nothing is under way, and no walk waits.
    ``setting`` : a parameter; only while ``idle``.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "words": Out(stream.Signature(32)),
                "busy": In(1),
                "close": Out(1),
                "idle": In(1, init=1),
                "setting": Out(Setting(cfg)),
            }
        )


class GraphAccess(wiring.Signature):
    """From the interpreter to the graph store and to what makes walks.

    ``edit``, ``done`` : change the graph, and what became of it; ``refused``: it did not fit.
    ``filling`` : rows still get their first values.
    ``starts`` : make walks.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "edit": Out(stream.Signature(EditLayout())),
                "done": In(stream.Signature(DoneLayout(cfg))),
                "refused": Out(1),
                "filling": In(1),
                "starts": Out(stream.Signature(StartLayout())),
            }
        )


class GraphReads(wiring.Signature):
    """From the front end to the graph store.

    ``extent`` : how far the graph goes; steady while walks are made.
    ``headers``, ``entries`` : for walkers, starts and searches.
    ``negative_headers``, ``negative_entries`` : never refused; not where lists are outside.
    """

    def __init__(self, cfg: CoreConfig):
        header, entry = (cfg.row_bits, HeaderLayout(cfg)), (address_bits(cfg), EntryLayout(cfg))
        super().__init__(
            {
                "extent": In(GraphExtent(cfg)),
                "headers": Out(ReadPort(*header)),
                "entries": Out(ReadPort(*entry)),
            }
            | (
                {}
                if cfg.lists_outside
                else {"negative_headers": Out(FixedRead(*header)), "negative_entries": Out(FixedRead(*entry))}
            )
        )


class VectorWrites(wiring.Signature):
    """From the sample engine: with ``en``, ``data`` is the beat ``addr`` of a vector of ``bits`` bits an element."""

    def __init__(self, cfg: CoreConfig, bits: int):
        lanes, addr = data.ArrayLayout(signed(bits), cfg.lanes), clog2(CONTEXT_SLOTS << clog2(cfg.chunks))
        super().__init__({"en": Out(1), "addr": Out(addr), "data": Out(lanes)})


class ElementWrites(wiring.Signature):
    """To the sample engine: with ``en``, ``data`` is the element of u in ``lane`` of beat ``addr``."""

    def __init__(self, cfg: CoreConfig):
        addr = clog2(CONTEXT_SLOTS << clog2(cfg.chunks))
        super().__init__(
            {"en": Out(1), "lane": Out(lane_bits(cfg)), "addr": Out(addr), "data": Out(signed(cfg.u.bits))}
        )


class Elements(wiring.Signature):
    """From the sweep, an element a row and in order: ``u`` and the ``h`` that belongs to it, of ``row`` and
    ``context``. ``first`` and ``last`` frame a context."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "valid": Out(1),
                "first": Out(1),
                "last": Out(1),
                "u": Out(signed(cfg.u.bits)),
                "h": Out(signed(cfg.beta_view.bits)),
                "row": Out(clog2(cfg.dim)),
                "context": Out(clog2(CONTEXT_SLOTS)),
            }
        )


class Saturations(wiring.Signature):
    """From the sample engine: something was clamped, one in a cycle: a beat of rows, a beat of k, an error."""

    def __init__(self):
        super().__init__({"beta": Out(1), "k": Out(1), "e": Out(1)})


class Square(wiring.Signature):
    """From the sample engine: with ``valid``, ``sum`` is h.h of the next context, all bits, mu left out."""

    def __init__(self, cfg: CoreConfig):
        bits = cfg.beta_view.bits
        super().__init__({"valid": Out(1), "sum": Out(signed(sum_bits(cfg.dim, bits, bits)))})


class RowRead(wiring.Signature):
    """From an engine: with ``en``, ``data`` is the chunk that the host reads, of ``bits`` bits an element."""

    def __init__(self, cfg: CoreConfig, bits: int):
        super().__init__({"en": Out(1), "data": Out(data.ArrayLayout(signed(bits), cfg.lanes))})


class SlotForget(wiring.Signature):
    """From who moves rows: with ``en``, another row comes into ``slot``, of which nothing is queued."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"en": Out(1), "slot": Out(cfg.row_bits)})


class ChainUse(wiring.Signature):
    """From the sweep to a :class:`~skipwalk.hw.fabric.read_chain.ReadChain`, which turns h into elements: ``load`` the
    ``row``; ``shift``; the first element comes back as ``serial``."""

    def __init__(self, cfg: CoreConfig):
        row = data.ArrayLayout(signed(cfg.beta_view.bits), cfg.lanes)
        super().__init__({"load": Out(1), "row": Out(row), "shift": Out(1), "serial": In(signed(cfg.beta_view.bits))})


class Pause(wiring.Signature):
    """To a sequencer, whose rows come from memory: ``read`` and ``update`` ask for a cycle in which it issues none, and
    ``reads`` and ``updates`` say that this is one. It comes out as late as the operations do."""

    def __init__(self):
        super().__init__({"read": Out(1), "update": Out(1), "reads": In(1), "updates": In(1)})


class Waits(wiring.Signature):
    """From a sequencer: why nothing can be issued in this cycle. At most one is high."""

    def __init__(self):
        super().__init__({name: Out(1) for name in ("input", "error", "gain", "sweep", "row")})
