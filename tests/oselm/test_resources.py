"""What a core takes: formulas against the netlist, and against what was placed and routed."""

import dataclasses
import json
import tempfile
from pathlib import Path

import pytest
from skipwalk.hw.boards.fpgas import FPGAS, fpga_of
from skipwalk.hw.boards.table import BOARDS
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.link.protocol import LinkConfig
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.sim.oselm.resources import Needs, core_needs, luts, netlist_needs

RESULTS = Path(__file__).parents[2] / "results" / "boards"

#: P, row FIFO and history in LUTs; in block RAM, with a queue that is too; a long context; the same, sequential.
CORES = {
    "lut-ram": CoreConfig(dim=4, nodes=50, lanes=2, max_samples=5, lookahead=1, vendor=Vendor.ECP5),
    "block-ram": CoreConfig(dim=16, nodes=300, lanes=2, max_samples=15, vendor=Vendor.ECP5),
    "walks": CoreConfig(
        dim=4, nodes=1030, lanes=2, max_samples=7, lookahead=1, vendor=Vendor.ECP5, walks=5, max_walk=80
    ),
    "graph": CoreConfig(
        dim=4,
        nodes=1030,
        lanes=2,
        max_samples=7,
        lookahead=1,
        vendor=Vendor.ECP5,
        walks=4,
        edge_ends=5000,
        weight_bits=20,
    ),
    "constant": CoreConfig(dim=16, nodes=300, lanes=2, max_samples=15, gain="constant", vendor=Vendor.ECP5),
    "outside": CoreConfig(
        dim=4,
        nodes=2000,
        lanes=2,
        max_samples=7,
        lookahead=1,
        vendor=Vendor.ECP5,
        walks=2,
        max_walk=40,
        pool=256,
        replaced=4,
        slots=600,
    ),
    "lists": CoreConfig(
        dim=4,
        nodes=2000,
        lanes=2,
        max_samples=7,
        lookahead=1,
        vendor=Vendor.ECP5,
        walks=2,
        walkers=2,
        max_walk=40,
        pool=256,
        replaced=4,
        slots=600,
        edge_ends=40_000,
        weight_bits=20,
        lists_outside=True,
    ),
    "long": CoreConfig(dim=4, nodes=1030, lanes=4, max_samples=40, lookahead=1, vendor=Vendor.ECP5),
    "sequential": CoreConfig(
        dim=4, nodes=1030, lanes=4, max_samples=40, schedule="sequential", lookahead=0, vendor=Vendor.ECP5
    ),
}


def cells(core: CoreConfig) -> dict[str, int]:
    """Of the netlist before logic is mapped to LUTs, which would take most of the time."""
    pytest.importorskip("pyosys", reason="synthesis needs the extra skipwalk[synth]")
    rtlil = pytest.importorskip("amaranth.back.rtlil", reason="the gateware needs the extra skipwalk[rtl]")
    from skipwalk.hw.oselm.core import OSELMCore
    from skipwalk.sim.rtl.synthesis import run_yosys

    with tempfile.TemporaryDirectory(prefix="resources-") as folder:
        design, statistics = Path(folder, "design.il"), Path(folder, "statistics.json")
        design.write_text(rtlil.convert(OSELMCore(core, primitives=True), name="top"))
        commands = [f"read_rtlil {design}", "synth_lattice -family ecp5 -top top -run :map_gates"]
        run_yosys([*commands, f"tee -q -o {statistics} stat -json"], timeout=300)
        return json.loads(statistics.read_text())["design"]["num_cells_by_type"]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.long) if n in ("graph", "lists") else n for n in CORES]
)
def test_formulas_hold_in_the_netlist(name):
    core = CORES[name]
    found = netlist_needs(cells(core), "ecp5")
    assert (found.dsp, found.bram) == (core_needs(core).dsp, core_needs(core).bram)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")) or [None], ids=lambda path: path and path.stem)
def test_formulas_hold_on_the_boards(path):
    entry = json.loads(path.read_text()) if path is not None else {}
    board = BOARDS.get(entry.get("board", ""))
    if board is None or len(board.cores) > 1 or board.core != CoreConfig.from_dict(entry["core"]):
        pytest.skip("no result of a board as it is in the table now")
    needs, device = core_needs(board.core, board.link), fpga_of(board)
    assert (needs.dsp, needs.bram) == (entry["dsp"]["used"], entry["bram"]["used"])
    assert {what: getattr(device, what) for what in ("dsp", "bram")} == {
        what: entry[what]["available"] for what in ("dsp", "bram")
    }


def test_what_lanes_chunks_and_rows_cost():
    core = CORES["block-ram"]
    assert core_needs(core).dsp == 4 * 2 + 2
    # Row store 300 x 8 words (18 bits: 1024 a block), FIFO, history and P one block a lane; u, reciprocal, queue.
    assert core_needs(core).bram == 2 * (3 + 1 + 1 + 1) + 3
    assert core_needs(core.replace(nodes=600)).bram == 2 * (5 + 1 + 1 + 1) + 3
    assert core_needs(core, LinkConfig()).bram == core_needs(core).bram + 3


def test_lists_outside_take_no_block_ram():
    """40,000 entries of 31 bits are 80 blocks in five banks (79 would be as many banks); 2,000 headers, 4."""
    lists = CORES["lists"]
    assert core_needs(lists).bram == core_needs(CORES["outside"]).bram
    inside, outside = core_needs(lists.replace(lists_outside=False)), core_needs(lists)
    assert (inside.dsp, inside.bram - outside.bram) == (outside.dsp, 80 + 4)


def test_an_alias_table_takes_what_a_node_takes():
    """2,000 columns of 24 and 11 bits: four blocks of 512 words."""
    lists = CORES["lists"]
    assert lists.table_rows == 2000
    without = lists.replace(alias_table=False)
    assert without.table_rows == 0
    assert core_needs(lists).bram - core_needs(without).bram == 4


def test_what_is_not_there_without_p():
    """Half of the multipliers; of block RAMs one a lane, and that of u."""
    core = CORES["block-ram"]
    with_p, without = core_needs(core), core_needs(core.replace(gain="constant"))
    assert (with_p.dsp - without.dsp, with_p.bram - without.bram) == (2 * core.lanes, core.lanes + 1)


def test_d32_without_p_fits_a_45f():
    board = BOARDS["ulx3s-45f-d32"]
    assert (board.core.dim, board.core.has_p, fpga_of(board).name) == (32, False, "LFE5U-45F")
    needs, device = core_needs(board.core, board.link), fpga_of(board)
    assert needs.dsp <= device.dsp
    assert needs.bram <= device.bram
    assert core_needs(board.core.replace(gain="covariance")).dsp > device.dsp


def test_cells_of_a_netlist():
    netlist = {"LUT4": 10, "CCU2C": 3, "TRELLIS_DPR16X4": 1, "PFUMX": 9, "TRELLIS_FF": 7, "MULT18X18D": 2, "DP16KD": 1}
    assert netlist_needs(netlist, "ecp5") == Needs(dsp=2, bram=1, lut=22, ff=7)
    assert luts({"LUT2": 2, "LUT3": 1, "ALU": 4}, "gowin") == 7
    with pytest.raises(ValueError, match="cells of 'virtex' are not known here; there are: ecp5, gowin"):
        netlist_needs({}, "virtex")


def test_every_board_has_a_known_device():
    for board in BOARDS.values():
        assert fpga_of(board).name in FPGAS


def test_the_longest_name_is_the_device():
    board = next(iter(BOARDS.values()))
    other = dataclasses.replace(board, title="Some board with LFE5UM5G-85F")
    assert fpga_of(other).name == "LFE5UM5G-85F"
    with pytest.raises(ValueError, match=r"'a box'.* names no FPGA that is known here: LFE5U-12F"):
        fpga_of(dataclasses.replace(board, title="a box"))
