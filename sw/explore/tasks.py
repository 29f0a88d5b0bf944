"""The measurements of an exploration: one after another or several at once, each kept as soon as it is there."""

import hashlib
import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from tqdm import tqdm

from ...hw.boards.table import Board
from ...hw.oselm.config import CoreConfig
from ...sim.oselm.resources import Needs
from ..errors import DeviceError
from ..graph.graph import Graph
from ..results.records import OTHER_BACKENDS, JsonRecords, key_digest, source_digest
from .f1 import f1_of
from .netlist import needs_of
from .space import Point, accuracy_key, synthesis_key

__all__ = ["Task", "accuracy_tasks", "run", "synthesis_tasks"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One measurement: ``work(*arguments)``, kept under ``kind`` and ``key``, for all points of these names. What was
    kept and is not ``sound`` is measured again."""

    kind: str
    key: dict[str, Any]
    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    sound: Callable[[Any], bool]
    points: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of its record."""
        return f"{self.kind}-{key_digest(self.key)[:24]}"


def accuracy_tasks(
    points: Sequence[Point],
    graph: Graph,
    rows: np.ndarray,
    classes: Sequence[str],
    *,
    seeds: int,
    rounds: int,
    negatives: int,
) -> list[Task]:
    """F1 of each point and seed. Points that differ in lanes alone share theirs, because their bits are the same."""
    sources = source_digest("sw/explore/f1.py", without=OTHER_BACKENDS)
    data = f"{graph.digest} {_label_digest(rows, classes)}"
    tasks: dict[str, Task] = {}
    for point in points:
        for seed in range(seeds):
            run = {"random_state": seed, "walks_per_node": rounds, "negatives": negatives, **point.learning}
            key = accuracy_key(point, run, data=data, sources=sources)
            task = tasks.setdefault(repr(key), Task("f1", key, _f1, (point.core, run), _is_f1))
            task.points.append(point.name)
    return list(tasks.values())


def synthesis_tasks(points: Sequence[Point], board: Board | None) -> list[Task]:
    """The netlist of each point."""
    sources = source_digest("sw/explore/netlist.py")
    return [
        Task(
            "netlist",
            synthesis_key(point, board, sources=sources),
            needs_of,
            (point.core, board),
            _is_needs,
            [point.name],
        )
        for point in points
    ]


def _is_f1(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _is_needs(value: Any) -> bool:
    names = {each.name for each in fields(Needs)}
    return isinstance(value, dict) and value.keys() == names and all(type(n) is int and n >= 0 for n in value.values())


def _label_digest(rows: np.ndarray, classes: Sequence[str]) -> str:
    """Short identity of the labels."""
    return hashlib.sha256(repr((rows.tolist(), list(classes))).encode()).hexdigest()[:16]


def run(
    tasks: Sequence[Task], kept: JsonRecords, *, data: tuple[Any, ...], jobs: int = 1, progress: bool = False
) -> Iterator[tuple[Task, Any]]:
    """Each task with its value: what is kept at once, the rest as it is measured.

    Ctrl-C leaves everything that was measured until then kept, the tasks under way included. Raises DeviceError if a
    process of several is killed.
    """
    left = []
    for task in tasks:
        record = kept.read(task.name, task.key)
        if record is None or not task.sound(record.get("value")):
            left.append(task)
        else:
            yield task, record["value"]
    if left and len(left) < len(tasks):
        log.info("%d of %d measurements are there already", len(tasks) - len(left), len(tasks))
    bar = tqdm(total=len(left), unit="point", disable=None if progress else True, dynamic_ncols=True)
    with bar:
        for task, value in _measured(left, data, jobs):
            kept.write(task.name, {"key": task.key, "value": value})
            bar.update()
            yield task, value


def _measured(tasks: Sequence[Task], data: tuple[Any, ...], jobs: int) -> Iterator[tuple[Task, Any]]:
    if jobs == 1 or len(tasks) < 2:
        _begin(*data, quiet=False)
        yield from ((task, task.work(*task.arguments)) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), context, initializer=_begin, initargs=data) as pool:
        waiting = {pool.submit(task.work, *task.arguments): task for task in tasks}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        except BrokenProcessPool:
            raise DeviceError(
                f"one of {jobs} processes was killed, perhaps for lack of memory; what was measured is kept: the same "
                f"command goes on, with fewer --jobs"
            ) from None
        finally:
            # After an error or Ctrl-C: what has not begun is dropped.
            pool.shutdown(wait=False, cancel_futures=True)


#: Graph, labelled rows and their classes, once in each process.
_DATA: list[tuple[Any, ...]] = []


def _begin(*data: Any, quiet: bool = True) -> None:
    _DATA[:] = [data]
    if quiet:  # a process of the pool: its parent decides when to stop
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _f1(core: CoreConfig, run: dict[str, float]) -> float:
    graph, rows, classes = _DATA[0]
    return f1_of(graph, rows, classes, core, run)
