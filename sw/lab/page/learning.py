"""What is learned: the embedding before and after, F1 on Cora as it is and as it grows, word widths and schedules."""

import math

import numpy as np

from .charts import Axis, Curve, Dot, chart, scatter
from .markup import Html, figure, interval, join, note, section, table, tag
from .results import Entry, ResultFile, Results

__all__ = ["EMBEDDING_STAGES", "embedding_stage", "growing_curves", "learning"]

_SHORT = {
    "sgns": "gensim SGNS",
    "published": "OS-ELM as published",
    "oselm-no-inflation": "no inflation",
    "oselm": "with inflation, 18 bit",
    "sgns-onward": "SGNS, p = 4, q = 0.5",
    "oselm-onward": "18 bit, p = 4, q = 0.5",
    "oselm-onward-10": "18 bit, the same, 10 walks an end",
}

_GROWING = r"cora\.growing\.(.+)\.d(\d+)\.f1_micro"


def learning(results: Results) -> Html:
    return section(
        "learning",
        "What is learned",
        _embedding(results["embedding.json"]),
        _growing(results["experiments.json"]),
        _fixed_and_float(results),
        _points(results["experiments.json"], "cora.static", "Cora as it is", "f1_micro"),
        _points(results["experiments.json"], "widths", "Word widths, Cora", "f1_micro"),
        _points(results["experiments.json"], "schedules", "Schedules and walks in flight, Cora", "f1_micro"),
    )


#: Results of stages: the number of walks from each node.
EMBEDDING_STAGES = r"embedding\.walks_(\d+)\.points"


def embedding_stage(file: ResultFile, walks: str) -> tuple[str, Html]:
    """Caption and picture of the nodes after so many ``walks`` from each. Raises ValueError for a broken file."""
    classes = [int(word) for word in str(file.value("embedding.classes") or "").split()]
    names = str(file.value("embedding.class_names") or "").split(" | ")
    places = np.array([pair.split(",") for pair in str(file.value(f"embedding.walks_{walks}.points")).split()], float)
    if len(places) != len(classes) or not len(places):
        raise ValueError("embedding.json: points and classes do not match")
    score = file.number(f"embedding.walks_{walks}.f1_micro")
    stage = "before training" if walks == "0" else f"{walks} walk{'s'[: walks != '1']} from each node"
    called = [name if not name.isdigit() else f"class {name}" for name in names]
    dots = [
        Dot(x, y, c, title=called[c] if c < len(called) else str(c), size=3)
        for (x, y), c in zip(places, classes, strict=True)
    ]
    labels = []
    if walks != "0":
        mine = np.array(classes)
        for c, name in enumerate(called):
            x, y = np.median(places[mine == c], axis=0)
            labels.append(Dot(x, y, c, label=name.replace("_", " ")))
    caption = stage.capitalize() + ("" if score is None else f": F1 {score:.3f}")
    said = f"{len(dots)} nodes by t-SNE, coloured by {len(names)} classes; micro-F1 of all nodes {score}"
    return caption, scatter(f"Embedding {stage}", dots, labels=labels, description=said)


def _embedding(file: ResultFile) -> Html:
    if not file:
        return note(f"The embedding before and after: {file.problem}")
    try:
        pictures = [figure(*embedding_stage(file, match[1]), file) for match, _ in file.matching(EMBEDDING_STAGES)]
    except ValueError as error:
        return note(str(error))
    text = (
        "Each point is a node, its colour and shape the class, which training never sees. The layout is t-SNE, "
        "with the same settings each time."
    )
    return join([tag("h3", "Before and after"), tag("p", text), tag("div", *pictures, class_="grid")])


def growing_curves(file: ResultFile) -> dict[str, Html]:
    """F1 over edges inserted, a picture for each D of the results."""
    curves: dict[str, list[Curve]] = {}
    for match, entry in file.matching(_GROWING):
        if entry.x:
            mine = curves.setdefault(match[2], [])
            tone = list(_SHORT).index(match[1]) if match[1] in _SHORT else len(_SHORT) + len(mine)
            mine.append(Curve(_SHORT.get(match[1], match[1]), entry.x, entry.value, tone % 8, spread=entry.spread))
    x, y = Axis("edges inserted"), Axis("micro-F1", "{:.2f}".format)
    return {dim: chart(f"F1 over edges inserted, D = {dim}", mine, x=x, y=y) for dim, mine in curves.items()}


def _growing(file: ResultFile) -> Html:
    if not file:
        return note(f"F1 over the growing graph: {file.problem}")
    body = []
    labels = file.provenance.get("labels", {})
    for match, entry in file.matching(_GROWING):
        if not entry.x:
            continue
        point = f"cora.growing.{match[1]}.d{match[2]}"
        spread = entry.spread[-1] if entry.spread else None
        end = f"{entry.value[-1]:.3f}" + (f" ± {spread:.3f}" if spread is not None else "")
        body.append([str(labels.get(point, point)), f"{entry.value[0]:.3f}", end])
    pictures = [
        figure(f"F1 while the graph grows, D = {dim}", picture, file) for dim, picture in growing_curves(file).items()
    ]
    if not pictures:
        return note("experiments.json has no curves of Cora growing")
    head = ["", "forest alone", "all edges"]
    pictures.append(figure("First and last", table(head, body, caption="F1 before and after the insertions"), file))
    text = (
        "A spanning forest is learned first, then every other edge comes alone, with walks from both of its ends and "
        "nothing else. Bands are 95 % intervals of the mean."
    )
    return join([tag("h3", "A graph that grows"), tag("p", text), tag("div", *pictures, class_="grid")])


def _fixed_and_float(results: Results) -> Html:
    file = results["accuracy.json"]
    if not file:
        return note(f"Fixed point against float, seed by seed: {file.problem}")
    runs: dict[str, dict[int, float]] = {"fixed": {}, "float": {}}
    for match, entry in file.matching(r"accuracy\.f1_micro\.(fixed|float)\.seed(\d+)"):
        runs[match[1]][int(match[2])] = entry.value
    dots = [
        Dot(seed, value, tone, title=f"{what}, seed {seed}: {value:.4f}", hollow=what == "float", size=5)
        for tone, (what, mine) in enumerate(runs.items())
        for seed, value in mine.items()
    ]
    if not dots:
        return note("accuracy.json has no runs")
    last = max(runs["fixed"], default=0)
    means = {what: file.number(f"accuracy.f1_micro.{what}") for what in runs}
    curves = [
        Curve(f"{what} mean {mean:.3f}", [0, last], [mean, mean], tone, dashed=True)
        for tone, (what, mean) in enumerate(means.items())
        if mean is not None
    ]
    loss = file.number("accuracy.loss")
    caption = "Fixed point against float, the same contexts" + ("" if loss is None else f": {loss:+.4f} F1 lost")
    picture = chart(caption, curves, dots, x=Axis("seed"), y=Axis("micro-F1", "{:.3f}".format))
    return join([tag("h3", "Eighteen bits"), tag("div", figure(caption, picture, file), class_="grid")])


def _points(file: ResultFile, prefix: str, caption: str, measure: str) -> Html:
    """Bars with intervals for every point of an experiment."""
    if not file:
        return Html("")
    labels = file.provenance.get("labels", {})
    escaped = prefix.replace(".", r"\.")
    found: list[tuple[str, Entry]] = [
        (match[1], entry)
        for match, entry in file.matching(rf"({escaped}\..+)\.{measure}")
        if isinstance(entry.value, int | float)
    ]
    if not found:
        return note(f"{caption}: not in experiments.json; `make experiments` adds what is missing")
    halves = {point: file.number(f"{point}.{measure}.spread") for point, _ in found}
    low = min(entry.value - (halves[point] or 0) for point, entry in found)
    high = max(entry.value + (halves[point] or 0) for point, entry in found)
    low, high = math.floor(low * 20) / 20, max(math.ceil(high * 20) / 20, low + 0.05)
    lines = []
    for point, entry in found:
        file.entry(f"{point}.{measure}.runs")
        half = halves[point]
        said = f"{entry.value:.3f}" + ("" if half is None else f" \N{PLUS-MINUS SIGN} {half:.3f}")
        if clamped := file.number(f"{point}.saturations"):
            said += f", {clamped:,.0f} beats saturated"
        share = (entry.value - low) / (high - low)
        shown = interval(share, None if half is None else half / (high - low), said)
        lines.append(tag("li", tag("span", str(labels.get(point, point)), class_="what"), shown))
    told = f"micro-F1; the scale goes from {low:.2f} to {high:.2f}"
    return join([tag("h3", caption), figure(told, tag("ol", *lines, class_="bars"), file, class_="wide")])
