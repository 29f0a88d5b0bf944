"""Timing on a machine that may not be quiet: one CPU, many short repeats, and a note of who disturbed them."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from .perf import CycleCounter

__all__ = ["Timing", "in_turn", "measure", "one_thread", "stolen_seconds"]

#: A repeat counts as undisturbed if the CPU worked for this share of its wall time.
UNDISTURBED = 0.97
#: Fewer undisturbed repeats than this are no basis for a median.
ENOUGH = 5


@dataclass(frozen=True)
class Timing:
    """Repeats of one piece of work, in seconds a unit of it.

    Attributes
    ----------
    median, low, high, minimum : float
        Of the repeats that counted: median, quartiles, least.
    repeats, undisturbed : int
        How many were made, and how many had the CPU to themselves.
    trusted : bool
        Whether only undisturbed repeats counted. Else all count, by the CPU's time instead of the wall's.
    cycles : float or None
        Median of the hardware's cycles a unit, where there is a counter.
    stolen : float
        Seconds that the hypervisor gave to others meanwhile.
    """

    median: float
    low: float
    high: float
    minimum: float
    repeats: int
    undisturbed: int
    trusted: bool
    cycles: float | None
    stolen: float

    @property
    def spread(self) -> float:
        """Distance of the quartiles as a share of the median."""
        return (self.high - self.low) / self.median

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    work: Callable[[], Any],
    units: float,
    *,
    seconds: float = 2.0,
    repeats: int = 101,
    least: int = 7,
    threads: bool = False,
) -> Timing:
    """Time ``work``, which does ``units`` units: once to warm up, then until ``repeats`` or ``seconds`` are used up.

    ``threads`` says that it runs on several, so that CPU time tells nothing of disturbance. At least ``least`` repeats
    are made, however long they take. Where ``work`` returns a float, that is its time in seconds.
    """
    return in_turn([work], units, seconds=seconds, repeats=repeats, least=least, threads=threads)[0]


def in_turn(
    works: Sequence[Callable[[], Any]],
    units: float,
    *,
    seconds: float = 2.0,
    repeats: int = 101,
    least: int = 7,
    threads: bool = False,
) -> list[Timing]:
    """As :func:`measure`, several works whose times are to be compared: a repeat of each after one of the others, so
    that a machine that becomes slower does so for all. ``seconds`` are for each."""
    for work in works:
        work()
    samples: list[list[_Sample]] = [[] for _ in works]
    stolen, begun = stolen_seconds(), time.perf_counter()
    with CycleCounter() as counter:
        while len(samples[0]) < least or (
            len(samples[0]) < repeats and time.perf_counter() - begun < seconds * len(works)
        ):
            for work, found in zip(works, samples, strict=True):
                found.append(_sample(work, counter, threads))
    stolen = stolen_seconds() - stolen
    return [_timing(found, units, min(ENOUGH, least), threads, stolen) for found in samples]


@dataclass(frozen=True)
class _Sample:
    """A repeat: seconds, the CPU's share of them, and its cycles."""

    took: float
    share: float
    cycles: float | None


def _sample(work: Callable[[], Any], counter: CycleCounter, threads: bool) -> _Sample:
    cycles = counter.read()
    cpu, wall = time.process_time(), time.perf_counter()
    own = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = counter.read()
    counted = None if cycles is None or after is None or threads else float(after - cycles)
    return _Sample(own if isinstance(own, float) else wall, 1.0 if threads else cpu / wall, counted)


def _timing(samples: list[_Sample], units: float, enough: int, threads: bool, stolen: float) -> Timing:
    good = [sample for sample in samples if sample.share >= UNDISTURBED]
    trusted = len(good) >= enough and not threads
    used = good if trusted else samples
    # CPU time is free of what others did in between, if not of what they left in the caches.
    times = sorted((s.took if trusted or threads else s.took * min(s.share, 1.0)) / units for s in used)
    counts = [sample.cycles / units for sample in used if sample.cycles is not None]
    low, _, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(
        median=statistics.median(times),
        low=low,
        high=high,
        minimum=times[0],
        repeats=len(samples),
        undisturbed=len(good),
        trusted=trusted,
        cycles=statistics.median(counts) if counts else None,
        stolen=stolen,
    )


@contextmanager
def one_thread() -> Iterator[int | None]:
    """Pinned to one CPU (its number is yielded; None where that cannot be done), numerical libraries on one thread."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    with threadpool_limits(1):
        try:
            if before is None:
                yield None
            else:
                os.sched_setaffinity(0, {max(before)})
                yield max(before)
        finally:
            if before is not None:
                os.sched_setaffinity(0, before)


def stolen_seconds() -> float:
    """What the hypervisor has taken from all CPUs since the machine started; 0 where that is not known."""
    try:
        fields = Path("/proc/stat").read_text().partition("\n")[0].split()
        return int(fields[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0
