"""What `skipwalk lab coverage` makes of a report, and of what needs frameworks that are not installed."""

import json

import pytest
from skipwalk.sw.lab.map import ROOT
from skipwalk.sw.lab.tables.verification_tables import coverage as coverage_table
from skipwalk.sw.lab.verification.coverage import OPTIONAL, missed, results

from ..support.command import skipwalk


def of(lines, all_lines, branches, all_branches, missing_lines=(), missing_branches=()):
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    summary = dict(zip(names, (lines, all_lines, branches, all_branches), strict=True))
    return {"summary": summary, "missing_lines": [*missing_lines], "missing_branches": [*missing_branches]}


REPORT = {
    "files": {
        "hw/a.py": of(3, 4, 1, 4, [7], [[6, 7], [8, -5], [9, 11]]),
        "hw/b/c.py": of(1, 2, 0, 0),
        "sim/x.py": of(5, 5, 5, 5),
        "sw/y.py": of(6, 8, 2, 2),
        "sw/lora/torch_network.py": of(2, 7, 0, 3),
    }
}


def test_shares_are_by_tree_and_without_what_is_optional():
    found = {result.name: result.value for result in results(REPORT)}
    assert found == {
        "coverage.hw": 0.5,
        "coverage.hw.lines": 0.6667,
        "coverage.hw.files": 2,
        "coverage.sw": 0.5,
        "coverage.sw.lines": 0.5333,
        "coverage.sw.files": 2,
        "coverage.sw.without_optional": 0.8,
        "coverage.sw.without_optional.lines": 0.75,
        "coverage.sw.optional.files": 1,
        "coverage.sw.optional.size": 10,
        "coverage.sw.optional.missed": 8,
        "coverage.sim": 1.0,
        "coverage.sim.lines": 1.0,
        "coverage.sim.files": 1,
    }


def test_what_is_missed_is_told_once():
    """A branch to or from a missed line is not told beside it."""
    assert missed(REPORT, "hw") == ["hw/a.py:7", "hw/a.py:8 -> end", "hw/a.py:9 -> 11"]
    assert missed(REPORT, "sim") == []


def test_optional_files_are_there_and_have_reasons():
    assert all((ROOT / name).is_file() for name in OPTIONAL)
    assert all(len(reason.split()) > 4 for reason in OPTIONAL.values())


def test_the_command_writes_its_part_with_the_reasons(tmp_path):
    report, into = tmp_path / "coverage.json", tmp_path / "verification.json"
    report.write_text(json.dumps(REPORT))
    run = skipwalk("lab", "coverage", report, "--tests", "tests/link", "--json", into)
    assert run.exit_code == 0, run.output
    assert "coverage.sw.without_optional            0.8\n" in run.stdout
    assert "coverage.sim.files                        1 files\nmissed: hw/a.py:7\n" in run.stdout
    entries = {entry["name"]: entry["value"] for entry in json.loads(into.read_text())}
    part = entries["provenance"]["parts"]["coverage"]
    assert (part["tests"], part["optional"], len(part["missed"])) == ("tests/link", OPTIONAL, 3)
    head, body = coverage_table(entries, entries["provenance"])
    assert head[0] == "tests run: tests/link"
    assert body[1:3] == [["`sw`", "50.0%", "53.3%"], ["`sw` without optional parts", "80.0%", "75.0%"]]
    assert skipwalk("lab", "coverage", report).output == run.stdout


@pytest.mark.parametrize("text", ["{}", "[1", '{"files": {"hw/a.py": {}}}'])
def test_another_report_is_one_sentence(tmp_path, text):
    report = tmp_path / "coverage.json"
    report.write_text(text)
    run = skipwalk("lab", "coverage", report)
    assert (run.exit_code, "coverage.json: no report of coverage.py" in run.stderr) == (3, True)
