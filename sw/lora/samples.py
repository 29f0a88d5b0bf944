"""Labelled samples from files."""

import csv
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..graph.packed import read_bytes, reading, unzip
from ..graph.readers import real, sniffed, typed_ids
from .network import real_numbers
from .npz_network import npz_arrays

__all__ = ["read_samples"]


def read_samples(path: "str | Path") -> tuple[np.ndarray, np.ndarray]:
    """Samples x (n, n_1) and labels y (n,) from ``.npz`` (arrays ``x`` and ``y``) or CSV (the label comes last),
    separated by commas, semicolons or tabs, packed or not; ``-`` is standard input.

    Labels in CSV are integers if all of them are written as one (``7``, not ``007``), else text. Raises InputError with
    file and line for what cannot be used: an array missing or of another type, lines of different length, something
    that is not a number or not finite, a label missing, no samples.
    """
    path = Path(path)
    with reading(path):
        data = read_bytes(path)
        if path.suffix.lower() == ".zip":
            data = unzip(data)[1]
    x, y = _npz(path, data) if path.suffix == ".npz" or data.startswith(b"PK") else _csv(path, data)
    if x.ndim != 2 or y.shape != (len(x),) or not len(x):
        raise InputError(f"x must be (n, features) and y (n,), not {x.shape} and {y.shape}", path=path)
    return x, y


def _npz(path: Path, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    arrays = npz_arrays(path, data)
    with reading(path):
        missing = {"x", "y"} - set(arrays)
        if missing:
            raise InputError(f"no array {' and '.join(sorted(missing))}; there is: {', '.join(arrays)}")
        x, y = real_numbers(arrays["x"], "x"), arrays["y"]
        if y.dtype.kind not in "biufSU":
            raise InputError(f"y is an array of {y.dtype}, not of labels: integers or text")
        if bad := np.argwhere(~np.isfinite(x)).tolist():
            raise InputError(f"x{bad[0]} is not finite; remove or fill it")
    return x, np.char.decode(y, "utf-8") if y.dtype.kind == "S" else y


def _cells(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return line.split(delimiter)


def _csv(path: Path, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    rows: list[list[float]] = []
    labels: list[str] = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not a text file: {error}; use .npz or CSV", path=path) from error
    delimiter = sniffed(text)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        *values, label = _cells(line, delimiter)
        if rows and len(values) != len(rows[0]):
            raise InputError(
                f"{len(values)} values and a label, the lines before have {len(rows[0])} values", path=path, line=number
            )
        try:
            rows.append([real(v) for v in values])
        except ValueError:
            raise InputError(
                "a value is not a number; a line is: value,value,...,label, and there is no header",
                path=path,
                line=number,
            ) from None
        if not np.isfinite(rows[-1]).all():
            raise InputError("a value is not finite; remove or fill it", path=path, line=number)
        if not label.strip():
            raise InputError("no label behind the last comma", path=path, line=number)
        labels.append(label.strip())
    return np.array(rows, np.float64), np.array(typed_ids(labels))
