"""A memory port between two clocks: the core's, and that of a memory which may be faster or slower."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.fifo import AsyncFIFO, AsyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from .port import MemoryPort, widened

__all__ = ["PortCrossing", "across"]


def across(m: Module, port: Any, crossing: "PortCrossing", controller: Any) -> None:
    """``controller`` behind ``port`` with ``crossing`` between them; both become submodules. What is in the domain
    ``sync`` of the controller is in ``memory`` then, and reset by the crossing."""
    m.submodules.crossing = crossing
    m.submodules.controller = DomainRenamer("memory")(ResetInserter(crossing.reset)(controller))
    wiring.connect(m, port, crossing.port)
    widened(m, crossing.memory, controller.port)


class PortCrossing(wiring.Component):
    """Three queues from the core's clock, domain ``sync``, to that of a memory, domain ``memory``, and back.

    A reset of the core is one of the memory too, and nothing of before comes out behind it. The queues themselves are
    never reset, which either side would see in the midst of the other's work. Instead the port is closed, the memory
    held in reset, all that is under way taken out and dropped, and the port opened again when both sides have said that
    they are empty. So the domain ``memory`` needs no reset of its own: it has to be one without.

    Parameters
    ----------
    signature : MemoryPort

    Members
    -------
    port : In(MemoryPort)
        For the core; domain ``sync``. Nothing moves in the first :attr:`reset_cycles` after a reset, or less.
    memory : Out(MemoryPort)
        Domain ``memory``. A request may come before words that the core gave with it, and after; all of either kind
        come in order.
    reset : Out(1)
        Domain ``memory``, a register: the memory is to be in reset. High for as long as the core is in reset and
        somewhat longer, at least a cycle and with no word moving.

    Timing: a request or a word to be written is there at most 2 of the memory's cycles after it was taken, a word read
    at most 3 of the core's. A word a cycle of the slower clock. An event takes as long as a word; none is lost as long
    as no more than :data:`EVENTS` are under way, of which one arrives in each of the core's cycles.
    Resources: LUT RAM of :data:`REQUESTS` requests, and of :data:`WORDS` words each way; four pairs of Gray counters.
    With 23 bits of address and words of 32, 25 cells of LUT RAM, 287 registers and about 170 LUTs on ECP5.
    """

    #: Of the queues. So many words are under way in the time that it takes to learn that there is room.
    REQUESTS, WORDS, EVENTS = 8, 16, 16

    def __init__(self, signature: MemoryPort):
        self._signature = signature
        super().__init__({"port": In(signature), "memory": Out(signature), "reset": Out(1, init=1)})

    @classmethod
    def between(cls, signature: MemoryPort, clock_hz: int | None, memory_hz: int) -> "PortCrossing | None":
        """For a core's clock, which is the memory's if not given, and a memory's; None if they are one."""
        return None if clock_hz in (None, memory_hz) else cls(signature)

    @classmethod
    def reset_cycles(cls, ratio: float) -> float:
        """Cycles of the core's clock, at most, from the end of its reset until the port is open, where the memory's
        clock is ``ratio`` times as fast: two ways there and back, and as long as it takes to empty the queues."""
        return (10 + cls.WORDS) * (1 + 1 / ratio)

    def elaborate(self, platform):
        m = Module()
        near, far = self.port, self.memory
        # The clock of sync without its reset.
        m.domains += ClockDomain("near", local=True, reset_less=True)
        m.d.comb += ClockSignal("near").eq(ClockSignal())
        there, back = {"w_domain": "near", "r_domain": "memory"}, {"w_domain": "memory", "r_domain": "near"}
        m.submodules.requests = requests = AsyncFIFO(
            width=len(near.request.payload.as_value()), depth=self.REQUESTS, **there
        )
        m.submodules.writes = writes = AsyncFIFO(width=len(near.write.payload.as_value()), depth=self.WORDS, **there)
        m.submodules.reads = reads = AsyncFIFOBuffered(width=self._signature.word_bits, depth=self.WORDS + 1, **back)
        m.submodules.events = events = AsyncFIFO(width=1, depth=self.EVENTS, **back)
        is_open, drops = self._gates(m, requests, writes, reads)
        for asked, queue, given in ((near.request, requests, far.request), (near.write, writes, far.write)):
            m.d.comb += [
                queue.w_data.eq(asked.payload),
                queue.w_en.eq(asked.valid & is_open),
                asked.ready.eq(queue.w_rdy & is_open),
                given.payload.as_value().eq(queue.r_data),
                given.valid.eq(queue.r_rdy & ~self.reset),
                queue.r_en.eq(given.ready | self.reset),
            ]
        m.d.comb += [
            reads.w_data.eq(far.read.payload),
            reads.w_en.eq(far.read.valid & ~self.reset),
            far.read.ready.eq(reads.w_rdy & ~self.reset),
            near.read.payload.eq(reads.r_data),
            near.read.valid.eq(reads.r_rdy & is_open),
            reads.r_en.eq(near.read.ready & is_open | drops),
            events.w_data.eq(1),
            events.w_en.eq(far.opened & ~self.reset),
            events.r_en.eq(1),
            near.opened.eq(events.r_rdy),
        ]
        return m

    def _gates(self, m, requests, writes, reads):
        """Whether the port is open, and whether what comes back is dropped.

        Each signal that crosses says one thing and waits for the answer: ``hold`` that the memory be in reset,
        ``empty`` that it is and has nothing left. Both pass one register more than the counters of the queues do, so
        that whatever was put into a queue before is seen there.
        """
        running = Signal()  # the core was not in reset in the cycle before
        hold, is_open = Signal(init=1), Signal()
        held, empty, answer = Signal(init=1), Signal(), Signal()
        m.submodules.hold = FFSynchronizer(hold, held, o_domain="memory", init=1)
        m.submodules.empty = FFSynchronizer(empty, answer, o_domain="near", stages=3)
        m.d.memory += [self.reset.eq(held), empty.eq(self.reset & ~requests.r_rdy & ~writes.r_rdy)]
        m.d.sync += running.eq(1)
        with m.If(hold):
            with m.If(running & answer & ~reads.r_rdy):
                m.d.near += hold.eq(0)
        # While the answer is still there, nothing has been sent since.
        with m.Elif(~running & ~answer):
            m.d.near += hold.eq(1)
        m.d.comb += is_open.eq(running & ~hold & ~answer)
        return is_open, hold
