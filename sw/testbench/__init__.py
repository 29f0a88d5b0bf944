"""A cocotb project around an exported core: ``skipwalk new-testbench`` copies the files beside this one."""
