"""``skipwalk lab a53``: what the C kernels of ``skipwalk.sw.lab.bench`` would take on a Cortex-A53, estimated.

There is no Cortex-A53 here. A cross compiler makes the kernels' programs for one, an emulator runs them and says which
instructions they execute, and models count cycles over that trace.
"""
