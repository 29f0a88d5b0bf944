"""What pytest has to know before it collects, and what tests share."""

import logging
import os
import signal

import pytest

# Before anything of the simulation is imported.
os.environ.setdefault("SKIPWALK_OPTIMISE", "-O1 -march=native")


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
