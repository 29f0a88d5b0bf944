"""How the interpreter executes WRITE and READ: elements of a space, packed.

``c`` is the interpreter, ``r`` its registers; the states are to be used within its ``m.FSM()``.
"""

from amaranth.hdl import Array, Const, Module, Mux, Value
from amaranth.lib import wiring

from .protocol import Space

__all__ = ["elements", "read_states", "write_state"]


def elements(m: Module, c, r) -> Value:
    """Connects the unpacker to the words that come, the packer to those that go; returns whether the address is one
    of the space."""
    cfg, space = c.cfg, r.header[26:28]
    depth = Array([cfg.adapter_words, cfg.dense_words, sum(cfg.outputs), cfg.adapter_words])
    element = c.unpacker.o.payload
    start = Mux(element[0], Const(-cfg.start, 32), Const(cfg.start, 32))
    m.d.comb += [
        c.unpacker.select.eq(space),
        c.unpacker.i.payload.eq(c.i.payload),
        c.host.addr.eq(r.address),
        c.host.lane.eq(r.lane),
        c.host.data.eq(Mux(space == Space.SIGNS, start, element)),
    ]
    wiring.connect(m, c.packer.o, wiring.flipped(c.o))
    return r.address < depth[space]


def write_state(m: Module, c, r, inside: Value) -> None:
    """WRITE: ``left`` elements from ``address`` on."""
    space = r.header[26:28]
    with m.State("WRITE"):
        m.d.comb += [
            c.unpacker.i.valid.eq(c.i.valid),
            c.i.ready.eq(c.unpacker.i.ready),
            c.unpacker.o.ready.eq(1),
        ]
        with m.If(c.unpacker.o.valid):
            m.d.comb += [
                c.events.rejected.eq(~inside),
                c.host.adapters.eq(inside & ((space == Space.ADAPTERS) | (space == Space.SIGNS))),
                c.host.weights.eq(inside & (space == Space.WEIGHTS)),
                c.host.biases.eq(inside & (space == Space.BIASES)),
            ]
            m.d.sync += [r.left.eq(r.left - 1), r.lane.eq(r.lane + 1)]
            with m.If((r.lane == c.cfg.lanes - 1) | (space == Space.BIASES)):
                # Beyond the end it stays there.
                m.d.sync += [r.lane.eq(0), r.address.eq(r.address + inside)]
            with m.If(r.left == 1):
                m.d.comb += c.unpacker.clear.eq(1)
                m.next = "HEADER"


def read_states(m: Module, c, r, inside: Value) -> None:
    """READ: the elements of ``left`` words from ``address`` on, by way of the read chain; CHAIN waits for it."""
    readable = inside & (r.header[26:28] == Space.ADAPTERS)
    word_ends = r.lane == c.cfg.lanes - 1
    with m.State("READ"):
        m.d.comb += [c.host.read.eq(1), c.events.rejected.eq(~readable)]
        m.next = "CHAIN"
    with m.State("CHAIN"), m.If(c.chain.loaded):
        m.next = "SHIFT"
    with m.State("SHIFT"):
        m.d.comb += [
            c.packer.i.valid.eq(1),
            c.packer.i.payload.element.eq(Mux(readable, c.chain.element, 0)),
            c.packer.i.payload.last.eq(word_ends & (r.left == 1)),
            c.chain.shift.eq(c.packer.i.ready),
        ]
        with m.If(c.packer.i.ready):
            m.d.sync += r.lane.eq(r.lane + 1)
            with m.If(word_ends):
                m.d.sync += [r.left.eq(r.left - 1), r.address.eq(r.address + inside)]
                m.next = "READ"
                with m.If(r.left == 1):
                    m.next = "SENT"
    with m.State("SENT"), m.If(c.packer.i.ready):
        m.next = "HEADER"
