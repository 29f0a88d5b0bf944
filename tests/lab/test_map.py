"""The map: every name in it is there, every component is in it, the page is fresh; so is the glossary."""

import ast
import re
from itertools import chain
from pathlib import Path

import pytest
from skipwalk.sw.lab.map import MAP, PAGE, ROOT, page, row_tests

ROWS = [row for rows in MAP.values() for row in rows]
#: Folders of hw whose components all have a place on the map.
MAPPED = ("arith", "boards", "fabric", "link", "lora", "oselm", "ports", "unit")


def definitions(file: Path) -> dict[str, ast.AST]:
    """Classes and functions of a file by name, methods as ``Class.method``."""
    found = {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}": part for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_every_place_is_there(row):
    for place in chain(row.gateware, row.golden, row.formula, row.cycles, row.tests):
        file, _, name = place.partition(":")
        assert (ROOT / file).is_file(), place
        assert not name or name in definitions(ROOT / file), place
    assert row.gateware
    assert all(place.startswith("hw/") for place in row.gateware)
    assert all(place.startswith("sim/") for place in chain(row.golden, row.formula, row.cycles))
    assert row_tests(row), f"no test of {row.what}"


def test_every_component_is_on_the_map():
    mapped = {place for row in ROWS for place in row.gateware}
    missing = []
    for file in chain.from_iterable(sorted((ROOT / "hw" / folder).rglob("*.py")) for folder in MAPPED):
        for name, node in definitions(file).items():
            if isinstance(node, ast.ClassDef) and any(ast.unparse(b).endswith("Component") for b in node.bases):
                missing += [f"{file.relative_to(ROOT)}:{name}"]
    assert sorted(set(missing) - mapped) == [], "rows of MAP in sw/lab/map.py are missing; then `make map`"


def test_the_page_is_fresh():
    assert PAGE.read_text() == page(), "`make map` writes it anew"


def test_words_of_the_glossary_are_used_and_explained_once():
    text = (ROOT / "docs/glossary.md").read_text()
    words = re.findall(r"^\*\*(.+?)\*\*", text, re.MULTILINE)
    assert words == sorted(words, key=str.lower)
    assert len(words) == len(set(words)) > 20
    source = "\n".join(p.read_text() for tree in ("hw", "sim", "sw", "docs") for p in (ROOT / tree).rglob("*.py"))
    source += "\n".join(p.read_text() for p in (ROOT / "docs").glob("*.md") if p.name != "glossary.md")
    assert [word for word in words if not re.search(rf"\b{re.escape(word)}", source, re.IGNORECASE)] == []
