"""What has been computed is kept, under a key of everything that it depends on, the program included.

The program is a digest of the files that make a result. They are found by their imports: no list can lack one.
"""

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .files import atomic_write, check_place, make_folder

__all__ = ["OTHER_BACKENDS", "JsonRecords", "key_digest", "source_digest", "source_texts"]

_PACKAGE = "skipwalk"
_ROOT = Path(__file__).resolve().parents[2]

#: How a core runs if not on the golden model: what only learns there leaves them out, or new gateware would undo it.
OTHER_BACKENDS = (
    "hw/oselm/core.py",
    "hw/lora/core.py",
    "sim/rtl/build.py",
    "sim/rtl/verilated.py",
    "sw/link/link.py",
    "sw/link/pipe.py",
)


class JsonRecords:
    """JSON objects in a folder, ``NAME.json`` each, there whole or not at all.

    The entry ``key`` of each says what it is of. The folder is made when the first one is written, or by :meth:`check`.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def check(self) -> None:
        """Make the folder, and see that records will have a place. Raises InputError."""
        make_folder(self._folder)
        check_place(self.path("record"))

    def path(self, name: str) -> Path:
        """Where the record of this name is, or would be."""
        return self._folder / f"{name}.json"

    def read(self, name: str, key: Any) -> dict[str, Any] | None:
        """The record of this name and key (JSON); None if there is none, or it is damaged or of another key."""
        try:
            record = json.loads(self.path(name).read_text())
            return record if record["key"] == json.loads(json.dumps(key)) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, name: str, record: Mapping[str, Any]) -> None:
        """Keep a record, with its ``key``. Raises InputError if the file cannot be written."""
        make_folder(self._folder)
        with atomic_write(self.path(name)) as file:
            file.write(json.dumps(record, indent=1).encode() + b"\n")


def key_digest(key: Any) -> str:
    """SHA-256 of a key (JSON), in hex digits."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


@cache
def source_digest(*files: str | Path, without: tuple[str, ...] = ()) -> str:
    """16 hex digits over :func:`source_texts`."""
    return key_digest(source_texts(*files, without=without))[:16]


def source_texts(*files: str | Path, without: tuple[str, ...] = ()) -> dict[str, str]:
    """The program text, by file name, of these files and of all in this package that they depend on.

    A Python file depends on what it imports, within functions too, on the packages around that, and on files beside it
    that it names in a string, as ``"harness.cpp"``. Imports by a computed name are not seen. Comments, docstrings and
    layout of Python are no program text.

    Parameters
    ----------
    files : str or Path
        Relative to the package, or absolute.
    without : tuple of str
        Files that do not shape the result: they are left out, and what nothing else depends on.

    Raises FileNotFoundError if a file is not there, of ``without`` too.
    """
    seen = {(_ROOT / file).resolve(strict=True) for file in without}
    waiting = [(_ROOT / file).resolve(strict=True) for file in files]
    texts: dict[str, str] = {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        name = path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else path.name
        texts[name] = path.read_text()
        if path.suffix == ".py":
            program = _program(texts[name])
            texts[name] = ast.dump(program)
            waiting += _needs(program, path)
    return texts


def _program(text: str) -> ast.Module:
    """The syntax tree of a module, without docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return tree


def _needs(program: ast.Module, path: Path) -> Iterator[Path]:
    """Files that the Python file ``path`` depends on directly."""
    beside = {file.name: file for file in path.parent.iterdir() if file.is_file()}
    for node in ast.walk(program):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                package = [_PACKAGE, *path.relative_to(_ROOT).parts[:-1]]
                base = package[: len(package) - node.level + 1] + base
            for alias in node.names:
                yield from _module([*base, alias.name])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in beside:
            yield beside[node.value]


def _module(names: list[str]) -> Iterator[Path]:
    """The files of a module of this package, or of something in one, and of the packages around it; else none."""
    if names[0] != _PACKAGE:
        return
    for end in range(2, len(names) + 1):
        place = _ROOT.joinpath(*names[1:end])
        yield from (file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file())
