"""What pyproject.toml, the constraints, the Makefile and the pages say fits together."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINES = {*PROJECT["dependencies"], *(line for lines in PROJECT["optional-dependencies"].values() for line in lines)}
REQUIREMENTS = [Requirement(line) for line in sorted(LINES)]


def pinned(text: str) -> dict[str, Version]:
    lines = [line.split("==") for line in text.splitlines()]
    return {canonicalize_name(name): Version(version) for name, version in lines}


CONSTRAINTS = pinned((ROOT / "constraints.txt").read_text())


@pytest.mark.parametrize("requirement", [r for r in REQUIREMENTS if r.name != "skipwalk"], ids=str)
def test_every_requirement_has_one_version(requirement):
    name = canonicalize_name(requirement.name)
    if name not in CONSTRAINTS:
        assert str(requirement.specifier).startswith("=="), f"`make constraints` would pin {name}"
    else:
        assert CONSTRAINTS[name] in requirement.specifier


def test_constraints_hold_nothing_of_a_machine():
    text = (ROOT / "constraints.txt").read_text()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in text.splitlines())


def test_lowest_versions_are_those_of_the_project():
    done = subprocess.run([sys.executable, ROOT / ".ci/lowest"], capture_output=True, text=True, check=True)
    lowest = pinned(done.stdout)
    bounded = {canonicalize_name(r.name): r for r in REQUIREMENTS if str(r.specifier).startswith(">=")}
    assert lowest.keys() == bounded.keys()
    assert all(str(bounded[name].specifier) == f">={version}" for name, version in lowest.items())


def test_every_python_that_is_named_is_tested():
    named = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line}
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert named == set(re.findall(r'"(3\.\d+)"', workflow))
    assert min(named, key=Version) == PROJECT["requires-python"].removeprefix(">=")


def test_the_version_is_typed_once():
    files = [ROOT / "README.md", ROOT / "Makefile", *ROOT.glob("docs/*.md")]
    files += [path for tree in ("hw", "sim", "sw") for path in (ROOT / tree).rglob("*.py")]
    assert [path for path in files if re.search(rf"\b{re.escape(PROJECT['version'])}\b", path.read_text())] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(p.name for p in ROOT.glob("docs/*.md"))])
def test_links_and_files_of_the_pages_are_there(page):
    path = ROOT / page if (ROOT / page).exists() else ROOT / "docs" / page
    text = path.read_text()
    missing = [to for to in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if not (path.parent / to).exists()]
    missing += [
        name
        for name in re.findall(r"`((?:hw|sim|sw|tests|docs|results)/[\w./-]*)`", text)
        if name == name.lower() and not (ROOT / name).exists()
    ]
    assert missing == []


def test_pages_name_targets_that_make_has():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")):
        named = re.findall(r"(?:^    |`)make ([a-z][\w-]*)", path.read_text(), re.MULTILINE)
        assert set(named) <= targets, path.name


def anchors(path: Path) -> set[str]:
    """Of a page's headings, as GitHub and MkDocs make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.append(slug + (f"-{found.count(slug)}" if slug in found else ""))
    return set(found)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(p.name for p in ROOT.glob("docs/*.md"))])
def test_links_into_pages_lead_to_headings(page):
    path = ROOT / page if (ROOT / page).exists() else ROOT / "docs" / page
    links = re.findall(r"\]\(([^)#:]*\.md)?#([^)]*)\)", path.read_text())
    missing = [f"{to}#{anchor}" for to, anchor in links if anchor not in anchors(path.parent / to if to else path)]
    assert missing == []


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text()
    pages = [path.name for pattern in ("*.md", "*.ipynb") for path in ROOT.glob(f"docs/{pattern}")]
    assert [page for page in pages if f"docs/{page}" not in readme] == []
