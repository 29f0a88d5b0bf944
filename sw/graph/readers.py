"""Graphs and labels from files; ``docs/graphs.md`` describes the formats.

What is wrong with a file is an :class:`~skipwalk.sw.errors.InputError` that names it, the line where there is one, and
the remedy.
"""

import contextlib
import csv
import gzip
import io
import itertools
import logging
import re
import zipfile
import zlib
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np
from scipy import sparse

from ..errors import InputError
from .graph import Graph

__all__ = ["read_bytes", "read_edges", "read_graph", "read_labels", "reading", "typed_ids", "unpack_npz"]

log = logging.getLogger(__name__)

#: Column names that make the first row of a table its header.
SOURCES = ("source", "src", "from", "u", "node1", "id1", "head")
TARGETS = ("target", "dst", "to", "v", "node2", "id2", "tail")
WEIGHTS = ("weight", "w", "value")
NODES = ("node", "id", "node_id", "name", "vertex")
CLASSES = ("class", "label", "y", "target", "community", "subject", "category")

_DELIMITERS = {"csv": ",", "tsv": "\t"}
# At most 18 digits, so that ids fit into int64 wherever they are stored.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")

Row = tuple[int, list[str]]  # line number and cells


def read_graph(path: str | Path, *, fmt: str | None = None) -> Graph:
    """The graph in a file, compressed by gzip or not.

    ``fmt`` is one of edges, csv, tsv, graphml, gml and npz; if it is not given, the ending of the name tells (before
    ``.gz``), and every other ending is an edge list.

    Raises InputError: the file cannot be opened, is malformed or cut off, has no edge, or has a weight that is not
    positive and finite.
    """
    path = Path(path)
    kind = _kind(path, fmt)
    with reading(path):
        data = read_bytes(path)
        if kind == "npz":
            graph = _from_npz(data)
        elif kind in ("graphml", "gml"):
            graph = _from_networkx_file(data, path, kind)
        else:
            graph = _from_rows(_rows(data, path, _DELIMITERS.get(kind)), path, kind != "edges")
        if not graph.n_edges:
            raise InputError(f"no edges between different nodes ({graph.self_loops} self-loops); is it the right file?")
    return graph


def read_labels(path: str | Path, graph: Graph | None = None, *, fmt: str | None = None) -> dict[Hashable, int | str]:
    """The class of each node in a text file ``node class`` or a CSV or TSV file with these columns.

    With ``graph`` the keys are its ids; without it, ids are read as :func:`typed_ids` reads them, and so are classes.

    Raises InputError, with file and line: not two columns, a node that ``graph`` does not have, two different classes
    for one node; or no labels at all.
    """
    path = Path(path)
    kind = _kind(path, fmt)
    if kind not in ("edges", *_DELIMITERS):
        raise InputError("labels are read from text (`node class`), .csv or .tsv", path=path)
    nodes: dict[str, tuple[int, str]] = {}
    with reading(path):
        known = None if graph is None else _ids_by_text(graph)
        rows, columns = _header(_rows(read_bytes(path), path, _DELIMITERS.get(kind)), (NODES, CLASSES), 1, kind)
        for line, cells in rows:
            if len(cells) != 2 if columns is None else len(cells) <= max(columns):
                raise InputError(f"{len(cells)} columns; a label line is a node and its class", path=path, line=line)
            node, label = (cells[c] for c in columns) if columns else cells
            if known is not None and node not in known:
                raise InputError(f"node {node!r} is not in the graph; remove the line", path=path, line=line)
            before, other = nodes.setdefault(node, (line, label))
            if other != label:
                raise InputError(
                    f"node {node!r} has the class {label!r}, but {other!r} in line {before}; keep one of them",
                    path=path,
                    line=line,
                )
        if not nodes:
            raise InputError("no labels; is it the right file?")
    keys = typed_ids(nodes) if known is None else [known[node] for node in nodes]
    return dict(zip(keys, typed_ids(label for _, label in nodes.values()), strict=True))


def read_edges(path: str | Path, graph: Graph, *, fmt: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Edges in a file that are to be added to ``graph``: pairs of ids (m, 2) object, weights (m,) or None.

    Ids that read the same as one of ``graph`` are that one; those of new nodes are integers, or strings, if all ids of
    ``graph`` are. Raises InputError as :func:`read_graph`.
    """
    extra = read_graph(path, fmt=fmt)
    with reading(Path(path)):
        known = _ids_by_text(graph)
    kinds = {type(node) for node in graph.ids}
    ids = np.empty(extra.n_nodes, object)
    for row, node in enumerate(extra.ids):
        text = str(node)
        if text in known:
            ids[row] = known[text]
        elif kinds == {int} and _INTEGER.fullmatch(text):
            ids[row] = int(text)
        else:
            ids[row] = text if kinds == {str} else node
    pairs, weights = extra.edges()
    return ids[pairs], weights


def _ids_by_text(graph: Graph) -> dict[str, Hashable]:
    known = {str(node): node for node in graph.ids}
    if len(known) < graph.n_nodes:
        raise InputError("the graph has different ids that read the same (as 1 and '1'); a text file cannot tell them")
    return known


def typed_ids(words: Iterable[str]) -> list[int] | list[str]:
    """Ids as they stand in text: integers if every one is written as one (``7``, not ``007``), else all strings."""
    words = list(words)
    if all(_INTEGER.fullmatch(word) for word in words):
        return [int(word) for word in words]
    return words


# ---- files
def _kind(path: Path, fmt: str | None) -> str:
    kinds = ("edges", *_DELIMITERS, "graphml", "gml", "npz")
    if fmt is not None:
        if fmt not in kinds:
            raise InputError(f"unknown format {fmt!r}; there are {', '.join(kinds)}", path=path)
        return fmt
    ending = Path(path.name.removesuffix(".gz")).suffix[1:].lower()
    return ending if ending in kinds else "edges"


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns whatever reading ``path`` can raise into an InputError that names it."""
    try:
        yield
    except InputError as error:
        if error.path is not None:
            raise
        raise InputError(str(error), path=path) from error
    except FileNotFoundError:
        raise InputError("no such file", path=path) from None
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cut off or damaged ({error}); write or download it again", path=path) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error


def read_bytes(path: Path) -> bytes:
    """What the file holds, unpacked if gzip packed it; raises what :func:`reading` translates."""
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def unpack_npz(data: bytes) -> dict[str, np.ndarray]:
    """All arrays of an .npz file's bytes; raises InputError, or what :func:`reading` translates."""
    # From memory, because np.load leaves a file that is no archive open.
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                return dict(loaded)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"malformed: {error}") from error
    raise InputError("a single array, not an .npz archive of named ones")


# ---- tables
def _rows(data: bytes, path: Path, delimiter: str | None) -> Iterator[Row]:
    """Line number and cells of every row that is neither empty nor a comment; without delimiter, split at blanks."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("not UTF-8 text; convert it, or name its format by its ending", path=path, line=line) from None
    if delimiter is None:
        for line, words in enumerate(text.split("\n"), 1):
            cells = words.split()
            if cells and cells[0][0] not in "#%":
                yield line, cells
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(f"malformed: {error}", path=path, line=reader.line_num) from None


def _header(
    rows: Iterator[Row], names: tuple[tuple[str, ...], ...], n_ids: int, kind: str
) -> tuple[Iterator[Row], list[int] | None]:
    """The rows without their header, and where the header puts the columns ``names`` (the third may be missing).

    The first row is a header if it names the first two columns; in an edge list only if integers follow. In CSV and TSV
    it also is one, with the columns as they stand, if its ``n_ids`` leading cells are no integers and those below are.
    """
    head = list(itertools.islice(rows, 2))
    rest = itertools.chain(head, rows)
    if not head:
        return rest, None
    first, second = head[0][1], head[-1][1]
    lower = [cell.lower() for cell in first]
    columns = [next((lower.index(name) for name in known if name in lower), -1) for known in names]
    named = min(columns[:2]) >= 0 and columns[0] != columns[1]
    numbers_follow = all(map(_INTEGER.fullmatch, second[:n_ids])) and not any(map(_INTEGER.fullmatch, first[:n_ids]))
    if named and (kind in _DELIMITERS or numbers_follow):
        return itertools.chain(head[1:], rows), [c for c in columns if c >= 0]
    if kind in _DELIMITERS and numbers_follow:
        return itertools.chain(head[1:], rows), None
    return rest, None


def _from_rows(rows: Iterator[Row], path: Path, table: bool) -> Graph:
    index: dict[str, int] = {}
    ends: list[int] = []
    weights: list[float] = []
    rows, columns = _header(rows, (SOURCES, TARGETS, WEIGHTS), 2, "csv" if table else "edges")
    width = 0
    for line, cells in rows:
        if columns is not None:
            if len(cells) <= max(columns):
                raise InputError(f"{len(cells)} columns; the header has more", path=path, line=line)
            cells = [cells[c] for c in columns]
        if len(cells) != width:
            if width or len(cells) not in (2, 3):
                raise InputError(_columns_message(len(cells), width, table), path=path, line=line)
            width = len(cells)
        u, v = cells[0], cells[1]
        if not (u and v):
            raise InputError("an empty node id", path=path, line=line)
        ends.append(index.setdefault(u, len(index)))
        ends.append(index.setdefault(v, len(index)))
        if width == 3:
            weights.append(_weight(cells[2], path, line))
    pairs = np.array(ends, np.int64).reshape(-1, 2)
    return Graph.from_edges(pairs, weights if width == 3 else None, ids=typed_ids(index))


def _columns_message(n: int, width: int, table: bool) -> str:
    if width:
        return f"{n} columns, but {width} in the lines before; give every edge a weight or none"
    if table:
        return f"{n} columns and no header that names source and target; keep source, target and perhaps weight"
    return f"{n} columns; an edge is `u v` or `u v weight`, and files with commas or tabs end in .csv or .tsv"


def _weight(cell: str, path: Path, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise InputError(f"weight {cell!r} is not a number", path=path, line=line) from None
    if not 0 < value < float("inf"):
        raise InputError(
            f"weight {cell}; it has to be positive and finite: remove or mend the line", path=path, line=line
        )
    return value


# ---- other people's formats
def _from_networkx_file(data: bytes, path: Path, kind: str) -> Graph:
    try:
        g = nx.read_graphml(io.BytesIO(data)) if kind == "graphml" else _read_gml(data)
    except ParseError as error:
        raise InputError(f"malformed: {error}", path=path, line=error.position[0]) from None
    # networkx lets whatever its parser stumbles over through.
    except (nx.NetworkXError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        at = re.search(r"at \((\d+), \d+\)", str(error))
        raise InputError(f"malformed: {error}", path=path, line=int(at[1]) if at else None) from error
    if all(isinstance(node, str) for node in g):
        g = nx.relabel_nodes(g, dict(zip(g, typed_ids(g), strict=True)))
    return Graph.from_networkx(g)


def _read_gml(data: bytes) -> Any:
    try:
        return nx.read_gml(io.BytesIO(data), label="label")
    except nx.NetworkXError as error:
        if "no 'label' attribute" not in str(error):
            raise
        return nx.read_gml(io.BytesIO(data), label="id")


def _from_npz(data: bytes) -> Graph:
    arrays = unpack_npz(data)
    ids = arrays["ids"].tolist() if "ids" in arrays else None
    values = arrays.get("weights", arrays.get("data"))
    try:
        if "edges" in arrays:
            return Graph.from_edges(arrays["edges"], values, ids=ids)
        if "format" in arrays:
            return Graph.from_scipy(sparse.load_npz(io.BytesIO(data)), ids)
        if "indptr" in arrays and "indices" in arrays:
            indptr, indices = arrays["indptr"], arrays["indices"]
            n = len(indptr) - 1
            values = np.ones(len(indices)) if values is None else values
            return Graph.from_scipy(sparse.csr_array((values, indices, indptr), shape=(n, n)), ids)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"malformed: {error}") from error
    raise InputError(
        f"has the arrays {', '.join(sorted(arrays)) or '(none)'}; it needs edges (m, 2), or indptr and indices, or "
        "what scipy.sparse.save_npz writes"
    )
