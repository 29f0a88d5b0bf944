"""The manual as it is given to MkDocs, without building it."""

import json
import re
from pathlib import Path

import pytest
from skipwalk.sw.cli import COMMANDS
from skipwalk.sw.lab.manual import API, stage

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    return stage(tmp_path_factory.mktemp("manual") / "m")


def test_every_page_is_there_and_every_link_leads_to_one(staged):
    docs = staged.parent / "docs"
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= {path.stem for path in docs.glob("*.md")}
    for page in docs.glob("*.md"):
        for to in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (docs / to).exists() or to == "LICENSE", f"{page.name}: {to}"


def test_navigation_names_every_page_once(staged):
    def files(entry):
        if isinstance(entry, str):
            return [entry]
        return [file for part in (entry.values() if isinstance(entry, dict) else entry) for file in files(part)]

    found = files(json.loads(staged.read_text())["nav"])
    docs = staged.parent / "docs"
    assert sorted(found) == sorted(str(path.relative_to(docs)) for path in docs.rglob("*.md"))
    assert found[0] == "index.md"


def test_every_command_tells_its_help(staged):
    text = (staged.parent / "docs" / "command.md").read_text()
    for name in COMMANDS:
        assert f"## skipwalk {name}\n" in text
    assert "### skipwalk lab" not in text.partition("## skipwalk lab\n")[0]
    assert "--walks-per-node" in text


def test_interfaces_are_modules(staged):
    for modules in API.values():
        for module in modules:
            place = ROOT / Path(*module.split(".")[1:])
            assert place.with_suffix(".py").exists(), module
