"""What the blocks become on a device: multipliers in DSP cells, memories in block RAM, nothing beside them."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.arith.dot import DotProduct
from skipwalk.hw.arith.multiplier import Multiplier
from skipwalk.hw.arith.reciprocal import Reciprocal
from skipwalk.hw.fabric.ram import Ram
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.front_end import FrontEnd
from skipwalk.hw.oselm.front_end.threefry import Threefry
from skipwalk.sim.rtl.synthesis import FAMILIES, SynthesisError, run_yosys, synthesise

pytest.importorskip("pyosys", reason="synthesis needs the extra skipwalk[synth]")

CELLS = {"vendor": Vendor.ECP5, "primitives": True}
LOGIC = ("LUT4", "PFUMX", "L6MUX21", "CCU2C")


def logic(cells: dict[str, int]) -> int:
    return sum(cells.get(kind, 0) for kind in LOGIC)


@pytest.mark.parametrize("widths", [(18, 18), (12, 3)])
def test_multiplier_is_one_cell(widths):
    assert synthesise(Multiplier(*widths, **CELLS)) == {"MULT18X18D": 1}


def test_multiplier_is_inferred():
    cells = synthesise(Multiplier(18, 18))
    assert cells.pop("MULT18X18D") == 1
    # Yosys leaves the operands', the inner and the output registers outside.
    assert cells == {"TRELLIS_FF": 108}


@pytest.mark.parametrize("how", [CELLS, {}], ids=["cells", "inferred"])
def test_dot_product_of_eight_lanes(how):
    dot = DotProduct(8, 18, 18, **how)
    cells = synthesise(dot)
    assert cells["MULT18X18D"] == 8
    assert "DP16KD" not in cells
    # The adders: 4, 2 and 1 of the tree, and the accumulator. Their carry chains and sums are all the logic there is.
    carries = sum((n * (bits + 1) + 1) // 2 + n for n, bits in ((4, 37), (2, 38), (1, 39), (1, len(dot.sum))))
    assert cells["CCU2C"] <= carries
    assert logic(cells) <= carries + len(dot.sum) + 8


@pytest.mark.parametrize("how", [CELLS, {}], ids=["cells", "inferred"])
@pytest.mark.parametrize(("depth", "width", "blocks"), [(1024, 18, 1), (300, 31, 1), (512, 72, 2)])
def test_one_bank_has_no_logic(depth, width, blocks, how):
    cells = synthesise(Ram(depth, width, **how))
    assert cells.pop("DP16KD") == blocks
    assert cells == ({} if how else {"TRELLIS_FF": width})


@pytest.mark.parametrize("how", [CELLS, {}], ids=["cells", "inferred"])
def test_a_lane_of_3072_rows(how):
    cells = synthesise(Ram(3072, 18, **how))
    assert cells["DP16KD"] == 3
    # The choice of one of three banks, 18 bits of 5 inputs, and the write enables.
    assert logic(cells) <= 18 * 3 + 4
    assert cells["TRELLIS_FF"] <= (22 if how else 40)


@pytest.mark.parametrize("how", [CELLS, {}], ids=["cells", "inferred"])
def test_distributed_ram_is_in_luts(how):
    cells = synthesise(Ram(32, 18, style="distributed", **how))
    assert cells["TRELLIS_DPR16X4"] == 2 * 5
    assert set(cells) <= {"TRELLIS_DPR16X4", "LUT4", "TRELLIS_FF"}


def test_reciprocal():
    cells = synthesise(Reciprocal(int_bits=6, frac_bits=18, gain_bits=17, **CELLS))
    assert cells["MULT18X18D"] == 1
    assert cells["DP16KD"] == 1
    assert cells["LUT4"] < 300


def test_front_end_of_the_largest_preset():
    cells = synthesise(FrontEnd(preset("ecp5-85f").replace(edge_ends=0), primitives=True))
    assert cells["MULT18X18D"] == 2
    # Six for a table of 3072 x 36 bits, two for 16 walks of up to 128 rows of 12 bits.
    assert cells["DP16KD"] == 8
    # A stage of Threefry is 64 registers, and at most 32 sums and 32 exclusive ors or another 32 sums.
    assert cells["TRELLIS_FF"] < (Threefry().latency + 25) * 64 + 200
    assert cells["LUT4"] < 1300
    assert cells["CCU2C"] < (Threefry().latency + Threefry.SUMS) * 16 + 350


class Both(wiring.Component):
    """A row store whose word is multiplied by a number; one synthesis for both blocks."""

    def __init__(self):
        self._ram = Ram(1024, 18)
        super().__init__({**self._ram.signature.members, "b": In(18), "p": Out(36)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = self._ram
        m.submodules.multiplier = multiplier = Multiplier(18, 18)
        m.d.comb += [getattr(ram, port).eq(getattr(self, port)) for port in ("wr_en", "wr_addr", "wr_data", "rd_addr")]
        m.d.comb += [multiplier.a.eq(ram.rd_data), multiplier.b.eq(self.b), self.p.eq(multiplier.p)]
        return m


@pytest.mark.parametrize(
    ("family", "multiplier", "memory"),
    [("gowin", "MULT18X18", "DPX9B"), ("nexus", "MULT18X18", "PDPSC16K"), ("ultrascale+", "DSP48E2", "RAMB18E2")],
)
def test_generic_blocks_map_elsewhere(family, multiplier, memory):
    cells = synthesise(Both(), family)
    assert cells[multiplier] == 1
    assert cells[memory] == 1


def test_errors_say_what_yosys_said(tmp_path):
    with pytest.raises(ValueError, match="no device family 'virtex'; there are: ecp5"):
        synthesise(Multiplier(2, 2), "virtex")
    with pytest.raises(SynthesisError, match="ERROR: Module `missing' not found"):
        run_yosys(["hierarchy -top missing"])
    slow = tmp_path / "slow.v"
    slow.write_text("module slow(input [19:0] a, b, output p); assign p = a * b == 40'd549755289607; endmodule")
    with pytest.raises(SynthesisError, match=r"Yosys was stopped after 1 s in: read_verilog"):
        run_yosys([f"read_verilog {slow}", "prep", "sat -prove p 0 slow"], timeout=1)


def test_every_family_is_a_command_yosys_has():
    for command in FAMILIES.values():
        assert command.split()[0] in run_yosys(["help"])
