"""The graph store: headers and neighbour lists in block RAM, edits that change them, ports that read them."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from .edits import EditEngine
from .layouts import DoneLayout, EditLayout, EntryLayout, HeaderLayout, address_bits
from .memory import BlockMemory, ReadPort
from .ports import FixedRead, GraphExtent, SharedMemory

__all__ = ["GraphStore"]


class GraphStore(wiring.Component):
    """An undirected graph that changes edge by edge; :class:`skipwalk.sim.oselm.graph.store.GraphStore` to the bit.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    edit, done, fill, extent
        As :class:`~skipwalk.hw.oselm.graph.edits.EditEngine`. An edit is offered only while nobody reads, and nobody
        reads while ``busy``.
    busy : Out(1)
        An edit is under way, or its ``done`` waits.
    negative_header, negative_entry : In(FixedRead)
        Never refused; :attr:`header_latency` and :attr:`entry_latency` cycles.
    headers, entries : In(ReadPort)
        A request is taken whenever the negatives do not read; the same latencies.

    Timing: a header and an entry a cycle. Edits: as EditEngine.

    Resources: :attr:`blocks` block RAMs, for ``nodes`` headers and ``edge_ends`` entries. No multiplier.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        if not cfg.edge_ends:
            raise ValueError("a configuration with edge_ends=0 has no graph store; use a multiple of 4")
        self._cfg = cfg
        header, entry = HeaderLayout(cfg), EntryLayout(cfg)
        self._memories = [
            BlockMemory(depth, word, vendor=cfg.vendor, primitives=primitives)
            for depth, word in ((cfg.nodes, header), (cfg.edge_ends, entry))
        ]
        self._headers, self._entries = (SharedMemory(memory) for memory in self._memories)
        super().__init__(
            {
                "edit": In(stream.Signature(EditLayout())),
                "done": Out(stream.Signature(DoneLayout(cfg))),
                "fill": Out(stream.Signature(cfg.row_bits)),
                "extent": Out(GraphExtent(cfg)),
                "busy": Out(1),
                "negative_header": In(FixedRead(cfg.row_bits, header)),
                "negative_entry": In(FixedRead(address_bits(cfg), entry)),
                "headers": In(ReadPort(cfg.row_bits, header)),
                "entries": In(ReadPort(address_bits(cfg), entry)),
            }
        )

    @property
    def header_latency(self) -> int:
        """Cycles in which a header is read."""
        return self._headers.latency

    @property
    def entry_latency(self) -> int:
        """Cycles in which an entry is read."""
        return self._entries.latency

    @property
    def blocks(self) -> int:
        """Block RAMs."""
        return sum(memory.blocks for memory in self._memories)

    def elaborate(self, platform):
        m = Module()
        m.submodules.edits = edits = EditEngine(self._cfg)
        m.submodules.header_memory = headers = self._headers
        m.submodules.entry_memory = entries = self._entries
        for name in ("edit", "done", "fill", "extent"):
            wiring.connect(m, getattr(edits, name), wiring.flipped(getattr(self, name)))
        for memory, mine, first, third in (
            (headers, edits.headers, self.negative_header, self.headers),
            (entries, edits.entries, self.negative_entry, self.entries),
        ):
            wiring.connect(m, mine, memory.second)
            wiring.connect(m, wiring.flipped(first), memory.first)
            wiring.connect(m, wiring.flipped(third), memory.third)
        m.d.comb += self.busy.eq(~edits.edit.ready)
        return m
