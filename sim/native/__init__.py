"""C compiled for this processor when it is wanted, and loaded."""
