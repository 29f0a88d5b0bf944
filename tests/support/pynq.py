"""What of PYNQ the transport uses, with a golden model in the place of the chip and the rules of an AXI DMA."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
from skipwalk.hw.link.protocol import MAGIC
from skipwalk.hw.ports.axi_map import AXI_VERSION, MEMORY_REGISTERS, REGISTERS
from skipwalk.sim.units import UNITS

__all__ = ["FakeCore", "install"]

AT = {register.offset: register.name for register in REGISTERS + MEMORY_REGISTERS}


class Buffer(np.ndarray):
    """As ``pynq.allocate`` gives it; slices know that they are of one."""

    device_address = 0x10000123

    def freebuffer(self) -> None:
        Buffer.freed += 1

    freed = 0


class FakeCore:
    """Registers, and the words behind them. Up to ``held`` replies leave the core before somebody takes them."""

    def __init__(self, cfg, *, held: int = 0):
        self.model = UNITS.of(cfg).model(cfg, plain=True)
        self.registers = dict.fromkeys(AT.values(), 0) | {
            "MAGIC": MAGIC,
            "VERSION": AXI_VERSION,
            "KIND": UNITS.of(cfg).kind,
            "DIGEST": cfg.digest,
            "PACKET": 1,
        }
        self.queue: list[int] = []  # replies in the core
        self.out: list[tuple[int, bool]] = []  # beats that have left it, with tlast
        self.held, self._in_packet = held, 0
        self.transfers = 0

    def read(self, offset: int) -> int:
        if AT[offset] == "STATUS":
            return 1 | (2 if self.queue else 0)
        return self.registers[AT[offset]]

    def write(self, offset: int, value: int) -> None:
        self.registers[AT[offset]] = value
        if AT[offset] == "PACKET":
            self._in_packet = 0
        if AT[offset] == "CONTROL" and value:
            self.registers["WORDS_OUT"] = 0

    def feed(self, words: np.ndarray) -> None:
        self.model.feed(np.array(words, np.uint32))
        self.queue += self.model.drain().tolist()
        self.leave(self.held)

    def leave(self, upto: int) -> None:
        """Replies leave the core until so many wait outside."""
        while self.queue and len(self.out) < upto:
            self._in_packet += 1
            last = self._in_packet == self.registers["PACKET"]
            self._in_packet = 0 if last else self._in_packet
            self.out.append((self.queue.pop(0), last))
            self.registers["WORDS_OUT"] += 1


class Channel:
    """One direction of a DMA: idle from the start, busy until its transfer is through."""

    def __init__(self, core: FakeCore, sends: bool):
        self._core, self._sends, self._buffer, self._at = core, sends, None, 0

    def transfer(self, buffer: np.ndarray) -> None:
        assert self._buffer is None, "DMA channel not idle"
        assert isinstance(buffer, Buffer)
        assert len(buffer)
        self._core.transfers += 1
        self._buffer, self._at = buffer, 0

    @property
    def idle(self) -> bool:
        core, buffer = self._core, self._buffer
        if buffer is None:
            return True
        if self._sends:
            # The core takes no word while nobody takes its replies.
            core.leave(core.held)
            while self._at < len(buffer) and len(core.queue) == 0:
                core.feed(buffer[self._at : self._at + 1])
                self._at += 1
            return self._at == len(buffer)
        while self._at < len(buffer):
            core.leave(1)
            if not core.out:
                return False
            word, last = core.out.pop(0)
            buffer[self._at] = word
            self._at += 1
            assert last == (self._at == len(buffer)), "a packet that is not as long as its transfer: DMA error"
        return True

    def wait(self) -> None:
        assert self.idle
        self._buffer = None


def install(monkeypatch, core: FakeCore) -> None:
    """Make ``import pynq`` find this."""

    def overlay(path):
        assert path == "system.bit"
        dma = SimpleNamespace(sendchannel=Channel(core, True), recvchannel=Channel(core, False))
        return SimpleNamespace(core=core, dma=dma)

    fake = ModuleType("pynq")
    fake.Overlay = overlay
    fake.allocate = lambda shape, dtype: np.zeros(shape, dtype).view(Buffer)
    monkeypatch.setitem(sys.modules, "pynq", fake)
