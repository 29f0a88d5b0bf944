"""`skipwalk learn`: a process that appends to a log, another that asks; what is wrong is named and changes nothing."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from skipwalk.sw.cli import main
from skipwalk.sw.errors import InputError
from skipwalk.sw.oselm.changes import Addition, CutEdge, DropNode
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.requests import Ids, Nearest, VectorOf, parsed
from skipwalk.sw.oselm.sources import Sources

EDGES = [(f"n{a}", f"n{b}") for a in range(30) for b in range(a) if a // 10 == b // 10] + [
    ("n0", "n10"),
    ("n11", "n20"),
]
SMALL = {"preset": "tiny", "window": 4, "negatives": 4, "walk_length": 20, "block_walks": 32, "walks_per_node": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("learn") / "m.npz"
    Node2Vec(**SMALL).fit(EDGES).save(path)
    return path.read_bytes()


@pytest.fixture
def model(tmp_path, trained):
    path = tmp_path / "model.npz"
    path.write_bytes(trained)
    return path


def learn(model, text, *options):
    return CliRunner().invoke(main, ["learn", str(model), *options], input=text)


# ---- lines
def test_lines_are_changes_and_questions():
    ids = Ids(["a", "b"])
    for text, expected in (
        ("+ a b", Addition("a", "b", None)),
        ("  +\ta  7   2.5\r\n", Addition("a", "7", 2.5)),
        ("- a b", CutEdge("a", "b")),
        ("- a", DropNode("a")),
        ("? a", VectorOf("a")),
        ("~ a 3", Nearest("a", 3)),
        ("", None),
        ("# + a b", None),
    ):
        assert parsed(text, ids) == expected
    numbers = Ids([3, 4])
    assert [parsed(f"? {text}", numbers).u for text in ("3", "5", "05", "-2", "x")] == [3, 5, "05", -2, "x"]
    with pytest.raises(InputError, match="read the same"):
        Ids([1, "1"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("+ a", "'. a' is none of `. u v`"),
        ("+ a b 1 2", "is none of"),
        ("a b", "is none of"),
        ("- ", "is none of"),
        ("~ a", "is none of"),
        ("~ a 0", "is none of"),
        ("~ a x", "is none of"),
        ("? " + "a " * 200, r"\.\.\.' is none of"),
        ("+ a b x", "weight 'x' is not a number"),
        ("+ a b 0", "weight 0; it has to be positive"),
        ("+ a b nan", "weight nan; it has to be positive"),
    ],
)
def test_malformed_lines_say_what_they_are(text, message):
    with pytest.raises(InputError, match=message):
        parsed(text, Ids(["a"]))


# ---- the command
def test_changes_are_learned_as_by_the_estimator_and_answers_follow_them(model):
    text = "+ n0 x\n+ x n1 2\n+ x n2 3\n- n0 n1\n? x\n- n5\n~ x 4\n+ alone alone\n"
    result = learn(model, text)
    assert result.exit_code == 0, result.output
    direct = Node2Vec.load(model)
    expected = Node2Vec(**SMALL).fit(EDGES)
    expected.partial_fit([("n0", "x")]).partial_fit([("x", "n1"), ("x", "n2")], [2, 3]).remove_edges([("n0", "n1")])
    vector = expected.transform(["x"])[0]
    expected.remove_nodes(["n5"])
    near = expected.transform(["x"])[0]
    expected.partial_fit([("alone", "alone")])
    assert (direct.digest_, direct.ids_.tolist()) == (expected.digest_, expected.ids_.tolist())
    asked, nearest = result.stdout.splitlines()
    assert asked.split()[:2] == ["?", "x"]
    assert [float(x) for x in asked.split()[2:]] == vector.tolist()
    sign, u, k, *pairs = nearest.split()
    assert (sign, u, k, len(pairs)) == ("~", "x", "4", 8)
    cosines = [float(c) for c in pairs[1::2]]
    assert cosines == sorted(cosines, reverse=True)
    other = expected.transform([pairs[0]])[0]
    assert near @ other / (near @ near * (other @ other)) ** 0.5 == pytest.approx(cosines[0], abs=1e-4)
    assert "6 changes, " in result.stderr


def test_what_is_wrong_is_named_and_changes_nothing(model):
    text = "+ n0 x\nnonsense\n- n0 n29\n- n98\n+ n1 n2 1e9\n? n97\n- n0 x\n- n0 x\n+ n0 y\n"
    result = learn(model, text)
    assert result.exit_code == 0, result.output
    named = [line.removeprefix("skipwalk: standard input:") for line in result.stderr.splitlines()]
    assert [line.split(":")[0] for line in named[:-1]] == ["2", "3", "4", "5", "6", "8"]
    assert "there is no edge 'n0' - 'n29' to remove" in named[1]
    assert "a weight of 1e+09" in named[3]
    assert "3 changes, " in named[-1]
    assert "6 refused" in named[-1]
    assert result.stdout == "! ? n97: no node 'n97' in this graph of 31 nodes\n"
    expected = Node2Vec(**SMALL).fit(EDGES).partial_fit([("n0", "x")]).remove_edges([("n0", "x")])
    assert Node2Vec.load(model).digest_ == expected.partial_fit([("n0", "y")]).digest_


#: No id is cut where a line is too long, none is made of what is not text.
LONG = b"+ n0 " + b"x" * (1 << 16)
FITS = b"+ n0 " + b"y" * ((1 << 16) - 6)
NO_LINES = [b"+ n0 a", LONG, b"+ n0 \xff", b"+ n0 b\0", LONG * 3, FITS, b"+ n0 c", LONG]
FAULTS = ["", "a line of more than 65536", "not UTF-8 text: invalid start byte at byte 5", "a NUL", "a line of", "", ""]


@pytest.mark.parametrize("follow", [False, True])
def test_what_is_no_line_is_none(tmp_path, follow):
    """And the lines behind it have their numbers; of a file that grows, the last one may not be whole."""
    (tmp_path / "c.txt").write_bytes(b"\n".join(NO_LINES))
    sources = Sources([str(tmp_path / "c.txt")], follow=follow)
    faults = FAULTS + ["a line of"] * (not follow)
    for number, fault in enumerate(faults, 1):
        line = sources.take(10)
        assert line is not None
        assert (line.number, line.fault[: len(fault)], bool(line.text)) == (number, fault, not fault)
    if follow:
        assert sources.take(0.2) is None
        with (tmp_path / "c.txt").open("ab") as file:
            file.write(b"\n+ n0 d\n")
        lines = [sources.take(10), sources.take(10)]
        assert [(line.number, line.text) for line in lines if line] == [(8, ""), (9, "+ n0 d\n")]


def test_what_is_no_line_changes_nothing(model):
    result = CliRunner().invoke(main, ["learn", str(model)], input=b"\n".join(NO_LINES))
    named = [line.removeprefix("skipwalk: standard input:") for line in result.stderr.splitlines()]
    assert [line.split(":")[0] for line in named[:-1]] == ["2", "3", "4", "5", "8"]
    assert "3 changes, " in named[-1]
    new = set(Node2Vec.load(model).ids_.tolist()) - {node for edge in EDGES for node in edge}
    assert new == {"a", "c", FITS[5:].decode()}


def test_how_lines_come_changes_no_bit(model, tmp_path):
    """From a file at once, or line by line with a question between any two."""
    lines = [f"+ n{n} m{n % 4}\n" for n in range(30)] + [f"- n{n} m{n % 4}\n" for n in range(0, 30, 3)]
    (tmp_path / "changes.txt").write_text("".join(lines))
    assert learn(model, "", str(tmp_path / "changes.txt"), "-o", str(tmp_path / "one.npz"), "-q").exit_code == 0
    assert learn(model, "? n0\n".join(lines), "-o", str(tmp_path / "two.npz"), "-q").exit_code == 0
    one, two = (Node2Vec.load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert one.digest_ == two.digest_
    assert one.graph_.digest == two.graph_.digest


def test_numbers_that_are_too_large_are_refused(model):
    before = model.read_bytes()
    for option, value in (("--walks-per-end", "65536"), ("--save-every", "nan"), ("--report-every", "nan")):
        result = learn(model, "+ n0 x\n", option, value)
        assert (result.exit_code, option in result.stderr) == (2, True), result.output
    assert model.read_bytes() == before
    result = learn(model, f"~ n0 {'9' * 5000}\n+ n0 x\n")
    assert (result.exit_code, "1 refused" in result.stderr) == (0, True), result.output


def test_what_cannot_be_begun(model, tmp_path):
    changes = tmp_path / "changes.txt"
    changes.write_text("+ n0 x\n")
    for arguments, message in (
        ([str(tmp_path / "none.npz")], "none.npz: no such file"),
        ([str(model), str(tmp_path / "none.txt")], "none.txt: no such file"),
        ([str(model), "-o", str(tmp_path / "no" / "m.npz")], "does not exist"),
        ([str(model), str(tmp_path)], "is a folder; name a file in it"),
        ([str(model), str(changes), "-o", str(changes)], "is an input too and would be lost"),
        ([str(model), "-", "-"], "standard input can be only one of the inputs"),
        (["-"], "standard input can be only one of the inputs"),
    ):
        result = CliRunner().invoke(main, ["learn", *arguments], input="+ a b\n")
        assert (result.exit_code, message in result.stderr) == (3, True), result.stderr
    assert changes.read_text() == "+ n0 x\n"


def test_a_model_is_learned_into_by_one_process_at_a_time(model, monkeypatch):
    """Another one that updates it in place waits: the file is locked as long as lines come."""
    taken = []

    def lines(self, timeout):
        if not taken:
            with model.open("rb") as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken.append(timeout)
        raise EOFError

    monkeypatch.setattr(Sources, "take", lines)
    assert learn(model, "").exit_code == 0
    assert taken


def test_answers_hold_nothing_that_a_terminal_obeys(model):
    result = learn(model, "+ n0 a\u202eb\n? a\u202eb\n~ a\u202eb 1\n")
    assert result.stdout.replace("\n", "").isprintable()
    assert result.stdout.startswith("? a\\u202eb ")


def test_a_source_that_breaks_off_is_named(model, tmp_path, monkeypatch):
    (tmp_path / "c.txt").write_text("+ n0 x\n")

    def breaks(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Sources, "_lines_of", breaks)
    result = learn(model, "", str(tmp_path / "c.txt"))
    assert "c.txt:0: cannot be read: Input/output error" in result.stderr


# ---- processes
def begun(*arguments, **pipes):
    code = "from skipwalk.sw.cli import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, "learn", *map(str, arguments)], text=True, **pipes)


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_one_process_appends_to_a_log_and_another_asks(model, tmp_path):
    log, questions = tmp_path / "log.txt", tmp_path / "questions"
    log.write_text("+ n0 x\n")
    os.mkfifo(questions)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = begun(model, log, questions, "--follow", "--save-every", "0.2", "--report-every", "0.2", **pipes)
    try:
        with log.open("a") as file:
            file.write("+ x n1\n+ x n2")  # a line that is not ended yet
        until(lambda: Node2Vec.load(model).graph_.n_edges == len(EDGES) + 2)
        with questions.open("w") as file:
            file.write("? x\n")
        assert process.stdout.readline().startswith("? x ")
        with log.open("a") as file:
            file.write("0\n- n0 x\n")
        until(
            lambda: (
                "n20" in [n for n in Node2Vec.load(model).ids_ if Node2Vec.load(model).graph_.n_edges == len(EDGES) + 2]
            )
        )
        with questions.open("w") as file:  # opened again
            file.write("~ x 2\n")
        assert process.stdout.readline().startswith("~ x 2 ")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "a second, 0 lines behind" in errors
    expected = Node2Vec(**SMALL).fit(EDGES).partial_fit([("n0", "x"), ("x", "n1"), ("x", "n20")])
    assert Node2Vec.load(model).digest_ == expected.remove_edges([("n0", "x")]).digest_


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_a_stream_saves_what_was_learned(model, tmp_path, number):
    """The stream is a FIFO that nobody ends."""
    changes = tmp_path / "changes"
    os.mkfifo(changes)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = begun(model, changes, **pipes)
    try:
        with changes.open("w") as file:
            file.write("".join(f"+ n{n % 30} k{n}\n" for n in range(40)) + "? k39\n")
            file.flush()
            assert process.stdout.readline().startswith("? k39 ")
            file.write("".join(f"+ n{n % 30} j{n}\n" for n in range(2000)))
            file.flush()
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    saved = Node2Vec.load(model)
    learned = saved.graph_.n_edges - len(EDGES)
    assert 40 <= learned < 2040
    assert saved.model_.run.finished
    assert f"{learned} changes" in errors
