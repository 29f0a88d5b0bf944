"""One server for several clients, which ask it in turn."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .queue import RegisterQueue

__all__ = ["QueryPort", "Shared"]


class QueryPort(wiring.Signature):
    """A request and its response, seen from who asks.

    Members
    -------
    request : Out(stream)
        Taken while ``valid`` and ``ready`` are high.
    response : In(stream, always ready)
        One for each request, in their order. It cannot be refused.
    """

    def __init__(self, request, response):
        super().__init__(
            {
                "request": Out(stream.Signature(request)),
                "response": In(stream.Signature(response, always_ready=True)),
            }
        )


class Shared(wiring.Component):
    """Hands the requests of ``n`` clients to one server, and its responses back to who asked.

    Parameters
    ----------
    n : int
        Clients, 1 or more.
    request, response : shape
    under_way : int
        Most requests that have not been answered, those that wait for the server included.

    Members
    -------
    clients : In(QueryPort) array
        Whoever has been served last comes last.
    server : Out(QueryPort)
        Answers in order.

    Timing: a request a cycle, of one client every other cycle; three cycles of latency on the way to the server, and
    one on the way back. Requests wait in a register for each client. Whether that is free, and whose turn it is, is
    decided a cycle ahead, so that no client hears of another in the same cycle; and the server takes requests out of a
    queue, so that it reaches no client either.

    Resources: a register for each client's request, and :data:`QUEUE` more.
    """

    #: Requests that have had their turn and wait for the server.
    QUEUE = 4

    def __init__(self, n: int, request, response, *, under_way: int = 8):
        if n < 1:
            raise ValueError(f"a shared server has at least one client, not {n}")
        self._n = n
        self._under_way = under_way
        super().__init__(
            {"clients": In(QueryPort(request, response)).array(n), "server": Out(QueryPort(request, response))}
        )

    def elaborate(self, platform):
        n = self._n
        m = Module()
        request, response = self.server.request, self.server.response
        layout = request.payload.shape()
        size = Shape.cast(layout).width
        m.submodules.asked = asked = SyncFIFO(width=n, depth=self._under_way)
        m.submodules.queue = queue = RegisterQueue(width=size, depth=self.QUEUE)

        # ``turn``: whose request goes into the queue in this cycle, if ``taking``; or who was the last one.
        turn, taking = Signal(n, init=1), Signal()
        turns = turn & taking.replicate(n)
        # ``free``: nothing is held, or it goes in this cycle.
        held, free, payloads = Signal(n), Signal(n, init=-1), []
        holds, goes = Signal(n), Signal(n)  # in the next cycle
        for i, client in enumerate(self.clients):
            payload = Signal(layout, name=f"payload_{i}", reset_less=True)
            m.d.comb += [client.request.ready.eq(free[i]), holds[i].eq(Mux(free[i], client.request.valid, held[i]))]
            with m.If(free[i]):
                m.d.sync += payload.eq(client.request.payload)
            payloads.append(Value.cast(payload))
        m.d.sync += [held.eq(holds), free.eq(~holds | goes)]

        # Room in the queue, and for the answers; what moves in this cycle shows in the next one.
        room, owed = Signal(range(self.QUEUE + 1), init=self.QUEUE), Signal(range(self._under_way + 1))
        left, some, wanted = Signal(), Signal(), Signal(n)
        m.d.sync += [
            left.eq(request.valid & request.ready),
            room.eq(room - taking + left),
            owed.eq(owed + taking - response.valid),
        ]
        fits = (room > 1) | ((room == 1) & ~taking)
        fits &= (owed < self._under_way - 1) | ((owed == self._under_way - 1) & ~taking)
        m.d.comb += [wanted.eq(held & ~turns), some.eq(wanted.any() & fits)]
        m.d.sync += taking.eq(some)
        with m.If(some):
            for i in range(n):
                # Nobody between the last one and this one wants to.
                mine = [turn[i - k] & ~Cat(wanted[(i - j) % n] for j in range(1, k)).any() for k in range(1, n + 1)]
                m.d.comb += goes[i].eq(wanted[i] & Cat(mine).any())
            m.d.sync += turn.eq(goes)

        m.d.comb += [
            queue.w_en.eq(taking),
            queue.w_data.eq(reduce(or_, (p & turns[i].replicate(size) for i, p in enumerate(payloads)))),
            asked.w_en.eq(taking),
            asked.w_data.eq(turn),
            request.valid.eq(queue.r_rdy),
            Value.cast(request.payload).eq(queue.r_data),
            queue.r_en.eq(request.ready),
            asked.r_en.eq(response.valid),
        ]
        answer, answered = Signal(response.payload.shape(), reset_less=True), Signal(n)
        m.d.sync += [answer.eq(response.payload), answered.eq(asked.r_data & response.valid.replicate(n))]
        for i, client in enumerate(self.clients):
            m.d.comb += [client.response.valid.eq(answered[i]), client.response.payload.eq(answer)]
        return m
