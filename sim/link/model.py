"""The device end of the link in plain Python: what :mod:`skipwalk.hw.link` does, for tests that need no RTL.

One method for each rule of the gateware, same names for the same registers. The core behind it is a function from
words to words.
"""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from ...hw.link.protocol import Flags, Identity, LinkConfig
from .frame import NO_FLAGS, Frame, FrameSplitter, Words
from .pipe import Pipe

__all__ = ["DeviceModel", "FoldingCore", "ModelPipe"]

MASK = 0xFFFF
#: Words in, words out.
Core = Callable[[np.ndarray], np.ndarray]


class FoldingCore:
    """A core for tests: answers each word with a fold of all words since its reset.

    A word that is lost, changed, doubled or out of order changes every answer after it.
    """

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        self._fold = 0

    def __call__(self, words: np.ndarray) -> np.ndarray:
        out = np.empty(len(words), Words)
        fold = self._fold
        for i, word in enumerate(words.tolist()):
            fold = ((fold << 5 | fold >> 27) & 0xFFFF_FFFF) ^ ((word + 1) & 0xFFFF_FFFF)
            out[i] = fold
        self._fold = fold
        return out


class DeviceModel:
    """Bytes in, bytes out.

    ``units`` are the device's cores, each with its identity, by their number. A core is called with each batch of
    words (uint32) that the link releases and returns the words it answers; ``reset`` (if it has that method) is called
    when a session with it begins.
    """

    def __init__(self, units: Sequence[tuple[Identity, Core]], cfg: LinkConfig | None = None):
        self._cfg = cfg or LinkConfig()
        self._units = units
        self._splitter = FrameSplitter()
        self._begin(0, 0)

    def _begin(self, session: int, unit: int) -> None:
        self.session = session
        self._identity, self.core = self._units[unit if unit < len(self._units) else 0]
        self.rx_head = self.rx_tail = self.reported = 0
        self.tx_acked = self.tx_next = self.tx_head = 0
        self._rx: list[int] = []
        self._tx: dict[int, int] = {}
        self._welcome = self._answer = self._again = False
        if hasattr(self.core, "reset"):
            self.core.reset()

    def feed(self, data: bytes) -> None:
        """Bytes from the host."""
        for raw in self._splitter.feed(data):
            self._receive(Frame.decode(raw, from_device=False))

    def run_core(self, at_most: int | None = None) -> None:
        """Let the core take words that were received, as long as there is room for one answer to each."""
        words = self.released(at_most)
        self.answered(len(words), self.core(words))

    def released(self, at_most: int | None = None) -> np.ndarray:
        """The words that the core would take next."""
        room = self._cfg.depth - (self.tx_head - self.tx_acked & MASK)
        n = min(len(self._rx), room, len(self._rx) if at_most is None else at_most)
        return np.array(self._rx[: max(n, 0)], Words)

    def answered(self, n: int, replies: np.ndarray) -> None:
        """The core has taken n words, and given these."""
        for word in replies.tolist():
            self._tx[self.tx_head] = word
            self.tx_head = self.tx_head + 1 & MASK
        del self._rx[:n]
        self.rx_tail = self.rx_tail + n & MASK

    def drain(self) -> bytes:
        """Every frame there is to send."""
        out = bytearray()
        while (frame := self._send()) is not None:
            out += frame.encode()
        return bytes(out)

    def _receive(self, frame: Frame | None) -> None:
        words = [] if frame is None else np.frombuffer(frame.words, Words).tolist()
        if frame is None or len(words) > self._cfg.frame_words:
            self._answer = self._again = True
        elif Flags.OPEN in frame.flags:
            if frame.session != self.session:
                self._begin(frame.session, frame.seq)
            self._welcome = True
        elif frame.session != self.session or self.session == 0:
            self._answer = True
        else:
            self._acknowledged(frame.ack, again=Flags.AGAIN in frame.flags)
            if words:
                self._take(frame.seq, words)

    def _acknowledged(self, ack: int, *, again: bool) -> None:
        delta = ack - self.tx_acked & MASK
        if delta <= (self.tx_head - self.tx_acked & MASK):
            if again or (self.tx_next - self.tx_acked & MASK) < delta:
                self.tx_next = ack
            while self.tx_acked != ack:
                del self._tx[self.tx_acked]
                self.tx_acked = self.tx_acked + 1 & MASK
        self._answer |= again

    def _take(self, seq: int, words: list[int]) -> None:
        self._answer = True
        if seq == self.rx_head and len(words) <= self._cfg.depth - (self.rx_head - self.rx_tail & MASK):
            self._rx += words
            self.rx_head = self.rx_head + len(words) & MASK
        else:
            self._again = True

    def _send(self) -> Frame | None:
        limit = self.rx_tail + self._cfg.depth & MASK
        ready = self.tx_head - self.tx_next & MASK
        grown = (limit - self.reported & MASK) >= self._cfg.frame_words and self.session != 0
        if not (self._welcome or ready or self._answer or grown):
            return None
        flags = Flags.AGAIN if self._again else NO_FLAGS
        seq = self.tx_next
        if self._welcome:
            flags |= Flags.OPEN
            words = list(self._identity.words)
        else:
            words = [self._tx[seq + i & MASK] for i in range(min(ready, self._cfg.frame_words))]
            self.tx_next = seq + len(words) & MASK
        self._welcome = self._answer = self._again = False
        self.reported = limit
        return Frame(
            flags=flags,
            session=self.session,
            seq=seq,
            ack=self.rx_head,
            limit=limit,
            words=np.array(words, Words).tobytes(),
        )


class ModelPipe(Pipe):
    """A pipe to a device model in this process, with a clock that only runs while the host waits.

    ``words_per_read``: how many words the core takes between two reads of the host, None for all. ``latency``: seconds
    that the device's bytes lie in the pipe.
    """

    name = "model"

    def __init__(self, device: DeviceModel, *, words_per_read: int | None = None, latency: float = 0.0):
        self.device = device
        self._words_per_read = words_per_read
        self._latency = latency
        self._coming: deque[tuple[float, bytes]] = deque()
        self._now = 0.0

    def read(self, timeout: float) -> bytes:
        self.device.run_core(self._words_per_read)
        if data := self.device.drain():
            self._coming.append((self._now + self._latency, data))
        if self._coming and self._coming[0][0] <= self._now + timeout:
            due, data = self._coming.popleft()
            # Even an answer at once takes a moment, so that a deadline passes in the end.
            self._now = max(self._now + 1e-6, due)
            return data
        self._now += timeout
        return b""

    def write(self, data: bytes) -> None:
        self.device.feed(data)

    def close(self) -> None:
        pass

    def clock(self) -> float:
        return self._now
