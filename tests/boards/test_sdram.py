"""A whole board whose rows stand in its SDRAM, by its pins: the chip there holds the board to its data sheet."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("amaranth_boards", reason="needs pip install amaranth-boards")

from skipwalk.hw.boards.table import PIN_REGISTERS, Board, Pll, board
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.memory.sdram_config import SdramConfig
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.ports.serial import Unit, UnitSwitch
from skipwalk.sim.boards.line import BoardLine
from skipwalk.sim.boards.pins import BoardPins
from skipwalk.sim.boards.sdram import SdramAtPins
from skipwalk.sim.memory.sdram import SdramViolation
from skipwalk.sw.graph.contexts import negative_sampler
from skipwalk.sw.link.transport import SerialTransport, open_transport
from skipwalk.sw.oselm.driver import OSELMDevice

#: Real pins around a small core with as few slots as there may be, at the largest board's clock.
TINY = Board(
    name="tiny-sdram",
    title="ULX3S with a small core",
    platform="amaranth_boards.ulx3s:ULX3S_25F_Platform",
    core=preset("tiny").replace(vendor=Vendor.ECP5, walks=2, max_walk=8, nodes=100, pool=16, replaced=4, slots=88),
    clock_hz=75_000_000,
    input_hz=25_000_000,
    baud=18_750_000,
    sdram=SdramConfig(clock_hz=75_000_000, input_delay=PIN_REGISTERS),
)
#: With the chip at the fastest clock that a latency of 2 allows.
APART = dataclasses.replace(
    TINY, name="tiny-sdram-apart", sdram=SdramConfig(clock_hz=100_000_000, input_delay=PIN_REGISTERS)
)


class Line(BoardLine):
    """The board stays on when a session ends."""

    def close(self) -> None:
        pass


def trained(transport) -> tuple[np.ndarray, np.ndarray]:
    """Rows and P after some walks; every number from one seed."""
    cfg, rng = TINY.core, np.random.default_rng(3)
    with OSELMDevice(transport, cfg) as device:
        device.set_parameters(q=1e-4, p0=1.0)
        device.load(rng.uniform(-0.5, 0.5, (cfg.nodes, cfg.dim)))
        device.write_p(np.eye(cfg.dim))
        table = negative_sampler(rng.integers(1, 9, cfg.nodes))
        device.set_sampling(window=4, negatives=3, sampler=table, seed=5, interleave=2, pool=16, replaced=4)
        device.train_walks(rng.integers(0, cfg.nodes, (16, 8)).astype(np.int32), 0)
        return device.read_rows_raw(), device.read_p_raw()


@pytest.mark.parametrize("row", [TINY, APART], ids=["one clock", "two"])
def test_walks_on_the_simulated_board_give_the_bits_of_the_golden_model(row):
    """In two sessions: the second one begins with a reset of controller and core in the midst of refreshes."""
    expected = trained(open_transport("golden", row.core))
    with BoardPins(row, quick=True) as pins:
        pins.run(10e-6)
        for _ in range(2):
            got = trained(SerialTransport(Line(pins, row), row.core))
            for board_state, golden_state in zip(got, expected, strict=True):
                np.testing.assert_array_equal(board_state, golden_state)
        commands = pins.sdram.chip.commands
        assert commands["mode"] == 2
        assert min(commands[name] for name in ("read", "write", "active", "refresh", "precharge")) > 50


def test_a_broken_rule_is_told_when_time_has_passed():
    chip = SdramAtPins(TINY.sdram)
    chip.check(0)
    read = 0b01011  # enabled, chosen, CAS
    assert chip.edge(20_000, read, -1) == 0
    with pytest.raises(SdramViolation, match="READ of bank 0, which is closed"):
        chip.check(0)
    with pytest.raises(SdramViolation, match="changed 3 times within setup or hold time"):
        SdramAtPins(TINY.sdram).check(3)


def test_second_output_of_the_pll_leads():
    pll = Pll.closest(25_000_000, 75_000_000)
    assert pll.oscillator_hz == 600_000_000
    # 8 periods of the oscillator, less 10 eighths of one (2.08 ns); the first output has 7 and 0.
    assert pll.phase(2.0) == (7 + 6, 6)
    assert pll.phase(0) == (7 + 8, 0)


def test_one_oscillator_makes_both_clocks():
    """The middle of its range is taken; the chip's clock leads that of its controller, whose divisor it has."""
    assert (APART.pll.oscillator_hz, APART.pll.output, APART.pll.second) == (600_000_000, 8, 6)
    assert APART.pll.phase(2.0) == (7 + 4, 6)
    assert TINY.pll.second == 0
    faster = dataclasses.replace(APART, clock_hz=80_000_000, baud=20_000_000)
    assert faster.pll.oscillator_hz in (400_000_000, 800_000_000)
    assert faster.pll.oscillator_hz == 100_000_000 * faster.pll.second


def test_boards_that_cannot_have_an_sdram_are_refused():
    known = (
        r"tiny-sdram: no PLL makes 97000000 Hz beside 75000000 Hz; it makes 90000000, 93750000, 100000000, 105000000"
    )
    with pytest.raises(ValueError, match=known):
        dataclasses.replace(TINY, sdram=dataclasses.replace(TINY.sdram, clock_hz=97_000_000))
    with pytest.raises(ValueError, match=r"the clock of the SDRAM is a PLL's"):
        dataclasses.replace(TINY, input_hz=75_000_000)
    with pytest.raises(ValueError, match=r"os-elm has rows in memory outside, and there is no SDRAM for them"):
        Unit.of(TINY.core)
    with pytest.raises(ValueError, match=r"the rows take 2\^9 words of the SDRAM's 2\^8"):
        Unit.of(TINY.core, sdram=SdramConfig(clock_hz=75_000_000, bank_bits=1, row_bits=4, column_bits=4))
    core = Unit.of(TINY.core, sdram=TINY.sdram).core
    with pytest.raises(ValueError, match="2 cores have rows in the SDRAM"):
        UnitSwitch([core, core])


@pytest.mark.parametrize("name", ["ulx3s-85f-sdram", "ulx3s-45f-sdram"])
def test_rows_and_graph_of_the_board_fit_its_memory(name):
    row = board(name)
    assert row.core.lists_outside
    assert row.core.memory_map.address_bits <= row.sdram.address_bits
    assert row.sdram.address_bits == 23  # words of 32 bits: 32 MB
