"""Rows outside the chip, measured: ``skipwalk lab memory results/memory.json``.

:mod:`.walks` has walks through controller and SDRAM, :mod:`.campaign` random programs, refreshes, resets and stalls,
:mod:`.quality` what negatives through a pool cost in F1.
"""
