"""Icarus Verilog, where it is installed; the environment variables IVERILOG and VVP name other programs."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["DIALECTS", "MISSING", "compile_quietly", "run"]

#: Versions of the language, as its option ``-g`` calls them. cocotb's runner takes 2012.
DIALECTS = ("2001", "2005", "2005-sv", "2009", "2012")


def _find(name: str) -> str | None:
    return shutil.which(os.environ.get(name.upper(), name))


#: Why a test cannot run, or None.
MISSING = None if _find("iverilog") and _find("vvp") else "needs Icarus Verilog: apt-get install iverilog"


def _quiet(command: list[str]) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    return done.stdout


def compile_quietly(
    target: Path, top: str, *sources: Path, defines: Mapping[str, str] = {}, dialect: str = "2005"
) -> None:
    """Compile in one of ``DIALECTS`` with all warnings on; fails if there is a single one."""
    options = [f"-D{name}={value}" for name, value in defines.items()]
    program = _find("iverilog") or "iverilog"
    options = [f"-g{dialect}", "-Wall", "-Wno-timescale", "-s", top, *options, "-o", str(target)]
    command = [program, *options, *map(str, sources)]
    said = _quiet(command)
    assert said == "", said


def run(target: Path, *arguments: str) -> list[str]:
    """Run what :func:`compile_quietly` made; the lines it printed."""
    return _quiet([_find("vvp") or "vvp", "-n", str(target), *arguments]).splitlines()
