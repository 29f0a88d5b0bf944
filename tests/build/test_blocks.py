"""Frequencies of single blocks: what is put around them, what is read from the tools' reports, what is kept."""

import json
import sys

import click
import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.arith.multiplier import Multiplier
from skipwalk.sw.build import blocks
from skipwalk.sw.lab.blocks import main, table

from ..support.command import skipwalk
from ..support.pysim import clocked

pytest.importorskip("pyosys", reason="synthesis needs the extra skipwalk[synth]")

FAKE_NEXTPNR = """
import json, pathlib, sys
seed = int(sys.argv[sys.argv.index("--seed") + 1])
netlist = json.loads(pathlib.Path("block.json").read_text())
kinds = [cell["type"] for cell in netlist["modules"]["top"]["cells"].values()]
with pathlib.Path("runs").open("a") as file:
    file.write(f"{seed} ")
if pathlib.Path("broken").exists():
    sys.exit("no such site")
used = {kind: {"used": kinds.count(kind), "available": 99} for kind in ("MULT18X18D", "DP16KD", "TRELLIS_FF")}
used["TRELLIS_COMB"] = {"used": kinds.count("LUT4"), "available": 99}
def path(start, end, cells):
    ends = [{"from": {"cell": cell}, "to": {"cell": cell}} for cell in cells]
    return {"from": start, "to": end, "path": ends}
report = {
    "fmax": {"clk": {"achieved": {1: 150.25, 2: 90.0, 3: 120.0}[seed], "constraint": 300}},
    "utilization": used,
    "critical_paths": [
        path("async", "posedge clk", ["a", "b"]),
        path("posedge clk", "posedge clk", [f"inner.left_TRELLIS_FF_Q_{seed}", "x", f"inner.sum{seed}_LUT4_Z_A"]),
    ],
}
pathlib.Path(sys.argv[sys.argv.index("--report") + 1]).write_text(json.dumps(report))
"""


class Deaf(wiring.Component):
    """Gives ``a`` at once and a cycle later, and does not look at ``b``."""

    a: In(4)
    b: In(8)
    now: Out(4)
    later: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.now.eq(self.a)
        later = Signal(4)
        m.d.sync += later.eq(self.a)
        m.d.comb += self.later.eq(later)
        return m


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Two multipliers in a folder of their own, and a nextpnr that only counts the netlist's cells."""
    script = tmp_path / "nextpnr"
    script.write_text(f"#!{sys.executable}\n{FAKE_NEXTPNR}")
    script.chmod(0o755)
    monkeypatch.setenv("NEXTPNR_ECP5", str(script))
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    made = {
        "multiplier.cell": lambda: Multiplier(4, 6, **blocks.CELLS),
        "multiplier.inferred": lambda: Multiplier(18, 18),
    }
    monkeypatch.setattr(blocks, "BLOCKS", made)
    monkeypatch.setattr(
        next(option for option in main.params if option.name == "only"), "type", click.Choice(list(made))
    )
    return tmp_path / "blocks"


def test_registered_adds_two_cycles():
    a, b = np.random.default_rng(0).integers(-128, 128, (2, 50))
    p = clocked(blocks.Registered(Multiplier(8, 8)), {"a": a, "b": b}, ["p"])["p"]
    np.testing.assert_array_equal(p[Multiplier.LATENCY + 2 :], (a * b)[: -Multiplier.LATENCY - 2])


def test_registers_at_the_ports_are_not_counted(built, monkeypatch):
    assert blocks.Registered(Multiplier(4, 6)).registers == 4 + 6 + 10
    # Without its marks, synthesis leaves out what nothing looks at and what is there twice.
    monkeypatch.setitem(blocks.BLOCKS, "deaf", Deaf)
    assert blocks.measure("deaf", seeds=[1]).cells["ff"] == 4
    cell, inferred = (blocks.measure(name, seeds=[1]).cells for name in ("multiplier.cell", "multiplier.inferred"))
    assert (cell["dsp"], cell["ff"], cell["bram"]) == (1, 0, 0)
    # As in test_synthesis_blocks: Yosys leaves the multiplier's own registers outside.
    assert (inferred["dsp"], inferred["ff"]) == (1, 108)


def test_every_seed_is_recorded_and_the_slowest_explained(built, tmp_path):
    file = tmp_path / "blocks.json"
    done = skipwalk("lab", "blocks", "--only", "multiplier.cell", "--seeds", "1 2 3", "--json", file)
    assert done.exit_code == 0, done.output
    entries = {entry["name"]: entry for entry in json.loads(file.read_text())}
    stem = "block.multiplier.cell"
    assert entries[f"{stem}.fmax_runs"]["value"] == [150.25, 90.0, 120.0]
    assert entries[f"{stem}.fmax"] == {"name": f"{stem}.fmax", "value": 120.0, "unit": "MHz", "better": "higher"}
    assert entries[f"{stem}.path"]["value"] == "left to sum2"
    assert entries[f"{stem}.dsp"]["value"] == 1
    provenance = entries["provenance"]["value"]
    assert provenance["seeds"] == [1, 2, 3]
    assert {"commit", "versions", "tools", "device", "note"} <= set(provenance)
    assert "left to sum2" in done.stdout


def test_an_interrupted_run_goes_on(built):
    folder = built / "multiplier.inferred"
    folder.mkdir(parents=True)
    (folder / "broken").touch()
    done = skipwalk("lab", "blocks", "--seeds", 2, "--json", "never.json")
    assert done.exit_code == 5
    assert "code 1; its log is" in done.stderr
    assert "no such site" in done.stderr
    assert "1 of 2 blocks failed; nothing was written" in done.stderr
    (folder / "broken").unlink()
    assert skipwalk("lab", "blocks", "--seeds", "2,1").exit_code == 0
    assert (built / "multiplier.cell" / "runs").read_text() == "2 1 "
    assert (folder / "runs").read_text() == "2 2 1 "


def test_another_block_of_the_same_name_is_measured_again(built, monkeypatch):
    for bits in (4, 4, 5):
        monkeypatch.setitem(blocks.BLOCKS, "multiplier.cell", lambda bits=bits: Multiplier(bits, 6, **blocks.CELLS))
        blocks.measure("multiplier.cell", seeds=[3])
    assert (built / "multiplier.cell" / "runs").read_text() == "3 3 "


def test_table_has_the_slowest_first(built):
    cells = {"dsp": 1, "bram": 0, "lut": 20, "ff": 3}
    measured = [
        blocks.Measurement(name=name, runs={1: mhz}, path="a to b", cells=cells, seconds=1.0)
        for name, mhz in (("fast", 200.0), ("slow", 50.0), ("middle", 120.0))
    ]
    head, *lines = table(measured).splitlines()
    assert [line.split()[0] for line in (head, *lines)] == ["MHz", "50.0", "120.0", "200.0"]
    assert "slow" in lines[0]


def test_missing_tool_and_strange_names_are_told(built, monkeypatch):
    monkeypatch.setenv("NEXTPNR_ECP5", "no-such-nextpnr")
    done = skipwalk("lab", "blocks", "--only", "multiplier.cell")
    assert done.exit_code == 5
    assert 'no-such-nextpnr is not installed: pip install "skipwalk[boards]"' in done.stderr
    done = skipwalk("lab", "blocks", "--only", "flux")
    assert done.exit_code == 2
    assert "'flux' is not one of 'multiplier.cell', 'multiplier.inferred'" in done.stderr


@pytest.mark.parametrize("name", [name for name in blocks.BLOCKS if name not in blocks.CORES])
@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_every_block_is_elaborated_between_registers(name):
    block = blocks.Registered(blocks.BLOCKS[name]())
    assert "_register" in rtlil.convert(block, name="top", emit_src=False)
    assert block.registers > 0


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("inner.queue.found_1_TRELLIS_FF_Q_12", "queue.found_1"),
        ("inner.memory.0.0", "memory.0.0"),
        ("inner.samples_near.storage.0.5$DPRAM_COMB3", "samples_near.storage.0.5"),
        ("i__payload$17_TRELLIS_FF_Q_2", "i__payload"),
        ("inner.$signal$33_TRELLIS_FF_Q", "$signal"),
    ],
)
def test_ends_of_paths_have_the_names_of_the_source(cell, said):
    assert blocks._readable(cell) == said
