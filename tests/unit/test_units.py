"""The records of units: each tree knows all of them, every driver keeps the same rules, and one more is one entry."""

import json
import subprocess
import sys

import numpy as np
import pytest
from skipwalk.hw import units as hw_units
from skipwalk.hw.unit import protocol
from skipwalk.sim import units as sim_units
from skipwalk.sw import units as sw_units
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.link.transport import GoldenTransport, Transport, open_transport

UNITS = sw_units.UNITS
SMALL = [(unit, next(iter(unit.presets.values()))) for unit in UNITS.values()]
small = pytest.mark.parametrize(("unit", "cfg"), SMALL, ids=[unit.name for unit, _ in SMALL])


def test_every_tree_has_every_unit():
    assert list(hw_units.UNITS) == list(sim_units.UNITS) == list(sw_units.UNITS)
    for name, unit in UNITS.items():
        assert unit.name == name
        assert vars(hw_units.UNITS[name]).items() <= vars(sim_units.UNITS[name]).items() <= vars(unit).items()
        assert all(UNITS.of(cfg) is unit for cfg in unit.presets.values())
    assert len({unit.kind for unit in UNITS.values()}) == len(UNITS)


@pytest.mark.parametrize("name", ["INFO", "GET", "CLEAR", "FLUSH"])
@pytest.mark.parametrize("unit", UNITS.values(), ids=lambda unit: unit.name)
def test_common_commands_are_those_of_every_unit(unit, name):
    assert unit.opcodes[name] == getattr(protocol, name)


def test_a_configuration_of_no_unit():
    with pytest.raises(TypeError, match="int configures no unit; there are os-elm, skip2-lora"):
        UNITS.of(3)


def test_records_need_neither_amaranth_nor_numba():
    script = "import sys, skipwalk.sw.units; print(sorted({'amaranth', 'numba', 'sklearn'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


# ---- drivers
class Faulty(Transport):
    """A golden model behind a line that fails, or changes the last word, from the n-th exchange on."""

    def __init__(self, cfg, failing, error=None):
        self._inner, self._left, self._error = GoldenTransport(cfg), failing, error
        self.closed = False

    def exchange(self, words, n_replies=0):
        self._left -= 1
        replies = self._inner.exchange(words, n_replies)
        if self._left < 0 and self._error is not None:
            raise self._error
        if self._left < 0 and len(replies):
            replies[-1] ^= 1
        return replies

    def close(self):
        self.closed = True


@small
def test_a_driver_opens_its_unit_and_counts(unit, cfg):
    with unit.driver(open_transport("golden", cfg), cfg) as device:
        device.flush()
        device.wait()
        counters = device.counters()
        assert set(counters) <= {counter.name.lower() for counter in unit.counters}
        device.clear_counters()
        assert not any(value for name, value in device.counters().items() if name != "cycles")
        assert device.sound
    assert not device.sound
    with pytest.raises(DeviceError, match="was closed"):
        device.counters()


@small
@pytest.mark.parametrize("word", range(3))
def test_a_stranger_is_refused(unit, cfg, word, monkeypatch):
    transport = GoldenTransport(cfg)
    words = transport.exchange(np.array([protocol.common_header(protocol.INFO)], np.uint32), 6)
    words[word] ^= 1
    monkeypatch.setattr(transport, "exchange", lambda asked, n=0: words[:n])
    closed = []
    monkeypatch.setattr(transport, "close", lambda: closed.append(True))
    meaning = (f"is no {unit.driver(GoldenTransport(cfg), cfg).WHAT}", "another protocol", "another configuration")
    with pytest.raises(DeviceError, match=f"{meaning[word]}.*{words[word]:#010x} instead of {words[word] ^ 1:#010x}"):
        unit.driver(transport, cfg)
    assert closed


@small
@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), DeviceError("the line is gone")], ids=str)
def test_a_broken_exchange_leaves_a_device_that_says_so(unit, cfg, error):
    opened = Faulty(cfg, 1 << 30)
    with unit.driver(opened, cfg):
        exchanges = (1 << 30) - opened._left
    device = unit.driver(Faulty(cfg, exchanges, error), cfg)
    with pytest.raises((KeyboardInterrupt, DeviceError), match="words were lost" if error is None else None):
        device.flush()
    assert not device.sound
    for use in (device.counters, device.clear_counters, device.flush, device.wait):
        with pytest.raises(DeviceError, match="stopped in the middle of a command; open it again"):
            use()


# ---- one unit more
@pytest.fixture
def echo(monkeypatch):
    pytest.importorskip("amaranth")
    from ..support.echo_unit import ECHO

    for table in (hw_units.UNITS, sim_units.UNITS, sw_units.UNITS):
        monkeypatch.setitem(table, ECHO.name, ECHO)
    return ECHO


def test_a_third_unit_is_one_entry_to_transports_drivers_and_devices(echo):
    from skipwalk.hw.link.protocol import UartConfig
    from skipwalk.hw.ports.serial import Unit, serial_device

    cfg = echo.presets["hall"]
    with UNITS.of(cfg).driver(open_transport("golden", cfg), cfg) as device:
        device.flush()
        assert device.counters() == {"words": 3, "flushes": 1}
    with pytest.raises(DeviceError, match=r"is no echo: its first word is 0x.* instead of 0x4543484f"):
        echo.driver(GoldenTransport(SMALL[0][1]), cfg)
    unit = Unit.of(cfg)
    assert (unit.kind, unit.digest) == (echo.kind, cfg.digest)
    serial_device([SMALL[0][1], cfg], UartConfig(clock_hz=1_000_000, baud=100_000))


def test_a_third_unit_is_one_entry_to_export_and_info(echo):
    from skipwalk.hw.boards.table import board
    from skipwalk.sw.build.summary import Placement, summarise
    from skipwalk.sw.build.verilog import axi_core, config_of_map, core_map
    from skipwalk.sw.commands import describe
    from skipwalk.sw.commands.export import _load

    cfg = _load("hall", None)
    assert cfg == echo.presets["hall"]
    axi_core(cfg)
    made = json.loads(json.dumps(core_map(cfg, "top")))
    assert config_of_map(made) == cfg
    assert (made["core"], made["commands"]["FLUSH"], made["counters"]) == ("echo", 10, {"WORDS": 0, "FLUSHES": 1})
    assert ["hall", "echo", "size", "9"] in [line.split() for line in describe.overview().splitlines()]
    assert list(describe.named("hall")) == [{"unit": "hall", "size": "9", "boards": "none"}]
    row = board("ulx3s-12f")
    row = type(row)(**{**vars(row), "beside": (cfg,)})
    lines = describe._describe_board(row)
    assert lines["echo size"] == "9"
    assert "echo boards" not in lines
    best = Placement(1, 50.0, 50.0, 1.0, {})
    summary = summarise(row, [best], best, b"")
    assert (summary["echo"], summary["echo.word_cycles"], summary["echo.word_us"]) == (cfg.to_dict(), 2, 0.04)
