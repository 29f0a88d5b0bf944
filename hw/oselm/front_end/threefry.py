"""Threefry-2x32: 64 random bits a cycle."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .threefry_table import PARITY, ROTATIONS, ROUNDS, ROUNDS_PER_KEY

__all__ = ["Threefry"]


class Threefry(wiring.Component):
    """``o = threefry2x32(counter, key)`` with 13 rounds (Salmon et al., SC11), as
    :func:`skipwalk.sim.oselm.front_end.threefry.draw`.

    Members
    -------
    key : In(64)
        Of all draws; has to be steady from two cycles before a counter until its result.
    counter : In(64)
        Taken every cycle.
    o : Out(64)
        The bits for the counter :attr:`LATENCY` cycles earlier.

    In all three the first 32-bit word is the upper half.

    Timing: one result a cycle; each round, and each addition of the key, is a stage. No enable and no reset.
    Resources: 64 registers a stage, two 32-bit adders in each stage with the key, one adder and 32 exclusive ors in
    each round; 192 registers of keys.
    """

    KEYS = 1 + ROUNDS // ROUNDS_PER_KEY
    LATENCY = ROUNDS + KEYS

    def __init__(self):
        super().__init__({"key": In(64), "counter": In(64), "o": Out(64)})

    def elaborate(self, platform):
        m = Module()
        k = [self.key[32:], self.key[:32]]
        k.append(k[0] ^ k[1] ^ Const(PARITY, 32))
        keys = []
        for s in range(self.KEYS):
            key = [Signal(32, name=f"key_{s}_{i}", reset_less=True) for i in range(2)]
            m.d.sync += [key[0].eq(k[s % 3]), key[1].eq(k[(s + 1) % 3] + s)]
            keys.append(key)

        x = [self.counter[32:], self.counter[:32]]

        def stage(name: str, first, second) -> list[Signal]:
            out = [Signal(32, name=f"{name}_{i}", reset_less=True) for i in range(2)]
            m.d.sync += [out[0].eq(first), out[1].eq(second)]
            return out

        x = stage("keyed_0", x[0] + keys[0][0], x[1] + keys[0][1])
        for i in range(ROUNDS):
            total = (x[0] + x[1])[:32]
            x = stage(f"round_{i}", total, x[1].rotate_left(ROTATIONS[i % len(ROTATIONS)]) ^ total)
            if i % ROUNDS_PER_KEY == ROUNDS_PER_KEY - 1:
                s = i // ROUNDS_PER_KEY + 1
                x = stage(f"keyed_{s}", x[0] + keys[s][0], x[1] + keys[s][1])
        m.d.comb += self.o.eq(Cat(x[1], x[0]))
        return m
