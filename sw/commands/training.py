"""``skipwalk train`` and ``skipwalk update``."""

import inspect
import logging
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ...hw.boards.table import BOARDS
from ..errors import InputError
from ..graph.readers import read_edges, read_graph
from ..oselm.estimator import Node2Vec
from ..oselm.parameters import MOST_PER_END
from ..oselm.training import Interrupted
from ..results.files import exclusive, same_file, save_or_rescue
from ..results.report import Result
from .common import FILE, check_outputs, options, parameter_errors, quieten, save_vectors, show, write
from .types import at_baud

__all__ = ["estimator_options", "train", "update"]

log = logging.getLogger(__name__)

#: Parameters of the estimator that are options under the same name, their types and help.
PARAMETERS: dict[str, tuple[Any, str]] = {
    "preset": (str, "The core; `skipwalk info` lists them."),
    "dim": (int, "Length of a vector.  [default: the preset's]"),
    "nodes": (int, "Rows of the core, spare ones included.  [default: as the graph needs; a board's own]"),
    "schedule": (click.Choice(["streaming", "sequential"]), "[default: the preset's]"),
    "mu_shift": (int, "Input weights are 2^-MU_SHIFT times the vectors.  [default: the preset's]"),
    "walk_length": (int, "Nodes in a walk."),
    "walks_per_node": (int, "Walks from each node."),
    "p": (float, "Return parameter of the walks."),
    "q": (float, "In-out parameter of the walks."),
    "update_p": (float, "Return parameter of the walks around a change."),
    "update_q": (float, "In-out parameter of the walks around a change.  [default: Q]"),
    "window": (int, "Nodes in a window, the centre included."),
    "negatives": (int, "Negative samples."),
    "negative_mode": (click.Choice(["shared", "per_positive"]), "For a whole context, or for each positive."),
    "negatives_from": (
        click.Choice(["graph", "pool", "visits"]),
        "From the graph; the same through a pool of nodes; or visits^0.75 of all walks.  [default: graph; pool where "
        "rows are in memory outside]",
    ),
    "pool_slots": (int, "Nodes in the pool; a power of two."),
    "pool_replaced": (int, "How many of them a walk replaces; a power of two."),
    "inflation": (float, "Covariance inflation a context; 0 is OS-ELM as published."),
    "p0": (float, "P starts as P0 times the identity; without P, what stands for it."),
    "init_scale": (float, "Vectors start within this range."),
    "walks_in_flight": (int, "Walks whose contexts take turns."),
    "block_walks": (int, "Walks between two barriers."),
    "random_state": (int, "Equal seeds give equal bits."),
}


def _flag(name: str) -> str:
    return "--seed" if name == "random_state" else "--" + name.replace("_", "-")


def estimator_options(command: Callable) -> Callable:
    """A decorator that adds an option for each of :data:`PARAMETERS`."""
    defaults = inspect.signature(Node2Vec).parameters
    for name, (kind, text) in reversed(PARAMETERS.items()):
        value = defaults[name].default
        command = click.option(_flag(name), name, type=kind, default=value, show_default=value is not None, help=text)(
            command
        )
    return command


@click.command()
@click.argument("graph", type=FILE, required=False)
@options("output", "vectors", "backend", "json", "quiet", "checkpoint", "checkpoint_every")
@click.option("--resume", type=FILE, help="Finish the model saved there, with its own parameters.")
@click.option("--board", type=click.Choice(list(BOARDS)), help="The core is that of this board, not a preset.")
@estimator_options
@click.pass_context
def train(
    ctx: click.Context,
    graph: Path | None,
    output: Path,
    vectors: Path | None,
    backend: str,
    report: Path | None,
    quiet: bool,
    checkpoint: Path | None,
    checkpoint_every: int,
    resume: Path | None,
    board: str | None,
    **parameters: Any,
) -> None:
    """Learn vectors for the nodes of GRAPH: an edge list, .csv, .tsv, .graphml, .gml or .npz, gzip or not."""
    quieten(quiet)
    check_outputs(output, vectors, report, inputs=[graph])
    check_outputs(checkpoint, vectors, report, inputs=[graph])
    check_outputs(vectors, report, inputs=[resume])
    if resume is None and graph is None:
        raise click.UsageError("name a graph file, or a model to --resume")
    if board is not None:
        if resume is not None:
            raise click.UsageError("a run is resumed on the core it was begun with; leave --board out")
        if ctx.get_parameter_source("preset") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--board and --preset both name a core")
        parameters["preset"] = BOARDS[board].core
        backend = at_baud(backend, BOARDS[board].baud)
    network = None if graph is None else read_graph(graph)
    if network is not None:
        log.info("%s", network)
    with parameter_errors():
        if resume is None:
            estimator = Node2Vec(**parameters, backend=backend, verbose=not quiet)
            run = _Run(estimator, lambda **keep: estimator.fit(network, **keep))
        else:
            estimator = Node2Vec.load(resume, backend=backend, verbose=not quiet)
            _check_same(ctx, estimator.model_.params, resume)
            if network is not None and not estimator.model_.live.same_as(network):
                raise InputError("holds another graph; leave the graph out, or train anew", path=resume)
            run = _Run(estimator, estimator.resume)
        run(output, checkpoint, checkpoint_every)
    run.finish(output, vectors, report)


@click.command()
@click.argument("model", type=FILE)
@click.argument("edges", type=FILE, required=False)
@options("output", "vectors", "backend", "json", "quiet", "checkpoint", "checkpoint_every")
@click.option(
    "--walks-per-end",
    type=click.IntRange(1, MOST_PER_END),
    default=5,
    show_default=True,
    help="Walks from each new end.",
)
@click.option("--refresh", type=click.IntRange(1), help="In place of EDGES: so many walks from each node of the graph.")
@click.pass_context
def update(
    ctx: click.Context,
    model: Path,
    edges: Path | None,
    output: Path,
    vectors: Path | None,
    backend: str,
    report: Path | None,
    quiet: bool,
    checkpoint: Path | None,
    checkpoint_every: int,
    walks_per_end: int,
    refresh: int | None,
) -> None:
    """Add the edges and nodes of the file EDGES to a saved MODEL, and learn from walks around them.

    Or learn from walks over its whole graph, with --refresh: after many removals, say.
    """
    quieten(quiet)
    if (edges is None) == (refresh is None):
        raise click.UsageError("name a file of edges, or give --refresh: one of them, the other in a second run")
    check_outputs(output, vectors, report, inputs=[edges])
    check_outputs(checkpoint, vectors, report, inputs=[edges])
    check_outputs(vectors, report, inputs=[model])
    # Who updates a model in place must not do so beside another process that does.
    if same_file(model, output):
        ctx.with_resource(exclusive(model))
    estimator = Node2Vec.load(model, backend=backend, verbose=not quiet)
    work = _work(estimator, edges, walks_per_end, refresh)
    before = estimator.model_.live
    edges_before, nodes_before = before.n_edges, before.n_nodes
    with parameter_errors():
        run = _Run(estimator, work)
        run(output, checkpoint, checkpoint_every)
    after = estimator.model_.live
    if edges:
        log.info("%d new edges, %d new nodes", after.n_edges - edges_before, after.n_nodes - nodes_before)
    run.finish(output, vectors, report)


def _work(estimator: Node2Vec, edges: Path | None, per_end: int, refresh: int | None) -> Callable[..., Any]:
    """What an update does."""
    if edges is None:
        assert refresh is not None
        return partial(estimator.refresh, refresh)
    pairs, weights = read_edges(edges, estimator.graph_)
    return partial(estimator.partial_fit, pairs.tolist(), weights, walks_per_end=per_end)


class _Run:
    """One run of an estimator, with its share of the counters."""

    def __init__(self, estimator: Node2Vec, work: Callable[..., Any]):
        self._estimator, self._work = estimator, work
        model = estimator.model_ if estimator.__sklearn_is_fitted__() else None
        self._counters = {} if model is None else dict(model.counters)
        self._walks = 0 if model is None else model.walks

    def __call__(self, output: Path, checkpoint: Path | None, checkpoint_every: int) -> None:
        estimator = self._estimator
        try:
            self._work(checkpoint=checkpoint, checkpoint_every=checkpoint_every)
            estimator.close()
        except Interrupted as stop:
            advice = "nothing was saved; see --checkpoint" if stop.kept else "the checkpoint could not be written"
            if checkpoint is not None and stop.kept:
                advice = (
                    f"go on with: {shlex.join(['skipwalk', 'train', '--resume', str(checkpoint), '-o', str(output)])}"
                )
            raise KeyboardInterrupt(f"{stop}; {advice}") from None

    def finish(self, output: Path, vectors: Path | None, report: Path | None) -> None:
        """Save what was learned, and say what it took."""
        estimator = self._estimator
        model = estimator.model_
        counts = {name: value - self._counters.get(name, 0) for name, value in model.counters.items()}
        walks = model.walks - self._walks
        saturations = sum(value for name, value in counts.items() if name.startswith("sat_"))
        results = [
            Result("nodes", model.live.n_nodes, ""),
            Result("edges", model.live.n_edges, ""),
            Result("walks", walks, ""),
            Result("contexts", counts.get("contexts", 0), ""),
            Result("samples", counts.get("samples", 0), ""),
            Result("saturations", saturations, "", "lower"),
            Result("seconds", estimator.seconds_, "s", "lower"),
        ]
        if walks:
            results.append(Result("walks_per_second", walks / estimator.seconds_, "1/s", "higher"))
        # Behind a line the core also waits for it, and its cycles would be those of the line.
        if counts.get("cycles") and walks and not estimator.backend.startswith("serial:"):
            results.append(Result("cycles_per_context", counts["cycles"] / counts["contexts"], "cycles", "lower"))
            results.append(Result("cycles_per_walk", counts["cycles"] / walks, "cycles", "lower"))
        save_or_rescue(estimator.save, output)
        if vectors is not None:
            save_vectors(model, vectors)
        write(report, results, seed=model.params["random_state"], digest=model.digest, params=model.params)
        show(results)
        show({"digest": model.digest})


def _check_same(ctx: click.Context, saved: dict[str, Any], resume: Path) -> None:
    """A run goes on as it began, or its result would depend on when it was interrupted."""
    for name in PARAMETERS:
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and ctx.params[name] != saved.get(name):
            raise click.UsageError(f"{resume} was begun with {_flag(name)} {saved.get(name)}, not {ctx.params[name]}")
