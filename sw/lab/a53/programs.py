"""Kernels as programs for a Cortex-A53: compiled by a cross compiler, run and traced by an emulator."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....sim.rtl.build import BuildError, MissingToolError

__all__ = ["TOOLS", "Misses", "Program", "Trace", "compiled", "missing", "parsed_listing", "parsed_log", "run_tool"]

HERE = Path(__file__).parent
BENCH = HERE.parent / "bench"
#: Programs that are needed, and the Debian package of each.
TOOLS = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "aarch64-linux-gnu-nm": "gcc-aarch64-linux-gnu",
    "qemu-aarch64": "qemu-user",
    "llvm-mca": "llvm",
    "llvm-objdump": "llvm",
}
COMPILER = "aarch64-linux-gnu-gcc"
#: As the bench compiles for its own machine.
FLAGS = ("-O3", "-mcpu=cortex-a53", "-std=gnu11", "-ffp-contract=fast")
#: The caches that are assumed: 32 kB in 4 ways, 512 kB in 16, lines of 64 bytes; 10 entries of translation.
CACHES = {"L1_SETS": 128, "L1_WAYS": 4, "L2_SETS": 512, "L2_WAYS": 16, "TLB_ENTRIES": 10}
#: Seconds for one run of a tool.
TIMEOUT = 900


def missing() -> str:
    """What is not installed, as one sentence with the remedy; empty if all is there."""
    absent = [name for name in TOOLS if shutil.which(name) is None]
    packages = dict.fromkeys(TOOLS[name] for name in absent)
    extra = ["libc6-dev-arm64-cross"] if COMPILER in absent else []
    if not absent:
        return ""
    return f"the estimate needs {', '.join(absent)}: apt-get install {' '.join([*packages, *extra])}"


def run_tool(*command: str | Path) -> str:
    """Standard output of a command. Raises MissingToolError without it, BuildError with its words if it fails."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT)
    except FileNotFoundError:
        raise MissingToolError(missing() or f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} took longer than {TIMEOUT} s") from None
    if done.returncode:
        raise BuildError(f"{command[0]} failed with {done.returncode}:\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


@dataclass(frozen=True)
class Trace:
    """Instructions in the order in which they were executed.

    Attributes
    ----------
    addresses : (n,) int64
    text : dict
        The instruction at an address, as LLVM writes it.
    """

    addresses: np.ndarray
    text: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.addresses)


@dataclass(frozen=True)
class Misses:
    """Accesses to memory by lines, and how many of them missed: L1, L2, first level of translation."""

    accesses: int
    l1: int
    l2: int
    tlb: int

    def __sub__(self, other: "Misses") -> "Misses":
        return Misses(*(mine - its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Program:
    """A compiled kernel: ``path`` of the program, ``counting`` of that with the model of the caches, ``function``."""

    path: Path
    counting: Path
    function: str

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The arrays after one call of the kernel. Raises BuildError if the program fails."""
        with _files(self.path.parent, arrays) as (given, made):
            run_tool("qemu-aarch64", self.path, given, made)
            content = made.read_bytes()
        out, at = [], 0
        for array in arrays:
            out.append(np.frombuffer(content, array.dtype, array.size, at).reshape(array.shape))
            at += array.nbytes
        return out

    def misses(self, arrays: Sequence[np.ndarray]) -> Misses:
        """What one call of the kernel misses, caches empty at the start."""
        with _files(self.path.parent, arrays) as (given, made):
            return Misses(*map(int, run_tool("qemu-aarch64", self.counting, given, made).split()))

    def trace(self, arrays: Sequence[np.ndarray]) -> Trace:
        """What one call of the kernel executes, functions that it calls included."""
        start, end = self._place()
        log = self.path.parent / "trace.log"
        with _files(self.path.parent, arrays) as (given, made):
            run_tool("qemu-aarch64", "-singlestep", "-d", "exec,nochain", "-D", log, self.path, given, made)
        with log.open() as lines:
            addresses = np.fromiter(parsed_log(lines), np.int64)
        log.unlink()
        inside = np.flatnonzero((addresses >= start) & (addresses < end))
        if not len(inside):
            raise BuildError(f"{self.function} was not executed")
        addresses = addresses[inside[0] : inside[-1] + 1]
        listing = parsed_listing(run_tool("llvm-objdump", "-d", "--no-show-raw-insn", self.path))
        return Trace(addresses, {int(at): listing[int(at)] for at in np.unique(addresses)})

    def _place(self) -> tuple[int, int]:
        for line in run_tool("aarch64-linux-gnu-nm", "-S", self.path).splitlines():
            fields = line.split()
            if fields[-1] == self.function and len(fields) == 4:
                start = int(fields[0], 16)
                return start, start + int(fields[1], 16)
        raise BuildError(f"{self.path.name} has no function {self.function}")


def compiled(
    folder: Path, source: Path, functions: Mapping[str, str], *, flags: Sequence[str] = (), **defines: int
) -> dict[str, Program]:
    """``source``, compiled once with ``-DNAME=value`` for each of ``defines``, as programs in ``folder``, a new one.

    ``functions`` are those that are called, by the name that driver.c knows their arguments by; so are the programs.
    Raises MissingToolError and BuildError.
    """
    folder.mkdir(parents=True)
    options = [*FLAGS, *flags, f"-I{BENCH}", *(f"-D{name}={value}" for name, value in defines.items())]
    memory = [f"-D{name}={value}" for name, value in CACHES.items()]

    def compile_to(name: str, *words: str | Path) -> Path:
        run_tool(COMPILER, *words, "-c", "-o", folder / name)
        return folder / name

    kernel = compile_to("kernel.o", *options, source)
    # What misses does not depend on how instructions are ordered; with all optimizations this would take minutes.
    counting = compile_to("counting.o", *options, "-O1", "-fsanitize=thread", source)
    model = compile_to("memory.o", *FLAGS, *memory, HERE / "memory.c")
    programs = {}
    for kind, function in functions.items():
        driver = compile_to(f"{kind}.o", *FLAGS, f"-D{kind}", HERE / "driver.c")
        programs[kind] = Program(folder / kind, folder / f"{kind}-counting", function)
        # Linked without the options: with -ffast-math, GCC links code that makes the whole process flush subnormals.
        run_tool(COMPILER, "-static", driver, kernel, "-o", programs[kind].path)
        run_tool(COMPILER, "-static", driver, model, counting, "-o", programs[kind].counting)
    return programs


@contextmanager
def _files(folder: Path, arrays: Sequence[np.ndarray]) -> Iterator[tuple[Path, Path]]:
    """A file with the arrays as driver.c reads them, and the name of one for what it writes."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        given = Path(name, "in")
        with given.open("wb") as file:
            file.write(np.int64(len(arrays)).tobytes())
            for array in arrays:
                file.write(np.int64(array.nbytes).tobytes())
                file.write(array.tobytes())
        yield given, Path(name, "out")


def parsed_log(lines: Iterable[str]) -> Iterator[int]:
    """Addresses out of what QEMU logs with ``-d exec``: ``Trace 0: HOST [FLAGS/ADDRESS/...] symbol``."""
    for line in lines:
        if line.startswith("Trace "):
            yield int(line.split("/", 2)[1], 16)


def parsed_listing(listing: str) -> dict[int, str]:
    """Instructions by address out of what ``llvm-objdump -d`` prints, as llvm-mca reads them.

    What follows an instruction as a remark is left out, and where it goes to is 0: a trace does not care.
    """
    found = {}
    for line in listing.splitlines():
        if match := re.match(r"\s*([0-9a-f]+):\s+(\S.*)$", line):
            text = re.sub(r"\s*(<.*|//.*)$", "", match[2]).replace("\t", " ").strip()
            if re.match(r"(b|bl|b\.\w+|cbn?z|tbn?z|adrp?|ldr(sw)? \w+,) ", text):
                text = re.sub(r"(?<= )0x[0-9a-f]+$", "#0", text)
            found[int(match[1], 16)] = text
    return found
