"""Embeddings to and from files: word2vec's text format, and NumPy's .npz."""

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph.packed import read_bytes, reading, unpack_npz
from ..graph.readers import real, typed_ids
from ..results.files import atomic_write

__all__ = [
    "from_json",
    "ids_from_arrays",
    "ids_to_arrays",
    "load_npz",
    "load_word2vec",
    "save_npz",
    "save_word2vec",
    "to_json",
]

Ids = Sequence[Hashable] | np.ndarray

#: Control characters, those that turn the direction of writing, and the beginning of a spreadsheet's formula.
_UNSAFE = re.compile("^=|[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_JSON_TYPES = (str, int, float, bool, type(None))

#: Strings become an array of so many characters, or of so many times as many as they have.
_NARROW, _WIDENED = 1 << 18, 8


# ---- word2vec text
def save_word2vec(path: str | Path, ids: Ids, vectors: np.ndarray) -> None:
    """word2vec's text format: a line ``n dim``, then one line ``id x0 x1 ...`` for each vector (n, dim).

    Floats get as many digits as give the same float32 (float64) back. The format cannot hold every id: raises
    InputError for ids that are empty, contain white space or control characters, begin with ``=``, or read the same as
    another (1 and '1'); and for vectors that are not finite or not one for each id.
    """
    values, words = _checked(path, ids, vectors), [str(node) for node in ids]
    seen: set[str] = set()
    for node, word in zip(ids, words, strict=True):
        if word in seen or word.split() != [word]:
            reason = "is there twice, as text" if word in seen else "is empty or has white space"
            raise InputError(f"id {node!r} {reason}, which word2vec text cannot hold; save .npz instead", path=path)
        if _UNSAFE.search(word):
            raise InputError(
                f"id {node!r} has a control character or begins with =, which a terminal or a spreadsheet would "
                "obey; save .npz instead",
                path=path,
            )
        seen.add(word)
    digits = 9 if values.dtype == np.float32 else 17
    line = " ".join(["%s"] + [f"%.{digits}g"] * values.shape[1]) + "\n"
    try:
        text = [(line % (word, *row)).encode() for word, row in zip(words, values.tolist(), strict=True)]
    except UnicodeEncodeError as error:
        raise InputError(f"id {error.object.split()[0]!r} cannot be written as UTF-8; save .npz", path=path) from None
    with atomic_write(path) as file:
        file.write(f"{len(words)} {values.shape[1]}\n".encode())
        file.writelines(text)


def load_word2vec(path: str | Path, dtype: Any = np.float32) -> tuple[list[int] | list[str], np.ndarray]:
    """Ids and vectors (n, dim) from word2vec text, gzip or not; ids are integers if all are written as such.

    Raises InputError, with file and line: a malformed header or line, a value that is no finite number, an id that is
    there twice, fewer or more lines than the header says.
    """
    path = Path(path)
    with reading(path):
        data = read_bytes(path)
        try:
            lines = data.decode("utf-8-sig").split("\n")
        except UnicodeDecodeError:
            raise InputError("not UTF-8 text; word2vec's binary format is not read, save it as text") from None
    head = lines[0].split()
    if len(head) != 2 or not all(re.fullmatch("[0-9]{1,18}", word) for word in head):
        raise InputError(f"{lines[0][:40]!r} is no header `n dim` of word2vec text", path=path, line=1)
    n, dim = map(int, head)
    if lines[-1] == "":
        lines.pop()
    if not n:
        raise InputError("no vectors; write the file again", path=path)
    if len(lines) != n + 1:
        raise InputError(f"{len(lines) - 1} vectors, but the header says {n}; write the file again", path=path)
    if dim > len(data):
        raise InputError(
            f"{dim} numbers a line in a file of {len(data)} bytes; write the file again", path=path, line=1
        )
    words: dict[str, int] = {}
    vectors = np.empty((n, dim), dtype)
    for number, text in enumerate(lines[1:], 2):
        cells = text.split()
        if len(cells) != dim + 1:
            raise InputError(f"{len(cells)} columns; an id and {dim} numbers belong here", path=path, line=number)
        if words.setdefault(cells[0], number) != number:
            raise InputError(f"id {cells[0]!r} is in line {words[cells[0]]} already", path=path, line=number)
        try:
            if "_" in text:
                list(map(real, cells[1:]))
            with np.errstate(over="ignore"):  # what is too large is not finite below
                vectors[number - 2] = cells[1:]
        except ValueError as error:
            raise InputError(f"{error}; an id and {dim} numbers belong here", path=path, line=number) from None
        if not np.isfinite(vectors[number - 2]).all():
            raise InputError("a value is not finite", path=path, line=number)
    return typed_ids(words), vectors


# ---- .npz
def save_npz(path: str | Path, ids: Ids, vectors: np.ndarray, **meta: Any) -> None:
    """``ids``, ``vectors`` (n, dim) with their dtype, and ``meta`` as JSON, for ``numpy.load`` or :func:`load_npz`.

    Equal contents give equal bytes. Raises InputError for ids that :func:`ids_to_arrays` refuses, for meta that JSON
    cannot hold, and for vectors that are not finite or not one for each id.
    """
    values = _checked(path, ids, vectors)
    try:
        note = json.dumps(meta, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"meta: {error}; JSON cannot hold it", path=path) from None
    arrays: dict[str, Any] = {"vectors": values, "meta": np.array(note), **ids_to_arrays(ids)}
    with atomic_write(path) as file:
        np.savez(file, **arrays)


def load_npz(path: str | Path) -> tuple[list[Hashable], np.ndarray, dict[str, Any]]:
    """Ids, vectors and meta as :func:`save_npz` wrote them. Raises InputError for any other or a damaged file."""
    path = Path(path)
    with reading(path):
        arrays = unpack_npz(read_bytes(path))
        try:
            vectors, meta, ids = arrays["vectors"], json.loads(arrays["meta"].item()), ids_from_arrays(arrays)
            if not isinstance(meta, dict):
                raise ValueError("its meta is no table")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not an embedding that save_npz wrote ({error})", path=path) from error
        if vectors.ndim != 2 or len(vectors) != len(ids):
            raise InputError(f"vectors of shape {vectors.shape} for {len(ids)} ids; write the file again")
        _checked(path, ids, vectors)
    return ids, vectors, meta


def ids_to_arrays(ids: Ids) -> dict[str, np.ndarray]:
    """Arrays for ``np.savez`` that need no pickle: ``ids`` where all are integers (int64) or all strings of similar
    length, else ``ids_json``, the UTF-8 bytes of a JSON list in which tuples are lists.

    Raises InputError for an id that is neither a string, number, None nor a tuple of these.
    """
    nodes = [node.item() if isinstance(node, np.generic) else node for node in ids]
    if all(type(node) is int and -(1 << 63) <= node < 1 << 63 for node in nodes):
        return {"ids": np.array(nodes, np.int64)}
    # NumPy's fixed-width strings lose NULs at the end, and each is as wide as the longest.
    if all(type(node) is str and not node.endswith("\0") for node in nodes):
        widths = [len(str(node)) for node in nodes]
        if len(nodes) * max(widths, default=0) <= max(_NARROW, _WIDENED * sum(widths)):
            return {"ids": np.array(nodes, np.str_)}
    return {"ids_json": np.frombuffer(json.dumps([to_json(node) for node in nodes]).encode(), np.uint8)}


def ids_from_arrays(arrays: Mapping[str, np.ndarray]) -> list[Hashable]:
    """Inverse of :func:`ids_to_arrays`; raises KeyError or ValueError for arrays that it did not make."""
    if "ids" in arrays:
        return arrays["ids"].tolist()
    return [from_json(node) for node in json.loads(arrays["ids_json"].tobytes())]


def to_json(node: Hashable) -> Any:
    """An id as JSON can hold it: tuples become lists."""
    if isinstance(node, tuple):
        return [to_json(part) for part in node]
    if type(node) not in _JSON_TYPES:
        raise InputError(f"id {node!r} is a {type(node).__name__}; only strings, numbers, None and tuples can be saved")
    return node


def from_json(value: Any) -> Hashable:
    """Inverse of :func:`to_json`."""
    return tuple(from_json(part) for part in value) if isinstance(value, list) else value


def _checked(path: str | Path, ids: Ids, vectors: np.ndarray) -> np.ndarray:
    values = np.asarray(vectors)
    if values.dtype.kind not in "fiu":
        raise InputError(f"vectors of {values.dtype}; they have to be numbers", path=path)
    if values.ndim != 2 or len(values) != len(ids):
        raise InputError(f"vectors of shape {values.shape} for {len(ids)} ids; give (n_ids, dim)", path=path)
    bad = np.flatnonzero(~np.isfinite(values).all(1))
    if len(bad):
        raise InputError(f"the vector of {ids[bad[0]]!r} is not finite", path=path)
    return values
