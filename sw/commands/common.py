"""Options and steps that several commands share."""

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import InputError, SkipwalkError, printable
from ..oselm.model import Model
from ..oselm.vectors import save_npz, save_word2vec
from ..results.files import STANDARD, check_place, same_file
from ..results.report import Result, write_report
from .types import Backend

__all__ = ["FILE", "check_outputs", "options", "parameter_errors", "quieten", "save_vectors", "show", "tell", "write"]

FILE = click.Path(dir_okay=False, path_type=Path)

#: In a command's context: standard output is taken by a result; and nothing but warnings and errors is wanted.
_TAKEN, _QUIET = "skipwalk.stdout", "skipwalk.quiet"

_OPTIONS: Mapping[str, Callable] = {
    "output": click.option("--output", "-o", type=FILE, required=True, help="Where the result goes; - is stdout."),
    "vectors": click.option("--vectors", type=FILE, help="The vectors too: .npz, or any other ending for text."),
    "backend": click.option(
        "--backend", type=Backend(), default="golden", show_default=True, help="golden, rtl or serial:ADDRESS."
    ),
    "json": click.option("--json", "report", type=FILE, help="Write the results and where they come from."),
    "quiet": click.option("--quiet", "-q", is_flag=True, help="No progress; only warnings and errors on stderr."),
    "checkpoint": click.option(
        "--checkpoint", type=FILE, help="Save the unfinished model there now and then, and when interrupted."
    ),
    "checkpoint_every": click.option(
        "--checkpoint-every", type=click.IntRange(1), default=64, show_default=True, help="Blocks between savings."
    ),
}


def options(*names: str) -> Callable[[Callable], Callable]:
    """A decorator that adds the options of these names, in this order."""

    def decorate(command: Callable) -> Callable:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return decorate


def quieten(quiet: bool) -> None:
    """With ``quiet``, no more log lines below warnings."""
    if quiet:
        logging.getLogger("skipwalk").setLevel(logging.WARNING)
        click.get_current_context().meta[_QUIET] = True


@contextlib.contextmanager
def parameter_errors() -> Iterator[None]:
    """What the estimator says of its parameters is what is to be said of the options."""
    try:
        yield
    except SkipwalkError:
        raise
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error


def check_outputs(*paths: Path | None, inputs: Sequence[Path | None] = ()) -> None:
    """Before work that may take long, see that the results will have a place, each its own, none of which is an input.

    Once for all outputs and inputs of a command, or in parts. If one of them is standard output, :func:`show` uses
    standard error. Raises InputError.
    """
    outputs = [path for path in paths if path is not None]
    if sum(path == STANDARD for path in inputs) > 1:
        raise InputError("standard input can be only one of the inputs; name a file for the others", path=STANDARD)
    if STANDARD in outputs:
        click.get_current_context().meta[_TAKEN] = True
    for path in outputs:
        check_place(path)
    for one, other in itertools.combinations(outputs, 2):
        if same_file(one, other):
            raise InputError("two outputs would go there; give each its own name", path=other)
    if outputs.count(STANDARD) > 1:
        raise InputError("two outputs would go there; give each its own name", path=STANDARD)
    for path, source in itertools.product(outputs, inputs):
        if source is not None and same_file(path, source):
            raise InputError("is an input too and would be lost; name another output", path=path)


def save_vectors(model: Model, path: Path) -> None:
    """As .npz if the name ends so, else as word2vec text."""
    if path.suffix.lower() == ".npz":
        save_npz(path, model.graph.ids, model.vectors, digest=model.digest, params=model.params)
    else:
        save_word2vec(path, model.graph.ids, model.vectors)


def show(lines: "Mapping[str, Any] | list[Result]") -> None:
    """Names and values, one a line, on stdout; if a result goes there, on stderr, or nowhere with ``--quiet``."""
    if not isinstance(lines, Mapping):
        lines = {r.name: f"{r.value:.4f}" if isinstance(r.value, float) else f"{r.value} {r.unit}" for r in lines}
    width = max(map(len, lines))
    tell([f"{name:{width}}  {value}".rstrip() for name, value in lines.items()])


def tell(lines: Sequence[str]) -> None:
    """Lines on stdout; if a result goes there, on stderr, or nowhere with ``--quiet``."""
    meta = click.get_current_context().meta
    taken = meta.get(_TAKEN, False)
    if taken and meta.get(_QUIET, False):
        return
    for line in lines:
        click.echo(printable(line), err=taken)


def write(path: Path | None, results: list[Result], **details: Any) -> None:
    """The report, if one was asked for."""
    if path is not None:
        write_report(path, results, **details)
