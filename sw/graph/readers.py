"""Graphs and labels from files; ``docs/graphs.md`` describes the formats.

What is wrong with a file is an :class:`~skipwalk.sw.errors.InputError` that names it, the line where there is one, and
the remedy.
"""

import ast
import csv
import io
import itertools
import logging
import re
import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np

from ..errors import InputError
from .graph import Graph, with_lonely
from .packed import PACKED, any_header, read_bytes, reading, unpack_npz, unzip

__all__ = ["read_edges", "read_graph", "read_labels", "real", "sniffed", "typed_ids"]

log = logging.getLogger(__name__)

#: Column names that make the first row of a table its header, without blanks, ``_``, ``-`` and a last ``id``.
SOURCES = ("source", "src", "from", "fromnode", "u", "node1", "id1", "head")
TARGETS = ("target", "dst", "to", "tonode", "v", "node2", "id2", "tail")
WEIGHTS = ("weight", "w", "value", "score", "strength", "weights")
NODES = ("node", "id", "name", "vertex")
CLASSES = ("class", "label", "y", "target", "community", "subject", "category")

_DELIMITERS = {"csv": ",", "tsv": "\t"}
#: Endings of files that are no edge lists, and would read as ones of strange nodes.
_FOREIGN = (
    *("adjlist", "dot", "gexf", "gv", "h5", "html", "json", "jsonl", "leda", "multiline_adjlist", "npy", "pajek"),
    *("parquet", "pickle", "pkl", "xls", "xlsx", "xml", "yaml"),
)
#: How such files begin, and what they are.
_BEGINNINGS = (
    ("<", "is XML or HTML; networkx reads some of it and writes .graphml"),
    ("{", "is JSON; networkx reads some of it and writes .graphml"),
    ("[{", "is JSON; networkx reads some of it and writes .graphml"),
    ("*vertices", "is Pajek's format; networkx reads it and writes .graphml"),
    ("leda.graph", "is LEDA's format; networkx reads it and writes .graphml"),
    ("version https://git-lfs", "is a pointer of Git LFS; `git lfs pull` fetches the file"),
    ("%%matrixmarket", "is a matrix; let its name end in .mtx"),
)
# At most 18 digits, so that ids fit into int64 wherever they are stored.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")

#: Rows of a matrix, most of which may be empty; more only in a file of as many bytes.
_MOST_ROWS = 1 << 20

Row = tuple[int, list[str]]  # line number and cells


def read_graph(path: str | Path, *, fmt: str | None = None) -> Graph:
    """The graph in a file, packed by gzip, bzip2, xz or zip or not.

    ``fmt`` is one of edges, csv, tsv, graphml, gml, mtx and npz; if it is not given, the ending of the name tells
    (before ``.gz`` and the like), and every other ending is an edge list. The log says which columns were taken.

    Raises InputError: the file cannot be opened, is malformed or cut off, has no edge, or has a weight that is not
    positive and finite.
    """
    path = Path(path)
    with reading(path):
        graph = _read(path, fmt)
        if not graph.n_edges:
            raise InputError(f"no edges between different nodes ({graph.self_loops} self-loops); is it the right file?")
    return graph


def _read(path: Path, fmt: str | None) -> Graph:
    """As :func:`read_graph`, of a graph that may have no edge."""
    kind, data = _content(path, fmt)
    if kind == "npz":
        return _from_npz(data, path)
    if kind == "mtx":
        return _from_mtx(data, path)
    if kind in ("graphml", "gml"):
        return _from_networkx_file(data, path, kind)
    return _from_rows(_rows(data, path, _DELIMITERS.get(kind)), path, kind != "edges")


def read_labels(
    path: str | Path, graph: Graph | None = None, *, fmt: str | None = None, strict: bool = False
) -> dict[Hashable, int | str]:
    """The class of each node in a text file ``node class`` or a CSV or TSV file with these columns.

    With ``graph`` the keys are its ids, and labels of other nodes are counted in the log and skipped; ``strict``
    refuses them. Without it, ids are read as :func:`typed_ids` reads them, and so are classes.

    Raises InputError, with file and line: not two columns, two different classes for one node, with ``strict`` a node
    that ``graph`` does not have; or no labels at all, or none of the graph's nodes.
    """
    path = Path(path)
    nodes: dict[str, tuple[int, str]] = {}
    with reading(path):
        kind, data = _content(path, fmt)
        if kind not in ("edges", *_DELIMITERS):
            raise InputError("labels are read from text (`node class`), .csv or .tsv", path=path)
        known = None if graph is None else _ids_by_text(graph)
        rows, columns = _header(_rows(data, path, _DELIMITERS.get(kind)), (NODES, CLASSES), 1, kind)
        for line, cells in rows:
            if len(cells) != 2 if columns is None else len(cells) <= max(columns):
                raise InputError(f"{len(cells)} columns; a label line is a node and its class", path=path, line=line)
            node, label = (cells[c] for c in columns) if columns else cells
            if not (node and label):
                raise InputError(
                    f"{'a class' if node else 'a node'} is missing; fill or remove the line", path=path, line=line
                )
            if strict and known is not None and node not in known:
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
    if known is not None and (others := [node for node in nodes if node not in known]):
        if len(others) == len(nodes):
            raise InputError(f"no label of a node of the graph; {others[0]!r} is none, say", path=path)
        log.warning("%s: %d labels of nodes that the graph does not have are skipped", path, len(others))
        nodes = {node: label for node, label in nodes.items() if node in known}
    keys = typed_ids(nodes) if known is None else [known[node] for node in nodes]
    return dict(zip(keys, typed_ids(label for _, label in nodes.values()), strict=True))


def read_edges(path: str | Path, graph: Graph, *, fmt: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Edges in a file that are to be added to ``graph``: pairs of ids (m, 2) object, weights (m,) or None. A node
    without an edge to another one is a pair with itself, of weight 1.

    Ids that read the same as one of ``graph`` are that one; those of new nodes are integers, or strings, if all ids of
    ``graph`` are. Raises InputError as :func:`read_graph`, but for a file with nodes alone.
    """
    path = Path(path)
    with reading(path):
        extra = _read(path, fmt)
        if not extra.n_nodes:
            raise InputError("no edges; is it the right file?")
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
    pairs, weights = with_lonely(extra)
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


def real(text: str) -> float:
    """A number as it stands in text. Raises ValueError for all else, and for ``1_0``, which Python takes for 10."""
    return float(text.replace("_", "x"))


# ---- files
def _content(path: Path, fmt: str | None) -> tuple[str, bytes]:
    """Format and unpacked bytes of a file."""
    kind, data = _kind(path, fmt), read_bytes(path)
    if kind != "npz" and data.startswith(b"PK\3\4"):
        member, data = unzip(data)
        if fmt is None and kind == "edges":
            kind = _kind(Path(member), None)
    return kind, data


def _kind(path: Path, fmt: str | None) -> str:
    kinds = ("edges", *_DELIMITERS, "graphml", "gml", "mtx", "npz")
    if fmt is not None:
        if fmt not in kinds:
            raise InputError(f"unknown format {fmt!r}; there are {', '.join(kinds)}", path=path)
        return fmt
    name = Path(path.stem) if path.suffix.lower() in PACKED else path
    ending = name.suffix[1:].lower()
    if ending in _FOREIGN:
        raise InputError(
            f".{ending} is not read; convert it (networkx reads many formats and writes .graphml), or rename an edge "
            "list that is called so",
            path=path,
        )
    return ending if ending in kinds else "edges"


# ---- tables
def _rows(data: bytes, path: Path, delimiter: str | None) -> Iterator[Row]:
    """Line number and cells of every row that is neither empty nor a comment; without delimiter, split at blanks."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("not UTF-8 text; convert it, or name its format by its ending", path=path, line=line) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(
            "a NUL, which no text has; is it packed, or UTF-16? Unpack or convert it", path=path, line=line
        )
    # Old Macintoshes end lines so; elsewhere it stands before a line's end.
    text = re.sub("\r\n?", "\n", text)
    start = text[:200].lstrip().lower()
    for beginning, what in _BEGINNINGS:
        if start.startswith(beginning) and not (beginning == "{" and delimiter is None and start[1:2].isalnum()):
            raise InputError(what, path=path, line=1)
    comments = _Comments(path)
    attributes = set[str]()
    if delimiter is None:
        for line, words in enumerate(text.split("\n"), 1):
            cells = words.split()
            if not cells or cells[0][0] in "%":
                continue
            if cells[0][0] == "#":
                comments.see(line, cells)
                continue
            if cells[0][:2] == "//":
                raise InputError("begins with //; comments begin with #", path=path, line=line)
            if "{" in words and (match := _DICTIONARY.fullmatch(words)):
                cells = [*match.groups()[:2], *_weight_of_dictionary(match[3], attributes, path, line)]
            if any(mark in words for mark in ',;"()[]'):
                _check_marks(cells, path, line)
            comments.edge(cells)
            yield line, cells
        comments.check()
        if attributes:
            log.warning("%s: attributes passed over: %s", path, ", ".join(sorted(attributes)))
        return
    if delimiter == ",":
        delimiter = sniffed(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if cells[0].startswith("#"):
                comments.see(reader.line_num, cells)
                continue
            comments.edge(cells)
            yield reader.line_num, cells
        comments.check()
    except csv.Error as error:
        raise InputError(f"malformed: {error}", path=path, line=reader.line_num) from None


#: What networkx writes by default: both ends and a dictionary.
_DICTIONARY = re.compile(r"\s*(\S+)\s+(\S+)\s+(\{.*\})\s*")


def _weight_of_dictionary(text: str, others: set[str], path: Path, line: int) -> list[str]:
    """The weight among an edge's attributes as networkx writes them, or nothing; the others' names go into a set."""
    try:
        attributes = ast.literal_eval(text)
        taken = [name for name in WEIGHTS if name in attributes][:1]
        others |= {str(name) for name in attributes if name not in taken}
        return [str(attributes[name]) for name in taken]
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise InputError(
            f"{text[:40]!r} is no dictionary of plain attributes; write the edges with data=['weight']",
            path=path,
            line=line,
        ) from None


def _check_marks(cells: list[str], path: Path, line: int) -> None:
    """Commas, semicolons and quotes at the edge of an id are those of a table that is named as something else."""
    for cell in cells[:2]:
        brackets = any(cell.count(one) != cell.count(other) for one, other in ("()", "[]"))
        if cell[0] in ",;" or cell[-1] in ",;" or (cell[0] == '"') != (cell[-1] == '"') or brackets:
            raise InputError(
                f"the id {cell!r} has a mark of a table; name the file .csv, or separate by blanks",
                path=path,
                line=line,
            )


def sniffed(text: str) -> str:
    """The delimiter of the text of a .csv file: that of comma, semicolon and tab which its first row has most often."""
    first = next((row for row in text.splitlines() if row.strip() and not row.startswith("#")), "")
    first = re.sub(r'"[^"]*"', "", first)
    return max(",;\t", key=first.count)


class _Comments:
    """Lines that begin with ``#``, which may be comments or edges of nodes whose ids do."""

    def __init__(self, path: Path):
        self._path, self._ids, self._edges, self._count = path, dict[str, int](), 0, 0
        self._marked: set[str] = set()

    def see(self, line: int, cells: list[str]) -> None:
        self._count += 1
        if len(cells) not in (2, 3) or len(cells[0]) < 2 or cells[0][1] in "#!":
            return
        self._ids.setdefault(cells[0], line)
        if cells[1][:1] == "#" or self._edges:
            self._refuse(line)

    def edge(self, cells: list[str]) -> None:
        self._edges += 1
        self._marked.update(cell for cell in cells[1:2] if cell[:1] == "#")

    def check(self) -> None:
        """At the end: no comment's first word is a node, too."""
        for word in sorted(self._marked & self._ids.keys()):
            self._refuse(self._ids[word])
        if self._marked:
            word = min(self._marked)
            raise InputError(
                f"the id {word!r} begins with #, and so do comments; give such nodes another mark", path=self._path
            )
        if self._count:
            log.info("%s: %d lines with # are comments", self._path, self._count)

    def _refuse(self, line: int) -> None:
        raise InputError(
            "a comment, or an edge of a node whose id begins with #? Put a blank after the # of comments, and give "
            "such nodes another mark",
            path=self._path,
            line=line,
        )


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
    lower = [re.sub(r"[ _-]|id$", "", cell.lower()) or cell.lower() for cell in first]
    columns = [next((lower.index(name) for name in known if name in lower), -1) for known in names]
    named = min(columns[:2]) >= 0 and columns[0] != columns[1]
    numbers_follow = all(map(_INTEGER.fullmatch, second[:n_ids])) and not any(map(_INTEGER.fullmatch, first[:n_ids]))
    ignored = [cell or "one without a name" for c, cell in enumerate(first) if c not in columns]
    if named and (kind in _DELIMITERS or numbers_follow) and ignored:
        log.warning("columns passed over: %s", ", ".join(ignored))
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
    width, first = 0, 1
    for line, cells in rows:
        if columns is not None:
            if len(cells) <= max(columns):
                raise InputError(f"{len(cells)} columns; the header has more", path=path, line=line)
            cells = [cells[c] for c in columns]
        if len(cells) != width:
            if width or len(cells) not in (2, 3):
                raise InputError(_columns_message(len(cells), width, table), path=path, line=line)
            width, first = len(cells), line
        u, v = cells[0], cells[1]
        if not (u and v):
            raise InputError("an empty node id", path=path, line=line)
        ends.append(index.setdefault(u, len(index)))
        ends.append(index.setdefault(v, len(index)))
        if width == 3:
            weights.append(_weight(cells[2], path, line))
    if columns is None:
        _check_counts(list(index), ends, weights, path, first)
        _check_arrows(list(index), ends, width, path, first)
        _tell_of_words(list(index), ends, path, first)
    _check_quotes(index, path)
    log.info("%s: %s", path, "source, target and weight" if width == 3 else "source and target, no weights")
    pairs = np.array(ends, np.int64).reshape(-1, 2)
    return Graph.from_rows(pairs, weights if width == 3 else None, ids=typed_ids(index))


def _check_counts(names: list[str], ends: list[int], weights: list[float], path: Path, line: int) -> None:
    """Refuse a first line that is the number of nodes and edges: ``n m``, or ``n n m`` of a matrix."""
    if len(ends) < 4 or not all(_INTEGER.fullmatch(names[end]) for end in ends[:2]):
        return
    n, m = (int(names[end]) for end in ends[:2])
    rest = len(ends) // 2 - 1
    nodes = len(set(ends[2:]))
    if weights and n == m and n >= nodes:  # a self-loop says nothing anyway
        counted = weights[0] == rest
    else:
        counted = m == rest and (n == nodes or (rest > 2 and n >= nodes and _numbered_to(n, names, ends[2:])))
    if counted:
        raise InputError(
            f"reads as the numbers of nodes and edges ({rest} edges follow); remove the line, or move it down if it is "
            "an edge",
            path=path,
            line=line,
        )


def _check_arrows(names: list[str], ends: list[int], width: int, path: Path, line: int) -> None:
    """Refuse ``u - v`` and ``u -> v``, which read as the edge of u and the arrow, of weight v."""
    seconds = set(ends[1::2])
    if width == 3 and len(seconds) == 1 and not any(map(str.isalnum, arrow := names[seconds.pop()])):
        raise InputError(f"every second word is {arrow!r}; an edge is `u v` or `u v weight`", path=path, line=line)


def _tell_of_words(names: list[str], ends: list[int], path: Path, line: int) -> None:
    """Say that the first line is taken as an edge if no other one has its ends: they may be the columns' names."""
    u, v = ends[:2] or (0, 0)
    if (
        u != v
        and len(ends) > 2
        and not {u, v} & set(ends[2:])
        and not any(map(_INTEGER.fullmatch, (names[u], names[v])))
    ):
        log.warning(
            "%s:%d: taken as the edge %r - %r, of nodes that no other line has; if these are the names of columns, "
            "remove the line, or write .csv with source and target there",
            path, line, names[u], names[v],
        )  # fmt: skip


def _check_quotes(index: dict[str, int], path: Path) -> None:
    """Refuse ids in quotes beside the same ids without them; say that quotes belong to ids."""
    quoted = [node for node in index if len(node) > 2 and node[0] == node[-1] and node[0] in "\"'"]
    for node in quoted:
        if node[1:-1] in index:
            raise InputError(f"the ids {node} and {node[1:-1]} differ in their quotes alone; remove them", path=path)
    if quoted:
        log.warning("%s: %d ids have quotes, as %s, which are taken as parts of them", path, len(quoted), quoted[0])


def _numbered_to(n: int, names: list[str], ends: list[int]) -> bool:
    """Whether all these nodes are numbers from 0 to n."""
    words = [names[end] for end in set(ends)]
    return all(_INTEGER.fullmatch(word) and 0 <= int(word) <= n for word in words)


def _columns_message(n: int, width: int, table: bool) -> str:
    if width:
        return f"{n} columns, but {width} in the lines before; give every edge a weight or none"
    if table:
        return f"{n} columns and no header that names source and target; keep source, target and perhaps weight"
    return f"{n} columns; an edge is `u v` or `u v weight`, and files with commas or tabs end in .csv or .tsv"


def _weight(cell: str, path: Path, line: int) -> float:
    try:
        value = real(cell)
    except ValueError:
        raise InputError(f"weight {cell[:40]!r} is not a number", path=path, line=line) from None
    if not 0 < value < float("inf"):
        raise InputError(
            f"weight {cell}; it has to be positive and finite: remove or mend the line", path=path, line=line
        )
    return value


# ---- other people's formats, whose libraries are imported where they are used
def _from_networkx_file(data: bytes, path: Path, kind: str) -> Graph:
    import networkx as nx

    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            g = nx.read_graphml(io.BytesIO(data)) if kind == "graphml" else _read_gml(data)
        for one in told:
            log.warning("%s: %s", path, one.message)
    except ParseError as error:
        raise InputError(f"malformed: {error}", path=path, line=error.position[0]) from None
    # networkx lets whatever its parser stumbles over through.
    except (nx.NetworkXError, ValueError, LookupError, TypeError, AttributeError) as error:
        at = re.search(r"at \((\d+), \d+\)", str(error))
        raise InputError(f"malformed: {error}", path=path, line=int(at[1]) if at else None) from error
    if all(isinstance(node, str) for node in g):
        g = nx.relabel_nodes(g, dict(zip(g, typed_ids(g), strict=True)))
    attributes = Counter(name for _, _, data in g.edges(data=True) for name in data)
    taken = next((name for name in WEIGHTS if name in attributes), None)
    if taken is not None and (without := g.number_of_edges() - attributes[taken]):
        log.warning("%s: %d edges have no %r; their weight is 1", path, without, taken)
    others = sorted(set(attributes) - {taken})
    log.info(
        "%s: %s%s",
        path,
        "no weights" if taken is None else f"weights are {taken!r}",
        f"; passed over: {', '.join(others)}" if others else "",
    )
    return Graph.from_networkx(g, taken or "weight")


def _read_gml(data: bytes) -> Any:
    import networkx as nx

    try:
        return nx.read_gml(io.BytesIO(data), label="label")
    except nx.NetworkXError as error:
        if "no 'label' attribute" not in str(error):
            raise
        return nx.read_gml(io.BytesIO(data), label="id")


#: What a text file of numbers has no business with.
_CONTROL = re.compile(rb"[^\t\n\r -~]")


def _from_mtx(data: bytes, path: Path) -> Graph:
    # SciPy's compiled reader runs past the end for a last line without its end, and at a NUL.
    head = data.partition(b"\n")[0]
    found = _CONTROL.search(head) or _CONTROL.search(re.sub(rb"(?m)^%.*$", b"", data))
    if found or b"\0" in data:
        raise InputError(f"malformed: a byte {found[0] if found else bytes(1)!r} outside comments; is it text?")
    from scipy import io as scipy_io
    from scipy import sparse

    data += b"\n"
    try:
        rows, columns, entries, _, field, _ = scipy_io.mminfo(io.BytesIO(data))
        _check_rows(max(rows, columns), len(data))
        if entries > len(data):
            raise InputError(f"{entries} entries in {len(data)} bytes; write it again")
        if field == "complex":
            raise InputError("complex numbers; weights are real")
        log.info("%s: weights are %s", path, "1" if field == "pattern" else "the entries")
        matrix = sparse.csr_array(scipy_io.mmread(io.BytesIO(data)))
        return Graph.from_scipy(matrix, range(1, rows + 1) if rows == columns else None)
    except InputError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"malformed: {error}") from error


def _check_rows(rows: int, size: int) -> None:
    """Each row gets an id and memory, whether the file says anything of it or not."""
    if rows > max(_MOST_ROWS, size):
        raise InputError(f"a matrix of {rows} rows in {size} bytes; at most {max(_MOST_ROWS, size)} are read")


def _from_npz(data: bytes, path: Path) -> Graph:
    from scipy import sparse

    arrays = unpack_npz(data)
    if {"beta", "p", "meta"} <= arrays.keys():
        raise InputError("is a saved model; name the file that its graph came from")
    for name in ("ids", "edges"):
        if name in arrays and arrays[name].dtype.kind not in "iufU":
            raise InputError(f"{name} of {arrays[name].dtype}; ids are numbers or text")
    ids = arrays["ids"].tolist() if "ids" in arrays else None
    taken = next((name for name in ("weights", "data", *WEIGHTS) if name in arrays), None)
    values = None if taken is None else arrays[taken]
    known = {"ids", "edges", "format", "shape", "indptr", "indices", "row", "col", "offsets", "blocksize", taken}
    others = sorted(arrays.keys() - known)
    weights = "no weights" if taken is None else f"weights are {taken!r}"
    log.info("%s: %s%s", path, weights, f"; passed over: {', '.join(others)}" if others else "")
    try:
        if "edges" in arrays:
            if ids is None:
                return Graph.from_edges(arrays["edges"], values)
            return Graph.from_rows(arrays["edges"], values, ids)
        if "format" in arrays:
            if "shape" in arrays and arrays["shape"].size:
                _check_rows(int(arrays["shape"].max()), len(data))
            with any_header():
                matrix = sparse.load_npz(io.BytesIO(data))
            return Graph.from_scipy(matrix, ids)
        if "indptr" in arrays and "indices" in arrays:
            indptr, indices = arrays["indptr"], arrays["indices"]
            n = len(indptr) - 1
            values = np.ones(len(indices)) if values is None else values
            return Graph.from_scipy(sparse.csr_array((values, indices, indptr), shape=(n, n)), ids)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        # SciPy quotes what the file says: a line break there stays none.
        raise InputError(f"malformed: {' '.join(str(error).split())}") from error
    raise InputError(
        f"has the arrays {', '.join(sorted(arrays)) or '(none)'}; it needs edges (m, 2), or indptr and indices, or "
        "what scipy.sparse.save_npz writes"
    )
