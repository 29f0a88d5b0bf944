"""What pytest has to know before it collects, and what tests share."""

import signal

import pytest


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
