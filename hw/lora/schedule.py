"""The timetable of a slot: when the beats of one sample's step go through the lanes. Standard library only.

A slot has a pass over A, which updates it and gives z, and within it, where a sum ends, two passes over the columns
of B: *back* gives gz, *head* updates B and gives y. Everything between is of fixed latency, so the timetable is too:
a slot that starts late only makes its operands older. docs/lora.md derives the conditions.
"""

from dataclasses import dataclass

from .config import LoraConfig
from .timing import Latencies

__all__ = ["Timetable", "timetable"]


@dataclass(frozen=True)
class Timetable:
    """Beats of a slot, counted from its first.

    Attributes
    ----------
    split : int
        Beats of A before the passes over B; the rest comes after them.
    length : int
        From the start of a slot to the earliest start of the next.
    """

    split: int
    length: int


def timetable(cfg: LoraConfig, t: Latencies) -> Timetable:
    """The shortest slot, and the best place for the passes over B in it."""
    ends = [0]
    for chunks in cfg.chunks:
        for _ in range(cfg.rank):
            ends.append(ends[-1] + chunks)
    options = [_length(cfg, t, split) for split in ends]
    length, split = min((length, split) for length, split in zip(options, ends, strict=True) if length)
    return Timetable(split, length)


def _length(cfg: LoraConfig, t: Latencies, split: int) -> int:
    """Shortest slot with the passes over B after ``split`` beats of A; 0 if there is none."""
    m, beats = cfg.classes, cfg.a_words + 2 * cfg.classes
    back, head = split, split + m
    last_a = beats - 1 if split < cfg.a_words else split - 1
    z_moves = last_a + t.broadcast + t.new + t.dot + 2
    if z_moves <= head + m - 1 + t.broadcast + t.new:
        return 0  # z of this slot's sample would push away the one that the head still multiplies
    return max(
        beats,
        # A word is written before it is read again; the columns of B are read by `back` first.
        t.new + 1,
        m + t.new + 1,
        # z of the sample before has arrived when the head takes it.
        z_moves - (head + t.broadcast + t.read),
        # gz has arrived when the next pass over A begins.
        back + m + t.broadcast + 5,
        # g of a sample can be read by the pass `back` that is due lag - 2 slots later; one softmax at a time.
        -(-(2 * m + t.broadcast + t.new - t.read + t.dot + t.softmax) // (cfg.lag - 2)),
        m + t.softmax,
    )
