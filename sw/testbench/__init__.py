"""Testbenches for users: blocks by their names, and the cocotb project that ``skipwalk new-testbench`` copies."""
