"""All units as the host sees them: :mod:`skipwalk.sim.units` with what the host adds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..hw.units import Units
from ..sim.units import UNITS as SIM_UNITS
from ..sim.units import ModelledUnit
from .link.transport import Transport
from .lora import description as lora
from .oselm import description as oselm
from .unit.driver import UnitDriver

__all__ = ["UNITS", "DrivenUnit"]


@dataclass(frozen=True, kw_only=True)
class DrivenUnit(ModelledUnit):
    """A kind of unit, its model, and how the host drives it.

    Attributes
    ----------
    driver : callable
        ``driver(transport, cfg)`` opens it.
    short : callable
        ``short(cfg)``: its sizes in a few words.
    describe : callable
        ``describe(cfg)``: what it is and where it fits, a line each, by the line's name.
    typical : callable
        ``typical(cfg)``: name and cycles of a piece of work, which a board's summary gives the time of.
    """

    driver: Callable[[Transport, Any], UnitDriver]
    short: Callable[[Any], str]
    describe: Callable[[Any], dict[str, str]]
    typical: Callable[[Any], tuple[str, float]]


def _oselm_driver(transport: Transport, cfg: Any) -> UnitDriver:
    from .oselm.driver import OSELMDevice

    return OSELMDevice(transport, cfg)


def _lora_driver(transport: Transport, cfg: Any) -> UnitDriver:
    from .lora.driver import LoraDevice

    return LoraDevice(transport, cfg)


UNITS: Units[DrivenUnit] = Units(
    {
        "os-elm": DrivenUnit(
            **vars(SIM_UNITS["os-elm"]),
            driver=_oselm_driver,
            short=oselm.short,
            describe=oselm.describe,
            typical=oselm.typical,
        ),
        "skip2-lora": DrivenUnit(
            **vars(SIM_UNITS["skip2-lora"]),
            driver=_lora_driver,
            short=lora.short,
            describe=lora.describe,
            typical=lora.typical,
        ),
    }
)
