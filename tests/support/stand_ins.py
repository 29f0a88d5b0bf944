"""Golden models in the place of what runs compiled: with a clock, and behind the pins of a board."""

import numpy as np
from skipwalk.hw.boards.table import Board
from skipwalk.hw.link.protocol import UART_BITS, Identity, LinkConfig
from skipwalk.hw.unit.config import UnitConfig
from skipwalk.sim.link.frame import Words
from skipwalk.sim.link.model import DeviceModel
from skipwalk.sim.units import UNITS
from skipwalk.sw.link.transport import GoldenTransport

__all__ = ["Clocked", "ModelPins"]


class Clocked(GoldenTransport):
    """As ``RTLTransport``: a command word takes a cycle."""

    def __init__(self, cfg: UnitConfig, **_: object):
        super().__init__(cfg)
        self._cycles = 0

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        self._cycles += len(words)
        return super().exchange(words, n_replies)

    @property
    def cycles(self) -> int:
        return self._cycles


class ModelPins:
    """As ``BoardPins``: the link's device end with the Skip2-LoRA unit of a board, which computes in no time."""

    def __init__(self, row: Board):
        cfg = LinkConfig()
        unit = row.lora
        model = UNITS.of(unit).model(unit)
        (identity,) = Identity.of_units([(UNITS.of(unit).kind, unit.digest)], cfg)

        def core(words: np.ndarray) -> np.ndarray:
            model.feed(words.astype(np.uint32))
            return model.drain().astype(Words)

        self._device = DeviceModel([(identity, core)], cfg)
        self._byte = UART_BITS / row.baud
        self.seconds, self.closed = 0.0, False

    def send(self, data: bytes) -> int:
        self.seconds += len(data) * self._byte
        self._device.feed(data)
        return len(data)

    def run(self, seconds: float) -> None:
        self.seconds += seconds
        self._device.run_core()

    def received(self) -> bytes:
        return self._device.drain()

    def close(self) -> None:
        self.closed = True
