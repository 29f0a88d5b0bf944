"""The serial line of a simulated board as a pipe whose clock is the board's: nothing happens while the host thinks."""

from ...hw.boards.table import Board
from ...hw.link.protocol import UART_BITS
from ..link.pipe import Pipe
from .pins import BoardPins

__all__ = ["BoardLine"]


class BoardLine(Pipe):
    """What a host of no delay of its own sees of a board: times are those of the line and of the board alone.

    Parameters
    ----------
    pins : BoardPins
        The board; closed with this.
    row : Board
        The same.

    Attributes
    ----------
    bytes_sent, bytes_received : int
        To the board and from it, so far.
    """

    def __init__(self, pins: BoardPins, row: Board):
        self.name = row.name
        self.bytes_per_second = row.baud / UART_BITS
        self._byte = 1 / self.bytes_per_second
        self._pins = pins
        self.bytes_sent = self.bytes_received = 0

    def read(self, timeout: float) -> bytes:
        """Runs the board, a byte's time at once, until it has sent something."""
        end = self._pins.seconds + timeout
        while not (data := self._pins.received()) and self._pins.seconds < end:
            self._pins.run(self._byte)
        self.bytes_received += len(data)
        return data

    def write(self, data: bytes) -> None:
        self.bytes_sent += self._pins.send(data)

    def close(self) -> None:
        self._pins.close()

    def clock(self) -> float:
        return self._pins.seconds
