"""The paths of four users, as their pages tell them: ``skipwalk lab users results/users.json``.

A page marks what belongs to a path by a comment ahead of a fenced block: ``<!-- run NAME -->``, commands of a shell,
one a line; ``<!-- run NAME: FILE -->``, a file that they need. All of a path goes, in its order, through one shell in
an empty folder, with the package installed from a wheel that was built for it.
"""

import contextlib
import itertools
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from ..errors import DeviceError, InputError
from ..results.report import Result, provenance, read_report, write_report

__all__ = ["PATHS", "Outcome", "Path_", "Step", "install", "main", "path_of", "run_path"]

ROOT = Path(__file__).resolve().parents[2]
#: Where the paths are told.
PATHS = {
    "simulator": "docs/simulate.md",
    "chip": "docs/axi.md",
    "board": "docs/boards.md",
    "report": "docs/report.md",
}
_BLOCK = re.compile(r"^<!-- run (\S+?)(?:: (\S+))? -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What a wheel is made of.
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "hw", "sim", "sw")
_MARK = "@@step"


@dataclass(frozen=True)
class Step:
    """A command, or a file of that name and text."""

    text: str
    file: str | None = None


Path_ = Sequence[Step]


@dataclass
class Outcome:
    """How a path went: its commands, seconds of each, the line that was printed last; ``failed`` is the command.

    ``cpu`` are the processor's seconds of what ended by itself: those of a machine that does other things, too.
    """

    commands: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    last: str = ""
    cpu: float = 0.0
    failed: str | None = None


def path_of(page: str, name: str) -> list[Step]:
    """The steps of a path in the text of a page. Raises InputError if there are none."""
    steps = []
    for found, file, text in _BLOCK.findall(page):
        if found == name and file:
            steps.append(Step(text, file))
        elif found == name:
            lines = (re.sub(r"\s+# .*", "", line).strip() for line in text.splitlines())
            steps += [Step(line) for line in lines if line and not line.startswith("#")]
    if not any(step.file is None for step in steps):
        raise InputError(f"the page has no commands below <!-- run {name} -->")
    return steps


def run_path(steps: Path_, folder: Path, environment: dict[str, str], timeout: float) -> Outcome:
    """Run the steps in ``folder``, in one shell, which ends with the first that fails; ``log`` keeps what they said."""
    outcome = Outcome()
    script = []
    for step in steps:
        if step.file is not None:
            (folder / step.file).write_text(step.text)
            continue
        end = "" if step.text.endswith("&") else " || exit"
        script += [f'echo "{_MARK} $EPOCHREALTIME"', step.text + end]
        outcome.commands.append(step.text)
    script.append(f'echo "{_MARK} $EPOCHREALTIME"')
    log, before = folder / "log", _cpu()
    with open(log, "w") as output:
        process = subprocess.Popen(
            ["bash", "-c", "\n".join(script)], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
        # What it left in the background as well.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    outcome.cpu = round(_cpu() - before, 1)
    lines = log.read_text(errors="replace").splitlines()
    times = [float(line.split()[1]) for line in lines if line.startswith(_MARK)]
    outcome.seconds = [round(after - before, 1) for before, after in itertools.pairwise(times)]
    said = [line.strip() for line in lines if line.strip() and not line.startswith(_MARK)]
    outcome.last = said[-1] if said else ""
    if len(times) <= len(outcome.commands):
        outcome.failed = outcome.commands[len(times) - 1]
    return outcome


def _cpu() -> float:
    """Of child processes, seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def install(folder: Path, *, root: Path = ROOT) -> dict[str, str]:
    """Build a wheel of the checkout, install it into a new environment in ``folder``, and return the variables with
    which programs find it. What the package needs is that of the running interpreter; nothing is fetched, but for
    setuptools where there is none that can build it. Raises DeviceError, with what pip said, if that fails."""
    source, dist, venv = folder / "source", folder / "dist", folder / "venv"
    source.mkdir()
    for name in _SOURCES:
        if not (root / name).exists():
            raise InputError("the package is built of a checkout, and this is none", path=root / name)
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, source / name)
    _quietly([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    python = venv / "bin" / "python"
    _quietly([sys.executable, "-m", "pip", "wheel", "--no-deps", *_build_here(), "-w", str(dist), str(source)])
    (wheel,) = dist.glob("*.whl")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-compile",
        "--no-index",
        str(wheel),
    ]
    _quietly(pip)
    site = next((venv / "lib").glob("python*/site-packages"))
    others = [entry for entry in sys.path if Path(entry).name == "site-packages"]
    (site / "others.pth").write_text("\n".join(others) + "\n")
    kept = ((name, value) for name, value in os.environ.items() if not name.startswith(("SKIPWALK", "PYTHON")))
    return dict(kept) | {
        # Last, programs of what the package needs, which pip put beside the running interpreter.
        "PATH": os.pathsep.join([str(venv / "bin"), os.environ["PATH"], str(Path(sys.executable).parent)]),
        "VIRTUAL_ENV": str(venv),
        "SKIPWALK_BUILD": str(folder / "build"),
        "PYTHONUNBUFFERED": "1",
    }


def _build_here() -> list[str]:
    """Whether setuptools is there, and recent enough for pyproject.toml."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return ["--no-build-isolation"] if int(version("setuptools").partition(".")[0]) >= 77 else []
    except PackageNotFoundError:
        return []


def _quietly(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeviceError(f"{' '.join(command[1:4])} failed: {(done.stderr or done.stdout).strip()[-400:]}")


class _Report:
    """The file of results: paths that are not done again keep what an earlier run left, under its commit."""

    def __init__(self, output: Path):
        self._output = output
        # Of the beginning: the file itself changes after each path.
        self._commit = provenance()["commit"]
        entries, origin = read_report(output)
        self._entries = {entry.name: entry for entry in entries}
        done = [name for name in PATHS if f"users.{name}.done" in self._entries]
        self._steps: dict[str, dict[str, float]] = dict(origin.get("steps", {}))
        self._of = {name: origin.get("kept", {}).get(name, origin.get("commit")) for name in done}

    def add(self, *results: Result) -> None:
        self._entries |= {result.name: result for result in results}

    def add_path(self, name: str, outcome: Outcome, last: str) -> None:
        """Write what came of a path: a long run that is stopped has left what it did."""
        self.add(
            Result(f"users.{name}.commands", len(outcome.commands), "", "lower"),
            Result(f"users.{name}.seconds", round(sum(outcome.seconds), 1), "s", "lower"),
            Result(f"users.{name}.cpu_seconds", outcome.cpu, "s", "lower"),
            Result(f"users.{name}.last", last, ""),
            Result(f"users.{name}.done", int(outcome.failed is None), "", "higher"),
        )
        self._steps[name] = dict(zip(outcome.commands, outcome.seconds, strict=False))
        self._of.pop(name, None)
        # In the order of the paths, whichever was done last.
        ordered = [
            entry
            for path in ("install", *PATHS)
            for name, entry in self._entries.items()
            if name.startswith(f"users.{path}.")
        ]
        steps = {path: self._steps[path] for path in PATHS if path in self._steps}
        write_report(self._output, ordered, commit=self._commit, pages=PATHS, steps=steps, kept=self._of)


@click.command("users")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(list(PATHS)), help="These paths; repeatable.")
@click.option("--timeout", type=click.FloatRange(1), default=1800, show_default=True, help="Seconds for one path.")
@click.pass_context
def main(ctx: click.Context, output: Path, only: Sequence[str], timeout: float) -> None:
    """Do what the pages say, command by command, from an installed wheel in an empty folder; write the seconds.

    Each path is in a page: simulator (docs/simulate.md), chip (docs/axi.md), board (docs/boards.md), report
    (docs/report.md). It needs all extras that they name. With --only, OUTPUT keeps what it has of the others. Exit code
    5 if a command fails.
    """
    names = [name for name in PATHS if not only or name in only]
    report, failed = _Report(output), False
    with tempfile.TemporaryDirectory(prefix="users-", ignore_cleanup_errors=True) as folder:
        begin = time.monotonic()
        environment = install(Path(folder))
        report.add(Result("users.install.seconds", round(time.monotonic() - begin, 1), "s", "lower"))
        for name in names:
            here = Path(folder, name)
            here.mkdir()
            click.echo(f"{name}: {PATHS[name]} ...", err=True)
            # Each starts from nothing, what the others have compiled included.
            own = environment | {"SKIPWALK_BUILD": str(here / ".build")}
            outcome = run_path(path_of((ROOT / PATHS[name]).read_text(), name), here, own, timeout)
            for command, seconds in zip(outcome.commands, outcome.seconds, strict=False):
                click.echo(f"{seconds:8.1f} s  {command}", err=True)
            click.echo(f"            {outcome.last}", err=True)
            if outcome.failed is not None:
                failed = True
                log = (here / "log").read_text(errors="replace").splitlines()[-20:]
                click.echo("\n".join([*log, f"{name} failed at: {outcome.failed}"]), err=True)
            report.add_path(name, outcome, outcome.last.replace(str(folder), ""))
    ctx.exit(5 if failed else 0)
