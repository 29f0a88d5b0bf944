"""Rows in words: every width that differs in kind, pauses on both sides, an element a cycle."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.rows.packing import RowPacker, RowUnpacker
from skipwalk.sim.arith.words import packed_run

from ...unit.test_packing import streamed

PAUSES = [(0, 0), (0.5, 0), (0, 0.7), (0.4, 0.4)]
#: Bits, and elements of a row.
SHAPES = [(1, 70), (7, 9), (8, 5), (16, 8), (18, 8), (18, 32), (31, 33), (32, 5)]


@pytest.mark.parametrize(("pause_in", "pause_out"), PAUSES)
@pytest.mark.parametrize(("bits", "n"), SHAPES)
def test_unpacker(bits, n, pause_in, pause_out):
    rng = np.random.default_rng(bits)
    rows = rng.integers(0, 1 << bits, (4, n))
    runs = [(0, packed_run(row, bits).tolist(), n) for row in rows]
    got, cycles = streamed(RowUnpacker(bits), runs, pause_in, pause_out)
    assert got == rows.tolist()
    if not pause_in and not pause_out:
        assert cycles <= 4 * (max(n, len(runs[0][1])) + 5)


@pytest.mark.parametrize(("pause_in", "pause_out"), PAUSES)
@pytest.mark.parametrize(("bits", "n"), SHAPES)
def test_packer(bits, n, pause_in, pause_out):
    rng = np.random.default_rng(bits)
    rows = rng.integers(0, 1 << bits, (4, n))
    payloads = [[{"element": int(v), "last": i == n - 1} for i, v in enumerate(row)] for row in rows]
    words = [packed_run(row, bits).tolist() for row in rows]
    runs = [(0, payload, len(w)) for payload, w in zip(payloads, words, strict=True)]
    got, cycles = streamed(RowPacker(bits), runs, pause_in, pause_out)
    assert got == words
    if not pause_in and not pause_out:
        assert cycles <= 4 * (n + 6)


@pytest.mark.parametrize("kind", [RowPacker, RowUnpacker])
def test_refuses(kind):
    with pytest.raises(ValueError, match="1 to 32 bits can be packed, not of 33"):
        kind(33)
