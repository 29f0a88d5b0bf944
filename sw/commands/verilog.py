"""``skipwalk verilog``."""

import json
import re
from pathlib import Path

import click

from ...hw.config import PRESETS, preset
from ...hw.lora_config import LORA_PRESETS, lora_preset
from ...sim.build import BuildError
from ...sim.export_core import axi_core, axi_verilog, core_map
from ..errors import DeviceError
from ..export import atomic_write
from .common import FILE

__all__ = ["verilog"]


@click.command()
@click.argument("name", metavar="PRESET")
@click.option("--output", "-o", type=FILE, required=True, help="Verilog to write; the map goes beside it as .json.")
@click.option("--name", "module", help="Of the module; by default the preset's, with underscores.")
@click.option("--vendor-cells", is_flag=True, help="Multipliers and block RAMs of the preset's vendor, not inferred.")
def verilog(name: str, output: Path, module: str | None, vendor_cells: bool) -> None:
    """Write a core as plain Verilog with AXI4-Stream in and out and AXI4-Lite registers, for a chip of your own."""
    try:
        cfg = lora_preset(name) if name in LORA_PRESETS and name not in PRESETS else preset(name)
    except ValueError:
        there = ", ".join([*PRESETS, *(p for p in LORA_PRESETS if p not in PRESETS)])
        raise click.UsageError(f"no preset {name!r}; there are: {there}") from None
    module = module or "skipwalk_" + re.sub(r"\W", "_", name)
    if not re.fullmatch(r"[A-Za-z_]\w*", module, re.ASCII):
        raise click.UsageError(f"{module!r} is no name of a Verilog module; take letters, digits and underscores")
    try:
        text = axi_verilog(axi_core(cfg, primitives=vendor_cells), module)
    except BuildError as error:
        raise DeviceError(str(error)) from error
    with atomic_write(output) as file, atomic_write(output.with_suffix(".json")) as map_file:
        file.write(text.encode())
        map_file.write(json.dumps(core_map(cfg, module), indent=1).encode() + b"\n")
