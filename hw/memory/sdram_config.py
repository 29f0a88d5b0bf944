"""What an SDR SDRAM is, and what that means in cycles. Standard library only."""

from dataclasses import dataclass

__all__ = ["SdramConfig"]


@dataclass(frozen=True, kw_only=True)
class SdramConfig:
    """A chip of 16 bits at a clock; the defaults are those of 256-Mbit parts of the -7 class (as on the ULX3S).

    Attributes
    ----------
    clock_hz : int
        Of controller and chip.
    bank_bits, row_bits, column_bits : int
    cas : int
        Cycles from READ to its first data: 2 or 3.
    t_ck2, t_ck3 : float
        ns: the shortest cycle with such a ``cas``.
    t_rcd, t_rp, t_ras, t_rc, t_rrd, t_wr, t_rfc : float
        ns: ACTIVE to column command; PRECHARGE to ACTIVE; ACTIVE to PRECHARGE; ACTIVE to ACTIVE of the bank, and of
        another one; last data of a write to PRECHARGE; REFRESH to the next command.
    powerup_us : float
        From power to the first command.
    refresh_ms, refreshes : float, int
        So many REFRESH in that time.
    input_delay : int
        Cycles that data from the pins come later than a register at the pins would see them.

    Raises
    ------
    ValueError
        A value is out of range.
    """

    clock_hz: int
    bank_bits: int = 2
    row_bits: int = 13
    column_bits: int = 9
    cas: int = 2
    t_ck2: float = 10
    t_ck3: float = 7
    t_rcd: float = 20
    t_rp: float = 20
    t_ras: float = 44
    t_rc: float = 66
    t_rrd: float = 14
    t_wr: float = 15
    t_rfc: float = 66
    powerup_us: float = 200
    refresh_ms: float = 64
    refreshes: int = 8192
    input_delay: int = 0

    #: Bits of the chip's data, and its beats in a word of the port: a burst of two leaves every other cycle for
    #: commands to other banks.
    DATA_BITS = 16
    BEATS = 2
    #: Cycles after LOAD MODE REGISTER.
    MODE_CYCLES = 2

    def __post_init__(self):
        if self.clock_hz < 1:
            raise ValueError(f"clock_hz must be at least 1, not {self.clock_hz}")
        if self.cas not in (2, 3):
            raise ValueError(f"cas must be 2 or 3, not {self.cas}")
        period, least = 1e9 / self.clock_hz, self.t_ck2 if self.cas == 2 else self.t_ck3
        if period < least - 1e-6:
            raise ValueError(
                f"a cycle of {period:.2f} ns is too short for a cas of {self.cas}: use {1e3 / least:g} MHz at most"
                + (", or a cas of 3" if self.cas == 2 else "")
            )
        for name, low, high in (("bank_bits", 1, 2), ("row_bits", 1, 13), ("column_bits", 2, 10)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {getattr(self, name)}")
        if self.refresh_interval < 4 * self.cycles(self.t_rfc):
            raise ValueError(
                f"a refresh every {self.refresh_interval} cycles of {self.cycles(self.t_rfc)} leaves no time for data; "
                "use a faster clock"
            )

    @property
    def word_bits(self) -> int:
        """Of a word of the port."""
        return self.BEATS * self.DATA_BITS

    @property
    def page_bits(self) -> int:
        """Of a word in its page."""
        return self.column_bits - 1

    @property
    def address_bits(self) -> int:
        """Of a word; from the lowest on: place in the page, bank, row. So the page after this one is of the next bank,
        and can be opened while this one is in use."""
        return self.page_bits + self.bank_bits + self.row_bits

    def cycles(self, ns: float) -> int:
        """Cycles that last at least so many ns."""
        return -int(-ns * self.clock_hz // 1_000_000_000)

    @property
    def refresh_interval(self) -> int:
        """Cycles between two REFRESH."""
        return int(self.refresh_ms * self.clock_hz / self.refreshes / 1000)

    @property
    def powerup_cycles(self) -> int:
        return self.cycles(1000 * self.powerup_us)

    @property
    def powerup_refreshes(self) -> int:
        """At least 8, and as many as were missed if the chip was at work before a reset."""
        return 8 + -(-self.powerup_cycles // self.refresh_interval)

    # ---- what a burst costs
    def burst_cycles(self, words: int) -> int:
        """Of a burst in one page after another one of a bank whose page could be opened ahead."""
        return self.BEATS * words

    def same_bank_cycles(self, *, write: bool) -> int:
        """More of them before a burst in another page of the bank in which a long burst, a write or not, has just
        ended. What may follow a command is known a cycle later, so two of one bank are two cycles apart, or more."""
        closes = 1 + self.cycles(self.t_wr) if write else self.BEATS
        return max(2, closes) + max(2, self.cycles(self.t_rp)) + max(2, self.cycles(self.t_rcd)) - self.BEATS

    @property
    def turn_cycles(self) -> int:
        """More of them before a write after a read: the chip's last data, and a cycle in which nobody drives."""
        return self.cas + 1
