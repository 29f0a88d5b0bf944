"""Words that travel between host and core. Standard library only: gateware and driver read the same table.

Both streams carry 32-bit words. A command is a header, whose upper four bits are the :class:`Opcode`, and its
operands. Numbers of the core's formats travel as raw two's-complement integers, extended to 32 bits.
"""

from dataclasses import dataclass
from enum import IntEnum

from ..unit.protocol import UnitIdentity, checked_field
from .config import CoreConfig

__all__ = [
    "ANSWER",
    "MAGIC",
    "PACKED",
    "THRESHOLD_BITS",
    "VERSION",
    "WALKS_SHIFT",
    "Counter",
    "Edit",
    "Identity",
    "Opcode",
    "Parameter",
    "counters_of",
    "edit_header",
    "header",
    "identity_words",
    "packed_words",
]

#: First word of an identity: "SKW1".
MAGIC = 0x534B5731
#: Rises when the meaning of a word changes.
VERSION = 3
#: Of the probability with which a column of the alias table keeps its own node.
THRESHOLD_BITS = 24
#: In the argument of READ_ROW, WRITE_ROW, READ_P and WRITE_P: the elements travel packed.
PACKED = 1 << 27
#: In the argument of EDIT: its header comes back when the walks that it asks for have been trained.
ANSWER = 1 << 27
#: Where the number of walks begins in the arguments of EDIT and START.
WALKS_SHIFT = 20


class Opcode(IntEnum):
    """Upper four bits of a header. All but NOP, TRAIN, WALK, START and ROUND first wait until training has come to
    rest (a *barrier*). WALK and WRITE_TABLE need a front end, EDIT, START and ROUND a graph store, WRITE_P and READ_P a
    gain that is not constant; elsewhere they are unknown. An element of a row is a word, or with :data:`PACKED` its
    stored bits (see :func:`packed_words`)."""

    NOP = 0  # nothing; ignored, so that zeros may pad
    INFO = 1  # -> the words of Identity
    SET = 2  # [4:0] Parameter; then its value
    GET = 3  # [7:0] Counter -> low word, high word
    CLEAR = 4  # counters to 0
    WRITE_ROW = 5  # [19:0] row; then dim elements of beta
    READ_ROW = 6  # [19:0] row -> dim elements
    WRITE_P = 7  # [19:0] row; then dim elements of P
    READ_P = 8  # [19:0] row -> dim elements
    TRAIN = 9  # [26:20] number of samples, [19:0] centre; then a word a sample: [31] label, [19:0] row. Where rows are
    # outside, a barrier, and dropped
    FLUSH = 10  # [27:0] anything -> the same header, when training has come to rest and rows have gone to memory
    WALK = 11  # [15:0] number of nodes, else 0; then CoreConfig.walk_rows rows a word, the first one lowest
    WRITE_TABLE = 12  # [19:0] number of columns, else 0; then threshold and alias of each; not without alias_table
    EDIT = (
        13  # [27] ANSWER, [26:24] Edit, [23:20] walks from each end after it, [19:0] row u; then the operands of Edit
    )
    START = 14  # [27:20] number of walks, [19:0] row where they start
    ROUND = 15  # [27:0] number of walks, whose starts go on where those of the last ROUND ended


class Edit(IntEnum):
    """How EDIT changes the graph. It is complete before the next header is looked at; an unknown one has no operand."""

    CLEAR = 0  # no node, no edge; until it has come, the store takes no other
    NODES = 1  # a word: how many rows from u on become known
    ADD_EDGE = 2  # a word: [19:0] v; where edges have weights another one: [15:0] weight, else 0
    REMOVE_EDGE = 3  # a word: [19:0] v
    FREE_NODE = 4  # u and all its edges go

    def operands(self, cfg: CoreConfig) -> int:
        """Words after the header."""
        if self is Edit.ADD_EDGE:
            return 2 if cfg.weight_bits else 1
        return 1 if self in (Edit.NODES, Edit.REMOVE_EDGE) else 0


class Parameter(IntEnum):
    """What SET can change; all are 0 after reset. From SAMPLING on they need a front end, from WALK_KEY_HIGH on a
    graph store."""

    Q = 0  # covariance inflation a context, format of P; with a constant gain it has no effect
    P0 = 1  # the diagonal is inflated while it is below, format of P; with a constant gain, what stands for P
    SAMPLING = 2  # word of hw.oselm.front_end.sampling.Sampling; no walk is taken before it has been set
    KEY_HIGH = 3  # of the negatives' generator, upper word
    KEY_LOW = 4
    NEXT_WALK = 5  # number of the next walk; rises by one with each that is taken or made
    WALK_KEY_HIGH = 6  # of the walks' generator
    WALK_KEY_LOW = 7
    START_KEY_HIGH = 8  # of the order of the starts of ROUND
    START_KEY_LOW = 9
    ROW_KEY_HIGH = 10  # of the first values of rows
    ROW_KEY_LOW = 11
    ROW_SCALE = 12  # [15:0] largest first value, format of beta; upper half 0
    WALK_LENGTH = 13  # nodes of a walk, 2 ... max_walk; no walk is made before it has been set
    LIMIT_BACK = 14  # a candidate is taken if a draw's lower word is at most this: one that is the previous node,
    LIMIT_NEAR = 15  # one of its neighbours,
    LIMIT_FAR = 16  # any other
    ROUND = 17  # number of the round of starts; its place becomes 0
    PLACE = 18  # place in the round


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
    WAIT_SWEEP = 13  # P is still being swept, or without P the gain of a centre before is being made,
    WAIT_ROW = 14  # a row is read and written at once, or is still to be written
    WALKS = 15  # walks that were made on the device
    REFUSED = 16  # edits that did not fit: no room for a neighbour list, or a sum of weights too large
    ROWS_ASKED = 17  # slots that were asked for, of a node of a walk, a draw of the pool or a row of the host
    ROWS_FETCHED = 18  # rows that came from memory, because they had none
    ROWS_WRITTEN = 19  # rows that went back to memory
    WAIT_MEMORY = 20  # cycles in which the next step could not be issued: rows of a context had not come, or one went
    PAGES_OPENED = 21  # pages of memory that were opened, where it has pages


def counters_of(cfg: CoreConfig) -> tuple[Counter, ...]:
    """Those that a core has, numbered from 0 on: WALKS and REFUSED belong to a graph store, what comes after to rows
    outside. GET rejects any other."""
    n = len(Counter) if cfg.slots else Counter.ROWS_ASKED if cfg.edge_ends else Counter.WALKS
    return tuple(c for c in Counter if c < n)


@dataclass(frozen=True)
class Identity(UnitIdentity):
    """What a core says of itself."""

    nodes: int
    dim: int
    max_samples: int

    @classmethod
    def of(cls, cfg: CoreConfig) -> "Identity":
        return cls(MAGIC, VERSION, cfg.digest, cfg.nodes, cfg.dim, cfg.max_samples)


def identity_words(cfg: CoreConfig) -> list[int]:
    """The reply to INFO, in the order of :class:`Identity`."""
    return Identity.of(cfg).words


def header(opcode: Opcode, argument: int = 0) -> int:
    """A header word. Raises ValueError for an argument that does not fit 28 bits."""
    return opcode << 28 | checked_field(f"the argument of {opcode.name}", argument, 28)


def edit_header(edit: Edit, u: int = 0, walks: int = 0, *, answer: bool = False) -> int:
    """The header of an EDIT. Raises ValueError for a number that does not fit its field."""
    row, count = checked_field("u", u, CoreConfig.ROW_BITS), checked_field("walks", walks, 4)
    return header(Opcode.EDIT, (ANSWER if answer else 0) | edit << 24 | count << WALKS_SHIFT | row)


def packed_words(count: int, bits: int) -> int:
    """Words that ``count`` elements of ``bits`` take packed: stored bits, the first element lowest, filled from bit 0
    on; the last word is filled up with 0."""
    return -(-count * bits // 32)
