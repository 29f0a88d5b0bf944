"""Lists of signals beside a waveform, and the words that a core is tried with."""

import dataclasses

import numpy as np
import pytest
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.oselm.config import preset
from skipwalk.sw.build.names import KEYWORDS, name_fault
from skipwalk.sw.build.waveform import signal_lists
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.link.transport import GoldenTransport
from skipwalk.sw.testbench.names import BLOCKS
from skipwalk.sw.units import UNITS

from ..support.command import skipwalk

VCD = """$version x $end
$scope module core $end
$var wire 1 # clk $end
$var wire 32 $ i__payload [31:0] $end
$scope module oselm_core $end
$var wire 1 # clk $end
$var wire 32 $ i__payload [31:0] $end
$var wire 4 % $1 [3:0] $end
$scope module gain $end
$var wire 1 # clk $end
$var wire 18 & g__payload [17:0] $end
$scope module rom $end
$var wire 9 ' rd_data [8:0] $end
$upscope $end
$upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
$var wire 1 ! not_declared $end
"""


def test_lists_have_the_ports_and_each_block_under_its_equation(tmp_path):
    vcd = tmp_path / "run.vcd"
    vcd.write_text(VCD)
    gtkwave, surfer = signal_lists(vcd)
    assert gtkwave.read_text().splitlines() == [
        '[dumpfile] "run.vcd"',
        "@200",
        "-ports",
        "@28",
        "core.oselm_core.clk",
        "@22",
        "core.oselm_core.i__payload[31:0]",
        "@200",
        "-gain: g = 1 / (1 + h u)",
        "@22",
        "core.oselm_core.gain.g__payload[17:0]",
    ]
    assert surfer.read_text().splitlines()[-1] == "variable_add core.oselm_core.gain.g__payload"


@pytest.mark.parametrize("cfg", [preset("tiny"), lora_preset("tiny")])
def test_random_words_are_answered_and_are_the_same_for_a_seed(cfg):
    words, again, other = (UNITS.of(cfg).program(cfg, np.random.default_rng(seed), 4) for seed in (1, 1, 2))
    assert np.array_equal(words, again)
    assert not np.array_equal(words, other)
    golden = GoldenTransport(cfg, plain=True)
    golden.model.feed(words)
    replies = golden.model.drain()
    assert replies[2] == cfg.digest
    assert len(set(replies.tolist())) > 16


@pytest.mark.parametrize("name", BLOCKS)
def test_block_alone_is_its_golden_function(name, tmp_path):
    pytest.importorskip("amaranth")
    pytest.importorskip("cobs")
    waves = tmp_path / "run.vcd"
    done = skipwalk("simulate", name, "--contexts", 3, "--seed", 5, "--waves", waves)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith("all results are the golden model's\n")
    header = waves.read_text().partition("$enddefinitions")[0]
    declared = {line.split()[4] for line in header.splitlines() if line.startswith("$var")}
    shown = waves.with_suffix(".sucl").read_text().splitlines()
    assert shown[:2] == ["divider_add ports", "variable_add bench.top.block.clk"]
    assert {line.rpartition(".")[2] for line in shown if line.startswith("variable_add")} <= declared


def test_block_that_differs_fails_and_says_where(monkeypatch):
    blocks = pytest.importorskip("skipwalk.sw.testbench.blocks")
    assert blocks.BENCHES.keys() == BLOCKS.keys()
    monkeypatch.setattr(blocks, "reciprocal", lambda x, **_: np.arange(len(x)))
    done = skipwalk("simulate", "reciprocal")
    assert done.exit_code == 5
    assert "result 0 is not the golden model's" in done.stderr


def test_block_that_stands_still_is_given_up():
    bench = pytest.importorskip("skipwalk.sw.testbench.bench")
    blocks = pytest.importorskip("skipwalk.sw.testbench.blocks")
    packer = blocks.BENCHES["packer"](np.random.default_rng(1), 3)
    with pytest.raises(DeviceError, match="stream o: 1 words have not come, none for 10000 cycles"):
        bench.run_bench(dataclasses.replace(packer, sinks={"o": 3}))


def test_names_of_modules():
    assert {"small", "logic", "always"} <= KEYWORDS
    assert name_fault("my_core") is None


def test_new_testbench_overwrites_nothing(tmp_path):
    (tmp_path / "test_core.py").write_text("mine")
    done = skipwalk("new-testbench", tmp_path)
    assert done.exit_code == 3
    assert "test_core.py: is there already" in done.stderr
    assert (tmp_path / "test_core.py").read_text() == "mine"
