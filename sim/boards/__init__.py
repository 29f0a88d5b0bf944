"""A whole board by its pins."""
