"""Models of the front end: random numbers, contexts, words."""
