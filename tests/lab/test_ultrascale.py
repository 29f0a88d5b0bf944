"""Estimates for UltraScale+: what is counted, and that rows become block RAM and lanes become DSPs there, too."""

import json

import pytest

pytest.importorskip("pyosys", reason='needs pip install "skipwalk[synth]"')

from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.sw.lab import ultrascale

from ..support.command import skipwalk


def test_cells_are_counted_as_a_datasheet_does():
    cells = {"DSP48E2": 3, "RAMB36E2": 2, "RAMB18E2": 3, "LUT2": 5, "LUT6": 7, "RAM64X1D": 2, "FDRE": 4, "FDSE": 1}
    assert ultrascale.resources({**cells, "CARRY4": 9}) == {"dsp": 3, "bram": 3.5, "lut": 16, "ff": 5}
    with pytest.raises(ValueError, match="cells that are not counted: RAMB99, XORCY"):
        ultrascale.resources({**cells, "XORCY": 1, "RAMB99": 2})


@pytest.mark.long
@pytest.mark.parametrize(
    ("cfg", "dsp", "bram"),
    [
        (CoreConfig(dim=4, nodes=600, lanes=2, max_samples=3, lookahead=1, walks=0), 4 * 2 + 2, 2),
        (LoraConfig(widths=(5,), classes=2, rank=1, lanes=4, cache_samples=300), 2 * 4 + 2, 1.5),
    ],
    ids=["os-elm", "skip2-lora"],
)
def test_multipliers_and_memories_are_inferred(cfg, dsp, bram):
    found = ultrascale.estimate(cfg)
    assert (found["dsp"], found["bram"]) == (dsp, bram)
    assert 1000 < found["lut"] < 10_000
    assert 1000 < found["ff"] < 10_000


def test_report_has_every_core_and_the_part(tmp_path, monkeypatch):
    monkeypatch.setattr(ultrascale, "estimate", lambda cfg: {"dsp": 1, "bram": 0.5, "lut": 2, "ff": 3})
    run = skipwalk("lab", "ultrascale", tmp_path / "axi.json")
    assert run.exit_code == 0, run.output
    entries = {entry["name"]: entry["value"] for entry in json.loads((tmp_path / "axi.json").read_text())}
    assert {f"axi.{name}.dsp" for name in ultrascale.CORES} <= entries.keys()
    assert entries["provenance"]["part"] == "XCZU7EV"
