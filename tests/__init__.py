"""Tests of skipwalk. ``cocotb_*.py`` run inside the simulator, started by the ``test_*.py`` beside them."""
