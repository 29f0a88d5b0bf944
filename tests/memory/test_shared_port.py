"""Several users of one memory, in Amaranth's simulator: what each reads is what stood there when its request was
taken."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.memory.shared_port import SharedPort
from skipwalk.sim.memory.port import Burst, PlainMemory

from ..support.memory_port import PlainPort, PortDriver
from ..support.simulator import simulator_of

SIGNATURE = MemoryPort(8, 32, 3)


class Bench:
    """A shared port before a plain memory; ``parts``: the bursts of each user, ``gaps`` those of all streams."""

    def __init__(self, parts, rng, *, gaps=(0.0, 0.0, 0.0), memory_gaps=0.0, ahead=3, limit=30_000):
        self.dut = dut = SharedPort(len(parts), SIGNATURE)
        self.order: list[Burst] = []
        self.drivers = [
            PortDriver(port, part, rng, gaps, self.order) for port, part in zip(dut.users, parts, strict=True)
        ]
        self.memory = PlainPort(dut.memory, rng, memory_gaps, ahead)
        self.cycles = 0

        async def bench(ctx):
            while not all(driver.done for driver in self.drivers):
                taken = len(self.order)
                self.memory.drive(ctx)
                for driver in self.drivers:
                    driver.step(ctx, self.cycles)
                self.memory.take(ctx)
                assert len(self.order) - taken <= 1, "several requests in one cycle have no order"
                await ctx.tick()
                self.cycles += 1
                assert self.cycles < limit, "hangs"

        simulator = simulator_of(dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()

    def expected(self, parts) -> list[list[int]]:
        """What each user should have read."""
        plain, out = PlainMemory(32), [[] for _ in parts]
        owner = {id(burst): i for i, part in enumerate(parts) for burst in part}
        for burst in self.order:
            out[owner[id(burst)]] += plain.run([burst])
        return out


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("gap", [0.0, 0.4])
def test_each_reads_what_was_written_before(n, gap):
    """All at the same few places, so that it matters who comes first; users that are slow in each of their streams."""
    rng = np.random.default_rng([n, round(10 * gap)])
    addresses = [0, 3, 4, 200, 248]
    parts = [PlainMemory(32).random_bursts(rng, 100 // n, addresses, 8, whole=True) for _ in range(n)]
    done = Bench(parts, rng, gaps=(gap, 2 * gap, gap), memory_gaps=gap)
    assert len(done.order) == 100 // n * n
    expected = done.expected(parts)
    for driver, words in zip(done.drivers, expected, strict=True):
        assert driver.reads == words


def test_turns_are_fair_and_cost_nothing():
    """Four users that all want the memory in each cycle are served in turn, a word a cycle; so is one alone."""
    rng = np.random.default_rng(1)
    parts = [[Burst(8 * i, 1) for _ in range(40)] for i in range(4)]
    done = Bench(parts, rng)
    assert [burst.address // 8 for burst in done.order[:40]] == [0, 1, 2, 3] * 10
    assert done.cycles <= 160 + 20
    alone = Bench([[Burst(0, 1) for _ in range(100)], []], rng)
    assert alone.cycles <= 100 + 20


def test_a_memory_that_takes_all_requests_before_their_words():
    """Of more bursts than UNDER_WAY, with words that go and come slowly, none is lost."""
    rng = np.random.default_rng(2)
    words = [Burst(4, 1, (i,), (15,)) for i in range(60)]
    parts = [words[:30], [Burst(4, 1) for _ in range(60)], words[30:]]
    done = Bench(parts, rng, gaps=(0.0, 0.8, 0.9), ahead=200)
    assert done.drivers[1].reads == done.expected(parts)[1]


def test_refuses():
    with pytest.raises(ValueError, match="a shared memory has at least two users, not 1"):
        SharedPort(1, SIGNATURE)
