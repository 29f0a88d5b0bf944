"""Host side of skipwalk. What stands here is imported when it is asked for: Numba and scikit-learn take seconds."""

import importlib
from typing import Any

__all__ = ["Graph", "Node2Vec", "SkipLoRA"]

_PLACES = {
    "Node2Vec": ".oselm.estimator",
    "SkipLoRA": ".lora.estimator",
    "Graph": ".graph.graph",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_PLACES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
