"""The main job on real input: train a graph in the RTL and on the golden model, compare bits, quality and cycles."""

import logging
from pathlib import Path

import click
import numpy as np

from ...hw.boards.table import BOARDS, Board, board
from ...hw.oselm.config import PRESETS, CoreConfig
from ...sim.oselm.cycles import roofline_cycles
from ..graph.readers import read_graph, read_labels
from ..link.transport import open_transport
from ..oselm.estimator import Node2Vec
from ..oselm.evaluation import evaluate
from ..oselm.vectors import save_word2vec
from ..results.report import Result, write_report
from .baseline import float_embedding

__all__ = ["main"]

log = logging.getLogger(__name__)


@click.command("demo")
@click.argument("graph_file", metavar="GRAPH", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Class of each node, for F1."
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/demo"), show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--walks-per-node", type=click.IntRange(min=1), default=10, show_default=True)
@click.option(
    "--preset", "core", type=click.Choice(list(PRESETS)), default=Node2Vec().preset, show_default=True, help="The core."
)
@click.option("--board", "name", type=click.Choice(list(BOARDS)), help="Train on that board's simulation, too.")
def main(
    graph_file: Path, labels: Path | None, out: Path, seed: int, walks_per_node: int, core: str, name: str | None
) -> None:
    """Train GRAPH in the RTL simulation and on the golden model, with the same seed, and compare.

    With --board, all three have that board's core, and the third is the board itself: the netlist of its bitstream,
    driven by its pins, behind a pseudo-terminal that the driver opens as it opens a board.

    Leaves summary.json, the vectors in word2vec's text format and, with labels, a picture in the folder OUT.
    """
    row = board(name) if name else None
    results = run(graph_file, labels, out, seed, walks_per_node, row.core if row else core, row)
    width = max(len(result.name) for result in results)
    for result in results:
        value = f"{result.value:.4g}" if isinstance(result.value, float) else str(result.value)
        click.echo(f"{result.name:{width}}  {value:>10} {result.unit}")
    click.echo(f"written to {out}: " + ", ".join(sorted(p.name for p in out.iterdir() if p.suffix in _SHOWN)))


_SHOWN = {".json", ".txt", ".png"}


def run(
    graph_file: Path,
    labels: Path | None,
    out: Path,
    seed: int,
    walks_per_node: int,
    core: str | CoreConfig,
    row: Board | None = None,
) -> list[Result]:
    """What ``main`` does, without printing the table. Raises SkipwalkError for input that cannot be used."""
    out.mkdir(parents=True, exist_ok=True)
    graph = read_graph(graph_file)
    classes = read_labels(labels, graph) if labels is not None else {}
    log.info("%s: %d nodes, %d edges", graph_file, graph.n_nodes, graph.n_edges)

    golden = Node2Vec(random_state=seed, walks_per_node=walks_per_node, preset=core, verbose=True)
    samples = golden.core_config().max_samples
    golden.set_params(window=min(golden.window, samples // 2 + 1))
    golden.set_params(negatives=min(golden.negatives, samples - (golden.window - 1)))
    if row is None and graph.n_nodes > golden.core_config().nodes:
        golden.set_params(nodes=graph.n_nodes)
    rtl = Node2Vec(**golden.get_params()).set_params(backend="rtl")
    log.info("golden model: training")
    golden.fit(graph)
    log.info("RTL: compiling")
    open_transport("rtl", rtl.core_config()).close()
    log.info("RTL: training")
    rtl.fit(graph)
    results = _costs(rtl, golden)
    rtl.close()
    golden.close()
    if row is not None:
        from .demo_board import on_board

        results += on_board(row, golden, graph, seed)

    if classes:
        log.info("float formula and classifiers")
        rows = np.array([graph.index(node) for node in classes])
        names = [str(name) for name in classes.values()]
        results = _quality(rtl, float_embedding(golden), rows, names) + results
        _picture(rtl.embedding_[rows], names, out / "embedding.png", f"{graph_file.stem}, trained in the RTL")
    save_word2vec(out / "vectors.txt", rtl.ids_, rtl.embedding_)
    write_report(out / "summary.json", results, seed=seed, digest=rtl.digest_, graph=graph_file.name)
    return results


def _costs(rtl: Node2Vec, golden: Node2Vec) -> list[Result]:
    config, walks, counters, seconds = rtl.config_, rtl.model_.walks, rtl.counters_, rtl.seconds_
    contexts, cycles = counters["contexts"], counters["cycles"]
    samples = round(counters["samples"] / contexts)
    roofline = roofline_cycles(config, samples)
    saturations = sum(value for name, value in counters.items() if name.startswith("sat_"))
    return [
        Result("oselm.bits_equal", int(rtl.digest_ == golden.digest_), "bool", "higher"),
        Result("oselm.walks", walks, "walks"),
        Result("oselm.contexts", contexts, "contexts"),
        Result("oselm.cycles_per_walk", cycles / walks, "cycles", "lower"),
        Result("oselm.roofline_cycles_per_walk", roofline * contexts / walks, "cycles"),
        Result("oselm.cycles_per_context", cycles / contexts, "cycles", "lower"),
        Result("oselm.roofline_cycles_per_context", roofline, "cycles"),
        Result("oselm.saturations", saturations, "beats", "lower"),
        Result("rtl.walks_per_second", walks / seconds, "walks/s", "higher"),
        Result("rtl.cycles_per_second", cycles / seconds, "cycles/s", "higher"),
    ]


def _quality(rtl: Node2Vec, floating: np.ndarray, rows: np.ndarray, names: list[str]) -> list[Result]:
    fixed, exact = evaluate(rtl.embedding_[rows], names), evaluate(floating[rows], names)
    return [
        Result("oselm.f1_micro.rtl", float(fixed.micro.mean()), "F1", "higher"),
        Result("oselm.f1_micro.float", float(exact.micro.mean()), "F1", "higher"),
        Result("oselm.f1_micro.majority", float(fixed.majority_micro.mean()), "F1"),
        Result("oselm.f1_macro.rtl", float(fixed.macro.mean()), "F1", "higher"),
        Result("oselm.f1_macro.float", float(exact.macro.mean()), "F1", "higher"),
    ]


def _picture(vectors: np.ndarray, names: list[str], path: Path, title: str) -> None:
    """The vectors in two dimensions by t-SNE, coloured by class."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.manifold import TSNE

    log.info("picture")
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    perplexity = min(30.0, (len(unit) - 1) / 3)
    points = TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(unit)
    figure, axes = plt.subplots(figsize=(8, 7), layout="constrained")
    shades = plt.get_cmap("tab10" if len(set(names)) <= 10 else "tab20")
    for number, name in enumerate(sorted(set(names))):
        mine = np.array([other == name for other in names])
        axes.scatter(
            *points[mine].T, s=6, color=shades(number % shades.N), label=f"{name} ({mine.sum()})", linewidths=0
        )
    axes.set(title=title, xticks=[], yticks=[])
    axes.legend(title="class (nodes)", markerscale=3, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
