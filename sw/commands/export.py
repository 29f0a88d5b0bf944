"""``skipwalk export``."""

import contextlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ...hw.fabric.vendor import Vendor
from ...hw.unit.config import UnitConfig
from ...hw.units import UNITS
from ...sim.rtl.build import BuildError
from ..build.c_header import c_header, c_sources
from ..build.fusesoc import core_file
from ..build.names import default_name, name_fault
from ..build.verilog import axi_core, axi_verilog, config_of_map, core_map, read_map
from ..build.vivado import block_design
from ..errors import DeviceError
from ..results.files import atomic_write
from .common import FILE, check_outputs

__all__ = ["export", "load_config"]


@click.command()
@click.argument("config", metavar="CONFIG")
@click.option("--output", "-o", type=FILE, required=True, help="Verilog to write; the rest goes beside it.")
@click.option("--unit", type=click.Choice(list(UNITS)), help="For a preset that several units have.  [default: os-elm]")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change the configuration; repeatable.")
@click.option("--name", "module", help="Of the module; by default those of unit and configuration.")
@click.option("--vendor-cells", is_flag=True, help="Multipliers and block RAMs of the vendor it names, not inferred.")
@click.option("--vivado", metavar="PART", help="A block design for a Zynq, too: .tcl, for this part.")
def export(
    config: str,
    output: Path,
    unit: str | None,
    changes: Sequence[str],
    module: str | None,
    vendor_cells: bool,
    vivado: str | None,
) -> None:
    """Write a core as plain Verilog with AXI4-Stream in and out and AXI4-Lite registers, for a chip of your own.

    Beside it go its map for programs (.json), its description for FuseSoC (.core), its C header (.h) and the driver
    in C99 (skipwalk*.c, skipwalk*.h).

    CONFIG is a preset, or a .json file: the map that an earlier export left, as it was or edited.

    \b
        skipwalk export ecp5-85f -o core.v
        skipwalk export tiny --set dim=16 --set 'beta=[5, 11]' -o core.v
        skipwalk export core.json -o core.v
        skipwalk export ecp5-85f -o core.v --vivado xc7z020clg400-1
    """
    cfg = _changed(load_config(config, unit), changes)
    kind = UNITS.of(cfg).name
    module = module or default_name(cfg)
    if (fault := name_fault(module)) is not None:
        raise click.UsageError(fault)
    if vendor_cells and cfg.vendor is Vendor.GENERIC:
        known = ", ".join(v for v in Vendor if v is not Vendor.GENERIC)
        raise click.UsageError(f"--vendor-cells needs a vendor, and {cfg.name} names none; --set vendor={known}")
    target, fusesoc, header = (output.with_suffix(suffix) for suffix in (".json", ".core", ".h"))
    memory = cfg.memory_bytes > 0
    driver = {output.with_name(name): text for name, text in c_sources(cfg).items()}
    if vivado is not None and not re.fullmatch(r"xc(7z|zu)[\w-]+", vivado):
        raise click.UsageError(
            f"--vivado takes the part of a Zynq, as xc7z020clg400-1 or xczu7ev-ffvc1156-2-e, not {vivado}"
        )
    if vivado is not None and not re.fullmatch(r"[\w.+-]+", output.name, re.ASCII):
        raise click.UsageError(f"with --vivado, the Verilog's name is of letters, digits and _.+-, not {output.name!r}")
    design = {output.with_suffix(".tcl"): block_design(module, output.name, vivado, memory=memory)} if vivado else {}
    if output in (target, fusesoc, header, *driver, *design):
        raise click.UsageError(f"{output} is where another file goes; name the Verilog otherwise, as core.v")
    # A map may be written anew where it was read, as it was.
    source = Path(config) if changes and config.endswith(".json") else None
    check_outputs(output, target, fusesoc, header, *driver, *design, inputs=[source])
    try:
        click.echo(f"elaborating {cfg.name} ...", err=True)
        core = axi_core(cfg, primitives=vendor_cells)
        click.echo("writing Verilog: half a minute for a small core, minutes for a large one ...", err=True)
        text = axi_verilog(core, module)
    except BuildError as error:
        raise DeviceError(str(error)) from error
    files = {
        output: text,
        target: json.dumps(core_map(cfg, module), indent=1) + "\n",
        fusesoc: core_file(module, output.name, f"{kind} core of skipwalk, configuration {cfg.name}"),
        header: c_header(cfg, module),
        **driver,
        **design,
    }
    with contextlib.ExitStack() as whole:
        for path, content in files.items():
            whole.enter_context(atomic_write(path)).write(content.encode())
    click.echo(f"{', '.join(path.name for path in files)}: module {module}, digest {cfg.digest:#010x}", err=True)


def load_config(config: str, unit: str | None) -> UnitConfig:
    """The preset of that name, or the configuration in that file."""
    asked = [kind for kind in UNITS.values() if unit in (None, kind.name)]
    for kind in asked:
        if config in kind.presets:
            return kind.presets[config]
    path = Path(config)
    if path.suffix != ".json":
        there = "; ".join(f"{kind.name}: {', '.join(kind.presets)}" for kind in asked)
        raise click.UsageError(f"no preset {config!r} ({there}), and no .json file")
    return read_map(path)[1]


def _changed(cfg: UnitConfig, changes: Sequence[str]) -> UnitConfig:
    """The configuration with some values changed: each JSON, or else a word."""
    data: dict[str, Any] = cfg.to_dict()
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes KEY=VALUE, not {change!r}")
        if key not in data:
            raise click.UsageError(f"the configuration has no {key!r}; it has {', '.join(data)}")
        try:
            data[key] = json.loads(text)
        except (ValueError, RecursionError):
            data[key] = text
    try:
        return config_of_map({"core": UNITS.of(cfg).name, "configuration": data})
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error
