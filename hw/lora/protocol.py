"""Words in and out of the Skip2-LoRA unit. Standard library only: gateware, model and driver read the same table.

As for the OS-ELM core (:mod:`skipwalk.hw.oselm.protocol`): 32-bit words, a command is a header with its
:class:`LoraOpcode` in the upper four bits, and its operands; numbers travel as raw two's-complement integers, extended
to 32 bits. Activations are packed, :func:`activations_per_word` to a word, the first in the lowest bits; a chunk of
``lanes`` fills whole words.
"""

from dataclasses import dataclass
from enum import IntEnum

from ..unit.protocol import UnitIdentity, checked_field
from .config import LoraConfig

__all__ = [
    "MAGIC",
    "NO_NUMBER",
    "VERSION",
    "LoraCounter",
    "LoraIdentity",
    "LoraOpcode",
    "LoraParameter",
    "Source",
    "Space",
    "activations_per_word",
    "chunk_words",
    "header",
    "identity_words",
    "sample_header",
    "space_elements",
]

#: First word of an identity: "SKL1".
MAGIC = 0x534B4C31
#: Rises when the meaning of a word changes.
VERSION = 1
#: Number of a sample that has no place in the Skip-Cache.
NO_NUMBER = (1 << LoraConfig.SAMPLE_BITS) - 1


class LoraOpcode(IntEnum):
    """Upper four bits of a header. All but NOP and SAMPLE first wait until training has come to rest (a *barrier*)."""

    NOP = 0  # nothing; ignored, so that zeros may pad
    INFO = 1  # -> the words of LoraIdentity
    SET = 2  # [3:0] LoraParameter; then its value
    GET = 3  # [7:0] LoraCounter -> low word, high word
    CLEAR = 4  # counters to 0
    WRITE = 5  # [27:26] Space, [19:0] first word; then a count; then so many elements, lane after lane
    READ = 6  # [27:26] Space (ADAPTERS), [19:0] first word; then a count -> the elements of so many words
    FORGET = 7  # empty the Skip-Cache
    SAMPLE = 9  # [27:26] Source, [25] train, [24] ends the mini-batch, [23:20] label, [19:0] number; operands: Source
    FLUSH = 10  # [27:0] anything -> the same header, when training has come to rest


class Source(IntEnum):
    """Where the activations of a sample come from, and what follows its header. A sample whose number is below
    ``cache_samples`` is put into the Skip-Cache unless it comes from there. One that does not train answers with its
    ``classes`` outputs."""

    CACHE = 0  # the Skip-Cache; nothing follows. A sample that is not there is dropped and counted as rejected
    INPUT = 1  # x_1 follows, packed; the backbone computes the rest
    ACTIVATIONS = 2  # all x_k follow, packed, then the elements of c


class Space(IntEnum):
    """What WRITE and READ mean."""

    ADAPTERS = 0  # words of ``lanes``: A by layer, column and chunk, then the columns of B
    WEIGHTS = 1  # words of ``lanes``: the backbone by layer, output and chunk
    BIASES = 2  # single elements: by layer and output


class LoraParameter(IntEnum):
    """What SET can change; all are 0 after reset."""

    RATE = 0  # factor of the learning rate, format LoraConfig.RATE
    SHIFT_1 = 1  # bits dropped behind each layer of the backbone
    SHIFT_2 = 2
    SHIFT_3 = 3
    SHIFT_4 = 4


class LoraCounter(IntEnum):
    """What GET can read: events since reset or CLEAR, 48 bits."""

    CYCLES = 0
    SLOTS = 1  # steps of the schedule, those without a sample included
    TRAINED = 2
    CORRECT = 3  # samples whose label had the highest output when they were learned
    HITS = 4  # samples from the Skip-Cache
    MISSES = 5  # samples from elsewhere
    REJECTED = 6  # commands or samples that were dropped: not in the cache, or a field out of range
    SAT_A = 7
    SAT_B = 8
    SAT_GRADIENT = 9
    SAT_Z = 10
    SAT_Y = 11
    SAT_G = 12
    SAT_GZ = 13
    WAIT_SAMPLE = 14  # cycles in which the lanes were free and no sample was ready
    DENSE = 15  # cycles in which the lanes worked for the backbone


@dataclass(frozen=True)
class LoraIdentity(UnitIdentity):
    """What a unit says of itself."""

    cache_samples: int
    inputs: int
    classes: int

    @classmethod
    def of(cls, cfg: LoraConfig) -> "LoraIdentity":
        return cls(MAGIC, VERSION, cfg.digest, cfg.cache_samples, cfg.widths[0], cfg.classes)


def identity_words(cfg: LoraConfig) -> list[int]:
    """The reply to INFO, in the order of :class:`LoraIdentity`."""
    return LoraIdentity.of(cfg).words


def header(opcode: LoraOpcode, argument: int = 0, *, space: Space = Space.ADAPTERS) -> int:
    """A header word. Raises ValueError for an argument that does not fit 26 bits."""
    return opcode << 28 | space << 26 | checked_field(f"the argument of {opcode.name}", argument, 26)


def sample_header(source: Source, number: int, *, label: int | None = None, last: bool = True) -> int:
    """Header of a sample: one to learn if it has a label. Raises ValueError for a number or label out of range."""
    if not 0 <= number <= NO_NUMBER:
        raise ValueError(f"the number of a sample must be 0 to {NO_NUMBER}, not {number}")
    if label is None:
        return LoraOpcode.SAMPLE << 28 | source << 26 | number
    if not 0 <= label < LoraConfig.MAX_CLASSES:
        raise ValueError(f"a label must be 0 to {LoraConfig.MAX_CLASSES - 1}, not {label}")
    return LoraOpcode.SAMPLE << 28 | source << 26 | 1 << 25 | last << 24 | label << 20 | number


def space_elements(cfg: LoraConfig, space: Space) -> int:
    """How many elements a space has."""
    return {
        Space.ADAPTERS: cfg.adapter_words * cfg.lanes,
        Space.WEIGHTS: cfg.dense_words * cfg.lanes,
        Space.BIASES: sum(cfg.outputs),
    }[space]


def activations_per_word(cfg: LoraConfig) -> int:
    return 32 // cfg.x_bits


def chunk_words(cfg: LoraConfig) -> int:
    """Words that carry a chunk of ``lanes`` activations."""
    return cfg.lanes // activations_per_word(cfg)
