"""The gateware takes the cycles that ``skipwalk.sim.oselm.cycles`` says, whatever the contexts are."""

import numpy as np
import pytest
from skipwalk.hw.oselm.config import PRESETS, Schedule
from skipwalk.hw.oselm.core import OSELMCore
from skipwalk.hw.oselm.protocol import Opcode, header
from skipwalk.hw.oselm.timing import EngineTiming
from skipwalk.sim.oselm.cycles import roofline_cycles, slot_cycles, train_cycles
from skipwalk.sim.oselm.golden import Contexts
from skipwalk.sim.oselm.resources import multipliers
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sw.oselm.words import train_words

TINY = PRESETS["tiny"]
SEQUENTIAL = TINY.replace(schedule=Schedule.SEQUENTIAL, lookahead=0)
CONFIGS = {
    "streaming": TINY,
    "sequential": SEQUENTIAL,
    "one chunk": TINY.replace(lanes=8),
    "groups": TINY.replace(dim=16, lanes=8, group=2),
    "constant": TINY.replace(dim=16, lanes=8, group=2, gain="constant"),
    "constant sequential": SEQUENTIAL.replace(gain="constant"),
}


def random_contexts(n, rows, counts, rng):
    indptr = np.concatenate([[0], np.cumsum(counts)])
    total = int(indptr[-1])
    return Contexts(rng.integers(0, rows, n), indptr, rng.integers(0, rows, total), rng.integers(0, 2, total))


def steady_contexts(cfg, n):
    """Full contexts; the next centre is the first sample, no row comes again within two contexts."""
    m = cfg.max_samples
    rows = np.arange(n * m) % (cfg.nodes - 1)
    centres = np.concatenate([[cfg.nodes - 1], rows[: (n - 1) * m : m]])
    return Contexts(centres, np.arange(n + 1) * m, rows, np.ones(n * m, np.int64))


def measured(core, contexts):
    before = core.cycles
    words = train_words(contexts.centres, contexts.indptr, contexts.samples, contexts.labels)
    core.run(np.append(words, np.uint32(header(Opcode.FLUSH))), 1)
    return core.cycles - before


@pytest.mark.parametrize("name", CONFIGS)
def test_training_takes_the_cycles_of_the_model(name):
    cfg = CONFIGS[name]
    rng = np.random.default_rng(1)
    gateware = OSELMCore(cfg)
    with VerilatedCore.from_component(gateware) as core:
        measured(core, random_contexts(1, cfg.nodes, [0], rng))  # the core has come out of reset
        short = random_contexts(1, cfg.nodes, [cfg.max_samples], rng)
        barrier = measured(core, short) - train_cycles(cfg, short)
        assert barrier > gateware.settling
        for rows in (4, cfg.nodes):
            contexts = random_contexts(300, rows, rng.integers(0, cfg.max_samples + 1, 300), rng)
            # How soon the first contexts come depends on their length; nothing else may differ.
            slack = (cfg.lookahead + 2) * (cfg.max_samples + 1)
            assert abs(measured(core, contexts) - barrier - train_cycles(cfg, contexts)) <= slack


@pytest.mark.parametrize("name", CONFIGS)
def test_the_closed_form_holds_for_steady_contexts(name):
    cfg = CONFIGS[name].replace(nodes=512)
    few, many = steady_contexts(cfg, 100), steady_contexts(cfg, 500)
    a_context = (train_cycles(cfg, many) - train_cycles(cfg, few)) / 400
    assert a_context == pytest.approx(slot_cycles(cfg, cfg.max_samples), rel=0.02)


@pytest.mark.parametrize("cfg", [*PRESETS.values(), *CONFIGS.values(), TINY.replace(broadcast=5)])
def test_latencies_are_those_of_the_gateware(cfg):
    timing, core = EngineTiming.of(cfg), OSELMCore(cfg)
    samples, sweep, gain = core._samples, core._sweep, core._gain
    assert timing.read_after_update == samples.read_after_update
    assert timing.gain_latency == samples.gain_latency
    assert timing.error == samples.error_latency + 1
    if sweep is None:
        assert timing.gain == cfg.chunks - 1 + samples.square_latency + gain.latency
        assert timing.spacing == max(gain.interval, samples.gain_latency)
    else:
        assert timing.gain == cfg.dim * cfg.chunks - 1 + sweep.latency + gain.latency
        assert timing.spacing == max(sweep.spacing, samples.gain_latency)


def test_the_default_core_meets_the_roofline_and_the_paper_preset_its_target():
    assert roofline_cycles(PRESETS["ecp5-85f"], 31) == 32
    assert slot_cycles(PRESETS["ecp5-85f"], 31) == 32
    assert slot_cycles(PRESETS["paper"], 77) <= 90


def test_without_p_64_lanes_take_the_cycles_of_32():
    """At most 34 cycles a context of 31 samples with at most 132 multipliers."""
    cfg = PRESETS["ecp5-85f-d64"]
    assert slot_cycles(cfg, 31) == roofline_cycles(cfg, 31) == 32
    assert multipliers(cfg) == 132
    # A row of several beats has no longer way: there is no sweep of dim times as many.
    assert slot_cycles(cfg.replace(lanes=16, group=0), 31) == 4 * 32
    # Contexts of few samples wait for the gain's multiplier.
    assert slot_cycles(cfg.replace(lookahead=6), 0) == EngineTiming.of(cfg).spacing == 15


def test_nothing_costs_nothing():
    empty = Contexts(*(np.zeros(n, np.int64) for n in (0, 1, 0, 0)))
    assert train_cycles(TINY, empty) == 0
    assert train_cycles(SEQUENTIAL, empty) == 0
