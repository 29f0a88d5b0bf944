"""Driver of an OS-ELM core: embeddings and parameters as floats, contexts and walks as arrays; words stay below."""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from ...hw.arith.formats import SQ
from ...hw.oselm.config import CoreConfig
from ...hw.oselm.front_end.sampling import Sampling
from ...hw.oselm.protocol import ANSWER, PACKED, Counter, Identity, Opcode, Parameter, counters_of, header, packed_words
from ...sim.arith.fixed import from_raw, to_raw
from ...sim.arith.words import from_packed
from ...sim.oselm.front_end.contexts import AliasTable
from ..errors import CapacityError, InputError
from ..graph.contexts import ContextBatch, check_sampling, negative_key
from ..link.transport import Transport
from ..unit.driver import UnitDriver
from .words import set_words, table_words, train_words, walk_words, write_words

__all__ = ["OSELMDevice"]

#: Rows, contexts or walks that travel with one call of the transport; bounds its buffers.
SLICE = 1 << 14


class OSELMDevice(UnitDriver[CoreConfig]):
    """An open OS-ELM core.

    Rows and P are floats in the units of the model; their ``_raw`` twins are the integers that the core stores, for
    saving and comparing.
    """

    WHAT = "OS-ELM core"

    def __init__(self, transport: Transport, cfg: CoreConfig):
        self._sampling: Sampling | None = None
        self._table: AliasTable | None = None
        super().__init__(transport, cfg)

    @classmethod
    def expected(cls, cfg: CoreConfig) -> Identity:
        return Identity.of(cfg)

    @classmethod
    def counters_of(cls, cfg: CoreConfig) -> tuple[Counter, ...]:
        return counters_of(cfg)

    # ---- state
    def set_parameters(self, *, q: float, p0: float) -> None:
        """Covariance inflation a context, and the value of P's diagonal up to which it is applied.

        Raises InputError for values that the format of P cannot hold, or a positive q that it rounds to 0.
        """
        self._exchange(set_words(self.raw_parameters(self.cfg, q=q, p0=p0)))

    @staticmethod
    def raw_parameters(cfg: CoreConfig, *, q: float, p0: float) -> dict[Parameter, int]:
        """What :meth:`set_parameters` sends to a core of ``cfg``; raises as that does."""
        fmt = cfg.p
        top = fmt.max_raw * fmt.step
        for name, value in (("inflation q", q), ("p0", p0)):
            if not 0 <= value <= top:
                raise InputError(f"{name} must be 0 to {top:g} in the format {fmt} of P, not {value}")
        raw_q, raw_p0 = to_raw([q, p0], fmt).tolist()
        if q and not raw_q:
            raise InputError(f"inflation q {q:g} is lost in the format {fmt} of P; use 0 or at least {fmt.step:.2g}")
        return {Parameter.Q: raw_q, Parameter.P0: raw_p0}

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
                self._transport.exchange(write_words(Opcode.WRITE_ROW, first_row + at, rows[at : at + SLICE], cfg.beta))

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
            out[at : at + SLICE] = self._read_packed(Opcode.READ_ROW, part, cfg.beta)
        return out

    def write_p(self, p: np.ndarray) -> None:
        """Set P, (dim, dim) floats, rounded and saturated to its format. Raises CapacityError if the core has no P."""
        self.write_p_raw(_raw(p, self.cfg.p))

    def write_p_raw(self, p: np.ndarray) -> None:
        """As :meth:`write_p`, integers as the core stores them."""
        self._check_has_p()
        self._check_shape(p, (self.cfg.dim, self.cfg.dim))
        self._exchange(write_words(Opcode.WRITE_P, 0, p, self.cfg.p))

    def read_p(self) -> np.ndarray:
        """P, (dim, dim) float64. Raises CapacityError if the core has none."""
        return from_raw(self.read_p_raw(), self.cfg.p)

    def read_p_raw(self) -> np.ndarray:
        """As :meth:`read_p`, int64 as the core stores them."""
        self._check_has_p()
        return self._read_packed(Opcode.READ_P, np.arange(self.cfg.dim), self.cfg.p)

    def _check_has_p(self) -> None:
        if not self.cfg.has_p:
            raise CapacityError(f"a core with the gain {str(self.cfg.gain)!r} has no P; p0 alone counts")

    def _read_packed(self, opcode: Opcode, rows: np.ndarray, fmt: SQ) -> np.ndarray:
        """Rows (n,) of beta or P, (n, dim) int64."""
        dim = self.cfg.dim
        asked = (rows + header(opcode, PACKED)).astype(np.uint32)
        words = self._exchange(asked, len(rows) * packed_words(dim, fmt.bits))
        return from_packed(words.reshape(len(rows), -1), dim, fmt)

    # ---- training
    def train(self, batch: ContextBatch) -> None:
        """Send contexts and wait until they have been trained (a barrier).

        Nothing is sent if one of them does not fit the core: raises CapacityError that names the row or the count.
        """
        cfg = self.cfg
        if cfg.slots:
            raise CapacityError(f"the core has {cfg.slots} slots for rows in memory, and takes walks alone; send these")
        if not len(batch):
            return
        longest = int(np.diff(batch.indptr).max())
        if longest > cfg.max_samples:
            raise CapacityError(f"a context has {longest} samples; the core takes {cfg.max_samples}")
        for rows in (batch.centres, batch.samples):
            if len(rows) and not 0 <= rows.min() <= rows.max() < cfg.nodes:
                raise CapacityError(f"rows {rows.min()} to {rows.max()} in a context; the core has {cfg.nodes}")
        with self._whole():
            for at in range(0, len(batch), SLICE):
                ends = batch.indptr[at : at + SLICE + 1]
                part = slice(ends[0], ends[-1])
                centres = batch.centres[at : at + SLICE]
                words = train_words(centres, ends - ends[0], batch.samples[part], batch.labels[part])
                self._transport.exchange(words)
            self._flush()

    def takes_walks(self, length: int, walks_in_flight: int = 1) -> bool:
        """Whether the core makes the contexts of such walks itself; :meth:`train_walks`."""
        return length <= self.cfg.max_walk and walks_in_flight <= self.cfg.walks

    def set_sampling(
        self,
        *,
        window: int,
        negatives: int,
        mode: Literal["shared", "per_positive"] = "shared",
        sampler: AliasTable | None,
        seed: int,
        interleave: int = 1,
        pool: int = 0,
        replaced: int = 1,
    ) -> None:
        """How the core makes contexts out of walks: as :func:`skipwalk.sw.graph.contexts.contexts`, to which parameters
        and errors are the same. A table that the core holds already is not sent again.

        Raises CapacityError, with nothing sent, if the core cannot.
        """
        cfg = self.cfg
        key = int(negative_key(seed))
        check_sampling(window=window, negatives=negatives, mode=mode, sampler=sampler, interleave=interleave)
        sampling = Sampling(
            window=window,
            negatives=negatives,
            per_positive=mode == "per_positive",
            walks=interleave,
            pool=pool,
            replaced=replaced,
        )
        if pool > cfg.pool or (cfg.slots and negatives and (not pool or replaced > cfg.replaced)):
            most = f"{cfg.pool} slots" + (f", of which a walk replaces up to {cfg.replaced}" if cfg.slots else "")
            raise CapacityError(f"a pool of {pool} slots, {replaced} replaced; the core has one of {most}")
        if interleave > cfg.walks:
            raise CapacityError(f"{interleave} walks in flight; the core has room for {cfg.walks}: send contexts")
        if sampling.samples > cfg.max_samples:
            raise CapacityError(f"a context has {sampling.samples} samples; the core takes {cfg.max_samples}")
        if sampler is not None and len(sampler) > cfg.table_rows:
            raise CapacityError(f"an alias table of {len(sampler)} rows; the core has room for {cfg.table_rows}")
        values = {
            Parameter.SAMPLING: sampling.word,
            Parameter.KEY_HIGH: key >> 32,
            Parameter.KEY_LOW: key & 0xFFFFFFFF,
        }
        with self._whole():
            self._transport.exchange(set_words(values))
            self._sampling = sampling
            if negatives and sampler is not None and not self.holds_table(sampler):
                self._transport.exchange(table_words(sampler.threshold, sampler.alias))
                self._table = sampler

    def train_walks(self, block: np.ndarray, first_walk: int) -> None:
        """Send walks, of which the core makes contexts, and wait until they have been trained (a barrier).

        Nothing is sent if one of them does not fit the core: raises CapacityError. Raises InputError without
        :meth:`set_sampling`, and ValueError for a ``first_walk`` that does not fit.

        Parameters
        ----------
        block : (n, length) int32
            As :func:`skipwalk.sw.graph.walks.walks` yields it.
        first_walk : int
            Number of the first walk; a multiple of ``interleave``.
        """
        cfg = self.cfg
        if self._sampling is None:
            raise InputError("how to make contexts is not known; call set_sampling first")
        if first_walk % self._sampling.walks or not 0 <= first_walk <= (1 << 32) - len(block):
            raise ValueError(f"first_walk must be a multiple of {self._sampling.walks} below 2**32, not {first_walk}")
        if block.ndim != 2 or block.shape[1] > cfg.max_walk:
            raise CapacityError(f"walks of shape {block.shape}; the core takes (n, up to {cfg.max_walk})")
        if not block.size:
            return
        if not -1 <= block.min() <= block.max() < cfg.nodes:
            raise CapacityError(f"rows {block.min()} to {block.max()} in a walk; the core has {cfg.nodes}")
        if cfg.slots and (block[:, :2] < 0).any():
            raise CapacityError("a walk of less than two nodes: a core whose rows are in memory takes none")
        if ((block[:, :-1] < 0) & (block[:, 1:] >= 0)).any():
            raise InputError("a walk goes on after -1, which pads its end")
        with self._whole():
            self._transport.exchange(set_words({Parameter.NEXT_WALK: first_walk}))
            for at in range(0, len(block), SLICE):
                self._transport.exchange(walk_words(block[at : at + SLICE], cfg.walk_rows))
            self._flush()

    def post(self, words: np.ndarray, *, ahead: int = 1, answers: bool = False) -> None:
        """Send commands without replies and a barrier, then wait until all but the last ``ahead`` barriers are passed:
        with one ahead, the core has work while the host makes the next. With ``answers``, the words are a single EDIT,
        which is its own barrier."""
        with self._whole():
            if answers:
                barrier = int(words[0]) | ANSWER
                words = np.concatenate([np.array([barrier], np.uint32), words[1:]])
            else:
                barrier = self._barrier()
                words = np.append(words, np.uint32(barrier))
            self._post(words, barrier, ahead)

    def holds_table(self, table: AliasTable) -> bool:
        """Whether this is the table that was sent last."""
        return _equal(table, self._table)

    # ---- below
    def _check_shape(self, array: np.ndarray, shape: tuple[int, int]) -> None:
        if array.shape != shape:
            raise InputError(f"an array of shape {array.shape}; the core has a dim of {self.cfg.dim}: give {shape}")


def _equal(table: AliasTable, other: AliasTable | None) -> bool:
    return (
        other is not None
        and np.array_equal(table.threshold, other.threshold)
        and np.array_equal(table.alias, other.alias)
    )


def _raw(values: np.ndarray, fmt: SQ) -> np.ndarray:
    try:
        return to_raw(values, fmt)
    except ValueError as error:
        raise InputError(str(error)) from None
