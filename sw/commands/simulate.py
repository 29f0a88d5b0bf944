"""``skipwalk simulate``."""

import dataclasses
import threading

import click

from ...hw.boards.table import BOARDS
from ...sim.boards.board import BoardSimulation
from ...sim.boards.pins import BoardPins
from ..build.tools import tool_errors
from .common import parameter_errors

__all__ = ["simulate"]


@click.command()
@click.argument("board", type=click.Choice(list(BOARDS)))
@click.option("--baud", type=click.IntRange(1), help="Instead of the board's; at most a fourth of the clock.")
def simulate(board: str, baud: int | None) -> None:
    """Serve a simulated BOARD on a pseudo-terminal until Ctrl-C; its address for --backend goes to stdout.

    The netlist of its bitstream, pins, PLL and all, runs compiled by Verilator.
    """
    with parameter_errors(), tool_errors():
        row = dataclasses.replace(BOARDS[board], baud=baud or BOARDS[board].baud)
        click.echo(f"compiling {row.title} ...", err=True)
        pins = BoardPins(row)
    with BoardSimulation(pins, row) as simulation:
        click.echo(f"{simulation.cycles_per_second / 1e3:.0f} thousand cycles a second; Ctrl-C ends it", err=True)
        click.echo(simulation.address)
        threading.Event().wait()
