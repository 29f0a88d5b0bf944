"""Cycles from operands to results. Standard library only: formulas that know no gateware read them too."""

__all__ = ["MULTIPLIER", "RECIPROCAL"]

#: Of a multiplier.
MULTIPLIER = 3
#: Of a reciprocal.
RECIPROCAL = 8
