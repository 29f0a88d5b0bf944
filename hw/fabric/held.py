"""Components whose reset is a register of their own."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal, ValueLike

__all__ = ["held"]


def held(m: Module, component, reset: ValueLike, *, name: str):
    """``component``, to become a submodule of ``m``, in reset while ``reset`` was high the cycle before, and in resets.

    It gets a clock domain of its own, with the clock of sync, whose reset is a register and nothing else: no wire of
    another reset reaches into it. ``name`` tells the registers of a module apart.
    """
    m.domains += ClockDomain(name, local=True)
    # Synthesis would make one of all that hold the same.
    own = Signal(init=1, name=name, attrs={"keep": 1})
    m.d.sync += own.eq(reset)
    m.d.comb += [ClockSignal(name).eq(ClockSignal()), ResetSignal(name).eq(own)]
    return DomainRenamer(name)(component)
