"""Words to a core and back, whatever the core is: the one seam between the driver and golden model, RTL or board."""

import json
from abc import ABC, abstractmethod

import numpy as np

from ...hw.unit.config import UnitConfig
from ...sim.link.pipe import Pipe
from ...sim.units import UNITS
from ..errors import DeviceError
from .pipe import address_fault

__all__ = [
    "BACKENDS",
    "BufferedTransport",
    "GoldenTransport",
    "RTLTransport",
    "SerialTransport",
    "Transport",
    "open_transport",
    "unknown_backend",
]

#: What :func:`open_transport` can open now.
BACKENDS = ("golden", "rtl", "serial:ADDRESS")


class Transport(ABC):
    """An open core. A context manager that closes itself."""

    @abstractmethod
    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        """Send command words, uint32 (n,), and return the next ``n_replies`` words of the core, uint32.

        Replies come in order; those beyond ``n_replies`` wait for the next call. Blocks while the core is busy. An
        exception, KeyboardInterrupt included, may leave any part of ``words`` sent. Raises DeviceError if the core
        does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the core back; harmless if that was done already."""

    @property
    def cycles(self) -> int | None:
        """Clock cycles since the core was opened, or None if it has no clock that can be read from here."""
        return None

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BufferedTransport(Transport):
    """Replies that came early are kept."""

    def __init__(self) -> None:
        self._early = np.empty(0, np.uint32)

    def _handed_over(self, replies: np.ndarray, n: int) -> np.ndarray:
        have = np.concatenate([self._early, replies])
        self._early = have[n:].copy()
        return have[:n]


class GoldenTransport(BufferedTransport):
    """The golden model as a core; ``plain`` takes its definition in NumPy instead of the compiled twin.

    Opening an OS-ELM core begins to compile the loops for its configuration, the first time on a machine; the first
    contexts wait for them.
    """

    def __init__(self, cfg: UnitConfig, *, plain: bool = False):
        super().__init__()
        self.model = UNITS.of(cfg).model(cfg, plain=plain)

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        self.model.feed(words)
        replies = self.model.drain()
        missing = n_replies - len(self._early) - len(replies)
        if missing > 0:
            self._handed_over(replies, 0)
            raise DeviceError(f"the core has answered all commands and still owes {missing} of {n_replies} words")
        return self._handed_over(replies, n_replies)

    def close(self) -> None:
        """Nothing to give back."""


class RTLTransport(BufferedTransport):
    """The gateware, compiled by Verilator. Opening it takes a second; the first time for a configuration, minutes.

    Raises DeviceError if a tool is missing or the build fails. ``options`` are those of ``sim.rtl.verilated``.
    """

    def __init__(self, cfg: UnitConfig, **options):
        from ...sim.rtl.build import BuildError, MissingToolError

        super().__init__()
        try:
            from ...sim.memory.behind import simulated
            from ...sim.rtl.verilated import VerilatedCore

            unit = UNITS.of(cfg)
            self._core = VerilatedCore.from_sources(
                json.dumps([unit.name, cfg.to_dict()], sort_keys=True), lambda: simulated(unit.core(cfg)), **options
            )
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "amaranth":
                raise
            raise DeviceError('the rtl backend needs Amaranth: pip install "skipwalk[rtl]"; or use golden') from None
        except MissingToolError as error:
            raise DeviceError(f"{error}; or use the golden backend, which gives the same bits") from None
        except BuildError as error:
            raise DeviceError(f"the gateware cannot be compiled: {error}") from error

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        from ...sim.rtl.verilated import SimulationTimeout

        # run() would count early replies as still to come.
        want = max(n_replies - len(self._early), 0)
        try:
            return self._handed_over(self._core.run(words, want), n_replies)
        except SimulationTimeout as error:
            raise DeviceError(str(error)) from error

    def close(self) -> None:
        self._core.close()

    @property
    def cycles(self) -> int:
        return self._core.cycles


class SerialTransport(Transport):
    """A board, or anything else that speaks the link, at an address of :func:`skipwalk.sw.link.pipe.open_pipe`, or at
    the other end of an open pipe.

    Raises DeviceError if nobody answers there, or a device with another core or configuration.
    """

    #: Seconds that a core may work on what the link holds before it counts as stuck, and how many words are waited for
    #: that long: a long answer over a slow line takes its time.
    STUCK, STRETCH = 30.0, 1024

    def __init__(self, address: str | Pipe, cfg: UnitConfig):
        try:
            from .link import Link
            from .pipe import open_pipe
        except ModuleNotFoundError as error:
            if error.name != "cobs":
                raise
            raise DeviceError('the serial backend needs cobs: pip install "skipwalk[serial]"; or use golden') from None
        pipe = open_pipe(address) if isinstance(address, str) else address
        self.link = Link(pipe, kind=UNITS.of(cfg).kind, digest=cfg.digest)

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        self.link.write(words)
        parts = [np.empty(0, np.uint32)]
        for at in range(0, n_replies, self.STRETCH):
            parts.append(self.link.read(min(self.STRETCH, n_replies - at), timeout=self.STUCK))
        return np.concatenate(parts)

    def close(self) -> None:
        self.link.close()


def unknown_backend(backend: str) -> str | None:
    """What is wrong with the name of a backend; None if nothing is, as far as can be seen without opening it."""
    if isinstance(backend, str) and backend in BACKENDS[:-1]:
        return None
    if isinstance(backend, str) and (address := backend.removeprefix("serial:")) not in ("", backend):
        return address_fault(address)
    return f"unknown backend {backend!r}; there are {', '.join(BACKENDS)}"


def open_transport(backend: str | Transport, cfg: UnitConfig) -> Transport:
    """The core that ``backend`` names: ``golden``, ``rtl`` or ``serial:ADDRESS``; which kind, the configuration says.
    A transport that is open is taken as it is.

    Raises DeviceError if it cannot be opened, and ValueError for any other name.
    """
    if isinstance(backend, Transport):
        return backend
    if (fault := unknown_backend(backend)) is not None:
        raise ValueError(fault)
    if backend == "golden":
        return GoldenTransport(cfg)
    if backend == "rtl":
        return RTLTransport(cfg)
    return SerialTransport(backend.removeprefix("serial:"), cfg)
