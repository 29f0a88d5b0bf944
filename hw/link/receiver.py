"""Frames of the host: checked, taken apart, their words put where the ring of the device has room."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import crc, data, stream, wiring
from amaranth.lib.wiring import In, Out

from .cobs import ByteLayout
from .protocol import HOST_HEADER, LinkConfig

__all__ = ["CRC", "FrameLayout", "FrameReceiver"]

#: CRC-32 of IEEE 802.3, as zlib computes it, a byte at a time.
CRC = crc.catalog.CRC32_ISO_HDLC(data_width=8)


class FrameLayout(data.StructLayout):
    """A frame that has ended. Without ``sound`` (CRC, length, flags) nothing else in it means anything.

    ``words`` counts its words, ``fits`` tells that all of them found room.
    """

    def __init__(self):
        super().__init__({"flags": 8, "session": 16, "seq": 16, "ack": 16, "words": 8, "fits": 1, "sound": 1})


class FrameReceiver(wiring.Component):
    """Checks frames, and writes their words **before** it knows whether they are good.

    Words go to ``head``, ``head + 1``, ... of a ring that has ``room`` for so many; both may change only between
    ``o`` and the next beat of ``i``. The words count for nothing until the owner of the ring moves its head past them.

    Parameters
    ----------
    cfg : LinkConfig
        Sizes.

    Members
    -------
    i : In(stream.Signature(ByteLayout()))
        From the COBS decoder.
    head, room : In(16)
        Where the first word goes, and how many there is room for.
    wr_en, wr_addr, wr_data : Out
        Write port of the ring (addr: log2(depth) bits, data: 32). The CRC is written too if there is room.
    o : Out(stream.Signature(FrameLayout()))
        One beat for each frame. ``i`` is not ready from the frame's end until it is taken.

    Timing: a byte every other cycle; ``o`` two cycles after the end.
    """

    def __init__(self, cfg: LinkConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(ByteLayout())),
                "head": In(16),
                "room": In(16),
                "wr_en": Out(1),
                "wr_addr": Out(range(cfg.depth)),
                "wr_data": Out(32),
                "o": Out(stream.Signature(FrameLayout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = check = CRC.create()
        most = self._cfg.frame_words + 1  # the CRC is counted as a word

        first = Signal(init=1)
        header = Signal(HOST_HEADER.size * 8)
        header_left = Signal(range(HOST_HEADER.size + 1), init=HOST_HEADER.size)
        phase = Signal(2)
        words = Signal(range(most + 2))
        room = Signal(16)
        spilled = Signal(2)  # one for the CRC's word alone, two for a word of the host
        broken = Signal()
        # A byte waits for a cycle: whether it comes is decided in the line's decoder.
        take, byte = Signal(), Signal(8, reset_less=True)

        m.d.comb += [check.data.eq(byte), check.valid.eq(take), check.start.eq(first & take)]
        m.d.sync += [take.eq(self.i.valid & self.i.ready & ~self.i.p.end), byte.eq(self.i.p.byte), self.wr_en.eq(0)]
        with m.If(self.wr_en):
            m.d.sync += self.wr_addr.eq(self.wr_addr + 1)
        with m.If(first):
            m.d.sync += [self.wr_addr.eq(self.head), room.eq(self.room)]
        with m.If(take):
            m.d.sync += first.eq(0)
            with m.If(header_left != 0):
                m.d.sync += [header.eq(Cat(header[8:], byte)), header_left.eq(header_left - 1)]
            with m.Else():
                m.d.sync += [self.wr_data.eq(Cat(self.wr_data[8:], byte)), phase.eq(phase + 1)]
                with m.If(phase == 3):
                    m.d.sync += [
                        words.eq(Mux(words > most, words, words + 1)),
                        self.wr_en.eq(room != 0),
                        room.eq(Mux(room == 0, 0, room - 1)),
                        spilled.eq(Mux(room == 0, Cat(1, spilled[0]), spilled)),
                    ]

        frame = self.o.p
        m.d.comb += Cat(frame.flags, frame.session, frame.seq, frame.ack).eq(header)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(~take)
                with m.If(self.i.valid & self.i.p.end & ~take):
                    m.d.sync += broken.eq(
                        self.i.p.bad | (header_left != 0) | (phase != 0) | (words == 0) | (words > most)
                    )
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.sync += [
                    frame.sound.eq(~broken & check.match_detected & (frame.flags[2:] == 0)),
                    frame.fits.eq(~spilled[1]),
                    frame.words.eq(words - 1),
                ]
                m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += [header_left.eq(HOST_HEADER.size), phase.eq(0), words.eq(0), spilled.eq(0)]
                    m.next = "REWIND"
            with m.State("REWIND"):
                # Its owner moves the head in the cycle in which the frame is taken.
                m.d.sync += first.eq(1)
                m.next = "SETTLE"
            with m.State("SETTLE"):
                m.next = "TAKE"
        return m
