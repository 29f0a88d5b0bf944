"""Delay lines: values that keep step with a pipeline; and small helpers of address arithmetic."""

from collections.abc import Sequence

from amaranth.hdl import Const, Module, Signal, Value, ValueLike

__all__ = ["any_along", "clog2", "delay", "hops", "times"]


def clog2(n: int) -> int:
    """Bits that number ``n`` things: 0 for 1, 5 for 17 to 32. Raises ValueError for ``n`` below 1."""
    if n < 1:
        raise ValueError(f"there is no number of bits for {n} things")
    return (n - 1).bit_length()


def delay(m: Module, value: ValueLike, cycles: int, *, name: str, reset_less: bool = True, keep: bool = False) -> Value:
    """``value`` as it was ``cycles`` clocks ago; registers ``{name}_1``, ``{name}_2``, ... of domain sync.

    Data takes registers without reset; a valid bit is delayed with ``reset_less=False`` and so falls in reset.
    With ``keep``, synthesis may not make these registers one with others that hold the same.
    Raises ValueError for a negative ``cycles``.
    """
    attrs = {"keep": 1} if keep else {}
    if cycles < 0:
        raise ValueError(f"{name} cannot be delayed by {cycles} cycles")
    last = Value.cast(value)
    for i in range(1, cycles + 1):
        register = Signal(last.shape(), name=f"{name}_{i}", reset_less=reset_less, attrs=attrs)
        m.d.sync += register.eq(last)
        last = register
    return last


def times(value: Value, factor: int) -> Value:
    """``value * factor``, both not negative, as a sum of shifts. A product with a constant would take a multiplier."""
    return sum((value << bit for bit in range(factor.bit_length()) if factor >> bit & 1), Const(0))


def hops(
    m: Module, value: ValueLike, groups: int, *, name: str, local: int = 0, reset_less: bool = True
) -> list[Value]:
    """``value`` as each group of lanes sees it: group 0 at once, every other one a cycle after the group before it.

    With ``local=1`` all of them see it a cycle later, out of a register that only they use.

    All these registers are kept apart in synthesis. It would otherwise make one delay line of the copies in all groups,
    and of what each group delays further, whose wires then cross the chip.
    """
    seen = [Value.cast(value)]
    for group in range(1, groups):
        seen.append(delay(m, seen[-1], 1, name=f"{name}_group_{group}", reset_less=reset_less, keep=True))
    return [
        delay(m, v, local, name=f"{name}_local_{group}", reset_less=reset_less, keep=True)
        for group, v in enumerate(seen)
    ]


def any_along(m: Module, flags: Sequence[ValueLike], *, name: str) -> Value:
    """Whether one of ``flags`` is set, where flag g belongs to group g and comes g cycles after that of group 0.

    Known ``len(flags)`` cycles after the flag of group 0.
    """
    found: Value = Const(0)
    for group, flag in enumerate(flags):
        register = Signal(name=f"{name}_{group}", reset_less=True)
        m.d.sync += register.eq(found | flag)
        found = register
    return found
