"""When which command may go to which bank of an SDRAM."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from .sdram_config import SdramConfig

__all__ = ["BankLayout", "Command", "SdramBanks"]


class Command(enum.Enum, shape=3):  # type: ignore[call-arg]
    """RAS, CAS and WE, the lowest first, 1 where the pin is low."""

    NOP = 0b000
    ACTIVE = 0b001
    READ = 0b010
    REFRESH = 0b011
    PRECHARGE = 0b101
    WRITE = 0b110
    MODE = 0b111


class BankLayout(data.StructLayout):
    """Whether the bank has a row open and which, and what may be done with it in the next cycle, if no command of this
    one forbids it."""

    def __init__(self, cfg: SdramConfig):
        super().__init__({"open": 1, "row": cfg.row_bits, "can_open": 1, "can_close": 1, "can_use": 1})


class SdramBanks(wiring.Component):
    """Follows the commands, and says of each bank what the chip's rules allow in the next cycle.

    Parameters
    ----------
    cfg : SdramConfig

    Members
    -------
    command : In(Command), bank : In, row : In, all : In(1)
        What goes to the chip in this cycle; ``all``: PRECHARGE of all banks. ``row`` of ACTIVE.
    banks : Out(BankLayout) array
    can_read, can_write : Out(1)
        The data pins allow it, in this cycle.

    Resources: two counters a bank, and five.
    """

    def __init__(self, cfg: SdramConfig):
        self._cfg = cfg
        super().__init__(
            {
                "command": In(Command),
                "bank": In(cfg.bank_bits),
                "row": In(cfg.row_bits),
                "all": In(1),
                "banks": Out(BankLayout(cfg)).array(1 << cfg.bank_bits),
                "can_read": Out(1),
                "can_write": Out(1),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        beats = cfg.BEATS
        rcd, rp, ras, rc, rrd, wr, rfc = (
            cfg.cycles(ns) for ns in (cfg.t_rcd, cfg.t_rp, cfg.t_ras, cfg.t_rc, cfg.t_rrd, cfg.t_wr, cfg.t_rfc)
        )

        def timer(name: str, most: int, *restarts: tuple[Value, int], ahead: int = 1) -> Value:
            """Whether it has run out ``ahead`` cycles from now. A restart of n cycles ends n cycles after this one,
            unless it runs longer."""
            # As many ones as cycles are left: the longer one of two is their sum, and takes no comparison.
            left = Signal(max(1 + ahead, most - 1), name=name)
            after = left >> 1
            for when, cycles in restarts:
                after |= Mux(when, (1 << (cycles - 1)) - 1, 0)
            m.d.sync += left.eq(after)
            return ~left[ahead]

        active, closes, refresh, reads, writes = (
            self.command == command
            for command in (Command.ACTIVE, Command.PRECHARGE, Command.REFRESH, Command.READ, Command.WRITE)
        )
        # An ACTIVE anywhere keeps the next one away; a REFRESH too.
        apart = timer("apart", max(rrd, rfc), (active, rrd), (refresh, rfc))
        for b, bank in enumerate(self.banks):
            here = self.bank == b
            opens = active & here
            shuts = closes & (here | self.all)
            is_open, row = Signal(name=f"is_open_{b}"), Signal(cfg.row_bits, name=f"row_{b}", reset_less=True)
            with m.If(opens):
                m.d.sync += [is_open.eq(1), row.eq(self.row)]
            with m.If(shuts):
                m.d.sync += is_open.eq(0)
            m.d.comb += [
                bank.open.eq(is_open),
                bank.row.eq(row),
                bank.can_open.eq(timer(f"open_{b}", max(rp, rc), (opens, rc), (shuts, rp)) & apart),
                bank.can_use.eq(timer(f"use_{b}", rcd, (opens, rcd))),
                bank.can_close.eq(
                    timer(
                        f"close_{b}", max(ras, beats - 1 + wr, beats), (opens, ras), (reads & here, beats),
                        (writes & here, beats - 1 + wr),
                    )
                ),
            ]  # fmt: skip
        m.d.comb += [
            self.can_read.eq(timer("read", beats, (reads | writes, beats), ahead=0)),
            self.can_write.eq(
                timer("write", cfg.cas + beats + 1, (writes, beats), (reads, cfg.cas + beats + 1), ahead=0)
            ),
        ]
        return m
