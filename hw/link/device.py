"""The device end of the link: byte streams on one side, the core's word streams on the other.

:class:`skipwalk.sim.link.model.DeviceModel` is the same in plain Python; ``docs/link.md`` tells why it is sound.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.ram import Ram
from ..fabric.vendor import Vendor
from .cobs import CobsDecoder, CobsEncoder
from .protocol import Flags, Identity, LinkConfig
from .receiver import FrameReceiver
from .sender import FrameSender

__all__ = ["LinkDevice"]


class _Registers:
    """What both directions of a link share. Counts are of words, modulo 2**16; a ring's address is the lower end of a
    count."""

    def __init__(self, latency: int):
        self.session = Signal(16)
        self.rx_head = Signal(16)  # received
        self.rx_tail = Signal(16)  # handed to the core
        self.age = Signal(range(latency + 1))  # for how many cycles the ring has been asked for the next word
        self.tx_head = Signal(16)  # had from the core
        self.tx_next = Signal(16)  # to be sent next
        self.tx_acked = Signal(16)  # acknowledged by the host
        self.tx_used = Signal(16)  # had and not acknowledged
        self.reported = Signal(16)  # limit as the host was last told
        # What a frame to the host is for: a new session, an answer, words that are to be sent again; words, room.
        self.welcome, self.answer, self.again = Signal(), Signal(), Signal()
        self.waiting, self.due = Signal(), Signal()
        self.n_words, self.limit = Signal(8), Signal(16)
        # Of the frame from the host.
        self.opens, self.ours, self.in_order = Signal(), Signal(), Signal()
        self.advance = Signal(16)  # words that it acknowledges anew
        self.sent = Signal(16)


class LinkDevice(wiring.Component):
    """Words of the host to the core, and the core's to the host: each once and in order, or not at all.

    Parameters
    ----------
    identities : sequence of Identity
        What the host reads when it opens the device, for each of its units. Their sizes have to be those of ``cfg``.
    cfg : LinkConfig
        Sizes.
    vendor, primitives
        Of the memories, as for :class:`skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    rx : In(stream.Signature(8))
        Bytes from the host. Ready within ``clear_cycles + 12`` cycles.
    tx : Out(stream.Signature(8))
        Bytes to the host.
    o : Out(stream.Signature(32))
        Words for the core.
    i : In(stream.Signature(32))
        Words from the core.
    clear : Out(1)
        High for ``clear_cycles`` at the beginning of each session: the core's reset, which may reach it a cycle late.
    unit : Out(range(max(2, len(identities))))
        Number of the unit that the session is with; it changes while ``clear`` is high, or just before.

    Timing: frames of one direction do not hold up the other. The words of a frame are released when it was found
    good, one in four cycles; a frame leaves as soon as the line is free and there is a word to send.

    Resources: two memories of ``depth`` x 32 bit, one of 256 x 8.

    Raises
    ------
    ValueError
        There is no identity, or one announces other sizes than ``cfg`` has.
    """

    def __init__(
        self,
        identities: Sequence[Identity],
        cfg: LinkConfig | None = None,
        *,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
    ):
        cfg = cfg or LinkConfig()
        if not identities:
            raise ValueError("a link needs the identity of at least one unit")
        for identity in identities:
            if (identity.frame_words, identity.depth) != (cfg.frame_words, cfg.depth):
                raise ValueError(
                    f"the identity announces frames of {identity.frame_words} words and a depth of {identity.depth}, "
                    f"the link has {cfg.frame_words} and {cfg.depth}; make them equal"
                )
        self._identities = identities
        self._cfg = cfg
        kind: Any = {"vendor": vendor, "primitives": primitives}
        self._rx_ring = Ram(cfg.depth, 32, **kind)
        self._tx_ring = Ram(cfg.depth, 32, **kind)
        self._encoder = CobsEncoder(**kind)
        super().__init__(
            {
                "rx": In(stream.Signature(8)),
                "tx": Out(stream.Signature(8)),
                "o": Out(stream.Signature(32)),
                "i": In(stream.Signature(32)),
                "clear": Out(1),
                "unit": Out(range(max(2, len(identities)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cfg = self._cfg
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.receiver = receiver = FrameReceiver(cfg)
        m.submodules.sender = sender = FrameSender(self._identities, cfg)
        m.submodules.encoder = encoder = self._encoder
        m.submodules.rx_ring = self._rx_ring
        m.submodules.tx_ring = self._tx_ring
        wiring.connect(m, wiring.flipped(self.rx), decoder.i)
        wiring.connect(m, decoder.o, receiver.i)
        wiring.connect(m, sender.o, encoder.i)
        wiring.connect(m, encoder.o, wiring.flipped(self.tx))
        r = _Registers(self._rx_ring.latency)
        self._give(m, r, receiver)
        self._take(m, r, sender)
        self._request(m, r, sender)
        clear_left = Signal(range(cfg.clear_cycles + 1))
        with m.FSM():
            self._listen(m, r, receiver, sender, clear_left)
            self._act(m, r, receiver)
            self._clear(m, r, clear_left)
            with m.State("SETTLE"):
                m.next = "SETTLE_TOO"
            with m.State("SETTLE_TOO"):
                m.next = "LISTEN"
        return m

    def _give(self, m, r, receiver):
        """Host to core. The words ahead of rx_head are not released."""
        ring = self._rx_ring
        m.d.comb += [
            ring.wr_en.eq(receiver.wr_en),
            ring.wr_addr.eq(receiver.wr_addr),
            ring.wr_data.eq(receiver.wr_data),
            receiver.head.eq(r.rx_head),
            ring.rd_addr.eq(r.rx_tail),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(~self.o.valid & (r.age == ring.latency)):
            m.d.sync += [r.age.eq(0), r.rx_tail.eq(r.rx_tail + 1), self.o.payload.eq(ring.rd_data), self.o.valid.eq(1)]
        with m.Elif((r.rx_tail != r.rx_head) & (r.age != ring.latency)):
            m.d.sync += r.age.eq(r.age + 1)
        m.d.sync += receiver.room.eq(self._cfg.depth + r.rx_tail - r.rx_head)

    def _take(self, m, r, sender):
        """Core to host. ``room`` is two cycles late, so some places are left free. In the cycle after ``clear`` the
        core may still be in reset, or about to be: what it offers is of the session before.
        """
        ring = self._tx_ring
        room = Signal()
        cleared = Signal()
        m.d.sync += cleared.eq(self.clear)
        m.d.sync += [r.tx_used.eq(r.tx_head - r.tx_acked), room.eq(r.tx_used < self._cfg.depth - 3)]
        m.d.comb += [
            self.i.ready.eq(room & ~self.clear & ~cleared),
            ring.wr_en.eq(self.i.valid & self.i.ready),
            ring.wr_addr.eq(r.tx_head),
            ring.wr_data.eq(self.i.payload),
            ring.rd_addr.eq(sender.rd_addr),
            sender.rd_data.eq(ring.rd_data),
            sender.unit.eq(self.unit),
        ]
        with m.If(ring.wr_en):
            m.d.sync += r.tx_head.eq(r.tx_head + 1)

    def _request(self, m, r, sender):
        """What to send. These registers are two cycles late; the SETTLE states let them follow."""
        cfg, request = self._cfg, sender.i.p
        ready = Signal(16)
        grown = Signal(16)  # room that the host does not know of
        m.d.sync += [
            ready.eq(r.tx_head - r.tx_next),
            r.limit.eq(r.rx_tail + cfg.depth),
            grown.eq(r.limit - r.reported),
            r.waiting.eq(ready != 0),
            r.due.eq((grown >= cfg.frame_words) & (r.session != 0)),
            r.n_words.eq(Mux(ready < cfg.frame_words, ready, cfg.frame_words)),
        ]
        m.d.comb += [
            request.flags.eq(Mux(r.welcome, Flags.OPEN.value, 0) | Mux(r.again, Flags.AGAIN.value, 0)),
            request.session.eq(r.session),
            request.seq.eq(r.tx_next),
            request.ack.eq(r.rx_head),
            request.limit.eq(r.limit),
            request.words.eq(r.n_words),
        ]

    def _listen(self, m, r, receiver, sender, clear_left):
        """Waits for a frame from the host, and meanwhile sends what there is to send."""
        frame = receiver.o.p
        with m.State("LISTEN"):
            m.d.sync += [
                r.opens.eq((frame.flags & Flags.OPEN.value).any()),
                r.ours.eq((frame.session == r.session) & (r.session != 0)),
                r.in_order.eq((frame.seq == r.rx_head) & frame.fits),
                r.advance.eq(frame.ack - r.tx_acked),
                r.sent.eq(r.tx_next - r.tx_acked),
                clear_left.eq(self._cfg.clear_cycles),
            ]
            with m.If(receiver.o.valid):
                m.next = "ACT"
            with m.Else():
                m.d.comb += sender.i.valid.eq(r.welcome | r.answer | r.waiting | r.due)
                with m.If(sender.i.valid & sender.i.ready):
                    m.d.sync += [r.welcome.eq(0), r.answer.eq(0), r.again.eq(0), r.reported.eq(r.limit)]
                    with m.If(~r.welcome):
                        m.d.sync += r.tx_next.eq(r.tx_next + r.n_words)
                    m.next = "SETTLE"

    def _act(self, m, r, receiver):
        """A frame from the host."""
        frame = receiver.o.p
        with m.State("ACT"):
            m.d.comb += receiver.o.ready.eq(1)
            m.next = "SETTLE"
            with m.If(~frame.sound):
                m.d.sync += [r.answer.eq(1), r.again.eq(1)]
            with m.Elif(r.opens):
                m.d.sync += r.welcome.eq(1)
                with m.If(~r.ours):
                    m.d.sync += r.session.eq(frame.session)
                    if len(self._identities) > 1:
                        # Asked for a unit that there is not, it is the first, as the answer tells.
                        m.d.sync += self.unit.eq(Mux(frame.seq < len(self._identities), frame.seq, 0))
                    m.next = "CLEAR"
            with m.Elif(~r.ours):
                m.d.sync += r.answer.eq(1)
            with m.Else():
                self._accept(m, r, frame)

    def _accept(self, m, r, frame):
        """A frame of the session: what it acknowledges and asks for, and its words."""
        asked = (frame.flags & Flags.AGAIN.value).any()
        with m.If(asked | (frame.words != 0)):
            m.d.sync += r.answer.eq(1)
        with m.If(r.advance <= r.tx_used):
            m.d.sync += r.tx_acked.eq(frame.ack)
            with m.If(asked | (r.sent < r.advance)):
                m.d.sync += r.tx_next.eq(frame.ack)
        with m.If(frame.words != 0):
            with m.If(r.in_order):
                m.d.sync += r.rx_head.eq(r.rx_head + frame.words)
            with m.Else():
                m.d.sync += r.again.eq(1)

    def _clear(self, m, r, clear_left):
        """A session begins: the core is reset, and all counts are 0."""
        with m.State("CLEAR"):
            m.d.comb += self.clear.eq(1)
            m.d.sync += [
                *(count.eq(0) for count in (r.rx_head, r.rx_tail, r.tx_head, r.tx_next, r.tx_acked)),
                self.o.valid.eq(0),
                r.age.eq(0),
                r.answer.eq(0),
                r.again.eq(0),
                clear_left.eq(clear_left - 1),
            ]
            with m.If(clear_left == 1):
                m.next = "SETTLE"
