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
        m.submodules.rx_ring = rx_ring = self._rx_ring
        m.submodules.tx_ring = tx_ring = self._tx_ring
        wiring.connect(m, wiring.flipped(self.rx), decoder.i)
        wiring.connect(m, decoder.o, receiver.i)
        wiring.connect(m, sender.o, encoder.i)
        wiring.connect(m, encoder.o, wiring.flipped(self.tx))

        # Counts of words, modulo 2**16; a ring's address is the lower end of a count.
        session = Signal(16)
        rx_head = Signal(16)  # received
        rx_tail = Signal(16)  # handed to the core
        tx_head = Signal(16)  # had from the core
        tx_next = Signal(16)  # to be sent next
        tx_acked = Signal(16)  # acknowledged by the host
        reported = Signal(16)  # limit as the host was last told
        welcome = Signal()
        answer = Signal()
        again = Signal()

        # ---- host to core. The words ahead of rx_head are not released.
        age = Signal(range(rx_ring.latency + 1))  # for how many cycles the ring has been asked for the next word
        m.d.comb += [
            rx_ring.wr_en.eq(receiver.wr_en),
            rx_ring.wr_addr.eq(receiver.wr_addr),
            rx_ring.wr_data.eq(receiver.wr_data),
            receiver.head.eq(rx_head),
            rx_ring.rd_addr.eq(rx_tail),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(~self.o.valid & (age == rx_ring.latency)):
            m.d.sync += [age.eq(0), rx_tail.eq(rx_tail + 1), self.o.payload.eq(rx_ring.rd_data), self.o.valid.eq(1)]
        with m.Elif((rx_tail != rx_head) & (age != rx_ring.latency)):
            m.d.sync += age.eq(age + 1)
        m.d.sync += receiver.room.eq(cfg.depth + rx_tail - rx_head)

        # ---- core to host. `room` is two cycles late, so some places are left free. In the cycle after `clear` the core
        # may still be in reset, or about to be: what it offers is of the session before.
        tx_used = Signal(16)
        room = Signal()
        cleared = Signal()
        m.d.sync += [tx_used.eq(tx_head - tx_acked), room.eq(tx_used < cfg.depth - 3), cleared.eq(self.clear)]
        m.d.comb += [
            self.i.ready.eq(room & ~self.clear & ~cleared),
            tx_ring.wr_en.eq(self.i.valid & self.i.ready),
            tx_ring.wr_addr.eq(tx_head),
            tx_ring.wr_data.eq(self.i.payload),
            tx_ring.rd_addr.eq(sender.rd_addr),
            sender.rd_data.eq(tx_ring.rd_data),
            sender.unit.eq(self.unit),
        ]
        with m.If(tx_ring.wr_en):
            m.d.sync += tx_head.eq(tx_head + 1)

        # ---- what to send. These registers are two cycles late; the SETTLE states let them follow.
        ready = Signal(16)
        limit = Signal(16)
        grown = Signal(16)  # room that the host does not know of
        waiting = Signal()
        due = Signal()
        n_words = Signal(8)
        request = sender.i.p
        m.d.sync += [
            ready.eq(tx_head - tx_next),
            limit.eq(rx_tail + cfg.depth),
            grown.eq(limit - reported),
            waiting.eq(ready != 0),
            due.eq((grown >= cfg.frame_words) & (session != 0)),
            n_words.eq(Mux(ready < cfg.frame_words, ready, cfg.frame_words)),
        ]
        m.d.comb += [
            request.flags.eq(Mux(welcome, Flags.OPEN.value, 0) | Mux(again, Flags.AGAIN.value, 0)),
            request.session.eq(session),
            request.seq.eq(tx_next),
            request.ack.eq(rx_head),
            request.limit.eq(limit),
            request.words.eq(n_words),
        ]

        # ---- a frame from the host
        frame = receiver.o.p
        opens = Signal()
        ours = Signal()
        in_order = Signal()
        advance = Signal(16)  # words that it acknowledges anew
        sent = Signal(16)
        clear_left = Signal(range(cfg.clear_cycles + 1))
        with m.FSM():
            with m.State("LISTEN"):
                m.d.sync += [
                    opens.eq((frame.flags & Flags.OPEN.value).any()),
                    ours.eq((frame.session == session) & (session != 0)),
                    in_order.eq((frame.seq == rx_head) & frame.fits),
                    advance.eq(frame.ack - tx_acked),
                    sent.eq(tx_next - tx_acked),
                    clear_left.eq(cfg.clear_cycles),
                ]
                with m.If(receiver.o.valid):
                    m.next = "ACT"
                with m.Else():
                    m.d.comb += sender.i.valid.eq(welcome | answer | waiting | due)
                    with m.If(sender.i.valid & sender.i.ready):
                        m.d.sync += [welcome.eq(0), answer.eq(0), again.eq(0), reported.eq(limit)]
                        with m.If(~welcome):
                            m.d.sync += tx_next.eq(tx_next + n_words)
                        m.next = "SETTLE"
            with m.State("ACT"):
                m.d.comb += receiver.o.ready.eq(1)
                m.next = "SETTLE"
                with m.If(~frame.sound):
                    m.d.sync += [answer.eq(1), again.eq(1)]
                with m.Elif(opens):
                    m.d.sync += welcome.eq(1)
                    with m.If(~ours):
                        m.d.sync += session.eq(frame.session)
                        if len(self._identities) > 1:
                            # Asked for a unit that there is not, it is the first, as the answer tells.
                            m.d.sync += self.unit.eq(Mux(frame.seq < len(self._identities), frame.seq, 0))
                        m.next = "CLEAR"
                with m.Elif(~ours):
                    m.d.sync += answer.eq(1)
                with m.Else():
                    asked = (frame.flags & Flags.AGAIN.value).any()
                    with m.If(asked | (frame.words != 0)):
                        m.d.sync += answer.eq(1)
                    with m.If(advance <= tx_used):
                        m.d.sync += tx_acked.eq(frame.ack)
                        with m.If(asked | (sent < advance)):
                            m.d.sync += tx_next.eq(frame.ack)
                    with m.If(frame.words != 0):
                        with m.If(in_order):
                            m.d.sync += rx_head.eq(rx_head + frame.words)
                        with m.Else():
                            m.d.sync += again.eq(1)
            with m.State("CLEAR"):
                m.d.comb += self.clear.eq(1)
                m.d.sync += [
                    *(count.eq(0) for count in (rx_head, rx_tail, tx_head, tx_next, tx_acked)),
                    self.o.valid.eq(0),
                    age.eq(0),
                    answer.eq(0),
                    again.eq(0),
                    clear_left.eq(clear_left - 1),
                ]
                with m.If(clear_left == 1):
                    m.next = "SETTLE"
            with m.State("SETTLE"):
                m.next = "SETTLE_TOO"
            with m.State("SETTLE_TOO"):
                m.next = "LISTEN"
        return m
