"""Rows in memory outside the chip, of which slots inside hold those that are in use."""
