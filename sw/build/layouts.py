"""How the words of commands are laid out, for programs: fields of the header, what follows, what answers."""

from typing import Any

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import REPORT_WORDS, LoraIdentity, LoraOpcode, Space, chunk_words, element_bits
from ...hw.oselm.config import CoreConfig
from ...hw.oselm.front_end.sampling import FIELDS
from ...hw.oselm.protocol import Edit, Identity, Opcode, packed_words

__all__ = ["Layouts", "field_bits", "lora_words", "oselm_words"]

#: A field of a word: lowest bit and width.
Field = tuple[int, int]
#: By command: fields of the header beside the opcode, which is in bits 28 to 31; operands; replies. The latter two are
#: lists of what a word is, a dict of its fields, or ``repeat``, which says how often what it holds comes.
Layouts = dict[str, tuple[dict[str, Field], list, list]]


def field_bits(fields: dict[str, Field]) -> dict[str, dict[str, int]]:
    """Fields as JSON holds them."""
    return {name: {"lowest_bit": low, "bits": bits} for name, (low, bits) in fields.items()}


def _repeat(times: int | str, *what: Any) -> dict[str, Any]:
    return {"repeat": times, "of": list(what)}


def oselm_words(cfg: CoreConfig) -> Layouts:
    """Of OS-ELM."""
    row, packed = {"row": (0, cfg.ROW_BITS)}, {"row": (0, cfg.ROW_BITS), "packed": (27, 1)}
    elements = {
        "beta": [_repeat(f"{cfg.dim}, packed: {packed_words(cfg.dim, cfg.beta.bits)}", "element")],
        "p": [_repeat(f"{cfg.dim}, packed: {packed_words(cfg.dim, cfg.p.bits)}", "element")],
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
        Opcode.TRAIN: ({"centre": row["row"], "samples": (20, 7)}, [_repeat("samples", sample)], []),
        Opcode.FLUSH: ({"anything": (0, 28)}, [], ["the header"]),
        Opcode.WALK: ({"nodes": (0, 16)}, [_repeat(words, nodes)], []),
        Opcode.WRITE_TABLE: ({"columns": (0, cfg.ROW_BITS)}, [_repeat("columns", "threshold", "alias")], []),
        Opcode.EDIT: (edit, [{"edits": {e.name: int(e) for e in Edit}, "words": operands}], ["the header, if answer"]),
        Opcode.START: ({"row": row["row"], "walks": (20, 8)}, [], []),
        Opcode.ROUND: ({"walks": (0, 28)}, [], []),
    }
    return {opcode.name: layout for opcode, layout in table.items()}


def lora_words(cfg: LoraConfig) -> Layouts:
    """Of Skip2-LoRA."""
    space, number = {"first word": (0, 20), "space": (26, 2)}, (0, cfg.SAMPLE_BITS)
    elements = {"bits of an element": {s.name: element_bits(cfg, s) for s in Space}, "packed": "the first one lowest"}
    inputs = _repeat(cfg.chunks[0] * chunk_words(cfg), "activations of x_1")
    sample = {"number": number, "label": (20, 4), "last": (24, 1), "train": (25, 1), "source": (26, 2)}
    follow = {
        "CACHE": [],
        "INPUT": [inputs],
        "ACTIVATIONS": [_repeat(sum(cfg.chunks) * chunk_words(cfg), "activations"), _repeat(cfg.classes, "c")],
    }
    labels = field_bits({f"label {n}": (4 * n, 4) for n in range(8)})
    report = ["samples", "correct", "loss low", "loss high"]
    assert len(report) == REPORT_WORDS
    table: dict[LoraOpcode, tuple[dict[str, Field], list, list]] = {
        LoraOpcode.NOP: ({}, [], []),
        LoraOpcode.INFO: ({}, [], list(vars(LoraIdentity.of(cfg)))),
        LoraOpcode.SET: ({"parameter": (0, 4)}, ["value"], []),
        LoraOpcode.GET: ({"counter": (0, 8)}, [], ["low", "high"]),
        LoraOpcode.CLEAR: ({}, [], []),
        LoraOpcode.WRITE: (space, ["count", elements], []),
        LoraOpcode.READ: (space, ["count"], [elements]),
        LoraOpcode.FORGET: ({}, [], []),
        LoraOpcode.LOAD: (
            {"first number": number},
            ["count", _repeat("count / 8, rounded up", labels, _repeat("samples of the 8", inputs))],
            [],
        ),
        LoraOpcode.SAMPLE: (sample, [{"by source": follow}], [_repeat(f"{cfg.classes}, unless train", "y")]),
        LoraOpcode.FLUSH: ({"anything": (0, 28)}, [], ["the header"]),
        LoraOpcode.EPOCHS: (
            {"samples": number},
            [field_bits({"epochs": (0, 16), "mini-batch": (16, 16)})],
            [_repeat("epochs", *report)],
        ),
    }
    return {opcode.name: layout for opcode, layout in table.items()}
