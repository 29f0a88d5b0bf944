"""One idea has one folder name, nothing imports upwards, no folders go in circles, the wheel holds every package."""

import ast
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
TREES = ("hw", "sim", "sw")
#: Folders of hw that have a model.
MODELLED = ("arith", "link", "oselm", "oselm/front_end", "oselm/rows", "memory", "lora", "boards")


def sources():
    return [path.relative_to(ROOT) for tree in TREES for path in sorted((ROOT / tree).rglob("*.py"))]


def place(path: Path) -> Path:
    """The file or folder that a dotted name of the package stands in."""
    while not (ROOT / path).is_dir() and not (ROOT / path).with_suffix(".py").exists():
        path = path.parent
    return path if (ROOT / path).is_dir() else path.with_suffix(".py")


def imports(path: Path) -> set[Path]:
    """Files and folders of the package that a file imports from, within functions too."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                base = ["skipwalk", *path.parts[: len(path.parts) - node.level], *base]
            names = [[*base, alias.name] for alias in node.names]
        else:
            continue
        found.update(place(Path(*name[1:])) for name in names if name[0] == "skipwalk")
    return found


def folder(path: Path) -> str:
    """``hw/oselm``, also for what lies deeper: a front end is part of its core. Files beside folders stand alone."""
    return "/".join(path.parts[:2])


def test_nothing_imports_upwards():
    rank = {tree: number for number, tree in enumerate(TREES)}
    upwards = [
        f"{path} imports {to}" for path in sources() for to in imports(path) if rank[to.parts[0]] > rank[path.parts[0]]
    ]
    assert not upwards


def test_folders_do_not_import_in_circles():
    graph: dict[str, set[str]] = {}
    for path in sources():
        graph.setdefault(folder(path), set()).update(folder(to) for to in imports(path) if folder(to) != folder(path))
    assert len(list(TopologicalSorter(graph).static_order())) > 20


def test_every_idea_has_its_folder_in_every_tree():
    for name in MODELLED:
        for tree in ("hw", "sim", "tests"):
            assert (ROOT / tree / name / "__init__.py").exists(), f"{tree}/{name}"


def test_every_package_is_listed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in sources() if path.name == "__init__.py"}
    assert {"skipwalk.sw.package", *listed} - {"skipwalk"} == {".".join(["skipwalk", *f.parts]) for f in folders}
    assert all(path.parent in folders for path in sources())
