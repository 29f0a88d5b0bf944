"""``skipwalk``, ``skipwalk.hw`` and ``skipwalk.sw``: what everybody imports, and no more than was asked for."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import skipwalk
import skipwalk.hw
import skipwalk.sw

HEAVY = """
import sys, skipwalk.hw, skipwalk.sw
def heavy():
    return sorted({"amaranth", "numba", "sklearn", "numpy"} & sys.modules.keys())
"""


def run(script: str) -> str:
    return subprocess.run([sys.executable, "-c", HEAVY + script], capture_output=True, text=True, check=True).stdout


def test_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert skipwalk.__version__ == project["version"]


def test_nothing_is_imported_before_it_is_asked_for():
    assert run("print(heavy(), dir(skipwalk.hw), dir(skipwalk.sw)); print(heavy())").splitlines()[-1] == "[]"


def test_configurations_need_no_amaranth():
    script = "from skipwalk.hw import CoreConfig, LoraConfig, preset; print(preset('tiny').dim, heavy())"
    assert run(script) == "8 []\n"


@pytest.mark.parametrize("door", [skipwalk.hw, skipwalk.sw])
def test_doors_open(door):
    if door is skipwalk.hw:
        pytest.importorskip("amaranth")
    for name in door.__all__:
        assert getattr(door, name).__name__ == name
    assert set(door.__all__) <= set(dir(door))
    with pytest.raises(AttributeError, match=f"'{door.__name__}' has no attribute 'Nothing'"):
        door.Nothing  # noqa: B018
