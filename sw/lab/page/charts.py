"""Curves, points and bars as SVG: small, with labels at the curves instead of legends, colours from the style sheet."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .markup import Html, tag

__all__ = ["Axis", "Curve", "Dot", "Tick", "chart", "scatter", "stack"]

WIDTH, HEIGHT = 360, 250
_TOP, _BOTTOM = 24, 38
#: Mean width of a character of the labels, and height of their lines.
_CHARACTER, _LINE = 6.7, 13


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}"


@dataclass(frozen=True)
class Axis:
    """What is along an axis, how its values are written, and its range where it does not follow from the values."""

    label: str
    text: Callable[[float], str] = _tick
    low: float | None = None
    high: float | None = None
    log: bool = False


@dataclass(frozen=True)
class Curve:
    """A line with its name at its end; ``spread`` is half the height of a band around it. ``tone`` is a colour 0-7."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    tone: int
    spread: Sequence[float] | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A point; ``title`` is what a pointer on it shows, ``label`` is written beside it."""

    x: float
    y: float
    tone: int
    title: str = ""
    label: str = ""
    hollow: bool = False
    size: float = 4


@dataclass
class Tick:
    """A value on an axis at its place in the picture."""

    value: float
    at: float = field(default=0.0)


def chart(
    title: str, curves: Sequence[Curve] = (), dots: Sequence[Dot] = (), *, x: Axis, y: Axis, description: str = ""
) -> Html:
    """Curves and points over two axes. ``title`` and ``description`` are what a screen reader says.

    Raises ValueError if there is nothing to draw.
    """
    xs = [v for c in curves for v in c.x] + [d.x for d in dots]
    ys = [v for c in curves for v in _band(c)] + [d.y for d in dots]
    if not xs:
        raise ValueError(f"{title}: nothing to draw")
    names = [c.name for c in curves]
    right = 8 + (max((len(part) for name in names for part in _wrapped(name)), default=0) * _CHARACTER + 6)
    to_y, y_ticks = _scale(ys, y, HEIGHT - _BOTTOM, _TOP, 5)
    left = 10 + max(len(y.text(tick.value)) for tick in y_ticks) * _CHARACTER
    to_x, x_ticks = _scale(xs, x, left, WIDTH - right, 4)
    parts = [_grid(x, y, x_ticks, y_ticks, left, WIDTH - right)]
    for curve in curves:
        if curve.spread is not None:
            upper, lower = (
                [
                    f"{to_x(a):.1f},{to_y(_within(b + side * s, y)):.1f}"
                    for a, b, s in zip(curve.x, curve.y, curve.spread, strict=True)
                ]
                for side in (1, -1)
            )
            parts.append(tag("polygon", points=" ".join(upper + lower[::-1]), class_=f"band f{curve.tone}"))
    for curve in curves:
        points = " ".join(f"{to_x(a):.1f},{to_y(b):.1f}" for a, b in zip(curve.x, curve.y, strict=True))
        line = f"line s{curve.tone}" + (" dashed" if curve.dashed else "")
        parts.append(tag("polyline", tag("title", curve.name), points=points, class_=line))
    for dot in dots:
        parts.append(_dot(dot, to_x(dot.x), to_y(dot.y), WIDTH - right))
    ends = [(to_y(c.y[-1]), c) for c in curves]
    for at, curve in _apart(ends):
        lines = _wrapped(curve.name)
        for i, part in enumerate(lines):
            place = at + 4 + (i - (len(lines) - 1) / 2) * _LINE
            parts.append(_text(part, WIDTH - right + 6, place, f"name t{curve.tone}"))
    return _svg(title, description or _said(curves, dots, x, y), parts)


def scatter(title: str, dots: Sequence[Dot], *, labels: Sequence[Dot] = (), description: str) -> Html:
    """Points without axes, equal scales, values 0 ... 1000; ``labels`` are written over them."""
    side = 330
    at = [(dot, 15 + dot.x / 1000 * (WIDTH - 30), 8 + (1000 - dot.y) / 1000 * (side - 16)) for dot in dots]
    parts = [_mark(dot, a, b) for dot, a, b in at]
    for label in labels:
        a, b = 15 + label.x / 1000 * (WIDTH - 30), 8 + (1000 - label.y) / 1000 * (side - 16)
        half = len(label.label) * _CHARACTER / 2
        a = min(max(a, half + 2), WIDTH - half - 2)
        parts.append(_text(label.label, a, b + 4, f"name halo t{label.tone}", anchor="middle"))
    return _svg(title, description, parts, height=side)


def stack(title: str, parts: Sequence[tuple[str, float, int]], *, description: str) -> Html:
    """Shares of a whole side by side: name, share 0 ... 1, tone. Names are written below, in order."""
    at, out, column = 0.0, [], 0
    for name, share, tone in parts:
        width = share * WIDTH
        out.append(
            tag(
                "rect", tag("title", f"{name} {share:.1%}"), x=f"{at:.2f}", y=4, width=f"{width:.2f}", height=26
            ).replace("<rect", f'<rect class="f{tone} solid"', 1)
        )
        at += width
    rows = 0
    for name, share, tone in parts:
        place = 50 + rows * 18
        out.append(tag("rect", x=column, y=place - 9, width=10, height=10, class_=f"f{tone} solid"))
        out.append(_text(f"{name} {share:.1%}", column + 16, place, "key"))
        rows += 1
    return _svg(title, description, [Html(part) for part in out], height=46 + rows * 18)


# ---- below
def _svg(title: str, description: str, parts: Sequence[Html], height: float = HEIGHT) -> Html:
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description),
        *parts,
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_label=f"{title}. {description}",
        class_="chart",
    )


def _text(content: str, x: float, y: float, class_: str, anchor: str | None = None) -> Html:
    return tag("text", content, x=f"{x:.1f}", y=f"{y:.1f}", class_=class_, text_anchor=anchor)


def _within(value: float, axis: Axis) -> float:
    """The value, or the end of the axis that it lies beyond."""
    value = value if axis.low is None else max(value, axis.low)
    return value if axis.high is None else min(value, axis.high)


def _band(curve: Curve) -> list[float]:
    if curve.spread is None:
        return list(curve.y)
    return [v for y, s in zip(curve.y, curve.spread, strict=True) for v in (y - s, y + s)]


def _scale(
    values: Sequence[float], axis: Axis, begin: float, end: float, wanted: int
) -> tuple[Callable[[float], float], list[Tick]]:
    """From values to places, and round values to label."""
    low = min(values) if axis.low is None else axis.low
    high = max(values) if axis.high is None else axis.high
    if high <= low:
        low, high = low - (abs(low) or 1) * 0.5, high + (abs(high) or 1) * 0.5
    if axis.log:
        a, b = math.log10(low), math.log10(high)
        margin = 0.06 * (b - a)
        a, b = a - margin, b + margin

        def place(value: float) -> float:
            return begin + (math.log10(value) - a) / (b - a) * (end - begin)

        steps = [m * 10.0**e for e in range(math.floor(a), math.ceil(b) + 1) for m in (1, 2, 5)]
        steps = [s for s in steps if a <= math.log10(s) <= b]
        while len(steps) > wanted + 1:
            steps = steps[::2]
        return place, [Tick(s, place(s)) for s in steps]
    if axis.low is None:
        low -= 0.05 * (high - low)
    if axis.high is None:
        high += 0.05 * (high - low)

    def linear(value: float) -> float:
        return begin + (value - low) / (high - low) * (end - begin)

    rough = (high - low) / wanted
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= rough)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return linear, [Tick((first + i) * step, linear((first + i) * step)) for i in range(count)]


def _grid(x: Axis, y: Axis, x_ticks: Sequence[Tick], y_ticks: Sequence[Tick], left: float, right: float) -> Html:
    bottom = HEIGHT - _BOTTOM
    parts = []
    for tick in y_ticks:
        at = f"{tick.at:.1f}"
        parts.append(tag("line", x1=f"{left:.1f}", x2=f"{right:.1f}", y1=at, y2=at, class_="grid"))
        parts.append(_text(y.text(tick.value), left - 5, tick.at + 4, "tick", anchor="end"))
    for tick in x_ticks:
        at = f"{tick.at:.1f}"
        parts.append(tag("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="axis"))
        parts.append(_text(x.text(tick.value), tick.at, bottom + 16, "tick", anchor="middle"))
    parts.append(tag("line", x1=f"{left:.1f}", x2=f"{right:.1f}", y1=bottom, y2=bottom, class_="axis"))
    parts.append(_text(x.label, (left + right) / 2, HEIGHT - 6, "label", anchor="middle"))
    parts.append(_text(y.label, 2, 12, "label"))
    return Html("".join(parts))


def _dot(dot: Dot, x: float, y: float, right: float) -> Html:
    mark = _mark(dot, x, y)
    if not dot.label:
        return mark
    left = x + len(dot.label) * _CHARACTER > right + 4
    where = (x - 7, "end") if left else (x + 7, None)
    return Html(mark + _text(dot.label, where[0], y + 4, f"name t{dot.tone}", anchor=where[1]))


#: One shape for each tone, so that colour is not all that tells them apart.
_SHAPES = ("circle", "square", "diamond", "up", "down", "plus", "bar", "cross")


def _mark(dot: Dot, x: float, y: float) -> Html:
    r, shape = dot.size, _SHAPES[dot.tone % len(_SHAPES)]
    inside = (tag("title", dot.title),) if dot.title else ()
    tone = f"h s{dot.tone}" if dot.hollow else f"f{dot.tone} solid"
    if shape == "circle":
        return tag("circle", *inside, cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{r:g}", class_=tone)
    outlines: dict[str, list[tuple[float, float]]] = {
        "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
        "up": [(0, -1.2), (1.2, 1), (-1.2, 1)],
        "down": [(0, 1.2), (1.2, -1), (-1.2, -1)],
        "plus": [(-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4), (0.4, 1.2), (-0.4, 1.2),
                 (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4)],
        "bar": [(-1.4, -0.6), (1.4, -0.6), (1.4, 0.6), (-1.4, 0.6)],
        "cross": [(-0.6, -1.4), (0.6, -1.4), (0.6, 1.4), (-0.6, 1.4)],
    }  # fmt: skip
    points = " ".join(f"{x + a * r:.1f},{y + b * r:.1f}" for a, b in outlines[shape])
    return tag("polygon", *inside, points=points, class_=tone)


def _wrapped(name: str, most: int = 17) -> list[str]:
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _apart(ends: Sequence[tuple[float, Curve]]) -> list[tuple[float, Curve]]:
    """Places of the names, moved so that none covers another and all are inside the picture."""
    ordered = sorted(ends, key=lambda end: end[0])
    heights = [len(_wrapped(curve.name)) * _LINE for _, curve in ordered]
    places = [at for at, _ in ordered]
    for _ in range(200):
        moved = False
        for i in range(len(places) - 1):
            gap = (heights[i] + heights[i + 1]) / 2 - (places[i + 1] - places[i])
            if gap > 0.01:
                places[i] -= gap / 2
                places[i + 1] += gap / 2
                moved = True
        for i, height in enumerate(heights):
            inside = min(max(places[i], height / 2), HEIGHT - 2 - height / 2)
            moved |= abs(inside - places[i]) > 0.01
            places[i] = inside
        if not moved:
            break
    return [(place, curve) for place, (_, curve) in zip(places, ordered, strict=True)]


def _said(curves: Sequence[Curve], dots: Sequence[Dot], x: Axis, y: Axis) -> str:
    """In words: where each curve begins and ends."""
    parts = [
        f"{c.name}: {y.text(c.y[0])} at {x.text(c.x[0])}, {y.text(c.y[-1])} at {x.text(c.x[-1])} {x.label}"
        for c in curves
    ]
    if dots and not curves:
        parts = [d.title or d.label for d in dots if d.title or d.label][:40]
    return f"{y.label or 'Values'} over {x.label}. " + "; ".join(parts) + "."
