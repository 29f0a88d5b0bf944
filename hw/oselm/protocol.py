"""Words that travel between host and core. Standard library only: gateware and driver read the same table.

Both streams carry 32-bit words. A command is a header, whose upper four bits are the :class:`Opcode`, and its
operands. Numbers of the core's formats travel as raw two's-complement integers, extended to 32 bits.
"""

from dataclasses import dataclass
from enum import IntEnum

from .config import CoreConfig

__all__ = [
    "MAGIC",
    "THRESHOLD_BITS",
    "VERSION",
    "Counter",
    "Identity",
    "Opcode",
    "Parameter",
    "header",
    "identity_words",
]

#: First word of an identity: "SKW1".
MAGIC = 0x534B5731
#: Rises when the meaning of a word changes.
VERSION = 2
#: Of the probability with which a column of the alias table keeps its own node.
THRESHOLD_BITS = 24


class Opcode(IntEnum):
    """Upper four bits of a header. All but NOP, TRAIN and WALK first wait until training has come to rest (a
    *barrier*). WALK and WRITE_TABLE need a front end; elsewhere they are unknown."""

    NOP = 0  # nothing; ignored, so that zeros may pad
    INFO = 1  # -> the words of Identity
    SET = 2  # [3:0] Parameter; then its value
    GET = 3  # [7:0] Counter -> low word, high word
    CLEAR = 4  # counters to 0
    WRITE_ROW = 5  # [19:0] row; then dim elements of beta
    READ_ROW = 6  # [19:0] row -> dim elements
    WRITE_P = 7  # [19:0] row; then dim elements of P
    READ_P = 8  # [19:0] row -> dim elements
    TRAIN = 9  # [26:20] number of samples, [19:0] centre; then a word a sample: [31] label, [19:0] row
    FLUSH = 10  # [27:0] anything -> the same header, when training has come to rest
    WALK = 11  # [15:0] number of nodes, else 0; then two rows a word, the first one in the lower half
    WRITE_TABLE = 12  # [19:0] number of columns, else 0; then threshold and alias of each, a word each


class Parameter(IntEnum):
    """What SET can change; all are 0 after reset."""

    Q = 0  # covariance inflation a context, format of P
    P0 = 1  # the diagonal is inflated while it is below, format of P
    # Of the front end:
    SAMPLING = 2  # word of hw.oselm.front_end.sampling.Sampling; no walk is taken before it has been set
    KEY_HIGH = 3  # of the negatives' generator, upper word
    KEY_LOW = 4
    NEXT_WALK = 5  # number of the next walk; rises by one with each that is taken


class Counter(IntEnum):
    """What GET can read: events since reset or CLEAR, 48 bits."""

    CYCLES = 0
    CONTEXTS = 1
    SAMPLES = 2
    REJECTED = 3  # commands, contexts, samples or walks that were dropped: a row or a count out of range
    SAT_BETA = 4
    SAT_P = 5
    SAT_K = 6
    SAT_E = 7
    SAT_U = 8
    SAT_HU = 9
    WAIT_INPUT = 10  # cycles in which the next step could not be issued: no context has come,
    WAIT_ERROR = 11  # the error of a sample is not known yet,
    WAIT_GAIN = 12  # the gain of a context is not known yet,
    WAIT_SWEEP = 13  # P is still being swept,
    WAIT_ROW = 14  # a row is read and written at once, or is still to be written


@dataclass(frozen=True)
class Identity:
    """What a core says of itself."""

    magic: int
    version: int
    digest: int
    nodes: int
    dim: int
    max_samples: int

    @classmethod
    def of(cls, cfg: CoreConfig) -> "Identity":
        return cls(MAGIC, VERSION, cfg.digest, cfg.nodes, cfg.dim, cfg.max_samples)


def identity_words(cfg: CoreConfig) -> list[int]:
    """The reply to INFO, in the order of :class:`Identity`."""
    return list(vars(Identity.of(cfg)).values())


def header(opcode: Opcode, argument: int = 0) -> int:
    """A header word. Raises ValueError for an argument that does not fit 28 bits."""
    if not 0 <= argument < 1 << 28:
        raise ValueError(f"the argument of {opcode.name} must fit 28 bits, not {argument}")
    return opcode << 28 | argument
