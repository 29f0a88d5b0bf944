"""Lines that change a graph or ask about it, one a line, as ``skipwalk learn`` reads them.

+ u v [w]   the edge u v, with this weight      ? u     the vector of u
- u v       no edge u v any more                ~ u k   the k nodes nearest to u
- u         no node u any more                  #       a comment, as is an empty line
"""

import re
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from ..errors import InputError
from ..graph.readers import real
from .changes import Addition, Change, CutEdge, DropNode

__all__ = ["Ids", "Nearest", "Request", "VectorOf", "parsed"]

#: As :func:`skipwalk.sw.graph.readers.typed_ids` reads integers.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_COUNT = re.compile("[0-9]{1,18}")


class VectorOf(NamedTuple):
    """``? u``"""

    u: Hashable


class Nearest(NamedTuple):
    """``~ u k``"""

    u: Hashable
    k: int


Request = Change | VectorOf | Nearest


class Ids:
    """Ids by how they read. New ones are integers if all ids so far are and they are written as one, else text.

    Raises InputError if two ids read the same.
    """

    def __init__(self, ids: Iterable[Hashable]):
        ids = list(ids)
        self._by_text = {str(node): node for node in ids}
        if len(self._by_text) < len(ids):
            raise InputError("the model has different ids that read the same (as 1 and '1'); a line cannot tell them")
        self._integers = all(type(node) is int for node in ids)

    def __getitem__(self, text: str) -> Hashable:
        node = self._by_text.get(text)
        if node is None:
            node = int(text) if self._integers and _INTEGER.fullmatch(text) else text
            self._by_text[text] = node
        return node


def parsed(line: str, ids: Ids) -> Request | None:
    """What a line says; None for an empty one or a comment. Raises InputError for anything else."""
    sign, *rest = line.split() or [""]
    match sign, rest:
        case ("", _):
            return None
        case _ if sign.startswith("#"):
            return None
        case "+", [u, v]:
            return Addition(ids[u], ids[v], None)
        case "+", [u, v, w]:
            return Addition(ids[u], ids[v], _positive(w))
        case "-", [u, v]:
            return CutEdge(ids[u], ids[v])
        case "-", [u]:
            return DropNode(ids[u])
        case "?", [u]:
            return VectorOf(ids[u])
        case "~", [u, k] if _COUNT.fullmatch(k) and 0 < int(k) < 1 << 20:
            return Nearest(ids[u], int(k))
    shown = line.strip() if len(line) < 60 else line[:57].strip() + "..."
    raise InputError(f"{shown!r} is none of `+ u v`, `+ u v w`, `- u v`, `- u`, `? u` and `~ u k`")


def _positive(text: str) -> float:
    try:
        value = real(text)
    except ValueError:
        raise InputError(f"weight {text!r} is not a number") from None
    if not 0 < value < float("inf"):
        raise InputError(f"weight {text}; it has to be positive and finite")
    return value
