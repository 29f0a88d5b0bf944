"""Small designs that together have every component: what a fault in a file may change."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ....hw.arith.dot import DotProduct
from ....hw.arith.multiplier import Multiplier
from ....hw.arith.permutation import Permutation
from ....hw.arith.reciprocal import Reciprocal
from ....hw.arith.requantize import Requantize
from ....hw.arith.share import Share
from ....hw.fabric.ram import Ram
from ....hw.fabric.vendor import Vendor
from ....hw.link.protocol import FOLD_KIND, UartConfig
from ....hw.lora.config import lora_preset
from ....hw.memory.axi import AxiMaster
from ....hw.memory.crossing import PortCrossing
from ....hw.memory.port import MemoryPort
from ....hw.memory.sdram import SdramController
from ....hw.memory.sdram_config import SdramConfig
from ....hw.oselm.config import Schedule, preset
from ....hw.oselm.front_end.front_end import FrontEnd
from ....hw.oselm.graph.edits import EditEngine
from ....hw.oselm.graph.store import GraphStore
from ....hw.oselm.graph.walkers import Walkers
from ....hw.oselm.rows.cache import RowCache
from ....hw.oselm.rows.config import RowsConfig
from ....hw.ports.axi import AxiCore
from ....hw.ports.serial import serial_device
from ....hw.units import UNITS
from ....sim.link.folding import FoldingCore
from ....sim.link.rtl import LinkedCore
from ....sim.rtl import build

__all__ = ["DESIGNS", "files_of", "places_of", "rtlil_of"]

_TINY, _LORA = preset("tiny"), lora_preset("tiny")
_GRAPH = _TINY.replace(nodes=32, edge_ends=128, weight_bits=20, walkers=2)
_SEQUENTIAL = _TINY.replace(schedule=Schedule.SEQUENTIAL, lookahead=0)
_SERIAL = UartConfig(clock_hz=1_000_000, baud=100_000)


def _core(cfg: Any, **options: Any) -> Any:
    return UNITS.of(cfg).core(cfg, **options)


#: Name and how to make it.
DESIGNS: Mapping[str, Callable[[], Any]] = {
    "multiplier": lambda: Multiplier(18, 12),
    "multiplier.cell": lambda: Multiplier(18, 18, vendor=Vendor.ECP5, primitives=True),
    "dot": lambda: DotProduct(5, 18, 18),
    "requantize": lambda: Requantize(30, shift=7, fmt=_TINY.beta),
    "reciprocal": lambda: Reciprocal(int_bits=6, frac_bits=18, gain_bits=17),
    "permutation": lambda: Permutation(6),
    "share": lambda: Share(12),
    "ram": lambda: Ram(48, 18),
    "ram.cell": lambda: Ram(3072, 18, vendor=Vendor.ECP5, primitives=True),
    "oselm": lambda: _core(_TINY),
    "oselm.cells": lambda: _core(_TINY.replace(vendor=Vendor.ECP5), primitives=True),
    "oselm.groups": lambda: _core(_TINY.replace(dim=20, max_samples=15, broadcast=3, group=2)),
    "oselm.sequential": lambda: _core(_SEQUENTIAL),
    "oselm.words": lambda: _core(_TINY.replace(walks=0)),
    "oselm.pool": lambda: _core(_TINY.replace(pool=64)),
    "oselm.graph": lambda: _core(_GRAPH),
    "oselm.graph.plain": lambda: _core(_GRAPH.replace(weight_bits=0, pool=64)),
    "front_end": lambda: FrontEnd(_TINY),
    "graph.edits": lambda: EditEngine(_GRAPH),
    "graph.store": lambda: GraphStore(_GRAPH),
    "graph.walkers": lambda: Walkers(_GRAPH),
    "rows": lambda: RowCache(RowsConfig(rows=60, slots=16, words=3, pool=4, group_rows=8, groups=3)),
    "lora": lambda: _core(_LORA),
    "lora.deep": lambda: _core(_LORA.replace(widths=(9, 7), rank=1, cache_samples=3)),
    "lora.cells": lambda: _core(_LORA.replace(vendor=Vendor.ECP5), primitives=True),
    "link": lambda: LinkedCore(),
    "serial": lambda: serial_device([_TINY, _LORA], _SERIAL),
    "axi": lambda: AxiCore(FoldingCore(), kind=FOLD_KIND, digest=1),
    "memory.axi": lambda: AxiMaster(address_bits=20, data_bits=64, last_bits=6, bus_bits=32, outstanding=4),
    "memory.crossing": lambda: PortCrossing(MemoryPort(12, 32, 5)),
    "memory.sdram": lambda: SdramController(SdramConfig(clock_hz=94_000_000, powerup_us=1, refresh_ms=12), 6),
}

#: Clock domains of a design other than ``sync``.
CLOCKS: Mapping[str, tuple[str, ...]] = {"memory.crossing": ("memory",)}


def rtlil_of(names: Iterable[str]) -> dict[str, str]:
    """RTLIL of designs, without places in Python. Raises whatever their elaboration raises."""
    return {name: _convert(name, emit_src=False) for name in names}


def files_of(name: str) -> set[str]:
    """Files of ``hw`` whose lines a design's hardware comes from, relative to the checkout."""
    return set(re.findall(r"[\"|](?:[^\"|\n]*/)?(hw/[a-z0-9_/]+\.py):\d", places_of(name)))


def places_of(name: str) -> str:
    """RTLIL of a design, with places in Python."""
    return _convert(name, emit_src=True)


def _convert(name: str, *, emit_src: bool) -> str:
    from amaranth.back import rtlil

    fragment, top, ports = build.elaborated(DESIGNS[name](), "top", CLOCKS.get(name, ()))
    return rtlil.convert(fragment, name=top, ports=ports, emit_src=emit_src)
