"""HTML out of text and numbers. What comes in is escaped; :class:`Html` is what has been."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

from .results import ResultFile

__all__ = [
    "DASH",
    "TIMES",
    "Html",
    "bar",
    "escape",
    "figure",
    "interval",
    "join",
    "lever",
    "note",
    "number",
    "percent",
    "section",
    "short_commit",
    "source",
    "table",
    "tag",
]


#: In the place of a value that is not there; between the factor and what it is a factor of.
DASH, TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(content: Any) -> Html:
    return content if isinstance(content, Html) else Html(html.escape(str(content)))


def join(parts: Iterable[Any]) -> Html:
    return Html("".join(escape(part) for part in parts))


def tag(name: str, *content: Any, **attributes: Any) -> Html:
    """``<name ...>content</name>``; ``class_`` is class, ``aria_label`` aria-label, None is left out."""
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            words.append(f'{key.rstrip("_").replace("_", "-")}="{html.escape(str(value), quote=True)}"')
    return Html(f"<{' '.join(words)}>{join(content)}</{name}>")


def number(value: float, digits: int = 3) -> str:
    """So many significant digits, thousands separated, no exponent."""
    if isinstance(value, bool) or value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    leading = 0
    while abs(value) * 10**leading < 10 ** (digits - 1) and leading < 9:
        leading += 1
    return f"{value:,.{leading}f}"


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def note(text: str) -> Html:
    """Something that is not there, and why; what is between backquotes is code."""
    parts = [tag("code", part) if i % 2 else part for i, part in enumerate(str(text).split("`"))]
    return tag("p", *parts, class_="note", role="note")


def short_commit(commit: str | None) -> str:
    """Ten digits, and the + of files that had been changed since; a dash if it is not known."""
    return commit[:10] + ("+" if commit.endswith("+") else "") if commit else DASH


def source(*files: ResultFile) -> Html:
    """Where figures come from: names of files, each a link to its row among the sources."""
    parts = []
    for file in files:
        if not file:
            continue
        commit, time = file.provenance.get("commit"), file.provenance.get("time")
        said = [file.name, *([short_commit(commit)] if commit else []), *([str(time)[:10]] if time else [])]
        parts.append(tag("a", " · ".join(said), href=f"#{file.anchor}"))
    return tag("span", *(part for pair in ((p, " ") for p in parts) for part in pair), class_="source")


def figure(caption: Any, content: Html, *files: ResultFile, class_: str | None = None) -> Html:
    """A picture or table with what it shows and where that comes from."""
    return tag("figure", tag("figcaption", tag("strong", caption)), content, source(*files), class_=class_)


def table(
    head: Sequence[Any], body: Iterable[Sequence[Any]], *, caption: str, lines: Sequence[str | None] | None = None
) -> Html:
    """A table that scrolls in its own box; columns of numbers are aligned to the right.

    Parameters
    ----------
    lines : sequence of str, optional
        A class for each row of ``body``.
    """
    texts = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in body]
    right = [j > 0 and _mostly_numbers([row[j] for row in texts]) for j in range(len(head))]
    rows = []
    for i, row in enumerate(texts):
        cells = [tag("td", cell, class_="n" if right[j] else None) for j, cell in enumerate(row) if j]
        rows.append(tag("tr", tag("th", row[0], scope="row"), *cells, class_=lines[i] if lines else None))
    top = tag("tr", *(tag("th", cell, scope="col", class_="n" if right[j] else None) for j, cell in enumerate(head)))
    inner = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *rows))
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _mostly_numbers(cells: Sequence[str]) -> bool:
    """Whether more than half of those that are not empty begin like a number."""
    told = [cell for cell in cells if cell and cell != DASH]
    return 2 * sum(cell.lstrip("+-\N{MINUS SIGN}")[:1].isdigit() for cell in told) > len(told)


def bar(share: float, text: str, *, tone: str = "good") -> Html:
    """A bar of 0 to 1 of its box with its value written beside it."""
    return _track(text, tag("span", class_=f"fill {tone}", style=f"width:{_place(share)}"))


def interval(share: float, half: float | None, text: str) -> Html:
    """A point at 0 to 1 of its box, the interval around it, and its value written beside it."""
    parts = [tag("span", class_="mark dot", style=f"left:{_place(share)}")]
    if half is not None:
        left, right = max(0.0, share - half), min(1.0, share + half)
        style = f"left:{_place(left)};width:{_place(right - left)}"
        parts.insert(0, tag("span", class_="fill range", style=style))
    return _track(text, *parts)


def lever(share: float, text: str, *, tone: str) -> Html:
    """A bar from the middle of its box: -1 reaches to its left end, 1 to its right one."""
    left = 0.5 + min(0.0, share) / 2
    fill = tag("span", class_=f"fill {tone}", style=f"left:{_place(left)};width:{_place(abs(share) / 2)}")
    return _track(text, fill, tag("span", class_="mark", style="left:50%"))


def _track(text: str, *parts: Html) -> Html:
    track = tag("span", *parts, class_="track", aria_hidden="true")
    return tag("span", track, tag("span", text, class_="amount"), class_="bar")


def _place(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def section(anchor: str, heading: str, *content: Any) -> Html:
    return tag("section", tag("h2", heading, id=anchor), *content, aria_labelledby=anchor)
