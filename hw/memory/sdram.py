"""A controller of an SDR SDRAM: bursts of words, the next page opened while this one is in use."""

from typing import NamedTuple

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


class _Choice(NamedTuple):
    """The ``command`` of this cycle, its ``bank`` and what goes to ``a``; whether the one before ``changed`` a bank."""

    command: Signal
    bank: Signal
    a: Signal
    changed: Signal


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
        written, has_word = Signal(), Signal()
        command, bank, changed = Signal(Command), Signal(cfg.bank_bits), Signal()
        a = Signal.like(self.pins.a, name="a")
        choice = _Choice(command, bank, a, changed)
        refreshes = start.done & (command == Command.REFRESH)
        # What the banks said in the cycle before holds unless a command changed it then.
        m.d.sync += changed.eq((command == Command.ACTIVE) | (command == Command.PRECHARGE) | refreshes)
        uses = (command == Command.READ) | (command == Command.WRITE)
        part, takes = self._part(m, cutter.o, uses)
        ready = Mux(part.part.write, banks.can_write & has_word, banks.can_read & has_room)
        with m.If(~start.done):
            m.d.comb += [command.eq(start.command), a.eq(start.a)]
        due, free = start.done & start.due, start.done & ~start.due
        self._refresh(m, banks, due, choice)
        self._choose(m, banks.banks, part, takes, cutter.o, free & ready, free, choice)
        m.d.comb += [
            banks.command.eq(command),
            banks.bank.eq(bank),
            banks.row.eq(a),
            banks.all.eq(a[10]),
            # Another WRITE comes in two cycles at the earliest: until then the word may stay, and by then it is known
            # whether there is another.
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
            has_word.eq(words.level - written != 0),
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
    def _refresh(m, banks, due, choice):
        """When it is due, all pages are closed, then the chip is refreshed."""
        # A read or a write may have come in the cycle before the first.
        blocked, is_open, can_close, can_open = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            blocked.eq(due),
            is_open.eq(Cat(bank.open for bank in banks.banks).any()),
            can_close.eq(Cat(bank.can_close for bank in banks.banks).all()),
            can_open.eq(Cat(bank.can_open for bank in banks.banks).all()),
        ]
        with m.If(due & blocked & ~choice.changed):
            with m.If(is_open):
                with m.If(can_close):
                    m.d.comb += [choice.command.eq(Command.PRECHARGE), choice.a.eq(1 << 10)]
            with m.Elif(can_open):
                m.d.comb += choice.command.eq(Command.REFRESH)

    def _choose(self, m, banks, under_way, takes, ahead, ready, free, choice):
        """When all is ``ready`` for it, a word of this part; else, while the chip is ``free``, its page, or that of the
        part ahead, is closed or opened.

        What can be done is found a cycle ahead, from the banks as they are then: for this part, or for the one behind
        it which takes its place.
        """
        cfg = self._cfg
        part, after = under_way.part, data.View(_PartLayout(cfg), Value.cast(ahead.payload))
        states = Array(Value.cast(state) for state in banks)
        of_part, of_after = Signal(BankLayout(cfg)), Signal(BankLayout(cfg))
        m.d.comb += [of_part.eq(states[part.bank]), of_after.eq(states[after.bank])]
        fits, fits_after = of_part.open & (of_part.row == part.row), of_after.open & (of_after.row == after.row)
        waits, waits_after = under_way.valid & ~takes, ahead.valid & ~takes & (after.bank != part.bank)
        hit = Signal()
        opens, closes, opens_after, closes_after = (Signal(name=n) for n in ("opens", "closes", "opens_a", "closes_a"))
        m.d.sync += [
            hit.eq(Mux(takes, ahead.valid & fits_after & of_after.can_use, under_way.valid & fits & of_part.can_use)),
            # Of a part that has just come it is not known: the last word of the one before may keep its bank open.
            opens.eq(waits & ~of_part.open & of_part.can_open),
            closes.eq(waits & of_part.open & ~fits & of_part.can_close),
            opens_after.eq(waits_after & ~of_after.open & of_after.can_open),
            closes_after.eq(waits_after & of_after.open & ~fits_after & of_after.can_close),
        ]
        word = hit & ready
        own = word | opens | closes
        with m.If(free):
            m.d.comb += choice.bank.eq(Mux(own, part.bank, after.bank))
        with m.If(word):
            m.d.comb += [
                choice.command.eq(Mux(part.write, Command.WRITE, Command.READ)),
                choice.a.eq(Cat(Const(0, 1), part.place)),
            ]
        with m.Elif(free & ~choice.changed):
            with m.If(opens | ~closes & opens_after):
                m.d.comb += [choice.command.eq(Command.ACTIVE), choice.a.eq(Mux(opens, part.row, after.row))]
            with m.Elif(closes | closes_after):
                m.d.comb += choice.command.eq(Command.PRECHARGE)

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
