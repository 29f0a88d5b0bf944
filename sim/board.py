"""A board without a board: ``python -m skipwalk.sim.board ulx3s-25f`` serves it on a pseudo-terminal.

The whole device (serial line, link, core) runs compiled by Verilator, at the clock and bit rate of the board, with a
UART of its own as the board's USB bridge. Any program that can open the board can open the pseudo-terminal.
"""

import argparse
import os
import select
import sys
import threading
import time
import tty
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hw.boards.table import BOARDS, Board, board
from ..hw.link.protocol import UartConfig
from ..hw.link.uart import UartReceiver, UartTransmitter
from ..hw.top import oselm_device
from .link_rtl import ByteTop
from .verilated import VerilatedCore

__all__ = ["BoardSimulation", "Bridge", "main", "simulate"]

#: Cycles between two looks at the pseudo-terminal.
SLICE = 20_000
#: Bytes taken from the pseudo-terminal at once.
CHUNK = 256


class Bridge(wiring.Component):
    """The USB bridge of a board: byte streams ``rx`` and ``tx`` onto the pins of the device behind it."""

    def __init__(self, device: Any, uart: UartConfig):
        self._device = device
        self._to_device = UartTransmitter(uart)
        self._from_device = UartReceiver(uart)
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.device = device = self._device
        m.submodules.to_device = to_device = self._to_device
        m.submodules.from_device = from_device = self._from_device
        wiring.connect(m, wiring.flipped(self.rx), to_device.i)
        wiring.connect(m, from_device.o, wiring.flipped(self.tx))
        m.d.comb += [device.rx.eq(to_device.tx), from_device.rx.eq(device.tx)]
        return m


def simulate(row: Board) -> VerilatedCore:
    """The device of a board, compiled and running; its bytes one to a word. Raises as ``VerilatedCore`` does."""
    device = oselm_device(row.core, row.uart, row.link)
    return VerilatedCore.from_component(ByteTop(Bridge(device, row.uart)), name="board")


class BoardSimulation:
    """A running device on a pseudo-terminal, served by a thread. A context manager.

    Parameters
    ----------
    rtl : VerilatedCore
        From :func:`simulate`. Closed with this.
    row : Board
        The same.

    Attributes
    ----------
    port : str
        Path of the pseudo-terminal.
    address : str
        For ``--backend``: the port, and the bit rate that the simulation keeps up with, so that the host waits long
        enough.
    """

    #: Cycles that the speed is measured over.
    TRIAL = 200_000

    def __init__(self, rtl: VerilatedCore, row: Board):
        self._rtl = rtl
        start = time.monotonic()
        rtl.step(self.TRIAL)
        self.cycles_per_second = self.TRIAL / (time.monotonic() - start)
        # Half of it: the driver, and whatever else this machine does, needs time too.
        baud = max(300, int(row.baud * self.cycles_per_second / row.uart.clock_hz / 2))
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.address = f"serial:{self.port}@{baud}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "BoardSimulation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Switch the board off."""
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)
        self._rtl.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            if select.select([self._master], [], [], 0)[0]:
                data = os.read(self._master, CHUNK)
                self._rtl.feed(np.frombuffer(data, np.uint8).astype(np.uint32))
            else:
                self._rtl.step(SLICE)
            if out := self._rtl.drain().astype(np.uint8).tobytes():
                os.write(self._master, out)


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C; 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="python -m skipwalk.sim.board", description=__doc__)
    parser.add_argument("board", help=", ".join(BOARDS))
    given = parser.parse_args(arguments)
    try:
        row = board(given.board)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"compiling {row.title} ...", file=sys.stderr)
    with BoardSimulation(simulate(row), row) as simulation:
        print(f"{simulation.cycles_per_second / 1e3:.0f} thousand cycles a second; Ctrl-C ends it", file=sys.stderr)
        print(simulation.address, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
