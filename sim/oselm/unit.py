"""The OS-ELM core as a command interpreter on the golden model: words of ``hw.oselm.protocol`` in, the same words out.

It executes a stream of commands exactly as the RTL does (``hw.oselm.command``), rejections included, so that whatever
drives the one drives the other. What it cannot know are cycles: the counters of waiting stay 0.
"""

from collections.abc import Callable

import numpy as np

from ...hw.fabric.widths import COUNTER_BITS
from ...hw.oselm.config import CoreConfig
from ...hw.oselm.front_end.sampling import Sampling
from ...hw.oselm.protocol import (
    ANSWER,
    PACKED,
    WALKS_SHIFT,
    Counter,
    Edit,
    Opcode,
    Parameter,
    counters_of,
    edit_header,
    header,
    identity_words,
    packed_words,
)
from ..arith.words import from_packed, from_words, packed, raw_words
from ..jit import jit
from . import compiled, golden
from .front_end.front_end import FrontEnd
from .golden import Contexts

__all__ = ["OSELMUnit", "rehearsal"]

_NOP, _TRAIN = int(Opcode.NOP), int(Opcode.TRAIN)
_ROW_MASK = (1 << CoreConfig.ROW_BITS) - 1
_COUNT_MASK = 0x7F
#: Upper 12 bits of an EDIT that adds an edge and asks for no walks.
_ADD_EDGE = (int(Opcode.EDIT) << 4 | int(Edit.ADD_EDGE)) << 4
#: Bit 27 of a header of TRAIN has to be 0.
_RESERVED = 1 << 27


class OSELMUnit:
    """A core in software.

    Contexts wait until the next barrier (any command but TRAIN, WALK, START, ROUND and NOP) and are then trained as one
    segment. A command whose words have not all come yet waits for the rest. After a reset everything is 0, as in the
    simulated RTL.

    Parameters
    ----------
    cfg : CoreConfig
    plain : bool
        Train by the definition in NumPy instead of its compiled twin: same bits, a thousand times slower.
    cycles : callable, optional
        ``cycles(cfg, contexts)``: what a segment costs; the counter CYCLES is the sum of these.
    """

    def __init__(
        self,
        cfg: CoreConfig,
        *,
        plain: bool = False,
        cycles: Callable[[CoreConfig, Contexts], int] | None = None,
    ):
        self._cfg = cfg
        self._plain = plain
        self._train = golden.train if plain else compiled.train
        self._cost = cycles
        self.state = golden.initial_state(cfg, q=0, p0=0)
        self.cycles = 0
        self.rejected = 0
        self._queued: list[Contexts] = []
        self._front = FrontEnd(cfg, self.state.beta) if cfg.walks else None
        self._rest = np.empty(0, np.uint32)
        self._replies: list[np.ndarray] = []

    def warm_up(self, *, wait: bool = True) -> None:
        """Make ready now what would otherwise be made by the first contexts: the compiled twin. Without ``wait`` it is
        begun, and the first contexts wait for the rest."""
        if not self._plain:
            compiled.prepare(self._cfg, wait=wait)

    def rehearse(self) -> None:
        """Compile now all that any command would otherwise wait for: up to a minute where nothing is in a cache."""
        self.warm_up()
        OSELMUnit(self._cfg, plain=True).feed(rehearsal(self._cfg))

    def feed(self, words: np.ndarray) -> None:
        """Take command words, uint32 (n,). Raises TypeError for anything else."""
        if not isinstance(words, np.ndarray) or words.dtype != np.uint32 or words.ndim != 1:
            shown = f"{words.dtype} of shape {words.shape}" if isinstance(words, np.ndarray) else repr(type(words))
            raise TypeError(f"words must be a flat array of uint32, not {shown}")
        words = np.concatenate([self._rest, words])
        at = 0
        while True:
            begin, at = at, self._collect(words, at)
            if self._front is not None:
                at = self._front.take(words, at)
            if at == len(words):
                break
            if at > begin:
                continue
            if (end := self._edges(words, at)) > at or (end := self._rows(words, at)) > at:
                at = end
                continue
            word = int(words[at])
            opcode, end = word >> 28, at + 1 + self._operands(word)
            if opcode == Opcode.TRAIN or (opcode == Opcode.WALK and self._front is not None) or end > len(words):
                break  # cut off: the rest is still to come
            if opcode in (Opcode.START, Opcode.ROUND) and self._front is not None and self._front.graph is not None:
                self._front.start(opcode, word & 0x0FFFFFFF)
            else:
                self._barrier()
                self._execute(opcode, word & 0x0FFFFFFF, words[at + 1 : end])
                if opcode == Opcode.EDIT and word & ANSWER and self._cfg.edge_ends:
                    self._barrier()
                    self._answer(word)
            at = end
        self._rest = words[at:].copy()

    def drain(self) -> np.ndarray:
        """Hand over all replies (uint32) up to now."""
        replies = np.concatenate([np.empty(0, np.uint32), *self._replies])
        self._replies = []
        return replies

    # ---- training
    def _collect(self, words: np.ndarray, at: int) -> int:
        """Queue the contexts from ``words[at:]`` up to another command or a context that is cut off; returns where."""
        if at == len(words) or words[at] >> 28 not in (_NOP, _TRAIN):
            return at
        end, n_contexts, n_samples = _extent(words, at)
        if n_contexts and self._cfg.slots:
            self._barrier()
            self.rejected += n_contexts
        elif n_contexts:
            self._close_walks()
            centres, indptr = np.empty(n_contexts, np.int32), np.zeros(n_contexts + 1, np.int64)
            samples, labels = np.empty(n_samples, np.int32), np.empty(n_samples, np.uint8)
            limits = self._cfg.nodes, self._cfg.max_samples
            c, s, rejected = _decode(words[at:end], *limits, centres, indptr, samples, labels)
            self.rejected += rejected
            self._queued.append(Contexts(centres[:c], indptr[: c + 1], samples[:s], labels[:s]))
        return end

    def _close_walks(self) -> None:
        """Queue the contexts of the walks up to now."""
        if self._front is not None:
            self._queued += self._front.close()

    def _barrier(self) -> None:
        """Train what is queued, as one segment."""
        self._close_walks()
        if not self._queued:
            return
        parts, self._queued = self._queued, []
        segment = parts[0] if len(parts) == 1 else _joined(parts)
        self._train(self._cfg, self.state, segment)
        if self._cost is not None:
            self.cycles += self._cost(self._cfg, segment)

    def _edges(self, words: np.ndarray, at: int) -> int:
        """Execute several edges that are added without walks at once: how a graph is loaded; returns where they end."""
        if self._front is None or self._front.graph is None:
            return at
        size = 3 if self._cfg.weight_bits else 2
        count = _leading(words[at:], size, np.uint32(0xFFF00000), np.uint32(_ADD_EDGE << 20))
        if count < 2:
            return at
        end = at + count * size
        self._barrier()
        self._front.graph.add_edges(words[at:end])
        return end

    def _rows(self, words: np.ndarray, at: int) -> int:
        """Execute several commands that read packed rows, or write them, all at once; returns where they end."""
        cfg, store = self._cfg, self.state.beta
        n = packed_words(cfg.dim, cfg.beta.bits)
        for opcode, size in ((Opcode.READ_ROW, 1), (Opcode.WRITE_ROW, 1 + n)):
            count = _leading(words[at:], size, ~np.uint32(_ROW_MASK), np.uint32(header(opcode, PACKED)), len(store))
            if count < 2:
                continue
            self._barrier()
            commands = words[at : at + count * size].reshape(count, size)
            rows = commands[:, 0] & _ROW_MASK
            if opcode == Opcode.READ_ROW:
                self._replies.append(packed(store[rows], cfg.beta).reshape(-1))
            else:
                # In order: of a row that comes twice, the last one counts.
                _, last = np.unique(rows[::-1], return_index=True)
                last = count - 1 - last
                store[rows[last]] = from_packed(commands[last, 1:], cfg.dim, cfg.beta)
            return at + count * size
        return at

    # ---- all other commands
    def _operands(self, word: int) -> int:
        opcode = word >> 28
        cfg = self._cfg
        if opcode == Opcode.WRITE_ROW or (opcode == Opcode.WRITE_P and cfg.has_p):
            bits = (cfg.beta if opcode == Opcode.WRITE_ROW else cfg.p).bits
            return packed_words(cfg.dim, bits) if word & PACKED else cfg.dim
        if opcode == Opcode.EDIT and cfg.edge_ends:
            function = word >> 24 & 0x7
            return Edit(function).operands(cfg) if function in list(Edit) else 0
        if opcode == Opcode.WRITE_TABLE and self._front is not None:
            return 2 * (word & _ROW_MASK)
        return 1 if opcode == Opcode.SET else 0

    def _execute(self, opcode: int, argument: int, operands: np.ndarray) -> None:
        cfg, state = self._cfg, self.state
        row = argument & _ROW_MASK
        match opcode:
            case Opcode.INFO:
                self._replies.append(np.array(identity_words(cfg), np.uint32))
            case Opcode.SET:
                self._set(argument & 0x1F, operands)
            case Opcode.GET:
                self._get(argument & 0xFF)
            case Opcode.CLEAR:
                state.counters = dict.fromkeys(state.counters, 0)
                state.contexts = state.samples = self.cycles = self.rejected = 0
                if self._front is not None:
                    self._front.clear_counters()
            case Opcode.FLUSH:
                self._answer(opcode << 28 | argument)
            case Opcode.WRITE_P | Opcode.READ_P if not cfg.has_p:
                self.rejected += 1
            case Opcode.WRITE_ROW | Opcode.WRITE_P | Opcode.READ_ROW | Opcode.READ_P:
                is_beta = opcode in (Opcode.WRITE_ROW, Opcode.READ_ROW)
                store, fmt = (state.beta, cfg.beta) if is_beta else (state.p, cfg.p)
                sound = row < len(store)
                self.rejected += not sound
                is_packed = bool(argument & PACKED)
                if opcode in (Opcode.READ_ROW, Opcode.READ_P):
                    values = store[row : row + 1] if sound else np.zeros((1, cfg.dim), np.int64)
                    self._replies.append(packed(values, fmt)[0] if is_packed else raw_words(values[0]))
                elif sound:
                    store[row] = (
                        from_packed(operands[None], cfg.dim, fmt)[0] if is_packed else from_words(operands, fmt)
                    )
            case Opcode.WRITE_TABLE if self._front is not None:
                self._front.write_table(argument, operands)
            case Opcode.EDIT if self._front is not None and self._front.graph is not None:
                self._front.edit(argument, operands)
            case _:
                self.rejected += 1

    def _answer(self, word: int) -> None:
        """Everything before has been trained."""
        self._replies.append(np.array([word], np.uint32))

    def _set(self, parameter: int, operands: np.ndarray) -> None:
        if parameter == Parameter.Q:
            self.state.q = int(operands[0]) & self._cfg.p.max_raw
        elif parameter == Parameter.P0:
            self.state.p0 = int(from_words(operands, self._cfg.p)[0])
        elif self._front is not None and parameter >= Parameter.SAMPLING:
            self._front.set(parameter, int(operands[0]))
        else:
            self.rejected += 1

    def _get(self, number: int) -> None:
        value = 0
        if number < len(counters_of(self._cfg)):
            counter = Counter(number)
            state = self.state
            front = self._front
            graph = front.graph if front is not None else None
            known = {
                Counter.CYCLES: self.cycles,
                Counter.CONTEXTS: state.contexts,
                Counter.SAMPLES: state.samples,
                Counter.REJECTED: self.rejected + (front.rejected if front is not None else 0),
                Counter.WALKS: front.walks_made if front is not None else 0,
                Counter.REFUSED: graph.refused if graph is not None else 0,
            }
            value = known.get(counter, state.counters.get(counter.name.lower(), 0)) % (1 << COUNTER_BITS)
        else:
            self.rejected += 1
        self._replies.append(np.array([value & 0xFFFFFFFF, value >> 32], np.uint32))


def rehearsal(cfg: CoreConfig) -> np.ndarray:
    """Commands that between them need every function that Numba compiles; of any core with two rows or more."""
    row = [0] * packed_words(cfg.dim, cfg.beta.bits)
    words = [header(Opcode.NOP), header(Opcode.TRAIN, 1 << 20), 0]
    words += [word for i in (0, 1) for word in (header(Opcode.WRITE_ROW, PACKED | i), *row)]
    words += [header(Opcode.READ_ROW, PACKED | i) for i in (0, 1)]
    words += [header(Opcode.FLUSH), header(Opcode.READ_P, PACKED), header(Opcode.READ_ROW)]
    walk = [header(Opcode.WALK, 2), *[0] * (2 // cfg.walk_rows)]
    for source in [0] * (cfg.table_rows > 0) + [1] * (cfg.edge_ends > 0):
        negatives, pool = min(cfg.max_samples - 1, 1), min(cfg.pool, CoreConfig.MIN_POOL)
        sampling = Sampling(window=2, negatives=negatives, per_positive=False, walks=1, source=source, pool=pool)
        words += [header(Opcode.SET, Parameter.SAMPLING), sampling.word]
        if source:
            edge = [edit_header(Edit.ADD_EDGE), 1, *([1] if cfg.weight_bits else [])]
            words += [edit_header(Edit.CLEAR), edit_header(Edit.NODES), 2, *edge, *edge]
            words += [header(Opcode.SET, Parameter.WALK_LENGTH), 2, header(Opcode.START, 1 << WALKS_SHIFT)]
            words += [header(Opcode.ROUND, 2), *([] if cfg.table_rows else walk)]
            words += [edit_header(Edit.REMOVE_EDGE), 1, edit_header(Edit.FREE_NODE)]
        else:
            words += [header(Opcode.WRITE_TABLE, 1), 0, 0, *walk]
    return np.array([*words, header(Opcode.FLUSH)], np.uint32)


def _joined(parts: list[Contexts]) -> Contexts:
    starts = np.cumsum([0] + [len(part.samples) for part in parts])
    return Contexts(
        np.concatenate([part.centres for part in parts]),
        np.concatenate([[0], *(part.indptr[1:] + start for part, start in zip(parts, starts, strict=False))]),
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _leading(words: np.ndarray, size: int, mask: np.uint32, head: np.uint32, end: int = 1 << 32) -> int:
    """How many whole commands of one size stand at the beginning whose header is ``head`` where ``mask`` has ones, and
    below ``end`` elsewhere."""
    heads = words[: len(words) // size * size : size]
    count, block = 0, 1  # more and more at a time: mostly there are none, or very many
    while count < len(heads):
        some = heads[count : count + block]
        others = np.flatnonzero((some & mask != head) | ((some & ~mask).astype(np.int64) >= end))
        if len(others):
            return count + int(others[0])
        count, block = count + len(some), 4 * block
    return count


@jit()
def _extent(words, at):
    """Where the run of NOP and whole TRAIN commands from ``at`` ends; how many contexts and samples it has at most."""
    n_contexts, n_samples = 0, 0
    while at < len(words):
        opcode = words[at] >> 28
        if opcode == _TRAIN:
            count = (words[at] >> 20) & _COUNT_MASK
            if at + 1 + count > len(words):
                break
            n_contexts += 1
            n_samples += count
            at += count
        elif opcode != _NOP:
            break
        at += 1
    return at, n_contexts, n_samples


@jit()
def _decode(words, nodes, max_samples, centres, indptr, samples, labels):
    """Fill the arrays with what is sound; returns numbers of contexts, of samples and of what was dropped."""
    c, s, rejected, at = 0, 0, 0, 0
    while at < len(words):
        word = np.int64(words[at])
        at += 1
        if word >> 28 == _NOP:
            continue
        count = int((word >> 20) & _COUNT_MASK)
        if word & _ROW_MASK >= nodes or count > max_samples or word & _RESERVED:
            rejected += 1
            at += count
            continue
        centres[c] = word & _ROW_MASK
        for _ in range(count):
            word = np.int64(words[at])
            at += 1
            if word & _ROW_MASK >= nodes:
                rejected += 1
                continue
            samples[s] = word & _ROW_MASK
            labels[s] = word >> 31
            s += 1
        c += 1
        indptr[c] = s
    return c, s, rejected
