"""A whole board in simulation, by its pins: what its bitstream is made of, behind a pseudo-terminal and the driver."""

import dataclasses
import threading
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

pytest.importorskip("amaranth_boards", reason="needs pip install amaranth-boards")

from skipwalk.hw.boards.table import Board, board
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.link.protocol import Flags
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.units import UNITS
from skipwalk.sim.boards.board import BoardSimulation
from skipwalk.sim.boards.pins import BoardPins, board_verilog
from skipwalk.sim.link.frame import Frame, FrameSplitter
from skipwalk.sim.oselm.unit import OSELMUnit
from skipwalk.sim.rtl.build import BuildError
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.graph.contexts import ContextBatch
from skipwalk.sw.link.transport import open_transport
from skipwalk.sw.oselm.driver import OSELMDevice
from skipwalk.sw.oselm.estimator import Node2Vec

from ..support import c_driver
from ..support.c_programs import lora_numbers, lora_program, oselm_numbers, oselm_program, replies_of
from ..support.command import skipwalk
from ..support.lora import golden_replies, random_program

#: A real board, with its PLL and the vendor's cells, around a small core of either kind.
TINY = Board(
    name="tiny",
    title="ULX3S with a small core",
    platform="amaranth_boards.ulx3s:ULX3S_25F_Platform",
    core=preset("tiny").replace(vendor=Vendor.ECP5),
    beside=(lora_preset("tiny").replace(vendor=Vendor.ECP5),),
    clock_hz=50_000_000,
    input_hz=25_000_000,
    baud=6_250_000,
)
#: For a frame to be answered with the longest one that these tests ask for.
FRAME_SECONDS = 120e-6


@pytest.fixture
def pins():
    with BoardPins(TINY) as running:
        yield running


@pytest.fixture(scope="module")
def served():
    with BoardSimulation(BoardPins(TINY), TINY) as simulation:
        yield simulation


def answers(pins: BoardPins, session: int, flags: Flags = Flags.OPEN) -> list[Frame]:
    """What the board says to one frame."""
    pins.send(b"\0" + Frame(flags=flags, session=session).encode())
    pins.run(FRAME_SECONDS)
    return frames_of(pins.received())


def frames_of(raw: bytes) -> list[Frame]:
    frames = [Frame.decode(part, from_device=True) for part in FrameSplitter().feed(raw)]
    assert None not in frames
    return frames


# ---- by the pins
def test_pll_out_of_its_range_never_locks():
    """120 MHz would be asked of an oscillator at 12 times that."""
    with BoardPins(TINY, oscillator_hz=60e6) as pins:
        pins.run(50e-6)
        assert answers(pins, 5) == []


def test_frame_that_begins_before_the_lock_is_lost(pins):
    hello = Frame(flags=Flags.OPEN, session=5).encode()
    pins.send(hello)
    pins.run(FRAME_SECONDS)
    assert [f.session for f in frames_of(pins.received())] == [0]
    assert [(f.flags, f.session) for f in answers(pins, 5)] == [(Flags.OPEN, 5)]
    assert pins.broken == 0


def test_clock_of_the_core_is_the_pll_s(pins):
    """A byte is ten bits of the core's clock: it ends when it should, or the PLL runs at another rate."""
    pins.run(10e-6)
    pins.send(b"\0" + Frame(flags=Flags.OPEN, session=5).encode())
    start, sizes = pins.seconds, []
    while pins.seconds < start + FRAME_SECONDS:
        sizes.append(len(pins.received()))
        pins.run(0.1e-6)
    arrivals = np.flatnonzero(sizes) * 0.1e-6
    took = (arrivals[-1] - arrivals[0]) / (len(arrivals) - 1)
    # Two clocks more than ten bits; looked at every 0.1 us.
    assert took == pytest.approx(10 / TINY.baud + 2 / TINY.clock_hz, abs=0.2e-6 / len(arrivals) + 1e-9)


def test_stopped_oscillator_takes_the_lock_and_resets_the_board(pins):
    pins.run(10e-6)
    answers(pins, 5)
    assert [f.session for f in answers(pins, 5, Flags.AGAIN)] == [5]
    pins.oscillator(False)
    pins.run(20e-6)
    assert pins.received() == b""
    pins.oscillator(True)
    pins.run(10e-6)
    assert [f.session for f in answers(pins, 5, Flags.AGAIN)] == [0]


@pytest.mark.parametrize("skew", [-0.02, 0.02])
def test_bit_clock_of_the_bridge_may_be_off(skew):
    with BoardPins(TINY, skew=skew) as pins:
        pins.run(10e-6)
        assert [f.flags for f in answers(pins, 5)] == [Flags.OPEN]
        assert pins.broken == 0


def test_pins_of_a_board_without_pll():
    verilog = board_verilog(board("tang-nano-20k"))
    assert ".clk27_0__io(clock)" in verilog
    assert "EHXPLLL #" not in verilog.partition("\nmodule IB ")[0]


def test_pins_that_the_simulation_does_not_drive_are_told(monkeypatch):
    text = "module top(clk25_0__io, led_0__io, uart_0__rx__io, uart_0__tx__io);\n"
    monkeypatch.setattr("skipwalk.sim.boards.pins.prepare", lambda row, folder: None)
    monkeypatch.setattr("skipwalk.sim.boards.pins.run_yosys", lambda _, cwd: (cwd / "top.v").write_text(text))
    with pytest.raises(BuildError, match=r"tiny: the simulation drives a clock, rx and tx, the board has .*led_0__io"):
        board_verilog(TINY)


# ---- by the driver
def contexts(rng, n: int) -> ContextBatch:
    sizes = rng.integers(0, TINY.core.max_samples + 1, n)
    total = int(sizes.sum())
    return ContextBatch(
        rng.integers(0, TINY.core.nodes, n, np.int32),
        np.concatenate([[0], np.cumsum(sizes)]),
        rng.integers(0, TINY.core.nodes, total, np.int32),
        rng.integers(0, 2, total, np.uint8),
    )


def trained(backend: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and P after a short training; every number from one seed."""
    rng = np.random.default_rng(3)
    with OSELMDevice(open_transport(backend, TINY.core), TINY.core) as device:
        device.set_parameters(q=1e-4, p0=1.0)
        device.load(rng.uniform(-0.5, 0.5, (TINY.core.nodes, TINY.core.dim)))
        device.write_p(np.eye(TINY.core.dim))
        device.train(contexts(rng, 40))
        return device.read_rows_raw(), device.read_p_raw()


def test_unchanged_driver_on_the_simulated_board_gives_the_same_bits(served):
    rows, p = trained("golden")
    for _ in range(2):  # opened again, it begins anew
        board_rows, board_p = trained(served.address)
        np.testing.assert_array_equal(board_rows, rows)
        np.testing.assert_array_equal(board_p, p)


def test_estimator_trains_a_graph_on_the_simulated_board(served):
    def digest(backend: str) -> str:
        how = {"window": 4, "negatives": 4, "walks_per_node": 1, "walk_length": 20}
        model = Node2Vec(preset=TINY.core, backend=backend, **how)
        found = model.fit(nx.karate_club_graph()).digest_
        model.close()
        return found

    assert digest(served.address) == digest("golden")


def test_board_with_another_configuration_is_refused(served):
    other = TINY.core.replace(nodes=32)
    with pytest.raises(DeviceError, match=f"digest {TINY.core.digest:#010x}, expected is {other.digest:#010x}"):
        open_transport(served.address, other)


def test_identity_names_the_core(served):
    with open_transport(served.address, TINY.core) as transport:
        assert transport.link.identity.kind == UNITS["os-elm"].kind


# ---- the command
def test_command_serves_until_interrupted(monkeypatch):
    """Without compiling anything."""
    rows = []

    class Stub(BoardSimulation):
        def __init__(self, _, row):
            self.address, self.cycles_per_second = "serial:/dev/pts/9@9600", 1e6
            rows.append(row)

        def close(self):
            pass

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("skipwalk.sim.boards.pins.BoardPins", lambda row: None)
    monkeypatch.setattr("skipwalk.sim.boards.board.BoardSimulation", Stub)
    monkeypatch.setattr(threading, "Event", lambda: SimpleNamespace(wait=interrupted))
    done = skipwalk("simulate", "ulx3s-25f", "--baud", 9600)
    assert done.exit_code == 130
    assert done.stdout == "serial:/dev/pts/9@9600\n"
    assert rows == [dataclasses.replace(board("ulx3s-25f"), baud=9600)]


def test_command_refuses():
    for arguments, said in (
        (["x"], "ulx3s-85f"),
        (["ulx3s-25f", "--baud", 50000000], "a UART of 50000000 baud needs a clock of at least 200000000 Hz"),
    ):
        done = skipwalk("simulate", *arguments)
        assert done.exit_code == 2
        assert said in done.stderr


def test_other_core_of_the_board_is_opened_by_its_configuration(served):
    """Skip2-LoRA, and after it OS-ELM again: both behind one link, neither disturbed by the other."""
    words, n_replies = random_program(TINY.lora, 3, 40, scale=1.0)
    with open_transport(served.address, TINY.lora) as transport:
        identity = transport.link.identity
        assert (identity.kind, identity.unit, identity.units) == (UNITS["skip2-lora"].kind, 1, 2)
        np.testing.assert_array_equal(transport.exchange(words, n_replies), golden_replies(TINY.lora, words))
    for board_state, golden_state in zip(trained(served.address), trained("golden"), strict=True):
        np.testing.assert_array_equal(board_state, golden_state)


@pytest.mark.skipif(c_driver.MISSING is not None, reason=c_driver.MISSING or "")
def test_c_driver_reads_the_golden_model_s_bits_from_the_board(served, tmp_path):
    """By its own link, on the pseudo-terminal; and the other core of the same board, after it."""
    program = c_driver.compile_driver(TINY.core, "oselm", tmp_path)
    both = oselm_program(TINY.core, np.random.default_rng(4))
    found, said = c_driver.run_over_line(program, both.script, served.address)
    assert said == "0 damaged, 0 repeated\n"
    assert found == oselm_numbers(TINY.core, replies_of(OSELMUnit(TINY.core, plain=True), both.words))
    (tmp_path / "lora").mkdir()
    program = c_driver.compile_driver(TINY.lora, "lora", tmp_path / "lora")
    both = lora_program(TINY.lora, np.random.default_rng(5))
    found, said = c_driver.run_over_line(program, both.script, served.address)
    assert said == "0 damaged, 0 repeated\n"
    assert found == lora_numbers(TINY.lora, both.words)
