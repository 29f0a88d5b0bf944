"""One program: every command is below ``skipwalk``, is imported when it is called, and is what ``make`` calls."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from skipwalk.sw.cli import COMMANDS, main
from skipwalk.sw.commands.lazy import Entry, LazyGroup
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.lab.cli import ENTRIES

from ..support.command import skipwalk

ROOT = Path(__file__).parents[2]
ALL = {**{(name,): entry for name, entry in COMMANDS.items()}, **{("lab", name): e for name, e in ENTRIES.items()}}
GROUP = LazyGroup("x", entries={"y": Entry("commands.nothing:y", "Not there.", "boards")})
HELP = """
import sys
from skipwalk.sw.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(sorted({"numpy", "numba", "sklearn", "amaranth", "networkx"} & sys.modules.keys()))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["lab", "--help"]])
def test_help_imports_nothing_that_takes_long(arguments):
    done = subprocess.run([sys.executable, "-c", HELP, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_imports_the_lab_only_if_it_is_asked_for():
    modules = [entry.place.partition(":")[0] for name, entry in COMMANDS.items() if name != "lab"]
    script = "import importlib, sys\nfor m in sys.argv[1:]: importlib.import_module('skipwalk.sw.' + m)\n"
    script += "print([m for m in sys.modules if m.startswith('skipwalk.sw.lab')])"
    done = subprocess.run([sys.executable, "-c", script, *modules], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_is_there_and_says_what_it_does(path):
    done = skipwalk(*path, "--help")
    if done.exit_code == 5:
        pytest.skip(done.stderr.strip())
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"Usage: skipwalk {' '.join(path)}")
    assert len(re.search(r"\n\n  (.*)", done.stdout)[1]) > 20
    assert 20 < len(ALL[path].help) <= 70


def test_make_calls_commands_that_are_there():
    called = re.findall(r"\$\(BIN\)/skipwalk (lab )?(\S+)", (ROOT / "Makefile").read_text())
    assert len(called) > 12
    assert {(*lab.split(), name) for lab, name in called} <= ALL.keys()


def test_there_is_no_other_program():
    forms = re.compile(r"__main__|argparse|python -m skipwalk")
    places = [ROOT / "Makefile", ROOT / "README.md", *ROOT.glob("docs/*.md")]
    places += [path for tree in ("hw", "sim", "sw") for path in (ROOT / tree).rglob("*.py")]
    assert [path for path in places if forms.search(path.read_text())] == []


def test_a_package_that_is_missing_is_named_with_what_installs_it(monkeypatch):
    def missing(*_):
        raise ModuleNotFoundError(name="amaranth.hdl")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(DeviceError, match=r'x y needs amaranth: pip install "skipwalk\[boards\]"'):
        GROUP.get_command(click.Context(GROUP, info_name="x"), "y")


def test_a_fault_of_this_package_is_no_missing_package():
    with pytest.raises(ModuleNotFoundError, match=r"skipwalk\.sw\.commands\.nothing"):
        GROUP.get_command(click.Context(GROUP), "y")
    assert GROUP.get_command(click.Context(GROUP), "z") is None


def test_unknown_commands_are_refused():
    assert isinstance(main, LazyGroup)
    for arguments in (["trian"], ["lab", "trian"]):
        done = skipwalk(*arguments)
        assert done.exit_code == 2
        assert "No such command 'trian'" in done.stderr
