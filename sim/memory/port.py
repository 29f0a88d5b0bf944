"""What a memory port answers."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["Burst", "PlainMemory"]


@dataclass(frozen=True)
class Burst:
    """A request of :class:`skipwalk.hw.memory.port.MemoryPort`: ``words`` with their ``strobes`` are written at
    ``address``, or ``count`` words read."""

    address: int
    count: int
    words: tuple[int, ...] = ()
    strobes: tuple[int, ...] = ()

    @property
    def write(self) -> bool:
        return bool(self.words)


class PlainMemory:
    """Words by address; 0 where nothing was written."""

    def __init__(self, word_bits: int):
        self._bytes = word_bits // 8
        self.words: dict[int, int] = {}

    def run(self, bursts: Iterable[Burst]) -> list[int]:
        """Words of all reads."""
        out = []
        for burst in bursts:
            for i in range(burst.count):
                old = self.words.get(burst.address + i, 0)
                if not burst.write:
                    out.append(old)
                    continue
                mask = sum(0xFF << 8 * b for b in range(self._bytes) if burst.strobes[i] >> b & 1)
                self.words[burst.address + i] = old & ~mask | burst.words[i] & mask
        return out

    def random_bursts(
        self, rng: np.random.Generator, n: int, addresses: list[int], most: int, *, whole: bool = False
    ) -> list[Burst]:
        """Bursts of up to ``most`` words, half of them writes, that begin at some of ``addresses``."""
        bursts = []
        top = (1 << self._bytes) - 1
        for _ in range(n):
            address, count = int(rng.choice(addresses)), int(rng.integers(1, most + 1))
            if rng.random() < 0.5:
                bursts.append(Burst(address, count))
                continue
            words = tuple(int.from_bytes(rng.bytes(self._bytes)) for _ in range(count))
            keep = whole or rng.random() < 0.5
            strobes = tuple(top if keep else int(rng.integers(0, top + 1)) for _ in range(count))
            bursts.append(Burst(address, count, words, strobes))
        return bursts
