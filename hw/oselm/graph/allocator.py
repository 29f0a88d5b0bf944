"""Rooms for neighbour lists."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.ram import Ram
from ..config import CoreConfig
from .layouts import EntryLayout, address_bits, first_entry
from .memory import MemoryPort

__all__ = ["Allocator", "GrantLayout", "RoomLayout"]


class RoomLayout(data.StructLayout):
    """A room of class ``room`` (``4 << (room - 1)`` entries) is wanted, or with ``free`` the one at ``place`` is not
    wanted any longer."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"free": 1, "room": cfg.room_classes.bit_length(), "place": cfg.place_bits})


class GrantLayout(data.StructLayout):
    """``granted``: the room at ``place`` is yours. What is freed is always granted."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"granted": 1, "place": cfg.place_bits})


class Allocator(wiring.Component):
    """Gives out rooms: the one of its class that was freed last, else the first entries that were never in use.

    The free rooms of a class are a linked list in the list memory itself: the first entries of each tell the place of
    the one that was freed before it, and the last one tells its own.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of RoomLayout), o : Out(stream of GrantLayout)
        One at a time. A wanted room has a class that a row of the core can need: 1 ... ``cfg.room_classes``.
    clear : In(1)
        All rooms are free again; only while nothing is under way.
    entries : Out(MemoryPort)

    Timing: 3 cycles from ``i`` to ``o`` for a room that was never in use; :attr:`beats` more to free one, and
    ``beats * (latency + 1)`` more to get one that was freed.

    Resources: ``cfg.room_classes`` words of LUT RAM and one register each.

    Raises
    ------
    ValueError
        The first four entries of a room are too small for a place.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        if self.beats > 4:
            raise ValueError(
                f"edge_ends {cfg.edge_ends} is far more than {cfg.nodes} nodes can use: a place in it "
                f"({cfg.place_bits} bits) does not fit 4 entries; use at most {4 << 4 * EntryLayout(cfg).size}"
            )
        super().__init__(
            {
                "i": In(stream.Signature(RoomLayout(cfg))),
                "o": Out(stream.Signature(GrantLayout(cfg))),
                "clear": In(1),
                "entries": Out(MemoryPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    @property
    def beats(self) -> int:
        """Entries that a place in a free room takes."""
        return -(-self._cfg.place_bits // EntryLayout(self._cfg).size)

    def elaborate(self, platform):
        cfg, beats = self._cfg, self.beats
        m = Module()
        port, classes = self.entries, cfg.room_classes
        width = EntryLayout(cfg).size
        m.submodules.heads = heads = Ram(classes + 1, cfg.place_bits, vendor=cfg.vendor, style="distributed")
        wanted = Signal.like(self.i.payload, reset_less=True)
        some = Signal(classes + 1)  # which classes have free rooms
        top = Signal(range(cfg.edge_ends // 4 + 1))  # in units of four entries
        fits, listed = Signal(reset_less=True), Signal(reset_less=True)
        head = Signal(cfg.place_bits, reset_less=True)
        link = Signal(beats * width, reset_less=True)
        place, granted = Signal(cfg.place_bits, reset_less=True), Signal(reset_less=True)
        beat, last = Signal(2), Signal()
        m.d.comb += [
            heads.rd_addr.eq(wanted.room),
            heads.wr_addr.eq(wanted.room),
            last.eq(beat == beats - 1),
            port.request.payload.eq(first_entry(cfg, place) | beat),
            port.write.payload.address.eq(first_entry(cfg, wanted.place) | beat),
            port.write.payload.word.eq(link),
            self.o.payload.place.eq(place),
            self.o.payload.granted.eq(granted),
        ]
        # A class is one of a few: its bit, and the size of its rooms.
        one_hot = Cat(wanted.room == c for c in range(classes + 1))
        above = Signal(range(2 * (cfg.edge_ends // 4) + 1), reset_less=True)
        m.d.sync += [
            listed.eq((some & one_hot).any()),
            above.eq(top + one_hot[1:]),
            head.eq(heads.rd_data),
        ]
        m.d.comb += fits.eq(above <= cfg.edge_ends // 4)
        with m.If(self.clear):
            m.d.sync += [some.eq(0), top.eq(0)]
        with m.FSM():
            with m.State("WANTED"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [wanted.eq(self.i.payload), beat.eq(0)]
                with m.If(self.i.valid):
                    m.next = "LOOK UP"
            with m.State("LOOK UP"):
                m.next = "CHOOSE"
            with m.State("CHOOSE"):
                m.d.sync += [granted.eq(1), place.eq(head)]
                with m.If(wanted.free):
                    m.d.comb += [heads.wr_en.eq(1), heads.wr_data.eq(wanted.place)]
                    m.d.sync += [some.eq(some | one_hot), link.eq(Mux(listed, head, wanted.place))]
                    m.next = "LINK"
                with m.Elif(listed):
                    m.next = "FOLLOW"
                with m.Else():
                    m.d.sync += [granted.eq(fits), place.eq(top)]
                    with m.If(fits):
                        m.d.sync += top.eq(above)
                    m.next = "GRANT"
            with m.State("LINK"):
                m.d.comb += port.write.valid.eq(1)
                with m.If(port.write.ready):
                    m.d.sync += [beat.eq(beat + 1), link.eq(link >> width)]
                    with m.If(last):
                        m.next = "GRANT"
            with m.State("FOLLOW"):
                m.d.comb += port.request.valid.eq(1)
                with m.If(port.request.ready):
                    m.next = "FOLLOWED"
            with m.State("FOLLOWED"), m.If(port.response.valid):
                m.d.sync += [beat.eq(beat + 1), link.eq(Cat(link, port.response.payload)[width:])]
                m.next = "FOLLOW"
                with m.If(last):
                    m.next = "UNLINK"
            with m.State("UNLINK"):
                before = link[: cfg.place_bits]
                m.d.comb += [heads.wr_en.eq(1), heads.wr_data.eq(before)]
                with m.If(before == place):
                    m.d.sync += some.eq(some & ~one_hot)
                m.next = "GRANT"
            with m.State("GRANT"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "WANTED"
        return m
