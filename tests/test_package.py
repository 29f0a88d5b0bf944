"""The wheel holds every package of the tree."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_listed():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(["skipwalk", *init.parent.relative_to(ROOT).parts])
        for top in ("hw", "sw", "sim")
        for init in (ROOT / top).rglob("__init__.py")
    }
    assert listed == found
