"""What pytest has to know before it collects, and what tests share."""

import logging
import os
import signal

import pytest

# Before anything of the simulation is imported.
os.environ.setdefault("SKIPWALK_OPTIMISE", "-O1 -march=native")


def pytest_configure(config):
    # Tests make components only to ask for a latency, or for the error of their constructor; Amaranth suspects that
    # they were forgotten in a design.
    config.addinivalue_line("filterwarnings", r"ignore:.* created but never used")


@pytest.fixture
def ctrl_c_works():
    """Whatever runs the tests may have been started in the background, where it does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def log_level_as_before():
    """A command with ``--quiet`` sets it for its process, which is the tests' too."""
    log = logging.getLogger("skipwalk")
    before = log.level
    yield
    log.setLevel(before)
