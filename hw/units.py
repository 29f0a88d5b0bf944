"""Which kinds of units there are. A unit is a core behind the link, with a configuration and words of its own.

Each has one record here, in ``sim/units.py`` (with its golden model) and in ``sw/units.py`` (with its driver); what
treats all units alike reads these and names none. Amaranth is imported when a core is asked for, not before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from .lora.config import LORA_PRESETS, LoraConfig
from .lora.protocol import LoraCounter, LoraOpcode, LoraParameter
from .oselm.config import PRESETS, CoreConfig
from .oselm.protocol import Counter, Opcode, Parameter
from .unit.config import UnitConfig

__all__ = ["UNITS", "UnitKind", "Units"]


@dataclass(frozen=True, kw_only=True)
class UnitKind:
    """What the gateware knows of a kind of unit.

    Attributes
    ----------
    name : str
        On the command line and in maps of cores.
    folder : str
        Where it stands in each tree; its figures are called by it.
    kind : int
        By which the link knows it: four letters.
    config : type
        Its configurations.
    presets : mapping
        Configurations by name.
    opcodes, parameters, counters : type of IntEnum
        Words of its commands.
    core : callable
        ``core(cfg, primitives=False)``: a component with streams of words, ``i`` and ``o``.
    """

    name: str
    folder: str
    kind: int
    config: type[UnitConfig]
    presets: Mapping[str, UnitConfig]
    opcodes: type[IntEnum]
    parameters: type[IntEnum]
    counters: type[IntEnum]
    core: Callable[..., Any]


Kind = TypeVar("Kind", bound=UnitKind)


class Units(dict[str, Kind]):
    """Records by the name of the unit."""

    def of(self, cfg: UnitConfig) -> Kind:
        """The record of the unit that ``cfg`` configures. Raises TypeError if there is none."""
        for unit in self.values():
            if isinstance(cfg, unit.config):
                return unit
        raise TypeError(f"{type(cfg).__name__} configures no unit; there are {', '.join(self)}")


def _oselm_core(cfg: CoreConfig, *, primitives: bool = False) -> Any:
    from .oselm.core import OSELMCore

    return OSELMCore(cfg, primitives=primitives)


def _lora_core(cfg: LoraConfig, *, primitives: bool = False) -> Any:
    from .lora.core import LoraCore

    return LoraCore(cfg, primitives=primitives)


UNITS: Units[UnitKind] = Units(
    {
        "os-elm": UnitKind(
            name="os-elm",
            folder="oselm",
            kind=int.from_bytes(b"OSEL", "big"),
            config=CoreConfig,
            presets=PRESETS,
            opcodes=Opcode,
            parameters=Parameter,
            counters=Counter,
            core=_oselm_core,
        ),
        "skip2-lora": UnitKind(
            name="skip2-lora",
            folder="lora",
            kind=int.from_bytes(b"LORA", "big"),
            config=LoraConfig,
            presets=LORA_PRESETS,
            opcodes=LoraOpcode,
            parameters=LoraParameter,
            counters=LoraCounter,
            core=_lora_core,
        ),
    }
)
