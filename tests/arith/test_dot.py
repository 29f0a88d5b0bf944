"""Dot products: exact sums, latency, framing, extremes, reset in the middle."""

import numpy as np
import pytest
from skipwalk.hw.arith.dot import AdderTree, DotProduct, sum_bits
from skipwalk.hw.arith.multiplier import Multiplier
from skipwalk.hw.fabric.vendor import Vendor

from ..support.cycles import check_cycles
from ..support.pysim import clocked


def beats(lanes: int, a_bits: int, b_bits: int, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    ends = [(-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in (a_bits, b_bits)]
    a, b = (rng.integers(*end, (n, lanes), endpoint=True) for end in ends)
    # Whole sums of the largest and the smallest product.
    a[: n // 8], b[: n // 8] = ends[0][0], ends[1][0]
    a[n // 8 : n // 4], b[n // 8 : n // 4] = ends[0][1], ends[1][0]
    return a, b


@pytest.mark.parametrize("gap", [0.0, 0.5])
@pytest.mark.parametrize(
    ("lanes", "a_bits", "b_bits", "chunks", "groups"),
    [(8, 18, 18, 1, 1), (5, 9, 13, 3, 1), (1, 18, 18, 4, 1), (2, 2, 18, 7, 1), (32, 8, 6, 2, 8), (6, 18, 18, 1, 2)],
)
def test_sums(lanes, a_bits, b_bits, chunks, groups, gap):
    rng = np.random.default_rng([lanes, chunks])
    n = 16 * chunks
    a, b = beats(lanes, a_bits, b_bits, n, rng)
    dut = DotProduct(lanes, a_bits, b_bits, chunks, groups=groups)
    assert dut.latency == 3 + (lanes // groups - 1).bit_length() + 1 + (groups + 1 if groups > 1 else 0)
    # When each beat is driven; between the beats the inputs are noise.
    cycles = np.cumsum(1 + rng.geometric(1 - gap, n) - 1)
    length = cycles[-1] + dut.latency + 1
    drive = {name: rng.integers(0, 2, length) for name in ("first", "last")}
    drive["a"], drive["b"] = (rng.integers(-1, 1, (length, lanes)) for _ in "ab")
    drive["valid"] = np.zeros(length, int)
    drive["valid"][cycles] = 1
    # Group g of the lanes is g cycles late.
    at = cycles[:, None] + np.arange(lanes) * groups // lanes
    drive["a"][at, np.arange(lanes)], drive["b"][at, np.arange(lanes)] = a, b
    drive["first"][cycles] = np.arange(n) % chunks == 0
    drive["last"][cycles] = np.arange(n) % chunks == chunks - 1
    got = clocked(dut, drive, ["sum_valid", "sum", "products"])
    products = got["products"][at + Multiplier.LATENCY, np.arange(lanes)]
    np.testing.assert_array_equal(products, a * b)
    at = np.flatnonzero(got["sum_valid"])
    np.testing.assert_array_equal(at, cycles[chunks - 1 :: chunks] + dut.latency)
    np.testing.assert_array_equal(got["sum"][at], (a * b).sum(1).reshape(-1, chunks).sum(1))


def test_sums_of_every_length_up_to_chunks():
    rng = np.random.default_rng(9)
    lengths = [1, 4, 2, 3, 1, 1, 4]
    a, b = beats(4, 18, 18, sum(lengths), rng)
    dut = DotProduct(4, 18, 18, chunks=4)
    ends = np.cumsum(lengths)
    pad = np.zeros(dut.latency + 1, int)
    first, last = np.zeros((2, sum(lengths)), int)
    first[ends - lengths], last[ends - 1] = 1, 1
    lanes = np.zeros((len(pad), 4), int)
    drive = {
        "valid": np.concatenate([np.ones_like(first), pad]),
        "first": np.concatenate([first, pad]),
        "last": np.concatenate([last, pad]),
        "a": np.concatenate([a, lanes]),
        "b": np.concatenate([b, lanes]),
    }
    got = clocked(dut, drive, ["sum_valid", "sum"])
    sums = got["sum"][got["sum_valid"] == 1]
    np.testing.assert_array_equal(sums, [x.sum() for x in np.split((a * b).sum(1), ends[:-1])])


def test_reset_drops_sums_on_their_way_and_the_next_is_right():
    dut = DotProduct(2, 8, 8)
    n = dut.latency
    drive = {
        "valid": [1] * n + [0] * n + [1] + [0] * n,
        "first": [1] * (3 * n + 1),
        "last": [1] * (3 * n + 1),
        "a": np.full((3 * n + 1, 2), -128),
        "b": np.full((3 * n + 1, 2), -128),
    }
    reset = np.arange(3 * n + 1) == n - 1
    got = clocked(dut, drive, ["sum_valid", "sum"], reset=reset)
    np.testing.assert_array_equal(np.flatnonzero(got["sum_valid"]), [3 * n])
    assert got["sum"][3 * n] == 2 * 128 * 128


@pytest.mark.parametrize("terms", [1, 2, 3, 7, 8])
def test_adder_tree(terms):
    rng = np.random.default_rng(terms)
    i = rng.integers(-8, 8, (60, terms))
    i[0], i[1] = -8, 7
    tree = AdderTree(terms, 4)
    o = clocked(tree, {"i": i}, ["o"])["o"]
    np.testing.assert_array_equal(o[tree.latency :], i.sum(1)[: 60 - tree.latency])


@pytest.mark.parametrize(("terms", "bits"), [(1, 36), (2, 37), (3, 37), (4, 38), (5, 38), (32, 41), (33, 41)])
def test_guard_bits_are_exactly_enough(terms, bits):
    assert sum_bits(terms, 18, 18) == bits
    largest = terms * (1 << 17) ** 2
    assert (1 << (bits - 2)) <= largest < (1 << (bits - 1))


def test_vendor_changes_no_latency():
    assert DotProduct(8, 18, 18, vendor=Vendor.ECP5).latency == DotProduct(8, 18, 18).latency


@pytest.mark.parametrize("arguments", [{"lanes": 0}, {"lanes": 2, "chunks": 0}])
def test_empty_sums_are_refused(arguments):
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        DotProduct(**{"a_bits": 8, "b_bits": 8} | arguments)


@pytest.mark.parametrize("groups", [0, 3])
def test_groups_are_equal(groups):
    with pytest.raises(ValueError, match=f"groups must divide the 8 lanes, not be {groups}"):
        DotProduct(8, 18, 18, groups=groups)


def test_compiled_with_a_reset_in_the_middle(tmp_path):
    chunks, lanes, n = 3, 8, 300
    rng = np.random.default_rng(8)
    a, b = beats(lanes, 18, 18, n, rng)
    dut = DotProduct(lanes, 18, 18, chunks)
    first, last = np.arange(n) % chunks == 0, np.arange(n) % chunks == chunks - 1
    at_reset = 160
    reset = np.arange(n) == at_reset
    sums = np.add.reduceat((a * b).sum(1), np.arange(0, n, chunks))
    # A sum is dropped if its last beat is on its way at the reset.
    done = last & ((np.arange(n) > at_reset) | (np.arange(n) + dut.latency <= at_reset))
    # One that the reset cuts through ends with beats of both sides; its value means nothing.
    whole = np.repeat(np.arange(n // chunks) != at_reset // chunks, chunks)
    values = np.where(done & whole, np.repeat(sums, chunks), None)
    inputs = {"valid": np.ones(n, int), "first": first, "last": last, "a": a, "b": b}
    outputs = {"sum_valid": (dut.latency, done), "sum": (dut.latency, values)}
    check_cycles(dut, tmp_path, inputs, outputs, reset=reset)
