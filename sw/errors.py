"""What goes wrong on the host side. Every message names the thing, its value and the remedy."""

from pathlib import Path

__all__ = ["CapacityError", "DeviceError", "InputError", "SkipwalkError", "UnknownNodeError", "printable"]


class SkipwalkError(Exception):
    """Base of all errors that this package raises on purpose."""


class InputError(SkipwalkError, ValueError):
    """A graph, label or model file, or an array given by the caller, cannot be used as it is.

    ``path`` and ``line`` (from 1), where known, lead the message: ``cora.txt:17: 1 column; write ...``. What a terminal
    would not print, or obey, stands there escaped: files are quoted.
    """

    def __init__(self, message: str, *, path: str | Path | None = None, line: int | None = None):
        self.path = None if path is None else Path(path)
        self.line = line
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(printable(place + message))


def printable(text: str) -> str:
    """Text with what a terminal would not print, or obey, escaped; lines stay lines."""
    return "".join(m if m.isprintable() or m == "\n" else m.encode("unicode_escape").decode() for m in text)


class UnknownNodeError(InputError, KeyError):
    """A node id that the graph does not have."""

    __str__ = Exception.__str__  # KeyError would show the message in quotes


class CapacityError(InputError):
    """A graph or a context that does not fit the core."""


class DeviceError(SkipwalkError):
    """A device cannot be opened, is not the one expected, or has failed."""
