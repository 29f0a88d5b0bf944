"""What configurations have in common: a plain form that can be stored, and a digest. Standard library only."""

import dataclasses
import hashlib
import json
from enum import StrEnum
from typing import Any, ClassVar, Self

from ..arith.formats import SQ

__all__ = ["Identified"]


class Identified:
    """Base of the frozen configurations."""

    #: Fields that change neither a result nor the meaning of a command.
    UNSEEN: ClassVar[frozenset[str]]

    def to_dict(self) -> dict:
        """Plain JSON-able form; :meth:`from_dict` reads it back."""
        out = {}
        for f in dataclasses.fields(self):  # type: ignore[arg-type]  # of the subclass
            value = getattr(self, f.name)
            if isinstance(value, SQ):
                value = [value.integer, value.fraction]
            elif isinstance(value, StrEnum):
                value = str(value)
            elif isinstance(value, tuple):
                value = list(value)
            out[f.name] = value
        return out

    @classmethod
    def from_dict(cls, data: dict) -> Self:
        """Inverse of :meth:`to_dict`; raises as the constructor does, and ValueError for unknown keys."""
        types = {f.name: f.type for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(data) - set(types))
        if unknown:
            raise ValueError(f"unknown configuration keys: {', '.join(unknown)}")
        values: dict[str, Any] = {k: SQ(*v) if types[k] is SQ and isinstance(v, list) else v for k, v in data.items()}
        return cls(**values)

    @property
    def digest(self) -> int:
        """32 bits that differ between configurations whose results or commands differ (not by :attr:`UNSEEN`)."""
        data = {k: v for k, v in self.to_dict().items() if k not in self.UNSEEN}
        return int.from_bytes(hashlib.sha256(json.dumps(data, sort_keys=True).encode()).digest()[:4])

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed, checked again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]
