"""The SDRAM controller against a chip that refuses whatever its data sheet forbids."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Cat, Module, ResetInserter, Signal
from skipwalk.hw.memory.sdram import SdramController
from skipwalk.hw.memory.sdram_config import SdramConfig
from skipwalk.hw.memory.sdram_start import SdramStart
from skipwalk.sim.memory.port import Burst, PlainMemory
from skipwalk.sim.memory.sdram import Pins, SdramChip, SdramRules, SdramViolation

from ..support.lora_blocks import bench
from ..support.memory_port import PortDriver

#: Quick to start; a refresh every 8192nd part of 12 ms, so that many fall into few bursts.
CFG = SdramConfig(clock_hz=94_000_000, powerup_us=1, refresh_ms=12)
RULES = SdramRules(powerup=1000, interval=12e6 / 8192)
LAST_BITS = 9


class Bench:
    """A controller, and a chip at its pins, whose data come ``input_delay`` cycles late."""

    def __init__(self, cfg: SdramConfig, rules: SdramRules, seed: int = 0):
        self.cfg, self.rng = cfg, np.random.default_rng(seed)
        self.controller = SdramController(cfg, LAST_BITS)
        self.chip = SdramChip(rules, 1e9 / cfg.clock_hz, lambda: int(self.rng.integers(0, 1 << 16)))
        self.reset = Signal()
        self.events = {"opened": 0, "refreshed": 0}
        #: Cycles in which ``ready`` rose.
        self.started: list[int] = []
        self._ready = 0
        self._late = [0] * cfg.input_delay

    def run(self, *parts, gaps=(0.0, 0.0, 0.0), resets=()):
        """Parts of bursts, with a reset at the cycle ``resets`` of each part but the last; the last driver."""
        pins = self.controller.pins
        out = (pins.clk_en, pins.cs, pins.ras, pins.cas, pins.we, pins.ba, pins.a, pins.dqm, pins.dq_o, pins.dq_oe)
        widths = [len(signal) for signal in out]
        drivers = [PortDriver(self.controller.port, bursts, self.rng, gaps) for bursts in parts]
        begun = 0

        def step(ctx, t):
            nonlocal begun
            self._late.append(self.chip.data())
            ctx.set(pins.dq_i, self._late.pop(0))
            if t:
                drivers[0].step(ctx, t)
            for name in self.events:
                self.events[name] += ctx.get(getattr(self.controller, name))
            before, self._ready = self._ready, ctx.get(self.controller.ready)
            if self._ready and not before:
                self.started.append(t)
            value, values = ctx.get(Cat(*out)), []
            for width in widths:
                values.append(value & (1 << width) - 1)
                value >>= width
            again = len(drivers) > 1 and t - begun == resets[len(parts) - len(drivers)]
            # A first reset, in which nothing is asked for: a netlist that has faults in it has lost initial values.
            ctx.set(self.reset, int(again or t == 0))
            self.chip.step(Pins(*values[:8], dq=values[8] if values[9] else None))
            if again:
                self.chip.forsake()
                drivers.pop(0)
                begun = t + 1
            return not (len(drivers) == 1 and drivers[0].done)

        m = Module()
        m.submodules.dut = ResetInserter(self.reset)(self.controller)
        self.cycles = bench(m, step)
        return drivers[0]


def addresses(cfg: SdramConfig, rng, n: int, count: int) -> list[int]:
    """Some all over the memory, among them ends of pages, and the last ones."""
    page, top = 1 << cfg.page_bits, 1 << cfg.address_bits
    some = rng.integers(0, top - count, n).tolist()
    borders = [page * int(rng.integers(1, 64)) - int(rng.integers(0, count)) for _ in range(n // 2)]
    return [*some, *borders, top - count]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clock_hz": 100_000_000, "input_delay": 2},
        {"clock_hz": 133_000_000, "cas": 3, "input_delay": 1},
        {"clock_hz": 25_000_000, "bank_bits": 1, "row_bits": 11, "column_bits": 8},
    ],
    ids=["94 MHz", "100 MHz", "133 MHz", "25 MHz"],
)
@pytest.mark.parametrize("gaps", [(0, 0, 0), (0.9, 0.5, 0.6)], ids=["full rate", "gaps"])
def test_bursts_anywhere(changes, gaps):
    """Reads, writes and masked writes, page borders, rows of the same bank; refreshes in the middle of all."""
    cfg = dataclasses.replace(CFG, **changes)
    rules = dataclasses.replace(RULES, banks=1 << cfg.bank_bits, columns=1 << cfg.column_bits)
    tried = Bench(cfg, rules, seed=len(changes))
    plain = PlainMemory(cfg.word_bits)
    bursts = plain.random_bursts(tried.rng, 90, addresses(cfg, tried.rng, 8, 30), 30)
    bursts.append(Burst(bursts[0].address // 2, 1 << LAST_BITS))
    driver = tried.run(bursts, gaps=gaps)
    assert driver.reads == plain.run(bursts)
    commands = tried.chip.commands
    due = (tried.cycles - tried.started[0]) / cfg.refresh_interval
    assert 20 < due - 2 < commands["refresh"] - cfg.powerup_refreshes <= due
    assert tried.events["opened"] == commands["active"] > 40
    # Words that were being written when the last one was read are there a few cycles later, which nobody waits for.
    assert commands["write"] > 300


def test_words_are_where_their_addresses_say():
    """Each bit of an address, and words that are read in other bursts than they were written in."""
    tried, plain = Bench(CFG, RULES), PlainMemory(CFG.word_bits)
    page, places = 1 << CFG.page_bits, [0, *(1 << k for k in range(CFG.address_bits))]
    some = [int(x) for x in tried.rng.permutation(64)]
    bursts = [
        *(Burst(place, 1, (1000 + n,), (15,)) for n, place in enumerate(places)),
        *(Burst(place, 1) for place in places),
        Burst(page * 7 - 20, 64, tuple(range(1, 65)), (15,) * 64),
        *(Burst(page * 7 - 20 + n, min(5, 64 - n)) for n in some),
        *(Burst(page * 9 + n, min(1 + n % 3, 64 - n), (n + 1,) * 3, (15,) * 3) for n in some[:20]),
        *(Burst(page * 9 + n, 1, (n + 101,), (15,)) for n in some[20:]),
        Burst(page * 9, 64),
    ]
    bursts = [dataclasses.replace(b, words=b.words[: b.count], strobes=b.strobes[: b.count]) for b in bursts]
    assert tried.run(bursts).reads == plain.run(bursts)


def test_a_reset_at_any_moment_leaves_the_chip_usable():
    """Its contents stay, but for bursts that were being written."""
    late = RULES.late + int(1 + 2 * RULES.powerup / RULES.interval)
    tried = Bench(CFG, dataclasses.replace(RULES, late=late))
    plain = PlainMemory(CFG.word_bits)
    kept = [Burst(9000 + 40 * i, 20, tuple(range(i + 1, i + 21)), (15,) * 20) for i in range(4)]
    busy = [plain.random_bursts(tried.rng, 60, addresses(CFG, tried.rng, 6, 20)[:6], 20) for _ in range(5)]
    busy = [[b for b in part if not 8000 < b.address < 10000] for part in busy]
    back = [Burst(9000 + 40 * i, 20) for i in range(4)]
    parts = [kept, *busy, back]
    resets = [900, *(int(tried.rng.integers(1, 900)) for _ in busy)]
    driver = tried.run(*parts, resets=resets)
    assert driver.reads == [word for burst in kept for word in burst.words]


def test_rows_that_a_reset_left_open_are_closed_at_once():
    """The chip has been started: they may not stay open for as long as power-up takes."""
    cfg = dataclasses.replace(CFG, powerup_us=10)
    rules = dataclasses.replace(RULES, powerup=10_000, ras_most=4_000, late=40)
    tried = Bench(cfg, rules)
    reads = [Burst(40, 2)] * 200
    driver = tried.run([Burst(40, 2, (5, 6), (15, 15)), *reads], reads[:1], resets=[cfg.powerup_cycles + 400])
    assert driver.reads == [5, 6]
    assert tried.cycles < 2 * cfg.powerup_cycles


def steady(bursts, cfg=CFG):
    """Cycles from the first word to the last, without refreshes."""
    quiet = dataclasses.replace(cfg, refresh_ms=64_000)
    tried = Bench(quiet, dataclasses.replace(RULES, interval=1e9))
    times = tried.run(bursts).times
    return times[-1] - times[0]


@pytest.mark.parametrize(("clock", "cas"), [(25_000_000, 2), (94_000_000, 2), (133_000_000, 3)])
def test_cycles_of_a_row(clock, cas):
    """Bursts of 18 words, which are rows of 72 bytes: as the formulas of SdramConfig say."""
    cfg = dataclasses.replace(CFG, clock_hz=clock, cas=cas)
    page, n, words = 1 << cfg.page_bits, 12, 18
    flow = (n * words - 1) * cfg.BEATS
    assert cfg.burst_cycles(words) == 2 * words
    # Every burst in another row of the next bank; of the same bank; from page to page in one burst.
    ahead = [Burst(page * (5 * i), words) for i in range(n)]
    assert steady(ahead, cfg) == flow
    same = [Burst(page * 4 * i, words) for i in range(n)]
    assert steady(same, cfg) == flow + (n - 1) * cfg.same_bank_cycles(write=False)
    assert steady([Burst(page - 20, 200), Burst(page * 2 - 5, 20)], cfg) == (220 - 1) * cfg.BEATS

    def between(*middle):
        """Cycles that bursts between two reads of one word take."""
        edge = Burst(page * 2, 1)
        return steady([edge, *middle, edge], cfg)

    def writes(i, bank):
        return Burst(page * (4 * i + bank), words, (7,) * words, (15,) * words)

    one = between(writes(0, 1))
    assert one == cfg.BEATS * (1 + words) + cfg.turn_cycles
    two = between(writes(0, 1), writes(1, 1))
    assert two - one == cfg.burst_cycles(words) + cfg.same_bank_cycles(write=True)


def test_a_chip_is_started_as_the_data_sheet_says():
    """200 us, whatever is asked for meanwhile; real rules."""
    cfg = SdramConfig(clock_hz=10_000_000)
    tried = Bench(cfg, SdramRules(powerup=200_000))
    driver = tried.run([Burst(5, 2, (1, 2), (15, 15)), Burst(5, 2)])
    assert driver.reads == [1, 2]
    start = cfg.powerup_cycles + cfg.cycles(cfg.t_rp) + cfg.powerup_refreshes * cfg.cycles(cfg.t_rfc) + cfg.MODE_CYCLES
    assert start < driver.times[0] < start + 30


def test_cycles_between_refreshes():
    """Where none comes between: the page of the next burst is closed and opened while this one is in use."""
    page = 1 << CFG.page_bits

    def quickest(*bursts):
        """Cycles from the first word of these to the last."""
        times, n = Bench(CFG, RULES).run(bursts * 6).times, sum(burst.count for burst in bursts)
        return min(last - first for first, last in zip(times[::n], times[n - 1 :: n], strict=True))

    for bank in range(1 << CFG.bank_bits):
        here, there = page * bank, page * ((bank + 1) % 4)
        turns = quickest(Burst(here, 6), Burst(there, 12), Burst(here + 4 * page, 12))
        assert turns == (6 + 12 + 12 - 1) * CFG.BEATS
        for words in (4, 5):
            same = quickest(Burst(here, words), Burst(here + 4 * page, words))
            assert same == (2 * words - 1) * CFG.BEATS + CFG.same_bank_cycles(write=False)


def test_cycles_of_a_start():
    """From power on; and after another reset, which waits for what was under way alone."""
    reads = [Burst(40, 2)] * 100
    tried = Bench(CFG, dataclasses.replace(RULES, late=40))
    again = CFG.powerup_cycles + 300
    assert tried.run(reads, reads[:1], resets=[again]).reads == [0, 0]
    rest = CFG.cycles(CFG.t_rp) + CFG.powerup_refreshes * CFG.cycles(CFG.t_rfc) + CFG.MODE_CYCLES
    first, second = tried.started
    assert 0 <= first - 1 - CFG.powerup_cycles - rest <= 5
    assert 0 <= second - 1 - again - SdramStart(CFG).settling - rest <= 5


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"clock_hz": 101_000_000, "t_ck2": 9}, "tCK of a latency of 2: 9.90 ns, not 10"),
        ({"t_rcd": 1}, "tRCD"),
        ({"t_rp": 1}, "tRP|tRC"),
        ({"t_ras": 1}, "tRAS"),
        ({"t_wr": 1}, "tWR"),
        ({"t_rc": 1, "t_ras": 22, "t_rp": 1}, "tR"),
        ({"t_rfc": 1}, "tRFC"),
        ({"t_rrd": 1}, "tRRD"),
        ({"powerup_us": 0.1}, "power-up"),
        ({"refresh_ms": 20}, "REFRESH are missing"),
    ],
    ids=str,
)
def test_the_chip_notices_what_is_too_early(changes, rule):
    """A controller of another chip."""
    # Two commands of a bank are two cycles apart at least, and two ACTIVE for single words four.
    slower = {"t_rrd": {"rrd": 50}, "t_rcd": {"rcd": 30}}
    rules = dataclasses.replace(RULES, **{k: v for name in changes for k, v in slower.get(name, {}).items()})
    tried = Bench(dataclasses.replace(CFG, **changes), rules)
    page = 1 << CFG.page_bits
    some = [Burst(page * 4 * i + page * (i // 3), 1, (5,) * (i % 2), (15,) * (i % 2)) for i in range(20)]
    with pytest.raises(SdramViolation, match=rule):
        tried.run(some * 30)


def test_configurations_out_of_range_are_refused():
    for changes, text in (
        ({"clock_hz": 0}, "clock_hz must be at least 1"),
        ({"cas": 4}, "cas must be 2 or 3, not 4"),
        ({"clock_hz": 101_000_000}, "9.90 ns is too short for a cas of 2: use 100 MHz at most, or a cas of 3"),
        ({"clock_hz": 150_000_000, "cas": 3}, "6.67 ns is too short for a cas of 3: use 142.857 MHz at most$"),
        ({"row_bits": 14}, "row_bits must be 1 to 13, not 14"),
        ({"refresh_ms": 0.1}, "leaves no time for data"),
    ):
        with pytest.raises(ValueError, match=text):
            dataclasses.replace(CFG, **changes)
