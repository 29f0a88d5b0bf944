"""Counters: every event once, clear and reset by the same register, read by index."""

import numpy as np
import pytest
from skipwalk.hw.fabric.counters import CounterBank

from ..support.pysim import clocked


def expected(events, clear, reset, n):
    """Counts in each cycle: an event shows two cycles later, as does a clear; a reset is a clear one cycle later."""
    counts = np.zeros((len(events), n), np.int64)
    seen, cleared = 0, True
    for t in range(len(events) - 1):
        counts[t + 1] = 0 if cleared else counts[t] + [seen >> i & 1 for i in range(n)]
        seen, cleared = (0 if reset[t] else events[t]), bool(clear[t] | reset[t])
    return counts


@pytest.mark.parametrize("n", [2, 4, 5, 15, 16])
def test_counts(n):
    rng = np.random.default_rng(7)
    cycles = 600
    events = rng.integers(1 << n, size=cycles)
    clear, reset = rng.random((2, cycles)) < 0.01
    # An index stays for the cycles that its counter takes.
    stay = CounterBank.LATENCY + 1
    index = np.repeat(rng.integers(n, size=cycles // stay), stay)
    bank = CounterBank(n)
    hold = clear & (rng.random(cycles) < 0.5)
    inputs = {"events": events, "access.clear": clear & ~hold, "hold": hold, "access.index": index}
    seen = clocked(bank, inputs, ["access.count"], reset=reset)["access.count"]
    counts = expected(events.tolist(), clear, reset, n)
    assert counts.max() > 20
    at = np.arange(CounterBank.LATENCY, cycles, stay)
    np.testing.assert_array_equal(seen[at], counts[at - 2, index[at]])
