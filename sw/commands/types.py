"""Values of options: backends, lists of integers and of formats."""

import re
from typing import Any

import click

from ...hw.arith.formats import SQ
from ..graph.readers import real
from ..link.transport import unknown_backend

__all__ = ["Backend", "Formats", "Numbers", "RateType", "Reals", "Seconds", "at_baud"]


class Backend(click.ParamType):
    """The name of a backend, refused before anything is read if there is none of that name."""

    name = "text"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        fault = unknown_backend(value)
        return value if fault is None else self.fail(fault, param, ctx)


class Seconds(click.FloatRange):
    """A positive number; NaN, which is neither too small nor too large, is none."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        seconds = super().convert(value, param, ctx)
        return seconds if seconds == seconds else self.fail(f"{value!r} is no positive number", param, ctx)


def at_baud(backend: str, baud: int) -> str:
    """A backend on a serial port at the baud rate of a board, unless it names one; any other as it is."""
    address = backend.removeprefix("serial:")
    if address == backend or address.startswith("tcp:") or "@" in address:
        return backend
    return f"{backend}@{baud}"


class Numbers(click.ParamType):
    """Integers from ``least`` on, with commas or spaces between them."""

    name = "N,N,..."

    def __init__(self, least: int):
        self._least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        if isinstance(value, list):
            return value
        words = re.split(r",\s*|\s+", value.strip())
        numbers = [int(word) for word in words if re.fullmatch("-?[0-9]{1,9}", word)]
        if len(numbers) < len(words) or min(numbers) < self._least:
            return self.fail(f"{value!r} is no list of integers from {self._least} on, such as 16,32", param, ctx)
        return list(dict.fromkeys(numbers))


class Reals(click.ParamType):
    """Positive numbers with commas or spaces between them; ``none`` is no number."""

    name = "X,X,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> list[float]:
        if isinstance(value, list):
            return value
        words = [] if value.strip() == "none" else re.split(r",\s*|\s+", value.strip())
        try:
            numbers = [real(word) for word in words]
        except ValueError:
            numbers = [0.0]
        if not all(0 < number < float("inf") for number in numbers):
            return self.fail(f"{value!r} is no list of positive numbers such as 0.7,1.4", param, ctx)
        return list(dict.fromkeys(numbers))


class Formats(click.ParamType):
    """Formats ``Qi.f`` with commas between them."""

    name = "Qi.f,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> list[SQ]:
        if isinstance(value, list):
            return value
        formats = []
        for word in value.split(","):
            match = re.fullmatch(r"Q(-?\d+)\.(-?\d+)", word.strip())
            if match is None:
                return self.fail(f"{word!r} is no format such as Q5.13", param, ctx)
            try:
                formats.append(SQ(int(match[1]), int(match[2])))
            except ValueError as error:
                return self.fail(str(error), param, ctx)
        return list(dict.fromkeys(formats))


class RateType(click.ParamType):
    """A number, or ``auto``."""

    name = "auto|FLOAT"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | str:
        if value == "auto" or isinstance(value, float):
            return value
        try:
            return float(value)
        except ValueError:
            return self.fail(f"{value!r} is neither a number nor auto", param, ctx)
