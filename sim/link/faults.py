"""A pipe that damages what it carries, on purpose and repeatably."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .pipe import Pipe

__all__ = ["FAULTS", "FaultyPipe"]


@dataclass(frozen=True)
class _Damage:
    rng: np.random.Generator

    def flip(self, frame: bytes) -> bytes:
        """One to eight bits inverted, the closing zero's included."""
        out = np.frombuffer(frame, np.uint8).copy()
        for bit in self.rng.integers(0, 8 * len(out), self.rng.integers(1, 9)):
            out[bit // 8] ^= 1 << bit % 8
        return out.tobytes()

    def cut(self, frame: bytes) -> bytes:
        """Some bytes in a row missing."""
        first, last = sorted(self.rng.integers(0, len(frame) + 1, 2))
        return frame[:first] + frame[last:]

    def drop(self, frame: bytes) -> bytes:
        return b""

    def double(self, frame: bytes) -> bytes:
        return frame * 2

    def garbage(self, frame: bytes) -> bytes:
        """Up to 300 random bytes, zeros among them, ahead."""
        return self.rng.bytes(int(self.rng.integers(1, 301))) + frame


#: Names of the faults: keys of :attr:`FaultyPipe.counts`.
FAULTS = ("flip", "cut", "drop", "double", "garbage")


class FaultyPipe(Pipe):
    """``pipe`` with faults in both directions.

    Parameters
    ----------
    pipe : Pipe
        What carries the bytes.
    rate : float
        Chance that a frame is damaged, each kind of fault as likely as the others.
    rng : Generator
        Draws everything.

    ``counts`` holds how often each fault was injected, ``frames`` how many frames passed.
    """

    def __init__(self, pipe: Pipe, rate: float, rng: np.random.Generator):
        self.name = f"faulty {pipe.name}"
        self.bytes_per_second = pipe.bytes_per_second
        self._pipe = pipe
        self._rate = rate
        self._rng = rng
        self._damage = _Damage(rng)
        self.counts: Counter[str] = Counter()
        self.frames = 0

    def read(self, timeout: float) -> bytes:
        return self._spoil(self._pipe.read(timeout))

    def write(self, data: bytes) -> None:
        self._pipe.write(self._spoil(data))

    def close(self) -> None:
        self._pipe.close()

    def clock(self) -> float:
        return self._pipe.clock()

    def _spoil(self, data: bytes) -> bytes:
        out = bytearray()
        *whole, rest = data.split(b"\0")
        for frame in [*(raw + b"\0" for raw in whole), rest]:
            if len(frame) > 1:
                self.frames += 1
                if self._rng.random() < self._rate:
                    fault = FAULTS[self._rng.integers(len(FAULTS))]
                    self.counts[fault] += 1
                    frame = getattr(self._damage, fault)(frame)
            out += frame
        return bytes(out)
