"""Bursts through a memory port in Amaranth's simulator, cycle by cycle, with stalls wherever there can be some."""

from collections.abc import Sequence

import numpy as np
from skipwalk.sim.memory.port import Burst

__all__ = ["PlainPort", "PortDriver"]


class PortDriver:
    """Whoever needs memory. ``gaps``: how often requests, words to be written, and room for words read are missing;
    ``order``: a list that gets each burst when it is taken."""

    def __init__(
        self, port, bursts: Sequence[Burst], rng: np.random.Generator, gaps=(0.0, 0.0, 0.0), order: list | None = None
    ):
        self._port, self._rng, self._gaps = port, rng, gaps
        self._order = [] if order is None else order
        self._bursts = list(bursts)
        self._words = [pair for b in bursts for pair in zip(b.words, b.strobes, strict=True)]
        self.expected = sum(0 if b.write else b.count for b in bursts)
        self.reads: list[int] = []
        self.times: list[int] = []  # of these
        self._shown = [False, False]

    @property
    def done(self) -> bool:
        return not self._bursts and not self._words and len(self.reads) == self.expected

    def step(self, ctx, t: int) -> None:
        """Drive cycle ``t``, and take what is there."""
        port, gaps = self._port, self._gaps
        for i, (stream, waiting) in enumerate(((port.request, self._bursts), (port.write, self._words))):
            # What has been offered stays.
            self._shown[i] = bool(waiting) and (self._shown[i] or self._rng.random() >= gaps[i])
            ctx.set(stream.valid, self._shown[i])
        if self._shown[0]:
            burst = self._bursts[0]
            ctx.set(port.request.payload, {"address": burst.address, "last": burst.count - 1, "write": burst.write})
        if self._shown[1]:
            word, strobes = self._words[0]
            ctx.set(port.write.payload, {"data": word, "strobes": strobes})
        ready = bool(self._rng.random() >= gaps[2])
        ctx.set(port.read.ready, ready)
        if ready and ctx.get(port.read.valid):
            self.reads.append(ctx.get(port.read.payload))
            self.times.append(t)
        for i, (stream, waiting) in enumerate(((port.request, self._bursts), (port.write, self._words))):
            if self._shown[i] and ctx.get(stream.ready):
                taken = waiting.pop(0)
                if i == 0:
                    self._order.append(taken)
                self._shown[i] = False


class PlainPort:
    """A memory behind a port: words by address, which are 0 at first. ``gaps``: how often nothing moves; ``ahead``:
    requests that it takes before their words have moved."""

    def __init__(self, port, rng: np.random.Generator, gaps: float = 0.0, ahead: int = 3):
        self._port, self._rng, self._gaps, self._ahead = port, rng, gaps, ahead
        self.words: dict[int, int] = {}
        self._bursts: list[list[int]] = []  # address, words left, write
        self._shown = self._takes = self._gets = False

    def forget(self) -> None:
        """A reset: requests are forgotten, words stay."""
        self._bursts.clear()
        self._shown = False

    def drive(self, ctx) -> None:
        """The first half of a cycle; everybody else drives theirs before the second."""
        port = self._port
        takes, gets, gives = (bool(self._rng.random() >= self._gaps) for _ in range(3))
        burst = self._bursts[0] if self._bursts else None
        takes = takes and len(self._bursts) < self._ahead
        gets = gets and burst is not None and bool(burst[2])
        self._shown = burst is not None and not burst[2] and (self._shown or gives)
        ctx.set(port.request.ready, int(takes))
        ctx.set(port.write.ready, int(gets))
        ctx.set(port.read.valid, int(self._shown))
        if self._shown:
            ctx.set(port.read.payload, self.words.get(burst[0], 0))
        self._takes, self._gets = takes, gets

    def take(self, ctx) -> None:
        """The second half: take what is there."""
        port, takes, gets = self._port, self._takes, self._gets
        burst = self._bursts[0] if self._bursts else [0, 0, 0]
        request, write = port.request.payload, port.write.payload
        moved = False
        if gets and ctx.get(port.write.valid):
            assert ctx.get(write.strobes) == (1 << len(write.strobes)) - 1
            self.words[burst[0]] = ctx.get(write.data)
            moved = True
        if self._shown and ctx.get(port.read.ready):
            moved, self._shown = True, False
        if moved:
            burst[0], burst[1] = burst[0] + 1, burst[1] - 1
            if not burst[1]:
                self._bursts.pop(0)
        if takes and ctx.get(port.request.valid):
            self._bursts.append([ctx.get(request.address), ctx.get(request.last) + 1, ctx.get(request.write)])
