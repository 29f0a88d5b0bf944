"""Models of the gateware: bit-exact golden model, float formula, cycle cost, and the compiled RTL."""
