"""Ways into a unit from outside: AXI, and a serial line with the link."""
