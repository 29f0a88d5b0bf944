"""An SDR SDRAM that holds a controller to the data sheet: every broken rule is an error.

It is written from the rules of the chip alone, in nanoseconds and clock edges, and knows nothing of the controller.
"""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Pins", "SdramChip", "SdramRules", "SdramViolation"]


class SdramViolation(AssertionError):
    """A rule of the chip was broken."""


@dataclass(frozen=True, kw_only=True)
class SdramRules:
    """Of a data sheet; times in ns. ``ck`` : the shortest period with each of ``cas``; ``late`` : REFRESH commands by
    which the average may be missed."""

    banks: int = 4
    columns: int = 512
    cas: tuple[int, ...] = (2, 3)
    ck: tuple[float, ...] = (10, 7)
    rcd: float = 20
    rp: float = 20
    ras: float = 44
    ras_most: float = 100_000
    rc: float = 66
    rrd: float = 14
    wr: float = 15
    rfc: float = 66
    mode: int = 2
    powerup: float = 100_000
    interval: float = 64e6 / 8192
    late: int = 9


@dataclass(frozen=True)
class Pins:
    """What a controller drives in a cycle; ``cs``, ``ras``, ``cas``, ``we`` are 1 where the pin is low."""

    clk_en: int
    cs: int
    ras: int
    cas: int
    we: int
    ba: int
    a: int
    dqm: int
    dq: int | None


_NEVER = -1e18


@dataclass
class _Bank:
    row: int | None = None
    opened: float = _NEVER
    closed: float = _NEVER
    written: float = _NEVER


class SdramChip:
    """The chip, clock by clock.

    Parameters
    ----------
    rules : SdramRules
    period : float
        Of the clock, ns.
    noise : callable
        What stands on the data pins while nobody drives them.

    Attributes
    ----------
    cells : dict
        16-bit values by (bank, row, column); what was never written reads as 0.
    commands : dict
        How often each came.
    """

    def __init__(self, rules: SdramRules, period: float, noise: Callable[[], int] = lambda: 0xDEAD):
        self._rules, self._period, self._noise = rules, period, noise
        self.cells: dict[tuple[int, int, int], int] = {}
        self.commands: dict[str, int] = {}
        self._banks = [_Bank() for _ in range(rules.banks)]
        self._edge = -1
        self._last: dict[str, float] = {}
        self._last_active = (_NEVER, -1)
        self._started = 0  # REFRESH commands before the mode was set; -1 once it is
        self._refreshes, self._since = 0, 0.0
        self._cas = 0
        self._drives: dict[int, tuple[int, int, int]] = {}  # by edge: the cell
        self._takes: tuple[int, int, int, int] | None = None  # edge of the second data of a write, and its cell
        self._masks: dict[int, int] = {}

    @property
    def _now(self) -> float:
        return self._edge * self._period

    def _check(self, sound: bool, text: str) -> None:
        if not sound:
            raise SdramViolation(f"at {self._now:.1f} ns: {text}")

    def _after(self, then: float, ns: float, text: str) -> None:
        self._check(self._now - then >= ns - 1e-6, f"{text}: {self._now - then:.1f} ns, not {ns:g}")

    # ---- a clock
    def data(self) -> int:
        """What stands on the data pins at the next edge as far as the chip has a say."""
        edge = self._edge + 1
        if edge not in self._drives:
            return self._noise() & 0xFFFF
        cell = self._drives[edge]
        value, mask = self.cells.get(cell, 0), self._masks.get(edge - 2, 0)
        noise = self._noise()
        return sum((noise if mask >> b & 1 else value) & 0xFF << 8 * b for b in range(2))

    @property
    def drives(self) -> bool:
        """Whether it drives the data pins at the next edge."""
        return self._edge + 1 in self._drives

    @property
    def busy(self) -> bool:
        """Whether data are to come or to go, at the next edge or later, or have just gone."""
        return bool(self._drives) or self._takes is not None

    def rest(self, edges: int) -> None:
        """So many clock edges at which there is no command and nobody drives, while the chip is not ``busy``."""
        assert not self.busy
        self._edge += edges
        self._masks.clear()

    def step(self, pins: Pins) -> None:
        """The next clock edge, at which the chip sees these."""
        self._edge += 1
        self._masks[self._edge] = pins.dqm
        drives = self._edge - 1 in self._drives or self._edge in self._drives
        self._check(pins.dq is None or not drives, "the data pins are driven while the chip does, or just after")
        self._drives.pop(self._edge - 2, None)
        self._masks.pop(self._edge - 4, None)
        if self._takes is not None:
            edge, *cell = self._takes
            assert edge == self._edge
            self._takes = None
            self._store((cell[0], cell[1], cell[2]), pins)
        for bank in self._banks:
            if bank.row is not None:
                self._check(self._now - bank.opened <= self._rules.ras_most, "a row was open for too long")
        if self._started < 0:
            behind = (self._now - self._since) / self._rules.interval - self._refreshes
            self._check(behind <= self._rules.late, f"{behind:.1f} REFRESH are missing")
        if not pins.cs or not pins.clk_en or not (pins.ras or pins.cas or pins.we):
            return
        self._after(0, self._rules.powerup if self._started == 0 else 0, "power-up")
        name = {4: "active", 2: "read", 3: "write", 5: "precharge", 6: "refresh", 7: "mode"}.get(
            pins.ras << 2 | pins.cas << 1 | pins.we
        )
        if name is None:
            raise SdramViolation(f"at {self._now:.1f} ns: BURST TERMINATE is not expected")
        self.commands[name] = self.commands.get(name, 0) + 1
        self._after(self._last.get("refresh", _NEVER), self._rules.rfc, f"tRFC before {name}")
        self._check(self._edge - self._last.get("mode edge", -9) >= self._rules.mode, f"tMRD before {name}")
        getattr(self, f"_{name}")(pins)

    def forsake(self) -> None:
        """The controller is reset: the second half of a word that is being written does not come."""
        self._takes = None

    # ---- commands
    def _active(self, pins: Pins) -> None:
        rules, bank = self._rules, self._banks[pins.ba]
        self._check(self._started < 0, "ACTIVE before the mode was set")
        self._check(bank.row is None, f"ACTIVE, but row {bank.row} of bank {pins.ba} is open")
        self._after(bank.closed, rules.rp, "tRP")
        self._after(bank.opened, rules.rc, "tRC")
        self._after(self._last_active[0], rules.rrd, "tRRD")
        bank.row, bank.opened = pins.a, self._now
        self._last_active = self._now, pins.ba

    def _column(self, pins: Pins, name: str) -> tuple[int, int, int]:
        bank = self._banks[pins.ba]
        self._check(bank.row is not None, f"{name} of bank {pins.ba}, which is closed")
        self._after(bank.opened, self._rules.rcd, f"tRCD before {name}")
        self._check(not pins.a >> 10 & 1, "auto-precharge is not expected")
        self._check(self._takes is None, f"{name} interrupts a write")
        self._check(self._edge - self._last.get("read edge", -9) >= 2, f"{name} interrupts a read")
        column = pins.a & 0x3FF
        self._check(column < self._rules.columns and column % 2 == 0, f"column {column}")
        assert bank.row is not None
        return pins.ba, bank.row, column

    def _read(self, pins: Pins) -> None:
        bank, row, column = self._column(pins, "READ")
        self._check(pins.dq is None, "READ while the data pins are driven")
        self._last["read edge"] = self._edge
        for i in range(2):
            self._drives[self._edge + self._cas + i] = (bank, row, column + i)

    def _write(self, pins: Pins) -> None:
        bank, row, column = self._column(pins, "WRITE")
        self._store((bank, row, column), pins)
        self._takes = self._edge + 1, bank, row, column + 1

    def _store(self, cell: tuple[int, int, int], pins: Pins) -> None:
        self._check(pins.dq is not None, "a write without data")
        assert pins.dq is not None
        keep = sum(0xFF << 8 * b for b in range(2) if pins.dqm >> b & 1)
        if keep != 0xFFFF:
            self.cells[cell] = self.cells.get(cell, 0) & keep | pins.dq & ~keep & 0xFFFF
        self._banks[cell[0]].written = self._now

    def _precharge(self, pins: Pins) -> None:
        for number, bank in enumerate(self._banks):
            if not (pins.a >> 10 & 1 or number == pins.ba) or bank.row is None:
                continue
            self._check(self._takes is None or self._takes[1] != number, "PRECHARGE interrupts a write")
            cut = any(edge >= self._edge + self._cas and cell[0] == number for edge, cell in self._drives.items())
            self._check(not cut, "PRECHARGE interrupts a read")
            self._after(bank.opened, self._rules.ras, "tRAS")
            self._after(bank.written, self._rules.wr, "tWR")
            bank.row, bank.closed = None, self._now
        if self._started == 0:
            self._check(bool(pins.a >> 10 & 1), "the first PRECHARGE is of one bank")
            for bank in self._banks:
                bank.closed = self._now
            self._started = 1

    def _refresh(self, pins: Pins) -> None:
        self._check(self._started != 0, "REFRESH before PRECHARGE of all banks")
        for number, bank in enumerate(self._banks):
            self._check(bank.row is None, f"REFRESH, but bank {number} is open")
            self._after(bank.closed, self._rules.rp, "tRP before REFRESH")
            self._after(bank.opened, self._rules.rc, "tRC before REFRESH")
        self._last["refresh"] = self._now
        self._refreshes += 1
        if self._started > 0:
            self._started += 1

    def _mode(self, pins: Pins) -> None:
        self._check(self._started > 2 or self._started < 0, "MODE before two REFRESH")
        self._check(all(bank.row is None for bank in self._banks), "MODE, but a bank is open")
        for bank in self._banks:
            self._after(bank.closed, self._rules.rp, "tRP before MODE")
        self._cas = pins.a >> 4 & 7
        self._check(self._cas in self._rules.cas, f"a latency of {self._cas}")
        least = self._rules.ck[self._rules.cas.index(self._cas)]
        text = f"tCK of a latency of {self._cas}: {self._period:.2f} ns, not {least:g}"
        self._check(self._period >= least - 1e-6, text)
        self._check(
            pins.a & 0xF == 1 and pins.a >> 7 == 0 and pins.ba == 0, f"mode {pins.a:#x}: bursts of 2 are expected"
        )
        self._last["mode edge"] = self._edge
        if self._started >= 0:
            self._started, self._since, self._refreshes = -1, self._now, 0
