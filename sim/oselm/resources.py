"""What a core takes of a device, as formulas of its configuration: multipliers and block RAMs.

Held to the synthesis by tests (ECP5, with the vendor's cells). LUTs have no formula here: :func:`luts` counts them in
a netlist.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ...hw.arith.reciprocal_table import ReciprocalTable
from ...hw.fabric.ram_grid import BlockGrid
from ...hw.link.protocol import ENCODER_BYTES, LinkConfig
from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import THRESHOLD_BITS
from ...hw.oselm.sizes import CONTEXT_SLOTS, LUT_RAM_WORDS, QUEUE_ITEMS

__all__ = ["Needs", "core_needs", "luts", "multipliers", "netlist_needs"]

#: Bits of a number up to which a random share of it takes two multipliers.
_SHARE = 17

#: LUTs that a cell of the netlist occupies, by family; carry cells and LUT RAM count with what they fill.
_LUT_CELLS = {
    "ecp5": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
    "gowin": {"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "ALU": 1, "RAM16SDP4": 8},
}
_CELLS = {
    "ecp5": {"dsp": ("MULT18X18D",), "bram": ("DP16KD", "PDPW16KD"), "ff": ("TRELLIS_FF",)},
    "gowin": {
        "dsp": ("MULT18X18", "MULT9X9"),
        "bram": ("DPX9B", "SDPX9B", "SPX9", "DPB", "SDPB", "SP", "pROM", "pROMX9"),
        "ff": ("DFF", "DFFE", "DFFR", "DFFRE", "DFFS", "DFFSE", "DFFC", "DFFCE", "DFFP", "DFFPE"),
    },
}


@dataclass(frozen=True)
class Needs:
    """Multipliers, block RAMs of 18 kbit and, where a netlist was counted, LUTs and flip-flops."""

    dsp: int
    bram: int
    lut: int | None = None
    ff: int | None = None


def multipliers(cfg: CoreConfig) -> int:
    """Dot product and update of P, dot product and update of beta in every lane; h.u (without P: products with p0); the
    reciprocal; the front end's choice of a column; and of a graph store, the choices of a neighbour by negatives and by
    walkers."""
    shares = [cfg.nodes.bit_length()] if cfg.walks else []
    if cfg.edge_ends:
        shares += [cfg.row_bits, max(_SHARE, cfg.row_bits, cfg.weight_bits)]
    return cfg.lane_multipliers + 2 + sum(2 if bits <= _SHARE else 4 for bits in shares)


def core_needs(cfg: CoreConfig, link: LinkConfig | None = None) -> Needs:
    """What the core takes, and with ``link`` the device around it too (UART, frames, buffers)."""
    chunk_slots = 1 << (cfg.chunks - 1).bit_length()
    words_p, waiting = cfg.dim * chunk_slots, cfg.ring * cfg.chunks
    engine = cfg.engine  # whose rows are the slots, if there are any
    lane = _blocks(engine.nodes * cfg.chunks, cfg.beta.bits)
    if waiting > LUT_RAM_WORDS:
        lane += 2 * _blocks(waiting, cfg.beta.bits)  # row FIFO and result history
    if words_p > LUT_RAM_WORDS and cfg.has_p:
        lane += _blocks(words_p, cfg.p.bits)
    table = ReciprocalTable(cfg.HU_INTEGER, cfg.HU_FRACTION, cfg.gain_bits)
    shared = _blocks(1 << table.table_bits, table.word_bits)
    if cfg.has_p:
        shared += _blocks(CONTEXT_SLOTS << (cfg.dim - 1).bit_length(), cfg.u.bits)
    # Entry of a sample: row, label, number, and the latest earlier one of its row.
    ring_bits = (cfg.ring - 1).bit_length()
    sample = engine.row_bits + 2 * ring_bits + 3
    shared += _inferred(cfg.queue, sample)
    if cfg.walks:
        if cfg.alias_table:
            shared += _blocks(cfg.nodes, THRESHOLD_BITS + cfg.row_bits)
        shared += _inferred(QUEUE_ITEMS, engine.row_bits + 3)
        walks, nodes = max(2, 1 << (cfg.walks - 1).bit_length()), 1 << (cfg.max_walk - 1).bit_length()
        shared += _blocks(2 * walks * nodes, cfg.row_bits)
    if cfg.pool:
        shared += _blocks(cfg.pool, engine.row_bits)
    if cfg.slots:
        # Slots of a walk's nodes stand beside the nodes.
        shared += _outside(cfg) + _blocks(2 * walks * nodes, engine.row_bits)
    if cfg.edge_ends and not cfg.lists_outside:
        shared += _blocks(cfg.nodes, cfg.header_bits) + _blocks(cfg.edge_ends, cfg.entry_bits)
    if link is not None:
        shared += 2 * _blocks(link.depth, 32) + _blocks(ENCODER_BYTES, 8)
    return Needs(dsp=multipliers(cfg), bram=cfg.lanes * lane + shared)


def _outside(cfg: CoreConfig) -> int:
    """Block RAMs of the directory of rows outside, and of queues on their way."""
    rows, slot = cfg.rows_outside, cfg.engine.row_bits
    depth, link = 1 << slot, slot + 1
    chains = _blocks(depth, link) + _blocks(depth, rows.row_bits + link + 1)
    uses = _blocks(depth, rows.age_bits + 1 + rows.count_bits)
    # Draws that wait for their group, each with its place in the pool; words of two rows that go.
    draws = _inferred(max(cfg.pool, cfg.walks * cfg.replaced), (cfg.pool - 1).bit_length() + slot)
    return chains + uses + _blocks(cfg.pool, slot) + draws + _inferred(2 * rows.words, rows.word_bits)


def netlist_needs(cells: Mapping[str, int], family: str) -> Needs:
    """The same out of a netlist's cells by type. Raises ValueError for a family whose cells are not known here."""
    if family not in _CELLS:
        raise ValueError(f"cells of {family!r} are not known here; there are: {', '.join(_CELLS)}")
    count = {what: sum(cells.get(kind, 0) for kind in kinds) for what, kinds in _CELLS[family].items()}
    return Needs(dsp=count["dsp"], bram=count["bram"], lut=luts(cells, family), ff=count["ff"])


def luts(cells: Mapping[str, int], family: str) -> int:
    """Look-up tables that these cells occupy, before packing (which adds some at the ends of carry chains)."""
    return sum(weight * cells.get(kind, 0) for kind, weight in _LUT_CELLS[family].items())


def _blocks(depth: int, width: int) -> int:
    return BlockGrid.cheapest(depth, width).blocks


def _inferred(depth: int, width: int) -> int:
    """Block RAMs of a memory that Yosys maps as it likes: LUT RAM is 4 a cell of 16 x 4 bits, and half a bit's choice
    between cells; a block is 128 (``share/lattice/*.txt`` and ``memory_libmap``).
    """
    rows = -(-depth // 16)
    in_luts = 4 * rows * -(-width // 4) + width * (rows - 1) / 2
    blocks = _blocks(depth, width)
    return blocks if in_luts > 128 * blocks else 0
