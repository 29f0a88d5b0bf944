"""A board by its pins: the netlist that its bitstream is made of, compiled, with an oscillator, a serial port, and
its SDRAM.

What runs is what Amaranth's platform for that board hands to synthesis: pads, PLL, reset and core, with the vendor's
cells. Those are simulated by the models in ``pins.v`` and ``ecp5.v``; time is in picoseconds, and the core's clock is
what the model of the PLL makes of the clock pin.
"""

import ctypes
import functools
import re
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from ...hw.boards.prepare import NAME, prepare
from ...hw.boards.table import Board
from ...hw.memory.sdram_config import SdramConfig
from ..rtl.build import BuildError
from ..rtl.synthesis import MODELS, SynthesisError, run_yosys
from ..rtl.verilate import Variant, compile_model, load_library
from ..rtl.verilog_text import split_vectors
from .sdram import DATA_SHEET_PS, SdramAtPins

__all__ = ["PICOSECONDS", "BoardPins", "board_verilog", "compile_board"]

PICOSECONDS = 1e12
#: Verilog models of pads and PLLs.
PIN_MODELS = Path(__file__).with_name("pins.v")
#: Attributes that tell where things came from; among them paths.
ORIGINS = " ".join(f"-remove {name}" for name in ("src", "generator", "top", "amaranth.hierarchy", "amaranth.decoding"))

_VARIANT = Variant(
    prefix="Vboard",
    options=(
        *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "--pins-inout-enables"),
        "-Wno-PINMISSING",  # outputs of a primitive that a board has no use for
    ),
    cflags="-fPIC -fvisibility=hidden",
    fast="-O3 -march=native",
    ldflags="-shared",
    timing=True,
)
#: Of a function in Python that the harness calls.
_CHIP = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_int32)


def board_verilog(row: Board) -> str:
    """The netlist of a board's bitstream before synthesis, and models of its cells, below a module ``board``.

    Module ``board`` has the ports ``clock``, ``rx`` and ``tx``, whatever the board calls its pins; for an SDRAM also
    ``sdram_clk``, ``sdram_dq``, and ``sdram_out``: all other pins, in the order of :data:`.sdram.SDRAM_PINS`.
    Raises BuildFailed or SynthesisError if something is not installed, and BuildError if the pins are others.
    """
    with tempfile.TemporaryDirectory(prefix="board-") as folder:
        prepare(row, Path(folder))
        run_yosys(
            [f"read_rtlil {NAME}.il", "proc -nomux -norom", "memory_collect", f"attrmap {ORIGINS}",
             f"attrmap -modattr {ORIGINS}", f"write_verilog -norename {NAME}.v"],
            cwd=Path(folder),
        )  # fmt: skip
        netlist = Path(folder, f"{NAME}.v").read_text()
    ports = re.search(rf"^module \\?{NAME} *\((.*?)\);", netlist, re.MULTILINE | re.DOTALL)
    pins = [port.strip() for port in ports[1].split(",")] if ports else []
    inner = {"rx": r"uart_\d+__rx__io", "tx": r"uart_\d+__tx__io", "clock": r"clk\w*__io"}
    ports_of_board = "input clock, rx, output tx"
    if row.sdram is not None:
        sdram, wires = _sdram_wires(row.sdram)
        inner |= {wire: rf"sdram_\d+__{pin}__io" for pin, wire in sdram.items()}
        ports_of_board += wires
    found = {port: [pin for pin in pins if re.fullmatch(pattern, pin)] for port, pattern in inner.items()}
    if len(pins) != len(inner) or any(len(names) != 1 for names in found.values()):
        known = "a clock, rx and tx" + (" and an SDRAM" if row.sdram is not None else "")
        raise BuildError(f"{row.name}: the simulation drives {known}, the board has {', '.join(pins)}")
    connections = ", ".join(f".{names[0]}({port})" for port, names in found.items())
    wrapper = f"module board ({ports_of_board});\n  {NAME} {NAME} ({connections});\nendmodule\n"
    return "\n".join([wrapper, netlist, PIN_MODELS.read_text(), MODELS.read_text()])


def _sdram_wires(cfg: SdramConfig) -> tuple[dict[str, str], str]:
    """What the pins of the SDRAM are connected to, and what that is called among the ports."""
    wires, at = {"clk": "sdram_clk", "dq": "sdram_dq"}, 0
    for name, width in SdramAtPins.widths(cfg).items():
        wires[name] = f"sdram_out[{at + width - 1}:{at}]"
        at += width
    return wires, f", sdram_clk, output [{at - 1}:0] sdram_out, inout [{cfg.DATA_BITS - 1}:0] sdram_dq"


@functools.cache
def compile_board(row: Board, *, quick: bool = False) -> Path:
    """Compile a board and its harness into a shared library, unless that was done before; returns its path. ``quick``:
    a slower variant that the compiler does not optimise.

    Raises BuildError, or MissingToolError, which is one.
    """
    try:
        verilog = board_verilog(row)
    except SynthesisError as error:
        raise BuildError(str(error)) from error
    text = Path(__file__).with_name("harness.cpp").read_text()
    if row.sdram is not None:
        text = f"#define SKIPWALK_SDRAM\n{text}"
    harness, name, make = {"harness.cpp": text}, f"board-{row.name}", ("OPT_FAST=-O0",) if quick else ()
    folder = compile_model(name, split_vectors(verilog), "board", harness, "libboard.so", _VARIANT, make)
    return folder / "libboard.so"


@functools.cache
def _load(library: Path, sdram: bool) -> ctypes.CDLL:
    """The library with the signatures of its functions."""
    board, size, real = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "open": (board, [real, real]),
        "close": (None, [board]),
        "oscillator": (None, [board, ctypes.c_int]),
        "run": (size, [board, ctypes.c_char_p, size, real]),
        "time": (real, [board]),
        "broken": (ctypes.c_uint64, [board]),
        "pending": (size, [board]),
        "take": (None, [board, ctypes.c_void_p]),
    }
    if sdram:
        signatures |= {
            "sdram": (None, [board, _CHIP, *[real] * 4]),
            "unsettled": (ctypes.c_uint64, [board]),
        }
    return load_library(library, "skipwalk_board_", signatures)


class BoardPins:
    """A running board. A context manager; its power has just been switched on.

    Parameters
    ----------
    row : Board
        Which one.
    skew : float
        By how much the bit clock of the serial port at its pins is too fast: 0.01 for 1 %.
    oscillator_hz : float, optional
        Another clock at the pin than the board's.
    quick : bool
        As of :func:`compile_board`.

    Attributes
    ----------
    sdram : SdramAtPins or None
        The memory outside, if the board uses it; whatever lets time pass raises SdramViolation when the board has
        broken a rule of its data sheet.
    """

    def __init__(self, row: Board, *, skew: float = 0.0, oscillator_hz: float | None = None, quick: bool = False):
        self._lib = _load(compile_board(row, quick=quick), row.sdram is not None)
        period, bit = PICOSECONDS / (oscillator_hz or row.input_hz), PICOSECONDS / (row.baud * (1 + skew))
        self._handle = ctypes.c_void_p(self._lib.skipwalk_board_open(period, bit))
        self._close = weakref.finalize(self, self._lib.skipwalk_board_close, self._handle)
        self.sdram = None if row.sdram is None else SdramAtPins(row.sdram)
        if self.sdram is not None:
            self._edge = _CHIP(self.sdram.edge)
            times = (DATA_SHEET_PS[name] for name in ("setup", "hold", "access", "keep"))
            self._lib.skipwalk_board_sdram(self._handle, self._edge, *times)

    def __enter__(self) -> "BoardPins":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the simulation. Closing twice is allowed."""
        self._close()

    def send(self, data: bytes, seconds: float = float("inf")) -> int:
        """Send bytes over the serial line, for at most that long in simulated time; how many are on their way."""
        return self._run(data, seconds) if data else 0

    def run(self, seconds: float) -> None:
        """Let simulated time pass, with the line to the board idle."""
        self._run(b"", seconds)

    def _run(self, data: bytes, seconds: float) -> int:
        sent = self._lib.skipwalk_board_run(self._handle, data, len(data), seconds * PICOSECONDS)
        if self.sdram is not None:
            self.sdram.check(self._lib.skipwalk_board_unsettled(self._handle))
        return sent

    def received(self) -> bytes:
        """What the board has sent since the last call."""
        data = np.empty(self._lib.skipwalk_board_pending(self._handle), np.uint8)
        self._lib.skipwalk_board_take(self._handle, data.ctypes.data)
        return data.tobytes()

    def oscillator(self, runs: bool) -> None:
        """Stop the oscillator of the board, or let it run again."""
        self._lib.skipwalk_board_oscillator(self._handle, runs)

    @property
    def seconds(self) -> float:
        """Simulated time since power was switched on."""
        return self._lib.skipwalk_board_time(self._handle) / PICOSECONDS

    @property
    def broken(self) -> int:
        """Bytes from the board that had no stop bit."""
        return self._lib.skipwalk_board_broken(self._handle)
