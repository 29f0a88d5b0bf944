"""The device model on a pseudo-terminal: for whoever opens it, a board."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ...hw.link.protocol import Identity, LinkConfig
from .frame import Words
from .model import DeviceModel
from .pipe import Pipe
from .terminal import Terminal, TerminalServer

__all__ = ["ServedModel"]

#: Seconds until a served device that has nothing to do sees that it is to stop.
STOP_WITHIN = 0.05
#: Words that the core takes between two looks at the line; a word is answered by some hundred at most.
BATCH = 16


class _Core:
    """A unit's model as :class:`DeviceModel` wants one. Each session has a new model: also memories begin anew."""

    def __init__(self, make: Callable[[], Any]):
        self._make, self._model = make, make()
        self._model.rehearse()
        self._used = False

    def reset(self) -> None:
        if self._used:
            self._model, self._used = self._make(), False

    def __call__(self, words: np.ndarray) -> np.ndarray:
        self._used, model = True, self._model
        model.feed(words.astype(np.uint32))
        return model.drain().astype(Words)


class ServedModel(TerminalServer):
    """Golden models behind the device end of the link, on a pseudo-terminal, which is there once they need nothing
    compiled any more: a host gives a device up that is silent, and one that has a word for half a minute.

    Parameters
    ----------
    units : sequence of (int, int, callable)
        Of each unit, kind and digest, and what gives its model, one of :mod:`skipwalk.sim.units`.
    carrier : callable, optional
        ``carrier(pipe)``: what the device has in place of its pipe, one that damages frames, say.

    Attributes
    ----------
    address : str
        The port, for ``--backend``.
    """

    def __init__(
        self,
        units: Sequence[tuple[int, int, Callable[[], Any]]],
        carrier: Callable[[Pipe], Pipe] | None = None,
    ):
        super().__init__(Terminal())
        cfg = LinkConfig()
        identities = Identity.of_units([unit[:2] for unit in units], cfg)
        cores = [_Core(make) for _, _, make in units]
        self._device = DeviceModel(list(zip(identities, cores, strict=True)), cfg)
        self._pipe = carrier(self._terminal) if carrier else self._terminal
        self.address = f"serial:{self.port}"
        self._start()

    def close(self) -> None:
        super().close()
        self._pipe.close()

    def _serve(self) -> None:
        """The link answers while the core computes, as it does on a board."""
        device = self._device
        with ThreadPoolExecutor(1) as worker:
            while not self._stop.is_set():
                words, session = device.released(BATCH), device.session
                work = worker.submit(device.core, words) if len(words) else None
                while not self._stop.is_set():
                    device.feed(self._pipe.read(0.001 if work else STOP_WITHIN))
                    done = work is None or work.done()
                    # What was computed for a session that has ended is nobody's.
                    if work and done and device.session == session:
                        device.answered(len(words), work.result())
                    if out := device.drain():
                        self._pipe.write(out)
                    if done:
                        break
