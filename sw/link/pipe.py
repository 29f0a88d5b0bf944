"""Byte pipes that can carry the link: a serial port, a pseudo-terminal, a socket.

A pipe promises nothing but that bytes arrive in the order they were sent. It may lose, change, double and invent them;
the link above it copes.
"""

import re
import select
import socket

from ...hw.link.protocol import UART_BITS
from ...sim.link.pipe import Pipe
from ..errors import DeviceError

__all__ = ["DEFAULT_BAUD", "LinkError", "SerialPipe", "SocketPipe", "address_fault", "open_pipe"]

DEFAULT_BAUD = 1_000_000
#: Seconds until a pipe that takes no bytes counts as gone.
WRITE_TIMEOUT = 5.0
CHUNK = 1 << 16
#: Python refuses to read numbers of thousands of digits, and no port or rate has more than these.
#: Bits a second at which the first answer is waited for no longer than a few seconds.
_SLOWEST = 300
_NUMBER = re.compile("[0-9]{1,9}")


class LinkError(DeviceError):
    """The device cannot be opened, is not the one expected, or has gone away."""


class SerialPipe(Pipe):
    """A serial port or pseudo-terminal, by pyserial: 8N1, no flow control (the link has its own)."""

    def __init__(self, port: str, baud: int = DEFAULT_BAUD):
        try:
            import serial
        except ImportError:
            raise LinkError(f'{port}: serial ports need pyserial: pip install "skipwalk[serial]"') from None
        self.name = port
        self.bytes_per_second = baud / UART_BITS
        self._gone: tuple[type[Exception], ...] = (serial.SerialException, OSError)
        try:
            self._port = serial.Serial(port, baud, timeout=0, write_timeout=WRITE_TIMEOUT, exclusive=True)
        except (*self._gone, ValueError) as error:
            raise LinkError(
                f"{port} cannot be opened at {baud} baud: {error}. Is the board plugged in, the name right "
                f"(`python -m serial.tools.list_ports` lists ports), and may you use it (group dialout)?"
            ) from error
        try:
            self._port.set_low_latency_mode(True)
        except (AttributeError, NotImplementedError, ValueError, *self._gone):
            pass  # a bridge that holds bytes back for some ms is slower, not wrong

    def read(self, timeout: float) -> bytes:
        try:
            self._port.timeout = timeout
            first = self._port.read(1)
            return first + self._port.read(min(self._port.in_waiting, CHUNK)) if first else b""
        except self._gone as error:
            raise self._lost(error) from error

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except self._gone as error:
            raise self._lost(error) from error

    def close(self) -> None:
        self._port.close()

    def _lost(self, error: Exception) -> LinkError:
        return LinkError(f"{self.name} went away ({error}): check the cable, then open the device again")


class SocketPipe(Pipe):
    """A connected stream socket: a TCP bridge, or one end of ``socket.socketpair()``."""

    def __init__(self, connected: socket.socket, name: str = "socket"):
        self.name = name
        self._socket = connected
        self._socket.settimeout(WRITE_TIMEOUT)

    @classmethod
    def connect(cls, host: str, port: int) -> "SocketPipe":
        """To a TCP port. Raises LinkError if nobody listens there."""
        name = f"tcp:{host}:{port}"
        try:
            connected = socket.create_connection((host, port), timeout=WRITE_TIMEOUT)
        except OSError as error:
            raise LinkError(f"{name} cannot be reached: {error}. Is the bridge or simulation running?") from error
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connected, name)

    def read(self, timeout: float) -> bytes:
        try:
            if not select.select([self._socket], [], [], timeout)[0]:
                return b""
            data = self._socket.recv(CHUNK)
        except (OSError, ValueError) as error:
            raise LinkError(f"{self.name} went away ({error}): open it again") from error
        if not data:
            raise LinkError(f"{self.name} was closed by the other end: is the bridge or simulation still running?")
        return data

    def write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkError(f"{self.name} went away ({error}): open it again") from error

    def close(self) -> None:
        self._socket.close()


def open_pipe(address: str) -> Pipe:
    """The pipe of an address: ``/dev/ttyUSB0``, ``COM3``, ``/dev/ttyUSB0@3000000`` (baud) or ``tcp:host:port``.

    Raises LinkError if the address makes no sense or the pipe cannot be opened.
    """
    if (fault := address_fault(address)) is not None:
        raise LinkError(fault)
    if address.startswith("tcp:"):
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        return SocketPipe.connect(host, int(port))
    port, at, baud = address.rpartition("@")
    return SerialPipe(port, int(baud)) if at else SerialPipe(address)


def address_fault(address: str) -> str | None:
    """What is wrong with an address; None if nothing is, as far as can be seen without opening it."""
    if address.startswith("tcp:"):
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        if not host or not _NUMBER.fullmatch(port) or not 0 < int(port) < 1 << 16:
            return f"{address!r} is no address of a socket; write tcp:HOST:PORT"
        return None
    port, at, baud = address.rpartition("@")
    if at and (not port or not _NUMBER.fullmatch(baud) or int(baud) < _SLOWEST):
        return f"{address!r} is no address of a serial port; write PORT or PORT@BAUD, {_SLOWEST} or more"
    return None
