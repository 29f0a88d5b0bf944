"""What carries the link: bytes in the order they were sent, but for those lost, changed, doubled or invented."""

import time
from abc import ABC, abstractmethod

__all__ = ["Pipe"]


class Pipe(ABC):
    """What the link needs of its carrier.

    Attributes
    ----------
    name : str
        For messages: how the user named the device.
    bytes_per_second : float or None
        Speed of the line, or None if it is no slower than this machine. Waiting times follow from it.
    """

    name: str
    bytes_per_second: float | None = None

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """At least one byte, or none after ``timeout`` seconds. Raises LinkError if the pipe is gone."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises LinkError if the pipe is gone."""

    @abstractmethod
    def close(self) -> None:
        """Give the pipe back; harmless if that was done already."""

    def clock(self) -> float:
        """Seconds, from an arbitrary start. A simulated pipe has a simulated clock."""
        return time.monotonic()
