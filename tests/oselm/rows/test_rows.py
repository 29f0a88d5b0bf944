"""Rows outside, slots inside: the model against rows that are all on the chip, and how few slots will do."""

import numpy as np
import pytest
from skipwalk.hw.oselm.rows.config import RowsConfig
from skipwalk.sim.oselm.rows.cache import RowCache
from skipwalk.sim.oselm.rows.directory import NoSlotError, RowDirectory

SHAPE = {"rows": 200, "words": 3, "pool": 8, "group_rows": 12, "groups": 3}


class Traffic(RowCache):
    """Groups that read and change their rows and those of the pool some time after they were fetched, against ``plain``
    rows, in order."""

    def __init__(self, cfg: RowsConfig, rng: np.random.Generator):
        self.plain = rng.integers(0, 1000, cfg.rows)
        super().__init__(cfg, self.plain.copy())
        self.cfg, self.rng = cfg, rng
        self.fetched: list[list[tuple[int, int]]] = []
        self.pool: list[tuple[int, int]] = []

    def before_release(self) -> None:
        """Uses of the oldest group: each a read and a change of a row, by its slot."""
        for row, slot in self.fetched.pop(0):
            assert self.directory.row_in[slot] == row, "a row went while it was in use"
            assert self.slots[slot] == self.plain[row]
            self.slots[slot] += 1
            self.plain[row] += 1

    def group(self, hot: int) -> None:
        """Fetch another group; a share of its rows is among the first ``hot``."""
        cfg, rng = self.cfg, self.rng
        mine: list[tuple[int, int]] = []
        for _ in range(cfg.group_rows):
            row = int(rng.integers(0, hot if rng.random() < 0.5 else cfg.rows))
            new = rng.random() < 0.3 and cfg.pool > 0
            (slot,) = self.fetch([row], pool=new)
            mine.append((row, slot))
            if new:
                self.pool.append((row, slot))
                if len(self.pool) > cfg.pool:
                    self.directory.drop(self.pool.pop(0)[1])
        self.directory.end()
        self.fetched.append([*mine, *self.pool])
        while len(self.fetched) >= cfg.groups:
            self.before_release()
            self.directory.release()


@pytest.mark.parametrize("spare", [0, 1, 5, 24, 180])
@pytest.mark.parametrize("hot", [1, 6, 200])
def test_rows_are_what_they_would_be_on_the_chip(spare, hot):
    cfg = RowsConfig(slots=20 + spare, **SHAPE)
    traffic = Traffic(cfg, np.random.default_rng(spare + hot))
    for _ in range(60):
        traffic.group(hot)
    while traffic.fetched:
        traffic.before_release()
        traffic.directory.release()
    traffic.flush()
    assert np.array_equal(traffic.memory, traffic.plain)
    moves = traffic.directory.moves
    assert len(moves) + traffic.directory.hits == 60 * cfg.group_rows
    if spare == 180:
        assert not [move for move in moves if move.out is not None], "there is a slot for every row"


def test_a_group_never_waits_for_itself_and_with_a_slot_less_it_can():
    """All rows of pool and group distinct: the formula is exact."""

    def stuck(directory: RowDirectory) -> bool:
        try:
            for row in range(8):
                directory.look_up(row, pool=True)
            directory.end()
            directory.release()
            for row in range(12):
                directory.look_up(100 + row)
        except NoSlotError:
            return True
        return False

    cfg = RowsConfig(slots=20, **SHAPE)
    assert cfg.least_slots == 20
    assert not stuck(RowDirectory(cfg))
    with pytest.raises(ValueError, match=r"19 slots could all be wanted by one group: it needs pool \+ group_rows, 8"):
        RowsConfig(slots=19, **SHAPE)
    short = RowsConfig(slots=19, **{**SHAPE, "group_rows": 11})
    assert stuck(RowDirectory(short)), "of 12 rows, where 11 were promised"


def test_with_room_for_all_groups_none_waits():
    cfg = RowsConfig(slots=8 + 3 * 12, **SHAPE)
    assert cfg.slots == cfg.free_slots
    directory = RowDirectory(cfg)
    for row in range(8):
        directory.look_up(row, pool=True)
    for group in range(3):
        for row in range(12):
            directory.look_up(20 + 12 * group + row)
        directory.end()
    assert len(directory.moves) == cfg.slots
    with pytest.raises(NoSlotError):
        directory.look_up(199)
    directory.release()
    directory.look_up(199)


def test_what_leaves_the_pool_stays_for_the_groups_that_may_have_drawn_it():
    cfg = RowsConfig(slots=20, **SHAPE)
    directory = RowDirectory(cfg)
    slot = directory.look_up(5, pool=True)
    directory.end()
    directory.end()
    directory.release()
    assert directory.uses(slot)
    directory.drop(slot)
    assert directory.uses(slot), "the group before this one is under way"
    directory.release()
    assert not directory.uses(slot)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rows": 1}, "rows must be at least 2, not 1"),
        ({"words": 0}, "words must be at least 1, not 0"),
        ({"groups": 40}, r"groups must be below slots \(40\), not 40"),
    ],
    ids=str,
)
def test_shapes_out_of_range_are_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        RowsConfig(**{**SHAPE, "slots": 40, **changes})
