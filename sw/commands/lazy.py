"""Groups of commands that are imported when they are called: numba and scikit-learn take seconds."""

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from ..errors import DeviceError

__all__ = ["Entry", "LazyGroup"]


class Entry(NamedTuple):
    """A command that is not imported yet.

    Attributes
    ----------
    place : str
        ``MODULE:NAME``, the module relative to ``skipwalk.sw``.
    help : str
        What the group's help says of it.
    extra : str
        The extra of this package that it needs, where it needs one.
    """

    place: str
    help: str
    extra: str = ""


class LazyGroup(click.Group):
    """A group with one :class:`Entry` a command. Raises DeviceError for a command whose packages are not installed."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **options: Any):
        super().__init__(*args, **options)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.entries:
            return None
        entry = self.entries[name]
        module, _, attribute = entry.place.partition(":")
        try:
            return getattr(importlib.import_module(f"..{module}", __package__), attribute)
        except ModuleNotFoundError as error:
            if not entry.extra or error.name is None or error.name.startswith("skipwalk"):
                raise
            raise DeviceError(
                f'{ctx.command_path} {name} needs {error.name.partition(".")[0]}: pip install "skipwalk[{entry.extra}]"'
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])
