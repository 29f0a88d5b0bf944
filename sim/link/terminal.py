"""A pseudo-terminal, and a thread that serves it: for whoever opens it, a serial port with a device behind."""

import os
import select
import threading
import tty
from abc import ABC, abstractmethod
from typing import Self

from .pipe import Pipe

__all__ = ["Terminal", "TerminalServer"]


class Terminal(Pipe):
    """The device's end. What nobody reads within a second is lost, as on a line, unless it is pushed.

    Parameters
    ----------
    chunk : int
        Bytes that are read at once.
    """

    def __init__(self, chunk: int = 4096):
        self._chunk = chunk
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)
        self._open = True

    def read(self, timeout: float) -> bytes:
        return os.read(self._master, self._chunk) if select.select([self._master], [], [], timeout)[0] else b""

    def push(self, data: bytes, timeout: float) -> bytes:
        """What is left of ``data``: all of it if there is no room within ``timeout`` seconds."""
        return data[os.write(self._master, data) :] if select.select([], [self._master], [], timeout)[1] else data

    def write(self, data: bytes) -> None:
        while data:
            left = self.push(data, 1.0)
            if len(left) == len(data):
                return
            data = left

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._master)
            os.close(self._slave)


class TerminalServer(ABC):
    """A device on a terminal, served by a thread from :meth:`_start` on. A context manager.

    Parameters
    ----------
    terminal : Terminal

    Attributes
    ----------
    port : str
        Path of the pseudo-terminal.
    """

    def __init__(self, terminal: Terminal):
        self._terminal = terminal
        self.port = self._terminal.name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self._thread.start()

    @abstractmethod
    def _serve(self) -> None:
        """Until ``_stop`` is set."""

    def close(self) -> None:
        """Stop serving, and give the pseudo-terminal back."""
        self._stop.set()
        self._thread.join()
        self._terminal.close()
