"""Words that try a core: a random state, some training, and all of it read back."""

import numpy as np

from ...hw.arith.formats import SQ
from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import Opcode, Parameter, header
from .words import set_words, train_words, write_words

__all__ = ["random_program"]


def random_program(cfg: CoreConfig, rng: np.random.Generator, n: int) -> np.ndarray:
    """Command words, uint32: ``n`` contexts."""
    rows = min(cfg.nodes, 16)
    sizes = rng.integers(1, cfg.max_samples + 1, n)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    identity = np.eye(cfg.dim, dtype=np.int64) << max(cfg.p.fraction - 4, 0)
    return np.concatenate(
        [
            np.array([header(Opcode.INFO)], np.uint32),
            set_words({Parameter.Q: 1, Parameter.P0: 1 << max(cfg.p.fraction - 4, 0)}),
            write_words(Opcode.WRITE_ROW, 0, _small(cfg.beta, rng, (rows, cfg.dim)), cfg.beta),
            *([write_words(Opcode.WRITE_P, 0, identity, cfg.p)] if cfg.has_p else []),
            train_words(rng.integers(0, rows, n), ends, rng.integers(0, rows, ends[-1]), rng.integers(0, 2, ends[-1])),
            np.array([header(Opcode.FLUSH, 1), *(header(Opcode.READ_ROW, row) for row in range(rows))], np.uint32),
        ]
    )


def _small(fmt: SQ, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Raw numbers of up to an eighth of 1."""
    top = max(1, 1 << max(fmt.fraction - 3, 0))
    return rng.integers(-top, top, shape)
