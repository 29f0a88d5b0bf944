"""The manual as a site: ``skipwalk lab manual build/manual``.

All pages of docs/ and the README, the help of every command, and the interfaces from their docstrings, with search; by
MkDocs, Material for MkDocs and mkdocstrings. Nothing of it is asked of another server when it is read.
"""

import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import click

from ..errors import DeviceError, InputError

__all__ = ["API", "PAGES", "main", "stage"]

ROOT = Path(__file__).resolve().parents[2]
#: Names of the pages, in the order in which they are read; what is not here stands at the end.
PAGES = {
    "python": "From Python",
    "graphs": "Graphs and walks",
    "tutorial": "Tutorial",
    "lora": "Skip2-LoRA",
    "oselm": "The OS-ELM core",
    "boards": "Boards",
    "link": "The link",
    "simulate": "In a simulator",
    "axi": "In your own chip",
    "zynq": "On a Zynq",
    "litex": "In a LiteX SoC",
    "memory": "Memory outside the chip",
    "explore": "Which core?",
    "experiments": "Experiments",
    "bench": "Against the CPU",
    "report": "The report",
    "verification": "Verification",
    "map": "The map",
    "glossary": "Glossary",
}
#: Modules whose docstrings are shown.
API = {
    "Estimators": ("skipwalk.sw.oselm.estimator", "skipwalk.sw.lora.estimator", "skipwalk.sw.graph.graph"),
    "Drivers": ("skipwalk.sw.oselm.driver", "skipwalk.sw.lora.driver", "skipwalk.sw.unit.driver"),
    "Transports": ("skipwalk.sw.link.transport", "skipwalk.sw.link.link", "skipwalk.sw.link.pipe"),
    "Configurations": ("skipwalk.hw.oselm.config", "skipwalk.hw.lora.config"),
    "Words": ("skipwalk.hw.oselm.protocol", "skipwalk.hw.lora.protocol", "skipwalk.hw.link.protocol"),
    "Gateware": ("skipwalk.hw.oselm.core", "skipwalk.hw.lora.core", "skipwalk.hw.ports.axi"),
}


def stage(folder: Path) -> Path:
    """Put pages and configuration into ``folder``, which is emptied; returns the configuration's path."""
    if not (ROOT / "docs").is_dir():
        raise InputError("the manual is made of a checkout, and this is none", path=ROOT)
    shutil.rmtree(folder, ignore_errors=True)
    docs, source = folder / "docs", folder / "source" / "skipwalk"
    shutil.copytree(ROOT / "docs", docs)
    source.mkdir(parents=True)
    for tree in ("hw", "sim", "sw"):
        (source / tree).symlink_to(ROOT / tree)
    shutil.copy(ROOT / "sw" / "package" / "__init__.py", source)
    for page in docs.glob("*.md"):
        # Pages beside docs/ come to lie in it.
        text = (
            page.read_text()
            .replace("](../README.md", "](index.md")
            .replace("](../CONTRIBUTING.md", "](contributing.md")
        )
        page.write_text(text.replace("](../CHANGELOG.md", "](changes.md"))
    for name, target in (("README", "index"), ("CONTRIBUTING", "contributing"), ("CHANGELOG", "changes")):
        text = re.sub(r"\]\(docs/", "](", (ROOT / f"{name}.md").read_text())
        text = text.replace("](CONTRIBUTING.md", "](contributing.md").replace("](CHANGELOG.md", "](changes.md")
        (docs / f"{target}.md").write_text(text.replace("](README.md", "](index.md"))
    (docs / "command.md").write_text(_commands())
    (docs / "api").mkdir()
    for title, modules in API.items():
        blocks = "\n\n".join(f"::: {module}" for module in modules)
        (docs / "api" / f"{title.lower()}.md").write_text(f"# {title}\n\n{blocks}\n")
    known = {**PAGES, **{page.stem: page.stem for page in sorted(docs.glob("*.md")) if page.stem not in PAGES}}
    own = {"index", "command", "contributing", "changes"}
    nav: list[Any] = [{"skipwalk": "index.md"}]
    nav += [
        {title: f"{name}.md"} for name, title in known.items() if name not in own and (docs / f"{name}.md").exists()
    ]
    nav += [{"The command": "command.md"}, {"Interfaces": [{title: f"api/{title.lower()}.md"} for title in API]}]
    nav += [{"Contributing": "contributing.md"}, {"Changes": "changes.md"}]
    options = {
        "docstring_style": "numpy",
        "show_root_heading": True,
        "show_source": False,
        "members_order": "source",
        "filters": ["!^_"],
    }
    python = {"paths": [str(folder.resolve() / "source")], "options": options}
    config = {
        "site_name": "skipwalk",
        "docs_dir": "docs",
        "site_dir": "site",
        "use_directory_urls": False,
        "theme": {"name": "material", "font": False, "features": ["navigation.footer", "search.highlight"]},
        "plugins": ["search", {"mkdocstrings": {"handlers": {"python": python}}}],
        "markdown_extensions": ["tables", "fenced_code", "toc", "pymdownx.superfences"],
        "validation": {"links": {"anchors": "warn", "unrecognized_links": "warn"}},
        "nav": nav,
    }
    path = folder / "mkdocs.yml"
    path.write_text(json.dumps(config, indent=1) + "\n")  # which is YAML
    return path


def _commands() -> str:
    """The help of every command, those of ``lab`` as well."""
    from ..cli import main as program

    lines = ["# The command", ""]

    def tell(command: click.Command, names: list[str], level: int) -> None:
        context = click.Context(command, info_name=" ".join(names), max_content_width=100, terminal_width=100)
        lines.extend([f"{'#' * level} {' '.join(names)}", "", "```text", command.get_help(context), "```", ""])
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                if (inner := command.get_command(context, name)) is not None:
                    tell(inner, [*names, name], level + 1)

    tell(program, ["skipwalk"], 2)
    return "\n".join(lines)


@click.command("manual")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Build the manual in FOLDER/site: all pages, the help of all commands, the interfaces, search.

    Links that lead nowhere make it fail. FOLDER is emptied first.
    """
    try:
        from mkdocs.commands.build import build
        from mkdocs.config import load_config
        from mkdocs.exceptions import MkDocsException
    except ModuleNotFoundError as error:
        raise DeviceError(f'the manual needs {error.name}: pip install "skipwalk[manual]"') from None
    path = stage(folder)
    log, said = logging.getLogger("mkdocs"), logging.StreamHandler()
    said.setLevel(logging.WARNING)
    log.addHandler(said)
    try:
        build(load_config(str(path), strict=True))
    except MkDocsException as error:
        raise DeviceError(f"the manual cannot be built: {error}") from error
    finally:
        log.removeHandler(said)
    click.echo(folder / "site" / "index.html")
