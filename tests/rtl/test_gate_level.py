"""The netlist that synthesis makes of a core, run against the golden model: ECP5 cells instead of source."""

import numpy as np
import pytest
from skipwalk.hw.boards.table import BOARDS
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.core import LoraCore
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.core import OSELMCore
from skipwalk.hw.oselm.protocol import Counter, Opcode, Parameter, header
from skipwalk.sim.link.folding import FoldingCore
from skipwalk.sim.link.model import FoldingCore as FoldingModel
from skipwalk.sim.oselm.unit import OSELMUnit
from skipwalk.sim.rtl.gate_level import gate_level_verilog
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sw.oselm.words import set_words, train_words, write_words

from ..support.lora import golden_replies, random_program
from ..support.tiny import soup, start

#: The structure of every streaming core, with as little of everything as a configuration may have.
LEAST = CoreConfig(name="least", dim=4, nodes=16, lanes=2, max_samples=3, lookahead=2, vendor=Vendor.ECP5)


def exercise(cfg: CoreConfig, rng, n_contexts: int) -> np.ndarray:
    """Command words: rows, P and parameters, two trainings, everything read back, counters that are not cycles."""
    counts = rng.integers(0, cfg.max_samples + 1, n_contexts)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    # Rows of a small range come again while they are in flight.
    few = min(cfg.nodes, 12)
    near, far = rng.integers(0, few, indptr[-1]), rng.integers(0, cfg.nodes, indptr[-1])
    samples = np.where(rng.random(indptr[-1]) < 0.7, near, far)
    contexts = train_words(rng.integers(0, few, n_contexts), indptr, samples, rng.integers(0, 2, indptr[-1]))
    rows = rng.integers(cfg.beta.min_raw // 8, cfg.beta.max_raw // 8, (cfg.nodes, cfg.dim))
    read = [header(Opcode.READ_ROW, row) for row in range(cfg.nodes)] + [
        header(Opcode.READ_P, i) for i in range(cfg.dim)
    ]
    counters = [Counter.CONTEXTS, Counter.SAMPLES, Counter.REJECTED, Counter.SAT_BETA, Counter.SAT_P, Counter.SAT_E]
    return np.concatenate(
        [
            set_words({Parameter.Q: 7, Parameter.P0: cfg.p.max_raw}),
            write_words(Opcode.WRITE_ROW, 0, rows),
            write_words(Opcode.WRITE_P, 0, np.eye(cfg.dim, dtype=np.int64) << cfg.p.fraction),
            np.array([header(Opcode.INFO)], np.uint32),
            contexts,
            np.array([header(Opcode.FLUSH), *read, header(Opcode.SET, Parameter.Q), 0], np.uint32),
            contexts,
            np.array([*read, *(header(Opcode.GET, counter) for counter in counters)], np.uint32),
        ]
    )


def check_oselm(cfg: CoreConfig, words: np.ndarray) -> None:
    golden = OSELMUnit(cfg)
    golden.feed(words)
    expected = golden.drain()
    verilog = gate_level_verilog(OSELMCore(cfg, primitives=True))
    with VerilatedCore.from_verilog(verilog, "gates", quick=True) as gates:
        np.testing.assert_array_equal(gates.run(words, len(expected)), expected)


def test_netlist_without_memory_does_what_its_source_does():
    words = np.random.default_rng(1).integers(0, 1 << 32, 200, np.uint32)
    verilog = gate_level_verilog(FoldingCore())
    with VerilatedCore.from_verilog(verilog, "gates", quick=True, gap_in=0.3, gap_out=0.3) as gates:
        np.testing.assert_array_equal(gates.run(words, len(words)), FoldingModel()(words))


def test_netlist_of_the_least_core_answers_as_the_golden_model():
    check_oselm(LEAST, exercise(LEAST, np.random.default_rng(2), 60))


@pytest.mark.long
def test_netlist_of_the_smallest_boards_core_answers_as_the_golden_model():
    cfg = BOARDS["ulx3s-12f"].core
    check_oselm(cfg, exercise(cfg, np.random.default_rng(3), 200))


@pytest.mark.long
def test_netlist_takes_commands_of_every_kind():
    rng = np.random.default_rng(4)
    setting = start(rng)
    check_oselm(preset("tiny").replace(vendor=Vendor.ECP5), np.concatenate([setting, soup(rng, 150)[0]]))


@pytest.mark.long
def test_netlist_of_skip2_lora_answers_as_the_golden_model():
    cfg = lora_preset("tiny").replace(vendor=Vendor.ECP5)
    words, n_replies = random_program(cfg, 5, 100, scale=1.0)
    verilog = gate_level_verilog(LoraCore(cfg, primitives=True))
    with VerilatedCore.from_verilog(verilog, "gates", quick=True) as gates:
        np.testing.assert_array_equal(gates.run(words, n_replies), golden_replies(cfg, words))
