"""The golden models of all units: :mod:`skipwalk.hw.units` with what the simulation adds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..hw.lora.config import LoraConfig
from ..hw.oselm.config import CoreConfig
from ..hw.units import UNITS as HW_UNITS
from ..hw.units import UnitKind, Units

__all__ = ["UNITS", "ModelledUnit"]


@dataclass(frozen=True, kw_only=True)
class ModelledUnit(UnitKind):
    """A kind of unit and its model.

    Attributes
    ----------
    model : callable
        ``model(cfg, plain=False)``: words in by ``feed``, replies out by ``drain``, uint32, as from the core. What it
        would compile at a command's first use it compiles in ``rehearse``. ``plain`` takes the definition in NumPy
        instead of its compiled twin.
    """

    model: Callable[..., Any]


def _oselm_model(cfg: CoreConfig, *, plain: bool = False) -> Any:
    from .oselm.unit import OSELMUnit

    model = OSELMUnit(cfg, plain=plain)
    model.warm_up(wait=False)
    return model


def _lora_model(cfg: LoraConfig, *, plain: bool = False) -> Any:
    from .lora.unit import LoraUnit

    return LoraUnit(cfg, plain=plain)


_MODELS: dict[str, Callable[..., Any]] = {"os-elm": _oselm_model, "skip2-lora": _lora_model}

UNITS: Units[ModelledUnit] = Units(
    {name: ModelledUnit(**vars(unit), model=_MODELS[name]) for name, unit in HW_UNITS.items()}
)
