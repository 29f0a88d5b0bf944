"""What is counted between a queue's two ends, proven for small sizes: nothing is lost, doubled or given to another."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Assume, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.fabric.queue import RegisterQueue
from skipwalk.hw.fabric.shared import Shared
from skipwalk.hw.oselm.front_end.group_release import GroupRelease
from skipwalk.sim.rtl.synthesis import SynthesisError

from ..support.proofs import cover, prove


class Served(wiring.Component):
    """Two clients before a server that answers when it likes what it was asked: the request of client 0 with number
    ``k`` reaches the server as this client's request number ``k``, and no client is answered more often than it asked
    or what the other one asked. ``seen`` is high when the answer to request ``k`` comes.
    """

    REQUEST = data.StructLayout({"client": 1, "value": 1})

    def __init__(self, shared: wiring.Component):
        self._shared = shared
        free = {"valid": In(2), "values": In(2), "ready": In(1), "answers": In(1), "k": In(2)}
        super().__init__({**free, "seen": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.shared = shared = self._shared
        server = shared.server
        k, started, kept, waits, before = Signal(2), Signal(), Signal(), Signal(), Signal(2)
        asked, reached, answered = ([Signal(3, name=f"{what}_{i}") for i in range(2)] for what in ("a", "r", "s"))
        # Who has been asked for what, oldest first, as far as the server has not answered.
        owner, owed = Signal(8), Signal(range(9))
        m.d.sync += [k.eq(self.k), started.eq(1)]
        m.d.comb += Assume(~started | (self.k == k))
        m.d.comb += [
            server.request.ready.eq(self.ready),
            server.response.valid.eq(self.answers & (owed != 0)),
            server.response.payload.eq(owner[0]),
        ]
        m.d.sync += [waits.eq(server.request.valid & ~self.ready), before.eq(server.request.payload.as_value())]
        m.d.comb += Assert(
            ~waits | (server.request.valid & (server.request.payload.as_value() == before)), "an offer stays"
        )
        for i, client in enumerate(shared.clients):
            m.d.comb += [
                client.request.valid.eq(self.valid[i]),
                client.request.payload.client.eq(i),
                client.request.payload.value.eq(self.values[i]),
            ]
            with m.If(client.request.valid & client.request.ready):
                m.d.sync += asked[i].eq(asked[i] + 1)
                if i == 0:
                    with m.If(asked[0] == self.k):
                        m.d.sync += kept.eq(self.values[0])
            with m.If(server.request.valid & self.ready & (server.request.payload.client == i)):
                m.d.sync += reached[i].eq(reached[i] + 1)
                m.d.comb += Assert(reached[i] != asked[i])
                if i == 0:
                    m.d.comb += Assert((reached[0] != self.k) | (server.request.payload.value == kept))
            with m.If(client.response.valid):
                m.d.sync += answered[i].eq(answered[i] + 1)
                m.d.comb += [Assert(answered[i] != reached[i]), Assert(client.response.payload == i)]
        m.d.comb += self.seen.eq(shared.clients[0].response.valid & (answered[0] == self.k))
        taken = server.request.valid & self.ready
        left = owner >> server.response.valid
        still = owed - server.response.valid
        m.d.comb += Assert(owed <= self._shared.UNDER_WAY)
        m.d.sync += [
            owed.eq(still + taken),
            owner.eq(left | ((server.request.payload.client & taken) << still[:3])),
        ]
        return m


class SmallShared(Shared):
    QUEUE = 2
    UNDER_WAY = 3

    def __init__(self):
        super().__init__(2, Served.REQUEST, 1, under_way=self.UNDER_WAY)


def test_what_is_shared_is_served_once_and_in_order(tmp_path):
    cover(Served(SmallShared()), tmp_path, output="seen", cycles=9)
    prove(Served(SmallShared()), tmp_path, name="shared", method="-seq 11")


class Released(wiring.Component):
    """Groups begin while there is room, end, and are released after the rows of all their samples are written.
    ``full`` is high while there is no room, ``seen`` when group ``k`` is released."""

    def __init__(self, release: GroupRelease):
        self._release = release
        self._free = ("begins", "given", "ends", "updated")
        super().__init__({**{name: In(1) for name in self._free}, "k": In(2), "seen": Out(1), "full": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.release = release = self._release
        k, started = Signal(2), Signal()
        begun, ended, released = (Signal(4, name=name) for name in ("begun", "ended", "released"))
        given, updated, last = (Signal(5, name=name) for name in ("given", "updated", "last"))
        m.d.sync += [k.eq(self.k), started.eq(1)]
        m.d.comb += Assume(~started | (self.k == k))
        m.d.comb += [
            release.begins.eq(self.begins & release.room),
            release.given.eq(self.given),
            release.ends.eq(self.ends & (ended != begun)),
            release.updated.eq(self.updated & (updated != given)),
        ]
        m.d.sync += [
            begun.eq(begun + release.begins),
            ended.eq(ended + release.ends),
            released.eq(released + release.release),
            given.eq(given + release.given),
            updated.eq(updated + release.updated),
        ]
        with m.If(release.ends & (ended == self.k)):
            m.d.sync += last.eq(given + release.given)
        m.d.comb += [
            Assert((begun - released)[:4] <= self._release.GROUPS),
            Assert(~release.release | (released != ended)),
            self.seen.eq(release.release & (released == self.k)),
            # The update of the last row came before; samples are counted in their order.
            Assert(~self.seen | ((updated - last)[:5] < 16)),
            self.full.eq(started & ~release.room & (begun != 0)),
        ]
        return m


class SmallRelease(GroupRelease):
    GROUPS = 4
    BITS = 5


def test_a_group_is_released_when_all_its_rows_are_written(tmp_path):
    for output, cycles in (("seen", 7), ("full", 7)):
        cover(Released(SmallRelease()), tmp_path, output=output, cycles=cycles)
    prove(Released(SmallRelease()), tmp_path, name="group-release", method="-seq 12")


def test_a_release_that_comes_too_early_is_found(tmp_path):
    class Wrong(wiring.Component):
        """Releases a group as soon as it has ended, whatever has been written."""

        GROUPS = 4

        def __init__(self):
            super().__init__(dict(SmallRelease().signature.members))

        def elaborate(self, platform):
            m = Module()
            m.d.comb += self.room.eq(1)
            m.d.sync += self.release.eq(self.ends)
            return m

    with pytest.raises(SynthesisError):
        prove(Released(Wrong()), tmp_path, name="none", method="-seq 6")


class Marked(wiring.Component):
    """A queue between two ends that do as they like: it is full and empty when so many elements are in it, and the
    one with number ``k`` that comes out is the one with this number that went in.

    ``seen`` is high when it comes out of a queue that was full; ``depth`` is that of ``queue``.
    """

    BITS = 2

    def __init__(self, queue: wiring.Component, depth: int):
        self._queue, self._depth = queue, depth
        super().__init__({"data": In(self.BITS), "writes": In(1), "reads": In(1), "k": In(3), "seen": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = self._queue
        k, started, kept, was_full = Signal(3), Signal(), Signal(self.BITS), Signal()
        went, came = Signal(4), Signal(4)
        level = (went - came)[:4]
        m.d.sync += [k.eq(self.k), started.eq(1), was_full.eq(was_full | ~queue.w_rdy)]
        m.d.comb += Assume(~started | (self.k == k))
        m.d.comb += [
            queue.w_data.eq(self.data),
            queue.w_en.eq(self.writes),
            queue.r_en.eq(self.reads),
            Assert(queue.w_rdy == (level != self._depth)),
            Assert(queue.r_rdy == (level != 0)),
        ]
        with m.If(queue.w_en & queue.w_rdy):
            m.d.sync += went.eq(went + 1)
            with m.If(went == self.k):
                m.d.sync += kept.eq(self.data)
        with m.If(queue.r_en & queue.r_rdy):
            m.d.sync += came.eq(came + 1)
            m.d.comb += [self.seen.eq((came == self.k) & was_full), Assert((came != self.k) | (queue.r_data == kept))]
        return m


def test_a_queue_of_registers_loses_nothing(tmp_path):
    cover(Marked(RegisterQueue(width=2, depth=3), 3), tmp_path, output="seen", cycles=6)
    prove(Marked(RegisterQueue(width=2, depth=3), 3), tmp_path, name="queue.registers", method="-seq 12")


def test_a_queue_that_passes_over_its_last_element_is_found(tmp_path):
    class Wrong(wiring.Component):
        """Takes an element when it is full and read in the same cycle, and drops it."""

        def __init__(self):
            super().__init__(dict(RegisterQueue(width=2, depth=3).signature.members))

        def elaborate(self, platform):
            m = Module()
            m.submodules.queue = queue = RegisterQueue(width=2, depth=3)
            m.d.comb += [
                queue.w_data.eq(self.w_data),
                queue.w_en.eq(self.w_en),
                queue.r_en.eq(self.r_en),
                self.w_rdy.eq(queue.w_rdy | self.r_en),
                self.r_rdy.eq(queue.r_rdy),
                self.r_data.eq(queue.r_data),
            ]
            return m

    with pytest.raises(SynthesisError):
        prove(Marked(Wrong(), 3), tmp_path, name="none", method="-seq 8")
