"""Learns changes and answers questions as they come, saves now and then, and knows how fast it is."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import DeviceError, InputError, SkipwalkError
from ..results.files import save_or_rescue
from .changes import Addition, Change, CutEdge, DropNode
from .estimator import Node2Vec
from .requests import Ids, Nearest, Request, VectorOf, parsed
from .sources import Line, Sources
from .training import Interrupted

__all__ = ["LiveLearning"]

log = logging.getLogger(__name__)

#: Changes that are learned with one call, where so many wait.
_TOGETHER = 64


class LiveLearning:
    """A model that learns from :class:`Sources`.

    Parameters
    ----------
    estimator : Node2Vec
    output : path
        Where the model is saved.
    walks_per_end : int
    answer : callable
        Takes the lines that answer questions.

    Attributes
    ----------
    learned, refused : int
        Changes that were made, and lines that were not understood or did not fit.
    """

    def __init__(self, estimator: Node2Vec, output: Path, *, walks_per_end: int, answer: Callable[[str], None]):
        self._estimator, self._output, self._per_end, self._answer = estimator, output, walks_per_end, answer
        self._ids = Ids(estimator.ids_.tolist())
        self._waiting: list[tuple[Line, Change]] = []
        self._nearest: tuple[np.ndarray, np.ndarray] | None = None
        self.learned = self.refused = 0
        self._stopping = False
        self._saved = self._told = (time.monotonic(), 0)

    def stop(self, *_: object) -> None:
        """End after what has been taken; a handler of signals."""
        self._stopping = True

    def run(self, sources: Sources, *, save_every: float, report_every: float) -> None:
        """Until the sources end or :meth:`stop`. Saves every ``save_every`` seconds, if something was learned, and at
        the end."""
        try:
            while not self._stopping:
                line = sources.take(0 if self._waiting else 0.1)
                if line is not None:
                    self._take(line)
                if self._waiting and (line is None or len(self._waiting) >= _TOGETHER):
                    self._learn()
                self._now_and_then(sources, save_every, report_every)
        except EOFError:
            pass
        self._learn()
        self._save(last=True)
        self._tell(sources)

    # ---- lines
    def _take(self, line: Line) -> None:
        try:
            if line.fault:
                raise InputError(line.fault)
            request = parsed(line.text, self._ids)
        except InputError as error:
            self._refuse(line, error)
            return
        if isinstance(request, Addition | CutEdge | DropNode):
            if self._waiting and _kind(self._waiting[-1][1]) != _kind(request):
                self._learn()
            self._waiting.append((line, request))
        elif request is not None:
            self._learn()
            try:
                self._answer(self._answered(request))
            except DeviceError:
                raise
            except SkipwalkError as error:
                self._answer(f"! {line.text.strip()}: {error}")
                self._refuse(line, error)

    def _refuse(self, line: Line, error: SkipwalkError) -> None:
        self.refused += 1
        log.warning("%s:%d: %s", "standard input" if line.source == "-" else line.source, line.number, error)

    # ---- learning
    def _learn(self) -> None:
        """The changes that wait: all at once, or, if one of them cannot be made, one by one."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        self._nearest = None
        try:
            self._make([change for _, change in waiting])
            self.learned += len(waiting)
            return
        except DeviceError:
            raise
        except SkipwalkError as error:
            if len(waiting) == 1:
                self._refuse(waiting[0][0], error)
                return
        for line, change in waiting:
            try:
                self._make([change])
                self.learned += 1
            except DeviceError:
                raise
            except SkipwalkError as error:
                self._refuse(line, error)

    def _make(self, changes: list[Change]) -> None:
        estimator, per_end = self._estimator, self._per_end
        try:
            match changes[0]:
                case Addition(weight=first):
                    pairs = [change[:2] for change in changes]
                    weights = None if first is None else [change[2] for change in changes]  # type: ignore[misc]
                    estimator.partial_fit(pairs, weights, walks_per_end=per_end)
                case CutEdge():
                    estimator.remove_edges(changes, walks_per_end=per_end)
                case _:
                    estimator.remove_nodes([change.u for change in changes], walks_per_end=per_end)
        except Interrupted:
            self.stop()
            estimator.resume()

    # ---- answers
    def _answered(self, request: Request) -> str:
        if isinstance(request, VectorOf):
            vector = self._estimator.transform([request.u])[0]
            return f"? {request.u} " + " ".join(map(str, vector.tolist()))
        assert isinstance(request, Nearest)
        if self._nearest is None:
            vectors = self._estimator.embedding_
            norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            self._nearest = vectors / norms, self._estimator.ids_
        units, ids = self._nearest
        asked = self._estimator.transform([request.u])[0]
        likeness = units @ (asked / max(float(np.linalg.norm(asked)), 1e-12))
        best = np.argsort(-likeness, kind="stable")
        others = [row for row in best[: request.k + 1].tolist() if ids[row] != request.u][: request.k]
        return f"~ {request.u} {request.k} " + " ".join(f"{ids[row]} {likeness[row]:.4f}" for row in others)

    # ---- now and then
    def _now_and_then(self, sources: Sources, save_every: float, report_every: float) -> None:
        now = time.monotonic()
        if now - self._saved[0] >= save_every:
            try:
                self._save()
            except InputError as error:
                # The disk may have room again by then; what was learned stays.
                log.warning("%s; saving is tried again in %g s", error, save_every)
                self._saved = now, self._saved[1]
        if now - self._told[0] >= report_every and self.learned > self._told[1]:
            self._tell(sources)

    def _save(self, *, last: bool = False) -> None:
        if self.learned > self._saved[1] or not self._output.exists():
            if last:
                save_or_rescue(self._estimator.save, self._output)
            else:
                self._estimator.save(self._output)
        self._saved = time.monotonic(), self.learned

    def _tell(self, sources: Sources) -> None:
        now = time.monotonic()
        since, before = self._told
        lines, unread = sources.behind
        speed = (self.learned - before) / max(now - since, 1e-9)
        behind = f"{lines} lines behind" + (f" and {unread} bytes" if unread else "")
        log.info("%d changes, %.0f a second, %s, %d refused", self.learned, speed, behind, self.refused)
        self._told = now, self.learned


def _kind(change: Change) -> tuple[type, bool]:
    """Changes of one kind can be learned with one call."""
    return type(change), isinstance(change, Addition) and change.weight is None
