"""Scripts for the programs in ``tests/clib``, and what they have to send and to read."""

import numpy as np
from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.lora.protocol import LoraCounter, LoraOpcode, LoraParameter, Space, element_bits, space_elements
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import Counter, Edit, Opcode, Parameter, edit_header, header
from skipwalk.hw.oselm.protocol import packed_words as row_words
from skipwalk.sim.arith.words import from_packed, from_words, unpacked_run
from skipwalk.sim.lora.unit import LoraUnit
from skipwalk.sw.lora import words as w
from skipwalk.sw.oselm.words import edge_words, set_words, table_words, train_words, walk_words, write_words

__all__ = ["Both", "lora_numbers", "lora_program", "oselm_numbers", "oselm_program", "replies_of"]


def line(*values) -> str:
    return " ".join(str(int(v)) if not isinstance(v, str) else v for v in values) + "\n"


class Both:
    """A script for the program in C and, beside it, the words that Python would send."""

    def __init__(self, *opening: np.ndarray):
        self.script, self._words = "", list(opening)

    def add(self, words, *values) -> None:
        self._words.append(np.asarray(words, np.uint32))
        self.script += line(*values)

    @property
    def words(self) -> np.ndarray:
        return np.concatenate(self._words)


def oselm_program(cfg: CoreConfig, rng: np.random.Generator) -> Both:
    """Everything that the driver can send; and what it reads: rows, then P, then counters."""
    both = Both(np.array([header(Opcode.INFO)], np.uint32))
    n, dim, fmts = 16, cfg.dim, (cfg.beta, cfg.p)
    rows, p = (rng.integers(-(1 << f.bits - 4), 1 << f.bits - 4, (k, dim)) for f, k in zip(fmts, (n, dim), strict=True))
    p = p // 64 + np.eye(dim, dtype=np.int64) * (1 << cfg.p.fraction - 1)
    both.add(set_words({Parameter.Q: 3}), "set", Parameter.Q, 3)
    both.add(write_words(Opcode.WRITE_ROW, 0, rows, cfg.beta), "load", 0, n, *rows.ravel())
    both.add(write_words(Opcode.WRITE_P, 0, p, cfg.p), "write_p", *p.ravel())
    for _ in range(0 if cfg.slots else 5):
        size = int(rng.integers(0, cfg.max_samples + 1))
        samples, labels = rng.integers(0, n, size), rng.integers(0, 2, size)
        words = train_words(np.array([3]), np.array([0, size]), samples, labels)
        both.add(words, "train", 3, size, *np.stack([samples, labels], 1).ravel())
    if cfg.walks:
        key = 0x123456789ABCDEF0
        pool = {"pool": cfg.pool, "replaced": cfg.replaced} if cfg.pool else {}
        sampling = Sampling(window=3, negatives=2, per_positive=False, walks=2, **pool)
        if pool:
            both.script += line("pool", 0, 1, "pool", *pool.values())
        words = set_words(
            {Parameter.SAMPLING: sampling.word, Parameter.KEY_HIGH: key >> 32, Parameter.KEY_LOW: key & 0xFFFFFFFF}
        )
        both.add(words, "sampling", 3, 2, 0, 2, 0, key)
        table = rng.integers(0, 1 << 24, n), rng.integers(0, n, n)
        both.add(table_words(*table), "table", n, *np.stack(table, 1).ravel())
        for length in (5, 2, 8, 7):
            walk = rng.integers(0, n, (1, length))
            both.add(walk_words(walk, cfg.walk_rows), "walk", length, *walk[0])
    if cfg.edge_ends:
        clear = [edit_header(Edit.CLEAR), edit_header(Edit.NODES, 0), n]
        both.add(clear, "graph", n)
        both.add(set_words({Parameter.WALK_LENGTH: 6}), "set", Parameter.WALK_LENGTH, 6)
        for u in range(n - 1):
            weights = np.array([u + 1]) if cfg.weight_bits else None
            both.add(edge_words(np.array([u]), np.array([u + 1]), weights), "edge", u, u + 1, u + 1, 0)
        both.add([edit_header(Edit.REMOVE_EDGE, 3, 2), 4], "remove", 3, 4, 2)
        both.add([edit_header(Edit.FREE_NODE, 9)], "free", 9)
        both.add([header(Opcode.START, 2 << 20 | 5)], "start", 5, 2)
        both.add([header(Opcode.ROUND, 4)], "round", 4)
    read = [
        header(Opcode.FLUSH, 1),
        *(header(op, 1 << 27 | i) for op, k in ((Opcode.READ_ROW, n), (Opcode.READ_P, dim)) for i in range(k)),
    ]
    both.add(read, "read", 0, n)
    both.add([header(Opcode.GET, Counter.SAMPLES), header(Opcode.CLEAR)], "counter", Counter.SAMPLES)
    both.add([header(Opcode.GET, Counter.SAMPLES), header(Opcode.CLEAR)], "counter", Counter.SAMPLES)
    return both


def oselm_numbers(cfg: CoreConfig, replies: np.ndarray) -> list[int]:
    """What the program should have read, out of all replies."""
    n, at, found = 16, 7, []
    for fmt, rows in ((cfg.beta, n), (cfg.p, cfg.dim)):
        size = row_words(cfg.dim, fmt.bits)
        found += from_packed(replies[at : at + rows * size].reshape(rows, size), cfg.dim, fmt).ravel().tolist()
        at += rows * size
    low, high = replies[at:].astype(np.int64).reshape(-1, 2).T
    return [*found, *(low | high << 32).tolist()]


def replies_of(model, words: np.ndarray) -> np.ndarray:
    model.feed(words)
    return model.drain()


def lora_program(cfg: LoraConfig, rng: np.random.Generator) -> Both:
    both = Both(w.command(LoraOpcode.INFO), w.command(LoraOpcode.FORGET))
    for space, top in ((Space.WEIGHTS, 1 << cfg.weight_bits - 1), (Space.BIASES, 3000), (Space.ADAPTERS, 4000)):
        values = rng.integers(-top, top, space_elements(cfg, space))
        both.add(w.write(cfg, space, values), "write", space, 0, len(values), *values)
    signs = rng.integers(0, 2, cfg.lanes)
    both.add(w.write(cfg, Space.SIGNS, signs, 1), "write", Space.SIGNS, 1, len(signs), *signs)
    for name, value in ((LoraParameter.RATE, 1500), (LoraParameter.SHIFT_1, cfg.x_bits - 2)):
        both.add(w.set_parameter(name, value), "set", name, value)
    n, top = cfg.cache_samples, 1 << cfg.x_bits
    x, labels = rng.integers(0, top, (n, cfg.widths[0])), rng.integers(0, cfg.classes, n)
    both.add(w.load(cfg, x, labels), "load", n, *labels, *x.ravel())
    key = 0x0FEDCBA987654321
    setting = {LoraParameter.KEY_HIGH: key >> 32, LoraParameter.KEY_LOW: key & 0xFFFFFFFF, LoraParameter.EPOCH: 0}
    ask = np.concatenate([*(w.set_parameter(*item) for item in setting.items()), w.epochs(n, 2, 3)])
    both.add(ask, "epochs", n, 2, 3, key)
    both.add(w.cached_samples([2], [1], [False]), "cached", 2, 1, 0)
    for number in (3, w.NO_NUMBER):
        new = rng.integers(0, top, (1, cfg.widths[0]))
        both.add(w.input_samples(cfg, new, [2], [number], [True]), "learn", number, 2, 1, *new[0])
    outputs = np.concatenate([w.input_samples(cfg, x[:1]), w.command(LoraOpcode.FLUSH)])
    both.add(outputs, "outputs", *x[0])
    both.add([*w.command(LoraOpcode.FLUSH), *w.read(Space.ADAPTERS, cfg.adapter_words)], "read")
    both.add([*w.get(LoraCounter.TRAINED), *w.command(LoraOpcode.CLEAR)], "counter", LoraCounter.TRAINED)
    return both


def lora_numbers(cfg: LoraConfig, words: np.ndarray) -> list[int]:
    """What the program should have read, by the Python driver's decoding."""
    replies = replies_of(LoraUnit(cfg, plain=True), words)
    reports = replies[6:14].astype(np.int64).reshape(2, 4)
    found = np.column_stack([reports[:, :2], reports[:, 2] | reports[:, 3] << 32]).ravel().tolist()
    found += from_words(replies[14 : 14 + cfg.classes], cfg.y).tolist()
    n = cfg.adapter_words * cfg.lanes
    found += unpacked_run(replies[16 + cfg.classes : -2], element_bits(cfg, Space.ADAPTERS), n).tolist()
    return [*found, int(replies[-2])]
