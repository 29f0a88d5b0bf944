"""``skipwalk simulate``."""

import dataclasses
import re
import threading
from pathlib import Path

import click
import numpy as np
from click.core import ParameterSource

from ...hw.boards.table import BOARDS
from ...hw.units import UNITS as KINDS
from ..build.tools import tool_errors
from ..errors import DeviceError, InputError
from ..graph.packed import read_bytes, reading
from ..testbench.names import BLOCKS
from .common import FILE, check_outputs, parameter_errors

__all__ = ["simulate"]


@click.command()
@click.argument("target", metavar="core|BLOCK|BOARD", type=click.Choice(["core", *BLOCKS, *BOARDS]))
@click.option("--baud", type=click.IntRange(1), help="Of a board, instead of its own; at most a fourth of the clock.")
@click.option("--config", default="tiny", show_default=True, help="Of the core: a preset, or the .json of an export.")
@click.option(
    "--unit", type=click.Choice(list(KINDS)), help="Of the core, for a preset that both units have.  [default: os-elm]"
)
@click.option("--words", type=FILE, help="For the core: hexadecimal words, one a line, instead of random ones.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the random words.")
@click.option(
    "--contexts",
    type=click.IntRange(1, 1_000_000),
    default=8,
    show_default=True,
    help="How much: contexts, samples, or a block's numbers.",
)
@click.option(
    "--waves", type=FILE, help="VCD of the core or block to write; lists for GTKWave and Surfer go beside it."
)
@click.option(
    "--serve", is_flag=True, help="Serve the core's golden model on a pseudo-terminal, as if it were a board."
)
def simulate(
    target: str,
    baud: int | None,
    config: str,
    unit: str | None,
    words: Path | None,
    seed: int,
    contexts: int,
    waves: Path | None,
    serve: bool,
) -> None:
    """Run a core or a BLOCK once, with a waveform, beside the golden model; or serve a simulated BOARD until Ctrl-C.

    A core runs compiled by Verilator, a block at once in Amaranth's own simulator. Of a board, the netlist runs, pins,
    PLL and all; its address for --backend goes to stdout.

    \b
        skipwalk simulate gain --waves gain.vcd
        skipwalk simulate core --waves run.vcd
        skipwalk simulate core --config core.json --words program.hex
        skipwalk simulate ulx3s-25f
        skipwalk simulate core --config core.json --serve
    """
    _check_taken(target)
    if serve and (words or waves):
        raise click.UsageError("--serve is for a core, without --words and --waves")
    if serve:
        _served(config, unit)
    elif target == "core":
        _core(config, unit, words, seed, contexts, waves)
    elif target in BLOCKS:
        _block(target, seed, contexts, waves)
    else:
        _board(target, baud)


#: What each option of a run is for, where it is not for all.
_TAKEN_BY = {"baud": {"board"}, **{name: {"core"} for name in ("config", "unit", "words", "serve")}}
_TAKEN_BY |= {name: {"core", "block"} for name in ("seed", "contexts", "waves")}


def _check_taken(target: str) -> None:
    kind = "core" if target == "core" else "block" if target in BLOCKS else "board"
    ctx = click.get_current_context()
    for name, kinds in _TAKEN_BY.items():
        if kind not in kinds and ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is for a {' or a '.join(sorted(kinds))}, not for {target}")


def _core(config: str, unit: str | None, words: Path | None, seed: int, n: int, waves: Path | None) -> None:
    import numpy as np

    from ..build.waveform import run_core, signal_lists
    from ..units import UNITS
    from .export import load_config

    cfg = load_config(config, unit)
    lists = [waves.with_suffix(suffix) for suffix in (".gtkw", ".sucl")] if waves else []
    check_outputs(waves, *lists, inputs=[words])
    program = UNITS.of(cfg).program(cfg, np.random.default_rng(seed), n) if words is None else _read_words(words)
    source = f"random ones of seed {seed}" if words is None else str(words)
    click.echo(f"compiling {cfg.name}, a minute or some; then {len(program)} command words, {source} ...", err=True)
    verdict = run_core(cfg, program, waves)
    click.echo(f"{verdict.sent} words in, {verdict.received} words out, {verdict.cycles} cycles")
    if waves:
        signal_lists(waves)
        click.echo(f"gtkwave {lists[0]}  or  surfer {waves} --command-file {lists[1]}")
    if verdict.first_difference is not None:
        raise DeviceError(f"reply {verdict.first_difference} is not the golden model's")
    click.echo("all replies are the golden model's")


def _block(name: str, seed: int, n: int, waves: Path | None) -> None:
    from ..build.waveform import run_block

    lists = [waves.with_suffix(suffix) for suffix in (".gtkw", ".sucl")] if waves else []
    check_outputs(waves, *lists)
    click.echo(f"{name}: {BLOCKS[name]}; random input of seed {seed}", err=True)
    verdict = run_block(name, seed=seed, n=n, waves=waves)
    click.echo(f"{verdict.received} results in {verdict.cycles} cycles")
    if waves:
        click.echo(f"gtkwave {lists[0]}  or  surfer {waves} --command-file {lists[1]}")
    if verdict.first_difference is not None:
        raise DeviceError(f"result {verdict.first_difference} is not the golden model's")
    click.echo("all results are the golden model's")


def _read_words(path: Path) -> np.ndarray:
    words: list[int] = []
    with reading(path):
        lines = read_bytes(path).decode(errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        for word in line.split():
            if not re.fullmatch("(0[xX])?0*[0-9a-fA-F]{1,8}", word):
                raise InputError(f"{word[:40]!r} is no hexadecimal word of 32 bits", path=path, line=number)
            words.append(int(word, 16))
    if not words:
        raise InputError("holds no words; write them in hexadecimal digits, one a line", path=path)
    return np.array(words, np.uint32)


def _served(config: str, unit: str | None) -> None:
    from ...sim.units import UNITS
    from .export import load_config

    try:
        from ...sim.link.served import ServedModel
    except ModuleNotFoundError as error:
        if error.name != "cobs":
            raise
        raise DeviceError('serving a core needs cobs: pip install "skipwalk[serial]"') from None

    cfg = load_config(config, unit)
    click.echo("compiling the golden model, if that has not been done before ...", err=True)
    with ServedModel([(UNITS.of(cfg).kind, cfg.digest, lambda: UNITS.of(cfg).model(cfg))]) as served:
        click.echo(f"the golden model of {cfg.name} behind a link; Ctrl-C ends it", err=True)
        click.echo(served.address)
        _until_interrupted()


def _board(name: str, baud: int | None) -> None:
    from ...sim.boards.board import BoardSimulation
    from ...sim.boards.pins import BoardPins

    with parameter_errors(), tool_errors():
        row = dataclasses.replace(BOARDS[name], baud=baud or BOARDS[name].baud)
        click.echo(f"compiling {row.title} ...", err=True)
        pins = BoardPins(row)
    with BoardSimulation(pins, row) as simulation:
        click.echo(f"{simulation.cycles_per_second / 1e3:.0f} thousand cycles a second; Ctrl-C ends it", err=True)
        click.echo(simulation.address)
        threading.Event().wait()


def _until_interrupted() -> None:
    threading.Event().wait()
