"""Which core? Accuracy, cycles and resources over a space of configurations."""
