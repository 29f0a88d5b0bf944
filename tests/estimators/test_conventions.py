"""Seeds in all forms that scikit-learn's users give them, and a progress that can be watched."""

import numpy as np
import pytest
from skipwalk.sw.estimators.conventions import as_seed, plain, progress_bar


def test_seeds_of_all_kinds():
    assert [as_seed(kind(7)) for kind in (int, np.int64, np.uint8)] == [7, 7, 7]
    assert type(as_seed(np.int64(3))) is int
    assert as_seed(2**64 - 1) == 2**64 - 1
    assert as_seed(np.random.RandomState(1)) == as_seed(np.random.RandomState(1))
    generator = np.random.default_rng(1)
    assert as_seed(generator) != as_seed(generator)
    assert len({as_seed(None) for _ in range(5)}) == 5
    for bad, error in (("1", TypeError), (1.5, TypeError), (-1, ValueError), (2**64, ValueError)):
        with pytest.raises(error, match="random_state must be"):
            as_seed(bad)


def test_numpy_scalars_become_plain():
    values = [plain(value) for value in (np.int64(3), np.float32(0.5), np.bool_(True), "x", None)]
    assert values == [3, 0.5, True, "x", None]
    assert [type(value) for value in values] == [int, float, bool, str, type(None)]


def test_progress_is_told_and_quiet_bars_write_nothing(capsys):
    seen = []
    with progress_bar(10, "walk", verbose=False, progress=lambda *now: seen.append(now), done=2) as tell:
        tell(5, 10)
        tell(10, 10)
    assert seen == [(5, 10), (10, 10)]
    assert capsys.readouterr().err == ""
