"""States that the interpreters of both cores share: replies to INFO, GET and FLUSH. To be used within ``m.FSM()``.

``command`` is the interpreter: its replies go to ``o``, and the state after a reply is HEADER. ``left`` is a signal
that it has set to 0.
"""

from amaranth.hdl import Module, Mux, Signal, Value, ValueLike

from ..fabric.counters import CounterBank
from ..fabric.widths import COUNTER_BITS

__all__ = ["counter_states", "echo_state", "identity_state"]


def identity_state(m: Module, command, word: ValueLike, left: Signal, n: int) -> None:
    """INFO: ``n`` words; ``word`` is the one that ``left`` points at."""
    with m.State("INFO"):
        m.d.comb += [command.o.valid.eq(1), command.o.payload.eq(word)]
        with m.If(command.o.ready):
            m.d.sync += left.eq(left + 1)
            with m.If(left == n - 1):
                m.next = "HEADER"


def counter_states(m: Module, command, rejected: Signal, header: Value, left: Signal, n: int) -> None:
    """FETCH, then GET: the counter at ``counters.index``, low word first; 0 and ``rejected`` from ``n`` on."""
    counter = Signal(COUNTER_BITS)
    known = Signal()
    with m.State("FETCH"):
        m.d.sync += [counter.eq(command.counters.count), known.eq(header[:8] < n), left.eq(left + 1)]
        with m.If(left == CounterBank.LATENCY - 1):
            m.d.sync += left.eq(0)
            m.next = "GET"
    with m.State("GET"):
        high = left[0]
        m.d.comb += [
            command.o.valid.eq(1),
            command.o.payload.eq(Mux(known, Mux(high, counter[32:], counter[:32]), 0)),
        ]
        with m.If(command.o.ready):
            m.d.sync += left.eq(1)
            with m.If(high):
                m.d.comb += rejected.eq(~known)
                m.next = "HEADER"


def echo_state(m: Module, command, header: Value) -> None:
    """ECHO: the header itself."""
    with m.State("ECHO"):
        m.d.comb += [command.o.valid.eq(1), command.o.payload.eq(header)]
        with m.If(command.o.ready):
            m.next = "HEADER"
