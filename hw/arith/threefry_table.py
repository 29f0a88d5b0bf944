"""Constants of Threefry-2x32, shared by gateware, golden model and driver. Standard library only.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11): additions, rotations and exclusive
ors of 32-bit words. 13 rounds are the fewest that the paper found to pass all of BigCrush.
"""

__all__ = ["PARITY", "ROTATIONS", "ROUNDS", "ROUNDS_PER_KEY"]

ROUNDS = 13
#: Of round i, by i modulo 8.
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
#: The key is added before the first round and after every so many.
ROUNDS_PER_KEY = 4
#: Third word of the key: this, exclusive or the other two (that of Skein 1.3).
PARITY = 0x1BD11BDA
