"""What a core has to answer, from the golden model, and command streams that try it."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import (
    ANSWER,
    PACKED,
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
from skipwalk.sim.arith.words import from_words, raw_words
from skipwalk.sim.oselm import golden
from skipwalk.sim.oselm.front_end.contexts import AliasTable
from skipwalk.sim.oselm.graph.store import Outcome
from skipwalk.sim.oselm.graph.walks import case_limits
from skipwalk.sw.oselm.words import set_words, table_words, train_words, walk_words, write_words

from .contexts import plain_graph_negatives, plain_negatives, plain_pool_negatives, plain_walk_contexts
from .graph import PlainStore, plain_first_values, plain_round, plain_walk

__all__ = [
    "ReferenceCore",
    "anything",
    "assert_replies",
    "distances",
    "front_end",
    "hot",
    "load",
    "pack",
    "pack_words",
    "random_walks",
    "read_back",
    "repeats",
]

#: Counters that depend on time and not only on the commands.
TIMED = (Counter.CYCLES, *(c for c in Counter if c.name.startswith(("WAIT_", "ROWS_", "PAGES_"))))


class ReferenceCore:
    """Executes command words on the golden model: the replies, with None for words that depend on time.

    ``train`` is the model to use, by default the definition in NumPy.
    """

    def __init__(self, cfg: CoreConfig, train=golden.train):
        self._cfg, self._train = cfg, train
        self.state = golden.initial_state(cfg, q=0, p0=0)
        self.rejected = 0
        self._segment: list[tuple[int, list[tuple[int, int]]]] = []
        self._sampling: Sampling | None = None
        self._key = self._next_walk = 0
        self._table: list[tuple[int, int]] = []
        self._walks: list[list[int]] = []
        self._from_host = True
        self.store = PlainStore(cfg.nodes, cfg.edge_ends, cfg.weight_bits)
        self._values = dict.fromkeys(Parameter, 0)
        self.refused = self.walks_made = self.walks_ever = 0

    def execute(self, words: Sequence[int] | np.ndarray) -> list[int | None]:
        """Replies to ``words``, which end with the end of a command."""
        source, replies = iter(np.asarray(words, np.uint32).tolist()), []
        for word in source:
            replies += self._command(word, source)
        return replies

    def _command(self, word: int, source: Iterator[int]) -> list[int | None]:
        cfg, opcode, row = self._cfg, word >> 28, word & 0xFFFFF
        if opcode == Opcode.NOP:
            return []
        if opcode == Opcode.TRAIN and cfg.slots:
            self._barrier()
            self.rejected += 1
            for _ in range(word >> 20 & 127):
                next(source)
            return []
        if opcode == Opcode.TRAIN:
            self._close()
            self._context(word, source)
            return []
        if opcode == Opcode.WALK and cfg.walks:
            self._walk(word & 0xFFFFFFF, source)
            return []
        if opcode in (Opcode.START, Opcode.ROUND) and cfg.edge_ends:
            self._begin(from_host=False)
        if opcode == Opcode.START and cfg.edge_ends:
            self._start([row] * (word >> 20 & 255))
            return []
        if opcode == Opcode.ROUND and cfg.edge_ends:
            self._round(word & 0xFFFFFFF)
            return []
        self._barrier()
        reads_row = opcode in (Opcode.WRITE_ROW, Opcode.READ_ROW)
        table, fmt = (self.state.beta, cfg.beta) if reads_row else (self.state.p, cfg.p)
        match opcode:
            case Opcode.WRITE_P | Opcode.READ_P if not cfg.has_p:
                self.rejected += 1
            case Opcode.INFO:
                return list(identity_words(cfg))
            case Opcode.SET:
                self._set(word & 31, next(source))
            case Opcode.GET:
                return self._get(word & 255)
            case Opcode.CLEAR:
                self.state.counters = dict.fromkeys(golden.COUNTERS, 0)
                self.state.contexts = self.state.samples = self.rejected = self.refused = self.walks_made = 0
            case Opcode.WRITE_ROW | Opcode.WRITE_P:
                if word & PACKED:
                    values = unpack_row([next(source) for _ in range(packed_words(cfg.dim, fmt.bits))], cfg.dim, fmt)
                else:
                    values = from_words(np.array([next(source) for _ in range(cfg.dim)], np.uint32), fmt)
                if row < len(table):
                    table[row] = values
                else:
                    self.rejected += 1
            case Opcode.READ_ROW | Opcode.READ_P:
                self.rejected += row >= len(table)
                values = table[row] if row < len(table) else np.zeros(cfg.dim, np.int64)
                return pack_row(values, fmt) if word & PACKED else raw_words(values).tolist()
            case Opcode.FLUSH:
                return [word]
            case Opcode.WRITE_TABLE if cfg.walks:
                self._write_table(word & 0xFFFFFFF, source)
            case Opcode.EDIT if cfg.edge_ends:
                self._edit(word, source)
                if word & ANSWER:
                    self._barrier()
                    return [word]
            case _:
                self.rejected += 1
        return []

    def _walk(self, argument: int, source: Iterator[int]) -> None:
        self._begin(from_host=True)
        count = argument & 0xFFFF
        per_word = self._cfg.walk_rows
        packed = [next(source) for _ in range(-(-count // per_word))]
        shifts, mask = ((0, 16), 0xFFFF) if per_word == 2 else ((0,), 0xFFFFF)
        rows = [word >> shift & mask for word in packed for shift in shifts][:count]
        least = 2 if self._cfg.slots else 0
        if self._ready() and least <= argument <= self._cfg.max_walk and all(row < self._cfg.nodes for row in rows):
            self._walks.append(rows)
        else:
            self.rejected += 1

    def _ready(self) -> bool:
        s = self._sampling
        if s is None or not s.negatives:
            return s is not None
        return self.store.rows > 0 if s.source else bool(self._table)

    def _can_walk(self) -> bool:
        ready = self._values[Parameter.WALK_LENGTH] > 0 and self._ready()
        self.rejected += not ready
        return ready

    def _key_of(self, high: Parameter) -> int:
        return self._values[high] << 32 | self._values[Parameter(high + 1)]

    def _edit(self, word: int, source: Iterator[int]) -> None:
        cfg, u, function = self._cfg, word & 0xFFFFF, word >> 24 & 7
        self._begin(from_host=False)
        if function >= len(Edit):
            self.rejected += 1
            return
        operands = [next(source) for _ in range(Edit(function).operands(cfg))]
        v = operands[0] & 0xFFFFF if operands else 0
        before = set(self.store.known)
        match function:
            case Edit.CLEAR:
                outcome, before = self.store.clear(), set()
            case Edit.NODES:
                outcome = self.store.make_known(u, operands[0])
            case Edit.ADD_EDGE:
                outcome = self.store.add_edge(u, v, operands[1] if cfg.weight_bits else 1)
            case Edit.REMOVE_EDGE:
                outcome = self.store.remove_edge(u, v)
            case _:
                outcome = self.store.free_node(u)
        for row in self.store.known - before:
            key, scale = self._key_of(Parameter.ROW_KEY_HIGH), self._values[Parameter.ROW_SCALE]
            self.state.beta[row] = plain_first_values(key, row, cfg.dim, scale)
        self.rejected += outcome is Outcome.REJECTED
        self.refused += outcome is Outcome.REFUSED
        if outcome is Outcome.DONE and function in (Edit.ADD_EDGE, Edit.REMOVE_EDGE):
            self._start([u, v] * (word >> 20 & 15))

    def _start(self, rows: list[int]) -> None:
        if rows and self._can_walk():
            self._make_walks([row for row in rows if row < self._cfg.nodes and self.store.edges[row]])

    def _round(self, n: int) -> None:
        if n and self._can_walk():
            values = self._values
            key = self._key_of(Parameter.START_KEY_HIGH)
            rows, round_, place, gave_up = plain_round(
                self.store, key, values[Parameter.ROUND], values[Parameter.PLACE], n
            )
            values[Parameter.ROUND], values[Parameter.PLACE] = round_, place
            self.rejected += gave_up
            self._make_walks(rows)

    def _begin(self, *, from_host: bool) -> None:
        """A command that is about walks closes a group of the other kind, whatever becomes of it."""
        if from_host is not self._from_host:
            self._close()
        self._from_host = from_host

    def _make_walks(self, starts: list[int]) -> None:
        v, key = self._values, self._key_of(Parameter.WALK_KEY_HIGH)
        limits = v[Parameter.LIMIT_BACK], v[Parameter.LIMIT_NEAR], v[Parameter.LIMIT_FAR]
        for start in starts:
            number = self._next_walk + len(self._walks)
            around = (
                (lambda r: sorted(self.store.edges[r])),
                (lambda r: [w for _, w in sorted(self.store.edges[r].items())]),
            )
            walk, _ = plain_walk(*around, start, v[Parameter.WALK_LENGTH], limits, key, number)
            self._walks.append(walk)
        self.walks_made += len(starts)
        self.walks_ever += len(starts)

    def _close(self) -> None:
        """Contexts of the walks up to now."""
        walks, self._walks = self._walks, []
        if not walks:
            return
        s = self._sampling
        if s.source:
            draw_negatives = partial(plain_graph_negatives, self.store, self._key)
        else:
            draw_negatives = (
                partial(plain_negatives, *zip(*self._table, strict=True), self._key) if self._table else _none
            )
        if s.pool:
            numbers = range(self._next_walk, self._next_walk + len(walks))
            draw_negatives = plain_pool_negatives(draw_negatives, self._key, s.pool, s.replaced, numbers, s.walks)
        found = plain_walk_contexts(
            walks,
            window=s.window,
            negatives=s.negatives,
            per_positive=s.per_positive,
            draw_negatives=draw_negatives,
            first_walk=self._next_walk,
            interleave=s.walks,
        )
        self._segment += [(centre, list(zip(rows, labels, strict=True))) for centre, rows, labels in found]
        self._next_walk = self._next_walk + len(walks) & 0xFFFFFFFF

    def _write_table(self, columns: int, source: Iterator[int]) -> None:
        entries = [(next(source), next(source)) for _ in range(columns & 0xFFFFF)]
        if self._cfg.alias_table and 1 <= columns <= self._cfg.nodes:
            sound = all(threshold < 1 << 24 and alias < columns for threshold, alias in entries)
            self._table = entries if sound else []
            self.rejected += not sound
        else:
            self.rejected += 1

    def _context(self, word: int, source: Iterator[int]) -> None:
        cfg, count, centre = self._cfg, word >> 20 & 127, word & 0xFFFFF
        samples = [next(source) for _ in range(count)]
        if centre >= cfg.nodes or count > cfg.max_samples or word >> 27 & 1:
            self.rejected += 1
            return
        sound = [(s & 0xFFFFF, s >> 31) for s in samples if s & 0xFFFFF < cfg.nodes]
        self.rejected += len(samples) - len(sound)
        self._segment.append((centre, sound))

    def _barrier(self) -> None:
        self._close()
        self._train(self._cfg, self.state, pack(self._segment))
        self._segment = []

    def _set(self, parameter: int, value: int) -> None:
        fmt = self._cfg.p
        if parameter == Parameter.Q:
            self.state.q = value & fmt.max_raw
        elif parameter == Parameter.P0:
            self.state.p0 = int(from_words(np.array([value], np.uint32), fmt)[0])
        elif self._cfg.walks and parameter == Parameter.SAMPLING:
            sampling = Sampling.from_word(value, self._cfg)
            self._sampling = sampling or self._sampling
            self.rejected += sampling is None
        elif self._cfg.walks and parameter in (Parameter.KEY_HIGH, Parameter.KEY_LOW):
            key = [self._key >> 32, self._key & 0xFFFFFFFF]
            key[parameter == Parameter.KEY_LOW] = value
            self._key = key[0] << 32 | key[1]
        elif self._cfg.walks and parameter == Parameter.NEXT_WALK:
            self._next_walk = value
        elif self._cfg.edge_ends and Parameter.WALK_KEY_HIGH <= parameter <= max(Parameter):
            self._set_graph(Parameter(parameter), value)
        else:
            self.rejected += 1

    def _set_graph(self, parameter: Parameter, value: int) -> None:
        limits = {
            Parameter.WALK_LENGTH: (2, self._cfg.max_walk),
            Parameter.ROW_SCALE: (0, min(65535, self._cfg.beta.max_raw)),
        }
        low, high = limits.get(parameter, (0, value))
        if not low <= value <= high:
            self.rejected += 1
            return
        self._values[parameter] = value & 0xFFFFF if parameter == Parameter.PLACE else value
        if parameter == Parameter.ROUND:
            self._values[Parameter.PLACE] = 0

    def _get(self, number: int) -> list[int | None]:
        if number >= len(counters_of(self._cfg)):
            self.rejected += 1
            return [0, 0]
        counter = Counter(number)
        if counter in TIMED:
            return [None, None]
        known = {
            Counter.CONTEXTS: self.state.contexts,
            Counter.SAMPLES: self.state.samples,
            Counter.REJECTED: self.rejected,
            Counter.REFUSED: self.refused,
            Counter.WALKS: self.walks_made,
        }
        value = known[counter] if counter in known else self.state.counters[counter.name.lower()]
        return [value & 0xFFFFFFFF, value >> 32]


def pack_row(row: np.ndarray, fmt: SQ) -> list[int]:
    """Elements as stored bits, the first one lowest, in whole words."""
    number = sum((int(x) & (1 << fmt.bits) - 1) << fmt.bits * i for i, x in enumerate(row))
    return [number >> 32 * i & 0xFFFFFFFF for i in range(packed_words(len(row), fmt.bits))]


def unpack_row(words: Sequence[int], dim: int, fmt: SQ) -> np.ndarray:
    """Inverse of :func:`pack_row`."""
    number = sum(word << 32 * i for i, word in enumerate(words))
    return from_words(np.array([number >> fmt.bits * i & (1 << fmt.bits) - 1 for i in range(dim)], np.uint64), fmt)


def _none(i: int, t: int, n: int) -> list[int]:
    return []


def assert_replies(got: Sequence[int], want: Sequence[int | None], **context) -> None:
    """Equal but for the words that depend on time."""
    from .compare import assert_same

    mask = np.array([w is not None for w in want], bool)
    got = np.asarray(got, np.int64)
    assert len(got) == len(want), f"{len(got)} replies instead of {len(want)}, {context}"
    assert_same(np.where(mask, got, 0), [w or 0 for w in want], **context)


def pack(contexts: Sequence[tuple[int, Sequence[tuple[int, int]]]]) -> golden.Contexts:
    """(centre, [(row, label), ...]) one after the other, as flat arrays."""
    samples = np.array([s for _, context in contexts for s in context], np.int64).reshape(-1, 2)
    indptr = np.cumsum([0, *(len(context) for _, context in contexts)])
    return golden.Contexts(np.array([c for c, _ in contexts], np.int64), indptr, samples[:, 0], samples[:, 1])


def pack_words(contexts: golden.Contexts) -> np.ndarray:
    """TRAIN commands of contexts."""
    return train_words(contexts.centres, contexts.indptr, contexts.samples, contexts.labels)


def load(cfg: CoreConfig, rng: np.random.Generator, *, scale: float = 1.0, q: int = 7, p0: float = 1.9) -> np.ndarray:
    """Commands that fill beta (uniform within +-``scale``), P = ``p0`` I where there is one, set both parameters, and
    clear the counters."""

    def raw(x: np.ndarray, fmt: SQ) -> np.ndarray:
        return np.clip(np.floor(x * 2.0**fmt.fraction), fmt.min_raw, fmt.max_raw).astype(np.int64)

    beta = raw(rng.uniform(-scale, scale, (cfg.nodes, cfg.dim)), cfg.beta)
    diagonal = int(raw(np.array(p0), cfg.p))
    parameters = [header(Opcode.SET, Parameter.Q), q, header(Opcode.SET, Parameter.P0), diagonal & 0xFFFFFFFF]
    return np.concatenate(
        [
            write_words(Opcode.WRITE_ROW, 0, beta),
            write_words(Opcode.WRITE_P, 0, np.eye(cfg.dim if cfg.has_p else 0, dtype=np.int64) * diagonal),
            np.array([*parameters, header(Opcode.CLEAR)], np.uint32),
        ]
    )


def read_back(cfg: CoreConfig) -> np.ndarray:
    """Commands that read all rows, P and all counters."""
    reads = [header(Opcode.READ_ROW, n) for n in range(cfg.nodes)]
    reads += [header(Opcode.READ_P, n) for n in range(cfg.dim if cfg.has_p else 0)]
    return np.array(reads + [header(Opcode.GET, n) for n in counters_of(cfg)], np.uint32)


def hot(cfg: CoreConfig, rng: np.random.Generator, n: int, *, nodes: int, full: bool = False) -> np.ndarray:
    """TRAIN commands of ``n`` contexts over few rows, so that most rows repeat; of every length, or all full."""
    counts = np.full(n, cfg.max_samples) if full else rng.integers(0, cfg.max_samples + 1, n)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    rows, labels = rng.integers(0, nodes, indptr[-1]), rng.integers(0, 2, indptr[-1])
    return train_words(rng.integers(0, nodes, n), indptr, rows, labels)


def front_end(cfg: CoreConfig, rng: np.random.Generator, sampling: Sampling, *, next_walk: int = 0) -> np.ndarray:
    """Commands that set up the front end: parameters, a random key, and a random table of all rows."""
    key = int(rng.integers(0, 1 << 63))
    values = {
        Parameter.SAMPLING: sampling.word,
        Parameter.KEY_HIGH: key >> 32,
        Parameter.KEY_LOW: key & 0xFFFFFFFF,
        Parameter.NEXT_WALK: next_walk,
    }
    table = AliasTable(rng.random(cfg.nodes) ** 4)
    return np.concatenate([set_words(values), table_words(table.threshold, table.alias)])


def graph_setup(
    cfg: CoreConfig, rng: np.random.Generator, *, length: int = 0, p: float = 0.5, q: float = 1.0
) -> np.ndarray:
    """Commands that clear the graph and set all that walks and first values need; keys are random."""
    values = {
        parameter: int(rng.integers(0, 1 << 32)) for parameter in Parameter if parameter >= Parameter.WALK_KEY_HIGH
    }
    values |= dict(
        zip((Parameter.LIMIT_BACK, Parameter.LIMIT_NEAR, Parameter.LIMIT_FAR), case_limits(p, q), strict=True)
    )
    values[Parameter.WALK_LENGTH] = length or min(12, cfg.max_walk)
    values[Parameter.ROW_SCALE] = min(3000, cfg.beta.max_raw // 4)
    values[Parameter.PLACE] = 0
    return np.concatenate([np.array([edit_header(Edit.CLEAR)], np.uint32), set_words(values)])


def graph_command(cfg: CoreConfig, rng: np.random.Generator) -> list[int]:
    """A command for the graph or one of its parameters; some are impossible. Half of all rows are among the first 8."""

    def row() -> int:
        if rng.random() < 0.04:
            return int(rng.choice([cfg.nodes, (1 << 20) - 1]))
        return int(rng.integers(0, min(8, cfg.nodes) if rng.random() < 0.5 else cfg.nodes))

    def edit() -> list[int]:
        kind = int(rng.choice([0, 1, 2, 3, 4, 5, 7], p=[0.01, 0.04, 0.63, 0.2, 0.1, 0.01, 0.01]))
        walks = int(rng.choice([0, 1, 3])) if rng.random() < 0.9 else 15
        word = int(rng.integers(0, 5)) if kind == Edit.NODES else row() | int(rng.random() < 0.1) << 20
        weight = int(rng.choice([1, 50, 65535])) if rng.random() < 0.9 else int(rng.choice([0, 65536, 1 << 31]))
        operands = Edit(kind).operands(cfg) if kind < len(Edit) else 0
        answer = ANSWER if rng.random() < 0.2 else 0
        return [header(Opcode.EDIT, answer | kind << 24 | walks << 20 | row()), *[word, weight][:operands]]

    def parameter() -> list[int]:
        number = int(rng.integers(Parameter.WALK_KEY_HIGH, 32))
        value = int(rng.integers(0, 1 << 32)) if rng.random() < 0.7 else int(rng.integers(0, 70000))
        if number == Parameter.WALK_LENGTH:
            value = int(rng.choice([0, 1, 2, 3, 9, cfg.max_walk, cfg.max_walk + 1]))
        if number == Parameter.PLACE:
            value = int(rng.integers(0, 2 * cfg.nodes)) if rng.random() < 0.9 else value
        return [header(Opcode.SET, number), value]

    def start() -> list[int]:
        return [header(Opcode.START, int(rng.choice([0, 1, 2, 9])) << 20 | row())]

    kind = rng.random()
    if kind < 0.6:
        return edit()
    if kind < 0.75:
        return start()
    return [header(Opcode.ROUND, int(rng.choice([0, 1, 2, 20])))] if kind < 0.9 else parameter()


def random_walks(cfg: CoreConfig, rng: np.random.Generator, n: int, longest: int, *, nodes: int = 0) -> np.ndarray:
    """WALK commands of ``n`` walks of 0 to ``longest`` nodes among the first ``nodes`` (0: all)."""
    block = rng.integers(0, nodes or cfg.nodes, (n, longest)).astype(np.int32)
    block[np.arange(longest) >= rng.integers(0, longest + 1, n)[:, None]] = -1
    return walk_words(block, cfg.walk_rows)


def random_sampling(cfg: CoreConfig, rng: np.random.Generator, *, pools: bool = False) -> Sampling:
    """Sound in three of four cases. ``pools``: some have a pool although the core has none."""
    top = cfg.max_samples + 1
    pool = {}
    if (cfg.pool or pools) and rng.random() < (0.5 if cfg.pool else 0.02):
        slots = int(rng.choice([16, 32, max(cfg.pool, 64), max(2 * cfg.pool, 64)], p=[0.3, 0.3, 0.3, 0.1]))
        pool = {"pool": slots, "replaced": 1 << int(rng.integers(0, 6))}
    return Sampling(
        **pool,
        window=int(rng.integers(2, top + 1)) if rng.random() < 0.9 else int(rng.integers(0, 256)),
        negatives=int(rng.integers(0, 1 + (top // 2 if rng.random() < 0.8 else 255))),
        per_positive=bool(rng.random() < 0.3),
        walks=int(rng.integers(1, max(cfg.walks, 1) + 1)) if rng.random() < 0.9 else int(rng.integers(0, 256)),
        source=int(rng.random() < (0.5 if cfg.edge_ends else 0.05)),
    )


def anything(
    cfg: CoreConfig, rng: np.random.Generator, n: int, *, packed: bool = False, pools: bool = False
) -> np.ndarray:
    """Commands of every kind in any order, one in eight of them impossible; half of the rows ``packed``, or none.
    ``pools`` as in :func:`random_sampling`."""
    words: list[int] = []
    beyond = [cfg.nodes, cfg.nodes + 1, 1 << cfg.row_bits, (1 << 20) - 1]

    def row(limit: int) -> int:
        return int(rng.integers(0, limit)) if rng.random() < 0.9 else int(rng.choice(beyond))

    def elements(fmt: SQ) -> list[int]:
        return (rng.integers(fmt.min_raw, fmt.max_raw + 1, cfg.dim) >> int(rng.integers(0, 6)) & 0xFFFFFFFF).tolist()

    def train() -> list[int]:
        count = int(rng.integers(0, cfg.max_samples + 1)) if rng.random() < 0.9 else int(rng.integers(0, 128))
        odd = int(rng.random() < 0.05) << 27
        nodes = int(rng.choice([3, cfg.nodes]))
        samples = [int(rng.integers(0, 2)) << 31 | row(nodes) for _ in range(count)]
        return [header(Opcode.TRAIN, odd | count << 20 | row(nodes)), *samples]

    def table_access(opcode: Opcode, rows: int, fmt: SQ) -> list[int]:
        flag = PACKED * (packed and rng.random() < 0.5)
        unknown = opcode is Opcode.WRITE_P and not cfg.has_p
        if opcode in (Opcode.READ_ROW, Opcode.READ_P) or unknown:
            return [header(opcode, flag | row(rows))]
        words = elements(fmt)
        return [header(opcode, flag | row(rows)), *(words[: packed_words(cfg.dim, fmt.bits)] if flag else words)]

    others = (
        lambda: [header(Opcode.NOP, int(rng.integers(0, 1 << 28)))],
        lambda: [header(Opcode.FLUSH, int(rng.integers(0, 1 << 28)))],
        lambda: [header(Opcode.INFO)],
        lambda: [header(Opcode.GET, int(rng.integers(0, 20)))],
        lambda: [header(Opcode.CLEAR)],
        lambda: table_access(Opcode.WRITE_ROW, cfg.nodes, cfg.beta),
        lambda: table_access(Opcode.WRITE_P, cfg.dim, cfg.p),
        lambda: table_access(Opcode.READ_ROW, cfg.nodes, cfg.beta),
        lambda: table_access(Opcode.READ_P, cfg.dim, cfg.p),
        lambda: [header(Opcode.SET, int(rng.integers(0, 7))), int(rng.integers(0, 1 << 32))],
        lambda: [] if cfg.edge_ends else [int(rng.integers(13, 16)) << 28],
    )

    def walk() -> list[int]:
        count = int(rng.choice([0, 1, 2, 3, 5, 12])) if rng.random() < 0.95 else int(rng.choice([cfg.max_walk, 200]))
        odd = int(rng.random() < 0.05) << 16
        rows = [row(cfg.nodes if rng.random() < 0.1 else 3) & 0xFFFF for _ in range(count + 1)]
        pairs = [rows[i] | rows[i + 1] << 16 for i in range(0, count, 2)]
        return [header(Opcode.WALK, odd | count), *(pairs if cfg.walk_rows == 2 else rows[:count])]

    def table() -> list[int]:
        columns = int(rng.choice([1, 2, cfg.nodes])) if rng.random() < 0.9 else int(rng.choice([0, cfg.nodes + 1]))
        odd = int(rng.random() < 0.05) << 20
        top = 1 << 24 if rng.random() < 0.9 else 1 << 25
        rows = max(columns, 1) if rng.random() < 0.9 else columns + 3
        entries = [[int(rng.integers(0, top)), int(rng.integers(0, rows))] for _ in range(columns)]
        return [header(Opcode.WRITE_TABLE, odd | columns), *(word for entry in entries for word in entry)]

    if cfg.walks:
        others += (lambda: [header(Opcode.SET, Parameter.SAMPLING), random_sampling(cfg, rng, pools=pools).word], table)
        words += front_end(cfg, rng, Sampling(window=2, negatives=0, per_positive=False, walks=1)).tolist()
    if cfg.edge_ends:
        words += graph_setup(cfg, rng).tolist()
    for _ in range(n):
        if cfg.edge_ends and rng.random() < 0.5:
            words += graph_command(cfg, rng)
        elif cfg.walks and rng.random() < 0.3:
            words += walk()
        else:
            words += train() if rng.random() < 0.5 else others[int(rng.integers(0, len(others)))]()
    return np.array(words, np.uint32)


def repeats(cfg: CoreConfig, rng: np.random.Generator, *, rounds: int = 2) -> golden.Contexts:
    """Contexts in which some row comes again after every number of samples from 1 to ring + 2, and below max_samples
    also within a context, and in which a centre stood as a sample that many samples before its context."""
    reach = cfg.ring + 2
    assert cfg.nodes > 2 * reach, "too few rows to have any come again only where wanted"
    rows: list[int] = []
    ends = [0]  # of contexts

    def other() -> int:
        fresh = int(rng.integers(0, cfg.nodes))
        while fresh in rows[-reach:]:
            fresh = (fresh + 1) % cfg.nodes
        return fresh

    def others(n: int) -> None:
        for _ in range(n):
            rows.append(other())

    def again(distance: int) -> None:
        others(distance)
        rows.append(rows[-distance])

    # In one context, between other rows.
    for distance in range(1, cfg.max_samples):
        spare = cfg.max_samples - distance - 1
        before = int(rng.integers(0, spare + 1))
        others(before)
        again(distance)
        others(int(rng.integers(0, spare - before + 1)))
        ends.append(len(rows))
    # Across contexts: one begins with the repeated row. Contexts of every length besides, also of none.
    for distance in rng.permutation(np.tile(np.arange(1, reach + 1), rounds)):
        again(int(distance))
        while ends[-1] < len(rows) - 1:
            count = int(rng.integers(0, cfg.max_samples + 1)) if rng.random() < 0.5 else cfg.max_samples
            ends.append(min(ends[-1] + count, len(rows) - 1))
    ends.append(len(rows))
    contexts = []
    for i, (begin, end) in enumerate(pairwise(ends)):
        back = i % reach + 1
        centre = rows[begin - back] if begin >= back else other()
        contexts.append((centre, [(row, int(rng.integers(0, 2))) for row in rows[begin:end]]))
    return pack(contexts)


def distances(contexts: golden.Contexts) -> tuple[set[int], set[int], set[int]]:
    """After how many samples a row comes again: within its context, in a later one, and from sample to centre."""
    owner = np.repeat(np.arange(len(contexts)), np.diff(contexts.indptr))
    within, across, centres = set(), set(), set()
    last: dict[int, int] = {}
    for i in range(len(contexts)):
        begin, end = contexts.indptr[i], contexts.indptr[i + 1]
        if (before := last.get(int(contexts.centres[i]))) is not None:
            centres.add(int(begin - before))
        for n in range(begin, end):
            row = int(contexts.samples[n])
            if (before := last.get(row)) is not None:
                (within if owner[before] == i else across).add(n - before)
            last[row] = n
    return within, across, centres
