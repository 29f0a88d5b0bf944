"""Lines of a live log as they come, and what ends learning from them."""

import io
import queue
import tempfile

import pytest
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.oselm import sources
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.live_learning import LiveLearning
from skipwalk.sw.oselm.sources import Line, Sources
from skipwalk.sw.oselm.training import Interrupted

SMALL = {"preset": "tiny", "window": 3, "negatives": 4, "walk_length": 12, "walks_per_node": 1, "block_walks": 16}


@pytest.fixture
def without_thread():
    """Sources that read nothing by themselves, and the lines that they have taken."""
    made = Sources([], follow=True)

    def lines():
        found = []
        while True:
            try:
                found.append(made._lines.get_nowait())
            except queue.Empty:
                return [(line.number, line.text) for line in found]

    return made, lines


def test_a_last_line_without_an_end_is_a_line(without_thread):
    made, lines = without_thread
    assert made._lines_of(io.BytesIO(b"a b\nc d"), "log", 4) == 6
    assert [(number, text.strip()) for number, text in lines()] == [(5, "a b"), (6, "c d")]


class Written(Exception):
    """Nothing more will be."""


def test_a_log_that_is_cut_off_is_read_from_its_beginning(without_thread, tmp_path, monkeypatch):
    made, lines = without_thread
    log = tmp_path / "log"
    log.write_bytes(b"a long first line\nsecond\n")
    todo = [lambda: log.write_bytes(b"x y\n")]

    def sleep(seconds):
        if not todo:
            raise Written
        todo.pop()()

    monkeypatch.setattr(sources.time, "sleep", sleep)
    with log.open("rb") as file, pytest.raises(Written):
        made._lines_of(file, str(log), 0, grows=True)
    assert [(number, text.strip()) for number, text in lines()] == [(1, "a long first line"), (2, "second"), (1, "x y")]


# ---- what ends learning


@pytest.fixture
def learning(tmp_path):
    model = Node2Vec(**SMALL).fit([(i, (i + 1) % 9) for i in range(9)])
    return LiveLearning(model, tmp_path / "m.npz", walks_per_end=1, answer=pytest.fail), model


def line(text, number=1):
    return Line("log", number, text)


def test_a_device_that_fails_ends_it_and_a_line_that_does_not(learning, monkeypatch):
    live, model = learning

    def gone(*_, **__):
        raise DeviceError("the board went away")

    monkeypatch.setattr(model, "partial_fit", gone)
    live._take(line("+ 0 3"))
    with pytest.raises(DeviceError, match="went away"):
        live._learn()
    assert (live.learned, live.refused) == (0, 0)
    calls = []

    def refuses_together(pairs, weights=None, **_):
        calls.append(list(pairs))
        if len(pairs) > 1:
            raise InputError("not together")
        gone()

    monkeypatch.setattr(model, "partial_fit", refuses_together)
    for number, text in enumerate(("+ 0 3", "+ 0 4"), 1):
        live._take(line(text, number))
    with pytest.raises(DeviceError, match="went away"):
        live._learn()
    assert [len(pairs) for pairs in calls] == [2, 1]


def test_an_interrupt_in_the_middle_is_finished_and_is_the_last(learning, monkeypatch):
    live, model = learning
    resumed = []

    def interrupted(*_, **__):
        raise Interrupted(1, 2)

    monkeypatch.setattr(model, "partial_fit", interrupted)
    monkeypatch.setattr(model, "resume", lambda: resumed.append(True))
    live._take(line("+ 0 3"))
    live._learn()
    assert resumed == [True]
    assert (live.learned, live._stopping) == (1, True)


def test_a_disk_that_is_full_at_the_end(learning, monkeypatch, tmp_path):
    live, model = learning
    save = model.save

    def full(path):
        if path == live._output:
            raise InputError("cannot be written: No space left on device", path=path)
        save(path)

    monkeypatch.setattr(model, "save", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    live._take(line("+ 0 3"))
    with pytest.raises(InputError, match=r"No space left on device; what would have been lost is in") as info:
        live.run(Sources([], follow=False), save_every=1e9, report_every=1e9)
    assert Node2Vec.load(str(info.value).rpartition(" is in ")[2]).digest_ == model.digest_


def test_a_disk_that_is_full_for_a_while(learning, monkeypatch, caplog):
    """What was learned is saved the next time; only at the end it has to be."""
    live, model = learning
    live._take(line("+ 0 3"))
    live._learn()
    save = model.save

    def full(path):
        raise InputError("cannot be written: No space left on device", path=path)

    monkeypatch.setattr(model, "save", full)
    live._now_and_then(Sources([], follow=False), 1e-9, 1e9)
    assert "m.npz: cannot be written: No space left on device; saving is tried again in 1e-09 s" in caplog.text
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    monkeypatch.setenv("HOME", "/nowhere")
    with pytest.raises(InputError, match=r"No space left on device$"):
        live.run(Sources([], follow=False), save_every=1e9, report_every=1e9)
    monkeypatch.setattr(model, "save", save)
    live._now_and_then(Sources([], follow=False), 1e-9, 1e9)
    assert Node2Vec.load(live._output).digest_ == model.digest_
