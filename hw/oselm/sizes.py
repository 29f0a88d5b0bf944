"""Sizes of the OS-ELM core's memories that no configuration sets: gateware and the formulas of what it takes read them.

Standard library only.
"""

__all__ = ["CONTEXT_SLOTS", "LUT_RAM_WORDS", "QUEUE_ITEMS"]

#: Contexts are numbered modulo this; no more than ``lookahead + 2`` of them are under way.
CONTEXT_SLOTS = 8
#: Words up to which a memory of a lane is LUT RAM.
LUT_RAM_WORDS = 64
#: Items in the queue of the front end: more than can be under way when it fills.
QUEUE_ITEMS = 64
