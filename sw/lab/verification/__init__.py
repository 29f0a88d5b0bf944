"""How much the tests see: mutants, coverage, proofs, fuzzing; all of it goes to ``results/verification.json``."""
