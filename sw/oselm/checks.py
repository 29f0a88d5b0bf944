"""Arrays out of files that anybody may have written: bounded before they are unpacked, checked before they are used."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError

import numpy as np

from ...hw.arith.formats import SQ
from ..errors import InputError
from ..graph.packed import any_header, check_text, open_input

__all__ = ["Arrays", "check_csr", "check_raw", "open_arrays"]

#: An archive may unpack to so many bytes whatever its size, and beyond that to so many times its size.
_FREE, _RATIO = 64 << 20, 60
#: Longest text.
_TEXT = 256 << 20


class Arrays:
    """The arrays of an .npz archive, each read when it is asked for by the shape and kind that it has to have."""

    def __init__(self, archive: zipfile.ZipFile, size: int):
        self._archive = archive
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        self._arrays: dict[str, np.ndarray] = {}
        total = sum(info.file_size for info in archive.infolist())
        if total > max(_FREE, _RATIO * size):
            raise InputError(f"unpacks from {size} to {total} bytes, which no model does")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def length(self, name: str, *, most: int) -> int:
        """Of a one-dimensional array. Raises ValueError if it is longer than ``most``."""
        shape, _ = self._header(name)
        if len(shape) != 1 or not 0 <= shape[0] <= most:
            raise ValueError(f"{name} has the shape {shape}; at most ({most},) fits the rest")
        return shape[0]

    def get(self, name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
        """An array of exactly this shape and kind."""
        found, dtype = self._header(name)
        if found != shape or dtype != np.dtype(kind):
            raise ValueError(f"{name} has the shape {found} of {dtype} instead of {shape} of {np.dtype(kind)}")
        return self._read(name)

    def text(self, name: str) -> str:
        """A single text. Raises ValueError if it is none."""
        shape, dtype = self._header(name)
        if shape != () or dtype.kind != "U" or dtype.itemsize > _TEXT:
            raise ValueError(f"{name} is no text")
        return self._read(name).item()

    def ids(self, n: int) -> dict[str, np.ndarray]:
        """The arrays of ``n`` ids, as :func:`skipwalk.sw.oselm.vectors.ids_to_arrays` made them."""
        if "ids" in self:
            shape, dtype = self._header("ids")
            if shape != (n,) or (dtype != np.int64 and dtype.kind != "U"):
                raise ValueError(f"ids of the shape {shape} of {dtype}; {n} are needed")
            return {"ids": self._read("ids")}
        return {"ids_json": self.get("ids_json", (self.length("ids_json", most=_TEXT),), np.uint8)}

    def loaded(self) -> dict[str, np.ndarray]:
        """All arrays that have been read. Raises ValueError if there are others."""
        rest = sorted(self._members.keys() - self._arrays.keys())
        if rest:
            raise ValueError(f"arrays that no model has: {', '.join(rest)}")
        return dict(self._arrays)

    def _header(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        if name not in self._members:
            raise KeyError(f"no array {name}")
        info = self._members[name]
        with self._archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            if version != (1, 0):
                raise ValueError(f"{name} is no array of this format")
            with any_header():
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
            if (fortran and len(shape) > 1) or dtype.hasobject:
                raise ValueError(f"{name} is no plain array")
            size = dtype.itemsize
            for n in shape:
                size *= n
            if member.tell() + size != info.file_size:
                raise ValueError(f"{name} has {info.file_size} bytes, and its header says {member.tell() + size}")
        return shape, dtype

    def _read(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            with self._archive.open(self._members[name]) as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
            check_text(name, array)
            self._arrays[name] = array
        return self._arrays[name]


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Raises InputError, ValueError, KeyError, or what ``skipwalk.sw.graph.readers.reading`` translates."""
    try:
        with open_input(path) as file, zipfile.ZipFile(file) as archive:
            yield Arrays(archive, file.seek(0, io.SEEK_END))
    except (NotImplementedError, RuntimeError, TokenError, SyntaxError, UnicodeDecodeError) as error:
        if isinstance(error, RecursionError):
            raise
        raise InputError(f"cut off or damaged ({error}); write it again") from error


def check_csr(indptr: np.ndarray, indices: np.ndarray, weights: np.ndarray | None, weight_bits: int) -> None:
    """Raise ValueError unless these are the rows of an undirected graph: ascending, without loops, each edge in both of
    its rows with one weight that fits."""
    rows = len(indptr) - 1
    degree = np.diff(indptr)
    if indptr[0] != 0 or indptr[-1] != len(indices) or (degree < 0).any():
        raise ValueError("indptr does not fit indices")
    if not len(indices):
        return
    if indices.min() < 0 or indices.max() >= rows:
        raise ValueError(f"indices beyond the {rows} rows")
    row = np.repeat(np.arange(rows, dtype=np.int64), degree)
    there, back = row * rows + indices, indices.astype(np.int64) * rows + row
    if (np.diff(there) <= 0).any() or (row == indices).any():
        raise ValueError("neighbours that do not ascend, or a node next to itself")
    order = np.argsort(back)
    if not np.array_equal(there, back[order]):
        raise ValueError("an edge that is in one of its rows only")
    if weights is not None:
        if weights.min() < 1 or weights.max() >= 1 << 16 or not np.array_equal(weights, weights[order]):
            raise ValueError("weights out of range, or different in the two rows of an edge")
        if np.bincount(row, weights, rows).max() >= 1 << weight_bits:
            raise ValueError(f"weights whose sum does not fit {weight_bits} bits")


def check_raw(name: str, raw: np.ndarray, fmt: SQ) -> None:
    """Raise ValueError for integers outside a format."""
    if raw.size and not fmt.min_raw <= raw.min() <= raw.max() <= fmt.max_raw:
        raise ValueError(f"{name} has values outside {fmt}")
