"""Tests of skipwalk. ``cocotb_*.py`` run inside the simulator, started by what stands beside them."""
