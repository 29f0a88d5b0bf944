"""The graph store where headers and neighbour lists are in memory outside."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...memory.port import MemoryPort
from ..config import CoreConfig
from .edits import EditEngine
from .layouts import DoneLayout, EditLayout, EntryLayout, HeaderLayout, address_bits
from .memory import ReadPort
from .outside import WordsOutside
from .ports import GraphExtent

__all__ = ["GraphStoreOutside"]


class GraphStoreOutside(wiring.Component):
    """As :class:`~skipwalk.hw.oselm.graph.store.GraphStore`, with its words in :attr:`CoreConfig.memory_map`. Rooms are
    given out by the chip: a reset takes its lists away, as there.

    Parameters
    ----------
    cfg : CoreConfig
        With ``lists_outside``.

    Members
    -------
    edit : In(stream of EditLayout), done : Out(stream of DoneLayout), fill : Out(stream of rows)
    extent : Out(GraphExtent)
        As of :class:`~skipwalk.hw.oselm.graph.edits.EditEngine`. An edit is offered only while nobody waits for what
        it reads.
    headers, entries : In(ReadPort)
        For all others, in any number under way that they have room for.
    memory : Out(skipwalk.hw.memory.port.MemoryPort) array of :data:`USERS`
        Of one memory, on which each sees what the others have written before: the edit engine's headers and entries,
        and those of the others.

    Timing: that of the memory, and of EditEngine. Resources: those of EditEngine and of WordsOutside; no block RAM.
    """

    USERS = 4

    def __init__(self, cfg: CoreConfig, signature: MemoryPort):
        self._cfg = cfg
        shapes = (cfg.row_bits, HeaderLayout(cfg)), (address_bits(cfg), EntryLayout(cfg))
        headers, entries = cfg.memory_map.headers, cfg.memory_map.entries
        if headers is None or entries is None:
            raise ValueError("lists of a configuration with lists_outside=False are on the chip; use GraphStore")
        self._users = [
            WordsOutside(region, *shape, signature, writes=writes)
            for writes in (True, False)
            for region, shape in zip((headers, entries), shapes, strict=True)
        ]
        super().__init__(
            {
                "edit": In(stream.Signature(EditLayout())),
                "done": Out(stream.Signature(DoneLayout(cfg))),
                "fill": Out(stream.Signature(cfg.row_bits)),
                "extent": Out(GraphExtent(cfg)),
                "headers": In(ReadPort(*shapes[0])),
                "entries": In(ReadPort(*shapes[1])),
                "memory": Out(signature).array(self.USERS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.edits = edits = EditEngine(self._cfg)
        for name in ("edit", "done", "fill", "extent"):
            wiring.connect(m, getattr(edits, name), wiring.flipped(getattr(self, name)))
        readers = edits.headers, edits.entries, wiring.flipped(self.headers), wiring.flipped(self.entries)
        for i, (words, reader) in enumerate(zip(self._users, readers, strict=True)):
            m.submodules[f"words_{i}"] = words
            wiring.connect(m, reader, words.port)
            wiring.connect(m, words.memory, wiring.flipped(self.memory[i]))
        return m
