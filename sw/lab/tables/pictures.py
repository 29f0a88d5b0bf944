"""The pictures of README and docs/: drawn here, or out of the files of results/."""

from collections.abc import Callable

from ..page.drawing import Box, arrow, drawing, standalone
from ..page.learning import embedding_stage, growing_curves
from ..page.markup import Html
from ..page.overview import overview
from ..page.results import Results

__all__ = ["PICTURES", "picture"]


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
    "overview": lambda _: overview(),
    "core": core,
    "embedding": embedding,
    "growing": growing,
}


def picture(name: str, results: Results) -> str:
    """Text of an SVG file."""
    return standalone(PICTURES[name](results))
