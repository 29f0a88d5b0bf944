"""The core with AXI ports: on the buses, as text, and through other people's tools."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from skipwalk.hw.axi import AxiCore
from skipwalk.hw.axi_map import ADDRESS_BITS, REGISTERS
from skipwalk.hw.config import preset
from skipwalk.hw.link.fold import FoldingCore
from skipwalk.hw.link.protocol import FOLD_KIND
from skipwalk.sim.export_core import axi_verilog, core_map
from skipwalk.sim.synthesis import run_yosys
from skipwalk.sw.cli import main

from tests.support.runner import simulate

DIGEST = 0x89ABCDEF


@pytest.fixture(scope="module")
def folding_verilog():
    return axi_verilog(AxiCore(FoldingCore(), kind=FOLD_KIND, digest=DIGEST), "axi_core")


def test_buses(folding_verilog):
    pytest.importorskip("cocotbext.axi", reason="needs pip install cocotbext-axi")
    simulate(None, "cocotb_axi", name="axi_core", verilog=folding_verilog, parameters={"digest": DIGEST})


def test_registers_do_not_overlap():
    offsets = [register.offset for register in REGISTERS]
    assert offsets == list(range(0, 4 * len(offsets), 4))
    assert offsets[-1] < 1 << ADDRESS_BITS


def test_documentation_has_every_register():
    text = (Path(__file__).parents[1] / "docs" / "axi.md").read_text()
    for register in REGISTERS:
        assert f"| {register.name} | {register.offset:#04x} | {register.access} |" in text


def test_map_names_what_the_driver_sends():
    cfg = preset("tiny")
    found = json.loads(json.dumps(core_map(cfg, "top")))
    assert found["commands"]["TRAIN"] == 9
    assert found["digest"] == cfg.digest
    assert type(cfg).from_dict(found["configuration"]) == cfg
    assert [r["name"] for r in found["buses"]["s_axil"]["registers"]] == [r.name for r in REGISTERS]


def test_command_writes_verilog_that_yosys_reads_for_xilinx(tmp_path):
    paths = [tmp_path / name for name in ("a.v", "b.v")]
    for path in paths:
        result = CliRunner().invoke(main, ["verilog", "tiny", "-o", str(path), "--name", "my_core"])
        assert result.exit_code == 0, result.output
    text = paths[0].read_text()
    assert text == paths[1].read_text()
    assert json.loads((tmp_path / "a.json").read_text())["module"] == "my_core"
    log = run_yosys([f"read_verilog {paths[0]}", "hierarchy -check -top my_core", "proc", "check -assert", "stat"])
    assert "Warning" not in log


@pytest.mark.parametrize(("arguments", "message"), [
    (["nonesuch"], "no preset 'nonesuch'"),
    (["tiny", "--name", "1core"], "'1core' is no name of a Verilog module"),
])  # fmt: skip
def test_command_refuses(arguments, message, tmp_path):
    result = CliRunner().invoke(main, ["verilog", *arguments, "-o", str(tmp_path / "x.v")])
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
