"""``skipwalk lab litex`` with a stand-in of the simulated SoC; on a real one it is tested where LiteX is installed."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.oselm.config import preset
from skipwalk.sim.rtl.build import BuildError
from skipwalk.sw.build.verilog import core_map
from skipwalk.sw.lab import litex
from skipwalk.sw.litex.task import Task

from ..support.command import skipwalk

TASK = Task("", "0123abcd", {"walks": 5, "contexts": 70})
PRINTED = {"walks": 5, "contexts": 70, "rejected": 0, "refused": 0, "digest": "0123abcd"} | dict.fromkeys(
    litex.PRINTED, 9
)


@pytest.fixture
def files(tmp_path):
    """The files of an export, and a graph; the map is of a small core."""
    exported, graph = tmp_path / "core.v", tmp_path / "ring.edges"
    exported.write_text("")
    write_map(exported, preset("tiny"))
    graph.write_text("".join(f"{i} {(i + 1) % 7}\n" for i in range(7)))
    return exported, graph


def write_map(exported, cfg):
    exported.with_suffix(".json").write_text(json.dumps(core_map(cfg, "core")))


@pytest.fixture
def soc(monkeypatch):
    """What its program prints, by name."""
    printed, asked = dict(PRINTED), []

    def first_walks(core, graph, walks, *, seed, by_dma):
        asked.append((walks, seed, by_dma))
        return TASK

    class Simulation:
        def __init__(self, exported):
            assert exported.name == "core.v"

        def run(self, program, *, most_cycles):
            assert {"demo.c", "task.h"} < program.keys()
            lines = [f"{name} {value}" for name, value in printed.items()]
            return SimpleNamespace(printed="\n".join([*lines, "end"]), seconds=1.25)

    module = ModuleType("skipwalk.sw.litex.simulation")
    module.PACKAGES, module.Simulation, module.compiler_version = ("litex",), Simulation, lambda: "gcc 12"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(litex, "first_walks", first_walks)
    return SimpleNamespace(printed=printed, asked=asked, module=module)


def test_walks_are_learned_by_both_ways_of_the_words(files, soc, tmp_path):
    report = tmp_path / "results" / "litex.json"
    run = skipwalk("lab", "litex", *files, "--walks", 5, "--seed", 3, "--json", report)
    assert run.exit_code == 0, run.output
    assert soc.asked == [(5, 3, 0), (5, 3, litex.WAYS["dma"])]
    entries = {entry["name"]: entry["value"] for entry in json.loads(report.read_text())}
    for way in litex.WAYS:
        assert (entries[f"litex.{way}.bits_equal"], entries[f"litex.{way}.cycles_train"]) == (1, 9)
        assert (entries[f"litex.{way}.contexts"], entries[f"litex.{way}.seconds"]) == (70, 1.2)
    assert entries["provenance"]["compiler"] == "gcc 12"
    assert run.stdout.endswith("digest 0123abcd\n")


def test_another_digest_is_exit_code_1(files, soc):
    soc.printed["digest"] = "ffff0000"
    run = skipwalk("lab", "litex", *files, "--way", "csr")
    assert (run.exit_code, "the digests differ" in run.stdout, len(soc.asked)) == (1, True, 1)


@pytest.mark.parametrize("changed", [{"walks": 4}, {"rejected": 2}, {"error": "timeout"}])
def test_a_program_that_has_not_learned_is_an_error_with_its_words(files, soc, changed):
    soc.printed.update(changed)
    run = skipwalk("lab", "litex", *files)
    assert (run.exit_code, "the program has not learned the walks" in run.stderr) == (5, True)
    assert next(iter(changed)) in run.stderr


def test_what_is_missing_or_is_no_core_is_one_sentence(files, soc):
    def fails():
        raise BuildError("programs for a VexRiscv need a RISC-V GCC")

    soc.module.compiler_version = fails
    run = skipwalk("lab", "litex", *files)
    assert (run.exit_code, "need a RISC-V GCC" in run.stderr) == (5, True)
    write_map(files[0], lora_preset("tiny"))
    run = skipwalk("lab", "litex", *files)
    assert (run.exit_code, "is no OS-ELM core with all its rows on the chip" in run.stderr) == (3, True)
    files[0].with_suffix(".json").unlink()
    run = skipwalk("lab", "litex", *files)
    assert (run.exit_code, "core.json: no such file" in run.stderr) == (3, True)


def test_without_litex_it_says_how_to_get_it(files, monkeypatch):
    name = "skipwalk.sw.litex.simulation"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "litex", None)
    run = skipwalk("lab", "litex", *files)
    assert run.exit_code == 5
    assert "a LiteX SoC needs litex" in run.stderr
    assert 'pip install "skipwalk[litex,rtl]"' in run.stderr
