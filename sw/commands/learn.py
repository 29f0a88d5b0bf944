"""``skipwalk learn``."""

import signal
import sys
from pathlib import Path

import click

from ..errors import InputError, printable
from ..oselm.estimator import Node2Vec
from ..oselm.live_learning import LiveLearning
from ..oselm.parameters import MOST_PER_END
from ..oselm.sources import Sources
from ..results.files import STANDARD, exclusive, same_file
from .common import FILE, check_outputs, options, quieten
from .types import Seconds

__all__ = ["learn"]


@click.command()
@click.argument("model", type=FILE)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--output", "-o", type=FILE, help="Where the model is saved.  [default: MODEL]")
@options("backend", "quiet")
@click.option("--follow", "-f", is_flag=True, help="Go on reading files as they grow, and FIFOs as they are reopened.")
@click.option(
    "--walks-per-end", type=click.IntRange(1, MOST_PER_END), default=5, show_default=True, help="Walks from each node."
)
@click.option("--save-every", type=Seconds(), default=60.0, show_default=True, help="Seconds.")
@click.option("--report-every", type=Seconds(), default=5.0, show_default=True, help="Seconds.")
@click.pass_context
def learn(
    ctx: click.Context,
    model: Path,
    sources: tuple[str, ...],
    output: Path | None,
    backend: str,
    quiet: bool,
    follow: bool,
    walks_per_end: int,
    save_every: float,
    report_every: float,
) -> None:
    """Go on learning a MODEL from changes as they come, and answer questions.

    Each SOURCE is a file or a FIFO; "-", or none, is standard input. A line is one of

    \b
        + u v [w]   add the edge u v, or give it the weight w
        - u v       remove the edge u v
        - u         remove the node u
        ? u         print the vector of u
        ~ u k       print the k nodes nearest to u, with their cosines

    Answers go to standard output, and begin with the question; what a terminal would obey is escaped in them. The model
    is saved every now and then, at the end, and on SIGINT and SIGTERM. A line that cannot be used is named on standard
    error, and changes nothing. After many removals, `skipwalk update MODEL --refresh N -o MODEL` brings quality back.
    """
    quieten(quiet)
    output = output or model
    names = sources or ("-",)
    check_outputs(output, inputs=[Path(name) for name in names])
    if [str(model), *names].count("-") > 1:
        raise InputError("standard input can be only one of the inputs; name a file for the others", path=STANDARD)
    # As for an update in place: who learns into a model must not do so beside another process that does.
    if same_file(model, output):
        ctx.with_resource(exclusive(model))
    estimator = Node2Vec.load(model, backend=backend)
    if not estimator.model_.run.finished:
        raise InputError("is in the middle of a run; finish it with skipwalk train --resume", path=model)

    def answer(line: str) -> None:
        click.echo(printable(line))
        sys.stdout.flush()

    live = LiveLearning(estimator, output, walks_per_end=walks_per_end, answer=answer)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, live.stop) for number in numbers]
    try:
        live.run(Sources(names, follow=follow), save_every=save_every, report_every=report_every)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        estimator.close()
