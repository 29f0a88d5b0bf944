"""What an SDRAM needs before it can be used, and when it has to be refreshed."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .sdram_banks import Command
from .sdram_config import SdramConfig

__all__ = ["SdramStart"]


class SdramStart(wiring.Component):
    """Power-up: a wait, PRECHARGE of all banks, ``cfg.powerup_refreshes`` REFRESH, MODE.

    A chip that has been started before has rows open perhaps, and may not keep them so for as long as power-up takes:
    after any other reset than the first, PRECHARGE comes as soon as whatever was under way has ended.

    Parameters
    ----------
    cfg : SdramConfig

    Members
    -------
    command : Out(Command), a : Out
        A command, and the address pins beside it.
    done : Out(1)
        The chip can be used; a register, as is the next.
    due : Out(1), refreshed : In(1)
        From then on: the chip has to be refreshed, of which it is told two cycles after it was; it is, in this cycle.

    Timing: ``powerup_cycles + tRP + powerup_refreshes * tRFC + MODE_CYCLES`` and 5 at most, once; after later resets
    ``settling`` in the place of ``powerup_cycles``.
    """

    def __init__(self, cfg: SdramConfig):
        self._cfg = cfg
        super().__init__(
            {
                "command": Out(Command),
                "a": Out(max(cfg.row_bits, 11)),
                "done": Out(1),
                "due": Out(1),
                "refreshed": In(1),
            }
        )

    @property
    def mode(self) -> int:
        """Of the mode register: bursts of two, sequential."""
        return self._cfg.cas << 4 | (self._cfg.BEATS.bit_length() - 1)

    @property
    def settling(self) -> int:
        """Cycles until any command that came before a reset has ended; REFRESH takes longest."""
        return self._cfg.cycles(self._cfg.t_rfc) + 2

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        rp, rfc = cfg.cycles(cfg.t_rp), cfg.cycles(cfg.t_rfc)
        waited = Signal(range(self.settling + 1))
        known = Signal(reset_less=True)
        wait = Signal(range(max(cfg.powerup_cycles, rp, rfc, cfg.MODE_CYCLES) + 1), init=cfg.powerup_cycles)
        left = Signal(range(cfg.powerup_refreshes + 1), init=cfg.powerup_refreshes)
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.FSM():
            with m.State("POWER"):
                m.d.sync += waited.eq(waited + 1)
                with m.If((wait == 0) | (known & (waited == self.settling))):
                    m.d.comb += [self.command.eq(Command.PRECHARGE), self.a.eq(1 << 10)]
                    m.d.sync += [wait.eq(rp - 1), known.eq(1)]
                    m.next = "REFRESH"
            with m.State("REFRESH"), m.If(wait == 0):
                m.d.comb += self.command.eq(Command.REFRESH)
                m.d.sync += [wait.eq(rfc - 1), left.eq(left - 1)]
                with m.If(left == 1):
                    m.next = "MODE"
            with m.State("MODE"), m.If(wait == 0):
                m.d.comb += [self.command.eq(Command.MODE), self.a.eq(self.mode)]
                m.d.sync += wait.eq(cfg.MODE_CYCLES - 1)
                m.next = "END"
            with m.State("END"), m.If(wait == 0):
                m.next = "DONE"
            with m.State("DONE"):
                m.d.sync += self.done.eq(1)

        # One that comes late is made up for: the next ones keep their time.
        timer = Signal(range(cfg.refresh_interval))
        owed = Signal(4)
        comes = timer == cfg.refresh_interval - 1
        m.d.sync += timer.eq(Mux(comes | ~self.done, 0, timer + 1))
        m.d.sync += owed.eq(owed + (comes & (owed != 15)) - self.refreshed)
        m.d.sync += self.due.eq(owed != 0)
        return m
