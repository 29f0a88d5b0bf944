"""``skipwalk evaluate``, ``skipwalk info`` and ``skipwalk vectors``."""

import logging
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import click
import numpy as np

from ...hw.boards.table import BOARDS
from ..errors import InputError
from ..graph.graph import Graph
from ..graph.packed import reading
from ..graph.readers import read_labels
from ..oselm.evaluation import evaluate as score
from ..oselm.model import Model
from ..oselm.model_file import is_model
from ..oselm.vectors import load_npz, load_word2vec
from ..results.files import STANDARD
from ..results.report import Result
from ..units import UNITS
from .common import FILE, check_outputs, options, quieten, save_vectors, show, write
from .describe import describe_core, named, overview

__all__ = ["evaluate", "info", "vectors"]

log = logging.getLogger(__name__)


@click.command()
@click.argument("vectors", type=FILE)
@click.argument("labels", type=FILE)
@click.option("--repeats", type=click.IntRange(1), default=10, show_default=True, help="Random splits.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the splits.")
@click.option("--strict", is_flag=True, help="Refuse labels of nodes without a vector, rather than skip them.")
@options("json", "quiet")
def evaluate(
    vectors: Path, labels: Path, repeats: int, seed: int, strict: bool, report: Path | None, quiet: bool
) -> None:
    """F1 of one-vs-rest logistic regression, trained on 90 % of the LABELS and tested on 10 %.

    VECTORS is a model, or vectors in .npz or word2vec text; LABELS has lines `node class`, or is .csv or .tsv.
    """
    quieten(quiet)
    check_outputs(report, inputs=[vectors, labels])
    ids, matrix, details = _read_vectors(vectors)
    nodes = Graph.from_edges([], nodes=ids)
    if nodes.n_nodes < len(ids):
        raise InputError(f"{len(ids)} vectors of {nodes.n_nodes} different nodes; write the file again", path=vectors)
    classes = read_labels(labels, nodes, strict=strict)
    log.info("%d of %d nodes have labels", len(classes), len(ids))
    rows = [nodes.index(node) for node in classes]
    with reading(labels):
        scores = score(matrix[rows], list(classes.values()), repeats=repeats, seed=seed)
    results = [
        Result("f1_micro", float(scores.micro.mean()), "", "higher"),
        Result("f1_micro.deviation", float(scores.micro.std()), "", "lower"),
        Result("f1_macro", float(scores.macro.mean()), "", "higher"),
        Result("f1_macro.deviation", float(scores.macro.std()), "", "lower"),
        Result("f1_micro.majority", float(scores.majority_micro.mean()), ""),
        Result("f1_macro.majority", float(scores.majority_macro.mean()), ""),
    ]
    write(report, results, seed=seed, repeats=repeats, **details)
    show(results)


@click.command()
@click.argument("what", metavar="[MODEL|PRESET|BOARD]", required=False)
def info(what: str | None) -> None:
    """What a saved model, a preset or a board is, and what fits; without an argument, which of them there are."""
    if what is None:
        click.echo(overview())
    elif found := list(named(what)):
        for number, lines in enumerate(found):
            if number:
                click.echo()
            show(lines)
    elif Path(what) != STANDARD and not Path(what).exists():
        names = dict.fromkeys([*(name for unit in UNITS.values() for name in unit.presets), *BOARDS])
        raise InputError(f"{what}: no such file, and no preset or board ({', '.join(names)})")
    else:
        model = Model.load(what)
        show(_describe_model(model) | describe_core(model.config))


@click.command()
@click.argument("model", type=FILE)
@options("output")
def vectors(model: Path, output: Path) -> None:
    """Write the vectors of a MODEL: as .npz, or with any other ending as word2vec text."""
    check_outputs(output, inputs=[model])
    save_vectors(Model.load(model), output)


def _read_vectors(path: Path) -> tuple[list[Hashable], np.ndarray, dict[str, Any]]:
    if is_model(path):
        model = Model.load(path)
        return model.graph.ids.tolist(), model.vectors, {"digest": model.digest}
    if path.suffix.lower() == ".npz":
        ids, matrix, meta = load_npz(path)
        return ids, matrix, {"digest": meta.get("digest")}
    words, matrix = load_word2vec(path)
    return list(words), matrix, {}


def _describe_model(model: Model) -> dict[str, str]:
    run = model.run
    kind = f"update {run.number}" if run.number else "first training"
    state = "finished" if run.finished else f"{run.next} of {run.total} {run.unit}; go on with train --resume"
    return {
        "graph": f"{model.live.n_nodes} nodes, {model.live.n_edges} edges",
        "run": f"{kind}, {state}",
        "walks so far": str(model.walks),
        "digest": model.digest,
        "parameters": ", ".join(f"{name} {value}" for name, value in sorted(model.params.items())),
        "counters": ", ".join(f"{name} {value}" for name, value in model.counters.items() if value),
        **_memory(model.counters),
    }


def _memory(counters: dict[str, int]) -> dict[str, str]:
    """How well the slots did, of a core with rows outside that has a clock."""
    asked, fetched = (counters.get(f"rows_{name}", 0) for name in ("asked", "fetched"))
    if not asked:
        return {}
    waits = counters.get("wait_memory", 0) / max(counters.get("cycles", 0), 1)
    pages = counters.get("pages_opened", 0) / max(counters.get("walks", 0), 1)
    shown = f"{1 - fetched / asked:.1%} of the rows asked for had a slot, {waits:.1%} of the cycles waited for memory"
    return {"memory": f"{shown}, {pages:.1f} pages opened a walk" if pages else shown}
