"""A board without a board: ``skipwalk simulate ulx3s-25f`` serves it on a pseudo-terminal.

The netlist of its bitstream, pins, PLL and all, runs compiled by Verilator (:mod:`.pins`); what its pins say is
what the pseudo-terminal says. Any program that can open the board can open the pseudo-terminal.
"""

import time

from ...hw.boards.table import Board
from ..link.terminal import Terminal, TerminalServer
from .pins import BoardPins

__all__ = ["BoardSimulation"]

#: Cycles of the core between two looks at the pseudo-terminal while there is nothing to send: what the simulated time
#: of an answer may be late by.
SLICE = 500
#: Bytes taken from the pseudo-terminal at once.
CHUNK = 256
#: Seconds until a board that waits for its host is switched off.
STOP_WITHIN = 0.1
#: The simulation may become so many times slower than it was at its start before the host thinks that bytes were lost:
#: the driver, and whatever else this machine does, needs time too.
MARGIN = 4


class BoardSimulation(TerminalServer):
    """A running board on a pseudo-terminal.

    Parameters
    ----------
    pins : BoardPins
        The board. Closed with this.
    row : Board
        The same.

    Attributes
    ----------
    address : str
        For ``--backend``: the port, and the bit rate that the simulation keeps up with, so that the host waits long
        enough.
    cycles_per_second : float
        Cycles of the core's clock that are simulated in a second.
    bytes_sent, bytes_received : int
        To the board and from it, so far.
    """

    #: Cycles that the speed is measured over.
    TRIAL = 100_000

    def __init__(self, pins: BoardPins, row: Board):
        super().__init__(Terminal(CHUNK))
        self._pins = pins
        self._cycle = 1 / row.uart.clock_hz
        self.bytes_sent = self.bytes_received = 0
        start = time.monotonic()
        pins.run(self.TRIAL * self._cycle)
        self.cycles_per_second = self.TRIAL / (time.monotonic() - start)
        baud = max(300, int(row.baud * self.cycles_per_second / row.uart.clock_hz / MARGIN))
        self.address = f"serial:{self.port}@{baud}"
        self._start()

    def close(self) -> None:
        """Switch the board off."""
        super().close()
        self._pins.close()

    def _serve(self) -> None:
        pins = self._pins
        while not self._stop.is_set():
            if data := self._terminal.read(0):
                self.bytes_sent += pins.send(data)
            else:
                pins.run(SLICE * self._cycle)
            out = pins.received()
            self.bytes_received += len(out)
            # Time stands still while the host does not read.
            while out and not self._stop.is_set():
                out = self._terminal.push(out, STOP_WITHIN)
