"""The netlist that synthesis makes of a core, run against the golden model. Minutes: only where it is asked for."""

import os

import numpy as np
import pytest
from skipwalk.hw.config import Vendor, preset
from skipwalk.hw.core import OSELMCore
from skipwalk.hw.link.fold import FoldingCore
from skipwalk.sim.device import GoldenDevice
from skipwalk.sim.gate_level import gate_level_verilog
from skipwalk.sim.link import FoldingCore as FoldingModel
from skipwalk.sim.verilated import VerilatedCore

from tests.test_device import soup, start

CFG = preset("tiny").replace(vendor=Vendor.ECP5)


def test_small_netlist_does_what_its_source_does():
    words = np.random.default_rng(1).integers(0, 1 << 32, 200, np.uint32)
    verilog = gate_level_verilog(FoldingCore())
    with VerilatedCore.from_verilog(verilog, "gates", gap_in=0.3, gap_out=0.3) as gates:
        np.testing.assert_array_equal(gates.run(words, len(words)), FoldingModel()(words))


@pytest.mark.skipif(not os.environ.get("SKIPWALK_GATE_LEVEL"), reason="minutes; `make gate-level` runs it")
def test_netlist_of_the_core_answers_as_the_golden_model():
    rng = np.random.default_rng(2)
    setting = start(rng)
    commands, n_replies = soup(rng, 150)
    words = np.concatenate([setting, commands])
    golden = GoldenDevice(CFG)
    golden.feed(words)
    verilog = gate_level_verilog(OSELMCore(CFG, primitives=True))
    with VerilatedCore.from_verilog(verilog, "gates") as gates:
        np.testing.assert_array_equal(gates.run(words, n_replies), golden.drain())
