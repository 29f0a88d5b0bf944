"""The pictures of README and docs/: drawn here, or out of the files of results/."""

import math
from collections.abc import Callable

from ..page.drawing import Box, arrow, drawing, label, standalone
from ..page.learning import embedding_stage, growing_curves
from ..page.markup import Html, tag
from ..page.results import Results

__all__ = ["PICTURES", "picture"]


def overview(_: Results) -> Html:
    """A graph that grows, the device that learns it, vectors that come out."""
    places = {"ada": (60, 60), "bob": (150, 40), "eve": (40, 140), "": (120, 120), " ": (185, 105), "  ": (100, 185)}
    edges = [("ada", "eve"), ("ada", ""), ("eve", ""), ("", " "), ("bob", " "), ("", "  "), ("eve", "  ")]
    lines = [_edge(places[a], places[b], "edge") for a, b in edges]
    new = _edge(places["ada"], places["bob"], "new")
    nodes = [tag("circle", cx=x, cy=y, r=8, class_="f0 solid") for x, y in places.values()]
    names = [
        label(x - 12, y - 13, name, class_="title", anchor="middle") for name, (x, y) in places.items() if name.strip()
    ]
    device = Box(290, 20, 262, 190, "on the device", frame=True)
    store = Box(305, 50, 105, 62, "graph", ["kept, changed,", "searched here"])
    walks = Box(433, 50, 105, 62, "walks", ["random, by", "number and seed"])
    learn = Box(305, 132, 105, 62, "OS-ELM", ["a context at a", "time, 18 bits"])
    rows = Box(433, 132, 105, 62, "rows", ["one a node,", "always current"])
    said = [
        label(250, 92, "+ ada bob", class_="title t1", anchor="middle"),
        label(250, 128, "an edge:", anchor="middle"),
        label(250, 142, "two words", anchor="middle"),
        label(580, 150, "? ada", class_="title", anchor="middle"),
    ]
    arrows = [
        arrow((212, 104), (287, 104)),
        arrow(store.right, walks.left),
        arrow(walks.bottom, (485.5, 122), (357.5, 122), learn.top),
        arrow(learn.right, rows.left, both=True),
        arrow((541, 163), (612, 163)),
    ]
    vector = [
        tag("rect", x=622, y=f"{60 + i * 14}", width=f"{22 + 60 * abs(math.sin(1 + 2.1 * i)):.0f}", height=9,
            class_=f"f{i % 2 * 2} solid")
        for i in range(10)
    ]  # fmt: skip
    parts = [
        *lines, new, *nodes, *names, device.svg(), *(b.svg() for b in (store, walks, learn, rows)), *arrows, *said,
        *vector, label(622, 218, "ada's vector"),
    ]  # fmt: skip
    text = "An edge goes to the device, which keeps the graph, walks over it, learns, and gives a vector when asked."
    return drawing("Edges in, vectors out", text, 720, 230, *map(Html, parts))


def _edge(a: tuple[float, float], b: tuple[float, float], class_: str) -> Html:
    return tag("line", x1=a[0], y1=a[1], x2=b[0], y2=b[1], class_=class_)


def core(_: Results) -> Html:
    """What is in the OS-ELM core, as its classes are called."""
    command = Box(30, 20, 150, 54, "CommandInterpreter", ["words in, words out"])
    store = Box(30, 120, 150, 54, "GraphStore", ["lists, kept sorted"])
    walkers = Box(215, 120, 120, 54, "Walkers", ["node2vec, p and q"])
    windows = Box(370, 120, 130, 54, "Windowing", ["contexts of walks"])
    negatives = Box(370, 20, 130, 54, "NegativeSampler", ["drawn by Threefry"])
    queue = Box(535, 120, 105, 54, "ContextQueue")
    sequencer = Box(675, 120, 110, 54, "Sequencer", ["hazards, credit"])
    samples = Box(535, 230, 250, 60, "SampleEngine", ["errors and rows: e = t - b h, b += e k"])
    sweep = Box(215, 230, 120, 60, "PSweep", ["u = P h, then", "P -= g u u'"])
    gain = Box(370, 230, 130, 60, "Gain", ["k = u / (1 + h'u)"])
    memory = Box(30, 230, 150, 60, "row store", ["block RAM,", "a row a node"])
    boxes = (command, store, walkers, windows, negatives, queue, sequencer, samples, sweep, gain, memory)
    arrows = [
        arrow(command.bottom, store.top, both=True),
        arrow(store.right, walkers.left, both=True),
        arrow(walkers.right, windows.left),
        arrow(negatives.bottom, windows.top, both=True),
        arrow(windows.right, queue.left),
        arrow(queue.right, sequencer.left),
        arrow(sequencer.bottom, (730, 230)),
        arrow(sweep.right, gain.left, both=True),
        arrow(gain.right, samples.left, both=True),
        arrow((660, 290), (660, 318), (105, 318), memory.bottom, both=True),
        arrow((2, 47), command.left, both=True),
    ]
    text = (
        "Commands change the graph store; walkers make walks over it, windowing makes contexts of them with negative "
        "samples, and the sequencer sends contexts through the sample engine, which shares h, k and rows with the "
        "sweep of P and the gain."
    )
    return drawing("The OS-ELM core", text, 800, 330, *(box.svg() for box in boxes), *arrows)


def embedding(results: Results) -> Html:
    return embedding_stage(results["embedding.json"], "10")[1]


def growing(results: Results) -> Html:
    return growing_curves(results["experiments.json"])["32"]


#: By the name of the file below docs/pictures.
PICTURES: dict[str, Callable[[Results], Html]] = {
    "overview": overview,
    "core": core,
    "embedding": embedding,
    "growing": growing,
}


def picture(name: str, results: Results) -> str:
    """Text of an SVG file."""
    return standalone(PICTURES[name](results))
