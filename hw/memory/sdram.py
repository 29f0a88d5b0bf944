"""A controller of an SDR SDRAM: bursts of words, the next page opened while this one is in use."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import delay
from .cutter import BurstCutter
from .port import MemoryPort, WordLayout
from .sdram_banks import BankLayout, Command, SdramBanks
from .sdram_config import SdramConfig
from .sdram_start import SdramStart

__all__ = ["SdramController", "SdramPins"]


class _PartLayout(data.StructLayout):
    """``last + 1`` words of a page from ``place`` on; :attr:`SdramConfig.address_bits`."""

    def __init__(self, cfg: SdramConfig):
        address = {"place": cfg.page_bits, "bank": cfg.bank_bits, "row": cfg.row_bits}
        super().__init__({**address, "last": cfg.page_bits, "write": 1})


class SdramPins(wiring.Signature):
    """To the pins of the chip, as ``amaranth-boards`` names them; all that goes out comes from a register.

    ``cs``, ``ras``, ``cas``, ``we`` : 1 where the pin is low.
    ``dq_o``, ``dq_oe``, ``dq_i`` : data, driven while ``dq_oe``.
    """

    def __init__(self, cfg: SdramConfig):
        width = cfg.DATA_BITS
        super().__init__(
            {
                "clk_en": Out(1),
                **{name: Out(1) for name in ("cs", "ras", "cas", "we")},
                "ba": Out(cfg.bank_bits),
                "a": Out(max(cfg.row_bits, 11)),
                "dqm": Out(width // 8),
                "dq_o": Out(width),
                "dq_oe": Out(1),
                "dq_i": In(width),
            }
        )


class SdramController(wiring.Component):
    """Executes bursts in their order. While one is under way, the page of the next is closed and opened if it is of
    another bank. A refresh does not wait for the end of a burst.

    Parameters
    ----------
    cfg : SdramConfig
    last_bits : int
        Of the port.

    Members
    -------
    port : In(MemoryPort)
    pins : Out(SdramPins)
    ready : Out(1)
        The chip has been started; requests wait for it.
    opened, refreshed : Out(1)
        A page was opened (one that was not at hand); the chip was refreshed.

    Timing: a word in ``BEATS`` cycles, also from burst to burst as long as words come and are taken, if the page is of
    another bank and the burst before it took long enough to open it; :class:`SdramConfig` says what else costs
    (``same_bank_cycles``, ``turn_cycles``). A refresh takes about ``tRP + tRFC + tRCD`` and what closing waits for,
    every ``refresh_interval`` cycles.
    Resources: two queues of :data:`READ_WORDS` and 4 words, one of two requests: no wire leads from the choice of a
    command to the port.
    """

    #: Words that have been read or will be, and were not taken yet.
    READ_WORDS = 16

    def __init__(self, cfg: SdramConfig, last_bits: int):
        self._cfg, self._last_bits = cfg, last_bits
        super().__init__(
            {
                "port": In(MemoryPort(cfg.address_bits, cfg.word_bits, last_bits)),
                "pins": Out(SdramPins(cfg)),
                "ready": Out(1),
                "opened": Out(1),
                "refreshed": Out(1),
            }
        )

    @property
    def read_latency(self) -> int:
        """Cycles from the decision to read to the first data in a register: to the pins, in the chip, from the pins."""
        return 1 + self._cfg.cas + 1 + self._cfg.input_delay

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.start = start = SdramStart(cfg)
        m.submodules.banks = banks = SdramBanks(cfg)
        m.submodules.cutter = cutter = BurstCutter(cfg.address_bits, self._last_bits, cfg.page_bits)
        m.submodules.words = words = SyncFIFOBuffered(width=len(self.port.write.payload.as_value()), depth=4)
        asked = self.port.request
        m.submodules.requests = requests = SyncFIFO(width=len(asked.payload.as_value()), depth=2)
        m.d.comb += [
            requests.w_data.eq(asked.payload),
            requests.w_en.eq(asked.valid),
            asked.ready.eq(requests.w_rdy),
            Value.cast(cutter.i.payload).eq(requests.r_data),
            cutter.i.valid.eq(requests.r_rdy),
            requests.r_en.eq(cutter.i.ready),
            words.w_data.eq(self.port.write.payload),
            words.w_en.eq(self.port.write.valid),
            self.port.write.ready.eq(words.w_rdy),
        ]
        room, has_room = Signal(range(self.READ_WORDS + 1), init=self.READ_WORDS), Signal(init=1)
        written = Signal()
        command, bank, a, uses = Signal(Command), Signal(cfg.bank_bits), Signal.like(self.pins.a), Signal()
        with m.If(~start.done):
            m.d.comb += [command.eq(start.command), a.eq(start.a)]
        with m.Elif(start.due):
            self._refresh(m, banks, command, a)
        part, takes = self._part(m, cutter.o, uses)
        m.d.comb += uses.eq((command == Command.READ) | (command == Command.WRITE))
        with m.If(start.done & ~start.due):
            ready = Mux(part.part.write, banks.can_write & words.r_rdy, banks.can_read & has_room)
            self._choose(m, banks.banks, part, takes, cutter.o, ready, command, bank, a)
        refreshes = start.done & (command == Command.REFRESH)
        m.d.comb += [
            banks.command.eq(command),
            banks.bank.eq(bank),
            banks.row.eq(a),
            banks.all.eq(a[10]),
            # Another WRITE comes in two cycles at the earliest: until then the word may stay.
            words.r_en.eq(written),
            start.refreshed.eq(refreshes),
            self.ready.eq(start.done),
            self.refreshed.eq(refreshes),
            self.opened.eq(command == Command.ACTIVE),
        ]
        self._drive(m, command, bank, a, words.r_data, start.done)
        read, taken = Signal(), Signal()
        m.d.sync += taken.eq(self._read(m, command == Command.READ))
        # So does another READ; a place that has become free may be known a cycle later.
        left = room - read + taken
        m.d.sync += [
            self.port.opened.eq(self.opened),
            written.eq(command == Command.WRITE),
            read.eq(command == Command.READ),
            room.eq(left),
            has_room.eq(left[: len(room)] != 0),
        ]
        return m

    def _part(self, m, ahead, uses):
        """The part that is under way, word by word, and ``valid`` besides; whether the next one is taken."""
        cfg = self._cfg
        layout = data.StructLayout({"valid": 1, "part": _PartLayout(cfg)})
        under_way = Signal(layout)
        part = under_way.part
        takes = Signal()
        m.d.comb += [takes.eq(~under_way.valid | (uses & (part.last == 0))), ahead.ready.eq(takes)]
        with m.If(takes):
            m.d.sync += [under_way.valid.eq(ahead.valid), part.eq(Value.cast(ahead.payload))]
        with m.Elif(uses):
            m.d.sync += [part.place.eq(part.place + 1), part.last.eq(part.last - 1)]
        return under_way, takes

    @staticmethod
    def _refresh(m, banks, command, a):
        """All pages are closed, then the chip is refreshed."""
        is_open = Cat(bank.open for bank in banks.banks).any()
        with m.If(is_open):
            with m.If(Cat(bank.can_close for bank in banks.banks).all()):
                m.d.comb += [command.eq(Command.PRECHARGE), a.eq(1 << 10)]
        with m.Elif(Cat(bank.can_open for bank in banks.banks).all()):
            m.d.comb += command.eq(Command.REFRESH)

    def _choose(self, m, banks, under_way, takes, ahead, ready, command, bank, a):
        """A word of this part; else its page, or that of the part ahead, is closed or opened.

        Rows are compared in the cycle before: of a part that has just come it is not known yet which row its bank has.
        That costs nothing: the last word of the part before it was sent in the cycle before, and takes two.
        """
        cfg = self._cfg
        part, after = under_way.part, data.View(_PartLayout(cfg), Value.cast(ahead.payload))
        now, then = Signal(BankLayout(cfg)), Signal(BankLayout(cfg))
        opens, of = Signal(_PartLayout(cfg)), Signal(BankLayout(cfg))
        states = Array(Value.cast(state) for state in banks)
        hit, own, other = Signal(), Signal(), Signal()
        comes, part_row, ahead_comes, ahead_row = Signal(init=1), Signal(), Signal(init=1), Signal()
        opened = command == Command.ACTIVE
        m.d.sync += [
            comes.eq(takes),
            part_row.eq((now.row == part.row) | (opened & own)),
            ahead_comes.eq(takes | ~ahead.valid),
            ahead_row.eq((then.row == after.row) | (opened & ~own)),
        ]
        known = under_way.valid & ~comes
        m.d.comb += [
            hit.eq(known & now.open & part_row),
            own.eq(known & ~(now.open & part_row)),
            other.eq(
                under_way.valid & ahead.valid & ~ahead_comes & ~(then.open & ahead_row) & (after.bank != part.bank)
            ),
            now.eq(states[part.bank]),
            then.eq(states[after.bank]),
            opens.eq(Mux(own, part, after)),
            of.eq(Mux(own, now, then)),
        ]
        with m.If(hit & now.can_use & ready):
            m.d.comb += [
                command.eq(Mux(part.write, Command.WRITE, Command.READ)),
                bank.eq(part.bank),
                a.eq(Cat(Const(0, 1), part.place)),
            ]
        with m.Elif(own | other):
            m.d.comb += bank.eq(opens.bank)
            with m.If(of.open & of.can_close):
                m.d.comb += command.eq(Command.PRECHARGE)
            with m.Elif(~of.open & of.can_open):
                m.d.comb += [command.eq(Command.ACTIVE), a.eq(opens.row)]

    def _drive(self, m, command, bank, a, word, started):
        """Registers at the pins: a command, and the two halves of a word to be written."""
        pins, word = self.pins, data.View(WordLayout(self._cfg.word_bits), word)
        half, bytes_ = len(pins.dq_o), len(pins.dqm)
        second, second_mask = Signal(half, reset_less=True), Signal(bytes_, reset_less=True)
        writes, again = command == Command.WRITE, Signal()
        m.d.sync += [
            pins.clk_en.eq(1),
            pins.cs.eq(1),
            Cat(pins.ras, pins.cas, pins.we).eq(command),
            pins.ba.eq(bank),
            pins.a.eq(a),
            again.eq(writes),
            second.eq(word.data[half:]),
            second_mask.eq(~word.strobes[bytes_:]),
            pins.dq_oe.eq(writes | again),
            pins.dq_o.eq(Mux(writes, word.data[:half], second)),
            pins.dqm.eq(
                Mux(writes, ~word.strobes[:bytes_], Mux(again, second_mask, Mux(started, 0, (1 << bytes_) - 1)))
            ),
        ]

    def _read(self, m, reads):
        """Both halves of a word into the queue; returns whether a word is taken."""
        port, cfg = self.port.read, self._cfg
        m.submodules.queue = queue = SyncFIFOBuffered(width=cfg.word_bits, depth=self.READ_WORDS)
        half, first = (Signal(cfg.DATA_BITS, reset_less=True, name=name) for name in ("half", "first"))
        m.d.sync += [half.eq(self.pins.dq_i), first.eq(half)]
        m.d.comb += [
            queue.w_data.eq(Cat(first, half)),
            queue.w_en.eq(delay(m, reads, self.read_latency + 1, name="reads", reset_less=False)),
            port.payload.eq(queue.r_data),
            port.valid.eq(queue.r_rdy),
            queue.r_en.eq(port.ready),
        ]
        return port.valid & port.ready
