"""A model and the device that learns it: which of them has the newest vectors, and what is lost when one fails."""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CapacityError, DeviceError, InputError
from ..estimators.conventions import Progress, progress_bar
from ..link.transport import Transport, open_transport
from . import visits
from .changes import Addition, made
from .graph_device import GraphDevice
from .model import Model, Run, learning
from .sizing import check_nodes, grown, refitted
from .training import Interrupted, WatcherFailed, begin, load_state, settle, train

__all__ = ["Session", "open_core"]

log = logging.getLogger(__name__)


def open_core(backend: str, model: Model) -> Transport:
    """The core of a model as its driver sees it: with the host in front of it that holds the graph, if it cannot.

    Raises CapacityError for a core whose rows are in memory: it takes no contexts of the host.
    """
    driven = model.driven
    hosted = driven.digest != model.config.digest
    if hosted and model.config.slots:
        raise CapacityError(_no_room(model))
    transport = open_transport(backend, model.config)
    if not hosted:
        return transport
    from .hosted import HostedGraph

    return HostedGraph(transport, model.config, driven)


def _no_room(model: Model) -> str:
    """Why a core whose rows are in memory cannot hold the graph, which then nobody can."""
    config, store = model.config, model.live.store
    core = f"the core ({config.name}) has its rows in memory, so it has to hold the graph as well"
    if store.top > config.edge_ends:
        return (
            f"{core}: this one needs {store.top} edge ends (a node's neighbours take a power of two of them, 4 or "
            f"more), and it has {config.edge_ends}; leave edges out, or choose a core with more edge_ends"
        )
    weights = f"{store.weight_bits or 'no'} bits of weights"
    return (
        f"{core}: this one has {weights}, and it has {config.weight_bits or 'none'}; choose a core with "
        f"weight_bits={store.weight_bits}, or another graph"
    )


class Session:
    """What an estimator has learned, wherever it is.

    Parameters
    ----------
    model : Model
    backend : str
    follow : bool
        Whether the core is as large as the graph asks for.
    opener : callable
        Opens the core that a backend names for a model.

    Attributes
    ----------
    seconds : float
        What training took in the last call, without opening the device.
    """

    def __init__(
        self,
        model: Model,
        backend: str,
        follow: bool,
        opener: Callable[[str, Model], Transport] = open_core,
    ):
        self._model, self.backend, self.follow, self._opener = model, backend, follow, opener
        self.seconds = 0.0
        self._device: GraphDevice | None = None
        self._opened: tuple[Any, ...] = ()
        # Whether the device holds the model's state, and whether it has learned what the model does not know.
        self._attached = self._behind = False
        self._lost: str | None = None
        self._kept = True

    def __getstate__(self) -> dict[str, Any]:
        self.settled()
        return {**vars(self), "_device": None, "_opened": (), "_attached": False}

    # ---- what was learned
    @property
    def model(self) -> Model:
        """All but its vectors, P and counters is up to date. Raises DeviceError if those are lost."""
        if self._lost is not None:
            raise DeviceError(f"{self._lost}; load the model that was saved last, or fit again")
        return self._model

    def settled(self) -> Model:
        """The model, up to date."""
        model = self.model
        if self._behind:
            with self._risk():
                settle(model, self._sound())
            self._behind = False
        return model

    def wait(self) -> None:
        """Until the device has learned all that it was sent."""
        if self._behind:
            with self._risk():
                self._sound().wait()

    def raw_rows(self, rows: list[int]) -> np.ndarray:
        """These rows of beta as they are now, (n, dim) int64."""
        model = self.model
        if not self._behind:
            return model.beta[rows]
        with self._risk():
            return self._sound().read_rows_raw(rows)

    def close(self) -> None:
        """Give the device back, after what it has learned was read. Lost vectors stay lost."""
        if self._lost is None:
            self.settled()
        self.drop()

    def drop(self) -> None:
        """Give the device back as it is."""
        device, self._device, self._attached = self._device, None, False
        if device is not None:
            device.close()

    # ---- learning
    def fit(self, before: "Session | None", **how: Any) -> None:
        """Learn the model's graph from first values on, on the device that ``before`` has open if it will do."""
        if before is not None:
            with contextlib.suppress(DeviceError):
                before.settled()
            self._device, self._opened, before._device, before._attached = before._device, before._opened, None, False
        try:
            device = self._open()
            begin(self._model, device)
            self._attached = self._behind = True
            self.train(**how)
        except Interrupted:
            raise
        except BaseException:
            self.drop()
            raise

    def update(self, changes: "list[Any]", per_end: int, **how: Any) -> None:
        """Make changes that fit, with walks around each."""
        model, device = self.model, self._ready()
        run = Run(model.run.number + 1, len(changes), per_end=per_end, changes=list(changes))
        if model.visits is not None:
            self._count_visits(run, device)
        model.run = run
        self.train(**how)

    def rounds(self, n: int, **how: Any) -> None:
        """Learn from ``n`` walks for each node that has an edge, in rounds that go on where the last one stopped."""
        model = self.model
        self._ready()
        run = Run(model.run.number + 1, n * model.live.n_starts)
        if model.visits is not None:
            model.visits = model.visits + visits.of_rounds(model, run)
            model.visits[model.live.vacant] = 0
        model.run = run
        self.train(**how)

    def train(
        self,
        *,
        verbose: bool = False,
        progress: Progress | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 64,
    ) -> None:
        """Finish the model's run."""
        model, device = self.model, self._ready()
        run = model.run
        self._behind = True
        keep = None if checkpoint is None else lambda: self._keep(checkpoint)
        started = time.perf_counter()
        try:
            with (
                self._risk(),
                progress_bar(run.total, run.unit, verbose=verbose, progress=progress, done=run.next) as tell,
            ):
                train(model, device, tell=tell, keep=keep, every=checkpoint_every)
        except Interrupted as stop:
            stop.kept = self._kept
            raise
        except WatcherFailed as failed:
            raise failed.error from None
        finally:
            self.seconds = time.perf_counter() - started

    def relearn(self, params: dict[str, Any]) -> None:
        """Go on with other parameters."""
        model = self.model
        same = learning(params, model.config) == model.learning
        if not same and self._attached:
            shape = model.shape
            old, model.params = model.params, params
            if model.shape == shape:
                with self._risk():
                    self._sound().set_learning(model.learning)
            else:
                model.params = old
                self.settled()
                self._attached = False
        model.params = params

    def make_room(self, rows: int, entries: int, *, weighted: bool = False) -> None:
        """Go on with more rows, entries or weights, on a larger core or in the host's store. Raises CapacityError for a
        core that does not follow the graph and is too small."""
        model = self.model
        if not self.follow:
            check_nodes(model.live.store.nodes + rows, model.config)
        if not self.follow and not model.store_on_host:
            core = f"the core ({model.config.name})"
            if weighted:
                raise CapacityError(f"{core} keeps no weights; fit a graph with weights, or choose weight_bits=24")
            raise CapacityError(
                f"{core} has room for {model.live.store.edge_ends} edge ends, which these edges exceed; remove some, "
                "choose a core with more edge_ends, or save the model and load it again: the host then holds its graph"
            )
        self.settled()
        config, live = grown(model.live, model.config, rows, entries, weighted=weighted, follow=self.follow)
        self.drop()
        self._model = dataclasses.replace(model, config=config, live=live)

    # ---- below
    def _keep(self, path: str | Path) -> None:
        """A checkpoint; what comes after it is news again. A full disk, say, does not cost what was learned."""
        model = self.settled()
        try:
            model.save(path)
            self._kept = True
        except InputError as error:
            self._kept = False
            log.warning("%s; no checkpoint this time, and the run goes on", error)
        self._behind = True

    def _count_visits(self, run: Run, device: GraphDevice) -> None:
        """With the walks of a run to come. New nodes become known first, so that all that can be drawn are there."""
        model = self._model
        words: list[int] = []
        self._behind = True
        for change in run.changes:
            for node in (change.u, change.v) if isinstance(change, Addition) else ():
                words += made(model.live, Addition(node, node, None), 0)[0]
        if words:
            with self._risk():
                device.post(np.array(words, np.uint32))
        assert model.visits is not None
        counts = visits.of_changes(model, run)
        counts[: len(model.visits)] += model.visits
        counts[model.live.vacant] = 0
        model.visits = counts

    def _open(self) -> GraphDevice:
        """A device with the core of the model, whatever it holds."""
        wanted = (self.backend, *self._model.shape)
        if self._device is None or not self._device.sound or self._opened != wanted:
            self.drop()
            self._device = GraphDevice(self._opener(self.backend, self._model), self._model.driven)
            self._opened = wanted
        return self._device

    def _ready(self) -> GraphDevice:
        """The device, with the state of the model in it."""
        model = self.model
        if self._attached and self._device is not None and self._device.sound and self.backend == self._opened[0]:
            return self._device
        if self._attached:
            self.settled()
        # A device that gets the graph at once puts it elsewhere than one that saw it grow.
        model.config, model.live = refitted(model.live, model.config, follow=self.follow)
        self._attached = False
        device = self._open()
        load_state(model, device)
        self._attached = True
        return device

    def _sound(self) -> GraphDevice:
        if self._device is None or not self._device.sound:
            raise DeviceError("the device was closed")
        return self._device

    def _risk(self) -> "_Risk":
        """What fails here takes the newest vectors with it, if the device has them alone."""
        return _Risk(self)


class _Risk:
    def __init__(self, session: Session):
        self._session = session

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
        session = self._session
        if error is None or isinstance(error, Interrupted | WatcherFailed) or not session._behind:
            return
        session._lost = f"the device failed with the newest vectors in it ({str(error) or type(error).__name__})"
        session.drop()
