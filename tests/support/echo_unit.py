"""A third unit, as small as can be: it knows INFO, GET, CLEAR and FLUSH. To test what treats all units alike."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

import numpy as np
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.unit.config import UnitConfig
from skipwalk.hw.unit.protocol import CLEAR, FLUSH, GET, INFO, UnitIdentity
from skipwalk.sim.link.folding import FoldingCore
from skipwalk.sw.unit.driver import UnitDriver
from skipwalk.sw.units import DrivenUnit

__all__ = ["ECHO", "EchoConfig"]

_MAGIC = 0x4543484F


@dataclass(frozen=True, kw_only=True)
class EchoConfig(UnitConfig):
    name: str = field(default="custom", compare=False)
    size: int = 3
    vendor: Vendor = Vendor.GENERIC

    UNSEEN: ClassVar[frozenset[str]] = frozenset({"name", "vendor"})


class EchoOpcode(IntEnum):
    NOP = 0
    INFO = INFO
    GET = GET
    CLEAR = CLEAR
    FLUSH = FLUSH


class EchoParameter(IntEnum):
    NOTHING = 0


class EchoCounter(IntEnum):
    WORDS = 0
    FLUSHES = 1


@dataclass(frozen=True)
class EchoIdentity(UnitIdentity):
    size: int

    @classmethod
    def of(cls, cfg: EchoConfig) -> "EchoIdentity":
        return cls(_MAGIC, 1, cfg.digest, cfg.size)


class EchoModel:
    def __init__(self, cfg: EchoConfig, *, plain: bool = False):
        self._cfg = cfg
        self._counts = [0, 0]
        self._out: list[int] = []

    def feed(self, words: np.ndarray) -> None:
        for word in words.tolist():
            self._counts[EchoCounter.WORDS] += 1
            match word >> 28:
                case EchoOpcode.INFO:
                    self._out += EchoIdentity.of(self._cfg).words
                case EchoOpcode.GET:
                    self._out += [self._counts[word & 0xFF], 0]
                case EchoOpcode.CLEAR:
                    self._counts = [0, 0]
                case EchoOpcode.FLUSH:
                    self._counts[EchoCounter.FLUSHES] += 1
                    self._out.append(word)

    def drain(self) -> np.ndarray:
        out, self._out = np.array(self._out, np.uint32), []
        return out


class EchoDevice(UnitDriver[EchoConfig]):
    WHAT = "echo"

    @classmethod
    def expected(cls, cfg: EchoConfig) -> EchoIdentity:
        return EchoIdentity.of(cfg)

    @classmethod
    def counters_of(cls, cfg: EchoConfig) -> tuple[EchoCounter, ...]:
        return tuple(EchoCounter)


#: The core is another, which also has streams of words.
ECHO = DrivenUnit(
    name="echo",
    folder="echo",
    kind=int.from_bytes(b"ECHO", "big"),
    config=EchoConfig,
    presets={"hall": EchoConfig(name="hall", size=9)},
    opcodes=EchoOpcode,
    parameters=EchoParameter,
    counters=EchoCounter,
    core=lambda cfg, primitives=False: FoldingCore(),
    model=EchoModel,
    driver=EchoDevice,
    short=lambda cfg: f"size {cfg.size}",
    describe=lambda cfg: {"unit": cfg.name, "size": str(cfg.size), "boards": "none"},
    typical=lambda cfg: ("echo.word", 2),
)
