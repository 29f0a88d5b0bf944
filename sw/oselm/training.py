"""A model through a core, piece by piece, so that a run can stop between two pieces and go on later.

``fit`` and ``refresh`` are lists of blocks of walks, an update a list of changes with walks around them. Between two
pieces stands a barrier. Blocks are part of the result; when a run was stopped and resumed, saved or watched is not, nor
how changes were cut into calls. The model's vectors are brought up to date when someone asks (:func:`settle`).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import numpy as np

from ...sim.oselm.front_end.threefry import STREAM_STARTS, seed_key
from ...sim.oselm.graph.starts import round_starts
from ..errors import DeviceError
from ..estimators.conventions import Progress
from .changes import is_edit, made
from .graph_device import GraphDevice
from .model import Model
from .visits import table_of

__all__ = ["Interrupted", "WatcherFailed", "begin", "load_state", "settle", "stop_on_signals", "train"]

#: Changes that are sent before Ctrl-C is looked for, and by which the host may be ahead of the device.
CHANGES = 64
#: Signals that ask a run to stop at the next barrier.
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP: training stopped at a barrier, with everything before it learned and kept.

    ``kept`` tells whether the checkpoint, where one was asked for, was written.
    """

    def __init__(self, done: int, total: int, unit: str = "walks"):
        self.done, self.total, self.unit, self.kept = done, total, unit, True
        super().__init__(f"stopped after {done} of {total} {unit}")


class WatcherFailed(Exception):
    """A function that was told of progress raised ``error``; training stopped at a barrier, as for Ctrl-C."""

    def __init__(self, error: BaseException):
        self.error = error
        super().__init__(str(error))


# ---- the state of a core
def begin(model: Model, device: GraphDevice) -> None:
    """Give a core the graph, first values in all rows, P, and the parameters: what a ``fit`` starts from."""
    device.set_learning(model.learning)
    device.load_graph(model.live)
    if device.cfg.has_p:
        device.write_p_raw(model.p)
    device.go_on(walks=model.walks, round_=model.round, place=model.place)
    device.clear_counters()


def load_state(model: Model, device: GraphDevice) -> None:
    """Give a core all that a model holds."""
    begin(model, device)
    device.load_raw(model.beta)


def settle(model: Model, device: GraphDevice) -> None:
    """Bring rows, P and counters of the model up to date with the core. Raises DeviceError if the core has not done
    what it was told."""
    counters = device.counters()
    if counters["rejected"] or counters["refused"]:
        raise DeviceError(
            f"the core rejected {counters['rejected']} commands and refused {counters['refused']} edits that it should "
            "have taken; load the last saved model and report this"
        )
    asked = model.walks - model.settled
    if counters["walks"] != asked:
        raise DeviceError(
            f"the core made {counters['walks']} walks of {asked}; load the last saved model and report this"
        )
    model.settled = model.walks
    device.clear_counters()
    model.beta = device.read_rows_raw(range(len(model.live.ids)))
    if device.cfg.has_p:
        model.p = device.read_p_raw()
    for name, value in counters.items():
        model.counters[name] = model.counters.get(name, 0) + value


# ---- training
def train(
    model: Model,
    device: GraphDevice,
    *,
    tell: Progress,
    keep: Callable[[], None] | None = None,
    every: int = 64,
) -> None:
    """Train what is left of ``model.run`` on a core that holds the state of ``model``; all but its vectors and counters
    is brought up to date. Raises :class:`Interrupted` or :class:`WatcherFailed` at a barrier; any other exception
    leaves the core unusable.

    Parameters
    ----------
    tell : callable
        Called with how much of the run is done.
    keep : callable, optional
        Called every ``every`` pieces, and when interrupted, with the core at rest.
    """
    run = model.run
    device.set_limits(model.limits)
    if model.visits is not None and not run.finished:
        device.set_table(table_of(model.visits))
    step = _block if run.of_walks else _changes
    with stop_on_signals() as stop:
        pieces = 0
        while not run.finished:
            step(model, device)
            pieces += 1
            try:
                tell(run.next, run.total)
            except BaseException as error:
                if stop.requested and isinstance(error, KeyboardInterrupt):
                    raise  # the second Ctrl-C
                device.wait()
                raise WatcherFailed(error) from error
            if stop.requested or (keep is not None and pieces % every == 0) or (run.finished and run.of_walks):
                device.wait()
                # Whoever is interrupted in the last piece has nothing but the checkpoint, either.
                if keep is not None and (stop.requested or not run.finished):
                    keep()
            if stop.requested:
                # Also if it was the last piece: whoever calls again and again is to hear of it.
                raise Interrupted(run.next, run.total, run.unit)


def _block(model: Model, device: GraphDevice) -> None:
    """The next block of walks of the rounds."""
    run, params = model.run, model.params
    n = min(params["block_walks"], run.total - run.next)
    device.post_rounds(n, ahead=int(run.next + n < run.total))
    key = int(seed_key(params["random_state"], STREAM_STARTS))
    starts = round_starts(model.live.store.arrays, key, model.round, model.place, n)
    model.round, model.place = starts.round, starts.place
    model.walks += n
    run.next += n


def _changes(model: Model, device: GraphDevice) -> None:
    """The next changes of an update, with the walks around them."""
    run = model.run
    words: list[int] = []
    part, run.changes = run.changes[:CHANGES], run.changes[CHANGES:]
    for change in part:
        more, walks = made(model.live, change, run.per_end)
        words += more
        model.walks += walks
    run.next += len(part)
    if words:
        # The core may be behind by as many changes that come alone as by those that come together.
        ahead = CHANGES if len(part) == 1 else 1
        device.post(np.array(words, np.uint32), ahead=ahead, answers=is_edit(words, device.cfg))


# ---- stopping
@dataclass
class Stop:
    requested: bool = False


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Makes the first Ctrl-C, SIGTERM or SIGHUP a request; the second is KeyboardInterrupt at once.

    No change outside of the main thread, which alone may, and for signals that are ignored, as Ctrl-C is in the
    background.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in taken:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
