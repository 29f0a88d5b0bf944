"""A copy of the checkout in which files may be broken, and what runs there: tests, and elaboration.

Everything runs in a process that is forked off: libraries are loaded once, the package anew each time. The copy is
compiled to bytecode that is checked by content, so that a change within the same second is seen.
"""

import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Checkout", "Verdict", "last_line", "sources", "wait"]

_PARTS = ("hw", "sim", "sw", "tests", "docs", "results", "README.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
#: Hypothesis, too: its plugin loads it at the end of every run, and pytest compiles all of it anew.
_LIBRARIES = ("numpy", "scipy.sparse", "numba", "networkx", "click", "sklearn.linear_model", "pytest", "hypothesis",
              "amaranth.sim", "amaranth.back.rtlil", "amaranth.lib.fifo", "_pytest.doctest")  # fmt: skip
#: Libraries that pytest would rewrite have been loaded, as it warns.
_PLAIN = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=line",
          "-W", "ignore::pytest.PytestAssertRewriteWarning")  # fmt: skip
#: Of a process: a fault may ask for any amount.
_MEMORY = 6 << 30
#: By so much the clock may be ahead of the CPU.
_SLOWER = 8


@dataclass(frozen=True)
class Verdict:
    """What came of a trial: ``passed``, ``failed``, ``late`` (stopped after its time), or ``none`` (no test ran).

    ``test`` and ``why`` are the first test that failed, and its last line; ``seconds`` are of CPU time.
    """

    outcome: str
    test: str = ""
    why: str = ""
    seconds: float = 0.0


class Checkout:
    """A copy of the sources of ``root`` in ``folder``, importable as the package for what is run by it.

    What is copied is brought up to date whenever one is made. Nothing else may use the folder at the same time.
    ``compiled``: to bytecode, which pays for many trials.
    """

    def __init__(self, root: Path, folder: Path, *, compiled: bool = True):
        self._root, self.folder = root, folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in _PARTS:
            source, target = root / part, folder / part
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, target)
        package = folder / "env" / "skipwalk"
        package.mkdir(parents=True, exist_ok=True)
        for name, place in (("__init__.py", "sw/package/__init__.py"), ("hw", "hw"), ("sim", "sim"), ("sw", "sw")):
            if not (package / name).is_symlink():
                (package / name).symlink_to(folder / place)
        if compiled:
            self._compile()
        for library in _LIBRARIES:
            __import__(library)

    def text(self, file: str) -> str:
        """A file as it is in the checkout."""
        return (self._root / file).read_text()

    def write(self, file: str, text: str) -> None:
        """Put another text into the copy."""
        (self.folder / file).write_text(text)

    def restore(self, file: str) -> None:
        """As in the checkout again."""
        self.write(file, self.text(file))

    def test(self, tests: Sequence[str], *, limit: float, options: Sequence[str] = ()) -> Verdict:
        """Run these tests up to the first that fails; ``limit`` in seconds of CPU time."""

        def run() -> tuple[str, str, str]:
            import pytest

            first: list[tuple[str, str]] = []

            class Watcher:
                def pytest_runtest_logreport(self, report):
                    if report.failed:
                        first.append((report.nodeid, last_line(report)))

                def pytest_collectreport(self, report):
                    if report.failed:
                        first.append((report.nodeid, last_line(report)))

            code = pytest.main([*_PLAIN, *options, *tests], plugins=[Watcher()])
            test, why = first[0] if first else ("", "")
            return {0: "passed", 5: "none"}.get(int(code), "failed"), test, why

        before = _children()
        done = self._call(run, limit)
        seconds = round(_children() - before, 1)
        if isinstance(done, tuple):
            outcome, test, why = done
            return Verdict(outcome, test, why, seconds)
        return Verdict("late", seconds=seconds) if done is None else Verdict("failed", why=done, seconds=seconds)

    def rtlil(self, designs: Sequence[str], *, limit: float) -> dict[str, str]:
        """RTLIL of designs (:mod:`.designs`) as the copy makes them. Raises RuntimeError if it cannot."""

        def run() -> dict[str, str]:
            from skipwalk.sw.lab.verification.designs import rtlil_of

            return rtlil_of(designs)

        return self._made(run, limit)

    def files(self, design: str, *, limit: float) -> set[str]:
        """Files that a design comes from. Raises RuntimeError."""

        def run() -> set[str]:
            from skipwalk.sw.lab.verification.designs import files_of

            return files_of(design)

        return self._made(run, limit)

    def _made(self, run: Callable[[], Any], limit: float) -> Any:
        done = self._call(run, limit)
        if done is None or isinstance(done, str):
            raise RuntimeError(done or f"no end within {limit:g} s of CPU time")
        return done

    def _call(self, run: Callable[[], Any], limit: float) -> Any:
        """The result of ``run`` in a process of its own; a line of text if it raised or died, None if it was late."""
        with tempfile.TemporaryDirectory(prefix="trial-") as folder:
            result = Path(folder, "result")
            child = os.fork()
            if not child:
                try:
                    self._settle(Path(folder), limit)
                    result.write_bytes(pickle.dumps(run()))
                except BaseException as error:
                    result.write_bytes(pickle.dumps(f"{type(error).__name__}: {error}".partition("\n")[0]))
                finally:
                    os._exit(0)
            if not wait(child, _SLOWER * limit):
                return None
            try:
                return pickle.loads(result.read_bytes())
            except (OSError, EOFError, pickle.UnpicklingError):
                return "the process died"

    def _settle(self, scratch: Path, limit: float) -> None:
        """In the new process: its own group, the copy's package, no output."""
        os.setsid()
        # Of the process itself; a program that it starts has as much.
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        os.chdir(self.folder)
        kept = os.open(scratch / "output", os.O_RDWR | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(kept, stream)
        for name in [name for name in sys.modules if name == "skipwalk" or name.startswith(("skipwalk.", "tests"))]:
            del sys.modules[name]
        sys.path.insert(0, str(self.folder / "env"))
        sys.path.insert(0, str(self.folder))
        sys.path_importer_cache.clear()
        sys.dont_write_bytecode = True
        os.environ["PYTHONPATH"] = str(self.folder / "env")
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)

    def _compile(self) -> None:
        import compileall
        import py_compile

        for part in ("hw", "sim", "sw", "tests"):
            mode = py_compile.PycInvalidationMode.CHECKED_HASH
            compileall.compile_dir(self.folder / part, quiet=2, invalidation_mode=mode)


def sources(root: Path, *folders: str) -> dict[str, str]:
    """Texts of the Python files below folders of a checkout, by their paths from its root."""
    paths = (path for folder in folders for path in sorted((root / folder).rglob("*.py")))
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def last_line(report: Any) -> str:
    """What a test that failed has to say, in one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return (text.strip().splitlines() or [""])[0][:200]


def _children() -> float:
    """CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait(child: int, timeout: float) -> bool:
    """Whether a process ended by itself in time, of the clock and of the CPU; its whole group is gone then."""
    deadline, pause = time.monotonic() + timeout, 0.01
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end_group(child)
            return not (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    _end_group(child)
    os.waitpid(child, 0)
    return False


def _end_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
