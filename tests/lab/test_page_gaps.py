"""The report of files that lack what a section shows: a sentence in its place, and no figure that nobody measured."""

import json

import pytest
from skipwalk.sw.lab.page import charts, results
from skipwalk.sw.lab.page.charts import Axis
from skipwalk.sw.lab.page.markup import source
from skipwalk.sw.lab.page.page import render
from skipwalk.sw.lab.page.results import EXPECTED, read_results
from skipwalk.sw.lab.tables import a53_tables, bench_tables, memory_tables, pages

from ..support.page import all_results, entry, save


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Every file is there, with one value that no section knows."""
    folder = tmp_path_factory.mktemp("bare")
    for name in [*EXPECTED, "boards/ulx3s-85f.json", "lora-digits.json", "demo-lora-board.json"]:
        save(folder, name, [entry("nothing.of.interest", 7)])
    return render(read_results(folder))


@pytest.mark.parametrize(
    "said",
    [
        "demo-board.json has no times",
        "demo-lora-board.json has no times",
        "experiments.json has no accuracy over epochs",
        "experiments.json has no curves of Cora growing",
        "accuracy.json has no runs",
        "bench.json has nothing about Skip2-LoRA",
    ],
)
def test_a_file_without_what_a_section_shows_says_so(bare, said):
    assert said in bare


def test_points_without_classes_are_no_picture(tmp_path):
    save(tmp_path, "embedding.json", [entry("embedding.walks_0.points", "1,2 3,4"), entry("embedding.classes", "0")])
    assert "embedding.json: points and classes do not match" in render(read_results(tmp_path))


def test_a_board_without_seeds_and_blocks_without_files_leave_no_hole(tmp_path):
    save(
        tmp_path, "boards/ulx3s-85f.json", [entry("title", "ULX3S"), entry("lut.used", 10), entry("lut.available", 40)]
    )
    text = render(read_results(tmp_path))
    assert "ULX3S" in text
    assert "Fmax after place and route" not in text
    assert "results/boards/ has no board" in render(read_results(tmp_path / "boards"))


def test_files_that_are_no_results_are_named(tmp_path):
    (tmp_path / "bench.json").write_text("[")
    found = read_results(tmp_path)
    assert found["bench.json"].problem.startswith("results/bench.json cannot be read: ")
    (tmp_path / "bench.json").write_text(json.dumps({"rows": [entry("a", 1)], "seed": 3}))
    again = read_results(tmp_path)["bench.json"]
    assert (again.number("a"), again.provenance) == (1, {"seed": 3})
    (tmp_path / "bench.json").write_text(json.dumps({"a": 2}))
    assert read_results(tmp_path)["bench.json"].number("a") == 2
    missing = results.ResultFile("none.json", problem="is not there")
    assert "none.json" not in source(missing, again)


def test_a_logarithmic_axis_has_no_more_labels_than_wanted():
    place, ticks = charts._scale([1.0, 1e6], Axis("", log=True), 0.0, 100.0, 4)
    assert 2 <= len(ticks) <= 5
    assert [tick.value for tick in ticks] == sorted(tick.value for tick in ticks)
    assert 0 < place(1.0) < place(1e3) < place(1e6) < 100
    middle = place(1e3) - (place(1.0) + place(1e6)) / 2
    assert abs(middle) < 1e-9


def test_a_full_page_has_a_band_where_seeds_differ(tmp_path):
    assert "±" in render(read_results(all_results(tmp_path)))


# ---- tables of the pages


def test_a_table_of_what_was_not_measured_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "RESULTS", tmp_path)
    assert pages.made_of("a53.json", None)() == "Not measured yet: there is no `results/a53.json`."


def test_tables_are_written_where_they_are_stale(tmp_path, monkeypatch):
    from ..support.command import skipwalk

    fresh, stale = tmp_path / "fresh.md", tmp_path / "docs" / "stale.md"
    fresh.write_text("same")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "made", lambda: {fresh: "same", stale: "new"})
    run = skipwalk("lab", "tables", "--check")
    assert (run.exit_code, run.stderr) == (1, "docs/stale.md: stale; run `make tables`\n")
    assert not stale.exists()
    assert skipwalk("lab", "tables").exit_code == 0
    assert stale.read_text() == "new"
    assert skipwalk("lab", "tables", "--check").exit_code == 0


def test_what_was_not_estimated_is_a_dash():
    assert a53_tables._range({}, "a53.walk_us", ".1f") == "-"
    assert a53_tables._range({"x.low": 2.04, "x.high": 2.01}, "x", ".1f") == "2.0"
    assert a53_tables._range({"x.low": 3.0, "x.high": 2.0}, "x", ".1f") == "2.0 - 3.0"
    _, body = bench_tables.whole({"train.cpu_seconds.pecanpy": 3.0, "ratio.train_cpu.pecanpy": 2.0}, {})[:2]
    assert [row[0] for row in body] == ["`pecanpy`"]
    assert memory_tables.memory({}, {})[1] is not None
