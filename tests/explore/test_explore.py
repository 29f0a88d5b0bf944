"""Design-space exploration: points, refusals, Pareto front, and measurements that are kept."""

import json
import os
import signal
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from click.testing import CliRunner
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.boards.table import BOARDS
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.sim.oselm.resources import Needs
from skipwalk.sw.cli import main
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.explore import tasks as explore_tasks
from skipwalk.sw.explore.space import accuracy_key, formats_of, grid, pareto, refusals, rows
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.results.records import OTHER_BACKENDS, JsonRecords, source_digest, source_texts

SMALL = {"dims": [8], "lanes": [2, 4], "bits": [18, 12], "nodes": 64, "max_samples": 31}


@pytest.fixture
def karate(tmp_path):
    graph = nx.karate_club_graph()
    edges, labels = tmp_path / "karate.edges", tmp_path / "karate.labels"
    edges.write_text("".join(f"{u} {v}\n" for u, v in graph.edges))
    labels.write_text("".join(f"{v} {data['club'].replace(' ', '')}\n" for v, data in graph.nodes(data=True)))
    how = ["--walks", "34", "--dim", "8", "--constants", "none"]
    return [str(edges), str(labels), *how, "--cache", str(tmp_path / "kept")]


def skipwalk(*arguments):
    return CliRunner().invoke(main, ["explore", *map(str, arguments)])


def values(path: Path) -> tuple[dict, dict]:
    entries = {entry["name"]: entry["value"] for entry in json.loads(path.read_text())}
    return entries, entries.pop("provenance")


# ---- the space
def test_eighteen_bits_are_the_default_core():
    core = CoreConfig(dim=8, nodes=64, lanes=2, max_samples=31, **formats_of(18))
    assert core == CoreConfig(dim=8, nodes=64, lanes=2, max_samples=31)


def test_ranges_stay_when_bits_go():
    narrow = formats_of(12)
    assert (narrow["k"], narrow["e"], narrow["u"]) == (SQ(-2, 14), SQ(4, 8), SQ(5, 7))
    assert (narrow["operand_bits"], narrow["gain_bits"]) == (12, 11)
    assert "beta" not in narrow
    assert "p" not in narrow


def test_a_grid_has_what_makes_a_core_and_says_what_does_not():
    points, refused = grid(**{**SMALL, "lanes": [2, 16]}, formats={"beta": [SQ(5, 13), SQ(5, 4)]})
    assert [point.name for point in points] == [f"d8-l2-b{b}-beta5_{f}" for b in (18, 12) for f in (13, 4)]
    assert [point.core.beta for point in points[:2]] == [SQ(5, 13), SQ(5, 4)]
    assert len(refused) == 4
    assert refused[0].reason == "dim must be a multiple of lanes (16), not 8"


def test_a_constant_in_the_place_of_p_is_a_point_beside_oselm():
    points, refused = grid(**{**SMALL, "bits": [18]}, constants=[0.7, 8], inflation=1e-4)
    assert [point.name for point in points] == [
        "d8-l2-b18",
        "d8-l2-b18-constant0.7",
        "d8-l4-b18",
        "d8-l4-b18-constant0.7",
    ]
    assert {refusal.reason for refusal in refused} == {"the constant 8 has no place in the format Q4.14 of P"}
    oselm, constant = points[2:]
    assert (oselm.learning, constant.learning) == ({}, {"p0": 0.7, "inflation": 0.0})
    of_oselm, of_constant = rows([oselm, constant], contexts=73, f1={}, netlists={})
    assert (of_oselm.needs.dsp, of_constant.needs.dsp) == (4 * 4 + 2, 2 * 4 + 2)
    assert of_constant.cycles <= of_oselm.cycles
    keys = [
        accuracy_key(p, {"seed": 0, **p.learning}, data="", sources="")
        for p in grid(**{**SMALL, "bits": [18]}, constants=[0.7, 1.4])[0]
    ]
    assert keys[:3] == keys[3:]
    assert len({repr(key) for key in keys}) == 3


def test_inflation_that_p_would_lose_is_refused():
    points, refused = grid(**SMALL, formats={"p": [SQ(2, 16), SQ(2, 8)]}, inflation=1e-4)
    assert {point.core.p for point in points} == {SQ(2, 16)}
    assert {refusal.reason for refusal in refused} == {"inflation 0.0001 is lost in the format Q2.8 of P"}


def test_a_board_refuses_with_resource_needed_and_available():
    (point, *_), _ = grid(**SMALL)
    board = BOARDS["ulx3s-25f"]
    assert refusals(point, board, Needs(dsp=28, bram=56)) == []
    reasons = [each.reason for each in refusals(point, board, Needs(dsp=130, bram=57, lut=30_000))]
    assert reasons == [
        "130 multipliers, LFE5U-25F has 28",
        "57 block RAMs, LFE5U-25F has 56",
        "30,000 LUTs, LFE5U-25F has 24,288",
    ]


# ---- the front
def test_front():
    good_and_dear, cheap_and_poor = (0.8, 10, 10), (0.5, 2, 2)
    assert pareto([good_and_dear, cheap_and_poor]) == [True, True]
    assert pareto([good_and_dear, (0.8, 10, 11), (0.79, 10, 10)]) == [True, False, False]
    assert pareto([good_and_dear, good_and_dear]) == [True, True]


def test_a_tolerance_takes_what_is_cheaper():
    dear, cheap = (0.80, 10.0, 10), (0.79, 9.0, 10)
    assert pareto([dear, cheap]) == [True, True]
    assert pareto([dear, cheap], tolerance=0.02) == [False, True]
    # Equal costs: the better one, however little better.
    assert pareto([(0.80, 9.0), (0.79, 9.0)], tolerance=0.02) == [True, False]


def test_a_row_has_mean_cycles_and_costs():
    points, _ = grid(**SMALL)
    f1 = {point.name: [0.6, 0.8] for point in points}
    found = rows(points, contexts=73, f1=f1, netlists={point.name: Needs(1, 2, 3, 4) for point in points})
    assert found[0].f1_mean == pytest.approx(0.7)
    assert found[0].roofline == 73 * 4 * 32
    assert found[0].cycles >= found[0].roofline
    assert found[0].costs == (found[0].cycles, 1, 2, 3)
    assert rows(points, contexts=73, f1={}, netlists={})[0].needs.lut is None


# ---- what is kept
def test_bits_do_not_depend_on_lanes_and_neither_does_their_key():
    points, _ = grid(**SMALL)
    keys = [accuracy_key(point, {"seed": 0}, data="", sources="") for point in points]
    assert keys[0] == keys[2] != keys[1]


def test_f1_depends_on_the_golden_model_and_a_netlist_on_the_gateware():
    (point, *_), _ = grid(**SMALL)
    graph = Graph.from_edges([(0, 1)])
    (f1,) = explore_tasks.accuracy_tasks([point], graph, np.arange(2), ["a", "b"], seeds=1, rounds=1, negatives=4)
    (netlist,) = explore_tasks.synthesis_tasks([point], None)
    learned = source_texts("sw/explore/f1.py", without=OTHER_BACKENDS)
    built = source_texts("sw/explore/netlist.py")
    assert f1.key["sources"] == source_digest("sw/explore/f1.py", without=OTHER_BACKENDS)
    assert netlist.key["sources"] == source_digest("sw/explore/netlist.py")
    # Far from the estimator, and yet behind its vectors.
    assert {
        "sw/graph/graph.py",
        "sim/arith/fixed.py",
        "sim/oselm/unit.py",
        "sim/arith/reciprocal.py",
        "hw/oselm/config.py",
    } <= learned.keys()
    assert {"hw/oselm/core.py", "hw/link/sender.py", "sim/rtl/synthesis.py", "sim/oselm/resources.py"} <= built.keys()
    assert not {"hw/arith/rank_one.py", "sim/rtl/harness.cpp"} & learned.keys()


def test_damaged_measurements_are_made_again(tmp_path):
    calls = []
    task, kept = (
        explore_tasks.Task("n", {"n": 1}, lambda: calls.append(0) or 7, (), lambda value: value == 7),
        JsonRecords(tmp_path),
    )
    assert list(explore_tasks.run([task], kept, data=())) == [(task, 7)]
    for text in ("{", "[]", '{"key": {"n": 1}}', '{"key": {"n": 2}, "value": 8}', '{"key": {"n": 1}, "value": "x"}'):
        kept.path(task.name).write_text(text)
        assert list(explore_tasks.run([task], kept, data=())) == [(task, 7)]
    assert list(explore_tasks.run([task], kept, data=())) == [(task, 7)]
    assert len(calls) == 6


@pytest.mark.parametrize("value", ["x", None, [], float("nan"), 7.5, -1, True])
def test_a_measurement_that_cannot_be_is_made_again(karate, tmp_path, value):
    options = [*karate, "--lanes", "2", "--bits", "18", "-q"]
    first = skipwalk(*options)
    (path,) = (tmp_path / "kept").iterdir()
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"value": value}))
    again = skipwalk(*options)
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    assert json.loads(path.read_text()) == record


def test_a_netlist_that_cannot_be_is_made_again():
    needs = {"dsp": 4, "bram": 20, "lut": 10_000, "ff": 5}
    (task,) = explore_tasks.synthesis_tasks(grid(**SMALL)[0][:1], None)
    assert task.sound(needs)
    for other in (None, 7, [], {}, needs | {"lut": "x"}, needs | {"lut": -1}, needs | {"luts": 1}):
        assert not task.sound(other)


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_is_said(tmp_path):
    tasks = [explore_tasks.Task("n", {"n": n}, _die, (), bool) for n in range(2)]
    with pytest.raises(DeviceError, match="one of 2 processes was killed, perhaps for lack of memory"):
        list(explore_tasks.run(tasks, JsonRecords(tmp_path), data=(), jobs=2))


def test_a_run_that_stopped_goes_on(tmp_path):
    calls = []

    def work(n):
        calls.append(n)
        if n == 2 and len(calls) < 4:
            raise KeyboardInterrupt
        return n

    tasks = [explore_tasks.Task("n", {"n": n}, work, (n,), lambda value: True) for n in range(4)]
    kept = JsonRecords(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        list(explore_tasks.run(tasks, kept, data=()))
    assert [value for _, value in explore_tasks.run(tasks, kept, data=())] == [0, 1, 2, 3]
    assert calls == [0, 1, 2, 2, 3]


def test_several_processes_find_what_one_finds(karate, tmp_path):
    one = skipwalk(*karate, "--lanes", "2,4", "--bits", "18,14", "-q", "--all")
    two = skipwalk(*karate[:-1], tmp_path / "other", "--lanes", "2,4", "--bits", "18,14", "-q", "--all", "--jobs", "2")
    assert one.exit_code == 0, one.output
    assert one.stdout == two.stdout


# ---- the command
def test_table_json_and_picture(karate, tmp_path):
    report, picture = tmp_path / "explore.json", tmp_path / "explore.png"
    run = skipwalk(*karate, "--lanes", "2,4,3", "--bits", "18,12", "--json", report, "--picture", picture, "--all")
    assert run.exit_code == 0, run.output
    head, *lines = run.stdout.splitlines()
    assert head.split() == ["point", "D", "lanes", "bits", "F1", "+-", "cycles/walk", "roofline", "mult", "BRAM"]
    assert len(lines) == 4
    assert "refused: d8-l3-b18, d8-l3-b12: lanes must be a power of two of at least 2, not 3" in run.stderr
    found, provenance = values(report)
    assert found["explore.points"] == 4
    assert 0 < found["explore.d8-l2-b18.f1_micro"] <= 1
    assert found["explore.d8-l2-b18.f1_micro"] == found["explore.d8-l4-b18.f1_micro"]
    assert found["explore.d8-l4-b12.dsp"] == 18
    assert found["explore.d8-l4-b18.cycles_per_walk"] < found["explore.d8-l2-b18.cycles_per_walk"]
    assert [point["name"] for point in provenance["points"]] == [line.split()[-10] for line in lines]
    assert provenance["walks"] == 34
    assert len(provenance["refused"]) == 2
    assert picture.stat().st_size > 10_000
    again = skipwalk(*karate, "--lanes", "2,4,3", "--bits", "18,12")
    assert [line.split()[1] for line in again.stdout.splitlines()[1:]] == [
        line.split()[1] for line in lines if line.startswith("*")
    ]


def test_both_gains_are_shown_on_the_graph(karate, tmp_path):
    report, picture = tmp_path / "explore.json", tmp_path / "explore.png"
    options = "--lanes", "2", "--bits", "18", "--constants", "0.5, 2.5", "--all", "--picture", picture, "--json", report
    run = skipwalk(*karate, *options)
    assert run.exit_code == 0, run.output
    names = [point["name"] for point in values(report)[1]["points"]]
    assert names == ["d8-l2-b18", "d8-l2-b18-constant0.5", "d8-l2-b18-constant2.5"]
    assert all(name in run.stdout for name in names)
    found, _ = values(report)
    assert found["explore.d8-l2-b18.dsp"] == 10
    assert found["explore.d8-l2-b18-constant0.5.dsp"] == 6


def test_a_board_that_nothing_fits(karate):
    run = skipwalk(*karate, "--lanes", "8", "--bits", "18", "--board", "ulx3s-25f", "--nodes", "1000")
    assert run.exit_code == 4
    assert "none of 1 points can be built on ULX3S with LFE5U-25F; d8-l8-b18: 34 multipliers, LFE5U-25F has 28" in (
        run.stderr
    )


def test_a_board_gives_the_time_of_a_walk(karate, tmp_path):
    report = tmp_path / "explore.json"
    run = skipwalk(*karate, "--lanes", "4", "--bits", "18", "--board", "ulx3s-25f", "--json", report, "-q")
    assert run.exit_code == 0, run.output
    found, _ = values(report)
    us = found["explore.d8-l4-b18.cycles_per_walk"] / BOARDS["ulx3s-25f"].uart.clock_hz * 1e6
    assert found["explore.d8-l4-b18.walk_us"] == pytest.approx(us)


def test_synthesis_counts_luts_and_may_refuse(karate, monkeypatch):
    asked = []

    def netlist(core, board):
        asked.append((core.lanes, board.name))
        return {"dsp": 4 * core.lanes + 2, "bram": 20, "lut": 10_000 * core.lanes, "ff": 5}

    monkeypatch.setattr(explore_tasks, "needs_of", netlist)
    arguments = ["--lanes", "2,4", "--bits", "18", "--board", "ulx3s-25f", "--synth", "--all"]
    run = skipwalk(*karate, *arguments)
    assert run.exit_code == 0, run.output
    assert asked == [(2, "ulx3s-25f"), (4, "ulx3s-25f")]
    assert "refused: d8-l4-b18: 40,000 LUTs, LFE5U-25F has 24,288" in run.stderr
    assert run.stdout.splitlines()[1].split()[-3:-1] == ["20000", "5"]
    assert skipwalk(*karate, *arguments).exit_code == 0
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--dim", "8,x"], 2, "'8,x' is no list of integers from 1 on, such as 16,32"),
        (["--dim", "8,0"], 2, "'8,0' is no list of integers from 1 on"),
        (["--lanes", "-4"], 2, "'-4' is no list of integers from 1 on"),
        (["--lanes", "1_6"], 2, "'1_6' is no list of integers from 1 on"),
        (["--dim", ""], 2, "'' is no list of integers from 1 on"),
        (["--constants", "1,-2"], 2, "'1,-2' is no list of positive numbers such as 0.7,1.4"),
        (["--beta", "5.13"], 2, "'5.13' is no format such as Q5.13"),
        (["--beta", "Q1.0"], 2, "Q1.0 has 1 bits; a format has 2 to 48"),
        (["--board", "arty"], 2, "no board 'arty'"),
        (["--nodes", "30"], 4, "has 34 nodes, --nodes is 30"),
        (["--json", "/no/such/folder/x.json"], 3, "does not exist"),
        (["--picture", "x.xyz"], 3, "x.xyz: is no name of a picture; let it end in one of .png, .svg, .pdf"),
        (["--picture", "x"], 3, "x: is no name of a picture"),
        (["--picture", "-"], 3, "-: is no name of a picture"),
        (["--tolerance", "nan"], 2, "--tolerance is F1, from 0 on, not nan"),
        (["--tolerance", "-1"], 2, "--tolerance is F1, from 0 on, not -1"),
        (["--walks", "1000000000000000000"], 2, "--walks is at most 4294967296 for each of 34 nodes, not 1000"),
        (["--cache", "/proc/kept"], 3, "/proc/kept: the folder cannot be made"),
        (["--cache", f"{__file__}/kept"], 3, "kept: the folder cannot be made: Not a directory; name another"),
    ],
)
def test_mistakes(karate, arguments, code, words):
    run = skipwalk(*karate, *arguments)
    assert run.exit_code == code, run.output
    assert words in run.stderr


def test_labels_that_cannot_be_learned_are_refused_before_anything_is(karate, tmp_path):
    labels = Path(karate[1])
    labels.write_text("0 a\n1 a\n")
    run = skipwalk(*karate)
    assert run.exit_code == 3
    assert f"error: {labels}: 1 class among 2 labelled nodes; an evaluation needs two or more" in run.stderr
    assert "walks" not in run.stderr


def test_with_the_report_on_standard_output_it_is_alone_there(karate):
    run = skipwalk(*karate, "--lanes", "2", "--bits", "18", "--json", "-")
    assert json.loads(run.stdout)[0]["name"] == "explore.points"
    assert "cycles/walk" in run.stderr
