"""Drawings of boxes and arrows as SVG, and pictures that stand alone in a file, with the colours of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .markup import Html, tag

__all__ = ["Box", "arrow", "drawing", "label", "standalone"]

_LINE = 15


@dataclass(frozen=True)
class Box:
    """A rectangle with a title and lines below it; ``frame``: without a border, for others to lie upon."""

    x: float
    y: float
    width: float
    height: float
    title: str = ""
    lines: Sequence[str] = ()
    frame: bool = False

    @property
    def left(self) -> tuple[float, float]:
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.width, self.y + self.height / 2

    @property
    def top(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y

    @property
    def bottom(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height

    def svg(self) -> Html:
        rounded = tag(
            "rect", x=self.x, y=self.y, width=self.width, height=self.height, rx=6,
            class_="frame" if self.frame else "box",
        )  # fmt: skip
        middle = self.x + self.width / 2
        rows = [self.title] * bool(self.title) + list(self.lines)
        first = self.y + 18 if self.frame else self.y + self.height / 2 - (len(rows) - 1) * _LINE / 2 + 4
        texts = (
            label(middle, first + i * _LINE, row, class_="title" if i == 0 and self.title else "said", anchor="middle")
            for i, row in enumerate(rows)
        )
        return Html(rounded + "".join(texts))


def label(x: float, y: float, text: str, *, class_: str = "small", anchor: str | None = None) -> Html:
    return tag("text", text, x=f"{x:g}", y=f"{y:g}", class_=class_, text_anchor=anchor)


def arrow(*points: tuple[float, float], both: bool = False) -> Html:
    """Along the points, with a head at the last; ``both``: at the first, too. The last parts run straight."""
    line = tag("polyline", points=" ".join(f"{x:g},{y:g}" for x, y in points), class_="arrow")
    heads = [_head(points[-2], points[-1])] + ([_head(points[1], points[0])] if both else [])
    return Html(line + "".join(heads))


def _head(a: tuple[float, float], b: tuple[float, float]) -> Html:
    length = max(abs(b[0] - a[0]), abs(b[1] - a[1]), 1e-9)
    dx, dy = (b[0] - a[0]) / length * 7, (b[1] - a[1]) / length * 7
    back = b[0] - dx, b[1] - dy
    corners = [b, (back[0] - dy * 0.6, back[1] + dx * 0.6), (back[0] + dy * 0.6, back[1] - dx * 0.6)]
    return tag("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in corners), class_="head")


def drawing(title: str, description: str, width: int, height: int, *parts: Html) -> Html:
    """An SVG of that size. ``title`` and ``description`` are what a screen reader says."""
    return tag(
        "svg", tag("title", title), tag("desc", description), *parts,
        viewBox=f"0 0 {width} {height}", role="img", aria_label=f"{title}. {description}", class_="drawing",
    )  # fmt: skip


def standalone(picture: Html) -> str:
    """The picture as the text of a file: its style is in it, and follows who looks at it, light or dark."""
    chart, boxes = (Path(__file__).with_name(f"{name}.css").read_text() for name in ("chart", "drawing"))
    style = f"{chart}\n{boxes}"
    opened = picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    begin = opened.index(">") + 1
    return f"{opened[:begin]}{tag('style', Html(style))}{opened[begin:]}\n"
