"""What the device does, as a picture: README and report begin with it."""

import math

from .drawing import Box, arrow, drawing, label
from .markup import Html, tag

__all__ = ["overview"]


def overview() -> Html:
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
