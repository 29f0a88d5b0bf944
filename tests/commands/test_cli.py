"""The command: what it writes and prints, and that whatever goes wrong is one sentence, an exit code, and no change."""

import gzip
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from click.testing import CliRunner
from skipwalk.hw.boards.table import BOARDS
from skipwalk.hw.oselm.config import preset
from skipwalk.sw import cli
from skipwalk.sw.cli import main
from skipwalk.sw.commands.describe import describe_core
from skipwalk.sw.commands.inspection import _memory
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph.readers import read_graph
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.graph_device import GraphDevice
from skipwalk.sw.oselm.link_prediction import hide_links, rank_by_graph, rank_by_vectors
from skipwalk.sw.oselm.model import Model
from skipwalk.sw.oselm.session import Session
from skipwalk.sw.oselm.vectors import load_npz, load_word2vec
from skipwalk.sw.results.report import provenance

TINY = [
    "--preset",
    "tiny",
    "--window",
    "4",
    "--negatives",
    "4",
    "--walk-length",
    "20",
    "--block-walks",
    "32",
    "--nodes",
    "64",
]


def ring(n: int) -> str:
    """Three cliques on a ring, as an edge list of names."""
    third = n // 3
    inside = [(a, b) for a in range(n) for b in range(a) if a // third == b // third]
    return "".join(f"n{a} n{b}\n" for a, b in [*inside, (0, third), (third + 1, 2 * third), (2 * third + 1, 1)])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Bytes of a trained model of 30 nodes."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "graph.txt").write_text(ring(30))
    arguments = ["train", str(folder / "graph.txt"), "-o", str(folder / "model.npz"), *TINY]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return (folder / "model.npz").read_bytes()


@pytest.fixture
def folder(tmp_path, monkeypatch, model):
    """A working folder with a graph, labels, a model and edges to add."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.txt").write_text(ring(30))
    (tmp_path / "labels.txt").write_text("".join(f"n{i} class{i // 10}\n" for i in range(30)))
    (tmp_path / "model.npz").write_bytes(model)
    (tmp_path / "edges.txt").write_text("n0 new\nnew n3\nn1 n2\n")
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def printed(result) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in result.stdout.splitlines())


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ---- what works
def test_train_writes_model_vectors_and_report(folder):
    result = run("train", "graph.txt", "-o", "m.npz", "--vectors", "v.txt", "--json", "r.json", "--seed", "5", *TINY)
    assert result.exit_code == 0, result.output
    estimator = Node2Vec.load("m.npz")
    assert printed(result)["digest"] == estimator.digest_
    assert (printed(result)["nodes"], printed(result)["walks"], printed(result)["saturations"]) == ("30", "300", "0")
    assert "Graph(30 nodes, 138 edges" in result.stderr
    ids, vectors = load_word2vec("v.txt")
    assert ids == estimator.ids_.tolist()
    assert np.array_equal(vectors, estimator.embedding_)
    *entries, origin = json.loads((folder / "r.json").read_text())
    assert all(set(entry) == {"name", "value", "unit", "better"} for entry in [*entries, origin])
    values = {entry["name"]: entry["value"] for entry in entries}
    assert values["contexts"] == 300 * 17
    assert values["walks_per_second"] > 0
    assert origin["name"] == "provenance"
    assert origin["value"]["digest"] == estimator.digest_
    assert origin["value"]["seed"] == 5
    assert origin["value"]["versions"]["numpy"] == np.__version__
    library = Node2Vec(preset="tiny", window=4, negatives=4, walk_length=20, block_walks=32, random_state=5)
    assert library.fit("graph.txt").digest_ == estimator.digest_


@pytest.mark.parametrize("name", BOARDS)
def test_train_for_a_board_has_its_core(folder, name):
    short = ["--negatives", "8", "--walk-length", "20", "--walks-per-node", "1", "-q"]
    if BOARDS[name].core.slots:
        short += ["--negatives-from", "pool"]
    result = run("train", "graph.txt", "-o", "m.npz", "--board", name, *short)
    assert result.exit_code == 0, result.output
    model = Node2Vec.load("m.npz").model_
    assert model.config.digest == BOARDS[name].core.digest
    # What came of it is known by its name, as that of a preset.
    assert model.params["preset"] == BOARDS[name].core.name


def test_update_adds_edges_and_nodes(folder):
    result = run("update", "model.npz", "edges.txt", "-o", "m.npz", "--vectors", "v.npz", "-q")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert printed(result)["nodes"] == "31"
    assert printed(result)["walks"] == "20", "n1 n2 is there already: two new edges, two ends, five walks"
    ids, vectors, meta = load_npz("v.npz")
    assert (ids[-1], vectors.shape, meta["digest"]) == ("new", (31, 8), printed(result)["digest"])
    direct = Node2Vec.load("model.npz").partial_fit([("n0", "new"), ("new", "n3")])
    assert direct.digest_ == meta["digest"]
    result = run("update", "m.npz", "edges.txt", "-o", "m.npz")
    assert (result.exit_code, printed(result)["walks"], printed(result)["digest"]) == (0, "0", meta["digest"])


def test_update_refreshes_a_model(folder):
    result = run("update", "model.npz", "--refresh", "2", "-o", "m.npz")
    assert result.exit_code == 0, result.output
    assert (printed(result)["walks"], printed(result)["edges"]) == (
        "60",
        printed(run("train", "graph.txt", "-o", "n.npz", *TINY))["edges"],
    )
    assert Node2Vec.load("model.npz").refresh(2).digest_ == printed(result)["digest"]
    for arguments in ([], ["edges.txt", "--refresh", "2"]):
        result = run("update", "model.npz", *arguments, "-o", "m.npz")
        assert (result.exit_code, "name a file of edges, or give --refresh" in result.stderr) == (2, True)


def test_evaluate_takes_models_and_both_kinds_of_vectors(folder):
    for name in ("v.npz", "v.txt"):
        assert run("vectors", "model.npz", "-o", name).exit_code == 0
    scores = [
        printed(run("evaluate", name, "labels.txt", "--repeats", "3")) for name in ("model.npz", "v.npz", "v.txt")
    ]
    assert scores[0] == scores[1] == scores[2]
    assert float(scores[0]["f1_micro"]) > 0.9
    assert float(scores[0]["f1_micro.majority"]) == pytest.approx(1 / 3, abs=1e-3)
    result = run("evaluate", "model.npz", "labels.txt", "--json", "r.json", "--seed", "1")
    assert "30 of 30 nodes have labels" in result.stderr
    values = {entry["name"]: entry["value"] for entry in json.loads((folder / "r.json").read_text())}
    assert values["f1_macro"] > 0.9


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": np.array(["n0"] * 30)}, "v.npz: 30 vectors of 1 different nodes"),
        ({"vectors": np.zeros((30, 0))}, "vectors of 0 numbers"),
        ({"vectors": np.full((30, 2), 1e300)}, "some beyond 1e+100"),
    ],
)
def test_vectors_that_cannot_be_evaluated(folder, arrays, message):
    good = {"vectors": np.ones((30, 2)), "ids": np.array([f"n{i}" for i in range(30)]), "meta": np.array("{}")}
    np.savez("v.npz", **{**good, **arrays})
    done = run("evaluate", "v.npz", "labels.txt")
    assert (done.exit_code, message in done.stderr) == (3, True), done.output


def test_evaluate_links_hides_edges_and_ranks_them(folder):
    result = run("evaluate-links", "graph.txt", "--hidden", "0.2", "--json", "r.json", "--seed", "3", *TINY)
    assert result.exit_code == 0, result.output
    links = hide_links(read_graph(folder / "graph.txt"), share=0.2, seed=3)
    library = Node2Vec(preset="tiny", nodes=64, window=4, negatives=4, walk_length=20, block_walks=32, random_state=3)
    wanted = rank_by_vectors(library.fit(links.kept).embedding_, links) | rank_by_graph(links)
    *entries, origin = json.loads((folder / "r.json").read_text())
    values = {entry["name"]: entry["value"] for entry in entries}
    assert values.pop("hidden") == round(0.2 * 138) == int(printed(result)["hidden"].split()[0])
    assert values == {
        f"{name}.{measure}": value for name, ranking in wanted.items() for measure, value in ranking._asdict().items()
    }
    assert values["cosine.auc"] > 0.9
    assert (origin["value"]["digest"], origin["value"]["non_edges"]) == (library.digest_, "matched")
    (folder / "tree.txt").write_text("".join(f"0 {i}\n" for i in range(1, 9)))
    for arguments, code, words in (
        (("tree.txt",), 3, "2 of 8 edges cannot be hidden"),
        (("graph.txt", "--hidden", "1"), 2, "--hidden"),
        (("graph.txt", "--walks-in-flight", "3"), 2, "must be a multiple of walks_in_flight"),
        (("graph.txt", "--json", "graph.txt"), 3, "is an input too"),
    ):
        result = run("evaluate-links", *arguments)
        assert (result.exit_code, words in result.stderr) == (code, True), result.stderr


def test_labels_of_other_nodes_are_counted_and_skipped(folder):
    with open("labels.txt", "a") as file:
        file.write("paper48 class0\npaper49 class1\n")
    done = CliRunner().invoke(main, ["evaluate", "model.npz", "labels.txt"])
    assert done.exit_code == 0, done.output
    assert "labels.txt: 2 labels of nodes that the graph does not have are skipped" in done.stderr
    assert "30 of 30 nodes have labels" in done.stderr


def test_a_dash_is_standard_input_and_output(folder, model):
    """As an input of any kind, packed or not; figures then go to stderr."""
    runner = CliRunner()
    for data in (ring(30).encode(), gzip.compress(ring(30).encode())):
        done = runner.invoke(main, ["train", "-", "-o", "-", *TINY], input=data)
        assert done.exit_code == 0, done.stderr
        assert done.stdout_bytes == model
        assert "walks" in done.stderr
    done = runner.invoke(main, ["train", "-", "-o", "-", "-q", *TINY], input=data)
    assert (done.stdout_bytes, done.stderr) == (model, "")
    assert "30 nodes, 138 edges" in runner.invoke(main, ["info", "-"], input=model).stdout
    text = runner.invoke(main, ["vectors", "-", "-o", "-"], input=model)
    assert text.stdout.startswith("30 8\n")
    for data in (model, text.stdout_bytes):
        done = runner.invoke(main, ["evaluate", "-", "labels.txt", "--json", "-"], input=data)
        assert {entry["name"] for entry in json.loads(done.stdout)} > {"f1_micro", "provenance"}
    added = runner.invoke(main, ["update", "model.npz", "-", "-o", "m.npz"], input="n0 n31\n")
    assert added.exit_code == 0, added.stderr
    assert "31" in added.stdout
    assert not (folder / "-").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [("info",), ("--help",), ("vectors", "model.npz", "-o", "-")])
def test_full_standard_output_is_one_sentence(folder, arguments):
    program = [sys.executable, "-c", "from skipwalk.sw.cli import main; main()", *arguments]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("skipwalk: error: ")
    assert "cannot be written: No space left on device" in done.stderr


PROGRAM = [sys.executable, "-c", "from skipwalk.sw.cli import main; main()"]


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ('"$@" info >&-', 3, "skipwalk: error: standard output cannot be written: Bad file descriptor\n"),
        ('"$@" vectors model.npz -o - >&-', 3, "skipwalk: error: -: cannot be written: Bad file descriptor\n"),
        ('"$@" update model.npz edges.txt -o m.npz 2>&- && test -f m.npz', 0, ""),
        ('"$@" update model.npz edges.txt -o m.npz 2>/dev/full && test -f m.npz', 0, ""),
        ('"$@" update model.npz none.txt -o m.npz >&- 2>&- <&-', 3, ""),
        ('"$@" update model.npz none.txt -o m.npz 2>/dev/full', 3, ""),
        ('"$@" learn model.npz -o m.npz -q <&-', 0, ""),
        ("printf '+ n0 \\346\\274\\242\\n? \\346\\274\\242\\n' | "
         'PYTHONIOENCODING=latin-1 "$@" learn model.npz -o m.npz -q', 0, ""),
        ('NUMBA_DISABLE_JIT=1 "$@" update model.npz edges.txt -o m.npz -q', 0, ""),
    ],
)  # fmt: skip
def test_streams_and_places_that_are_closed_full_or_gone(folder, shell, code, said):
    """What can be done is, and what cannot is one sentence, if there is where to say it."""
    done = subprocess.run(["sh", "-c", shell, "sh", *PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in done.stderr
    if "latin" in shell:
        assert done.stdout.startswith("? \\u6f22 "), done.stdout


@pytest.mark.parametrize("asks", [True, False])
def test_working_folder_that_is_gone(folder, asks):
    """Some library may ask where it is as it is imported (coverage does, which Numba imports)."""
    (folder / "coverage.py").write_text("import os\nos.getcwd()\n" if asks else "raise ImportError\n")
    done = subprocess.run(
        ["sh", "-c", 'mkdir a && cd a && rmdir ../a && "$@" info tiny', "sh", *PROGRAM],
        env=dict(os.environ, PYTHONPATH=str(folder)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if asks:
        assert done.returncode == 3
        assert done.stderr == "skipwalk: error: the working folder does not exist any more; change to another\n"
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert "tiny" in done.stdout


def test_what_a_terminal_would_obey_is_escaped(folder):
    """Names out of files, in the log and in what is shown; a terminal gets no escape sequence of theirs."""
    (folder / "g\u202e.csv").write_text("source,target,\x1b]0;title\x07\na,b,c\n")
    done = run("train", "g\u202e.csv", "-o", "m.npz", *TINY)
    assert done.exit_code == 0
    assert "columns passed over: \\x1b]0;title\\x07" in done.stderr
    assert done.stderr.replace("\n", "").isprintable()


def test_version_of_sources_that_are_not_installed(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    done = CliRunner().invoke(main, ["--version"])
    assert done.exit_code == 0
    assert done.stdout == "skipwalk, version unknown: it is not installed\n"


def test_info_tells_of_presets_boards_cores_and_models(folder):
    listed = [line.split(maxsplit=2) for line in run("info").stdout.splitlines()]
    for kind, names in (
        ("os-elm", {"tiny", "ecp5-85f", "ecp5-85f-d64", "paper"}),
        ("skip2-lora", {"tiny", "digits", "fan"}),
        ("board", {*BOARDS}),
    ):
        assert {name for name, found, _ in listed if found == kind} >= names
    core = run("info", "ecp5-85f").stdout
    assert "dim 32, 3072 nodes" in core
    assert "beta Q5.13" in core
    assert "1,728 Kibit" in core
    shown = printed(run("info", "model.npz"))
    assert shown["graph"] == "30 nodes, 138 edges"
    assert shown["digest"] == Node2Vec.load("model.npz").digest_
    assert shown["run"] == "first training, finished"


def test_info_says_what_fits():
    core = printed(run("info", "ecp5-85f"))
    assert core["holds"].startswith("graphs of up to 3072 nodes; window - 1 + negatives up to 31;")
    assert core["store"].startswith("on the device: 24576 edge ends, edges without weights;")
    assert core["fits"] == "ulx3s-85f, ulx3s-85f-sdram"
    assert core["rows"] == "all on the chip"
    without = printed(run("info", "ecp5-85f-d64"))
    assert without["gain"] == "constant: p0 stands for P (normalised LMS)"
    assert (without["memory"], without["fits"]) == ("beta 3,456 Kibit", "ulx3s-85f, ulx3s-85f-sdram")
    assert without["needs"].startswith("132 multipliers,")
    outside = printed(run("info", "ulx3s-85f-sdram"))
    assert outside["SDRAM"] == "32 MB, 16 bits at 100 MHz, a latency of 2"
    assert outside["rows"].startswith("262144 in memory outside, 72 bytes each; 3072 slots for them on the chip;")
    assert outside["rows"].endswith("; the memory takes 32,768 KiB")
    assert outside["store"].startswith("in memory outside: 2097152 edge ends, edges without weights;")
    assert describe_core(preset("paper").replace(nodes=60_000))["fits"].startswith("none of the boards;")
    assert printed(run("info", "digits"))["holds"].startswith("a network of exactly these widths; 512 samples")
    both = run("info", "tiny").stdout
    assert "core         tiny: dim 8" in both
    assert "unit         tiny: widths 10-6" in both
    board = run("info", "ulx3s-45f").stdout
    assert "72 multipliers" in board
    assert "graphs of up to 512 nodes" in board
    assert "480 samples in the Skip-Cache" in board
    assert "widths 64-96-96, 10 classes" in board
    assert "--board ulx3s-45f --backend serial:PORT@3000000" in board


def test_info_says_how_the_slots_did():
    """Pages are those of all that stands in memory, so they are counted by walk and not by row."""
    counters = {"rows_asked": 8000, "rows_fetched": 4000, "cycles": 750_000, "wait_memory": 187_500, "walks": 100}
    shown = "50.0% of the rows asked for had a slot, 25.0% of the cycles waited for memory"
    assert _memory(counters) == {"memory": shown}
    assert _memory(counters | {"pages_opened": 7700}) == {"memory": f"{shown}, 77.0 pages opened a walk"}
    assert _memory({"walks": 100}) == {}


def test_interrupted_training_goes_on_to_the_same_bits(folder, monkeypatch, ctrl_c_works):
    post, blocks = GraphDevice.post, iter(range(1000))

    def ctrl_c(device, words, **how):
        if next(blocks) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        post(device, words, **how)

    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(GraphDevice, "post", ctrl_c)
        result = run("train", "graph.txt", "-o", "a model.npz", "--checkpoint", "c.npz", *TINY)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        "skipwalk: stopped after 96 of 300 walks; go on with: skipwalk train --resume c.npz -o 'a model.npz'"
    )
    assert contents(folder) == {**before, "c.npz": (folder / "c.npz").read_bytes()}
    assert printed(run("info", "c.npz"))["run"] == "first training, 96 of 300 walks; go on with train --resume"
    assert run("update", "c.npz", "edges.txt", "-o", "u.npz").exit_code == 3

    other = run("train", "--resume", "c.npz", "-o", "m.npz", "--seed", "1")
    assert (other.exit_code, other.stderr.splitlines()[-1]) == (2, "Error: c.npz was begun with --seed 0, not 1")
    (folder / "other.txt").write_text("a b\n")
    other = run("train", "other.txt", "--resume", "c.npz", "-o", "m.npz")
    assert (other.exit_code, "c.npz: holds another graph" in other.stderr) == (3, True)
    result = run("train", "graph.txt", "--resume", "c.npz", "-o", "m.npz", "--seed", "0")
    assert printed(result)["walks"] == "204"
    assert printed(result)["digest"] == Node2Vec.load("model.npz").digest_
    result = run("train", "--resume", "m.npz", "-o", "m.npz")
    assert (result.exit_code, printed(result)["walks"]) == (0, "0"), "nothing is left"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("homeless", "arguments"),
    [(False, ("update", "model.npz", "edges.txt")), (True, ("train", "graph.txt", *TINY))],
)
def test_a_disk_that_is_full_at_the_end(folder, monkeypatch, tmp_path_factory, homeless, arguments):
    """What was learned is somewhere else, and the error says where; with no place anywhere, it is the error alone."""
    place = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(tempfile, "tempdir", str(place / "none" if homeless else place))
    monkeypatch.setenv("HOME", str(place / "none"))
    result = run(*arguments, "-o", "/dev/full")
    said = result.stderr.splitlines()[-1]
    assert (result.exit_code, "cannot be written: No space left on device" in said) == (3, True)
    if homeless:
        assert said.endswith("No space left on device")
        assert not list(place.iterdir())
    else:
        rescued = Node2Vec.load(said.rpartition("; what would have been lost is in ")[2])
        assert run(*arguments, "-o", "m.npz").exit_code == 0
        assert Node2Vec.load("m.npz").digest_ == rescued.digest_


def test_an_interrupt_whose_checkpoint_could_not_be_written_says_so(folder, monkeypatch, ctrl_c_works):
    def full(model, path):
        raise InputError("cannot be written: No space left on device", path=path)

    monkeypatch.setattr(GraphDevice, "post", lambda device, *_, **__: os.kill(os.getpid(), signal.SIGINT))
    monkeypatch.setattr(GraphDevice, "wait", lambda device: None)
    monkeypatch.setattr(Session, "settled", lambda session: session.model)
    monkeypatch.setattr(Model, "save", full)
    result = run("update", "model.npz", "edges.txt", "-o", "m.npz", "--walks-per-end", "50", "--checkpoint", "c.npz")
    assert result.exit_code == 130
    assert "the checkpoint could not be written" in result.stderr.splitlines()[-1]
    assert "train --resume" not in result.stderr


def test_an_interrupt_in_the_last_piece_leaves_its_checkpoint(folder, monkeypatch, ctrl_c_works):
    post = GraphDevice.post

    def ctrl_c(device, words, **how):
        os.kill(os.getpid(), signal.SIGINT)
        post(device, words, **how)

    with monkeypatch.context() as patch:
        patch.setattr(GraphDevice, "post", ctrl_c)
        result = run("update", "model.npz", "edges.txt", "-o", "m.npz", "--checkpoint", "c.npz")
    assert result.exit_code == 130
    assert "stopped after 3 of 3 changes; go on with: skipwalk train --resume c.npz -o m.npz" in result.stderr
    assert run("train", "--resume", "c.npz", "-o", "m.npz").exit_code == 0
    assert printed(run("update", "model.npz", "edges.txt", "-o", "u.npz"))["digest"] == Node2Vec.load("m.npz").digest_


def test_an_interrupt_without_checkpoint_says_so(folder, monkeypatch, ctrl_c_works):
    monkeypatch.setattr(GraphDevice, "post", lambda device, *_, **__: os.kill(os.getpid(), signal.SIGINT))
    before = contents(folder)
    result = run("update", "model.npz", "edges.txt", "-o", "m.npz", "--walks-per-end", "50")
    assert result.exit_code == 130
    assert "nothing was saved; see --checkpoint" in result.stderr
    assert contents(folder) == before


def test_interrupts_elsewhere_are_130_too(folder, monkeypatch):
    def ctrl_c(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("skipwalk.sw.commands.inspection.score", ctrl_c)
    result = run("evaluate", "model.npz", "labels.txt")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (130, "skipwalk: interrupted")


# ---- what does not
TRAIN = ("train", "bad.txt", "-o", "m.npz", *TINY)
UPDATE = ("update", "model.npz", "bad.txt", "-o", "m.npz")
EVALUATE = ("evaluate", "model.npz", "bad.txt")


@pytest.mark.parametrize(
    ("bad", "arguments", "code", "message"),
    [
        (None, TRAIN, 3, "bad.txt: no such file"),
        ("a\nb c\n", TRAIN, 3, "bad.txt:1: 1 columns; an edge is `u v` or `u v weight`"),
        ("a b 1\nb c nan\n", TRAIN, 3, "bad.txt:2: weight nan; it has to be positive and finite"),
        ("a b 1\nb c x\n", TRAIN, 3, "bad.txt:2: weight 'x' is not a number"),
        ("a a\n", TRAIN, 3, "bad.txt: no edges between different nodes"),
        ("", TRAIN, 3, "bad.txt: no edges"),
        (
            ring(66),
            (*TRAIN, "--nodes", "64"),
            4,
            "the graph has 66 nodes, but the core (tiny) has 64 rows; train with nodes=66 or more",
        ),
        (ring(9), (*TRAIN, "--negatives", "20"), 4, "contexts of 23 samples, but the core (tiny) takes 7"),
        (ring(9), (*TRAIN, "--inflation", "1e-9"), 3, "inflation q 1e-09 is lost"),
        (ring(9), (*TRAIN, "--p", "0"), 2, "p must be between"),
        (ring(9), (*TRAIN, "--dim", "7"), 2, "dim must be a multiple"),
        (ring(9), (*TRAIN, "--preset", "huge"), 2, "no preset 'huge'; there are: tiny"),
        (ring(9), (*TRAIN, "--board", "ulx3s-12f"), 2, "--board and --preset both name a core"),
        (ring(9), ("train", "bad.txt", "-o", "m.npz", "--board", "ulx3s-12f"), 4, "(ulx3s-12f) takes 15"),
        (None, ("train", "--resume", "model.npz", "-o", "m.npz", "--board", "ulx3s-12f"), 2, "leave --board out"),
        (ring(9), (*TRAIN, "--backend", "fpga"), 2, "unknown backend 'fpga'"),
        (ring(9), (*TRAIN, "--walks-per-node", "many"), 2, "'many' is not a valid integer"),
        (ring(9), (*TRAIN, "-o", "none/m.npz"), 3, "none/m.npz: cannot be written: the folder"),
        (ring(9), (*TRAIN, "--json", "none/r.json"), 3, "none/r.json: cannot be written"),
        (ring(9), ("train", "-o", "m.npz"), 2, "name a graph file, or a model to --resume"),
        (ring(9), ("train", "bad.txt"), 2, "Missing option '--output'"),
        ("PK\3\4 and then no more", ("train", "--resume", "bad.txt", "-o", "m.npz"), 3, "bad.txt: cut off or damaged"),
        (None, ("train", "--resume", "bad.txt", "-o", "m.npz"), 3, "bad.txt: no such file"),
        (None, UPDATE, 3, "bad.txt: no such file"),
        ("n0 n1\nn5\n", UPDATE, 3, "bad.txt:2: 1 columns, but 2 in the lines before"),
        ("n0 n1 -1\n", UPDATE, 3, "bad.txt:1: weight -1"),
        ("".join(f"n0 m{i}\n" for i in range(35)), UPDATE, 4, "65 nodes, but the core (tiny) has 64 rows"),
        ("n0 n1\n", ("update", "bad.txt", "edges.txt", "-o", "m.npz"), 3, "bad.txt: not a model file"),
        ("n0 a\nnobody b\n", (*EVALUATE, "--strict"), 3, "bad.txt:2: node 'nobody' is not in the graph"),
        ("some a\nnobody b\n", EVALUATE, 3, "bad.txt: no label of a node of the graph; 'some' is none"),
        (None, ("evaluate", "-", "-"), 3, "-: standard input can be only one of the inputs"),
        (ring(9), (*TRAIN, "-o", "-", "--json", "-"), 3, "-: two outputs would go there"),
        ("n0 a\nn1\n", EVALUATE, 3, "bad.txt:2: 1 columns; a label line is a node and its class"),
        ("n0 a\nn0 b\n", EVALUATE, 3, "bad.txt:2: node 'n0' has the class 'b', but 'a' in line 1"),
        ("n0 a\nn1 a\n", EVALUATE, 3, "1 class among 2 labelled nodes"),
        ("n0 a\nn1 a\nn2 b\n", EVALUATE, 3, "class 'b' has a single node"),
        ("n0 a\nn1 a\nn2 b\nn3 b\n", EVALUATE, 3, "4 labelled nodes leave 1 to test 2 classes"),
        ("1 2\nx 0.5\n", ("evaluate", "bad.txt", "labels.txt"), 3, "bad.txt:2: 2 columns; an id and 2 numbers"),
        ("", ("info", "bad.txt"), 3, "bad.txt: "),
        (None, ("info", "nothing"), 3, "nothing: no such file, and no preset or board (tiny, "),
        (None, ("train", "none.txt", "-o", "m.npz", "--backend", "foo"), 2, "unknown backend 'foo'; there are golden"),
        (None, ("train", "none.txt", "-o", "m.npz", "--backend", "serial:"), 2, "unknown backend 'serial:'"),
        (None, ("train", "none.txt", "-o", "m.npz", "--backend", "serial:tcp:x"), 2, "write tcp:HOST:PORT"),
        (None, ("train", "none.txt", "-o", "m.npz", "--backend", "serial:x@0"), 2, "write PORT or PORT@BAUD"),
        (ring(30), ("evaluate-links", "bad.txt", "--seed", "-1"), 2, "random_state must be 0 to 2**64 - 1, not -1"),
        ("n0 x\n", (*UPDATE, "--walks-per-end", "65536"), 2, "'--walks-per-end': 65536 is not in the range"),
        (None, ("update", "model.npz", "model.npz", "-o", "m.npz"), 3, "model.npz: is a saved model"),
        (None, ("vectors", "bad.txt", "-o", "v.txt"), 3, "bad.txt: no such file"),
        (None, ("vectors", "model.npz", "-o", "none/v.txt"), 3, "none/v.txt: cannot be written"),
        (None, ("explode",), 2, "No such command 'explode'"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(folder, bad, arguments, code, message):
    if bad is not None:
        (folder / "bad.txt").write_text(bad)
    before = contents(folder)
    result = run(*arguments)
    assert result.exit_code == code, result.output
    last = result.stderr.splitlines()[-1]
    assert message in last
    assert last.startswith("Error: " if code == 2 else "skipwalk: error: ")
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert contents(folder) == before


def test_a_truncated_model_is_refused_everywhere(folder, model):
    (folder / "cut.npz").write_bytes(model[: len(model) // 2])
    before = contents(folder)
    for arguments in (
        ("info", "cut.npz"),
        ("vectors", "cut.npz", "-o", "v.txt"),
        ("update", "cut.npz", "edges.txt", "-o", "m.npz"),
        ("evaluate", "cut.npz", "labels.txt"),
        ("train", "--resume", "cut.npz", "-o", "m.npz"),
    ):
        result = run(*arguments)
        assert result.exit_code == 3, arguments
        assert "skipwalk: error: cut.npz: cut off or damaged" in result.stderr
    assert contents(folder) == before


def test_a_missing_device_is_exit_code_5(folder, monkeypatch):
    from skipwalk.sim.rtl import build

    pytest.importorskip("amaranth")

    def nothing_there(component, name=None):
        raise build.MissingToolError("compiling the gateware needs g++")

    monkeypatch.setattr(build, "to_verilog", nothing_there)
    before = contents(folder)
    result = run("update", "model.npz", "edges.txt", "-o", "m.npz", "--backend", "rtl")
    assert (result.exit_code, "needs g++; or use the golden backend" in result.stderr) == (5, True)
    assert contents(folder) == before


def test_help_and_version_explain_themselves():
    result = run("--help")
    assert result.exit_code == 0
    for word in ("130  interrupted", "train", "update", "evaluate", "info", "vectors", "export"):
        assert word in result.stdout
    assert run("--version").stdout.startswith("skipwalk, version")
    assert "[default: 24]" in run("train", "--help").stdout


def test_provenance_has_no_folders_of_this_machine(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/home/ada/bin/bench", "build/a.edges", "--json=/home/ada/b.json", "/mnt/c.json"])
    assert provenance()["command"] == "bench build/a.edges --json=b.json c.json"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "graph.txt", "-o", "graph.txt", *TINY], "is an input too"),
        (["train", "graph.txt", "-o", "./m", "--vectors", "m", *TINY], "two outputs would go there"),
        (["update", "model.npz", "edges.txt", "-o", "edges.txt"], "is an input too"),
        (["update", "model.npz", "edges.txt", "-o", "m", "--vectors", "model.npz"], "is an input too"),
        (["vectors", "model.npz", "-o", "model.npz"], "is an input too"),
        (["evaluate", "model.npz", "labels.txt", "--json", "labels.txt"], "is an input too"),
    ],
)
def test_output_over_an_input_or_another_output(folder, arguments, words):
    before = contents(folder)
    result = run(*arguments)
    assert result.exit_code == 3
    assert words in result.stderr
    assert contents(folder) == before


def test_two_processes_that_update_one_model(folder):
    (folder / "more.txt").write_text("n0 other\n")
    command = [sys.executable, "-c", "from skipwalk.sw.cli import main; main()", "update", "model.npz"]
    both = [subprocess.Popen([*command, name, "-o", "model.npz"]) for name in ("edges.txt", "more.txt")]
    assert [process.wait() for process in both] == [0, 0]
    assert {"new", "other"} <= set(Node2Vec.load(folder / "model.npz").graph_.ids)


@pytest.fixture(params=[signal.SIGTERM, signal.SIGHUP])
def number(request):
    """A signal that ends a process; whatever runs the tests (``nohup``) may ignore it, which is inherited."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def test_being_ended_keeps_what_ctrl_c_keeps(folder, monkeypatch, ctrl_c_works, number):
    post, calls = GraphDevice.post, iter(range(1000))

    def ended(device, words, **how):
        if next(calls) == 2:
            os.kill(os.getpid(), number)
        post(device, words, **how)

    monkeypatch.setattr(GraphDevice, "post", ended)
    result = run("train", "graph.txt", "-o", "m", "--checkpoint", "c.npz", *TINY)
    assert result.exit_code == 130
    assert "go on with: skipwalk train --resume c.npz" in result.stderr
    assert (folder / "c.npz").exists()
    assert signal.getsignal(number) is signal.SIG_DFL


def test_being_ended_where_ctrl_c_is_ignored(folder, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(GraphDevice, "post", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    try:
        assert run("train", "graph.txt", "-o", "m", *TINY).exit_code == 130
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_is_ctrl_c_here_and_what_it_always_was_in_a_child(monkeypatch, number):
    """Who is forked while a command runs has its handlers, and may not go on as the command would."""
    raised = []
    monkeypatch.setattr(cli.signal, "raise_signal", raised.append)
    with cli._ends_as_interrupted():
        handler = signal.getsignal(number)
        handler(number, None)
        assert raised == [signal.SIGINT]
        monkeypatch.setattr(cli.signal, "getsignal", lambda _: signal.SIG_IGN)
        with pytest.raises(KeyboardInterrupt):
            handler(number, None)
        here = os.getpid()
        monkeypatch.setattr(cli.os, "getpid", lambda: here + 1)
        handler(number, None)
        assert raised == [signal.SIGINT, number]
        monkeypatch.undo()
        assert signal.getsignal(number) is signal.SIG_DFL
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_file_that_cannot_be_read_is_not_taken_for_standard_output(monkeypatch):
    def fails(*_, **__):
        raise FileNotFoundError(2, "No such file or directory", "some.so")

    monkeypatch.setattr(cli.LazyGroup, "main", fails)
    with pytest.raises(FileNotFoundError, match=r"some\.so"):
        main(["info"])
