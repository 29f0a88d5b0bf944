"""The whole page."""

import logging
from collections.abc import Callable
from pathlib import Path

from .appendix import sources, unshown
from .cycles import cycles
from .design_space import design_space
from .hardware import hardware
from .headline import headline, tiles
from .learning import learning
from .lora import lora
from .markup import Html, note, section, tag
from .results import Results
from .user import pins

__all__ = ["SECTIONS", "render"]

log = logging.getLogger(__name__)

#: Anchors and names, as the list of contents has them.
SECTIONS = {
    "pins": "What it does",
    "headline": "Against the CPU",
    "cycles": "Cycles",
    "learning": "Learning",
    "lora": "Skip2-LoRA",
    "explore": "Design space",
    "hardware": "Hardware",
    "sources": "Sources",
    "appendix": "Appendix",
}


def _made(anchor: str, part: Callable[[Results], Html], results: Results) -> Html:
    """A section; a note in its place if a file is of a form that it does not know. The others stand all the same."""
    try:
        return part(results)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        log.warning("section %r could not be made: %r", SECTIONS[anchor], error)
        said = f"This section could not be made of the files: {type(error).__name__}: {error}"
        return section(anchor, SECTIONS[anchor], note(said))


def render(results: Results) -> str:
    """The page as text: all it needs is in it, and nothing of it runs."""
    lead = (
        "Learning on the device, in open gateware: node embeddings that keep learning while the graph grows, and "
        "fine-tuning beside a frozen network."
    )
    said = (
        *("Every figure on this page is read from a file below ", tag("code", "results/"), "; "),
        *(tag("a", "where each comes from", href="#sources"), "."),
    )
    parts = {
        "pins": pins,
        "headline": headline,
        "cycles": cycles,
        "learning": learning,
        "lora": lora,
        "explore": design_space,
        "hardware": hardware,
        "sources": sources,
        # Last: by then the others have shown what they show.
        "appendix": unshown,
    }
    main = [tiles(results), *(_made(anchor, part, results) for anchor, part in parts.items())]
    body = [
        tag("header", tag("h1", "skipwalk"), tag("p", lead, class_="lead"), main[0], tag("p", *said)),
        tag("nav", *(tag("a", name, href=f"#{anchor}") for anchor, name in SECTIONS.items()), aria_label="Contents"),
        tag("main", *main[1:]),
    ]
    style = Html("".join(Path(__file__).with_name(f"{name}.css").read_text() for name in ("chart", "drawing", "style")))
    head = tag(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'),
        tag("title", "skipwalk: results"),
        tag("style", style),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *body), lang='en')}\n"
