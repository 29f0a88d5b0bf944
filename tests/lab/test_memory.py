"""What `skipwalk lab memory` makes of counters, and of graphs that are not there; cores are tested elsewhere."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from skipwalk.hw.oselm.protocol import Counter
from skipwalk.sw.lab import memory
from skipwalk.sw.results.report import Result


def test_figures_of_a_case():
    """100 walks at 94 MHz: 9,400 cycles each, a quarter of them waiting; half of the rows asked for had a slot."""
    case = memory.Case("some", lambda: None, memory.CORE.replace(nodes=5000), 100)
    spent = {
        Counter.CYCLES: 940_000,
        Counter.WAIT_MEMORY: 235_000,
        Counter.ROWS_ASKED: 8000,
        Counter.ROWS_FETCHED: 4000,
        Counter.ROWS_WRITTEN: 3000,
    }
    rows = np.arange(4)
    for got, equal in ((rows, 1), (rows + 1, 0)):
        found = {r.name: r.value for r in memory._results(case, case.core, spent, 100, rows, got)}
        assert found["memory.bits_equal.some"] == equal
    names = ("walk_cycles", "walk_us", "wait_share", "hit_rate", "rows_fetched", "walk_bytes")
    assert [found[f"memory.{name}.some"] for name in names] == [9400, 100.0, 0.25, 0.5, 40.0, 72 * 70]


@pytest.mark.parametrize("walks", [memory.CORE, memory.SMALL])
def test_walks_fit_the_core(walks):
    case = memory.Case("some", lambda: None, walks, 100)
    assert type(case.sampling).from_word(case.sampling.word, walks) == case.sampling


def test_a_graph_that_is_not_there_is_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "measure", lambda case, seed: [Result(f"memory.bits_equal.{case.name}", 1, "")])
    file = tmp_path / "memory.json"
    done = CliRunner().invoke(memory.main, [str(file), "--photo", str(tmp_path / "absent.txt"), "--walks", "100"])
    assert done.exit_code == 0, done.output
    assert "photo is skipped: there is no" in done.output
    names = [entry.get("name") for entry in json.loads(file.read_text())]
    assert names[:3] == ["memory.bits_equal", "memory.bits_equal.n100000", "memory.bits_equal.n400000"]
    # What was measured of others stays.
    monkeypatch.setattr(memory, "measure", lambda case, seed: [Result(f"memory.bits_equal.{case.name}", 0, "")])
    CliRunner().invoke(memory.main, [str(file), "--only", "n400000"])
    values = {entry["name"]: entry["value"] for entry in json.loads(file.read_text())}
    values.pop("provenance")
    assert values == {"memory.bits_equal": 0, "memory.bits_equal.n100000": 1, "memory.bits_equal.n400000": 0}
