"""Arithmetic: formats, products, the way to a narrower format, 1/x."""
