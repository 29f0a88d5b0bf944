"""``skipwalk evaluate-links``."""

from pathlib import Path
from typing import Any

import click

from ..estimators.conventions import as_seed
from ..graph.readers import read_graph
from ..oselm.estimator import Node2Vec
from ..oselm.link_prediction import NON_EDGES, hide_links, rank_by_graph, rank_by_vectors
from ..results.report import Result
from .common import FILE, check_outputs, options, parameter_errors, quieten, show, write
from .training import estimator_options

__all__ = ["evaluate_links"]


@click.command("evaluate-links")
@click.argument("graph", type=FILE)
@click.option(
    "--hidden", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.25, show_default=True,
    help="The share of edges that are hidden.",
)  # fmt: skip
@click.option(
    "--non-edges", type=click.Choice(NON_EDGES), default="matched", show_default=True,
    help="The ends of the hidden edges, joined otherwise; or pairs of any two nodes.",
)  # fmt: skip
@options("backend", "json", "quiet")
@estimator_options
def evaluate_links(
    graph: Path, hidden: float, non_edges: str, backend: str, report: Path | None, quiet: bool, **parameters: Any
) -> None:
    """How well vectors foretell edges of GRAPH that were hidden from them.

    Hides a share of the edges, none of a spanning forest; learns vectors from the rest; and ranks the hidden edges
    against as many pairs that are no edges: by logistic regression on the product of two vectors, element by element
    (hadamard), by their dot product and by their cosine. Adamic-Adar and preferential attachment rank without vectors.
    AUC and average precision are 0.5 for a guess. --seed chooses what is hidden, too.
    """
    quieten(quiet)
    check_outputs(report, inputs=[graph])
    network = read_graph(graph)
    with parameter_errors():
        seed = as_seed(parameters["random_state"])
        links = hide_links(network, share=hidden, non_edges=non_edges, seed=seed)
        estimator = Node2Vec(**parameters, backend=backend, verbose=not quiet).fit(links.kept)
    rankings = rank_by_vectors(estimator.embedding_, links) | rank_by_graph(links)
    results = [Result("hidden", len(links.hidden), "edges")]
    for name, ranking in rankings.items():
        for measure, value in ranking._asdict().items():
            results.append(Result(f"{name}.{measure}", value, "", "higher"))
    details = {"hidden": hidden, "non_edges": non_edges, "params": estimator.model_.params}
    write(report, results, seed=seed, digest=estimator.digest_, **details)
    estimator.close()
    show(results)
