"""Memory outside the chip, behind one port: SDR SDRAM, AXI4."""
