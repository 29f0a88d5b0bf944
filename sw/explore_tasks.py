"""The measurements of an exploration: one after another or several at once, each kept as soon as it is there."""

import hashlib
import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..hw.boards.devices import device_of
from ..hw.boards.table import Board
from ..hw.config import CoreConfig, Vendor
from ..sim.resources import netlist_needs
from ..sim.synthesis import SynthesisError, synthesise
from .errors import DeviceError
from .estimator import Node2Vec
from .evaluation import evaluate
from .explore import Cache, Point, accuracy_key, source_digest, synthesis_key
from .graph import Graph

__all__ = ["Task", "accuracy_tasks", "f1_of", "needs_of", "run", "synthesis_tasks"]

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
#: Sources that F1 depends on.
LEARNING = ("contexts", "evaluation", "estimator", "initial", "rng", "training", "walks")


@dataclass(frozen=True)
class Task:
    """One measurement: ``work(*arguments)``, kept under ``kind`` and ``key``, for all points of these names."""

    kind: str
    key: dict[str, Any]
    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    points: list[str] = field(default_factory=list)


def f1_of(
    graph: Graph, rows: np.ndarray, classes: Sequence[str], core: CoreConfig, parameters: dict[str, Any]
) -> float:
    """Micro-F1 of the vectors that the golden model of ``core`` learns; ``parameters`` are the estimator's."""
    estimator = Node2Vec(preset=core, **parameters).fit(graph)
    return float(evaluate(estimator.embedding_[rows], classes).micro.mean())


def needs_of(core: CoreConfig, board: Board | None) -> dict[str, int]:
    """Cells of the core's netlist, and with a board those of link and UART too.

    Raises DeviceError if a tool is missing or fails.
    """
    family = device_of(board).family if board else "ecp5"
    primitives = core.vendor is not Vendor.GENERIC
    try:
        if board is None:
            from ..hw.core import OSELMCore

            component: Any = OSELMCore(core, primitives=primitives)
        else:
            from ..hw.top import serial_device

            component = serial_device([core], board.uart, board.link, primitives=primitives)
        return asdict(netlist_needs(synthesise(component, family, timeout=3600), family))
    except ModuleNotFoundError as error:
        raise DeviceError(f'{error.name} is not installed: pip install "skipwalk[rtl,synth]"') from None
    except SynthesisError as error:
        raise DeviceError(str(error)) from error


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
    sources = source_digest([ROOT / "sim" / "golden"]) + source_digest(
        [ROOT / "sw"], lambda path: path.stem in LEARNING
    )
    data = f"{graph.digest} {_label_digest(rows, classes)}"
    tasks: dict[str, Task] = {}
    for point in points:
        for seed in range(seeds):
            run = {"seed": seed, "walks_per_node": rounds, "negatives": negatives}
            key = accuracy_key(point, run, data=data, sources=sources)
            task = tasks.setdefault(repr(key), Task("f1", key, _f1, (point.core, run)))
            task.points.append(point.name)
    return list(tasks.values())


def synthesis_tasks(points: Sequence[Point], board: Board | None) -> list[Task]:
    """The netlist of each point."""
    sources = source_digest([ROOT / "hw", ROOT / "hw" / "link"])
    return [
        Task("netlist", synthesis_key(point, board, sources=sources), needs_of, (point.core, board), [point.name])
        for point in points
    ]


def _label_digest(rows: np.ndarray, classes: Sequence[str]) -> str:
    """Short identity of the labels."""
    return hashlib.sha256(repr((rows.tolist(), list(classes))).encode()).hexdigest()[:16]


def run(
    tasks: Sequence[Task], cache: Cache, *, data: tuple[Any, ...], jobs: int = 1, progress: bool = False
) -> Iterator[tuple[Task, Any]]:
    """Each task with its value: what is kept at once, the rest as it is measured.

    Ctrl-C leaves everything that was measured until then in the cache, the tasks under way included.
    """
    left = []
    for task in tasks:
        value = cache.read(task.kind, task.key)
        if value is None:
            left.append(task)
        else:
            yield task, value
    if left and len(left) < len(tasks):
        log.info("%d of %d measurements are there already", len(tasks) - len(left), len(tasks))
    bar = tqdm(total=len(left), unit="point", disable=None if progress else True, dynamic_ncols=True)
    with bar:
        for task, value in _measured(left, data, jobs):
            cache.keep(task.kind, task.key, value)
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
        finally:
            # After an error or Ctrl-C: what has not begun is dropped.
            pool.shutdown(wait=False, cancel_futures=True)


#: Graph, labelled rows and their classes, once in each process.
_DATA: list[tuple[Any, ...]] = []


def _begin(*data: Any, quiet: bool = True) -> None:
    _DATA[:] = [data]
    if quiet:  # a process of the pool: its parent decides when to stop
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _f1(core: CoreConfig, run: dict[str, int]) -> float:
    graph, rows, classes = _DATA[0]
    return f1_of(graph, rows, classes, core, run)
