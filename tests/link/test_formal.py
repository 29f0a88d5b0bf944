"""Words of the link, proven: each once and in order or not at all, whatever becomes of the frames under way."""

from unittest.mock import patch

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Array, Assert, Assume, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.fabric.ram import Ram
from skipwalk.hw.link import device
from skipwalk.hw.link.device import LinkDevice
from skipwalk.hw.link.protocol import Flags, Identity, LinkConfig
from skipwalk.hw.link.receiver import FrameReceiver
from skipwalk.hw.link.sender import FrameSender
from skipwalk.sim.rtl.synthesis import SynthesisError

from ..support.proofs import cover, prove

CFG = LinkConfig(depth=8, frame_words=4, clear_cycles=2)
IDENTITIES = Identity.of_units([(1, 2)], CFG)
RECEIVER, SENDER, RING = (
    dict(component.signature.members)
    for component in (FrameReceiver(CFG), FrameSender(IDENTITIES, CFG), Ram(CFG.depth, 32))
)

#: Of a frame from the host, with the bits of each.
FRAME = {"sound": 1, "flags": 2, "session": 16, "seq": 16, "ack": 16}


class Ring(wiring.Component):
    """A memory of the device as :class:`Ram`, of which only the lowest bit is kept, so that it can be looked into."""

    latency = 2

    def __init__(self, depth: int, width: int, **kind):
        self.cells = Array(Signal(name=f"cell_{i}") for i in range(depth))
        super().__init__(RING)

    def elaborate(self, platform):
        m = Module()
        word, out = Signal(), Signal()
        m.d.sync += [word.eq(self.cells[self.rd_addr]), out.eq(word)]
        m.d.comb += self.rd_data.eq(out)
        with m.If(self.wr_en):
            m.d.sync += self.cells[self.wr_addr].eq(self.wr_data[0])
        return m


class Words:
    """Words of which one, whichever, has the lowest bit set, and no other: that bit tells whether each word is in its
    place. A solver tries every choice."""

    def __init__(self):
        self.session, self.number = Signal(16), Signal(16)

    def __call__(self, session: Value, number: Value) -> Value:
        return (session == self.session) & (number[:16] == self.number)


class FromHost(wiring.Component):
    """In place of decoder and receiver: frames as a line may bring them that loses, repeats and damages them. Those
    that are ``sound`` are of a host: word after word of their session from ``seq`` on. Of others each word is free."""

    def __init__(self, word: Words):
        self._word = word
        #: The next frame; and that it begins now, has another word, with that lowest bit if it is unsound, ends.
        self.next = {name: Signal(width, name=f"next_{name}") for name, width in FRAME.items()}
        self.begins, self.has_word, self.ends, self.noise = (Signal() for _ in range(4))
        #: Between its beginning and its end; so many words were written, and for so many there is room.
        self.under_way, self.written, self.left = Signal(), Signal(8), Signal(16)
        super().__init__(RECEIVER)

    def elaborate(self, platform):
        m = Module()
        frame, words = self.o.p, Signal(8)
        m.d.comb += [
            self.wr_addr.eq(self.head + self.written),
            self.wr_data.eq(Mux(frame.sound, self._word(frame.session, frame.seq + words), self.noise)),
            frame.words.eq(words),
            frame.fits.eq(words == self.written),
        ]
        with m.FSM():
            with m.State("BEGIN"):
                m.d.sync += [getattr(frame, name).eq(value) for name, value in self.next.items()]
                m.d.sync += [self.left.eq(self.room), words.eq(0), self.written.eq(0)]
                with m.If(self.begins):
                    m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += self.under_way.eq(1)
                with m.If(self.ends):
                    m.next = "GIVE"
                with m.Elif(self.has_word & (words != CFG.frame_words)):
                    m.d.sync += words.eq(words + 1)
                    with m.If(self.left != 0):
                        m.d.comb += self.wr_en.eq(1)
                        m.d.sync += [self.written.eq(self.written + 1), self.left.eq(self.left - 1)]
            with m.State("GIVE"):
                m.d.comb += [self.under_way.eq(1), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "REWIND"
            with m.State("REWIND"):
                m.next = "SETTLE"
            with m.State("SETTLE"):
                m.next = "BEGIN"
        return m


class ToHost(wiring.Component):
    """In place of sender and encoder: a frame leaves in as many cycles as it likes. ``captured`` is high when word
    ``number`` goes into it, ``ended`` when it has left, with ``words``."""

    def __init__(self):
        self.goes = Signal()
        self.captured, self.ended, self.under_way = Signal(), Signal(), Signal()
        self.number, self.session, self.words, self.left = Signal(16), Signal(16), Signal(8), Signal(8)
        super().__init__(SENDER)

    def elaborate(self, platform):
        m = Module()
        request, age = self.i.p, Signal(range(Ring.latency + 1))
        words = Mux((request.flags & Flags.OPEN.value).any(), 0, request.words)
        m.d.comb += self.rd_addr.eq(self.number)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [self.session.eq(request.session), self.number.eq(request.seq), age.eq(0)]
                m.d.sync += [self.words.eq(words), self.left.eq(words)]
                with m.If(self.i.valid):
                    m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += self.under_way.eq(1)
                with m.If(age != Ring.latency):
                    m.d.sync += age.eq(age + 1)
                with m.Elif(self.goes & (self.left == 0)):
                    m.d.comb += self.ended.eq(1)
                    m.next = "IDLE"
                with m.Elif(self.goes):
                    m.d.comb += self.captured.eq(1)
                    m.d.sync += [self.number.eq(self.number + 1), self.left.eq(self.left - 1), age.eq(0)]
        return m


class Framed(LinkDevice):
    """A device whose frames come from ``receiver`` and go to ``sender``, its registers ``r`` and both rings open."""

    def __init__(self, receiver: FromHost, sender: ToHost):
        self.r = device._Registers(Ring.latency)
        self._parts = {
            "_Registers": lambda latency: self.r,
            "FrameReceiver": lambda cfg: receiver,
            "FrameSender": lambda identities, cfg: sender,
        }
        with patch.object(device, "Ram", Ring):
            super().__init__(IDENTITIES, CFG)
        self.rx_cells, self.tx_cells = self._rx_ring.cells, self._tx_ring.cells

    def elaborate(self, platform):
        with patch.multiple(device, **self._parts):
            return super().elaborate(platform)


#: By the end that words go to, what has to happen, and within how many cycles it does.
COVERED = {"core": ("far", "refused", "later", "waits"), "host": ("sent", "again")}
CYCLES = {"core": 42, "host": 26}


class Delivered(wiring.Component):
    """A device between a host and a core. Frames of the host are lost, repeated, damaged, and come in any order; those
    to the host are lost, and come as late as they like. What the core gets are the words of the session, from the first
    one on (``way`` is "core"); what leaves for the host are the core's, unless the host has them already ("host").

    Besides, what the registers and rings of the device mean, which makes the proof one by induction.

    ``far``: a word comes to the core that stands where an earlier one did. ``sent``: one leaves for the host
    after others that it has acknowledged. ``again``: a word leaves for the second time. ``refused``: a sound frame of
    the session is out of order. ``later``: a word comes to the core in the second session. ``waits``: one has to wait.
    """

    def __init__(self, way: str, link: type[Framed] = Framed):
        self._link, self._way = link, way
        frame = {f"next_{name}": In(width) for name, width in FRAME.items()}
        flags = dict.fromkeys(("begins", "has_word", "ends", "noise", "goes", "takes", "gives", "stale"), In(1))
        chosen = {"hears": In(16), "session_of_one": In(16), "number_of_one": In(16)}
        super().__init__(frame | flags | chosen | dict.fromkeys(COVERED[way], Out(1)))

    def elaborate(self, platform):
        m = Module()
        word = Words()
        for kept, free in ((word.session, self.session_of_one), (word.number, self.number_of_one)):
            began = Signal()
            m.d.sync += [began.eq(1), kept.eq(free)]
            m.d.comb += Assume(~began | (free == kept))
        receiver, sender = FromHost(word), ToHost()
        m.submodules.link = link = self._link(receiver, sender)
        r, frame = link.r, receiver.o.p
        m.d.comb += [signal.eq(getattr(self, f"next_{name}")) for name, signal in receiver.next.items()]
        m.d.comb += [
            getattr(receiver, name).eq(getattr(self, name)) for name in ("begins", "has_word", "ends", "noise")
        ]
        m.d.comb += sender.goes.eq(self.goes)
        cleared = Signal()
        m.d.sync += cleared.eq(link.clear)
        runs = Signal()
        m.d.comb += runs.eq(~link.clear)

        # A host's session is never 0. None is begun again: a line keeps the order of what it brings.
        m.d.comb += Assume(~self.next_sound | (self.next_session != 0))
        session, sessions = Signal(16), Signal(2)
        opens = receiver.o.valid & receiver.o.ready & frame.sound & frame.flags[0] & (frame.session != session)
        m.d.comb += [Assume(~opens | (frame.session > session)), Assert(session == r.session)]
        with m.If(opens):
            m.d.sync += [session.eq(frame.session), sessions.eq(sessions + (sessions != 3))]

        if self._way == "core":
            self._to_core(m, word, link, receiver, session, sessions, runs)
        else:
            self._to_host(m, word, link, receiver, sender, session, runs, cleared)
        return m

    def _to_core(self, m, word, link, receiver, session, sessions, runs):
        r, frame = link.r, receiver.o.p
        got = Signal(16)
        taken = link.o.valid & link.o.ready & runs
        m.d.comb += [
            link.o.ready.eq(self.takes),
            Assert(~(link.o.valid & runs) | (link.o.payload[0] == word(session, got))),
            self.far.eq(taken & (got == CFG.depth)),
            self.later.eq(taken & (sessions == 2)),
            self.waits.eq(link.o.valid & ~link.o.ready & runs),
        ]
        ours = receiver.o.valid & receiver.o.ready & frame.sound & (frame.flags == 0) & (frame.session == session)
        m.d.comb += self.refused.eq(ours & (frame.seq < got) & (frame.words != 0))
        with m.If(taken):
            m.d.sync += got.eq(got + 1)
        with m.If(link.clear):
            m.d.sync += got.eq(0)

        # What the registers mean; what the ring has, of words released and of those of the frame under way.
        held = (r.rx_head - r.rx_tail)[:16]
        m.d.comb += [Assert(held <= CFG.depth), Assert(got == (r.rx_tail - link.o.valid)[:16])]
        m.d.comb += Assert((r.age == 0) | ((r.age <= Ring.latency) & (held != 0)))
        sized = (frame.words <= CFG.frame_words) & (receiver.written <= frame.words)
        m.d.comb += Assert(~receiver.under_way | sized)
        m.d.comb += Assert(~receiver.under_way | (held + receiver.written + receiver.left <= CFG.depth))
        for place, cell in enumerate(link.rx_cells):
            back, ahead = Signal(3, name=f"rx_back_{place}"), Signal(3, name=f"rx_ahead_{place}")
            m.d.comb += [back.eq(place - r.rx_tail), ahead.eq(place - r.rx_head)]
            m.d.comb += Assert(~runs | (back >= held) | (cell == word(session, r.rx_tail + back)))
            writes = receiver.under_way & frame.sound & frame.fits & (ahead < receiver.written)
            m.d.comb += Assert(~writes | (cell == word(frame.session, frame.seq + ahead)))

    def _to_host(self, m, word, link, receiver, sender, session, runs, cleared):
        r, frame = link.r, receiver.o.p
        # What has left is there for the host, from the first word on; it has so many of them, and acknowledges no more.
        left, has, given = Signal(16), Signal(16), Signal(16)
        ours = (sender.session == session) & runs
        with m.If(sender.ended & ours & ((sender.number - left)[:16] <= sender.words)):
            m.d.sync += left.eq(sender.number)
        heard = (self.hears - r.tx_acked)[:16]
        m.d.comb += Assume((heard >= (has - r.tx_acked)[:16]) & (heard <= (left - r.tx_acked)[:16]))
        m.d.sync += has.eq(self.hears)
        new = (frame.ack - r.tx_acked)[:16]
        fair = (new <= (has - r.tx_acked)[:16]) | (new > CFG.depth)
        m.d.comb += Assume(~receiver.under_way | ~frame.sound | (frame.session != session) | fair)
        # What a core offers may be of the session before for as long as it is in reset.
        m.d.comb += [
            link.i.valid.eq(self.gives),
            link.i.payload.eq(Mux(link.clear | cleared, self.stale, word(session, given))),
        ]
        with m.If(link.i.valid & link.i.ready):
            m.d.sync += given.eq(given + 1)
        with m.If(link.clear):
            m.d.sync += [given.eq(0), left.eq(0), has.eq(0)]
        acked = r.tx_acked
        wanted = ours & ((sender.number - has)[:16] <= CFG.depth)
        m.d.comb += [
            Assert(~(sender.captured & wanted) | (sender.rd_data[0] == word(session, sender.number))),
            self.sent.eq(sender.captured & wanted & (acked != 0)),
            self.again.eq(sender.captured & wanted & (sender.number < left)),
        ]

        # What the registers mean, and what the ring has.
        had, next_, known, there = ((n - acked)[:16] for n in (r.tx_head, r.tx_next, has, left))
        ends = sender.number + sender.left
        ahead, behind = (ends - acked)[:16], (acked - ends)[:16]
        in_frame = sender.under_way & ours
        m.d.comb += [
            Assert(given == r.tx_head),
            Assert(had <= CFG.depth),
            Assert(next_ <= had),
            Assert((known <= there) & (there <= had)),
            Assert(sender.session <= session),
            Assert(~sender.under_way | ((sender.left <= sender.words) & (sender.words <= CFG.frame_words))),
            # The host may have it already, but it does not get on by 2**14 words while a frame leaves.
            Assume(~in_frame | (ahead <= had) | (behind < 1 << 14)),
            Assert(~in_frame | (ahead <= had) | (behind < 1 << 15)),
        ]
        for place, cell in enumerate(link.tx_cells):
            back = Signal(3, name=f"tx_back_{place}")
            m.d.comb += back.eq(place - acked)
            m.d.comb += Assert(~runs | (back >= had) | (cell == word(session, acked + back)))


@pytest.mark.long
@pytest.mark.parametrize("way", COVERED)
def test_words_are_delivered_once_and_in_order(way, tmp_path):
    """By induction: for ever, as long as no frame is older than 2**14 words. Found, by hand: words that are taken
    whatever their place, a ring without places left free, a core that is heard in the cycle after its reset."""
    cover(Delivered(way), tmp_path, output=COVERED[way], cycles=CYCLES[way])
    prove(Delivered(way), tmp_path, name=f"link.to-{way}", method="-tempinduct -maxsteps 6")


class Careless(Framed):
    """Takes what the core offers in the cycle after its reset, which may be of the session before."""

    def _take(self, m, r, sender):
        super()._take(m, r, sender)
        with m.If(self.i.valid & ~self.clear & (r.tx_used < CFG.depth - 3)):
            m.d.comb += [self.i.ready.eq(1), self._tx_ring.wr_en.eq(1)]
            m.d.sync += r.tx_head.eq(r.tx_head + 1)


def test_a_word_of_the_session_before_is_found(tmp_path):
    with pytest.raises(SynthesisError, match="did fail"):
        prove(Delivered("host", Careless), tmp_path, name="none", method="-seq 9")
