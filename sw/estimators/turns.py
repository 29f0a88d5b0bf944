"""Estimators that several threads may call."""

import threading
from typing import Any

__all__ = ["TakesTurns"]


class TakesTurns:
    """Calls take turns: whoever uses the estimator does so ``with self._turn()``. Copies and pickles have their own."""

    def _turn(self) -> threading.RLock:
        return self.__dict__.setdefault("_lock", threading.RLock())

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_lock"}
