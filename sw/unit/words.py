"""What a unit tells others of its words and sizes: forms that maps, headers and drivers are written from."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

__all__ = ["CValues", "Field", "Layouts", "field_bits", "repeat"]

#: A field of a word: lowest bit and width.
Field = tuple[int, int]
#: By command: fields of the header beside the opcode, which is in bits 28 to 31; operands; replies. The latter two are
#: lists of what a word is, a dict of its fields, or ``repeat``, which says how often what it holds comes.
Layouts = dict[str, tuple[dict[str, Field], list, list]]
#: Fields of a unit's struct in the C driver, and its counters.
CValues = tuple[dict[str, int | str], Sequence[IntEnum]]


def field_bits(fields: dict[str, Field]) -> dict[str, dict[str, int]]:
    """Fields as JSON holds them."""
    return {name: {"lowest_bit": low, "bits": bits} for name, (low, bits) in fields.items()}


def repeat(times: int | str, *what: Any) -> dict[str, Any]:
    """What comes so often."""
    return {"repeat": times, "of": list(what)}
