"""Models of the Skip2-LoRA unit: golden model, its compiled twin, float formula, cycle cost, words."""
