"""Fixed point, words and 1/x, bit for bit as the gateware has them."""
