"""The command ``skipwalk``. Data goes to stdout, everything else to stderr; the commands are in ``commands``."""

import importlib
import importlib.util
import logging
from typing import Any

import click

from .errors import CapacityError, DeviceError, InputError, SkipwalkError

__all__ = ["EXIT_CODES", "main"]

#: The first family that fits gives the exit code.
EXIT_CODES: tuple[tuple[type[SkipwalkError], int], ...] = (
    (CapacityError, 4),
    (InputError, 3),
    (DeviceError, 5),
    (SkipwalkError, 5),
)

#: Where each command is; imported when it is called, because numba and scikit-learn take seconds.
_COMMANDS = {
    "train": ".commands.training",
    "update": ".commands.training",
    "evaluate": ".commands.inspection",
    "info": ".commands.inspection",
    "vectors": ".commands.inspection",
    "finetune": ".commands.finetune",
    "explore": ".commands.explore",
    "report": ".commands.page",
    "program": ".commands.program",
    "export": ".commands.export",
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
  130  interrupted
"""


class _Log(logging.Handler):
    """Log lines on whatever stderr is now."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"skipwalk: {record.getMessage()}", err=True)


class _Commands(click.Group):
    """Imports commands when they are called for, and turns errors into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        log, handler = logging.getLogger("skipwalk"), _Log()
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            click.echo(f"skipwalk: {stop if stop.args else 'interrupted'}", err=True)
            return ctx.exit(130)
        except SkipwalkError as error:
            click.echo(f"skipwalk: error: {error}", err=True)
            return ctx.exit(next(code for family, code in EXIT_CODES if isinstance(error, family)))
        finally:
            log.removeHandler(handler)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, module in _COMMANDS.items() if importlib.util.find_spec(module, __package__)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        return getattr(importlib.import_module(_COMMANDS[name], __package__), name)


@click.group("skipwalk", cls=_Commands, help=_HELP)
@click.version_option(package_name="skipwalk", prog_name="skipwalk")
def main() -> None:
    pass
