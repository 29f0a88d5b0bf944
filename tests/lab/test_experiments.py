"""Experiments: keys, sweeps that resume, failures that stay alone, a cluster's equal results, learners, summaries."""

import dataclasses
import inspect
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.protocol import WALKS_SHIFT, Opcode
from skipwalk.sim.oselm.front_end.front_end import FrontEnd
from skipwalk.sim.oselm.golden import Contexts
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph.forest import spanning_forest
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.lab.baseline import float_embedding
from skipwalk.sw.lab.experiments import (
    cli,
    cora,
    cora_forgetting,
    cora_growing,
    cora_removal,
    cora_static,
    cora_weights,
    gain,
    gain_by_visits,
    learners,
    links,
    lora_methods,
    lora_rates,
    other_graphs,
    schedules,
    updates,
    walks_elsewhere,
    word_widths,
)
from skipwalk.sw.lab.experiments.cora import LabelledGraph
from skipwalk.sw.lab.experiments.execution import Failure, run_trial
from skipwalk.sw.lab.experiments.experiment import Options, Point, Trial, trials
from skipwalk.sw.lab.experiments.learners import FloatNode2Vec, learner
from skipwalk.sw.lab.experiments.records import Records
from skipwalk.sw.lab.experiments.summary import half_width, results, table
from skipwalk.sw.lab.experiments.sweep import sweep
from skipwalk.sw.lora.methods import fine_tune
from skipwalk.sw.lora.pretrain import pretrain
from skipwalk.sw.lora.tasks import load_task
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.oselm.link_prediction import hide_links, rank_by_vectors
from skipwalk.sw.results.records import OTHER_BACKENDS, source_digest, source_texts

from ..support.command import skipwalk
from ..support.lora import small_network, small_task

#: What fits the preset ``tiny``.
SMALL = {"preset": "tiny", "window": 3, "negatives": 4, "walk_length": 12, "walks_per_node": 4, "block_walks": 16}


@pytest.fixture
def toys(monkeypatch):
    """The module of toys, importable in other processes too: they get this one's path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "support"))
    import toys

    yield toys
    sys.modules.pop("toys")


@pytest.fixture(scope="module")
def communities() -> LabelledGraph:
    """Two rings of 20 nodes with chords, joined by two edges."""
    edges = [(side + i, side + (i + step) % 20) for side in (0, 20) for i in range(20) for step in (1, 3)]
    graph = Graph.from_edges([*edges, (0, 20), (7, 31)])
    classes = np.array(["a" if node < 20 else "b" for node in graph.ids])
    return LabelledGraph(graph, np.arange(40), classes)


def work(toy, seeds=None):
    made, plan = toy
    return [(trial, plan.data) for trial in trials(made, plan, seeds)]


def lines(log: Path) -> list[str]:
    return sorted(log.read_text().splitlines()) if log.exists() else []


# ---- keys
def test_keys_follow_from_what_a_result_depends_on(toys, tmp_path):
    made, plan = toys.toy(tmp_path, "end", "end")
    (a, a1), (b, _) = ([u for u in trials(made, plan) if u.point.name == name] for name in ("x0", "x1"))
    stamped = Trial(made, Point("x0", "", a.point.params, {"data": "other"}), 0)
    relabelled = Trial(made, Point("x0", "another label", a.point.params, cost=9), 0)
    recoded = Trial(dataclasses.replace(made, run=cora_static.EXPERIMENT.run), a.point, 0)
    assert len({a.key, a1.key, b.key, stamped.key, recoded.key}) == 5
    assert relabelled.key == a.key
    assert a.key.startswith("toy.x0.seed0-")


@pytest.mark.parametrize("name", cli.EXPERIMENTS)
def test_the_code_of_an_experiment_is_itself_and_what_learns(name):
    made = cli.EXPERIMENTS[name]
    sources = source_texts(inspect.getfile(made.run), without=OTHER_BACKENDS)
    itself = f"sw/lab/experiments/{name.replace('-', '_')}.py"
    model = "lora" if name == "lora-methods" else "oselm"
    assert {itself, "sim/arith/fixed.py", f"sim/{model}/golden.py", f"sim/{model}/compiled.py"} <= sources.keys()
    assert not {"hw/arith/rank_one.py", "hw/lora/dense.py", "sw/lab/experiments/sweep.py"} & sources.keys()
    assert made.code == source_digest(inspect.getfile(made.run), without=OTHER_BACKENDS)


# ---- sweeps
def test_a_sweep_records_every_unit_once(toys, tmp_path, capsys):
    toy, log = toys.toy(tmp_path / "log", "end", "end"), tmp_path / "log"
    done, failed = sweep(work(toy), Records(tmp_path / "runs"), jobs=2)
    assert not failed
    assert {r.key: r.values["y"] for r in done.values()} == {
        u.key: u.point.params["x"] * 10 + u.seed for u, _ in work(toy)
    }
    assert lines(log) == ["0 0", "0 1", "1 0", "1 1"]
    again, _ = sweep(work(toy), Records(tmp_path / "runs"))
    assert again == {key: Records(tmp_path / "runs").load(u) for u, _ in work(toy) for key in [u.key]}
    sweep(work(toy, seeds=3), Records(tmp_path / "runs"))
    assert lines(log) == ["0 0", "0 1", "0 2", "1 0", "1 1", "1 2"]
    assert "4/4 toy." in capsys.readouterr().err


def test_a_damaged_record_is_made_again(toys, tmp_path):
    toy, records = toys.toy(tmp_path / "log", "end"), Records(tmp_path / "runs")
    sweep(work(toy, 1), records)
    ((trial, _),) = work(toy, 1)
    path = tmp_path / "runs" / f"{trial.key}.json"
    for text in ("{", "[]", "{}", '{"curves": 1}', path.read_text().replace(trial.key, "another")):
        path.write_text(text)
        assert records.load(trial) is None
    done, _ = sweep(work(toy, 1), records)
    assert done[trial.key].values == {"y": 0.0}
    assert records.load(trial) == done[trial.key]


def test_failures_are_reported_and_the_others_go_on(toys, tmp_path, capsys):
    toy, records = toys.toy(tmp_path / "log", "fail", "end", "die", "end"), Records(tmp_path / "runs")
    done, failed = sweep(work(toy, 1), records, jobs=1)
    assert sorted(failed) == ["toy.x0.seed0", "toy.x2.seed0"]
    assert sorted(r.params["x"] for r in done.values()) == [1, 3]
    told = capsys.readouterr().err
    assert "toy.x0.seed0 failed: ValueError: no 0 today (see " in told
    assert "toy.x2.seed0 failed: its process died (exit code 7)" in told
    (broken, *_) = (u for u, _ in work(toy, 1))
    error = tmp_path / "runs" / f"{broken.key}.error"
    assert "Traceback" in error.read_text()
    # Whoever repairs the cause without another key (the machine was full) gets rid of the trace.
    records.save(broken, next(iter(done.values())))
    assert not error.exists()


def test_ctrl_c_keeps_what_is_done(toys, tmp_path, ctrl_c_works):
    toy, log = toys.toy(tmp_path / "log", "end", "wait", "wait", "end"), tmp_path / "log"
    records = Records(tmp_path / "runs")

    def interrupt() -> None:
        while lines(log) != ["0 0", "1 0", "2 0"]:
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sweep(work(toy, 1), records, jobs=2)
    thread.join()
    assert time.monotonic() - began < 30
    there = [u.point.name for u, _ in work(toy, 1) if records.load(u)]
    assert there == ["x0"]
    assert not list((tmp_path / "runs").glob(".*"))
    sweep([w for w in work(toy, 1) if w[0].point.params["act"] == "end"], records)
    assert lines(log) == ["0 0", "1 0", "2 0", "3 0"]


def test_a_cluster_gives_the_same(toys, tmp_path, capsys):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    here, _ = sweep(work(toys.toy(tmp_path / "log", "end", "end")), Records(tmp_path / "here"))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        there, failed = sweep(
            work(toys.toy(tmp_path / "log", "end", "end")), Records(tmp_path / "there"), scheduler=address
        )
        _, alone = sweep(
            work(toys.toy(tmp_path / "log", "fail", "end"), 1), Records(tmp_path / "alone"), scheduler=address
        )
    assert not failed
    assert alone == ["toy.x0.seed0"]
    assert {k: (r.values, r.curves) for k, r in here.items()} == {k: (r.values, r.curves) for k, r in there.items()}


def test_no_cluster_there(toys, tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(InputError, match="no Dask scheduler answers at nonsense"):
        sweep(work(toys.toy(tmp_path, "end")), Records(tmp_path / "runs"), scheduler="nonsense")


def test_a_worker_with_other_sources_refuses(toys, tmp_path):
    made, _ = toys.toy(tmp_path / "log", "end")
    result = run_trial(made, {"x": 0, "act": "end"}, 0, str(tmp_path / "log"), "0" * 16)
    assert isinstance(result, Failure)
    assert "other sources" in result.reason
    assert not lines(tmp_path / "log")


# ---- summaries
def test_means_and_intervals(toys, tmp_path):
    made, plan = toys.toy(tmp_path / "log", "end", "end")
    done, _ = sweep(work((made, plan), 3), Records(tmp_path / "runs"))
    found = {p.name: [done[u.key] for u in trials(made, plan, 3) if u.point is p] for p in plan.points}
    entries = {e.name: e for e in results(made, plan, found)}
    low, high = stats.t.interval(0.95, 2, loc=11, scale=stats.sem([10, 11, 12]))
    assert entries["toy.x1.y"].value == 11
    assert entries["toy.x1.y.spread"].value == pytest.approx((high - low) / 2)
    assert entries["toy.x1.y.runs"].value == [10, 11, 12]
    line = entries["toy.x1.line"]
    assert (line.x, line.value, line.x_unit) == ([0, 1], [0, 11], "s")
    assert line.spread == pytest.approx([0, (high - low) / 2])
    shown = table(made, plan, list(entries.values()))
    assert shown.splitlines()[0] == "a toy"
    assert "x = 1" in shown
    assert "11 +- 2.5" in shown
    alone = {e.name: e for e in results(made, plan, {"x0": found["x0"][:1]})}
    assert set(alone) == {"toy.x0.y", "toy.x0.y.runs", "toy.x0.line"}
    assert alone["toy.x0.line"].spread is None


def test_half_width_of_many_is_that_of_the_normal():
    values = np.random.default_rng(1).normal(0, 1, 100_000)
    assert half_width(values) == pytest.approx(1.96 / np.sqrt(100_000), rel=0.02)


# ---- the command
@pytest.fixture
def command(toys, tmp_path, monkeypatch):
    """The command over a toy whose acts are in the graph's name."""
    made, _ = toys.toy(tmp_path)
    monkeypatch.setattr(cli, "EXPERIMENTS", {"toy": made})

    def run(acts: str, *arguments: str):
        where = ["--graph", acts, "--labels", str(tmp_path / "log"), "--out", str(tmp_path / "out")]
        return skipwalk("lab", "experiments", *where, *arguments)

    return run


def test_the_command_writes_summaries(command, tmp_path):
    report = tmp_path / "report.json"
    done = command("end-end", "--json", str(report))
    assert done.exit_code == 0, done.output
    assert "a toy" in done.stdout
    assert "skipped toy.other: it is not there" in done.stderr
    text = report.read_text()
    assert '"value": [10.0, 11.0],' in text
    entries = json.loads(text)
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert [e["name"] for e in entries] == [e["name"] for e in summary]
    assert {"name": "toy.x1.y", "value": 10.5, "unit": "m", "better": "higher"} in entries
    origin = entries[-1]["value"]
    assert origin["seeds"] == {"toy": [0, 1]}
    assert origin["labels"]["toy.x0"] == "x = 0"
    assert origin["skipped"] == {"toy.other": "it is not there"}
    assert "2 of 4 runs done" not in command("end-end", "--list").output
    assert "4 of 4 runs done" in command("end-end", "--list").output


def test_the_command_fails_with_a_run_and_sums_up_the_rest(command, tmp_path):
    done = command("end-fail", "--seeds", "1", "--json", str(tmp_path / "report.json"))
    assert done.exit_code == 1
    assert "1 of 2 runs failed" in done.stderr
    assert not (tmp_path / "report.json").exists()
    entries = json.loads((tmp_path / "out/summary.json").read_text())
    assert entries[0]["name"] == "toy.x0.y"
    assert entries[-1]["value"]["failed"] == ["toy.x1.seed0"]


def test_the_command_sums_up_without_running(command, tmp_path):
    command("end", "--seeds", "1")
    done = command("end-end", "--no-run")
    assert done.exit_code == 0, done.output
    assert "x = 0" in done.stdout
    assert "x = 1" not in done.stdout
    assert lines(tmp_path / "log") == ["0 0"]


def test_what_was_not_run_this_time_stays_with_its_commit(command, tmp_path, monkeypatch):
    report = tmp_path / "report.json"
    assert command("end-end", "--json", report).exit_code == 0
    first = json.loads(report.read_text())
    commit = first[-1]["value"]["commit"]
    for entry in first[:-1]:
        entry["value"] = [v + 100 for v in entry["value"]] if isinstance(entry["value"], list) else entry["value"] + 100
    first[-1]["value"]["commit"] = "older"
    first[-1]["value"]["labels"]["toy.gone"] = "a point that there is no more"
    first.insert(0, {"name": "toy.gone.y", "value": 3.0, "unit": "m", "better": "higher"})
    report.write_text(json.dumps(first))
    (tmp_path / "out" / "runs").rename(tmp_path / "elsewhere")
    assert command("end", "--json", report, "--keep").exit_code == 0
    entries = {entry["name"]: entry["value"] for entry in json.loads(report.read_text())}
    origin = entries["provenance"]
    # What was run is new; x1 is not in the plan of ``end`` any more, and goes.
    assert (entries["toy.x0.y"], "toy.x1.y" in entries, "toy.gone.y" in entries) == (0.5, False, False)
    assert (origin["commit"], origin["kept"]) == (commit, {})
    report.write_text(json.dumps(first))
    (tmp_path / "out" / "runs").rename(tmp_path / "again")
    (tmp_path / "elsewhere").rename(tmp_path / "out" / "runs")
    for record in (tmp_path / "out" / "runs").glob("toy.x1.*"):
        record.unlink()
    assert command("end-end", "--json", report, "--keep", "--no-run").exit_code == 0
    entries = {entry["name"]: entry["value"] for entry in json.loads(report.read_text())}
    assert (entries["toy.x0.y"], entries["toy.x1.y"], entries["toy.x1.line"]) == (0.5, 110.5, [100.0, 110.5])
    origin = entries["provenance"]
    assert (origin["kept"], [*origin["labels"]]) == ({"toy.x1": "older"}, ["toy.x0", "toy.x1"])
    assert origin["seeds"] == {"toy": [0, 1]}
    report.write_text("[]")
    done = command("end", "--json", report, "--keep")
    assert (done.exit_code, "holds no experiments to keep" in done.stderr) == (3, True)
    assert command("end", "--keep").exit_code == 2


def test_data_that_are_not_there_are_skipped_with_a_reason(tmp_path):
    missing = ["--graph", str(tmp_path / "no.edges"), "--labels", str(tmp_path / "no.labels")]
    done = skipwalk("lab", "experiments", *missing, "--only", "cora-static", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "skipped cora.static:" in done.stderr
    assert "no.edges" in done.stderr


# ---- what the experiments do
def test_learners_share_walks_and_negatives(communities):
    fixed, exact = learner({**SMALL, "learner": "fixed"}, 3), learner({**SMALL, "learner": "float"}, 3)
    assert type(fixed) is Node2Vec
    fixed.fit(communities.graph), exact.fit(communities.graph)
    np.testing.assert_array_equal(exact.embedding_, float_embedding(fixed))
    before = exact.embedding_
    for model in (fixed, exact):
        model.partial_fit([(1, 2), (1, 99)])
    assert exact.embedding_.shape == fixed.embedding_.shape == (41, 8)
    assert np.abs(exact.embedding_[:40] - before).max() > 1e-3
    assert np.abs(exact.embedding_ - fixed.embedding_).max() < 0.02
    again = FloatNode2Vec(**SMALL, random_state=3).fit(communities.graph)
    np.testing.assert_array_equal(again.embedding_, before)


def test_sgns_learns_and_goes_on(communities):
    pytest.importorskip("gensim", reason="gensim is not installed")
    params = {**SMALL, "learner": "sgns", "epochs": 20, "walks_per_node": 10}
    model = learner(params, 1).fit(communities.graph)
    first = model.embedding_
    assert communities.f1(first)["f1_micro"] > 0.9
    np.testing.assert_array_equal(learner(params, 1).fit(communities.graph).embedding_, first)
    model.partial_fit([(0, 5), (0, 99)])
    assert (model.embedding_[:40] != first).any()
    assert not model.embedding_[40].any()


def test_a_spanning_forest(communities):
    graph = Graph.from_edges([*map(tuple, communities.graph.edges()[0].tolist()), (50, 51), (51, 52), (50, 52)])
    forest, rest = spanning_forest(graph, 1)
    assert len(forest) == graph.n_nodes - 2
    assert len(forest) + len(rest) == graph.n_edges
    tree = Graph.from_rows(forest, None, list(graph.ids))
    # As few edges as can be, and all nodes still hang together as before.
    for g in (graph, tree):
        matrix = csr_matrix((np.ones(len(g.indices)), g.indices, g.indptr), (g.n_nodes, g.n_nodes))
        assert connected_components(matrix)[0] == 2
    other, _ = spanning_forest(graph, 2)
    assert {*map(tuple, forest.tolist())} != {*map(tuple, other.tolist())}


def test_growing_ends_at_the_whole_graph(communities, monkeypatch):
    grown = []
    monkeypatch.setattr(cora_growing, "learner", lambda *a: grown.append(learners.learner(*a)) or grown[0])
    outcome = cora_growing.EXPERIMENT.run({**SMALL, "learner": "float"}, 2, communities)
    listed = communities.shuffled(2)
    x, y = outcome.curves["f1_micro"]
    assert len(x) == len(y) == 11
    assert x[-1] == outcome.values["insertions"] == communities.graph.n_edges - 39
    assert grown[0].graph_.n_edges == communities.graph.n_edges
    assert y[-1] == outcome.values["grown.f1_micro"] == listed.f1(grown[0].embedding_)["f1_micro"]


def test_growing_by_nodes_ends_at_the_whole_graph_too(communities, monkeypatch):
    grown = []
    monkeypatch.setattr(cora_growing, "learner", lambda *a: grown.append(learners.learner(*a)) or grown[0])
    params = {**SMALL, "learner": "fixed", "arrival": "nodes", "per_end": 2}
    outcome = cora_growing.EXPERIMENT.run(params, 2, communities)
    model, listed = grown[0], communities.shuffled(2)
    assert (model.graph_.n_edges, set(model.ids_)) == (communities.graph.n_edges, set(communities.graph.ids))
    assert outcome.values["grown.f1_micro"] == listed.f1(model.transform(listed.graph.ids))["f1_micro"]
    assert outcome.values["walks_per_edge"] == 4
    # About three quarters of the edges have an end in the half that comes later.
    assert 0.6 < outcome.values["insertions"] / communities.graph.n_edges < 0.9


def test_growing_counts_the_walks_of_an_edge(communities):
    values = cora_growing.EXPERIMENT.run({**SMALL, "learner": "fixed", "per_end": 3}, 2, communities).values
    assert values["walks_per_edge"] == 6


def test_updates_take_walks_of_their_own(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    monkeypatch.setattr(cora, "photo", lambda: communities)
    points = updates.EXPERIMENT.plan(Options(Path(), Path())).points
    assert {f"cora.ends{n}-p{p}" for n in (5, 10) for p in ("0.5", "4")} < {p.name for p in points}
    names = ["ends5-p0.5", "ends5-p4", "ends5-p4-q0.5", "constant-2.8"]
    assert [p.name for p in points if p.name[0] == "p"] == [f"photo.{name}" for name in names]
    fitted = []
    made = updates._model
    monkeypatch.setattr(updates, "_model", lambda *how: fitted.append(made(*how).set_params(**SMALL)) or fitted[-1])
    monkeypatch.setattr(updates, "_INSERTED", 5)
    params = {"graph": "communities", "per_end": 2, "p": 4.0, "q": 0.5}
    values = updates.EXPERIMENT.run(params, 1, {"communities": communities}).values
    assert (values["walks_per_edge"], values["insertions"]) == (4, 5)
    assert values.keys() == updates.EXPERIMENT.measures.keys()
    graph = communities.shuffled(1).graph
    forest, rest = spanning_forest(graph, 1)
    rest = np.random.default_rng((1, 1)).permutation(rest)
    known = Graph.from_rows(np.concatenate([forest, rest[5:]]), None, list(graph.ids))
    model = Node2Vec(**SMALL, random_state=1, update_p=None).fit(known)
    model.set_params(p=4.0, q=0.5).partial_fit(graph.ids[rest[:5]].tolist(), walks_per_end=2)
    assert fitted[0].digest_ == model.digest_


def test_updates_with_another_gain_or_with_the_walks_of_the_update_from_the_start():
    onward = updates._model({"p": 4.0, "q": 0.5, "onward": True}, 1)
    assert (onward.p, onward.q, onward.random_state) == (4.0, 0.5, 1)
    wide = updates._model({"p": 4.0, "wide": True}, 1)
    assert (wide.p0, str(wide.preset.p), wide.inflation) == (6.0, "Q4.14", 1e-4)
    constant = updates._model({"p": 4.0, "constant": 2.8}, 1)
    assert (constant.preset.gain, constant.p0, constant.p) == ("constant", 2.8, 0.5)


@pytest.mark.parametrize("beside", [True, False])
def test_some_walks_of_an_update_start_elsewhere(communities, monkeypatch, beside):
    """As many walks as asked for, all from the ends, from neighbours of them, or from anywhere."""
    starts = []
    begun = FrontEnd.start
    monkeypatch.setattr(FrontEnd, "start", lambda self, op, word: starts.append((op, word)) or begun(self, op, word))
    model = updates._model({"p": 4.0, "beside" if beside else "anywhere": 2}, 1)
    model.set_params(**SMALL).fit(communities.graph)
    starts.clear()
    before = model.model_.walks
    edges = [(2, 30), (3, 31)]
    model.partial_fit(edges, walks_per_end=3)
    assert model.model_.walks == before + 12
    assert {op for op, _ in starts} == {Opcode.START}
    assert {word >> WALKS_SHIFT for _, word in starts} == {1}
    rows = [word & 0xFFFFF for _, word in starts]
    assert len(rows) == 8
    graph = model.graph_
    near = [set(graph.neighbours(graph.index(end)).tolist()) for edge in edges for end in edge]
    here = [row in near[n // 2] for n, row in enumerate(rows)]
    assert all(here) == beside
    plain = updates._model({"p": 4.0}, 1).set_params(**SMALL).fit(communities.graph)
    plain.partial_fit(edges, walks_per_end=3)
    assert plain.digest_ != model.digest_
    same = walks_elsewhere.walks_elsewhere(0, beside, **SMALL, random_state=1).fit(communities.graph)
    same.partial_fit(edges, walks_per_end=3)
    assert same.digest_ == plain.digest_


def test_edges_in_another_order_are_the_same_graph(communities):
    other = communities.shuffled(3)
    classes = dict(zip(communities.graph.ids[communities.rows], communities.classes, strict=True))
    names = other.graph.ids[other.rows].tolist()
    assert dict(zip(names, other.classes, strict=True)) == classes
    assert names != communities.graph.ids[communities.rows].tolist()
    assert other.graph.ids.tolist() != communities.graph.ids.tolist()
    edges = [{frozenset(pair) for pair in g.ids[g.edges()[0]].tolist()} for g in (communities.graph, other.graph)]
    assert edges[0] == edges[1]
    assert other.digest != communities.shuffled(4).digest
    listed = cora_static.EXPERIMENT.run({**SMALL, "learner": "fixed"}, 3, communities).values
    assert listed == other.f1(Node2Vec(**SMALL, random_state=3).fit(other.graph).embedding_)


def test_a_fifth_of_the_edges_goes_and_comes_back(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    assert [p.name for p in cora_forgetting.EXPERIMENT.plan(Options(Path(), Path())).points] == [
        "oselm",
        "oselm-1",
        "oselm-onward",
    ]
    seen = []
    monkeypatch.setattr(cora_forgetting, "auc", lambda vectors, *pairs: seen.append((vectors, *pairs)) or 0.5)
    values = cora_forgetting.EXPERIMENT.run({**SMALL, "per_end": 2}, 1, communities).values
    assert values.keys() == cora_forgetting.EXPERIMENT.measures.keys()
    listed = communities.shuffled(1)
    edges = {tuple(pair) for pair in listed.graph.edges()[0].tolist()}
    removed, stayed = ({tuple(sorted(pair)) for pair in pairs.tolist()} for pairs in seen[0][1:])
    assert len(removed) == len(stayed) == values["removals"] == round(0.2 * communities.graph.n_edges)
    assert removed | stayed <= edges
    assert not removed & stayed
    model = Node2Vec(**SMALL, random_state=1).fit(listed.graph)
    pairs = listed.graph.ids[seen[0][1]]
    for (vectors, *_), step in zip(seen, (None, model.remove_edges, model.partial_fit), strict=True):
        if step is not None:
            step(pairs, walks_per_end=2)
        assert np.array_equal(vectors, model.embedding_)
    assert model.graph_.n_edges == communities.graph.n_edges


def test_what_is_remembered_is_who_points_the_same_way():
    vectors = np.array([[1.0, 0], [2, 0], [0, 3], [0, 0]])
    same, apart = np.array([[0, 1]]), np.array([[0, 2], [0, 3]])
    assert cora_forgetting.auc(vectors, same, apart) == 1
    assert cora_forgetting.auc(vectors, apart, same) == 0
    assert cora_forgetting.auc(vectors, same, same) == 0.5


def test_false_edges_are_learned_and_removed(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    names = [
        [p.name for p in cora_removal.EXPERIMENT.plan(Options(Path(), Path(), full=full)).points] for full in (0, 1)
    ]
    assert names == [["oselm"], ["oselm", "oselm-visits"]]
    false = cora_removal.false_edges(communities.graph, 30, 1)
    known = {tuple(sorted(pair)) for pair in communities.graph.edges()[0].tolist()}
    assert len({tuple(pair) for pair in false.tolist()} - known) == 30
    values = cora_removal.EXPERIMENT.run({**SMALL, "walks_per_node": 20}, 2, communities).values
    assert values["removals"] == round(communities.graph.n_edges / 4)
    assert values["clean.f1_micro"] > 0.8
    assert abs(values["refreshed.f1_micro"] - values["clean.f1_micro"]) < 0.1


def test_links_are_hidden_once_for_both_sorts_of_pairs(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    monkeypatch.setattr(cora, "photo", lambda: communities)
    monkeypatch.setattr(links, "gensim_version", lambda: None)
    plan = links.EXPERIMENT.plan(Options(Path(), Path()))
    names = ["graph", "oselm", *(f"constant-{g}" for g in (0.7, 1.4, 2.8))]
    assert [p.name for p in plan.points] == [f"{graph}.{name}" for graph in ("cora", "photo") for name in names]
    assert {p.params.get("walks_per_node") for p in plan.points if p.name.startswith("photo")} == {None, 4}
    assert "pip install" in plan.skipped["links.sgns"]
    fitted = []
    monkeypatch.setattr(links, "learner", lambda *a: fitted.append(learners.learner(*a)) or fitted[0])
    data = {"cora": communities}
    ranked = links.EXPERIMENT.run({**SMALL, "graph": "cora", "learner": "fixed"}, 1, data).values
    assert len(fitted) == 1
    graph = links.EXPERIMENT.run({"graph": "cora"}, 1, data).values
    assert ranked.keys() | graph.keys() == links.EXPERIMENT.measures.keys()
    assert not ranked.keys() & graph.keys()
    hidden = hide_links(communities.shuffled(1).graph, non_edges="uniform", seed=1)
    assert fitted[0].graph_.n_edges == hidden.kept.n_edges
    assert ranked["uniform.dot.auc"] == rank_by_vectors(fitted[0].embedding_, hidden)["dot"].auc


def test_gain_sets_a_constant_in_place_of_p(communities, monkeypatch, tmp_path):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    monkeypatch.setenv("SKIPWALK_DATA", str(tmp_path))
    plan = gain.EXPERIMENT.plan(Options(Path(), Path(), full=True))
    assert "SKIPWALK_DATA" in plan.skipped["gain.photo"]
    names = [p.name for p in plan.points]
    assert len(set(names)) == len(names) == (3 * 4 + 3) * 15
    fitted = []
    monkeypatch.setattr(gain, "learner", lambda *a: fitted.append(learners.learner(*a)) or fitted[-1])
    short = {"graph": "cora", "dim": 32, "walks_per_node": 1}
    for setting in ({"constant": 2.8}, {"inflation": 1e-3}):
        assert 0 <= gain.EXPERIMENT.run({**short, **setting}, 0, {"cora": communities}).values["f1_micro"] <= 1
    constant, oselm = (model.model_ for model in fitted)
    assert np.array_equal(constant.p, np.eye(32) * round(2.8 * 2**14))
    assert (constant.config.gain, oselm.config.gain) == ("constant", "covariance")
    assert np.count_nonzero(oselm.p) > 32


def test_a_constant_gain_in_float_is_that_of_fixed_point(communities):
    constant = {"constant": 1.4, "dim": 8, "walks_per_node": 2}
    fixed, exact = (learner({"learner": name, **constant}, 3).fit(communities.graph) for name in ("fixed", "float"))
    assert np.array_equal(exact._floats.p, np.eye(8) * 1.4)
    assert np.abs(exact.embedding_).max() > 0.1
    # Fixed point learns four walks at once.
    assert np.corrcoef(exact.embedding_.ravel(), fixed.embedding_.ravel())[0, 1] > 0.99


def test_a_gain_that_falls_with_visits(communities, monkeypatch, tmp_path):
    """At rest it is a constant one, or with a factor of 1 that of OS-ELM; and visits count."""
    monkeypatch.setattr(cora, "load", lambda options: communities)
    monkeypatch.setenv("SKIPWALK_DATA", str(tmp_path))
    points = gain_by_visits.EXPERIMENT.plan(Options(Path(), Path())).points
    assert len({p.name for p in points}) == len(points) == 4 * (4 + 4 * 3)
    small = {**SMALL, "random_state": 3}
    rest = {"with_p": False, "by": "centre", "rest": 0.7, "first": 0.0, "tau": 1}

    def vectors(**changes):
        return gain_by_visits.fading({**rest, **changes}, **small).fit(communities.graph).embedding_

    exact = learner({"learner": "float", **SMALL}, 3)
    exact.floats_of = type("Constant", (learners.Floats,), {"learn": _learn_with(0.7)})
    np.testing.assert_allclose(vectors(), exact.fit(communities.graph).embedding_, rtol=0, atol=1e-12)
    np.testing.assert_allclose(vectors(by="row"), vectors(), rtol=0, atol=1e-12)
    oselm = learner({"learner": "float", **SMALL}, 3).fit(communities.graph).embedding_
    np.testing.assert_allclose(vectors(with_p=True, rest=1.0), oselm, rtol=0, atol=1e-12)
    falling = [vectors(by=by, first=1.4, tau=tau) for by in ("centre", "row") for tau in (1, 30)]
    assert all(np.abs(a - b).max() > 1e-3 for a in falling for b in falling if a is not b)
    np.testing.assert_allclose(vectors(first=0.7, tau=1e12), vectors(rest=1.4), rtol=0, atol=1e-6)
    params = {"graph": "cora", **SMALL, "gain": {**rest, "first": 1.4, "tau": 30}}
    assert gain_by_visits.EXPERIMENT.run(params, 3, {"cora": communities}).values["f1_micro"] > 0.5


def _learn_with(constant):
    def learn(self, contexts: Contexts) -> None:
        self.p[:] = np.eye(len(self.p)) * constant
        self.how |= {"constant": True}
        learners.Floats.learn(self, contexts)

    return learn


def test_other_graphs_are_those_that_are_there(communities, monkeypatch, tmp_path):
    monkeypatch.setenv("SKIPWALK_DATA", str(tmp_path))
    (tmp_path / "cora.edges").write_text("1 2\n")
    (tmp_path / "cora.labels").write_text("1 a\n")
    here = Options(tmp_path / "cora.edges", tmp_path / "cora.labels")
    plan = other_graphs.EXPERIMENT.plan(here)
    assert not plan.points
    assert "SKIPWALK_DATA" in plan.skipped["others.photo"]
    assert "skipwalk lab imdb" in plan.skipped["others.imdb"]
    (tmp_path / "imdb.edges").write_text("p f\nq f\nq g\n")
    (tmp_path / "imdb.labels").write_text("f 0\ng 1\n")
    monkeypatch.setattr(other_graphs, "gensim_version", lambda: None)
    plan = other_graphs.EXPERIMENT.plan(here)
    names = [f"imdb.{name}.d32" for name in other_graphs._SETTINGS if not name.startswith("sgns")]
    assert [p.name for p in plan.points] == names
    assert (plan.data["imdb"].graph.n_edges, plan.data["imdb"].classes.tolist()) == (3, [0, 1])
    assert "pip install" in plan.skipped["others.sgns"]
    monkeypatch.setattr(cora, "photo", lambda: communities)
    monkeypatch.setattr(other_graphs, "gensim_version", lambda: "4.4.0")
    some, everything = (
        {p.name for p in other_graphs.EXPERIMENT.plan(dataclasses.replace(here, full=full)).points}
        for full in (False, True)
    )
    assert {name.replace("imdb", "photo") for name in everything} <= everything
    assert {name for name in everything - some if name.startswith("photo")} == {"photo.sgns-5.d64", "photo.sgns-5.d96"}
    values = other_graphs.EXPERIMENT.run({**SMALL, "graph": "x", "learner": "fixed"}, 1, {"x": communities}).values
    listed = communities.shuffled(1)
    assert values == listed.f1(Node2Vec(**SMALL, random_state=1).fit(listed.graph).embedding_)


def test_weights_that_change_are_followed(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    assert [p.name for p in cora_weights.EXPERIMENT.plan(Options(Path(), Path())).points] == ["oselm", "oselm-10"]
    seen = []
    monkeypatch.setattr(cora_weights, "auc", lambda vectors, *pairs: seen.append((vectors, *pairs)) or 0.5)
    small = {name: value for name, value in SMALL.items() if name != "preset"}
    values = cora_weights.EXPERIMENT.run({**small, "dim": 8, "per_end": 2}, 1, communities).values
    assert values.keys() == cora_weights.EXPERIMENT.measures.keys()
    graph, (_, heavier, lighter) = communities.shuffled(1).graph, seen[0]
    assert 2 * len(heavier) == 2 * len(lighter) == values["changes"]
    weights = {frozenset(pair): 10.0 for pair in heavier.tolist()}
    weights |= {frozenset(pair): 0.1 for pair in lighter.tolist()}
    pairs = graph.edges()[0]
    changed = [weights.get(frozenset(pair), 1.0) for pair in pairs.tolist()]
    assert changed.count(10.0) == changed.count(0.1) == len(heavier)
    anew = Node2Vec(**small, dim=8, random_state=1).fit(Graph.from_rows(pairs, changed, list(graph.ids)))
    assert anew.graph_.n_edges == graph.n_edges
    assert np.abs(seen[0][0] - seen[1][0]).max() > 1e-3
    assert all(vectors.shape == (40, 8) for vectors, *_ in seen)


def test_block_models_are_as_dense_as_they_say_and_drawn_anew_for_each_seed():
    for name, (degree, times) in gain.BLOCK_MODELS.items():
        made, other = (gain.block_model(name, seed) for seed in (0, 1))
        u, v = made.graph.edges()[0].T
        assert 2 * made.graph.n_edges / 2000 == pytest.approx(degree, rel=0.1)
        inside = (made.classes[u] == made.classes[v]).sum() / 249
        across = (made.classes[u] != made.classes[v]).sum() / 1750
        assert inside / across == pytest.approx(times, rel=0.25)
        assert made.digest != other.digest


def test_amazon_photo_leaves_out_what_has_no_edge(monkeypatch, tmp_path):
    monkeypatch.setenv("SKIPWALK_DATA", str(tmp_path))
    with pytest.raises(InputError, match="set SKIPWALK_DATA to the folder above amazon_photo"):
        cora.photo()
    (tmp_path / "amazon_photo").mkdir()
    (tmp_path / "amazon_photo" / "edges.txt").write_text("0 1\n4 1\n")
    (tmp_path / "amazon_photo" / "labels.txt").write_text("0 7\n1 6\n2 5\n3 6\n4 7\n")
    photo = cora.photo()
    labelled = {photo.graph.ids[row]: name for row, name in zip(photo.rows, photo.classes, strict=True)}
    assert labelled == {0: "7", 1: "6", 4: "7"}


def test_static_leaves_sgns_out_without_gensim(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    monkeypatch.setattr(cora_static, "gensim_version", lambda: None)
    plan = cora_static.EXPERIMENT.plan(Options(Path(), Path(), full=True))
    ours = {"published", "published-18bit", "oselm", "oselm-float", "oselm-onward", "oselm-wide", "constant-1.4"}
    assert {p.name.rpartition(".")[0] for p in plan.points} == ours
    assert "pip install" in plan.skipped["cora.static.sgns"]


def test_widths_are_possible_and_count_what_saturates(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    points = word_widths.EXPERIMENT.plan(Options(Path(), Path(), full=True)).points
    names = [p.name for p in points]
    assert len(set(names)) == len(names)
    configs = {p.name: word_widths._config(p.params["formats"]) for p in points if p.params["formats"] is not None}
    assert configs["default"] == preset("ecp5-85f")
    assert configs["all16"].operand_bits == 16
    digests = {c.digest for name, c in configs.items() if not name.startswith("no-inflation")}
    assert len(digests) == sum(not name.startswith("no-inflation") for name in configs)
    narrow = {"formats": {"beta": (1, 13)}, "walks_per_node": 4, "init_scale": 0.4}
    outcome = word_widths.EXPERIMENT.run(narrow, 0, communities)
    assert outcome.values["saturations"] == outcome.values["saturations.beta"] > 0


def test_every_epoch_is_told_and_changes_nothing():
    params = {"task": "digits", "method": "LoRA-Last", "epochs": 3, "rate": 0.125}
    outcome = lora_methods.EXPERIMENT.run(params, 1, {"fan": None})
    x, y = outcome.curves["accuracy_by_epoch"]
    assert x == [0, 1, 2, 3]
    assert y[-1] == outcome.values["accuracy"]
    task = load_task("digits", 1)
    network = pretrain(*task.pretrain, task.classes, seed=1)
    plain = fine_tune("LoRA-Last", network, task.finetune, task.test, epochs=3, rate=0.125, seed=1)
    assert (plain.before, plain.after, plain.parameters) == (y[0], y[-1], outcome.values["parameters"])


def test_rates_by_trial_beside_those_of_float():
    params = {"task": "digits-inverted", "rate": None}
    unit = lora_rates.EXPERIMENT.run(params, 0, {"fan": None}).values
    exact = lora_rates.EXPERIMENT.run({**params, "rate": 2.0 ** unit["log2_rate"]}, 0, {"fan": None}).values
    assert abs(unit["accuracy"] - exact["accuracy"]) < 0.01
    assert unit["before"] < 0.3 < 0.85 < unit["accuracy"]
    assert unit["clamped"] == 0
    assert unit["kept"] < unit["kept_before"]


def test_the_fan_is_skipped_where_it_is_not(monkeypatch, tmp_path):
    monkeypatch.setenv("SKIPWALK_DATA", str(tmp_path))
    plan = lora_methods.EXPERIMENT.plan(Options(Path(), Path()))
    assert {p.params["task"] for p in plan.points} == {"digits", "digits-faded"}
    assert "SKIPWALK_DATA" in plan.skipped["lora.fan"]


def test_schedules_differ_in_what_is_learned_late(communities, monkeypatch):
    """The preset's lookahead with every number of walks in flight, the others at the ends; all of them if asked for."""
    monkeypatch.setattr(cora, "load", lambda options: communities)
    plans = [schedules.EXPERIMENT.plan(Options(Path(), Path(), full=full)) for full in (False, True)]
    names = [[point.name for point in plan.points] for plan in plans]
    assert len(names[1]) == 4 + 3 * 4
    assert set(names[0]) < set(names[1])
    assert "streaming.ahead3.walks2" in names[0]
    assert "streaming.ahead1.walks2" not in names[0]
    made = []
    monkeypatch.setattr(schedules, "learner", lambda params, seed: made.append(params) or learner(SMALL | shape, seed))
    shape = {"learner": "fixed"}
    for point in plans[0].points[:1] + plans[0].points[-1:]:
        assert schedules.EXPERIMENT.run(point.params, 1, communities).values["f1_micro"] > 0.5
    assert [(params["preset"].schedule, params["preset"].lookahead) for params in made] == [
        ("sequential", 0),
        ("streaming", 6),
    ]
    assert [params["walks_in_flight"] for params in made] == [1, 4]


def test_growing_has_a_point_for_each_learner_and_dimension(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    monkeypatch.setattr(cora_growing, "gensim_version", lambda: None)
    plan = cora_growing.EXPERIMENT.plan(Options(Path(), Path()))
    assert [name for name in (point.name for point in plan.points) if "sgns" in name] == []
    assert "pip install" in plan.skipped["cora.growing.sgns"]
    assert {"oselm.d32", "published.d32", "nodes-oselm", "nodes-oselm-onward"} <= {p.name for p in plan.points}
    monkeypatch.setattr(cora_growing, "gensim_version", lambda: "4.4.0")
    full = cora_growing.EXPERIMENT.plan(Options(Path(), Path(), full=True))
    stamps = {point.name: point.stamp for point in full.points}
    assert stamps["sgns.d96"]["gensim"] == "4.4.0"
    assert "gensim" not in stamps["oselm.d96"]
    assert not full.skipped
    costs = {point.name: point.cost for point in full.points}
    assert costs["oselm.d96"] == 3 * costs["oselm.d32"]


def test_static_and_links_have_more_passes_of_gensim_if_all_is_asked_for(communities, monkeypatch):
    monkeypatch.setattr(cora, "load", lambda options: communities)
    for experiment in (cora_static, links):
        monkeypatch.setattr(experiment, "gensim_version", lambda: "4.4.0")
        some, everything = (
            {point.name for point in experiment.EXPERIMENT.plan(Options(Path(), Path(), full=full)).points}
            for full in (False, True)
        )
        more = {name for name in everything - some if "sgns-5" in name}
        assert more
        assert not {name for name in some if "sgns-5" in name}
        assert {"sgns" in name for name in some} == {True, False}


def test_rates_are_tried_on_every_task_that_is_there(monkeypatch, tmp_path):
    monkeypatch.setenv("SKIPWALK_DATA", str(tmp_path))
    plan = lora_rates.EXPERIMENT.plan(Options(Path(), Path()))
    assert "SKIPWALK_DATA" in plan.skipped["rates.fan"]
    of_digits = {p.name: p.params["rate"] for p in plan.points if p.params["task"] == "digits"}
    assert of_digits.pop("digits.auto") is None
    assert {name: -int(np.log2(rate)) for name, rate in of_digits.items()} == {
        name: int(name.removeprefix("digits.float")) for name in of_digits
    }
    assert plan.data == {"fan": None}


def test_the_unit_stands_beside_the_methods(monkeypatch):
    """As often as epochs, and once before; its network, samples and rate are the others'."""
    task = small_task()
    monkeypatch.setattr(lora_methods, "pretrained", lambda name, seed, data: (task, small_network(task)))
    params = {"task": "digits", "method": lora_methods._GOLDEN, "epochs": 2}
    outcome = lora_methods.EXPERIMENT.run(params, 0, {"fan": None})
    x, y = outcome.curves["accuracy_by_epoch"]
    assert x == [0, 1, 2]
    assert y[-1] == outcome.values["accuracy"] > y[0]
    assert outcome.values["parameters"] > 0


def test_labelled_graphs_are_read_as_they_are(tmp_path):
    (tmp_path / "g.edges").write_text("a b\nb c\n")
    (tmp_path / "g.labels").write_text("a x\nc y\n")
    data = cora.load(Options(tmp_path / "g.edges", tmp_path / "g.labels"))
    assert [data.graph.ids[row] for row in data.rows] == ["a", "c"]
    assert data.classes.tolist() == ["x", "y"]


def test_what_a_point_or_a_run_lacks_is_left_out_of_the_summary():
    made = dataclasses.replace(cora_growing.EXPERIMENT, curves={"f1_micro": cora_growing.EXPERIMENT.curves["f1_micro"]})
    points = [Point("there", "", {}), Point("never run", "", {})]
    from skipwalk.sw.lab.experiments.experiment import Plan
    from skipwalk.sw.lab.experiments.records import Record

    fields = {field.name: None for field in dataclasses.fields(Record)}
    run = Record(**{**fields, "values": {"insertions": 5}, "curves": {}})
    found = results(made, Plan(points), {"there": [run]})
    assert [entry.name for entry in found] == ["cora.growing.there.insertions", "cora.growing.there.insertions.runs"]
