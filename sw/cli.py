"""The command ``skipwalk``. Data goes to stdout, everything else to stderr; the commands are in ``commands``."""

import contextlib
import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import click

from .commands.lazy import Entry, LazyGroup
from .errors import CapacityError, DeviceError, InputError, SkipwalkError, printable

__all__ = ["COMMANDS", "EXIT_CODES", "main"]

#: The first family that fits gives the exit code.
EXIT_CODES: tuple[tuple[type[SkipwalkError], int], ...] = (
    (CapacityError, 4),
    (InputError, 3),
    (DeviceError, 5),
    (SkipwalkError, 5),
)

#: What the program can do.
COMMANDS = {
    "train": Entry("commands.training:train", "Learn vectors for the nodes of a graph."),
    "update": Entry("commands.training:update", "Add edges to a saved model, and learn from them."),
    "learn": Entry("commands.learn:learn", "Learn changes as they come, and answer questions."),
    "evaluate": Entry("commands.inspection:evaluate", "F1 of a classifier on the vectors."),
    "evaluate-links": Entry("commands.links:evaluate_links", "AUC of edges that were hidden from the vectors."),
    "info": Entry("commands.inspection:info", "What a model, a preset or a board is."),
    "vectors": Entry("commands.inspection:vectors", "Write the vectors of a saved model."),
    "finetune": Entry("commands.finetune:finetune", "Fit adapters (Skip2-LoRA) of a frozen network."),
    "explore": Entry("commands.explore:explore", "Compare cores for a graph: accuracy, cycles, resources.", "rtl"),
    "export": Entry("commands.export:export", "Write a core as Verilog with AXI ports.", "rtl"),
    "build": Entry("commands.build:build", "Build a board's bitstream.", "boards"),
    "program": Entry("commands.program:program", "Load a bitstream into a board.", "boards"),
    "simulate": Entry(
        "commands.simulate:simulate", "Run a core with a waveform, or serve a simulated board.", "boards"
    ),
    "new-testbench": Entry("commands.testbench:new_testbench", "Write a cocotb project around a core.", "rtl"),
    "lab": Entry("lab.cli:lab", "What this project measures and shows: demos, benches, experiments."),
}

_HELP = """Node embeddings that keep learning, on an OS-ELM core: its golden model or its RTL, with the same bits.

\b
Exit codes
    0  done
    1  a fault in this program
    2  wrong options or parameters
    3  a file, graph, label or model that cannot be used
    4  a graph or context that does not fit the core
    5  a device or tool that is missing or fails
  130  interrupted, by Ctrl-C, SIGTERM or SIGHUP
"""


class _Log(logging.Handler):
    """Log lines on whatever stderr is now."""

    def emit(self, record: logging.LogRecord) -> None:
        # Names out of files, and of files, are among it.
        _say(printable(record.getMessage()))


def _say(text: str) -> None:
    """A line on stderr. Where that is full, work goes on without it."""
    with contextlib.suppress(OSError):
        click.echo(f"skipwalk: {text}", err=True)


def _mend_streams() -> None:
    """What a stream cannot encode is escaped there; one that was closed before is another that is not used for files
    opened later: nothing can be written to such a standard output, and what is said on stderr is lost."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode))
        elif mode == "w" and hasattr(stream, "reconfigure") and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _ends_as_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP do what Ctrl-C does, so that nothing that Ctrl-C keeps is lost; but not in child processes,
    and not where they are ignored."""
    owner, before = os.getpid(), {}

    def interrupt(number: int, _: object) -> None:
        if os.getpid() == owner and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt  # in the background of a shell
        if os.getpid() == owner:
            signal.raise_signal(signal.SIGINT)
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Commands(LazyGroup):
    """Turns errors into one line and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            _mend_streams()
            return super().main(*args, **extra)
        except OSError as error:
            # A file has a name; what has none is standard output. A closed pipe is click's.
            if error.filename is not None or error.errno == errno.EPIPE:
                raise
            if error.errno == errno.ENOENT:
                _say("error: the working folder does not exist any more; change to another")
            else:
                _say(f"error: standard output cannot be written: {error.strerror or error}")
            sys.exit(3)
        finally:
            # What is still in the buffer must not be tried again at the end.
            try:
                sys.stdout.flush()
            except (OSError, ValueError):
                with contextlib.suppress(OSError, ValueError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def invoke(self, ctx: click.Context) -> Any:
        threads = os.environ.get("NUMBA_NUM_THREADS", "1")
        if not threads.strip().isdecimal() or int(threads) < 1:
            # Numba would show a traceback as soon as it is imported.
            raise click.UsageError(f"NUMBA_NUM_THREADS is {threads!r}, not a number from 1 on; set it so, or unset it")
        log, handler = logging.getLogger("skipwalk"), _Log()
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        try:
            with _ends_as_interrupted():
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            _say(str(stop) if stop.args else "interrupted")
            return ctx.exit(130)
        except SkipwalkError as error:
            _say(f"error: {error}")
            return ctx.exit(next(code for family, code in EXIT_CODES if isinstance(error, family)))
        finally:
            log.removeHandler(handler)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """It is that of the installed package; sources on the path have none."""
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"skipwalk, version {version('skipwalk')}")
    except PackageNotFoundError:
        click.echo("skipwalk, version unknown: it is not installed")
    ctx.exit()


@click.group("skipwalk", cls=_Commands, entries=COMMANDS, help=_HELP)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def main() -> None:
    pass
