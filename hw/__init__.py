"""Gateware of skipwalk. What stands here is imported when it is asked for; configurations need no Amaranth."""

import importlib
from typing import Any

__all__ = ["CoreConfig", "LoraConfig", "LoraCore", "OSELMCore", "preset"]

_PLACES = {
    "CoreConfig": ".oselm.config",
    "LoraConfig": ".lora.config",
    "preset": ".oselm.config",
    "OSELMCore": ".oselm.core",
    "LoraCore": ".lora.core",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_PLACES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
