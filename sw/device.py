"""Driver of an OS-ELM core: embeddings and parameters as floats, contexts as arrays; words stay below."""

import contextlib
from collections.abc import Iterable, Iterator

import numpy as np

from ..hw.config import CoreConfig
from ..hw.formats import SQ
from ..hw.protocol import Counter, Identity, Opcode, Parameter, header
from ..sim.fixed import from_raw, to_raw
from .contexts import ContextBatch
from .errors import CapacityError, DeviceError, InputError
from .transport import Transport
from .words import from_words, train_words, write_words

__all__ = ["OSELMDevice"]

#: Rows or contexts that travel with one call of the transport; bounds its buffers.
SLICE = 1 << 14


class OSELMDevice:
    """An open core that is the one expected. A context manager; closes its transport.

    Rows and P are floats in the units of the model; their ``_raw`` twins are the integers that the core stores, for
    saving and comparing. An exception out of the transport (Ctrl-C among them) leaves the core in the middle of
    something: from then on every method raises DeviceError, and the device has to be opened again.

    Parameters
    ----------
    transport : Transport
    cfg : CoreConfig
        What the core has to be.

    Raises
    ------
    DeviceError
        It is not: magic, protocol version or the configuration's digest differ. The message shows both values.
    """

    def __init__(self, transport: Transport, cfg: CoreConfig):
        self.cfg = cfg
        self._transport = transport
        self._sound = True
        self._flushes = 0
        try:
            self._identify()
        except BaseException:
            transport.close()
            raise

    def __enter__(self) -> "OSELMDevice":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the transport; harmless if that was done already."""
        self._sound = False
        self._transport.close()

    @property
    def sound(self) -> bool:
        """Whether the device can still be used."""
        return self._sound

    @property
    def cycles(self) -> int | None:
        """Clock cycles since the core was opened, where the transport knows them."""
        return self._transport.cycles

    # ---- state
    def set_parameters(self, *, q: float, p0: float) -> None:
        """Covariance inflation a context, and the value of P's diagonal up to which it is applied.

        Raises InputError for values that the format of P cannot hold, or a positive q that it rounds to 0.
        """
        fmt = self.cfg.p
        top = fmt.max_raw * fmt.step
        for name, value in (("inflation q", q), ("p0", p0)):
            if not 0 <= value <= top:
                raise InputError(f"{name} must be 0 to {top:g} in the format {fmt} of P, not {value}")
        raw = to_raw([q, p0], fmt)
        if q and not raw[0]:
            raise InputError(f"inflation q {q:g} is lost in the format {fmt} of P; use 0 or at least {fmt.step:.2g}")
        words = [header(Opcode.SET, Parameter.Q), raw[0], header(Opcode.SET, Parameter.P0), raw[1]]
        self._exchange(np.array(words, np.uint32))

    def load(self, rows: np.ndarray, first_row: int = 0) -> None:
        """Write consecutive rows of beta, (n, dim) floats, rounded and saturated to its format."""
        self.load_raw(_raw(rows, self.cfg.beta), first_row)

    def load_raw(self, rows: np.ndarray, first_row: int = 0) -> None:
        """As :meth:`load`, integers as the core stores them. Raises CapacityError if the core has fewer rows."""
        cfg = self.cfg
        self._check_shape(rows, (len(rows), cfg.dim))
        if first_row < 0 or first_row + len(rows) > cfg.nodes:
            raise CapacityError(
                f"rows {first_row} to {first_row + len(rows) - 1}: the core has rows 0 to {cfg.nodes - 1}"
            )
        with self._whole():
            for at in range(0, len(rows), SLICE):
                self._transport.exchange(write_words(Opcode.WRITE_ROW, first_row + at, rows[at : at + SLICE]))

    def read_rows(self, rows: "Iterable[int] | np.ndarray | None" = None) -> np.ndarray:
        """These rows of beta (all, if not given), (n, dim) float64."""
        return from_raw(self.read_rows_raw(rows), self.cfg.beta)

    def read_rows_raw(self, rows: "Iterable[int] | np.ndarray | None" = None) -> np.ndarray:
        """As :meth:`read_rows`, (n, dim) int64 as stored. Raises InputError for a row that the core does not have."""
        cfg = self.cfg
        numbers = np.arange(cfg.nodes) if rows is None else np.fromiter(rows, np.int64)
        bad = numbers[(numbers < 0) | (numbers >= cfg.nodes)]
        if len(bad):
            raise InputError(f"row {bad[0]}: the core has rows 0 to {cfg.nodes - 1}")
        out = np.empty((len(numbers), cfg.dim), np.int64)
        for at in range(0, len(numbers), SLICE):
            part = numbers[at : at + SLICE]
            replies = self._exchange((part + header(Opcode.READ_ROW)).astype(np.uint32), len(part) * cfg.dim)
            out[at : at + SLICE] = from_words(replies, cfg.beta).reshape(-1, cfg.dim)
        return out

    def write_p(self, p: np.ndarray) -> None:
        """Set P, (dim, dim) floats, rounded and saturated to its format."""
        self.write_p_raw(_raw(p, self.cfg.p))

    def write_p_raw(self, p: np.ndarray) -> None:
        """As :meth:`write_p`, integers as the core stores them."""
        self._check_shape(p, (self.cfg.dim, self.cfg.dim))
        self._exchange(write_words(Opcode.WRITE_P, 0, p))

    def read_p(self) -> np.ndarray:
        """P, (dim, dim) float64."""
        return from_raw(self.read_p_raw(), self.cfg.p)

    def read_p_raw(self) -> np.ndarray:
        """As :meth:`read_p`, int64 as the core stores them."""
        dim = self.cfg.dim
        replies = self._exchange((np.arange(dim) + header(Opcode.READ_P)).astype(np.uint32), dim * dim)
        return from_words(replies, self.cfg.p).reshape(dim, dim)

    # ---- training
    def train(self, batch: ContextBatch) -> None:
        """Send contexts and wait until they have been trained (a barrier).

        Nothing is sent if one of them does not fit the core: raises CapacityError that names the row or the count.
        """
        cfg = self.cfg
        if not len(batch):
            return
        longest = int(np.diff(batch.indptr).max())
        if longest > cfg.max_samples:
            raise CapacityError(f"a context has {longest} samples; the core takes {cfg.max_samples}")
        for rows in (batch.centres, batch.samples):
            if len(rows) and not 0 <= rows.min() <= rows.max() < cfg.nodes:
                raise CapacityError(f"rows {rows.min()} to {rows.max()} in a context; the core has {cfg.nodes}")
        self._flushes = (self._flushes + 1) & 0x0FFFFFFF
        barrier = np.array([header(Opcode.FLUSH, self._flushes)], np.uint32)
        with self._whole():
            for at in range(0, len(batch), SLICE):
                ends = batch.indptr[at : at + SLICE + 1]
                part = slice(ends[0], ends[-1])
                centres = batch.centres[at : at + SLICE]
                words = train_words(centres, ends - ends[0], batch.samples[part], batch.labels[part])
                self._transport.exchange(words)
            reply = self._transport.exchange(barrier, 1)
            if reply[0] != barrier[0]:
                raise DeviceError(
                    f"the core answered {reply[0]:#010x} to the barrier {barrier[0]:#010x}; words were lost"
                )

    # ---- counters
    def counters(self) -> dict[str, int]:
        """Events since the core was opened or :meth:`clear_counters`, by the names of ``hw.protocol`` in lower case."""
        asked = np.array([header(Opcode.GET, counter) for counter in Counter], np.uint32)
        low, high = self._exchange(asked, 2 * len(asked)).astype(np.int64).reshape(-1, 2).T
        values = low | high << 32
        return {counter.name.lower(): int(value) for counter, value in zip(Counter, values, strict=True)}

    def clear_counters(self) -> None:
        """All counters to 0."""
        self._exchange(np.array([header(Opcode.CLEAR)], np.uint32))

    # ---- below
    def _identify(self) -> None:
        found = Identity(*self._exchange(np.array([header(Opcode.INFO)], np.uint32), 6).tolist())
        wanted = Identity.of(self.cfg)
        for name, meaning in (
            ("magic", "is no OS-ELM core: its first word is"),
            ("version", "speaks another protocol: version"),
            ("digest", "has another configuration: digest"),
        ):
            theirs, ours = getattr(found, name), getattr(wanted, name)
            if theirs != ours:
                shown = f"{theirs:#010x} instead of {ours:#010x}"
                size = f" ({found.nodes} rows of {found.dim}, {found.max_samples} samples)" if name == "digest" else ""
                raise DeviceError(
                    f"the device {meaning} {shown}{size}; open it with the configuration it was built for"
                )

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """What is begun here and does not end leaves the core in an unknown state."""
        if not self._sound:
            raise DeviceError("the device was closed, or stopped in the middle of a command; open it again")
        self._sound = False
        yield
        self._sound = True

    def _exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        with self._whole():
            return self._transport.exchange(words, n_replies)

    def _check_shape(self, array: np.ndarray, shape: tuple[int, int]) -> None:
        if array.shape != shape:
            raise InputError(f"an array of shape {array.shape}; the core has a dim of {self.cfg.dim}: give {shape}")


def _raw(values: np.ndarray, fmt: SQ) -> np.ndarray:
    try:
        return to_raw(values, fmt)
    except ValueError as error:
        raise InputError(str(error)) from None
