"""The rule of every stream, proven block by block: an offer stays as it is until it is taken."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Assume, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.arith.permutation import Permutation
from skipwalk.hw.arith.threefry import SerialThreefry
from skipwalk.hw.fabric.shared import Shared
from skipwalk.hw.link.cobs import CobsDecoder, CobsEncoder
from skipwalk.hw.link.device import LinkDevice
from skipwalk.hw.link.protocol import Identity, LinkConfig
from skipwalk.hw.link.receiver import FrameReceiver
from skipwalk.hw.link.sender import FrameSender
from skipwalk.hw.memory.axi import AxiBus, AxiMaster
from skipwalk.hw.memory.crossing import PortCrossing
from skipwalk.hw.memory.cutter import BurstCutter
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.memory.sdram import SdramController
from skipwalk.hw.memory.sdram_config import SdramConfig
from skipwalk.hw.memory.shared_port import SharedPort
from skipwalk.hw.unit.packing import Packer, Unpacker
from skipwalk.sim.rtl.synthesis import SynthesisError

from ..support.proofs import Block, KeepsOffers, cover, prove

#: ``clear`` comes between two runs only.
RUN = {"tied": ("clear",)}
CLIENTS = {"but": ("clients_0__request", "clients_1__request")}
IDENTITIES = Identity.of_units([(1, 2)], LinkConfig())
MEMORY = MemoryPort(4, 8, 2)
CHIP = SdramConfig(clock_hz=1_000_000, powerup_us=1, bank_bits=1, row_bits=2, column_bits=2)

SMALL_LINK = LinkConfig(depth=8, frame_words=4, clear_cycles=2)


class Crossing(wiring.Component):
    """A crossing with queues of two, whose core is in reset whenever ``restart`` is high."""

    class Small(PortCrossing):
        REQUESTS, WORDS, EVENTS = 2, 2, 2

    def __init__(self):
        self._inner = self.Small(MemoryPort(1, 8, 1))
        super().__init__(dict(self._inner.signature.members) | {"restart": In(1)})

    def elaborate(self, platform):
        m = Module()
        inner = self._inner
        m.submodules.inner = ResetInserter({"sync": self.restart})(inner)
        wiring.connect(m, wiring.flipped(self.port), inner.port)
        wiring.connect(m, inner.memory, wiring.flipped(self.memory))
        m.d.comb += self.reset.eq(inner.reset)
        return m


#: Of its streams: the clock, and who is in reset.
FAR = tuple(f"memory__{name}" for name in ("request", "write", "read"))
NEAR = tuple(f"port__{name}" for name in ("request", "write", "read"))
CROSSED = {
    "domains": dict.fromkeys(FAR, "memory"),
    "resets": dict.fromkeys(FAR, "reset") | dict.fromkeys(NEAR, "restart"),
}

#: By name. Of histories, longer ones than any offer needs to come and to wait.
BLOCKS = {
    "packer": Block(lambda: Packer([18]), "-seq 8", 6, RUN),
    "unpacker": Block(lambda: Unpacker([18]), "-seq 8", 4, RUN),
    # Whatever its clients do.
    "shared-server": Block(lambda: Shared(2, 4, 4), "-tempinduct -maxsteps 3", 8, CLIENTS),
    "burst-cutter": Block(lambda: BurstCutter(6, 3, 2), "-seq 8", 4),
    "shared-port": Block(lambda: SharedPort(2, MEMORY), "-tempinduct -maxsteps 3", 8),
    # The channels of AXI obey the same rule.
    "axi-master": Block(lambda: AxiMaster(address_bits=8, data_bits=32, last_bits=2, outstanding=2), "-seq 12", 6),
    # It starts within 20 cycles.
    "sdram": Block(lambda: SdramController(CHIP, 2), "-tempinduct -maxsteps 3", 26),
    "cobs-decoder": Block(CobsDecoder, "-tempinduct -maxsteps 4", 4),
    "receiver": Block(lambda: FrameReceiver(LinkConfig()), "-tempinduct -maxsteps 3", 4),
    "sender": Block(lambda: FrameSender(IDENTITIES, LinkConfig()), "-tempinduct -maxsteps 3", 4),
    "threefry": Block(SerialThreefry, "-tempinduct -maxsteps 3", 26),
}
LONG = {
    "permutation": Block(lambda: Permutation(3), "-tempinduct -maxsteps 3", 100),
    "cobs-encoder": Block(CobsEncoder, "-tempinduct -maxsteps 3", 4),
    # Whatever core and host offer; the core is reset by it. That a word waits is shown in tests/link/test_formal.py,
    # where frames need no CRC.
    "link-device": Block(
        lambda: LinkDevice(Identity.of_units([(1, 2)], SMALL_LINK), SMALL_LINK),
        "-tempinduct -maxsteps 3",
        18,
        {"but": ("i", "rx"), "resets": {"o": "clear"}},
        ("o",),
    ),
    # It is open after some 15 cycles.
    "port-crossing": Block(Crossing, "-seq 24", 20, CROSSED),
}


@pytest.mark.parametrize("name", [*BLOCKS, *(pytest.param(name, marks=pytest.mark.long) for name in LONG)])
def test_an_offer_stays_until_it_is_taken(name, tmp_path):
    (BLOCKS | LONG)[name].check(name, tmp_path)


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


class Crosses(wiring.Component):
    """A word that one clock brings and the other one takes away, in time or not; unless it is in reset."""

    def __init__(self, *, late: bool):
        self._late = late
        super().__init__({"i": In(stream.Signature(2)), "o": Out(stream.Signature(2)), "reset": Out(1)})

    def elaborate(self, platform):
        m = Module()
        there, taken, word = Signal(), Signal(), Signal(2)
        m.d.comb += [
            self.i.ready.eq(there == taken),
            self.o.valid.eq((there != taken) & ~self.reset),
            self.o.payload.eq(word),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [there.eq(~there), word.eq(self.i.payload)]
        with m.If(self.o.valid & self.o.ready):
            m.d.memory += taken.eq(~taken)
        m.d.memory += self.reset.eq(self._late & ~self.reset)
        return m


def test_clocks_tick_as_they_like_and_resets_are_told(tmp_path):
    """An offer may go away with the reset of who takes it, and for nothing else; of a clock that has not ticked it
    stays for as long."""
    rules = {"domains": {"o": "memory"}}
    cover(KeepsOffers(Crosses(late=False), **rules), tmp_path, output="stalled_o", cycles=4)
    prove(KeepsOffers(Crosses(late=False), **rules), tmp_path, name="none", method="-seq 6")
    with pytest.raises(SynthesisError, match="did fail"):
        prove(KeepsOffers(Crosses(late=True), **rules), tmp_path, name="none", method="-seq 6")
    prove(KeepsOffers(Crosses(late=True), **rules, resets={"o": "reset"}), tmp_path, name="none", method="-seq 6")


def test_what_is_given_is_enough_and_wanted(tmp_path):
    """With its inputs at rest it keeps its offers; and one that has to be taken at once is found to wait."""
    prove(KeepsOffers(Forgets(), steady=("go",)), tmp_path, name="none", method="-seq 4")
    prove(KeepsOffers(Forgets(), given=lambda m, inner: [inner.go]), tmp_path, name="none", method="-seq 4")
    for rules in ({"tied": ("go",)}, {"given": lambda m, inner: [~inner.go]}):
        with pytest.raises(SynthesisError):
            cover(KeepsOffers(Forgets(), **rules), tmp_path, output="stalled_o", cycles=4)
    with pytest.raises(SynthesisError):
        prove(KeepsOffers(Forgets(), steady=("go",), prompt=("o",)), tmp_path, name="none", method="-seq 4")


class Channel(wiring.Component):
    """A request of AXI whose address moves on while it waits."""

    def __init__(self):
        super().__init__({"bus": Out(AxiBus(8, 32))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.bus.arvalid.eq(1)
        m.d.sync += self.bus.araddr.eq(self.bus.araddr + 1)
        return m


def test_channels_of_a_bus_are_streams(tmp_path):
    component = KeepsOffers(Channel())
    assert set(component.offers) == {"stalled_bus__aw", "stalled_bus__w", "stalled_bus__ar"}
    with pytest.raises(SynthesisError):
        prove(component, tmp_path, name="none", method="-seq 4")


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
