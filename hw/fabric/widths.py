"""Widths that host and gateware agree upon, whatever the unit."""

__all__ = ["COUNTER_BITS"]

#: Of a counter of events.
COUNTER_BITS = 48
