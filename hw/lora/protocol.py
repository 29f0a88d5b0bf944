"""Words in and out of the Skip2-LoRA unit. Standard library only: gateware, model and driver read the same table.

As for the OS-ELM core (:mod:`skipwalk.hw.oselm.protocol`): 32-bit words, a command is a header with its
:class:`LoraOpcode` in the upper four bits, and its operands. Elements that are written or read travel packed: as their
stored bits (:func:`element_bits`), the first in the lowest ones, across words, the last of which is filled with zeros.
So do activations, :func:`activations_per_word` to a word; a chunk of ``lanes`` of them fills whole words. All other
numbers are raw two's-complement integers, extended to 32 bits.
"""

from dataclasses import dataclass
from enum import IntEnum

from ..unit.protocol import UnitIdentity, checked_field
from .config import LoraConfig

__all__ = [
    "LABELS_PER_WORD",
    "MAGIC",
    "NO_NUMBER",
    "REPORT_WORDS",
    "VERSION",
    "LoraCounter",
    "LoraIdentity",
    "LoraOpcode",
    "LoraParameter",
    "Source",
    "Space",
    "activations_per_word",
    "chunk_words",
    "element_bits",
    "epochs_operand",
    "header",
    "identity_words",
    "packed_words",
    "sample_header",
    "space_elements",
]

#: First word of an identity: "SKL1".
MAGIC = 0x534B4C31
#: Rises when the meaning of a word changes.
VERSION = 2
#: Number of a sample that has no place in the Skip-Cache.
NO_NUMBER = (1 << LoraConfig.SAMPLE_BITS) - 1
#: Labels that a word of LOAD holds.
LABELS_PER_WORD = 8
#: Words of the report on an epoch: samples learned, how many of them were right, their cross entropy (low word, high
#: word; ``LoraConfig.loss_fraction`` fraction bits).
REPORT_WORDS = 4


class LoraOpcode(IntEnum):
    """Upper four bits of a header. All but NOP and SAMPLE first wait until training has come to rest (a *barrier*)."""

    NOP = 0  # nothing; ignored, so that zeros may pad
    INFO = 1  # -> the words of LoraIdentity
    SET = 2  # [3:0] LoraParameter; then its value
    GET = 3  # [7:0] LoraCounter -> low word, high word
    CLEAR = 4  # counters to 0
    WRITE = 5  # [27:26] Space, [19:0] first word; then a count; then so many elements, packed, lane after lane
    READ = 6  # [27:26] Space (ADAPTERS), [19:0] first word; then a count -> the elements of so many words, packed
    FORGET = 7  # empty the Skip-Cache
    LOAD = 8  # [19:0] first number; then a count; for each 8 samples: their labels, 4 bits each, then each one's x_1
    SAMPLE = 9  # [27:26] Source, [25] train, [24] ends the mini-batch, [23:20] label, [19:0] number; operands: Source
    FLUSH = 10  # [27:0] anything -> the same header, when training has come to rest
    EPOCHS = 11  # [19:0] n; then [15:0] epochs, [31:16] mini-batch -> a report on each epoch


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
    WEIGHTS = 1  # words of ``lanes``: the backbone by layer, output and chunk; by whole groups of ``weight_group``
    BIASES = 2  # single elements: by layer and output
    SIGNS = 3  # words of ADAPTERS by a bit an element: LoraConfig.start, or minus that where it is set; WRITE only


class LoraParameter(IntEnum):
    """What SET can change; all are 0 after reset."""

    RATE = 0  # factor of the learning rate, format LoraConfig.RATE
    SHIFT_1 = 1  # bits dropped behind each layer of the backbone
    SHIFT_2 = 2
    SHIFT_3 = 3
    SHIFT_4 = 4
    KEY_HIGH = 5  # key of the order of samples in an epoch, upper word
    KEY_LOW = 6
    EPOCH = 7  # number of the next epoch; EPOCHS counts on


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
        Space.SIGNS: cfg.adapter_words * cfg.lanes,
    }[space]


def element_bits(cfg: LoraConfig, space: Space) -> int:
    """Width of a space's elements, as they are stored and as they travel."""
    return {
        Space.ADAPTERS: max(cfg.a.bits, cfg.b.bits),
        Space.WEIGHTS: cfg.weight_bits,
        Space.BIASES: cfg.BIAS_BITS,
        Space.SIGNS: 1,
    }[space]


def packed_words(cfg: LoraConfig, space: Space, elements: int) -> int:
    """Words that so many elements fill."""
    return -(-elements * element_bits(cfg, space) // 32)


def epochs_operand(epochs: int, batch: int) -> int:
    """Operand of EPOCHS. Raises ValueError for a number that does not fit 16 bits, and for a mini-batch of none."""
    if not 0 <= epochs < 1 << 16:
        raise ValueError(f"one command asks for 0 to 65535 epochs, not {epochs}")
    if not 1 <= batch < 1 << 16:
        raise ValueError(f"a mini-batch of the unit has 1 to 65535 samples, not {batch}")
    return batch << 16 | epochs


def activations_per_word(cfg: LoraConfig) -> int:
    return 32 // cfg.x_bits


def chunk_words(cfg: LoraConfig) -> int:
    """Words that carry a chunk of ``lanes`` activations."""
    return cfg.lanes // activations_per_word(cfg)
