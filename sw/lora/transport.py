"""Ways to a Skip2-LoRA unit: its golden model, and its RTL compiled by Verilator."""

from typing import Any

import numpy as np

from ...hw.lora_config import LoraConfig
from ..errors import DeviceError
from ..transport import BACKENDS, Transport

__all__ = ["LoraTransport", "open_lora"]


class LoraTransport(Transport):
    """A unit in this process: anything with ``feed`` and ``drain``, or with ``run`` as :class:`VerilatedCore`."""

    def __init__(self, core: Any):
        self._core = core
        self._early = np.empty(0, np.uint32)

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        want = max(n_replies - len(self._early), 0)
        if hasattr(self._core, "cycles"):
            from ...sim.verilated import SimulationTimeout

            try:
                replies = self._core.run(words, want)
            except SimulationTimeout as error:
                raise DeviceError(str(error)) from error
        else:
            self._core.feed(words)
            replies = self._core.drain()
            if len(replies) < want:
                raise DeviceError(f"the unit has answered all commands and still owes {want - len(replies)} words")
        have = np.concatenate([self._early, replies])
        self._early = have[n_replies:].copy()
        return have[:n_replies]

    def close(self) -> None:
        if hasattr(self._core, "close"):
            self._core.close()

    @property
    def cycles(self) -> int | None:
        return getattr(self._core, "cycles", None)


def open_lora(backend: str, cfg: LoraConfig) -> Transport:
    """The unit that ``backend`` names, ``golden`` or ``rtl``.

    Opening the RTL takes a minute or two the first time for a configuration, and a moment afterwards. Raises
    DeviceError if it cannot be opened, and ValueError for any other name.
    """
    if backend == "golden":
        from ...sim.lora_unit import LoraUnit

        return LoraTransport(LoraUnit(cfg))
    if backend != "rtl":
        raise ValueError(f"unknown backend {backend!r}; there are {', '.join(BACKENDS)}")
    from ...sim.build import BuildError, MissingToolError

    try:
        from ...hw.lora_core import LoraCore
        from ...sim.verilated import VerilatedCore

        return LoraTransport(VerilatedCore.from_component(LoraCore(cfg)))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "amaranth":
            raise
        raise DeviceError('the rtl backend needs Amaranth: pip install "skipwalk[rtl]"; or use golden') from None
    except MissingToolError as error:
        raise DeviceError(f"{error}; or use the golden backend, which gives the same bits") from None
    except BuildError as error:
        raise DeviceError(f"the gateware cannot be compiled: {error}") from error
