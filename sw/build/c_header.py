"""A core as a C header, for the driver in ``sw/clib``."""

from collections.abc import Mapping
from importlib.resources import files

from ...hw.ports.axi_map import register_map
from ...hw.unit.config import UnitConfig
from ..units import UNITS

__all__ = ["c_header", "c_sources"]

#: The link to a board, and a serial port to carry it.
LINK = ("skipwalk_link.h", "skipwalk_link.c", "skipwalk_tty.h", "skipwalk_tty.c")


def c_sources(cfg: UnitConfig) -> dict[str, str]:
    """The driver's files for a unit, text by name."""
    unit = UNITS.of(cfg).folder
    folder = files("skipwalk.sw.clib")
    names = ("skipwalk.h", "skipwalk_words.h", "skipwalk_words.c", f"skipwalk_{unit}.c", *LINK)
    return {name: (folder / name).read_text() for name in names}


def c_header(cfg: UnitConfig, module: str) -> str:
    """Text of a header that defines ``SKIPWALK_CORE``, what the driver has to know, and names for all numbers."""
    unit = UNITS.of(cfg)
    values, counters = unit.c_values(cfg)
    guard = f"SKIPWALK_CORE_{module.upper()}_H"
    lines = [
        f"/* Module {module}: what its driver has to know. Written by `skipwalk export`. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        '#include "skipwalk.h"',
        "",
        f"#define SKIPWALK_DIGEST {cfg.digest:#010x}u",
        f"#define SKIPWALK_KIND {UNITS.of(cfg).kind:#010x}u",
        "",
        "/* AXI4-Lite registers, at these bytes. */",
        *(
            f"#define SKIPWALK_REGISTER_{r['name']} {r['offset']:#04x}"
            for r in register_map(memory=cfg.memory_bytes > 0)
        ),
        "",
        *_memory(cfg),
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


def _memory(cfg: UnitConfig) -> list[str]:
    if not cfg.memory_bytes:
        return []
    return ["/* What the core needs from MEMORY_BASE on. */", f"#define SKIPWALK_MEMORY_BYTES {cfg.memory_bytes}u", ""]


def _enum(kind: str, values: Mapping[str, int]) -> list[str]:
    members = [f"    SKIPWALK_{kind}_{name} = {value}" for name, value in values.items()]
    return ["enum {", ",\n".join(members), "};", ""]
