"""What scikit-learn asks of an estimator, without importing it before it asks.

Importing scikit-learn takes two CPU seconds, as learning Cora from two walks a node does: who never calls it is not to
wait for it. ``clone``, pipelines, searches and ``repr`` meet the methods of :class:`sklearn.base.BaseEstimator`.
"""

import inspect
from typing import Any, Self

__all__ = ["Estimator"]


class Estimator:
    """An estimator whose parameters are those of its ``__init__``, kept under their names."""

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """In alphabetical order."""
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name. ``deep`` makes no difference: none is an estimator."""
        return {name: getattr(self, name) for name in self._get_param_names()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters by name. Raises ValueError for one that is none; then nothing is changed."""
        known = self._get_param_names()
        for name in params:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """With the parameters that are not the default."""
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [f"{k}={v!r}" for k, v in self.get_params().items() if repr(v) != repr(defaults[k].default)]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self) -> str:
        """For notebooks."""
        from sklearn.utils import estimator_html_repr

        return estimator_html_repr(self)

    def __sklearn_tags__(self) -> Any:
        from sklearn.base import BaseEstimator

        return BaseEstimator().__sklearn_tags__()
