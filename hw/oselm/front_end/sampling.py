"""How the front end makes contexts out of walks, as one word. Standard library only: gateware and driver share it."""

from dataclasses import dataclass

from ..config import CoreConfig

__all__ = ["FIELDS", "POOL_CONTEXT", "POOL_SHIFT", "Sampling"]

#: Fields of the word and their bits, the lowest first. A pool has ``2**(pool + POOL_SHIFT)`` slots, of which
#: ``2**replaced`` are replaced a walk; both fields are 0 without one.
FIELDS = {"window": 8, "negatives": 8, "per_positive": 1, "source": 1, "pool": 3, "replaced": 3, "walks": 8}
POOL_SHIFT = 3
#: What stands for the number of a context where a walk replaces slots of the pool: none has it.
POOL_CONTEXT = 0xFFFF
_POOLS = CoreConfig.MIN_POOL, CoreConfig.MAX_POOL


def _exponent(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high or value & (value - 1):
        raise ValueError(f"{name} must be a power of two from {low} to {high}, not {value}")
    return value.bit_length() - 1


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Value of the parameter SAMPLING.

    Attributes
    ----------
    window : int
        Nodes in a window, the centre included; at least 2.
    negatives : int
        For a whole context, or for each positive.
    per_positive : bool
    walks : int
        Walks in flight: their contexts take turns.
    source : int
        Where negatives come from: 0 the alias table, 1 the graph on the device.
    pool : int
        Slots of the pool through which they come, a power of two from 16 to 1024; 0: each is drawn anew.
    replaced : int
        Slots that are replaced a walk, a power of two of at most ``pool`` and 128; 1 without a pool.
    """

    window: int
    negatives: int
    per_positive: bool
    walks: int
    source: int = 0
    pool: int = 0
    replaced: int = 1

    @property
    def samples(self) -> int:
        """Of a context with a full window."""
        positives = self.window - 1
        return positives * (1 + self.negatives) if self.per_positive else positives + self.negatives

    @property
    def word(self) -> int:
        """As it travels. Raises ValueError for a number that does not fit its field."""
        values = {
            **vars(self),
            "pool": _exponent("pool", self.pool, *_POOLS) - POOL_SHIFT if self.pool else 0,
            "replaced": _exponent("replaced", self.replaced, 1, 128),
        }
        word, at = 0, 0
        for name, bits in FIELDS.items():
            value = int(values[name])
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{name} must be 0 to {(1 << bits) - 1}, not {value}")
            word |= value << at
            at += bits
        return word

    @classmethod
    def from_word(cls, word: int, cfg: CoreConfig) -> "Sampling | None":
        """What a word says, or None if a front end of ``cfg`` refuses it."""
        values, at = {}, 0
        for name, bits in FIELDS.items():
            values[name] = word >> at & (1 << bits) - 1
            at += bits
        sampling = cls(
            window=values["window"],
            negatives=values["negatives"],
            per_positive=bool(values["per_positive"]),
            walks=values["walks"],
            source=values["source"],
            pool=1 << values["pool"] + POOL_SHIFT if values["pool"] else 0,
            replaced=1 << values["replaced"],
        )
        sound = sampling.window >= 2 and 1 <= sampling.walks <= cfg.walks
        sound = sound and sampling.pool <= cfg.pool and sampling.replaced <= max(sampling.pool, 1)
        sound = sound and (not sampling.source or cfg.edge_ends > 0)
        if cfg.slots:
            # A group of walks is to fit the slots, and draws that are made for each context do not.
            sound = sound and sampling.replaced <= cfg.replaced and (sampling.pool > 0 or not sampling.negatives)
        return sampling if sound and sampling.samples <= cfg.max_samples else None
