"""The host end of the link: words to and from a device, each once and in order, whatever the pipe does to bytes.

Every call that waits also serves the link: it takes in answers, acknowledges them, and sends again what was lost. No
thread runs in between. ``docs/link.md`` gives the rules.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...hw.link.protocol import MAGIC, VERSION, Flags, Identity
from ...sim.link.frame import NO_FLAGS, Frame, FrameSplitter, Words
from ...sim.link.pipe import Pipe
from .pipe import LinkError

__all__ = ["Link", "LinkStats"]

MASK = 0xFFFF
WORD = Words.itemsize
#: Longest single wait for bytes, so that Ctrl-C and deadlines are answered promptly.
SLICE = 0.02
#: Frames of another session in a row, none of ours between, after which the device counts as taken or restarted.
STRANGERS = 3


@dataclass
class LinkStats:
    """Counts since the device was opened. ``damaged``: frames from the device that failed their check."""

    frames_sent: int = 0
    frames_resent: int = 0
    frames_received: int = 0
    frames_damaged: int = 0
    polls: int = 0
    words_sent: int = 0
    words_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


def _signed(difference: int) -> int:
    """A difference of two counts modulo 2**16 as the nearest integer."""
    return (difference + 0x8000 & MASK) - 0x8000


class Link:
    """An open device.

    Parameters
    ----------
    pipe : Pipe
        What carries the bytes. The link closes it.
    kind, digest : int or None
        The core and configuration that one of the device's units must have (32 bits each); None takes any.
    patience : float
        Seconds without progress after which something counts as lost. The time the line needs is added.
    give_up : float
        Seconds without a single sound frame after which the device counts as gone; the time of the line is added too.

    Raises
    ------
    LinkError
        Nobody answers, or the device is not the one expected (the message shows both values); and later, from any
        method, if the device goes away or restarts.
    """

    def __init__(
        self,
        pipe: Pipe,
        *,
        kind: int | None = None,
        digest: int | None = None,
        patience: float = 0.05,
        give_up: float = 3.0,
    ):
        self._pipe = pipe
        self._give_up = give_up
        self._patience = patience
        self.stats = LinkStats()
        try:
            self.identity = self._open(kind, digest)
        except BaseException:
            pipe.close()
            raise
        if pipe.bytes_per_second:
            # Both directions' buffers, as frames, may lie on the line ahead of the answer.
            line = 3 * self.identity.depth * WORD / pipe.bytes_per_second
            self._patience += line
            self._give_up += line

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pipe. The device keeps its state until the next open."""
        self._pipe.close()

    # ---- words
    def write(self, words: ArrayLike) -> None:
        """Queue words (uint32, shape [n]) and return when all have been sent once.

        They may not have arrived yet: later calls see to it, :meth:`flush` waits for it. Blocks while the device has
        no room.
        """
        array = np.asarray(words)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise TypeError(f"words must be a vector of integers, not {array.dtype} of shape {array.shape}")
        if array.size and (int(array.min()) < 0 or int(array.max()) > 0xFFFF_FFFF):
            raise ValueError(f"words have 32 bits; found {array.min()} to {array.max()}")
        self._queue += array.astype(Words).tobytes()
        self.stats.words_sent += array.size
        self._wait(lambda: self._tx_next == self._tx_end)

    def flush(self) -> None:
        """Wait until the device has acknowledged every word."""
        self._wait(lambda: self._tx_base == self._tx_end)

    def read(self, n: int, timeout: float | None = None) -> np.ndarray:
        """The next ``n`` words from the device, uint32 of shape [n].

        With a ``timeout`` in seconds, a LinkError says how many words came; they stay for the next call.
        """
        need = n * WORD
        if not self._wait(lambda: len(self._inbox) >= need, timeout):
            raise LinkError(
                f"{self._pipe.name}: the device answers, but its core gave {len(self._inbox) // WORD} of {n} words in "
                f"{timeout:g} s; is the command complete?"
            )
        out = np.frombuffer(bytes(self._inbox[:need]), Words).astype(np.uint32)
        del self._inbox[:need]
        return out

    def poll(self) -> int:
        """Serve the link without waiting; how many words :meth:`read` would give at once."""
        self._send_ready()
        self._take_bytes(0)
        return len(self._inbox) // WORD

    # ---- opening
    def _open(self, kind: int | None, digest: int | None) -> Identity:
        """Open one unit after the other until it is the one wanted."""
        found = [self._handshake(0)]
        while kind not in (None, found[-1].kind) or digest not in (None, found[-1].digest):
            if len(found) == found[0].units:
                # Of several that differ, the one that differs least says most.
                self._check(next((unit for unit in found if unit.kind == kind), found[0]), kind, digest)
            found.append(self._handshake(len(found)))
        return found[-1]

    def _handshake(self, unit: int) -> Identity:
        start = self._pipe.clock()
        while True:
            self._reset(secrets.randbelow(MASK) + 1)
            identity = self._greet(unit, start + self._give_up)
            self._check(identity, None, None)
            # A device that already was in a session of this number has not begun anew: draw another number.
            if self._expected == 0 and self._tx_base == 0 and identity.unit == unit:
                return identity

    def _reset(self, session: int) -> None:
        self._session = session
        self._splitter = FrameSplitter()
        self._queue = bytearray()  # words from _tx_base on
        self._tx_base = self._tx_next = self._tx_limit = 0  # acknowledged, to be sent next, room up to
        self._tx_high = 0  # highest word ever sent
        self._went_back = -1  # _tx_base at the last return on the device's word
        self._expected = 0  # next word from the device
        self._asked = -1  # _expected when we last asked for a repetition
        self._acked = 0  # _expected as the device was last told
        self._inbox = bytearray()
        self._strangers = 0
        self._stranger = 0
        self._frame_words = 0
        self._welcome: Frame | None = None
        self._heard = self._pipe.clock()

    def _greet(self, unit: int, deadline: float) -> Identity:
        hello = b"\0" + Frame(flags=Flags.OPEN, session=self._session, seq=unit).encode()
        retry = self._patience + len(hello) * 4 / (self._pipe.bytes_per_second or float("inf"))
        while True:
            self._put(hello)
            again = self._pipe.clock() + retry
            while (now := self._pipe.clock()) < again:
                self._take_bytes(again - now)
                if self._welcome is not None:
                    identity = Identity.from_words(np.frombuffer(self._welcome.words, Words))
                    self._frame_words = identity.frame_words
                    self._expected, self._tx_base = self._welcome.seq, self._welcome.ack
                    return identity
            if now > deadline:
                some = f"only noise ({self.stats.bytes_received} bytes)" if self.stats.bytes_received else "nothing"
                raise LinkError(
                    f"{self._pipe.name}: no skipwalk device answers; {some} came back in {self._give_up:g} s. Is the "
                    f"board on, programmed (`skipwalk program`), and the baud rate that of its bitstream?"
                )

    def _check(self, found: Identity, kind: int | None, digest: int | None) -> None:
        for what, has, wants, remedy in (
            ("magic number", found.magic, MAGIC, "this is no skipwalk device"),
            ("protocol version", found.version, VERSION, "rebuild the bitstream, or install the matching skipwalk"),
            ("core", found.kind, kind, "load the bitstream of that core, or open the device for the core it has"),
            ("configuration digest", found.digest, digest, "load the matching bitstream, or use its configuration"),
        ):
            if wants is not None and has != wants:
                raise LinkError(
                    f"{self._pipe.name}: the device has {what} {has:#010x}, expected is {wants:#010x}; {remedy}"
                )

    # ---- service
    def _wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Serve until ``done()``; False if ``timeout`` passes first. Asks again whenever nothing moves."""
        now = quiet = self._heard = self._pipe.clock()
        deadline = None if timeout is None else now + timeout
        seen = None
        while True:
            self._send_ready()
            if done():
                return True
            self._take_bytes(SLICE if deadline is None else min(SLICE, max(0.0, deadline - now)))
            now = self._pipe.clock()
            state = (self._tx_base, self._tx_limit, self._expected)
            if state != seen:
                seen, quiet = state, now
            elif now - quiet >= self._patience:
                self._ask_again()
                quiet = now
            if now - self._heard > self._give_up:
                raise LinkError(
                    f"{self._pipe.name}: the device has not answered for {self._give_up:g} s; check its power and "
                    f"cable, then open it again"
                )
            if deadline is not None and now >= deadline and not done():
                return False

    @property
    def _tx_end(self) -> int:
        return self._tx_base + len(self._queue) // WORD

    def _send_ready(self, flags: Flags = NO_FLAGS) -> None:
        """Send every whole frame that the device has room for; the first carries ``flags``."""
        out = bytearray(b"\0" if flags else b"")
        position = self._tx_next
        while (left := self._tx_end - position) > 0:
            n = min(left, self._frame_words)
            if position + n > self._tx_limit:
                break
            start = (position - self._tx_base) * WORD
            out += self._frame(flags, position, bytes(self._queue[start : start + n * WORD]))
            if position < self._tx_high:
                self.stats.frames_resent += 1
            flags = NO_FLAGS
            position += n
            self._tx_high = max(self._tx_high, position)
        if flags:
            out += self._frame(flags, position, b"")
        if out:
            self._put(bytes(out))
        self._tx_next = position

    def _ask_again(self) -> None:
        """Return to the last acknowledged word, and ask the device to do the same."""
        self.stats.polls += 1
        self._tx_next = self._tx_base
        self._send_ready(Flags.AGAIN)

    def _frame(self, flags: Flags, seq: int, words: bytes) -> bytes:
        self._acked = self._expected
        self.stats.frames_sent += 1
        ack = self._expected & MASK
        return Frame(flags=flags, session=self._session, seq=seq & MASK, ack=ack, words=words).encode()

    def _put(self, data: bytes) -> None:
        self._pipe.write(data)
        self.stats.bytes_sent += len(data)

    def _take_bytes(self, timeout: float) -> None:
        data = self._pipe.read(timeout)
        self.stats.bytes_received += len(data)
        for raw in self._splitter.feed(data):
            frame = Frame.decode(raw, from_device=True)
            if frame is None:
                self.stats.frames_damaged += 1
                self._lost_something()
            elif frame.session != self._session:
                self._stranger_came(frame.session)
            else:
                self._handle(frame)

    def _stranger_came(self, session: int) -> None:
        """A frame of another session: late, or a sign that ours has ended. Ask, to hear which."""
        if not self._frame_words:
            return
        self._strangers = self._strangers + 1 if session == self._stranger else 1
        self._stranger = session
        if self._strangers >= STRANGERS:
            what = "has restarted" if session == 0 else "was opened by someone else"
            raise LinkError(f"{self._pipe.name}: the device {what}; what it held is lost, open it again")
        self._put(b"\0" + self._frame(Flags.AGAIN, self._tx_next, b""))

    def _handle(self, frame: Frame) -> None:
        self.stats.frames_received += 1
        self._heard = self._pipe.clock()
        self._strangers = 0
        opening = Flags.OPEN in frame.flags
        if not self._frame_words:
            if opening and len(frame.words) >= 2 * WORD:
                self._welcome = frame
                self._tx_limit = (frame.limit or 0) - frame.ack & MASK
            return
        self._acknowledged(frame)
        gap = _signed(frame.seq - self._expected)
        if gap > 0:
            self._lost_something()
        elif not opening and len(frame.words) > -gap * WORD:
            fresh = frame.words[-gap * WORD :]
            self._inbox += fresh
            self._expected += len(fresh) // WORD
            self.stats.words_received += len(fresh) // WORD
            if self._expected - self._acked >= self.identity.depth // 4:
                self._put(self._frame(NO_FLAGS, self._tx_next, b""))

    def _acknowledged(self, frame: Frame) -> None:
        base = self._tx_base + _signed(frame.ack - self._tx_base)
        if not self._tx_base <= base <= self._tx_high:
            return  # an old frame, come twice
        del self._queue[: (base - self._tx_base) * WORD]
        self._tx_base = base
        self._tx_next = max(self._tx_next, base)
        self._tx_limit = max(self._tx_limit, base + ((frame.limit or 0) - frame.ack & MASK))
        if Flags.AGAIN in frame.flags and self._tx_next > base and self._went_back != base:
            self._went_back = base
            self._tx_next = base

    def _lost_something(self) -> None:
        """A frame from the device is missing or damaged: ask once for each place; after that, patience does it."""
        if self._frame_words and self._asked != self._expected:
            self._asked = self._expected
            self._put(b"\0" + self._frame(Flags.AGAIN, self._tx_next, b""))
