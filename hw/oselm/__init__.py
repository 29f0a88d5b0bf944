"""The OS-ELM core. ``config`` and ``protocol`` import nothing but the standard library."""
