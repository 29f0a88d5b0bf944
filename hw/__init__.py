"""Gateware of skipwalk. ``config`` and ``formats`` import nothing but the standard library."""
