"""The smallest core, and words to put into it."""

import numpy as np
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.protocol import Counter, Opcode, Parameter, header
from skipwalk.sw.graph.contexts import ContextBatch
from skipwalk.sw.oselm.words import write_words

__all__ = ["CFG", "DIM", "MOST", "NODES", "batch", "everything", "rows", "soup", "start", "words"]

CFG = preset("tiny").replace(vendor=Vendor.ECP5)
DIM, NODES, MOST = CFG.dim, CFG.nodes, CFG.max_samples


def words(*items) -> np.ndarray:
    return np.array(items, np.uint32)


def batch(n, rng, nodes=NODES) -> ContextBatch:
    indptr = np.concatenate([[0], np.cumsum(rng.integers(0, MOST + 1, n))])
    total = indptr[-1]
    return ContextBatch(
        rng.integers(0, nodes, n, np.int32),
        indptr,
        rng.integers(0, nodes, total, np.int32),
        rng.integers(0, 2, total, np.uint8),
    )


def rows(rng) -> np.ndarray:
    return rng.integers(-(1 << 13), 1 << 13, (NODES, DIM))


def start(rng) -> np.ndarray:
    """Rows, P and parameters with which training does something."""
    p = np.eye(DIM, dtype=np.int64) << 16
    parameters = words(header(Opcode.SET, Parameter.Q), 7, header(Opcode.SET, Parameter.P0), 120_000)
    return np.concatenate([parameters, write_words(Opcode.WRITE_ROW, 0, rows(rng)), write_words(Opcode.WRITE_P, 0, p)])


def soup(rng, n) -> tuple[np.ndarray, int]:
    """Commands of all kinds, some of them wrong in some way, and how many words they are answered with."""
    out: list[int] = []
    n_replies = 0
    opcodes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 15, *[int(Opcode.TRAIN)] * 8, *[int(Opcode.WALK)] * 8]
    for opcode in rng.choice(opcodes, n).tolist():
        wrong = rng.random() < 0.1
        of_beta = opcode in (Opcode.TRAIN, Opcode.WRITE_ROW, Opcode.READ_ROW)
        row = int(rng.integers(0, 1 << 20 if wrong else NODES if of_beta else DIM))
        argument, operands = row, []
        if opcode == Opcode.TRAIN:
            count = int(rng.integers(0, 128 if rng.random() < 0.05 else MOST + 1))
            argument = (rng.random() < 0.03) << 27 | count << 20 | row
            noise = rng.integers(0, 1 << 12, count) << 20  # label, and bits that mean nothing
            far = rng.random(count) < 0.05
            operands = (noise | np.where(far, rng.integers(0, 1 << 20, count), rng.integers(0, NODES, count))).tolist()
        elif opcode == Opcode.WALK:
            argument = int(rng.integers(0, CFG.max_walk + 2 if wrong else 12)) | (rng.random() < 0.03) << 20
            n_words = (argument & 0xFFFF) + 1 >> 1
            operands = (rng.integers(0, NODES, n_words) | rng.integers(0, NODES + wrong, n_words) << 16).tolist()
        elif opcode == Opcode.WRITE_TABLE:
            argument = int(rng.integers(0, NODES + 3))
            columns = rng.integers(0, 1 << 24, argument), rng.integers(0, max(argument, 1) + wrong, argument)
            operands = np.stack(columns, axis=1).ravel().tolist()
        elif opcode == Opcode.SET:
            argument, operands = int(rng.integers(0, 7)), [int(rng.integers(0, 1 << 12))]
            if argument == Parameter.SAMPLING:
                operands = [0x0300_0000 | int(rng.integers(0, 3)) << 8 | int(rng.integers(1, 7))]
        elif opcode == Opcode.GET:
            # Cycles are the RTL's own.
            argument, n_replies = int(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 200])), n_replies + 2
        elif opcode in (Opcode.WRITE_ROW, Opcode.WRITE_P):
            operands = rng.integers(0, 1 << 32, DIM).tolist()
        elif opcode in (Opcode.READ_ROW, Opcode.READ_P):
            n_replies += DIM
        elif opcode in (Opcode.INFO, Opcode.FLUSH):
            n_replies += 6 if opcode == Opcode.INFO else 1
        out += [opcode << 28 | argument, *operands]
    return np.array(out, np.uint32), n_replies


def everything() -> tuple[np.ndarray, int]:
    """Commands that read all of a core's state that has no cycles in it."""
    counters = [header(Opcode.GET, counter) for counter in Counter if Counter.CYCLES < counter < Counter.WAIT_INPUT]
    reads = [header(Opcode.READ_ROW, i) for i in range(NODES)] + [header(Opcode.READ_P, i) for i in range(DIM)]
    return words(*reads, *counters), (NODES + DIM) * DIM + 2 * len(counters)
