"""cocotb drivers for streams: a source, a sink and reset. Times are counted in cycles.

Everything is driven on the falling edge and looked at just before the next one, when all that follows from the inputs
has settled: the same order in which ``sim/rtl/harness.cpp`` works, and right in any simulator.
"""

from collections.abc import Iterable
from random import Random
from typing import Any

import cocotb
from amaranth.hdl import Const, Shape, ShapeCastable
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly
from cocotb.utils import get_sim_time

from .compare import assert_same

__all__ = [
    "PERIOD_NS",
    "StreamSink",
    "StreamSource",
    "assert_same",
    "cycle",
    "decode",
    "encode",
    "reset",
    "start",
    "wait",
]

PERIOD_NS = 10


def cycle() -> int:
    """Number of the present cycle; the one in which a test calls :func:`start` is 0."""
    return round(get_sim_time("ns") // PERIOD_NS)


async def start(dut: Any) -> None:
    """Start the clock and reset the design."""
    Clock(dut.clk, PERIOD_NS, unit="ns").start(start_high=False)
    await reset(dut)


async def reset(dut: Any, cycles: int = 2) -> None:
    """Hold ``rst`` for so many cycles."""
    await FallingEdge(dut.clk)
    dut.rst.value = 1
    await wait(dut, cycles)
    dut.rst.value = 0


async def wait(dut: Any, cycles: int) -> None:
    """Let so many cycles pass."""
    for _ in range(cycles):
        await FallingEdge(dut.clk)


def encode(value: Any, shape: Any = None) -> int:
    """Bits of a value as a port carries them. ``shape``: an Amaranth shape or layout; None for plain integers."""
    if shape is None:
        return int(value)
    if isinstance(shape, ShapeCastable):
        return Const.cast(shape.const(value)).value & ((1 << Shape.cast(shape).width) - 1)
    cast = Shape.cast(shape)
    if Const(int(value), cast).value != int(value):
        raise ValueError(f"{value} does not fit {cast}")
    return int(value) & ((1 << cast.width) - 1)


def decode(bits: int, shape: Any = None) -> Any:
    """Inverse of :func:`encode`; layouts give Amaranth constants with fields."""
    if shape is None:
        return bits
    if isinstance(shape, ShapeCastable):
        return shape.from_bits(bits)
    return Const(bits, Shape.cast(shape)).value


class StreamSource:
    """Sends words into the stream ``name`` of a design, with random gaps.

    Parameters
    ----------
    dut : handle
        The design.
    name : str
        Of the stream: ``i`` drives ``i__payload`` and ``i__valid`` and reads ``i__ready``.
    shape : optional
        Amaranth shape or layout of the payload; words are then what ``shape.const`` takes.
    gap : float
        Chance that a word is offered a cycle later; 0 is full rate.
    seed : int
        Of the gaps.

    Attributes
    ----------
    times : list of int
        Cycle in which each word was taken.
    """

    def __init__(self, dut: Any, name: str = "i", *, shape: Any = None, gap: float = 0.0, seed: int = 0):
        self._dut, self._shape, self._gap = dut, shape, gap
        self._random = Random(f"{name} source {seed}")
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready", None)  # a stream that is always ready has no such port
        self.times: list[int] = []
        self._valid.value = 0
        self._payload.value = 0

    async def send(self, words: Iterable[Any]) -> None:
        """Returns on the falling edge after the last word was taken. Starts at once if it is called on one."""
        for word in words:
            while self._random.random() < self._gap:
                self._valid.value = 0
                await FallingEdge(self._dut.clk)
            self._valid.value = 1
            self._payload.value = encode(word, self._shape)
            taken = False
            while not taken:
                await ReadOnly()
                taken = self._ready is None or bool(self._ready.value)
                if taken:
                    self.times.append(cycle())
                await FallingEdge(self._dut.clk)
        self._valid.value = 0


class StreamSink:
    """Takes words from the stream ``name`` of a design all the time, with random gaps, and checks its protocol.

    A word that was offered and not taken has to be offered unchanged in the next cycle, unless the design is reset
    in between; a test fails as soon as it is not.

    Parameters
    ----------
    dut, name, shape, seed
        As for :class:`StreamSource`; words are decoded by ``shape``.
    gap : float
        Chance, in each cycle, of not being ready; 0 is full rate, 0.9 a slow consumer.

    Attributes
    ----------
    words : list
        Taken and not yet handed over by :meth:`receive`.
    times : list of int
        Cycle in which each word since the start was taken.
    """

    def __init__(self, dut: Any, name: str = "o", *, shape: Any = None, gap: float = 0.0, seed: int = 0):
        self._dut, self._name, self._shape, self._gap = dut, name, shape, gap
        self._random = Random(f"{name} sink {seed}")
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid", None)  # a stream that is always valid has no such port
        self._ready = getattr(dut, f"{name}__ready", None)
        self.words: list[Any] = []
        self.times: list[int] = []
        cocotb.start_soon(self._collect())

    async def receive(self, n: int, *, timeout: int = 10_000) -> list[Any]:
        """The next ``n`` words. Raises AssertionError if none arrives for ``timeout`` cycles."""
        idle, before = 0, len(self.words)
        while len(self.words) < n:
            await FallingEdge(self._dut.clk)
            idle = idle + 1 if len(self.words) == before else 0
            before = len(self.words)
            assert idle < timeout, f"{self._name}: {before} of {n} words, and then none for {timeout} cycles"
        words, self.words = self.words[:n], self.words[n:]
        return words

    async def silent(self, cycles: int) -> None:
        """Require that nothing is left, and that nothing comes in so many cycles."""
        await wait(self._dut, cycles)
        assert not self.words, f"{self._name}: {len(self.words)} words too many, first {self.words[0]}"

    async def _collect(self) -> None:
        refused = None
        await FallingEdge(self._dut.clk)
        while True:
            ready = self._random.random() >= self._gap
            if self._ready is not None:
                self._ready.value = int(ready)
            await ReadOnly()
            valid = self._valid is None or bool(self._valid.value)
            bits = int(self._payload.value) if valid else None
            if refused is not None:
                now = "valid was withdrawn" if bits is None else f"the payload became {bits:#x}"
                assert bits == refused, f"{self._name}: {refused:#x} was offered and not taken, then {now}"
            if valid and (ready or self._ready is None):
                self.words.append(decode(bits, self._shape))
                self.times.append(cycle())
            # A reset may withdraw what was offered.
            refused = None if ready or self._ready is None or bool(self._dut.rst.value) else bits
            await FallingEdge(self._dut.clk)
