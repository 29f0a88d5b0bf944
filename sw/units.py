"""All units as the host sees them: :mod:`skipwalk.sim.units` with what the host adds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..hw.units import Units
from ..sim.units import UNITS as SIM_UNITS
from ..sim.units import ModelledUnit
from .link.transport import Transport
from .lora import description as lora
from .lora import layouts as lora_layouts
from .oselm import description as oselm
from .oselm import layouts as oselm_layouts
from .unit.driver import UnitDriver
from .unit.words import CValues, Layouts

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
    words : callable
        ``words(cfg)``: :data:`skipwalk.sw.unit.words.Layouts` of its commands.
    c_values : callable
        ``c_values(cfg)``: :data:`skipwalk.sw.unit.words.CValues`.
    program : callable
        ``program(cfg, rng, n)``: words, uint32, that try it: a random state, ``n`` pieces of work, and all read back.
    """

    driver: Callable[[Transport, Any], UnitDriver]
    short: Callable[[Any], str]
    describe: Callable[[Any], dict[str, str]]
    typical: Callable[[Any], tuple[str, float]]
    words: Callable[[Any], Layouts]
    c_values: Callable[[Any], CValues]
    program: Callable[[Any, np.random.Generator, int], np.ndarray]


def _oselm_driver(transport: Transport, cfg: Any) -> UnitDriver:
    from .oselm.driver import OSELMDevice

    return OSELMDevice(transport, cfg)


def _lora_driver(transport: Transport, cfg: Any) -> UnitDriver:
    from .lora.driver import LoraDevice

    return LoraDevice(transport, cfg)


def _oselm_program(cfg: Any, rng: np.random.Generator, n: int) -> np.ndarray:
    from .oselm.program import random_program

    return random_program(cfg, rng, n)


def _lora_program(cfg: Any, rng: np.random.Generator, n: int) -> np.ndarray:
    from .lora.program import random_program

    return random_program(cfg, rng, n)


UNITS: Units[DrivenUnit] = Units(
    {
        "os-elm": DrivenUnit(
            **vars(SIM_UNITS["os-elm"]),
            driver=_oselm_driver,
            short=oselm.short,
            describe=oselm.describe,
            typical=oselm.typical,
            words=oselm_layouts.layouts,
            c_values=oselm_layouts.c_values,
            program=_oselm_program,
        ),
        "skip2-lora": DrivenUnit(
            **vars(SIM_UNITS["skip2-lora"]),
            driver=_lora_driver,
            short=lora.short,
            describe=lora.describe,
            typical=lora.typical,
            words=lora_layouts.layouts,
            c_values=lora_layouts.c_values,
            program=_lora_program,
        ),
    }
)
