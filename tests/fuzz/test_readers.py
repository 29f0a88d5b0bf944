"""Files that are damaged at random are read, or refused in a sentence; nothing else comes of them.

Inputs are changed at random, and those that reach a new line of the readers are changed further. Arrays of .npz files
are changed within sound archives, so that what lies behind the checksums is reached.
"""

import io
import json
import time
import zipfile
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from scipy import sparse
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph import packed
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.readers import read_graph, read_labels
from skipwalk.sw.lora.estimator import SkipLoRA
from skipwalk.sw.lora.loaders import load_network
from skipwalk.sw.lora.samples import read_samples
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.model import Model
from skipwalk.sw.oselm.vectors import load_npz, load_word2vec, save_npz, save_word2vec

from ..support.fuzzing import Guide, keep, seeds

SW = Path(packed.__file__).parents[1]
#: What numbers and marks turn into.
TOKENS = (b"-1", b"0", b"1e999", b"nan", b"999999999999999999999", b"#", b",", b";", b'"', b"\0", b"\xff", b"\n", b"{")
EDGES = b"a b 1.5\nb c 2\nc a 1\n# note\nc d 3\n"


def texts() -> dict[str, tuple[bytes, object]]:
    graph = nx.relabel_nodes(nx.karate_club_graph(), str)
    gml, graphml, mtx = (
        io.BytesIO(),
        io.BytesIO(),
        "%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 1\n3 1 2\n",
    )
    nx.write_gml(graph.subgraph(["0", "1", "2", "3", "7"]), gml)
    nx.write_graphml(graph.subgraph(["0", "1", "2", "3", "7"]), graphml)
    known = Graph.from_edges([("a", "b"), ("b", "c")])
    return {
        "a.edges": (EDGES, read_graph),
        "b.csv": (b"source;target;weight;x\n1;2;0.5;q\n2;3;1;r\n", read_graph),
        "c.gml": (gml.getvalue(), read_graph),
        "d.graphml": (graphml.getvalue(), read_graph),
        "e.mtx": (mtx.encode(), read_graph),
        "f.labels": (b"node class\na 1\nb 2\nz 1\n", lambda path: read_labels(path, known, fmt="edges")),
        "g.samples": (b"1,2,3,0\n4,5,6.5,1\n", read_samples),
        "h.w2v": (b"2 3\na 1 2 3\nb 0.5 -1 2e3\n", load_word2vec),
    }


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> dict[str, tuple[bytes, object]]:
    """Sound files by name, and what reads each."""
    folder = tmp_path_factory.mktemp("sound")
    rng = np.random.default_rng(0)
    found = texts()
    sparse.save_npz(folder / "i.npz", sparse.csr_array(np.eye(4, k=1) + np.eye(4, k=-1)))
    np.savez(folder / "j.npz", edges=np.array([[0, 1], [1, 2]]), weights=[1.0, 2.0], ids=np.array(["x", "y", "z"]))
    np.savez(folder / "k.npz", weight_0=rng.normal(size=(10, 6)), bias_0=np.zeros(6), weight_1=rng.normal(size=(6, 3)))
    np.savez(folder / "l.npz", x=rng.normal(size=(6, 10)), y=np.arange(6) % 3)
    save_npz(folder / "m.npz", ["a", "b"], np.ones((2, 3)))
    save_word2vec(folder / "n.txt", ["a", "b"], np.ones((2, 3)))
    model = Node2Vec(preset="tiny", window=3, negatives=2, walk_length=5, walks_per_node=1)
    model.fit(Graph.from_edges([(0, 1), (1, 2), (2, 0), (2, 3)]))
    model.save(folder / "o.npz")
    lora = SkipLoRA(folder / "k.npz", rank=2, epochs=1)
    lora.fit(rng.normal(size=(6, 10)), np.arange(6) % 3)
    lora.save(folder / "p.npz")
    readers = {"i": read_graph, "j": read_graph, "k": load_network, "l": read_samples, "m": load_npz}
    readers |= {"n": load_word2vec, "o": Model.load, "p": SkipLoRA.load}
    for path in sorted(folder.iterdir()):
        found[path.name] = path.read_bytes(), readers[path.stem]
    return found


def _members(data: bytes) -> dict[str, bytes]:
    """Of a sound archive; of anything else none."""
    if not data.startswith(b"PK"):
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in dict.fromkeys(archive.namelist())}
    except Exception:  # damaged before
        return {}


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Bits, bytes, runs and tokens put in, left out, exchanged or repeated; within a member of an archive, mostly."""
    members = _members(data) if rng.random() < 0.8 else {}
    if members:
        name = sorted(members)[rng.integers(len(members))]
        if rng.random() < 0.1:
            del members[name]
        else:
            members[name] = changed(members[name], rng)
        again = io.BytesIO()
        with zipfile.ZipFile(again, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return again.getvalue()
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at, size = int(rng.integers(len(out) + 1)), int(rng.integers(1, 9))
        match int(rng.integers(6)):
            case 0 if out:
                out[at % len(out)] ^= 1 << int(rng.integers(8))
            case 1:
                del out[at : at + size]
            case 2:
                out[at:at] = out[at : at + size] * int(rng.integers(1, 40))
            case 3:
                out[at : at + int(rng.integers(0, 3))] = TOKENS[rng.integers(len(TOKENS))]
            case 4:
                del out[at:]
            case _:
                out[at : at + 4] = rng.bytes(4)
    return bytes(out)


def test_readers(targets, tmp_path):
    guide, wrong, tried, began = Guide(SW), [], 0, time.monotonic()
    corpus = {name: [data] for name, (data, _) in targets.items()}
    for seed in seeds(6):
        rng = np.random.default_rng([seed, 11])
        for name, (_, reader) in targets.items():
            data = corpus[name][rng.integers(len(corpus[name]))]
            new = changed(data, rng)
            path = tmp_path / name
            path.write_bytes(new)
            tried += 1
            try:
                if guide.run(lambda reader=reader, path=path: _refused(reader, path)):
                    corpus[name].append(new)
            except Exception as error:
                wrong.append(f"{name}, seed {seed}: {type(error).__name__}: {error}")
                if len(wrong) == 1:
                    Path(tmp_path, "first").write_bytes(new)
    hours = (time.monotonic() - began) / 3600
    keep("readers", executions=tried, mismatches=len(wrong), hours=hours, lines=len(guide.lines))
    assert not wrong, f"{len(wrong)} of {tried}: " + "\n".join(dict.fromkeys(wrong[:20]))


def _refused(reader, path: Path) -> None:
    try:
        reader(path)
    except InputError as error:
        said = str(error)
    else:
        return
    assert said.isprintable(), f"not printable: {said!r}"


MATRIX = b"%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 1\n3 1 2"


@pytest.mark.parametrize(
    ("name", "content", "reader", "words"),
    [
        # SciPy ended in a segmentation fault.
        ("a.mtx", MATRIX + b"\2 \2 \2", read_graph, "a byte b'\\\\x02' outside comments"),
        ("a.mtx", MATRIX + b"\0\n", read_graph, "a byte b'\\\\x00' outside comments"),
        ("a.gml", b'graph [\n node [ id 1 label "\x1b[31m" \x07 ]\n]', read_graph, r"cannot tokenize"),
        ("a.graphml", b'<?xml version="1.0" encoding="ut-1-8"?><graphml/>', read_graph, "unknown encoding"),
        ("a.w2v", b"1 999999999999999999\na 1\n", load_word2vec, "999999999999999999 numbers a line"),
    ],
)
def test_found_by_fuzzing(tmp_path, name, content, reader, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as refused:
        reader(path)
    assert str(refused.value).isprintable()


def test_headers_as_python_2_wrote_them_warn_nobody(tmp_path):
    """NumPy reads them, and warns; a format with a line break in it is quoted in one line."""
    from scipy import sparse

    path, data = tmp_path / "a.npz", io.BytesIO()
    sparse.save_npz(data, sparse.csr_array(np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]])), compressed=False)
    with zipfile.ZipFile(path, "w") as new, zipfile.ZipFile(data) as old:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.replace(b"(4,), }   ", b"(4L,), }  ") if name == "data.npy" else content)
    assert b"4L" in path.read_bytes()
    assert read_graph(path).n_edges == 2
    np.savez(path, format=np.array("\ncsr"), shape=np.array([3, 3]), data=np.ones(1))
    with pytest.raises(InputError, match="malformed: ") as refused:
        read_graph(path)
    assert str(refused.value).isprintable()


def test_matrix_without_its_last_line_end(tmp_path):
    path = tmp_path / "a.mtx"
    path.write_bytes(MATRIX)
    assert read_graph(path).n_edges == 2


def test_labels_of_more_digits_than_fit_stay_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1,2,99999999999999999999\n3,4,1\n")
    assert read_samples(path)[1].tolist() == ["99999999999999999999", "1"]


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr"])
def test_matrices_with_wild_indices(tmp_path, kind):
    """Of columns, SciPy ended in a segmentation fault."""
    matrix = getattr(sparse, f"{kind}_array")(np.eye(4, k=1) + np.eye(4, k=-1))
    matrix.indices[:] = 1 << 30
    sparse.save_npz(tmp_path / "a.npz", matrix)
    with pytest.raises(InputError, match=r"a\.npz: the adjacency matrix is damaged"):
        read_graph(tmp_path / "a.npz")


def test_rows_that_end_before_they_begin(tmp_path):
    """SciPy ended in a segmentation fault."""
    matrix = sparse.csr_array(np.eye(4, k=1) + np.eye(4, k=-1))
    matrix.indptr[:] = 0, 1, 0, 0, 0
    sparse.save_npz(tmp_path / "a.npz", matrix)
    with pytest.raises(InputError, match=r"a\.npz: the adjacency matrix is damaged: indptr does not ascend"):
        read_graph(tmp_path / "a.npz")


def test_text_that_is_none(tmp_path):
    ids = np.frombuffer(np.array([0x110000, 0x41], np.uint32).tobytes(), "<U1")
    np.savez(tmp_path / "a.npz", edges=np.array([[0, 1]]), ids=ids)
    with pytest.raises(InputError, match=r"a\.npz: malformed: ids has text that is none"):
        read_graph(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("backbone_weights", lambda a: a[:-1], "backbone_weights of int64 and shape"),
        ("backbone_shifts", lambda a: a - 1000, "backbone_shifts has values outside 0 to"),
        ("backbone_biases", lambda a: a.astype(float), "backbone_biases of float64"),
        ("adapters", lambda a: a + (1 << 40), "adapters has values outside"),
    ],
)
def test_adapters_that_do_not_fit(targets, tmp_path, name, change, words):
    """What goes to compiled code has been checked."""
    arrays = packed.unpack_npz(targets["p.npz"][0])
    np.savez(tmp_path / "a.npz", **{**arrays, name: change(arrays[name])})
    with pytest.raises(InputError, match=rf"a\.npz: no saved SkipLoRA: {words}"):
        SkipLoRA.load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "values", [{"halvings": 10**6}, {"epochs_done": -5}, {"epochs_done": 10**30}, {"epochs": True}]
)
def test_adapters_whose_text_makes_no_sense(targets, tmp_path, values):
    arrays = packed.unpack_npz(targets["p.npz"][0])
    text = json.loads(arrays["meta"].item()) | values
    np.savez(tmp_path / "a.npz", **{**arrays, "meta": np.array(json.dumps(text))})
    with pytest.raises(InputError, match=r"a\.npz: no saved SkipLoRA: .* must be an integer from"):
        SkipLoRA.load(tmp_path / "a.npz")
