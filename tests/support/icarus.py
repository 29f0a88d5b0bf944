"""Icarus Verilog, where it is installed; the environment variables IVERILOG and VVP name other programs."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["MISSING", "compile_quietly", "run"]


def _find(name: str) -> str | None:
    return shutil.which(os.environ.get(name.upper(), name))


#: Why a test cannot run, or None.
MISSING = None if _find("iverilog") and _find("vvp") else "needs Icarus Verilog: apt-get install iverilog"


def _quiet(command: list[str]) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    return done.stdout


def compile_quietly(target: Path, top: str, *sources: Path, defines: Mapping[str, str] = {}) -> None:
    """Compile as Verilog-2005 with all warnings on; fails if there is a single one."""
    options = [f"-D{name}={value}" for name, value in defines.items()]
    program = _find("iverilog") or "iverilog"
    command = [program, "-g2005", "-Wall", "-Wno-timescale", "-s", top, *options, "-o", str(target), *map(str, sources)]
    said = _quiet(command)
    assert said == "", said


def run(target: Path, *arguments: str) -> list[str]:
    """Run what :func:`compile_quietly` made; the lines it printed."""
    return _quiet([_find("vvp") or "vvp", "-n", str(target), *arguments]).splitlines()
