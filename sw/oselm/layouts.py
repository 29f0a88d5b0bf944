"""OS-ELM's words and sizes, for programs that are not of this package."""

from ...hw.oselm.config import CoreConfig
from ...hw.oselm.front_end.sampling import FIELDS
from ...hw.oselm.protocol import Edit, Identity, Opcode, counters_of, packed_words
from ..unit.words import CValues, Field, Layouts, field_bits, repeat

__all__ = ["c_values", "layouts"]


def layouts(cfg: CoreConfig) -> Layouts:
    """How the words of commands are laid out: fields of the header, what follows, what answers."""
    row, packed = {"row": (0, cfg.ROW_BITS)}, {"row": (0, cfg.ROW_BITS), "packed": (27, 1)}
    elements = {
        "beta": [repeat(f"{cfg.dim}, packed: {packed_words(cfg.dim, cfg.beta.bits)}", "element")],
        "p": [repeat(f"{cfg.dim}, packed: {packed_words(cfg.dim, cfg.p.bits)}", "element")],
    }
    sample = field_bits({"row": (0, cfg.ROW_BITS), "label": (31, 1)})
    nodes = field_bits({f"row {n}": (16 * n, 32 // cfg.walk_rows) for n in range(cfg.walk_rows)})
    words = f"nodes / {cfg.walk_rows}, rounded up"
    edit = {
        "row": row["row"],
        "walks": (20, 4),
        "edit": (24, 3),
        "answer": (27, 1),
    }
    sampling, at = {}, 0
    for name, bits in FIELDS.items():
        sampling[name], at = (at, bits), at + bits
    operands = {e.name: e.operands(cfg) for e in Edit}
    table: dict[Opcode, tuple[dict[str, Field], list, list]] = {
        Opcode.NOP: ({}, [], []),
        Opcode.INFO: ({}, [], list(vars(Identity.of(cfg)))),
        Opcode.SET: ({"parameter": (0, 5)}, ["value", {"of SAMPLING": field_bits(sampling)}], []),
        Opcode.GET: ({"counter": (0, 8)}, [], ["low", "high"]),
        Opcode.CLEAR: ({}, [], []),
        Opcode.WRITE_ROW: (packed, elements["beta"], []),
        Opcode.READ_ROW: (packed, [], elements["beta"]),
        Opcode.WRITE_P: (packed, elements["p"], []),
        Opcode.READ_P: (packed, [], elements["p"]),
        Opcode.TRAIN: ({"centre": row["row"], "samples": (20, 7)}, [repeat("samples", sample)], []),
        Opcode.FLUSH: ({"anything": (0, 28)}, [], ["the header"]),
        Opcode.WALK: ({"nodes": (0, 16)}, [repeat(words, nodes)], []),
        Opcode.WRITE_TABLE: ({"columns": (0, cfg.ROW_BITS)}, [repeat("columns", "threshold", "alias")], []),
        Opcode.EDIT: (edit, [{"edits": {e.name: int(e) for e in Edit}, "words": operands}], ["the header, if answer"]),
        Opcode.START: ({"row": row["row"], "walks": (20, 8)}, [], []),
        Opcode.ROUND: ({"walks": (0, 28)}, [], []),
    }
    return {opcode.name: layout for opcode, layout in table.items()}


def c_values(cfg: CoreConfig) -> CValues:
    """Of the struct of the driver."""
    values: dict[str, int | str] = {
        "nodes": cfg.nodes,
        "dim": cfg.dim,
        "max_samples": cfg.max_samples,
        "beta_bits": cfg.beta.bits,
        "beta_fraction": cfg.beta.fraction,
        "p_bits": cfg.p.bits if cfg.has_p else 0,
        "p_fraction": cfg.p.fraction,
        "mu_shift": cfg.mu_shift,
        "walks": cfg.walks,
        "max_walk": cfg.max_walk,
        "walk_rows": cfg.walk_rows,
        "table_rows": cfg.table_rows,
        "edge_ends": cfg.edge_ends,
        "weight_bits": cfg.weight_bits,
        "pool": cfg.pool,
        "slots": cfg.slots,
        "replaced": cfg.replaced if cfg.slots else 0,
    }
    return values, counters_of(cfg)
