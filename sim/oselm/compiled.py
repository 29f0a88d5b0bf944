"""The golden model with its loops compiled: same bits and counters as ``golden``, fast enough for whole graphs.

``golden`` is the definition. Nothing here may be looser than it: tests compare them for equality over random
configurations. The loops are C, compiled once on a machine; without a compiler they are Numba's, which takes several
times as long.
"""

import contextlib
import logging
import threading
from functools import lru_cache

import numpy as np

from ...hw.oselm.config import CoreConfig
from ..arith.fixed import saturate
from ..native.library import NoCompilerError
from .golden import COUNTERS, Contexts, State
from .kernel import Kernel, kernel

__all__ = ["prepare", "train"]

log = logging.getLogger(__name__)


def prepare(cfg: CoreConfig, *, wait: bool = True) -> None:
    """Compile now what :func:`train` would otherwise compile at first; without ``wait``, beside whatever comes before
    it."""
    if wait:
        _loop(cfg)
    else:
        threading.Thread(target=_begin, args=(cfg,), name="compiler").start()


def _begin(cfg: CoreConfig) -> None:
    # Whoever trains finds it, waits for it, or finds out why there is none.
    with contextlib.suppress(NoCompilerError):
        kernel(cfg)


def train(cfg: CoreConfig, state: State, contexts: Contexts) -> None:
    """As :func:`skipwalk.sim.oselm.golden.train`."""
    if not len(contexts):
        return
    counters = np.zeros(len(COUNTERS), np.int64)
    p0 = int(saturate(np.array(state.p0), cfg.p)) if not cfg.has_p else int(state.p0)
    _loop(cfg)(
        state.beta,
        state.p,
        int(state.q),
        p0,
        np.ascontiguousarray(contexts.centres, np.int32),
        np.ascontiguousarray(contexts.indptr, np.int64),
        np.ascontiguousarray(contexts.samples, np.int32),
        np.ascontiguousarray(contexts.labels, np.uint8),
        counters,
    )
    for name, value in zip(COUNTERS, counters, strict=True):
        state.counters[name] += int(value)
    state.contexts += len(contexts)
    state.samples += len(contexts.samples)


@lru_cache(maxsize=16)
def _loop(cfg: CoreConfig) -> Kernel:
    try:
        return kernel(cfg)
    except NoCompilerError as error:
        _tell(str(error))
        from . import loops

        return loops.kernel(cfg)


@lru_cache(maxsize=1)
def _tell(reason: str) -> None:
    """Once."""
    log.warning("the golden model runs several times slower than it could: %s", reason)
