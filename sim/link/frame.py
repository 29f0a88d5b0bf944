"""Frames as bytes: pack, check, unpack. The layouts are those of :mod:`skipwalk.hw.link.protocol`."""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from cobs import cobs

from ...hw.link.protocol import DEVICE_HEADER, HOST_HEADER, Flags

__all__ = ["CRC_BYTES", "NO_FLAGS", "Frame", "FrameSplitter", "Words"]

#: Words on the link: little-endian, whatever the host is.
Words = np.dtype("<u4")
CRC_BYTES = 4
NO_FLAGS = Flags(0)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of either direction.

    ``seq`` counts the words of its direction sent before it, ``ack`` those of the other direction received in order,
    ``limit`` (device only, else None) up to which count the device has room; all modulo 2**16.
    """

    flags: Flags = NO_FLAGS
    session: int
    seq: int = 0
    ack: int = 0
    limit: int | None = None
    words: bytes = b""

    def encode(self) -> bytes:
        """With CRC, COBS and the closing zero."""
        if self.limit is None:
            head = HOST_HEADER.pack(self.flags, self.session, self.seq, self.ack)
        else:
            head = DEVICE_HEADER.pack(self.flags, self.session, self.seq, self.ack, self.limit)
        body = head + self.words
        return cobs.encode(body + crc32(body).to_bytes(CRC_BYTES, "little")) + b"\0"

    @classmethod
    def decode(cls, raw: bytes, *, from_device: bool) -> "Frame | None":
        """The frame in ``raw`` (closing zero removed), or None if it is damaged."""
        header = DEVICE_HEADER if from_device else HOST_HEADER
        try:
            body = cobs.decode(raw)
        except cobs.DecodeError:
            return None
        n_words = len(body) - header.size - CRC_BYTES
        if n_words < 0 or n_words % Words.itemsize:
            return None
        if crc32(body[:-CRC_BYTES]) != int.from_bytes(body[-CRC_BYTES:], "little"):
            return None
        flags, session, seq, ack, *limit = header.unpack_from(body)
        if flags & ~int(Flags.OPEN | Flags.AGAIN):
            return None
        frame = cls(flags=Flags(flags), session=session, seq=seq, ack=ack, words=body[header.size : -CRC_BYTES])
        return replace(frame, limit=limit[0]) if limit else frame


class FrameSplitter:
    """Bytes in, raw frames (without their zero) out; empty ones are left out."""

    def __init__(self):
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that ``data`` completes."""
        *whole, self._rest = (self._rest + data).split(b"\0")
        return [raw for raw in whole if raw]
