"""Options that are lists, formats and rates: what they become, and what is said of what cannot be one."""

import click
import pytest
from skipwalk.hw.arith.formats import SQ
from skipwalk.sw.commands.types import Formats, Numbers, RateType, Reals


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Numbers(1), "16, 32 16,8", [16, 32, 8]),
        (Reals(), "0.7,1.4 0.7", [0.7, 1.4]),
        (Reals(), "none", []),
        (Formats(), "Q5.13,Q5.10, Q5.13", [SQ(5, 13), SQ(5, 10)]),
        (RateType(), "auto", "auto"),
        (RateType(), "0.125", 0.125),
    ],
)
def test_what_is_typed_becomes_a_value_and_a_value_stays(kind, text, value):
    assert kind.convert(text, None, None) == value
    assert kind.convert(value, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (Numbers(1), "16,x", "'16,x' is no list of integers from 1 on, such as 16,32"),
        (Numbers(0), "-1", "'-1' is no list of integers from 0 on"),
        (Reals(), "0.7,x", "'0.7,x' is no list of positive numbers such as 0.7,1.4"),
        (Reals(), "-1", "is no list of positive numbers"),
        (Reals(), "inf", "is no list of positive numbers"),
        (Formats(), "Q5", "'Q5' is no format such as Q5.13"),
        (Formats(), "Q-90.2", "must|bits|format"),
        (RateType(), "fast", "'fast' is neither a number nor auto"),
    ],
)
def test_what_is_no_value_is_said(kind, text, said):
    with pytest.raises(click.BadParameter, match=said):
        kind.convert(text, None, None)
