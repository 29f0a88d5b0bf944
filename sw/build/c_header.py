"""A core as a C header, for the driver in ``sw/clib``."""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from importlib.resources import files
from typing import Any

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import LoraCounter, Space, element_bits, space_elements
from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import counters_of
from ...hw.ports.axi_map import REGISTERS
from ...hw.unit.config import UnitConfig
from ...hw.units import UNITS

__all__ = ["c_header", "c_sources"]


def c_sources(cfg: UnitConfig) -> dict[str, str]:
    """The driver's files for a unit, text by name."""
    unit = UNITS.of(cfg).folder
    folder = files("skipwalk.sw.clib")
    names = ("skipwalk.h", "skipwalk_words.h", "skipwalk_words.c", f"skipwalk_{unit}.c")
    return {name: (folder / name).read_text() for name in names}


def c_header(cfg: UnitConfig, module: str) -> str:
    """Text of a header that defines ``SKIPWALK_CORE``, what the driver has to know, and names for all numbers."""
    unit = UNITS.of(cfg)
    values, counters = _VALUES[unit.name](cfg)
    guard = f"SKIPWALK_CORE_{module.upper()}_H"
    lines = [
        f"/* Module {module}: what its driver has to know. Written by `skipwalk export`. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        '#include "skipwalk.h"',
        "",
        f"#define SKIPWALK_DIGEST {cfg.digest:#010x}u",
        "",
        "/* AXI4-Lite registers, at these bytes. */",
        *(f"#define SKIPWALK_REGISTER_{register.name} {register.offset:#04x}" for register in REGISTERS),
        "",
        "/* Opcodes, in the upper four bits of a header. */",
        *_enum("COMMAND", {c.name: int(c) for c in unit.opcodes}),
        *_enum("PARAMETER", {p.name: int(p) for p in unit.parameters}),
        *_enum("COUNTER", {c.name: int(c) for c in counters}),
        f"static const struct skw_{unit.folder}_config SKIPWALK_CORE = {{",
        "    .digest = SKIPWALK_DIGEST,",
        *(f"    .{name} = {value}," for name, value in values.items()),
        f"    .counters = {len(counters)},",
        "};",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _enum(kind: str, values: Mapping[str, int]) -> list[str]:
    members = [f"    SKIPWALK_{kind}_{name} = {value}" for name, value in values.items()]
    return ["enum {", ",\n".join(members), "};", ""]


#: Fields of a unit's configuration, and its counters.
_Values = tuple[dict[str, int | str], Sequence[IntEnum]]


def _oselm(cfg: CoreConfig) -> _Values:
    values: dict[str, int | str] = {
        "nodes": cfg.nodes,
        "dim": cfg.dim,
        "max_samples": cfg.max_samples,
        "beta_bits": cfg.beta.bits,
        "beta_fraction": cfg.beta.fraction,
        "p_bits": cfg.p.bits,
        "p_fraction": cfg.p.fraction,
        "mu_shift": cfg.mu_shift,
        "walks": cfg.walks,
        "max_walk": cfg.max_walk,
        "walk_rows": cfg.walk_rows,
        "edge_ends": cfg.edge_ends,
        "weight_bits": cfg.weight_bits,
    }
    return values, counters_of(cfg)


def _lora(cfg: LoraConfig) -> _Values:
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


#: What gives them, by the unit's name.
_VALUES: dict[str, Callable[[Any], _Values]] = {"os-elm": _oselm, "skip2-lora": _lora}
