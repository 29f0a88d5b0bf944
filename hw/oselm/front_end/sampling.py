"""How the front end makes contexts out of walks, as one word. Standard library only: gateware and driver share it."""

from dataclasses import dataclass

from ..config import CoreConfig

__all__ = ["FIELDS", "Sampling"]

#: Fields of the word and their bits, the lowest first; ``reserved`` is 0.
FIELDS = {"window": 8, "negatives": 8, "per_positive": 1, "source": 1, "reserved": 6, "walks": 8}


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
    """

    window: int
    negatives: int
    per_positive: bool
    walks: int
    source: int = 0

    @property
    def samples(self) -> int:
        """Of a context with a full window."""
        positives = self.window - 1
        return positives * (1 + self.negatives) if self.per_positive else positives + self.negatives

    @property
    def word(self) -> int:
        """As it travels. Raises ValueError for a number that does not fit its field."""
        word, at = 0, 0
        for name, bits in FIELDS.items():
            value = int(getattr(self, name, 0))
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
        )
        sound = not values["reserved"] and sampling.window >= 2 and 1 <= sampling.walks <= cfg.walks
        sound = sound and (not sampling.source or cfg.edge_ends > 0)
        return sampling if sound and sampling.samples <= cfg.max_samples else None
