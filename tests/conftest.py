"""What pytest has to know before it collects, and what tests share."""

import contextlib
import importlib
import logging
import os
import signal
import sys

import pytest

# Before anything of the simulation is imported.
os.environ.setdefault("SKIPWALK_OPTIMISE", "-O1 -march=native")


# pyosys has the symbols of every extension that is loaded after it made global, and an error in one of them (fonts of
# matplotlib) may then be answered by another. So it is imported here, where some test asks for it anyway, and undone.
_flags = sys.getdlopenflags()
with contextlib.suppress(ImportError):
    importlib.import_module("pyosys")
sys.setdlopenflags(_flags)


def pytest_collection_modifyitems(config, items):
    if not os.environ.get("SKIPWALK_LONG"):
        skip = pytest.mark.skip(reason="minutes; `make test-long` runs it")
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(skip)


@pytest.fixture
def ctrl_c_works():
    """Whatever runs the tests may have been started in the background or by nohup, where signals are passed over."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def log_level_as_before():
    """A command with ``--quiet`` sets it for its process, which is the tests' too."""
    log = logging.getLogger("skipwalk")
    before = log.level
    yield
    log.setLevel(before)
