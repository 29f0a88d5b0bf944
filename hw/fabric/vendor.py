"""Whose cells a design is made of."""

from enum import StrEnum

__all__ = ["Vendor"]


class Vendor(StrEnum):
    """Whose multiplier and block RAM are instantiated."""

    GENERIC = "generic"
    ECP5 = "ecp5"
