"""Whole-array comparison with a message that says where to look."""

from typing import Any

import numpy as np
from skipwalk.hw.arith.formats import SQ

__all__ = ["assert_same"]


def assert_same(got: Any, want: Any, *, fmt: SQ | None = None, **context: Any) -> None:
    """Require two integer arrays to be equal in shape and in every bit.

    The AssertionError shows the first place where they differ with both raw values, in ``fmt`` also as the numbers
    they mean, the neighbourhood, how many places differ, and the ``context`` (seed, configuration, ...).
    """
    __tracebackhide__ = True
    got, want = np.asarray(got), np.asarray(want)
    shown = "".join(f"\n  {name} = {value}" for name, value in context.items())
    if got.shape != want.shape:
        raise AssertionError(f"shape {got.shape} instead of {want.shape}{shown}")
    differ = np.argwhere(got != want)
    if not len(differ):
        return
    first = tuple(int(n) for n in differ[0])
    at = first if len(first) != 1 else first[0]

    def spell(value: Any) -> str:
        real = f" ({int(value) * fmt.step:.6g} in {fmt})" if fmt else ""
        return f"{int(value)} = {int(value):#x}{real}"

    row = first[:-1]
    near = slice(max(first[-1] - 2, 0), first[-1] + 4) if first else ()
    raise AssertionError(
        f"{len(differ)} of {got.size} values differ, first at index {at}:"
        f"\n  got  {spell(got[first])}\n  want {spell(want[first])}"
        + (
            f"\n  got  around it {got[row][near].tolist()}\n  want around it {want[row][near].tolist()}"
            if first
            else ""
        )
        + shown
    )
