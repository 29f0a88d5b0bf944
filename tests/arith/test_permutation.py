"""The keyed permutation: against big integers, and what makes it one."""

import numpy as np
import pytest
from skipwalk.sim.arith.permutation import STEPS, bits_for, permutation, permuted, step_draws
from skipwalk.sim.arith.threefry import draw


def plain(key, number, n):
    """From the text of the module, in integers without a width."""
    bits = max(1, (n - 1).bit_length())
    order = []
    for x in range(1 << bits):
        y = x
        for k in range(3):
            bits_64 = int(draw(np.uint64(key), np.uint64(number << 32 | k)))
            low, high = bits_64 & 0xFFFFFFFF, bits_64 >> 32
            y = (y * (low % 2**bits | 1) + high % 2**bits) % 2**bits
            y ^= y >> -(-bits // 2)
        if y < n:
            order.append(y)
    return order


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 31, 32, 33, 470])
def test_equals_the_text(n):
    for key, number in ((0, 0), (2**64 - 1, 2**32 - 1), (0x123456789ABCDEF0, 7)):
        order = permutation(np.uint64(key), number, n)
        assert order.tolist() == plain(key, number, n)
        assert sorted(order) == list(range(n))


def test_twenty_bits_and_no_number_twice():
    bits = bits_for(1 << 20)
    draws = step_draws(np.uint64(5), 3)
    assert (bits, len(draws)) == (20, STEPS)
    seen = permuted(np.arange(1 << 20), bits, draws)
    np.testing.assert_array_equal(np.sort(seen), np.arange(1 << 20))


def test_rounds_and_keys_differ_and_neighbours_part():
    orders = [permutation(np.uint64(key), number, 470).tolist() for key in (1, 2) for number in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    # Of a random order about one neighbour in 235 follows; a stride would make all of them do.
    places = np.array(orders[0])
    assert (np.abs(np.diff(places)) == 1).mean() < 0.03


def answers(dut, key, payloads, expected, pause, seed=0):
    """What comes out of a stream component for some payloads, and in which cycle."""
    from ..support.simulator import simulator_of

    rng = np.random.default_rng(seed)
    got, times = [], []

    async def feed(ctx):
        ctx.set(dut.key, key)
        for payload in payloads:
            while rng.random() < pause:
                await ctx.tick()
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def take(ctx):
        cycle = 0
        while len(got) < expected:
            ready = rng.random() >= pause
            ctx.set(dut.o.ready, ready)
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            cycle += 1
            if valid and ready:
                got.append(payload)
                times.append(cycle)

    simulator = simulator_of(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed)
    simulator.add_testbench(take)
    simulator.run()
    return got, times


@pytest.mark.parametrize("pause", [0, 0.6])
def test_serial_threefry(pause):
    pytest.importorskip("amaranth")
    from skipwalk.hw.arith.threefry import SerialThreefry

    rng = np.random.default_rng(4)
    for key in (0, 2**64 - 1, int(rng.integers(2**63))):
        counters = [0, 2**64 - 1, *(int(c) for c in rng.integers(0, 2**63, 4))]
        got, times = answers(SerialThreefry(), key, counters, len(counters), pause)
        assert got == [int(draw(np.uint64(key), np.uint64(c))) for c in counters]
        if not pause:
            assert np.diff(times).tolist() == [SerialThreefry.LATENCY + 1] * 5


@pytest.mark.parametrize("bits", [1, 2, 5, 7])
@pytest.mark.parametrize("pause", [0, 0.6])
def test_permutation_in_gateware(bits, pause):
    """Every number of several rounds, at the extremes of n and key, in the cycles that are promised."""
    pytest.importorskip("amaranth")
    from skipwalk.hw.arith.permutation import Permutation

    key = 0xFEDCBA9876543210
    rounds = [(n, number) for number, n in enumerate(sorted({1, 2, (1 << bits) - 1, 1 << bits, (1 << bits) // 2 + 1}))]
    rounds[-1] = (rounds[-1][0], 2**32 - 1)
    rounds = [(n, number) for n, number in rounds if 0 < n <= 1 << bits]
    want = []
    for n, number in rounds:
        order = permutation(np.uint64(key), number, n).tolist()
        want += [(index, i == n - 1) for i, index in enumerate(order)]
    payloads = [{"n": n, "number": number} for n, number in rounds]
    got, times = answers(Permutation(bits), key, payloads, len(want), pause)
    assert [(payload.index, payload.last) for payload in got] == want
    if not pause:
        allowed = 0
        for n, _ in rounds:
            b = max(1, (n - 1).bit_length())
            allowed += Permutation.draw_cycles + (3 * b + 7) * (1 << b)
        assert times[-1] <= allowed


@pytest.mark.parametrize("bits", [2, 5])
def test_rounds_of_permutation_at_given_times(bits):
    """As above, but with inputs that ask for nothing, so that it may be compiled: rounds come when the one before has
    long ended, with a consumer that pauses."""
    pytest.importorskip("amaranth")
    from skipwalk.hw.arith.permutation import Permutation

    from ..support.pysim import clocked

    key, rng = 0x0F1E2D3C4B5A6978, np.random.default_rng(bits)
    rounds = [(int(n), 2**32 - int(n)) for n in {1, 2, 3, (1 << bits) - 1, *rng.integers(1, 1 << bits, 4)}]
    rounds += [(1 << bits, 1 << k) for k in range(0, 32, 5)]
    per_round = Permutation.draw_cycles + (3 * bits + 9) * (1 << bits)
    rows = {name: np.zeros(len(rounds) * per_round, object) for name in ("i.valid", "i.payload")}
    for at, (n, number) in enumerate(rounds):
        rows["i.valid"][at * per_round] = 1
        rows["i.payload"][at * per_round] = {"n": n, "number": number}
    rows["i.payload"][rows["i.payload"] == 0] = {"n": 0, "number": 0}
    ready = rng.random(len(rows["i.valid"])) < 0.8
    seen = clocked(
        Permutation(bits),
        rows | {"key": [key] * len(ready), "o.ready": ready.astype(int)},
        ["o.valid", "o.payload.index", "o.payload.last"],
    )
    taken = (seen["o.valid"] != 0) & ready
    got = np.stack([seen["o.payload.index"], seen["o.payload.last"]], axis=1)[taken]
    orders = [permutation(np.uint64(key), number, n) for n, number in rounds]
    want = [(index, i == len(order) - 1) for order in orders for i, index in enumerate(order)]
    assert got.tolist() == [[int(index), int(last)] for index, last in want]


def test_permutation_refuses():
    pytest.importorskip("amaranth")
    from skipwalk.hw.arith.permutation import Permutation

    with pytest.raises(ValueError, match="1 to 32 bits can be permuted, not of 33"):
        Permutation(33)
