"""Threefry-2x32: 64 random bits a cycle."""

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...arith.threefry_table import PARITY, ROTATIONS, ROUNDS, ROUNDS_PER_KEY
from ...fabric.pipeline import clog2, delay

__all__ = ["Threefry"]


class Threefry(wiring.Component):
    """``o = threefry2x32(counter, key)`` with 13 rounds (Salmon et al., SC11), as
    :func:`skipwalk.sim.arith.threefry.draw`.

    Parameters
    ----------
    keys : int
        How many keys there are, 1 or more; each counter names its own by a tag, which travels along.

    Members
    -------
    key : In(64 * keys)
        The first key lowest. Each has to be steady from two cycles before a counter of it until its result.
    tag : In(range(keys))
        The key of this counter.
    counter : In(64)
        Taken every cycle.
    o : Out(64)
        The bits for the counter :attr:`latency` cycles earlier.

    In keys, counter and bits the first 32-bit word is the upper half.

    Timing: one result a cycle; each round, and each addition of the key, is a stage; with several keys there are two
    more in front, in which the first of them is chosen. No enable and no reset.
    Resources: 64 registers a stage, two 32-bit adders in each stage with the key, one adder and 32 exclusive ors in
    each round; 192 registers of keys, and with several 256 more and as many choices of one out of ``keys`` bits.

    Raises ValueError for fewer than one key.
    """

    #: Additions of the key.
    SUMS = 1 + ROUNDS // ROUNDS_PER_KEY

    def __init__(self, keys: int = 1):
        if keys < 1:
            raise ValueError(f"Threefry needs at least one key, not {keys}")
        self._keys = keys
        super().__init__({"key": In(64 * keys), "tag": In(clog2(keys)), "counter": In(64), "o": Out(64)})

    @property
    def _lead(self) -> int:
        """Stages in which the first key is chosen."""
        return 0 if self._keys == 1 else 2

    @property
    def latency(self) -> int:
        """Cycles from ``counter`` to ``o``."""
        return self._lead + ROUNDS + self.SUMS

    def elaborate(self, platform):
        m = Module()
        words = []
        for n in range(self._keys):
            first, second = self.key[64 * n + 32 :][:32], self.key[64 * n :][:32]
            words.append([first, second, first ^ second ^ Const(PARITY, 32)])
        tags = [self.tag]
        for i in range(1, self.latency if self._lead else 1):
            tags.append(delay(m, tags[-1], 1, name=f"after_{i}"))

        def key(s: int, at: int) -> list[Signal]:
            """Addend ``s`` of the counters that have gone through ``at`` stages."""
            k = [words[0][(s + i) % 3] for i in range(2)]
            if self._lead:
                k = [Signal(32, name=f"chosen_{s}_{i}", reset_less=True) for i in range(2)]
                m.d.sync += [k[i].eq(Array(w[(s + i) % 3] for w in words)[tags[at - 2]]) for i in range(2)]
            addend = [Signal(32, name=f"key_{s}_{i}", reset_less=True) for i in range(2)]
            m.d.sync += [addend[0].eq(k[0]), addend[1].eq(k[1] + s)]
            return addend

        def stage(name: str, first, second) -> list[Signal]:
            out = [Signal(32, name=f"{name}_{i}", reset_less=True) for i in range(2)]
            m.d.sync += [out[0].eq(first), out[1].eq(second)]
            return out

        at = self._lead
        counter = delay(m, self.counter, at, name="counter")
        k = key(0, at)
        x = stage("keyed_0", counter[32:] + k[0], counter[:32] + k[1])
        for i in range(ROUNDS):
            at += 1
            total = (x[0] + x[1])[:32]
            x = stage(f"round_{i}", total, x[1].rotate_left(ROTATIONS[i % len(ROTATIONS)]) ^ total)
            if i % ROUNDS_PER_KEY == ROUNDS_PER_KEY - 1:
                at += 1
                s = i // ROUNDS_PER_KEY + 1
                k = key(s, at)
                x = stage(f"keyed_{s}", x[0] + k[0], x[1] + k[1])
        m.d.comb += self.o.eq(Cat(x[1], x[0]))
        return m
