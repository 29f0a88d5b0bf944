"""What the configurations of all units have in common: checks, a plain form that can be stored, a digest. Standard
library only."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self

from ..arith.formats import SQ
from ..fabric.vendor import Vendor

__all__ = ["UnitConfig"]


class UnitConfig:
    """Base of the frozen configurations."""

    #: Only for people; not part of :attr:`digest`.
    name: str
    #: Whose primitives are instantiated. It changes no bit and no cycle.
    vendor: Vendor
    #: Fields that change neither a result nor the meaning of a command.
    UNSEEN: ClassVar[frozenset[str]]
    #: Fields that came later, which the digest leaves out at their default: older cores keep theirs.
    LATER: ClassVar[frozenset[str]] = frozenset()

    def _check_kinds(self) -> None:
        """Raises TypeError for a value that is not of its field's type, of those that are int, bool or SQ."""
        for f in dataclasses.fields(self):  # type: ignore[arg-type]  # of the subclass
            value = getattr(self, f.name)
            if f.type is int and type(value) is not int:
                raise TypeError(f"{f.name} must be an int, not {value!r}")
            if f.type is bool and type(value) is not bool:
                raise TypeError(f"{f.name} must be True or False, not {value!r}")
            if f.type is SQ and not isinstance(value, SQ):
                raise TypeError(f"{f.name} must be a format SQ, not {value!r}")

    def _check_ranges(self, *ranges: tuple[str, int, int] | tuple[str, int, int, str]) -> None:
        """Raises ValueError for a field that is not from its lowest to its highest value; a fourth entry says what the
        lowest one means."""
        for name, low, high, *meaning in ranges:
            if not low <= getattr(self, name) <= high:
                lowest = f"{low} ({meaning[0]})" if meaning else f"{low}"
                raise ValueError(f"{name} must be {lowest} to {high}, not {getattr(self, name)}")

    def _check_widths(self, bits: int, where: str, *names: str) -> None:
        """Raises ValueError for a format that has more bits than there are ``where`` it goes."""
        for name in names:
            if getattr(self, name).bits > bits:
                raise ValueError(f"{name} {getattr(self, name)} is wider than a {where} ({bits} bits)")

    @staticmethod
    def _check_shifts(shifts: Mapping[str, int]) -> None:
        """Raises ValueError for a product that would have to be shifted to the left."""
        for name, shift in shifts.items():
            if shift < 0:
                raise ValueError(f"{name}: the product has {-shift} fraction bits fewer than its format; use fewer")

    @property
    def memory_bytes(self) -> int:
        """Of memory outside that the unit needs; 0: it has no port for it."""
        return 0

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
        values = dict(data)
        for key in (key for key in data if types[key] is SQ):
            if not isinstance(data[key], list) or len(data[key]) != 2:
                raise ValueError(f"{key} must be two numbers of bits, as [5, 13] for Q5.13, not {data[key]!r}")
            values[key] = SQ(*data[key])
        return cls(**values)

    @property
    def digest(self) -> int:
        """32 bits that differ between configurations whose results or commands differ (not by :attr:`UNSEEN`)."""
        data = {k: v for k, v in self.to_dict().items() if k not in self.UNSEEN}
        for f in dataclasses.fields(self):  # type: ignore[arg-type]  # of the subclass
            if f.name in self.LATER and data[f.name] == f.default:
                del data[f.name]
        return int.from_bytes(hashlib.sha256(json.dumps(data, sort_keys=True).encode()).digest()[:4])

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed, checked again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]
