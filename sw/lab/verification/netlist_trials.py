"""Tests on netlists with faults in them: collected once, run once without a fault, and then once in a fork for each.

What is elaborated and compiled in the first run is there in every fork, by the test and the number of the call: a fork
costs what the test itself takes. Tests have to do the same in every run, which all of them do.
"""

import gc
import os
import pickle
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .netlist import VARIABLE, Netlists
from .trials import Verdict, last_line, wait

__all__ = ["Forks", "run_tests"]

#: Seconds of a test with a fault in it: so many, and so many times what it takes without.
_LEAST, _TIMES = 20.0, 10.0
#: Functions whose results are kept, by module and name.
_KEPT = (
    ("skipwalk.sim.rtl.build", "to_verilog"),
    ("skipwalk.sim.rtl.verilate", "compile_model"),
    ("skipwalk.sim.boards.pins", "board_verilog"),
    ("skipwalk.sw.build.verilog", "axi_verilog"),
    ("tests.support.simulator", "stepped_library"),
)
#: And the one that opens a library.
_OPENED = "skipwalk.sim.rtl.verilated", "_load"


def run_tests(file: str, pattern: str, root: Path, *plugins: Any) -> int:
    """Run pytest on tests of a checkout; its exit code. ``pattern`` is a regular expression for what is behind ``::``,
    ``plugins`` may be a :class:`Forks`, which has its own loop."""
    import pytest

    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:timeout", "--capture=no", "--no-header"]
    ignored = ["-W", "ignore", "-o", "timeout=0", f"--rootdir={root}"]
    return int(pytest.main([*options, *ignored, str(root / file)], plugins=[_Chosen(pattern), *plugins]))


class _Chosen:
    """Leaves of what was collected only what matches."""

    def __init__(self, pattern: str):
        self._pattern = pattern

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if re.fullmatch(self._pattern, item.nodeid.partition("::")[2])]


class Forks:
    """A plugin of pytest.

    Parameters
    ----------
    netlists : Netlists
        Makes the designs, and knows their faults afterwards.
    trials : callable
        Called with this once the tests have passed without a fault; it calls :meth:`trial`.
    """

    def __init__(self, netlists: Netlists, trials: Callable[["Forks"], None]):
        self._netlists, self._trials = netlists, trials
        self._kept: dict[tuple[str, str, int], Any] = {}
        self._test, self._calls = "", 0
        #: Seconds of each test without a fault, and the designs that it is about.
        self.seconds: dict[str, float] = {}
        self.designs: dict[str, set[int]] = {}
        #: Tests that did not pass without a fault, and why: they see nothing.
        self.failed: dict[str, str] = {}
        self._items: dict[str, Any] = {}
        self._folders: dict[Path, int] = {}
        self._keeps = False

    def pytest_runtestloop(self, session: Any) -> bool:
        with self._netlists.active():
            self._watch()
            self._prepare(session.items)
            # What is there by now is not looked at again in each fork, which would copy it.
            gc.collect()
            gc.freeze()
            self._trials(self)
        return True

    def _prepare(self, items: list[Any]) -> None:
        """Run tests without a fault: once to make all designs, and once as it will be in a fork, with what tests keep
        themselves."""
        os.environ[VARIABLE], os.environ["SKIPWALK_COMPILED"], self._keeps = "0", "1", False
        for item in items:
            if why := self._run(item):
                self.failed[item.nodeid] = why
            elif self.designs[item.nodeid]:
                self._items[item.nodeid] = item
        self._keeps = True
        for item in items:
            if item.nodeid in self._items:
                began = time.monotonic()
                self._run(item)
                self.seconds[item.nodeid] = time.monotonic() - began

    def tests_of(self, design: int) -> list[str]:
        """Those that are about a design, short ones first."""
        return sorted((test for test in self.seconds if design in self.designs[test]), key=self.seconds.__getitem__)

    def trial(self, number: int, tests: Iterable[str]) -> Verdict:
        """Run tests with the fault of this number until one fails: ``failed``, ``late`` or ``passed``. A simulation
        that dies, as one does whose logic goes round in circles, has failed."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fork-") as folder:
            result = Path(folder, "result")
            if (child := os.fork()) == 0:
                self._child(number, list(tests), result)
            wait(child, 1e6)
            test, limit, why = pickle.loads(result.read_bytes())
            spent = round(time.monotonic() - began, 1)
        if why is None:
            late = time.monotonic() - limit >= 0
            return Verdict("late" if late else "failed", test, "no end" if late else "the simulation died", spent)
        return Verdict("failed" if why else "passed", test, why, spent)

    def _child(self, number: int, tests: list[str], result: Path) -> None:
        """In a fork, which ends here: the test under way, until when, and why it failed."""
        try:
            os.setsid()
            os.environ[VARIABLE] = str(number)
            os.environ["TMPDIR"] = tempfile.tempdir = str(result.parent)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (1, 2):
                os.dup2(nowhere, stream)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            for test in tests:
                limit = _LEAST + _TIMES * self.seconds[test]
                result.write_bytes(pickle.dumps((test, time.monotonic() + limit, None)))
                signal.setitimer(signal.ITIMER_REAL, limit)
                if why := self._run(self._items[test]):
                    break
            signal.setitimer(signal.ITIMER_REAL, 0)
            result.write_bytes(pickle.dumps((test if why else "", 0, why)))
        finally:
            os._exit(0)

    def _run(self, item: Any) -> str:
        """Run a test alone; why it failed or was skipped, nothing if it passed."""
        from _pytest.runner import runtestprotocol

        self._test, self._calls = item.nodeid, 0
        self.designs.setdefault(item.nodeid, set())
        reports = runtestprotocol(item, log=False, nextitem=None)
        return next((last_line(report) or report.outcome for report in reports if not report.passed), "")

    def _watch(self) -> None:
        """Wherever these functions have been imported: which test makes or opens which design."""
        for module, name in (*_KEPT, _OPENED):
            if module not in sys.modules:
                continue
            plain = getattr(sys.modules[module], name)
            watched = self._opening(plain) if (module, name) == _OPENED else self._keeping(name, plain)
            for user in list(sys.modules.values()):
                if getattr(user, "__name__", "").startswith(("skipwalk.", "tests.")) and vars(user).get(name) is plain:
                    setattr(user, name, watched)

    def _keeping(self, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        def kept(*arguments: Any, **options: Any) -> Any:
            self._calls += 1
            key = self._test, name, self._calls
            if key not in self._kept:
                result = plain(*arguments, **options)
                if made := self._netlists.made:
                    self.designs[self._test].add(made[-1])
                    if isinstance(result, Path):
                        self._folders[result] = made[-1]
                if not self._keeps:
                    return result
                self._kept[key] = result
            return self._kept[key]

        return kept

    def _opening(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def opened(library: Path) -> Any:
            if library.parent in self._folders:
                self.designs[self._test].add(self._folders[library.parent])
            return plain(library)

        return opened
