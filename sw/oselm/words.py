"""Commands of a core as arrays of 32-bit words; the table behind them is :mod:`skipwalk.hw.oselm.protocol`."""

from collections.abc import Mapping

import numpy as np

from ...hw.arith.formats import SQ
from ...hw.oselm.protocol import PACKED, Edit, Opcode, Parameter, edit_header, header
from ...sim.arith.words import packed, raw_words

__all__ = ["edge_words", "set_words", "table_words", "train_words", "walk_words", "write_words"]


def write_words(opcode: Opcode, first_row: int, rows: np.ndarray, fmt: SQ | None = None) -> np.ndarray:
    """WRITE_ROW or WRITE_P commands for consecutive rows of raw integers, shape (n, dim): an element a word, or packed
    as ``fmt`` stores them."""
    body = raw_words(rows) if fmt is None else packed(rows, fmt)
    heads = header(opcode, first_row if fmt is None else PACKED | first_row) + np.arange(len(rows))
    return np.concatenate([heads.astype(np.uint32)[:, None], body], axis=1).reshape(-1)


def train_words(centres: np.ndarray, indptr: np.ndarray, samples: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """TRAIN commands: a header with the centre and the number of samples, then a word a sample."""
    counts = np.diff(indptr)
    heads = indptr[:-1] + np.arange(len(centres))
    out = np.empty(len(centres) + len(samples), np.uint32)
    is_sample = np.ones(len(out), bool)
    is_sample[heads] = False
    out[heads] = header(Opcode.TRAIN) | counts.astype(np.uint32) << np.uint32(20) | centres.astype(np.uint32)
    out[is_sample] = labels.astype(np.uint32) << np.uint32(31) | samples.astype(np.uint32)
    return out


def set_words(values: Mapping[Parameter, int]) -> np.ndarray:
    """SET commands; values are raw, as :func:`raw_words` takes them."""
    out = np.empty((len(values), 2), np.uint32)
    out[:, 0] = [header(Opcode.SET, parameter) for parameter in values]
    out[:, 1] = raw_words(np.array(list(values.values()), np.int64))
    return out.reshape(-1)


def walk_words(block: np.ndarray, per_word: int = 2) -> np.ndarray:
    """WALK commands for walks (n, length), each padded with -1 at its end; ``per_word`` rows a word, as
    ``CoreConfig.walk_rows`` says."""
    n, length = block.shape
    size = -(-length // per_word)
    rows = np.zeros((n, size, per_word), np.uint32)
    rows.reshape(n, -1)[:, :length] = np.where(block < 0, 0, block)
    nodes = (block >= 0).sum(axis=1)
    out = np.empty((n, 1 + size), np.uint32)
    out[:, 0] = header(Opcode.WALK) + nodes
    out[:, 1:] = rows[:, :, 0] if per_word == 1 else rows[:, :, 0] | rows[:, :, 1] << np.uint32(16)
    return out[np.arange(1 + size) <= (-(-nodes // per_word))[:, None]]


def table_words(threshold: np.ndarray, alias: np.ndarray) -> np.ndarray:
    """WRITE_TABLE command for an alias table of (n,) thresholds and (n,) rows."""
    out = np.empty(1 + 2 * len(alias), np.uint32)
    out[0] = header(Opcode.WRITE_TABLE, len(alias))
    out[1::2], out[2::2] = threshold, alias
    return out


def edge_words(u: np.ndarray, v: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """EDIT commands that add edges between rows ``u`` and ``v`` (m,), with raw weights (m,) where edges have some."""
    columns = [u + edit_header(Edit.ADD_EDGE), v] if weights is None else [u + edit_header(Edit.ADD_EDGE), v, weights]
    return np.stack(columns, axis=1).astype(np.uint32).reshape(-1)
