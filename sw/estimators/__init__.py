"""What the estimators have in common: seeds, progress, checks of parameters."""
