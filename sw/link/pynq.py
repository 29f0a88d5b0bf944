"""An exported core beside the processor of a Zynq, under PYNQ: words by AXI DMA, registers by AXI4-Lite."""

from pathlib import Path
from typing import Any

import numpy as np

from ...hw.link.protocol import MAGIC
from ...hw.ports.axi_map import AXI_VERSION, MEMORY_REGISTERS, REGISTERS
from ...hw.unit.config import UnitConfig
from ...sim.units import UNITS
from ..errors import DeviceError
from .transport import BufferedTransport

__all__ = ["PynqTransport"]

_AT = {register.name: register.offset for register in REGISTERS + MEMORY_REGISTERS}
#: Words of the buffers: what goes or comes in one transfer. PACKET has 16 bits.
CHUNK = 1 << 15
#: From so many replies on, they come in packets longer than a word: nothing else may be owed then.
BULK = 32


class PynqTransport(BufferedTransport):
    """The core named ``core`` and the DMA named ``dma`` of an overlay, as ``skipwalk export --vivado`` lays them out.

    Few replies come as packets of a word each, a transfer a word; many, as when rows are read, in packets as long as
    there can be.

    Parameters
    ----------
    overlay : str or pynq.Overlay
        A bitstream with its .hwh beside it, which is loaded; or one that is.
    cfg : UnitConfig

    Raises
    ------
    DeviceError
        PYNQ is not there, or the core is another one; and later, if the core answers what it was not asked for.
    """

    def __init__(self, overlay: Any, cfg: UnitConfig):
        super().__init__()
        try:
            import pynq
        except ModuleNotFoundError as error:
            raise DeviceError(f"this is for a Zynq under PYNQ, and there is no {error.name} here") from None
        if isinstance(overlay, str | Path):
            overlay = pynq.Overlay(str(overlay))
        self._core, self._dma = overlay.core, overlay.dma
        for name, wants in (
            ("MAGIC", MAGIC),
            ("VERSION", AXI_VERSION),
            ("KIND", UNITS.of(cfg).kind),
            ("DIGEST", cfg.digest),
        ):
            if (has := self._register(name)) != wants:
                raise DeviceError(
                    f"the core's {name} is {has:#010x}, expected is {wants:#010x}; load its own bitstream"
                )
        self._buffers = [pynq.allocate((CHUNK,), dtype=np.uint32) for _ in range(2)]
        # The reset ends what an earlier program left; with it PACKET is 1 and no word is counted.
        self._set("CONTROL", 1)
        self._set("CONTROL", 0)
        self._set("PACKET", 1)
        self._taken = self._register("WORDS_OUT")
        if cfg.memory_bytes:
            # A page more: the base is a multiple of one.
            self._buffers.append(pynq.allocate((cfg.memory_bytes // 4 + 1024,), dtype=np.uint32))
            self._set("MEMORY_BASE", -(-self._buffers[-1].device_address // 4096) * 4096)

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        send, take = self._buffers[:2]
        need = n_replies - len(self._early)
        # Replies that have come already are packets of one word each.
        size = 1 if need < BULK or self._waiting() else _packet(need)
        if size > 1:
            self._set("PACKET", size)
        parts = [np.empty(0, np.uint32)]
        sent = got = 0
        sending = taking = False
        # Both ways at once: the core takes no word while nobody takes its reply, asked for or not.
        while sent < len(words) or sending or taking or got < need:
            if sending and self._dma.sendchannel.idle:
                self._dma.sendchannel.wait()
                sending = False
            if not sending and sent < len(words):
                n = min(CHUNK, len(words) - sent)
                send[:n] = words[sent : sent + n]
                self._dma.sendchannel.transfer(send[:n])
                sent, sending = sent + n, True
            if taking and self._dma.recvchannel.idle:
                self._dma.recvchannel.wait()
                parts.append(np.array(take[:size], np.uint32))
                got, self._taken, taking = got + size, self._taken + size, False
            if not taking and (got < need or self._waiting()):
                if got >= need and size > 1:
                    break
                self._dma.recvchannel.transfer(take[:size])
                taking = True
        if size > 1:
            self._set("PACKET", 1)
            if self._waiting():
                raise DeviceError(f"the core answered more than the {need} words asked for; open it again")
        return self._handed_over(np.concatenate(parts), n_replies)

    def close(self) -> None:
        """Give the buffers back; the core keeps its memories."""
        while self._buffers:
            self._buffers.pop().freebuffer()

    def _waiting(self) -> bool:
        """Whether replies have come that nobody has taken: in the DMA, or offered to it."""
        came = self._register("WORDS_OUT") - self._taken & 0xFFFFFFFF
        return came > 0 or bool(self._register("STATUS") & 2)

    def _register(self, name: str) -> int:
        return int(self._core.read(_AT[name])) & 0xFFFFFFFF

    def _set(self, name: str, value: int) -> None:
        self._core.write(_AT[name], value)


def _packet(n: int) -> int:
    """The longest packet of which n words are a whole number."""
    return next(size for size in range(min(n, CHUNK), 0, -1) if n % size == 0)
