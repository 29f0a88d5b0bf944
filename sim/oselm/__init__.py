"""Models of the OS-ELM core: golden model, its compiled twin, float formula, cycle cost, resources, words."""
