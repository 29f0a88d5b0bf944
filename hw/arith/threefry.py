"""Threefry-2x32 with one round a cycle: 64 random bits now and then, for little logic."""

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .threefry_table import PARITY, ROTATIONS, ROUNDS, ROUNDS_PER_KEY

__all__ = ["SerialThreefry"]


class SerialThreefry(wiring.Component):
    """``o = threefry2x32(i, key)`` as :func:`skipwalk.sim.arith.threefry.draw`.

    Members
    -------
    key : In(64)
        Steady from a counter until its bits are there.
    i : In(stream.Signature(64)), o : Out(stream.Signature(64))
        A counter, and its bits. The first 32-bit word of each is the upper half.

    Timing: the bits are offered :attr:`LATENCY` cycles after the counter was taken; the next counter is taken after
    them.

    Resources: 64 registers, three 32-bit adders, a choice of eight rotations.
    """

    #: Additions of the key, and rounds.
    STEPS = 1 + (ROUNDS - 1) // ROUNDS_PER_KEY + ROUNDS
    LATENCY = STEPS + 1

    def __init__(self):
        super().__init__({"key": In(64), "i": In(stream.Signature(64)), "o": Out(stream.Signature(64))})

    def elaborate(self, platform):
        m = Module()
        x = [Signal(32, name=f"x_{i}", reset_less=True) for i in range(2)]
        k = [self.key[32:], self.key[:32]]
        k.append(k[0] ^ k[1] ^ Const(PARITY, 32))
        injected = Signal(range(1 + ROUNDS // ROUNDS_PER_KEY))
        until_key = Signal(range(ROUNDS_PER_KEY + 1))
        rounds = Signal(range(ROUNDS + 1))
        total = (x[0] + x[1])[:32]
        rotated = Array(x[1].rotate_left(bits) for bits in ROTATIONS)[rounds[:3]]
        m.d.comb += self.o.payload.eq(Cat(x[1], x[0]))
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [x[0].eq(self.i.payload[32:]), x[1].eq(self.i.payload[:32])]
                m.d.sync += [injected.eq(0), until_key.eq(0), rounds.eq(0)]
                with m.If(self.i.valid):
                    m.next = "STEP"
            with m.State("STEP"):
                with m.If(until_key == 0):
                    first = Array(k[s % 3] for s in range(1 + ROUNDS // ROUNDS_PER_KEY))[injected]
                    second = Array(k[(s + 1) % 3] for s in range(1 + ROUNDS // ROUNDS_PER_KEY))[injected]
                    m.d.sync += [x[0].eq(x[0] + first), x[1].eq(x[1] + second + injected)]
                    m.d.sync += [injected.eq(injected + 1), until_key.eq(ROUNDS_PER_KEY)]
                with m.Else():
                    m.d.sync += [x[0].eq(total), x[1].eq(rotated ^ total)]
                    m.d.sync += [rounds.eq(rounds + 1), until_key.eq(until_key - 1)]
                    with m.If(rounds == ROUNDS - 1):
                        m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
