"""The exported driver in C, compiled around a program of the tests, talking by pipes or over a serial line."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from skipwalk.sw.build.c_header import c_header, c_sources

__all__ = ["MISSING", "PROGRAMS", "STRICT", "compile_driver", "run_driver", "run_over_line"]

#: Why a test cannot run, or None.
MISSING = None if shutil.which("cc") else "needs a C compiler: apt-get install gcc"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1"]
PROGRAMS = Path(__file__).parents[1] / "clib"


def compile_driver(cfg, unit: str, folder: Path) -> Path:
    """What ``skipwalk export`` writes for ``cfg``, and ``tests/clib/<unit>.c``, as a program."""
    files = {**c_sources(cfg), "core.h": c_header(cfg, "core")}
    for name in (f"{unit}.c", "script.h"):
        files[name] = (PROGRAMS / name).read_text()
    for name, text in files.items():
        (folder / name).write_text(text)
    sources = [name for name in files if name.endswith(".c")]
    done = subprocess.run(["cc", *STRICT, "-o", "program", *sources], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "program"


def run_driver(program: Path, script: str, model, board=None) -> tuple[list[int], np.ndarray, str]:
    """Run it on ``model``, which has ``feed`` and ``drain``, or on ``board``, a Transport, which is asked for as many
    replies as the model has. Returns the numbers that it read, all words that it sent, and what it said to stderr."""
    commands, found, said = (program.with_name(name) for name in ("script", "found", "said"))
    commands.write_text(script)
    with open(said, "w") as errors:
        process = subprocess.Popen(
            [program, commands, found], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0
        )
    sent, rest = [np.empty(0, np.uint32)], b""
    assert process.stdin
    assert process.stdout
    with process:
        while data := os.read(process.stdout.fileno(), 1 << 16):
            data = rest + data
            whole = len(data) // 4 * 4
            words, rest = np.frombuffer(data[:whole], "<u4").astype(np.uint32), data[whole:]
            sent.append(words)
            model.feed(words)
            replies = model.drain()
            if board is not None:
                replies = board.exchange(words, len(replies))
            process.stdin.write(replies.astype("<u4").tobytes())
    return [int(line) for line in found.read_text().split()], np.concatenate(sent), said.read_text()


def run_over_line(program: Path, script: str, address: str, *, session: int = 1) -> tuple[list[int], str]:
    """Run it on whatever speaks the link at ``address``. Returns the numbers that it read, and what it said."""
    commands, found = program.with_name("script"), program.with_name("found")
    commands.write_text(script)
    done = subprocess.run(
        [program, commands, found, address, str(session)], capture_output=True, text=True, timeout=120, check=False
    )
    return [int(line) for line in found.read_text().split()], done.stderr
