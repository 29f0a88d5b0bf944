"""The rule of every stream, proven for small blocks: an offer stays as it is until it is taken."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Assume, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.memory.cutter import BurstCutter
from skipwalk.hw.unit.packing import Packer, Unpacker
from skipwalk.sim.rtl.synthesis import SynthesisError

from ..support.proofs import KeepsOffers, cover, prove

#: Name, component, how it is proven, cycles within which an offer can wait.
BLOCKS = {
    "packer": (lambda: Packer([18]), "-seq 8", 6),
    "unpacker": (lambda: Unpacker([18]), "-seq 8", 4),
    "burst-cutter": (lambda: BurstCutter(6, 3, 2), "-seq 8", 4),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_an_offer_stays_until_it_is_taken(name, tmp_path):
    make, method, cycles = BLOCKS[name]
    # Between two runs only.
    cover(KeepsOffers(make(), tied=("clear",)), tmp_path, output="stalled", cycles=cycles)
    prove(KeepsOffers(make(), tied=("clear",)), tmp_path, name=f"stream.{name}", method=method)


class Forgets(wiring.Component):
    """An offer that goes away when the input does."""

    def __init__(self):
        super().__init__({"i": In(stream.Signature(4)), "go": In(1), "o": Out(stream.Signature(4))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.o.valid.eq(self.i.valid & self.go),
            self.o.payload.eq(self.i.payload),
            self.i.ready.eq(self.o.ready & self.go),
        ]
        return m


def test_an_offer_that_goes_away_is_found(tmp_path):
    with pytest.raises(SynthesisError):
        prove(KeepsOffers(Forgets()), tmp_path, name="none", method="-seq 4")


class RoundTrip(wiring.Component):
    """Elements packed into words and unpacked again: the one with number ``k`` that comes out is the one with this
    number that went in. ``seen`` is high when it has come."""

    BITS = 18

    def __init__(self):
        element = {"element": In(self.BITS), "valid": In(1), "ready": In(1), "pause": In(1)}
        super().__init__({**element, "k": In(3), "seen": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.packer = packer = Packer([self.BITS])
        m.submodules.unpacker = unpacker = Unpacker([self.BITS])
        k, started = Signal(3), Signal()
        waits, before = Signal(), Signal(self.BITS)
        went, came, kept = Signal(4), Signal(4), Signal(self.BITS)
        m.d.sync += [k.eq(self.k), started.eq(1)]
        m.d.comb += Assume(~started | (self.k == k))
        m.d.comb += [
            packer.i.payload.element.eq(self.element),
            packer.i.valid.eq(self.valid),
            # Words stand between the two for a while.
            unpacker.i.payload.eq(packer.o.payload),
            unpacker.i.valid.eq(packer.o.valid & ~self.pause),
            packer.o.ready.eq(unpacker.i.ready & ~self.pause),
            unpacker.o.ready.eq(self.ready),
        ]
        m.d.sync += [waits.eq(self.valid & ~packer.i.ready), before.eq(self.element)]
        m.d.comb += Assume(~waits | (self.valid & (self.element == before)))
        with m.If(self.valid & packer.i.ready):
            m.d.sync += went.eq(went + 1)
            with m.If(went == self.k):
                m.d.sync += kept.eq(self.element)
        with m.If(unpacker.o.valid & self.ready):
            m.d.sync += came.eq(came + 1)
            m.d.comb += [Assert(came < went), self.seen.eq(came == self.k)]
            m.d.comb += Assert(~self.seen | (unpacker.o.payload == kept))
        return m


def test_nothing_is_lost_or_exchanged_between_packer_and_unpacker(tmp_path):
    cover(RoundTrip(), tmp_path, output="seen", cycles=8)
    prove(RoundTrip(), tmp_path, name="packing", method="-seq 9")
