"""``skipwalk export``."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ...hw.unit.config import UnitConfig
from ...hw.units import UNITS
from ...sim.rtl.build import BuildError
from ..build.verilog import axi_core, axi_verilog, config_of_map, core_map
from ..errors import DeviceError, InputError
from ..results.files import atomic_write
from .common import FILE, check_outputs

__all__ = ["export"]


@click.command()
@click.argument("config", metavar="CONFIG")
@click.option("--output", "-o", type=FILE, required=True, help="Verilog to write; the map goes beside it as .json.")
@click.option("--unit", type=click.Choice(list(UNITS)), help="For a preset that several units have.  [default: os-elm]")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change the configuration; repeatable.")
@click.option("--name", "module", help="Of the module; by default the configuration's, with underscores.")
@click.option("--vendor-cells", is_flag=True, help="Multipliers and block RAMs of the vendor it names, not inferred.")
def export(
    config: str, output: Path, unit: str | None, changes: Sequence[str], module: str | None, vendor_cells: bool
) -> None:
    """Write a core as plain Verilog with AXI4-Stream in and out and AXI4-Lite registers, for a chip of your own.

    CONFIG is a preset, or a .json file: the map that an earlier export left, as it was or edited.

    \b
        skipwalk export ecp5-85f -o core.v
        skipwalk export tiny --set dim=16 --set 'beta=[5, 11]' -o core.v
        skipwalk export core.json -o core.v
    """
    cfg = _changed(_load(config, unit), changes)
    module = module or "skipwalk_" + re.sub(r"\W", "_", cfg.name)
    if not re.fullmatch(r"[A-Za-z_]\w*", module, re.ASCII):
        raise click.UsageError(f"{module!r} is no name of a Verilog module; take letters, digits and underscores")
    target = output.with_suffix(".json")
    if target == output:
        raise click.UsageError(f"{output} is where the map goes; name the Verilog otherwise")
    check_outputs(output, target)
    try:
        text = axi_verilog(axi_core(cfg, primitives=vendor_cells), module)
    except BuildError as error:
        raise DeviceError(str(error)) from error
    with atomic_write(output) as file, atomic_write(target) as map_file:
        file.write(text.encode())
        map_file.write(json.dumps(core_map(cfg, module), indent=1).encode() + b"\n")


def _load(config: str, unit: str | None) -> UnitConfig:
    """The preset of that name, or the configuration in that file."""
    asked = [kind for kind in UNITS.values() if unit in (None, kind.name)]
    for kind in asked:
        if config in kind.presets:
            return kind.presets[config]
    path = Path(config)
    if path.suffix != ".json":
        there = "; ".join(f"{kind.name}: {', '.join(kind.presets)}" for kind in asked)
        raise click.UsageError(f"no preset {config!r} ({there}), and no .json file")
    try:
        return config_of_map(json.loads(path.read_text()))
    except FileNotFoundError:
        raise InputError("no such file", path=path) from None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"is no map of a core: {error}", path=path) from error


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
        except ValueError:
            data[key] = text
    try:
        return type(cfg).from_dict(data)
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error
