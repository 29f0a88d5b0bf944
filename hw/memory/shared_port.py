"""One memory for several users."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..fabric.queue import RegisterQueue
from .port import MemoryPort

__all__ = ["SharedPort"]


class SharedPort(wiring.Component):
    """Passes on the requests of ``n`` users in the order in which they are taken, so that a read sees every write that
    was taken before it, whoever wrote. Words of writes are fetched from the users, and words of reads handed to them,
    in that order.

    Parameters
    ----------
    n : int
        Users, 2 or more.
    signature : MemoryPort
        Of all ports.

    Members
    -------
    users : In(MemoryPort) array
        A user gives the words of what it has asked to write, and takes those that it has asked to read, without
        waiting for another user: else both wait for ever. Whoever has been served last comes last.
    memory : Out(MemoryPort)

    Timing: a request a cycle, and 2 cycles from a user that has not been the last one to ``memory``: whose turn it is
    is decided a cycle ahead, so that no user hears of another in the same cycle. No register on the way of words; the
    first ones of a burst go 2 cycles after its request at the earliest.

    Resources: a queue of 2 requests in registers, and two of :data:`UNDER_WAY` numbers of users and lengths in LUT RAM.

    Raises ValueError for less than two users.
    """

    #: Reads whose words have not come, and as many writes whose words have not gone.
    UNDER_WAY = 16

    def __init__(self, n: int, signature: MemoryPort):
        if n < 2:
            raise ValueError(f"a shared memory has at least two users, not {n}")
        self._n = n
        super().__init__({"users": In(signature).array(n), "memory": Out(signature)})

    def elaborate(self, platform):
        memory, users = self.memory, self.users
        m = Module()
        request = memory.request.payload
        entry = data.StructLayout({"user": range(self._n), "request": request.shape()})
        m.submodules.requests = requests = RegisterQueue(width=entry.size, depth=2)
        burst = data.StructLayout({"user": range(self._n), "last": len(request.last)})
        m.submodules.reads = reads = SyncFIFOBuffered(width=burst.size, depth=self.UNDER_WAY)
        m.submodules.writes = writes = SyncFIFOBuffered(width=burst.size, depth=self.UNDER_WAY)

        turn = Signal(range(self._n))
        offered = Array(user.request.valid for user in users)[turn]
        chosen = Array(user.request.payload for user in users)[turn]
        taken = Signal()
        m.d.comb += [
            taken.eq(offered & requests.w_rdy),
            requests.w_en.eq(taken),
            requests.w_data.eq(Cat(turn, chosen)),
        ]
        for i, user in enumerate(users):
            m.d.comb += [user.request.ready.eq(requests.w_rdy & (turn == i)), user.opened.eq(memory.opened)]
        # Whose words come and go is noted behind the queue: the users are far away, and from each other too.
        passed = data.View(entry, requests.r_data)
        room, goes = reads.w_rdy & writes.w_rdy, Signal()
        m.d.comb += [
            request.eq(passed.request),
            memory.request.valid.eq(requests.r_rdy & room),
            requests.r_en.eq(memory.request.ready & room),
            goes.eq(memory.request.valid & memory.request.ready),
            reads.w_en.eq(goes & ~request.write),
            writes.w_en.eq(goes & request.write),
            reads.w_data.eq(Cat(passed.user, request.last)),
            writes.w_data.eq(Cat(passed.user, request.last)),
        ]
        self._pass_on(m, turn, taken | ~offered)

        # Words go with the oldest burst of their kind.
        for name, queue, words in (("read", reads, memory.read), ("write", writes, memory.write)):
            head = data.View(burst, queue.r_data)
            done = Signal.like(head.last, name=f"{name}_done")
            moved = words.valid & words.ready
            m.d.comb += queue.r_en.eq(moved & (done == head.last))
            with m.If(moved):
                m.d.sync += done.eq(Mux(done == head.last, 0, done + 1))
            with m.Switch(head.user):
                for i, user in enumerate(users):
                    with m.Case(i):
                        theirs = getattr(user, name)
                        out, source = (theirs, memory.read) if name == "read" else (memory.write, theirs)
                        m.d.comb += [
                            out.valid.eq(source.valid & queue.r_rdy),
                            source.ready.eq(out.ready & queue.r_rdy),
                        ]
            if name == "read":
                m.d.comb += [user.read.payload.eq(memory.read.payload) for user in users]
            else:
                m.d.comb += memory.write.payload.eq(Array(user.write.payload for user in users)[head.user])
        return m

    def _pass_on(self, m: Module, turn: Signal, free) -> None:
        """The turn goes to the next user that wants one, if who has it lets go of it."""
        wanted = [user.request.valid for user in self.users]
        with m.If(free), m.Switch(turn):
            for i in range(self._n):
                with m.Case(i):
                    # Of several, the last of these assignments is that of the nearest one behind.
                    for k in reversed(range(1, self._n)):
                        other = (i + k) % self._n
                        with m.If(wanted[other]):
                            m.d.sync += turn.eq(other)
