"""A whole campaign of faults in the source, on a checkout of one block; and what a trial says of each way to end."""

import json
import os
import subprocess
import sys
import time

import pytest

pytest.importorskip("amaranth")

from skipwalk.sw.lab.verification import designs, mutants, trials
from skipwalk.sw.lab.verification.mutants import Campaign
from skipwalk.sw.lab.verification.mutations import Mutation, mutations
from skipwalk.sw.lab.verification.trials import Checkout, Verdict, last_line, wait

from ..support.command import skipwalk

FILE = "hw/fabric/block.py"
#: Nothing reads ``spare``; both arms of the Mux are the same; of what the tests ask, ``p`` is not.
BLOCK = """
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Block(wiring.Component):
    i: In(4)
    o: Out(4)
    p: Out(4)

    def elaborate(self, platform):
        m = Module()
        spare = Signal(3)
        m.d.comb += self.o.eq(self.i + 1)
        m.d.comb += self.p.eq(Mux(self.i[3], self.i ^ 5, 5 ^ self.i))
        return m
"""
CHECKOUT = {
    FILE: BLOCK,
    "sw/package/__init__.py": "",
    "sw/lab/verification/designs.py": """
from amaranth.back import rtlil
from skipwalk.hw.fabric.block import Block


def rtlil_of(names):
    return {name: rtlil.convert(Block(), name="top", emit_src=False) for name in names}


def files_of(name):
    return {"hw/fabric/block.py"}
""",
    "tests/fabric/test_block.py": """
from amaranth.sim import Simulator
from skipwalk.hw.fabric.block import Block


def test_next():
    block = Block()
    simulator = Simulator(block)

    async def bench(ctx):
        ctx.set(block.i, 6)
        assert ctx.get(block.o) == 7

    simulator.add_testbench(bench)
    simulator.run()
""",
    "tests/fabric/test_quick.py": "def test_nothing(): pass\n",
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout whose only design is the block; models and records of the command are beside it."""
    root = tmp_path / "checkout"
    for name, text in CHECKOUT.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.relative_to(root).parents[:-1]:
            (root / folder / "__init__.py").touch()
    monkeypatch.setattr(designs, "DESIGNS", {"block": None})
    monkeypatch.setattr(mutants, "ROOT", root)
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "build"))
    return root


def fault(diff: str) -> Mutation:
    """The one whose new line has this."""
    return next(one for one in mutations(BLOCK, FILE) if diff in one.diff(BLOCK).partition("\n")[2])


@pytest.mark.parametrize(
    ("diff", "verdict", "test", "why"),
    [
        ("self.o.eq(self.i)", "killed", "tests/fabric/test_block.py::test_next", "assert 6 == 7"),
        ("Signal(2)", "equivalent", "", "the same RTLIL in every design"),
        ("Mux(self.i[3], 5 ^ self.i, self.i ^ 5)", "equivalent", "", "proved on block"),
        ("self.i ^ 6", "survived", "", ""),
        ("self.i[4]", "stillborn", "tests/fabric/test_block.py::test_next", "IndexError"),
    ],
)
def test_what_becomes_of_a_fault(root, tmp_path, diff, verdict, test, why):
    campaign = Campaign(root, tmp_path / "campaign", compiled=False)
    record = campaign.trial(fault(diff))
    assert (record["verdict"], record["test"], why in record["why"]) == (verdict, test, True), record
    assert (campaign.copy / FILE).read_text() == BLOCK


def test_a_fault_that_no_test_elaborates_is_stillborn_in_its_design(root, tmp_path):
    (root / "tests/fabric/test_block.py").unlink()
    record = Campaign(root, tmp_path / "campaign", compiled=False).trial(fault("self.i[4]"))
    assert (record["verdict"], record["test"]) == ("stillborn", "")
    assert record["why"].startswith("IndexError")


class Scripted:
    """In the place of the checkout: every test has the same verdict."""

    def __init__(self, verdict: Verdict):
        self.verdict, self.asked = verdict, 0

    def test(self, tests, *, limit):
        self.asked += 1
        return self.verdict


def test_time_of_tests_is_kept_and_limited(root, tmp_path, monkeypatch):
    """What took a second and now does not end has seen the fault, what has never passed has not."""
    campaign, one = Campaign(root, tmp_path / "campaign", compiled=False), fault("self.i ^ 6")
    test = "tests/fabric/test_block.py"
    checkout = Scripted(Verdict("late"))
    monkeypatch.setattr(campaign, "_checkout", checkout)
    assert campaign._killed(one, "", [test]) is None
    checkout.verdict = Verdict("passed", seconds=1.0)
    assert campaign._killed(one, "", [test]) is None
    checkout.verdict = Verdict("late")
    found = campaign._killed(one, "", [test])
    assert found == {"verdict": "killed", "test": test, "why": "no end within 240 s of CPU time"}
    checkout.verdict, checkout.asked = Verdict("passed", seconds=mutants.BUDGET + 1), 0
    assert campaign._killed(one, "", [test, "tests/fabric/test_quick.py"]) is None
    assert checkout.asked == 1


def test_models_of_a_fault_are_removed(root, tmp_path):
    campaign = Campaign(root, tmp_path / "campaign", compiled=False)
    models = campaign.copy / "build" / "rtl"
    (models / "before").mkdir(parents=True)
    before = campaign._builds()
    (models / "broken").mkdir()
    (models / "log").touch()
    campaign._forget_builds(before)
    assert sorted(path.name for path in models.iterdir()) == ["before", "log"]


def test_the_command_lists_what_no_test_saw_and_goes_on_from_its_records(root, tmp_path, monkeypatch):
    report = tmp_path / "verification.json"
    arguments = ("lab", "mutants", "--only", "hw/fabric/b", "--count", 3, "--seed", 2, "--json", report)
    some = [fault("self.i ^ 6"), fault("self.o.eq(self.i)"), fault("Signal(2)")]
    monkeypatch.setattr(mutants, "chosen", lambda texts, count, seed: some[:count] if list(texts) == [FILE] else [])
    run = skipwalk(*arguments)
    assert run.exit_code == 0, run.output
    lines = run.output.splitlines()
    assert lines[0] == f"1 survived {FILE}:16 constant "
    assert lines[2].startswith("+ m.d.comb += self.p.eq(Mux(self.i[3], self.i ^ 6")
    assert lines[3:5] == [
        f"2 killed {FILE}:15 off by one tests/fabric/test_block.py::test_next",
        f"3 equivalent {FILE}:14 width ",
    ]
    values = {entry["name"]: entry["value"] for entry in json.loads(report.read_text())}
    assert (values["mutants.source.tried"], values["mutants.source.killed_share"]) == (3, 0.5)
    (left,) = values["provenance"]["parts"]["mutants.source"]["survivors"]
    assert (left["file"], left["line"], left["kind"]) == (FILE, 16, "constant")
    # Nothing is run again: neither tests nor designs.
    monkeypatch.setattr(Checkout, "_call", None)
    again = skipwalk(*arguments)
    assert (again.exit_code, again.output) == (0, run.output)
    assert "mutants.source.tried                  0" in skipwalk(*arguments[:-2], "--minutes", 0).output


# ---- trials in a fork


@pytest.fixture
def checkout(root, tmp_path):
    return Checkout(root, tmp_path / "copy", compiled=True)


def test_each_way_a_trial_ends(checkout, monkeypatch):
    checkout.write("tests/fabric/test_quick.py", "def test_a(): pass\ndef test_b(): raise ValueError('no\\nmore')\n")
    assert checkout.test(["tests/fabric/test_quick.py::test_a"], limit=60).outcome == "passed"
    found = checkout.test(["tests/fabric/test_quick.py"], limit=60)
    assert (found.outcome, found.test) == ("failed", "tests/fabric/test_quick.py::test_b")
    assert found.why == "ValueError: no"
    assert checkout.test(["tests/fabric/test_quick.py"], limit=60, options=["-k", "nothing"]).outcome == "none"
    # What cannot be collected has failed; what dies says so.
    checkout.write("tests/fabric/test_quick.py", "import no_such_module\n")
    found = checkout.test(["tests/fabric/test_quick.py"], limit=60)
    assert (found.outcome, found.test) == ("failed", "tests/fabric/test_quick.py")
    checkout.write("tests/fabric/test_quick.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    found = checkout.test(["tests/fabric/test_quick.py"], limit=60)
    assert (found.outcome, found.why) == ("failed", "the process died")
    monkeypatch.setattr(trials, "_SLOWER", 1)
    checkout.write("tests/fabric/test_quick.py", "import time\ntime.sleep(60)\n")
    assert checkout.test(["tests/fabric/test_quick.py"], limit=0.5).outcome == "late"
    with pytest.raises(RuntimeError, match=r"no end within 0\.1 s of CPU time"):
        checkout._made(lambda: time.sleep(60), 0.1)


def test_a_copy_is_of_the_checkout_as_it_is_now(checkout, root, tmp_path):
    with pytest.raises(RuntimeError, match="KeyError: 'no'"):
        checkout._made(lambda: {}["no"], 60)
    assert checkout.files("block", limit=60) == {FILE}
    checkout.write(FILE, "broken")
    (root / FILE).write_text(BLOCK.replace("+ 1", "+ 2"))
    again = Checkout(root, tmp_path / "copy", compiled=False)
    assert again.text(FILE) == (again.folder / FILE).read_text() == BLOCK.replace("+ 1", "+ 2")
    assert (again.folder / "env/skipwalk/hw").resolve() == again.folder / "hw"


def test_a_process_that_does_not_end_is_ended_with_its_group():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    assert not wait(child.pid, 0.05)
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, 0)
    child.returncode = -9  # it has been waited for


def test_the_last_line_is_of_the_error_and_short():
    class Report:
        longrepr = "first " + "x" * 300 + "\nsecond"

    assert last_line(Report()) == ("first " + "x" * 300)[:200]
    Report.longrepr = " \n"
    assert last_line(Report()) == ""
