"""Models of memory outside the chip: what a port answers, and an SDRAM that holds to its data sheet."""
