"""Skip2-LoRA's words and sizes, for programs that are not of this package."""

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import (
    REPORT_WORDS,
    LoraCounter,
    LoraIdentity,
    LoraOpcode,
    Space,
    chunk_words,
    element_bits,
    space_elements,
)
from ..unit.words import CValues, Field, Layouts, field_bits, repeat

__all__ = ["c_values", "layouts"]


def layouts(cfg: LoraConfig) -> Layouts:
    """How the words of commands are laid out: fields of the header, what follows, what answers."""
    space, number = {"first word": (0, 20), "space": (26, 2)}, (0, cfg.SAMPLE_BITS)
    elements = {"bits of an element": {s.name: element_bits(cfg, s) for s in Space}, "packed": "the first one lowest"}
    inputs = repeat(cfg.chunks[0] * chunk_words(cfg), "activations of x_1")
    sample = {"number": number, "label": (20, 4), "last": (24, 1), "train": (25, 1), "source": (26, 2)}
    follow = {
        "CACHE": [],
        "INPUT": [inputs],
        "ACTIVATIONS": [repeat(sum(cfg.chunks) * chunk_words(cfg), "activations"), repeat(cfg.classes, "c")],
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
            ["count", repeat("count / 8, rounded up", labels, repeat("samples of the 8", inputs))],
            [],
        ),
        LoraOpcode.SAMPLE: (sample, [{"by source": follow}], [repeat(f"{cfg.classes}, unless train", "y")]),
        LoraOpcode.FLUSH: ({"anything": (0, 28)}, [], ["the header"]),
        LoraOpcode.EPOCHS: (
            {"samples": number},
            [field_bits({"epochs": (0, 16), "mini-batch": (16, 16)})],
            [repeat("epochs", *report)],
        ),
    }
    return {opcode.name: layout for opcode, layout in table.items()}


def c_values(cfg: LoraConfig) -> CValues:
    """Of the struct of the driver."""
    values: dict[str, int | str] = {
        "cache_samples": cfg.cache_samples,
        "inputs": cfg.widths[0],
        "classes": cfg.classes,
        "lanes": cfg.lanes,
        "adapter_words": cfg.adapter_words,
        "a_words": cfg.a_words,
        "elements": "{" + ", ".join(str(space_elements(cfg, s)) for s in Space) + "}",
        "bits": "{" + ", ".join(str(element_bits(cfg, s)) for s in Space) + "}",
        "x_bits": cfg.x_bits,
        "x_chunks": cfg.chunks[0],
        "y_bits": cfg.y.bits,
        "y_fraction": cfg.y.fraction,
        "loss_fraction": cfg.loss_fraction,
        "layers": cfg.layers,
    }
    return values, list(LoraCounter)
