"""What all drivers do: see that the unit is the one expected, count, wait at barriers, stop after a broken exchange."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import fields
from enum import IntEnum
from typing import Generic, Self, TypeVar

import numpy as np

from ...hw.unit.config import UnitConfig
from ...hw.unit.protocol import CLEAR, FLUSH, GET, INFO, UnitIdentity, common_header
from ..errors import DeviceError
from ..link.transport import Transport

__all__ = ["UnitDriver"]

#: Bits of the number that tells one barrier from another.
TAG_BITS = 28

Config = TypeVar("Config", bound=UnitConfig)


class UnitDriver(ABC, Generic[Config]):
    """An open unit that is the one expected. A context manager; closes its transport.

    An exception out of the transport (Ctrl-C among them) leaves the unit in the middle of something: from then on every
    method raises DeviceError, and the device has to be opened again.

    Parameters
    ----------
    transport : Transport
    cfg : UnitConfig
        What the unit has to be.

    Raises
    ------
    DeviceError
        It is not: magic, protocol version or the configuration's digest differ. The message shows both values.
    """

    #: In messages: what the unit is.
    WHAT = "unit"

    def __init__(self, transport: Transport, cfg: Config):
        self.cfg = cfg
        self._transport = transport
        self._sound, self._closed = True, False
        self._flushes = 0
        self._owed: list[int] = []
        try:
            self._identify()
        except BaseException:
            transport.close()
            raise

    @classmethod
    @abstractmethod
    def expected(cls, cfg: Config) -> UnitIdentity:
        """What a unit of this configuration answers to INFO."""

    @classmethod
    @abstractmethod
    def counters_of(cls, cfg: Config) -> tuple[IntEnum, ...]:
        """The counters that it has."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the transport; harmless if that was done already."""
        self._sound, self._closed = False, True
        self._transport.close()

    @property
    def sound(self) -> bool:
        """Whether the device can still be used."""
        return self._sound

    @property
    def cycles(self) -> int | None:
        """Clock cycles since the unit was opened, where the transport knows them."""
        return self._transport.cycles

    # ---- counters
    def counters(self) -> dict[str, int]:
        """Events since the unit was opened or :meth:`clear_counters`, by the counters' names in lower case."""
        counters = self.counters_of(self.cfg)
        asked = np.array([common_header(GET, counter) for counter in counters], np.uint32)
        low, high = self._exchange(asked, 2 * len(asked)).astype(np.int64).reshape(-1, 2).T
        return {c.name.lower(): int(value) for c, value in zip(counters, low | high << 32, strict=True)}

    def clear_counters(self) -> None:
        """All counters to 0."""
        self._exchange(np.array([common_header(CLEAR)], np.uint32))

    # ---- barriers
    def flush(self) -> None:
        """Wait until all that was sent has been done."""
        with self._whole():
            self._flush()

    def wait(self) -> None:
        """Until all barriers are passed."""
        with self._whole():
            if self._owed:
                self._passed(self._transport.exchange(np.empty(0, np.uint32), len(self._owed)))

    # ---- below
    def _identify(self) -> None:
        wanted = self.expected(self.cfg)
        names = [field.name for field in fields(wanted)]
        words = self._exchange(np.array([common_header(INFO)], np.uint32), len(names)).tolist()
        found = dict(zip(names, words, strict=True))
        sizes = ", ".join(f"{name} {found[name]}" for name in names[3:])
        for name, meaning, details in (
            ("magic", f"is no {self.WHAT}: its first word is", ""),
            ("version", "speaks another protocol: version", ""),
            ("digest", "has another configuration: digest", f" ({sizes})"),
        ):
            if found[name] != getattr(wanted, name):
                raise DeviceError(
                    f"the device {meaning} {found[name]:#010x} instead of {getattr(wanted, name):#010x}{details}; "
                    f"open it with the configuration it was built for"
                )

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """What is begun here and does not end leaves the unit in an unknown state."""
        if not self._sound:
            raise DeviceError("the device was closed, or stopped in the middle of a command; open it again")
        self._sound = False
        yield
        self._sound = not self._closed

    def _exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        """The unit's next words after the barriers that it still owes; these are waited for only if there are any."""
        with self._whole():
            return self._ask(words, n_replies)

    # The following are for use within _whole().

    def _ask(self, words: np.ndarray, n_replies: int) -> np.ndarray:
        owed = len(self._owed) if n_replies else 0
        replies = self._transport.exchange(words, owed + n_replies)
        self._passed(replies[:owed])
        return replies[owed:]

    def _flush(self, words: np.ndarray | None = None, n_replies: int = 0) -> np.ndarray:
        """Send words and a barrier; what the words are answered with, when all that was sent has been done."""
        barrier = self._barrier()
        parts = [np.array([barrier], np.uint32)]
        if words is not None:
            parts.insert(0, words)
        replies = self._ask(np.concatenate(parts), n_replies + 1)
        self._owed.append(barrier)
        self._passed(replies[n_replies:])
        return replies[:n_replies]

    def _barrier(self) -> int:
        """A FLUSH that the one before cannot be taken for."""
        self._flushes = (self._flushes + 1) % (1 << TAG_BITS)
        return common_header(FLUSH, self._flushes)

    def _post(self, words: np.ndarray, barrier: int, ahead: int) -> None:
        """Send words that end with ``barrier``, and wait until all but the last ``ahead`` barriers are passed."""
        self._owed.append(barrier)
        self._passed(self._transport.exchange(words, max(0, len(self._owed) - ahead)))

    def _passed(self, replies: np.ndarray) -> None:
        """Barriers that were answered."""
        for reply in replies.tolist():
            barrier = self._owed.pop(0)
            if reply != barrier:
                raise DeviceError(f"the unit answered {reply:#010x} to the barrier {barrier:#010x}; words were lost")
