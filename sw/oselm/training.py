"""Walks of a graph through a core, block by block, so that a run can stop between two blocks and go on later.

A block of walks is one segment of the core: walks, or their contexts for a core that cannot make them, then a barrier.
Which blocks a run has is part of its result; when it was stopped and resumed, saved or watched is not, nor who made the
contexts.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from tqdm import tqdm

from ..graph.contexts import ContextBatch, contexts, negative_sampler
from ..graph.walks import walks
from .driver import OSELMDevice
from .model import Model

__all__ = ["Interrupted", "context_blocks", "load_state", "train", "walk_blocks"]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C: training stopped between two blocks, with everything before it learned and kept."""

    def __init__(self, done: int, total: int):
        self.done, self.total = done, total
        super().__init__(f"stopped after {done} of {total} walks")


def load_state(model: Model, device: OSELMDevice, first_row: int = 0) -> None:
    """Write rows from ``first_row`` on to the core; with 0, P as well."""
    device.load_raw(model.beta[first_row:], first_row)
    if first_row == 0:
        device.write_p_raw(model.p)


def walk_blocks(model: Model) -> Iterator[tuple[int, np.ndarray]]:
    """What is left of ``model.run``, block by block: the number of the first walk, and the walks."""
    params, run = model.params, model.run
    first = run.next
    for block in walks(
        model.graph,
        length=params["walk_length"],
        per_node=run.per_node,
        p=params["p"],
        q=params["q"],
        seed=run.seed(params["seed"]),
        starts=run.starts,
        first=first,
        block=params["block_walks"],
    ):
        yield first, block
        first += len(block)


def context_blocks(model: Model) -> Iterator[tuple[int, ContextBatch]]:
    """What is left of ``model.run``, block by block: the number of walks, and their contexts."""
    how = _sampling(model)
    for first, block in walk_blocks(model):
        yield len(block), contexts(block, first_walk=first, **how)


def _sampling(model: Model) -> dict[str, Any]:
    """How contexts are made, for :func:`contexts` and for a core."""
    params = model.params
    return {
        "window": params["window"],
        "negatives": params["negatives"],
        "mode": params["negative_mode"],
        "sampler": negative_sampler(model.visits),
        "seed": model.run.seed(params["seed"]),
        "interleave": params["walks_in_flight"],
    }


def _trained_blocks(model: Model, device: OSELMDevice, touched: np.ndarray) -> Iterator[int]:
    """Train what is left block by block; yields the number of walks, and marks the rows that they can change."""
    if not device.takes_walks(model.params["walk_length"], model.params["walks_in_flight"]):
        for n_walks, batch in context_blocks(model):
            device.train(batch)
            touched[batch.samples] = True
            yield n_walks
        return
    device.set_sampling(**_sampling(model))
    # Which rows are drawn as negatives only the core knows; those never visited are not.
    visited = model.visits > 0
    for first, block in walk_blocks(model):
        device.train_walks(block, first)
        touched |= visited
        yield len(block)


def train(
    model: Model,
    device: OSELMDevice,
    *,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 64,
    progress: bool = False,
) -> None:
    """Train what is left of ``model.run`` on a core that holds the state of ``model``.

    The model is brought up to date at every checkpoint, at the end, and before :class:`Interrupted` is raised; its
    arrays change in place. Any other exception leaves it as it was at the last of these.

    Parameters
    ----------
    checkpoint : path, optional
        Where to save the model every ``checkpoint_every`` blocks, and when interrupted.
    progress : bool
        Show a bar with the time left, if stderr is a terminal.
    """
    params, run = model.params, model.run
    device.set_parameters(q=params["inflation"], p0=params["p0"])
    device.clear_counters()
    done = run.next
    touched = np.zeros(model.graph.n_nodes, bool)
    bar = tqdm(
        total=run.total,
        initial=done,
        unit="walk",
        unit_scale=True,
        disable=None if progress else True,
        dynamic_ncols=True,
    )
    with _stop_on_interrupt() as stop, bar:
        for number, n_walks in enumerate(_trained_blocks(model, device, touched), 1):
            done += n_walks
            bar.update(n_walks)
            if done == run.total or stop.requested:
                break
            if checkpoint is not None and number % checkpoint_every == 0:
                _fetch(model, device, touched, done)
                model.save(checkpoint)
    _fetch(model, device, touched, done)
    if not run.finished:
        if checkpoint is not None:
            model.save(checkpoint)
        raise Interrupted(done, run.total)


def _fetch(model: Model, device: OSELMDevice, touched: np.ndarray, done: int) -> None:
    """Bring the model up to date with the core; ``touched`` (n_nodes,) bool says which rows can differ."""
    rows = np.flatnonzero(touched)
    beta, p, counters = device.read_rows_raw(rows), device.read_p_raw(), device.counters()
    device.clear_counters()
    model.beta[rows] = beta
    model.p[:] = p
    for name, value in counters.items():
        model.counters[name] = model.counters.get(name, 0) + value
    model.run.next = done
    touched[:] = False


@dataclass
class _Stop:
    requested: bool = False


@contextmanager
def _stop_on_interrupt() -> Iterator[_Stop]:
    """Makes the first Ctrl-C a request; the second is KeyboardInterrupt at once.

    No change outside of the main thread, which alone may, and where Ctrl-C is ignored, as in the background.
    """
    stop = _Stop()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield stop
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
