"""Places of the lanes' cells on the chip: each its own, lane beside lane."""

import itertools
import re
from collections import Counter

import pytest
from skipwalk.hw.boards.floorplan import LFE5U_85F, floorplan, floorplan_script
from skipwalk.hw.oselm.config import preset

CFG = preset("ecp5-85f")
WITHOUT_P = CFG.replace(gain=preset("ecp5-85f-d64").gain)


@pytest.fixture(scope="module", params=["with P", "constant gain"])
def plan(request):
    return floorplan(CFG if request.param == "with P" else WITHOUT_P, LFE5U_85F)


def columns(plan: dict[str, str], pattern: str) -> list[int]:
    """Of the cells whose names match, in the order of their lanes."""
    found = {int(m[1]): place for name, place in plan.items() if (m := re.fullmatch(pattern, name))}
    return [int(re.match(r"X(\d+)/", found[lane])[1]) for lane in sorted(found)]


def test_each_cell_has_a_place_of_its_own_that_the_chip_has(plan):
    assert [place for place, n in Counter(plan.values()).items() if n > 1] == []
    multipliers = {LFE5U_85F.multiplier(row, n) for row in LFE5U_85F.dsp_rows for n in range(LFE5U_85F.width)}
    rams = {LFE5U_85F.ram(row, n) for row in LFE5U_85F.ram_rows for n in range(LFE5U_85F.width)}
    assert len(multipliers) == 3 * LFE5U_85F.width
    assert len(rams) == 2 * LFE5U_85F.width
    for name, place in plan.items():
        assert place in (rams if ".block_" in name else multipliers), (name, place)


def test_lanes_that_hand_on_to_each_other_are_side_by_side(plan):
    """Out to the right, and back again: the last lane is above the first one."""
    places = columns(plan, r"samples\.dot\.multipliers\.lane_(\d+)\.cell\.cell")
    half = len(places) // 2
    out, back = places[:half], places[half:]
    assert out == sorted(out)
    assert back == sorted(back, reverse=True)
    assert abs(out[-1] - back[0]) <= 9
    assert abs(out[0] - back[-1]) <= 9
    assert max(b - a for a, b in itertools.pairwise(out)) <= 20


def test_a_core_with_p_has_its_sweep_there_and_one_without_has_none():
    roles = {name.partition(".multipliers")[0] for name in floorplan(CFG, LFE5U_85F) if "multipliers" in name}
    assert roles == {"samples.dot", "samples.step", "sweep.step", "sweep.dot"}
    assert not [name for name in floorplan(WITHOUT_P, LFE5U_85F) if name.startswith("sweep")]


def test_lanes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"so 16 lanes take \d+; a row has 52"):
        floorplan(CFG.replace(nodes=4 * CFG.nodes), LFE5U_85F)


def test_the_script_names_each_cell_wherever_amaranth_has_put_it():
    small = preset("tiny").replace(lanes=2, dim=2)
    script = list(floorplan_script(small, LFE5U_85F))
    assert len(script) == len(floorplan(small, LFE5U_85F))
    assert script[0] == 'setattr -set BEL "X4/Y10/MULT18_0" c:*.samples*.step.multipliers.lane_0.cell.cell'
