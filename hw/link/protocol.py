"""What both ends of the link agree on: flags, header layouts, identity, sizes. Standard library only.

A frame is ``header | words | CRC-32`` encoded with COBS and ended by a zero byte; everything is little-endian.
``docs/link.md`` tells how frames are exchanged.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag

__all__ = [
    "DEVICE_HEADER",
    "ENCODER_BYTES",
    "FOLD_KIND",
    "HOST_HEADER",
    "LONGEST",
    "MAGIC",
    "UART_BITS",
    "VERSION",
    "Flags",
    "Identity",
    "LinkConfig",
    "UartConfig",
]

#: First identity word of every device: the bytes ``skwk``.
MAGIC = int.from_bytes(b"skwk", "little")
#: Version of the frames and of their rules.
VERSION = 2

#: The core for trying out a link, as an identity names it; those of units are in ``hw/units.py``.
FOLD_KIND = int.from_bytes(b"FOLD", "big")

#: Most bytes in a block of COBS, and in the memory in which the encoder of a device collects one.
LONGEST = 254
ENCODER_BYTES = LONGEST + 2

#: Host to device: flags, session, seq, ack.
HOST_HEADER = struct.Struct("<BHHH")
#: Device to host: flags, session, seq, ack, limit.
DEVICE_HEADER = struct.Struct("<BHHHH")


class Flags(IntFlag):
    """First byte of a frame. The other bits are zero; a frame that has them set is refused."""

    #: From the host: begin the session named in the header, with the unit whose number is in ``seq``. From the device:
    #: it has begun, and the words identify device and unit.
    OPEN = 1
    #: From the host: answer, and send again what ``ack`` does not cover. From the device: something was refused.
    AGAIN = 2


@dataclass(frozen=True, kw_only=True)
class LinkConfig:
    """Buffers of the device end.

    Attributes
    ----------
    depth : int
        Words in each direction's buffer: a power of two, at least ``2 * frame_words``.
    frame_words : int
        Most words in one frame.
    clear_cycles : int
        For how many cycles a new session holds the core in reset.

    Raises
    ------
    TypeError
        A value is not an int.
    ValueError
        A value is out of range.
    """

    depth: int = 512
    frame_words: int = 64
    clear_cycles: int = 16

    def __post_init__(self):
        for name in ("depth", "frame_words", "clear_cycles"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an int, not {value!r}")
        if not 4 <= self.frame_words <= 255:
            raise ValueError(f"frame_words must be 4 to 255, not {self.frame_words}")
        if self.depth & (self.depth - 1) or not 2 * self.frame_words <= self.depth <= 1 << 14:
            raise ValueError(
                f"depth must be a power of two from 2 * frame_words ({2 * self.frame_words}) to {1 << 14}, "
                f"not {self.depth}"
            )
        if not 1 <= self.clear_cycles <= 255:
            raise ValueError(f"clear_cycles must be 1 to 255, not {self.clear_cycles}")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who a device is, and which of its units the session is with: the words of its answer to :attr:`Flags.OPEN`.

    ``kind`` names the core (ASCII, four bytes) that is the unit, ``digest`` its configuration. A device has ``units``
    of them; a session is with the one numbered ``unit``. ``frame_words`` and ``depth`` tell the host what fits; they
    are no part of the comparison at open.
    """

    #: How many words of 32 bits there are.
    WORDS = 5

    kind: int
    digest: int
    unit: int = 0
    units: int = 1
    magic: int = MAGIC
    version: int = VERSION
    frame_words: int = LinkConfig.frame_words
    depth: int = LinkConfig.depth

    @property
    def words(self) -> tuple[int, int, int, int, int]:
        """As sent: magic, version | frame_words << 8 | depth << 16, kind, digest, unit | units << 8."""
        sizes = self.version | self.frame_words << 8 | self.depth << 16
        return self.magic, sizes, self.kind, self.digest, self.unit | self.units << 8

    @classmethod
    def from_words(cls, words) -> "Identity":
        """Inverse of :attr:`words`. Those that are missing count as 0: other versions have other numbers of them."""
        known = [int(word) for word in words][: cls.WORDS]
        magic, sizes, kind, digest, place = known + [0] * (cls.WORDS - len(known))
        return cls(
            magic=magic,
            version=sizes & 0xFF,
            frame_words=sizes >> 8 & 0xFF,
            depth=sizes >> 16,
            kind=kind,
            digest=digest,
            unit=place & 0xFF,
            units=place >> 8 & 0xFF,
        )

    @classmethod
    def of_units(cls, units: Sequence[tuple[int, int]], cfg: LinkConfig) -> "tuple[Identity, ...]":
        """Identities of one device's units, by their number; ``units`` are pairs of kind and digest.

        Raises ValueError for none, or more than 255.
        """
        if not 1 <= len(units) <= 255:
            raise ValueError(f"a device has 1 to 255 units, not {len(units)}")
        return tuple(
            cls(kind=kind, digest=digest, unit=i, units=len(units), frame_words=cfg.frame_words, depth=cfg.depth)
            for i, (kind, digest) in enumerate(units)
        )


#: Bits on a serial line for each byte: start, eight, stop.
UART_BITS = 10


@dataclass(frozen=True, kw_only=True)
class UartConfig:
    """Clock and bit rate of a UART, 8N1.

    The bit clock is the carry of a phase accumulator, so the ratio need not be whole: single edges are up to one clock
    off, the mean rate is within 0.05 %. Raises ValueError for fewer than 4 clocks a bit.
    """

    clock_hz: int
    baud: int

    def __post_init__(self):
        if self.baud <= 0 or self.clock_hz < 4 * self.baud:
            raise ValueError(
                f"a UART of {self.baud} baud needs a clock of at least {4 * self.baud} Hz, not {self.clock_hz}"
            )

    @property
    def phase_bits(self) -> int:
        """Width of the phase accumulator."""
        return 10 + (self.clock_hz // self.baud).bit_length()

    @property
    def step(self) -> int:
        """What the accumulator grows by each clock."""
        return round(self.baud * (1 << self.phase_bits) / self.clock_hz)
