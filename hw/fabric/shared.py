"""One server for several clients, which ask it in turn."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .pipeline import clog2

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

    Timing: a request a cycle, of one client every other cycle; two cycles of latency on the way to the server, and one
    on the way back. Requests wait in a register for each client, and ``ready`` follows from that alone: whose turn it
    is reaches no client.
    """

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
        bits = max(1, clog2(n))
        m.submodules.asked = asked = SyncFIFO(width=bits, depth=self._under_way)
        request, response = self.server.request, self.server.response
        last, chosen = Signal(bits), Signal(bits)
        some, take = Signal(), Signal()
        held = []
        for i, client in enumerate(self.clients):
            valid = Signal(name=f"held_{i}")
            payload = Signal(request.payload.shape(), name=f"held_payload_{i}", reset_less=True)
            m.d.comb += client.request.ready.eq(~valid)
            with m.If(~valid):
                m.d.sync += [valid.eq(client.request.valid), payload.eq(client.request.payload)]
            held.append((valid, payload))
        with m.Switch(last):
            for i in range(n):
                with m.Case(i):
                    # The assignment that stands last wins: the client that follows ``i``.
                    for turn in reversed(range(1, n + 1)):
                        with m.If(held[(i + turn) % n][0]):
                            m.d.comb += [chosen.eq((i + turn) % n), some.eq(1)]
        waiting = Signal()
        offered = Signal(request.payload.shape(), reset_less=True)
        m.d.comb += [
            take.eq(some & asked.w_rdy & (~waiting | request.ready)),
            asked.w_en.eq(take),
            asked.w_data.eq(chosen),
            request.valid.eq(waiting),
            request.payload.eq(offered),
        ]
        with m.If(request.ready):
            m.d.sync += waiting.eq(0)
        with m.If(take):
            m.d.sync += [waiting.eq(1), last.eq(chosen)]
        answer = Signal(response.payload.shape(), reset_less=True)
        m.d.sync += answer.eq(response.payload)
        m.d.comb += asked.r_en.eq(response.valid)
        for i, client in enumerate(self.clients):
            answered = Signal(name=f"answered_{i}")
            m.d.sync += answered.eq(response.valid & (asked.r_data == i))
            m.d.comb += [
                client.response.valid.eq(answered),
                client.response.payload.eq(answer),
            ]
            with m.If(take & (chosen == i)):
                m.d.sync += [offered.eq(held[i][1]), held[i][0].eq(0)]
        return m
