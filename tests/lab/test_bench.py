"""The benchmark: its kernels compute what they claim, its figures follow from what was measured, and a run resumes."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from skipwalk.hw.oselm.config import preset
from skipwalk.sim.oselm import formula
from skipwalk.sim.oselm.golden import Contexts
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.graph.contexts import ContextBatch
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.lab.bench import (
    boards,
    cli,
    lora,
    native,
    oselm,
    perf,
    plan,
    rtl,
    sgns,
    steps,
    store,
    summary,
    table,
    timing,
    whole,
)
from skipwalk.sw.lab.bench.lora_torch import torch_runner
from skipwalk.sw.lab.bench.work import INFLATION, MU, P0, Work
from skipwalk.sw.lora import methods
from skipwalk.sw.lora.methods import shuffled_epochs
from skipwalk.sw.lora.pretrain import pretrain
from skipwalk.sw.lora.tasks import Task
from skipwalk.sw.results.records import source_texts
from skipwalk.sw.results.report import Result, provenance

from ..support import lora as support
from ..support.command import skipwalk
from ..support.stand_ins import Clocked

needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler")


def random_batch(rng, rows=40, n=300, counts=(0, 40)):
    indptr = np.concatenate([[0], np.cumsum(rng.integers(*counts, n))])
    total = int(indptr[-1])
    samples = rng.integers(0, rows, total).astype(np.int32)
    return ContextBatch(
        rng.integers(0, rows, n).astype(np.int32), indptr, samples, rng.integers(0, 2, total).astype(np.uint8)
    )


# ---- kernels against the formulas


@needs_compiler
@pytest.mark.parametrize("dim", [16, 32, 96])
@pytest.mark.parametrize("source", ["oselm.c", "oselm_plain.c"])
@pytest.mark.parametrize("q", [0.0, 1e-3])
def test_the_c_kernels_train_as_the_float_model(dim, source, q):
    batch = random_batch(np.random.default_rng(dim), n=1500)
    beta = np.random.default_rng(1).uniform(-0.5, 0.5, (40, dim))
    p = np.eye(dim) * P0
    parameters = {"mu": 0.1, "q": q, "p0": P0}
    # Where P_ii is as good as p0, rounding decides whether it grows: that may differ, by q.
    function = native.load(source, native.compilers()[0], DIM=dim).train
    mine, mine_p = native.aligned(beta), native.aligned(p)
    oselm.train_c(function, mine, mine_p, batch, **parameters)()
    formula.train(beta, p, Contexts(batch.centres, batch.indptr, batch.samples, batch.labels), **parameters)
    np.testing.assert_allclose(mine, beta, atol=2e-3)
    np.testing.assert_allclose(mine_p, p, atol=2e-3)
    assert np.abs(p - np.eye(dim) * P0).max() > 0.1  # something was learned


def test_the_numpy_row_trains_as_the_float_model():
    batch = random_batch(np.random.default_rng(0))
    contexts = Contexts(batch.centres, batch.indptr, batch.samples, batch.labels)
    beta, p = np.random.default_rng(1).uniform(-0.5, 0.5, (40, 8)), np.eye(8) * P0
    mine, mine_p = beta.copy(), p.copy()
    formula.train(beta, p, contexts, mu=MU, q=INFLATION, p0=P0)
    oselm.train_numpy(mine, mine_p, contexts, mu=MU, q=INFLATION, p0=P0)
    np.testing.assert_allclose(mine, beta, atol=1e-12)
    np.testing.assert_allclose(mine_p, p, atol=1e-12)


def pair_after_pair(inner, outer, batch, rate):
    """Skip-gram with negative sampling as word2vec has it, element by element."""
    for c, centre in enumerate(batch.centres):
        pairs = sgns.by_pairs(batch).reshape(len(batch), -1, 1 + sgns.NEGATIVES)[c]
        for pair in pairs:
            h, gradient = inner[centre].copy(), 0.0
            for i, row in enumerate(pair):
                g = rate * ((i == 0) - 1 / (1 + np.exp(-(h @ outer[row]))))
                gradient = gradient + g * outer[row]
                outer[row] = outer[row] + g * h
            inner[centre] += gradient


@needs_compiler
def test_sgns_in_c_is_word2vec(monkeypatch):
    rng = np.random.default_rng(3)
    n, positives, dim = 60, 3, 16
    indptr = np.arange(n + 1) * positives * (1 + sgns.NEGATIVES)
    labels = np.tile(np.repeat([1, 0], [positives, positives * sgns.NEGATIVES]), n).astype(np.uint8)
    # No row twice in a pair: the kernel takes all dot products of a pair before its updates.
    samples = np.concatenate([rng.permutation(40)[: 1 + sgns.NEGATIVES] for _ in range(n * positives)])
    by_context = samples.reshape(n, positives, -1)
    ordered = np.concatenate([by_context[:, :, 0], by_context[:, :, 1:].reshape(n, -1)], axis=1).reshape(-1)
    batch = ContextBatch(rng.integers(0, 40, n).astype(np.int32), indptr, ordered.astype(np.int32), labels)
    np.testing.assert_array_equal(sgns.by_pairs(batch), samples)
    start = rng.uniform(-0.3, 0.3, (40, dim))

    class Rows:
        def rows(self, dim):
            return start

    run = sgns.c_runner(Rows(), batch, dim, native.compilers()[0])
    run()
    inner, outer = start.copy(), start.copy()
    pair_after_pair(inner, outer, batch, sgns.RATE)
    np.testing.assert_allclose(run.arrays[0], inner, atol=2e-3)
    np.testing.assert_allclose(run.arrays[1], outer, atol=2e-3)
    assert np.abs(inner - start).max() > 0.05


def test_sgns_in_numpy_takes_a_step_down_the_loss():
    rng = np.random.default_rng(0)
    indptr, labels = np.array([0, 3]), np.array([1, 0, 0], np.uint8)
    batch = ContextBatch(np.array([0], np.int32), indptr, np.array([1, 2, 2], np.int32), labels)
    start = rng.uniform(-0.5, 0.5, (3, 4))
    inner, outer = start.copy(), start.copy()
    sgns.train_numpy(inner, outer, batch, rate=1e-6)

    def loss(inner, outer):
        signs = np.where(labels, 1, -1)
        return -np.log(1 / (1 + np.exp(-signs * (outer[batch.samples] @ inner[0])))).sum()

    def slope(which, i, j):
        moved = [start.copy(), start.copy()]
        moved[which][i, j] += 1e-6
        return (loss(*moved) - loss(start, start)) / 1e-6

    for which, trained in enumerate((inner, outer)):
        for i, j in ((0, 1), (1, 0), (2, 3)):
            assert (trained - start)[i, j] / 1e-6 == pytest.approx(-slope(which, i, j), abs=1e-4)


@pytest.fixture(scope="module")
def small_task():
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 1, (150, 32)), rng.integers(0, 3, 150)
    task = Task("small", 3, (x[:60], y[:60]), (x[60:107], y[60:107]), (x[107:], y[107:]))
    return task, pretrain(*task.pretrain, 3, hidden=(16, 48), epochs=3)


@needs_compiler
@pytest.mark.parametrize("method", lora.METHODS)
def test_fine_tuning_in_c_is_that_of_numpy(method, small_task):
    task, network = small_task
    run = lora.CFineTuning(network, task, method, native.compilers()[0])
    model = methods._Model(method, network, lora.RANK, 0)
    x, y = task.finetune[0].astype(np.float32), task.finetune[1]
    order = shuffled_epochs(len(y), 4, np.random.default_rng(0))
    # 47 samples: the last mini-batch is cut off inside of a group of four. fine_tune ends one there in every epoch.
    for start in range(0, len(order), lora.BATCH):
        rows = order[start : start + lora.BATCH]
        h, z, u = model.forward(x[rows])
        g = np.exp(u - u.max(axis=1, keepdims=True))
        g /= g.sum(axis=1, keepdims=True)
        g[np.arange(len(rows)), y[rows]] -= 1
        for parameter, gradient in model.backward(h, z, g * np.float32(lora.RATE / len(rows))):
            parameter -= gradient
    run.fine_tune(4)
    for mine, theirs in zip(run.a, model.a, strict=True):
        np.testing.assert_allclose(mine.T, theirs, atol=1e-4)
    for mine, theirs in zip(run.b, model.d, strict=True):
        np.testing.assert_allclose(mine[:, : theirs.shape[1]], theirs, atol=1e-4)
        assert np.abs(theirs).max() > 1e-2
    accuracy = float((model.forward(task.test[0].astype(np.float32))[2].argmax(axis=1) == task.test[1]).mean())
    assert run.accuracy() == pytest.approx(accuracy, abs=0.03)


def test_a_network_that_the_kernel_cannot_take_is_refused(small_task):
    task, _ = small_task
    network = pretrain(*task.pretrain, 3, hidden=(8,), epochs=1)
    with pytest.raises(ValueError, match="3 layers of multiples of 16"):
        lora.CFineTuning(network, task, "LoRA-All", native.Compiler("cc", ""))


def test_pytorch_fine_tunes_too(small_task):
    pytest.importorskip("torch")
    for method in lora.METHODS:
        assert torch_runner(method, small_task[1], small_task[0], 2)() > 0


def test_a_compiler_that_rejects_a_kernel_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    with pytest.raises(native.NoCompilerError, match="rejects"):
        native.load("oselm.c", native.Compiler("false", "none"), DIM=16)
    assert [path.suffix for path in (tmp_path / "bench" / "native").iterdir()] == [".lock"]
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(native.NoCompilerError, match="set CC"):
        native.compilers()


@needs_compiler
def test_a_compiler_is_known_by_its_program(monkeypatch):
    (first, *_) = native.compilers()
    monkeypatch.setenv("CC", f"{shutil.which(first.name)} -O1")
    (only,) = native.compilers()
    assert (only.name, only.command) == (first.name, f"{shutil.which(first.name)} -O1")


@needs_compiler
def test_fast_math_of_a_kernel_stays_in_it(tmp_path):
    """Else whatever is measured after it flushes subnormals too, and NumPy with it. In a process of its own."""
    program = """
import numpy as np
from skipwalk.sw.lab.bench import native
native.load("oselm.c", native.compilers()[0], "-ffast-math", DIM=16)
assert np.float32(1e-38) * np.float32(0.1) > 0
"""
    environment = {**os.environ, "SKIPWALK_BUILD": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_a_kernel_is_compiled_once_wherever_that_is(tmp_path, monkeypatch):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "with blanks in it"))
    (first, *_) = native.compilers()
    assert native.load("clock.c", first).chain
    # The same library again: this command would fail.
    assert native.load("clock.c", native.Compiler("false", first.version)).chain
    with pytest.raises(native.NoCompilerError, match="rejects"):
        native.load("clock.c", native.Compiler("false", first.version), OTHER=1)


# ---- clocks and timing


def test_the_base_clock_is_found_in_cpuinfo():
    assert perf.base_clock_hz("model name\t: Xeon @ 2.60GHz\n") == (2.6e9, "name of the model")
    text = "model name\t: AMD EPYC\nflags\t: fpu tsc msr \nbogomips\t: 5192.19\n"
    assert perf.base_clock_hz(text) == (2596.095e6, "rate of the time stamp counter")
    assert perf.base_clock_hz("cpu MHz\t\t: 1500.5\n")[0] == 1500.5e6
    with pytest.raises(OSError, match="no base clock"):
        perf.base_clock_hz("")


def test_without_a_hardware_counter_there_is_a_reason():
    with perf.CycleCounter() as counter:
        if counter.available:
            before = counter.read()
            sum(range(10000))
            assert counter.read() - before > 1000
        else:
            assert counter.read() is None
            assert counter.reason


def test_another_system_has_no_hardware_counter(monkeypatch):
    monkeypatch.setattr(perf.platform, "system", lambda: "Plan 9")
    counter = perf.CycleCounter()
    assert not counter.available
    assert "Plan 9" in counter.reason


def test_disturbed_repeats_do_not_count(monkeypatch):
    walls, shares = iter([9, *[2, 4, 2, 4, 2, 4, 2, 4, 2, 4]]), iter([1, *[1.0, 0.5] * 5])
    clock = {"wall": 0.0, "cpu": 0.0}

    def work():
        wall = next(walls)
        clock["wall"] += wall
        clock["cpu"] += wall * next(shares)

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(timing.time, "process_time", lambda: clock["cpu"])
    found = timing.measure(work, 2, seconds=1000, repeats=10, least=10)
    assert (found.median, found.repeats, found.undisturbed, found.trusted) == (1.0, 10, 5, True)
    # Where nearly all are disturbed, CPU time counts.
    walls, shares = iter([9, *[4] * 10]), iter([1, *[0.5] * 10])
    found = timing.measure(work, 2, seconds=1000, repeats=10, least=10)
    assert (found.median, found.undisturbed, found.trusted) == (1.0, 0, False)
    assert found.spread == 0


def test_one_thread_is_pinned_and_released():
    import os

    before = os.sched_getaffinity(0)
    with timing.one_thread() as cpu:
        assert os.sched_getaffinity(0) == {cpu}
    assert os.sched_getaffinity(0) == before


# ---- what was measured stays


def test_counts_stay_and_times_end_with_their_run(tmp_path):
    calls = []

    def compute():
        calls.append(0)
        return [len(calls)]

    first = store.Store(tmp_path)
    assert first.timed("time", 1, compute) == [1]
    assert first.counted("count", 1, compute) == [2]
    # Interrupted: the next run goes on.
    second = store.Store(tmp_path)
    assert second.resumed
    assert second.timed("time", 1, compute) == [1]
    second.finish()
    third = store.Store(tmp_path)
    assert not third.resumed
    assert third.counted("count", 1, compute) == [2]
    assert third.timed("time", 1, compute) == [3]
    assert third.counted("count", "other inputs", compute) == [4]
    (tmp_path / "count.json").write_text("damaged")
    assert third.counted("count", "other inputs", compute) == [5]


def test_an_old_interrupted_run_begins_anew(tmp_path, monkeypatch):
    store.Store(tmp_path).timed("time", 1, lambda: 1)
    later = time.time() + store.LONGEST + 1
    monkeypatch.setattr(store.time, "time", lambda: later)
    assert store.Store(tmp_path).timed("time", 1, lambda: 2) == 2


def test_counts_depend_on_gateware_harness_and_networks():
    counted = source_texts("sw/lab/bench/rtl.py", "sw/lora/pretrain.py")
    wanted = {
        "hw/oselm/core.py",
        "hw/arith/rank_one.py",
        "hw/lora/core.py",
        "sim/rtl/harness.cpp",
        "sw/graph/contexts.py",
        "sw/lora/pretrain.py",
    }
    assert wanted <= counted.keys()


# ---- figures


COUNTED = {
    "cycles": 2400.0 * 64,
    "contexts": 73 * 64,
    "samples": 73 * 64 * 31,
    "wait_input": 0,
    "wait_row": 64 * 30,
    "closed_form": 2336.0 * 64,
    "roofline": 2336 * 64,
    "exact": 2390 * 64,
}


def test_with_the_main_core_alone_nothing_else_is_compiled():
    small = plan.main_core(plan.FULL)
    assert list(small.cores) == [32]
    assert [sweep.axis for sweep in small.sweeps] == ["window", "negatives"]
    assert small.paper is None
    assert {cfg for sweep in small.sweeps for _, cfg, _ in sweep.points} == {small.cores[32][0]}


def test_the_breakdown_accounts_for_every_cycle():
    cfg = preset("ecp5-85f")
    shares = rtl.breakdown(cfg, COUNTED)
    assert shares["issuing"] + shares["stall.input"] + shares["stall.row"] + shares["idle"] == pytest.approx(1)
    assert shares["issuing"] == pytest.approx(73 * 32 / 2400)
    assert shares["busy.p_dot"] == pytest.approx(73 * 32 / 2400)
    assert shares["roofline"] == pytest.approx(2336 / 2400)
    # By hand: 2 x 1024 and 32 of P, 2 x 31 x 32 of rows, 32 of h.u and the reciprocal.
    assert shares["multipliers"] == pytest.approx(73 * (2 * 1024 + 2 * 31 * 32 + 32 + 33) / (2400 * 130))


def made_up(board=True, **timings):
    """Measurements without measuring."""
    cfg = preset("ecp5-85f")
    case = rtl.Case(64)
    sizes = dataclasses.replace(plan.FULL, cores={32: (cfg, 64)}, paper=None, sweeps=(), tasks=("digits",))
    counted = COUNTED | {"core": rtl.core_key(cfg), "case": vars(case)}
    at = {"cycles": None, "low": 0, "high": 0, "trusted": True}
    fan = {
        "samples": 470,
        "epochs": 30,
        "uncached_epochs": 2,
        "cached": {"cycles": 470 * (640 + 29 * 54), "counters": {"dense": 9, "wait_sample": 8}},
        "uncached": {"cycles": 470 * 2 * 640, "counters": {}},
        "closed_form": {"cached": 53, "uncached": 641},
        "roofline": {"cached": 40, "uncached": 550},
    }
    found = {
        "rtl.d32": [counted],
        "rtl.lora.digits": fan,
        "cpu.clock": {**at, "median": 1 / 4e9},
        "oselm.c.d32.cc vectors": {**at, "median": 7e-6},
        "oselm.c.d32.cc loops": {**at, "median": 40e-6},
        "oselm.golden.d32": {**at, "median": 10.5e-6},
        "oselm.numpy.d32": {**at, "median": 1000e-6},
        "train.skipwalk.w2": 2.0,
        "train.skipwalk.w10": 4.0,
        "train.pecanpy.w2": 24.0,
        "train.pecanpy.w10": 100.0,
        "sgns.gensim_1_thread": {**at, "median": 700e-6},
        "sgns.gensim_all": {**at, "median": 400e-6},
        "sgns.gensim_1_thread.both_sides": {**at, "median": 300e-6},
        "lora.digits.Skip2-LoRA.c.cc": {**at, "median": 0.1e-6, "samples": 470},
        "lora.digits.Skip-LoRA.c.cc": {**at, "median": 0.9e-6, "samples": 470},
        "lora.digits.LoRA-All.c.cc": {**at, "median": 1e-6, "samples": 470},
        **timings,
    }
    routed = {"ulx3s-85f": boards.Board("ulx3s-85f", "", 100.0, cfg, None)} if board else {}
    return summary.Measurements(sizes, found, {}, routed, 2e9)


def test_ratios_stay_apart_and_multiply():
    values = {r.name: r.value for r in summary.results(made_up())}
    assert values["oselm.walk_us.fpga"] == pytest.approx(24)
    assert values["oselm.walk_us.fpga.at_50_mhz"] == pytest.approx(48)
    assert values["oselm.walk_us.cpu_float32"] == pytest.approx(7)
    assert values["oselm.walk_us.cpu_loops"] == pytest.approx(40)
    assert values["golden.walk_us"] == pytest.approx(10.5)
    assert values["ratio.golden_over_c_float32"] == pytest.approx(1.5)
    assert values["sgns.walk_us.gensim_1_thread"] == pytest.approx(700)
    assert (values["train.cpu_seconds.skipwalk.w2"], values["train.cpu_seconds.pecanpy"]) == (2.0, 100.0)
    assert (values["ratio.train_cpu.pecanpy.w2"], values["ratio.train_cpu.pecanpy"]) == (12.0, 25.0)
    assert not any("fastnode2vec" in name for name in values)
    assert values["ratio.same_work"] == pytest.approx(7 / 24)
    assert values["ratio.same_work.cpu_loops"] == pytest.approx(40 / 24)
    assert values["ratio.node2vec"] == pytest.approx(100)
    assert values["ratio.both"] == pytest.approx(values["ratio.same_work"] * values["ratio.node2vec"])
    assert values["ratio.cycles_same_work"] == pytest.approx(7e-6 * 2e9 / 2400)
    assert values["ratio.cycles_same_work.measured_clock"] == pytest.approx(7e-6 * 4e9 / 2400)
    assert values["estimator.max_error"] == pytest.approx(1 - 2336 / 2400)
    assert values["lora.digits.sample_cycles.fpga.cached"] == pytest.approx(54)
    assert values["lora.digits.saved_against_lora_all.cpu_float32"] == pytest.approx(0.9)
    assert values["lora.digits.finetune_ms.skip2.cpu_float32"] == pytest.approx(0.1e-3 * 470 * 30)


def test_other_cores_and_the_case_of_the_paper_have_rows_of_their_own():
    """With D = 96 what is in block RAMs does not fit; the paper's core has 77 samples a context."""
    m = made_up()
    wide, paper = plan.FULL.cores[96][0], plan.FULL.paper
    sizes = dataclasses.replace(m.plan, cores={**m.plan.cores, 96: (wide, 64), 64: (wide.replace(dim=64), 64)})
    sizes = dataclasses.replace(sizes, paper=paper, paper_walks=128)
    for name, cfg, case in (
        ("rtl.d96", wide, rtl.Case(64)),
        ("rtl.d64", wide.replace(dim=64), rtl.Case(64)),
        ("rtl.paper", paper, rtl.Case(128, **plan.PAPER_CASE)),
    ):
        m.found[name] = [COUNTED | {"core": rtl.core_key(cfg), "case": vars(case), "exact": 2300 * 64}]
    m.found["oselm.c.d96.cc vectors"] = {"cycles": None, "median": 24e-6, "trusted": True}
    m.found["oselm.c.s77.cc vectors"] = {"cycles": None, "median": 50e-6, "trusted": True}
    m = dataclasses.replace(m, plan=sizes)
    found = {r.name: r.value for r in summary.results(m)}
    assert found["oselm.walk_cycles.fpga.d96"] == 2400
    assert found["oselm.walk_us.fpga.d96"] == pytest.approx(24)
    assert "does not fit: beta alone takes" in m.notes["oselm.walk_us.fpga.d96"]
    assert m.notes["oselm.walk_us.fpga.d64"] == "not routed: the clock of the core with D = 32"
    assert found["ratio.same_work.d96"] == pytest.approx(24e-6 / 24e-6)
    assert found["ratio.cycles_same_work.d96"] == pytest.approx(24e-6 * 2e9 / 2400)
    assert "ratio.same_work.d64" not in found
    assert found["oselm.walk_us.fpga.s77"] == pytest.approx(2400 * 64 / 128 / 100)
    assert found["oselm.walk_us.cpu_float32.s77"] == pytest.approx(50)
    assert found["utilisation.roofline.s77"] == pytest.approx(2336 / 2400)
    # The closed form of the paper's case is no part of the maximum, what is exact is.
    assert found["estimator.error.s77"] == pytest.approx(1 - 2336 / 2400)
    assert found["estimator.max_error.exact"] == pytest.approx(1 - 2300 / 2400)
    assert "not part of the maximum" in m.notes["estimator.error.s77"]
    assert m.cases(wide, rtl.Case(65)) is None


def test_a_hardware_counter_goes_before_the_clock():
    m = made_up(**{"oselm.c.d32.cc vectors": {"median": 7e-6, "cycles": 24000.0}})
    values = {r.name: r.value for r in summary.results(m)}
    assert values["ratio.cycles_same_work"] == pytest.approx(10)


def test_without_a_routed_board_there_is_a_reason_and_no_ratio():
    m = made_up(board=False)
    names = {r.name for r in summary.results(m)}
    assert "oselm.walk_us.fpga" not in names
    assert "ratio.same_work" not in names
    assert {"ratio.node2vec", "ratio.cycles_same_work", "oselm.walk_us.fpga.at_100_mhz"} <= names
    assert "results/boards" in m.skipped["oselm.walk_us.fpga"]
    assert "ratio.same_work" in m.skipped


def test_boards_are_read_from_their_summaries(tmp_path):
    cfg = preset("ecp5-85f")
    entry = {"board": "ulx3s-85f", "title": "ULX3S", "fmax_mhz": 81.5, "core": cfg.to_dict()}
    (tmp_path / "ulx3s-85f.json").write_text(json.dumps(entry))
    (tmp_path / "other.json").write_text("[]")
    found = boards.read_boards(tmp_path)
    assert found == {"ulx3s-85f": boards.Board("ulx3s-85f", "ULX3S", 81.5, found["ulx3s-85f"].core, None)}
    assert found["ulx3s-85f"].core.digest == cfg.digest
    assert boards.read_boards(tmp_path / "none") == {}
    assert boards.beta_block_rams(cfg) == 96
    assert boards.beta_block_rams(cfg.replace(dim=96)) > boards.BLOCK_RAMS


def test_the_table_shows_losing_rows_and_what_was_left_out():
    m = made_up()
    entries = summary.results(m)
    details = {"notes": m.notes, "timings": {}, "skipped": {"sgns.gensim": "not installed"}, "disturbed": ["a"]}
    details |= {"compilers": ["cc 12"], "cpu_cycles": "time x base clock", "base_clock": "somewhere"}
    text = table.table(entries, provenance(**details))
    for entry in entries:
        if isinstance(entry, Result):
            assert entry.name in text
    assert "left out: sgns.gensim: not installed" in text
    assert "not quiet: 1 rows" in text


# ---- steps


def small_steps(monkeypatch, *, rtl=True, **sizes):
    """Steps of a quick plan by name, on a ring; one compiler, the small task."""
    task = support.small_task()
    monkeypatch.setattr(steps, "load_task", lambda name: task)
    monkeypatch.setattr(steps, "pretrain", lambda *a: pretrain(*a, hidden=(16, 16), epochs=2))
    sizes = dataclasses.replace(plan.quick(64), tasks=("small",), walks=2, slow_walks=1, gensim_walks=4, **sizes)
    work = Work.of(Graph.from_networkx(nx.cycle_graph(20)), sizes.all_walks)
    compilers = native.compilers()[:1] if shutil.which("cc") else []
    return task, {step.name: step for step in steps.steps(sizes, work, compilers, rtl, Path("none"))}


def test_fine_tuning_is_counted_with_the_cache_and_without(monkeypatch):
    """By a clock that counts command words."""
    task, todo = small_steps(monkeypatch, uncached_epochs=1)
    monkeypatch.setattr("skipwalk.sw.link.transport.RTLTransport", Clocked)
    found = todo["rtl.lora.small"].compute()
    n = len(task.finetune[1])
    assert (found["samples"], found["epochs"], found["uncached_epochs"]) == (n, 3, 1)
    assert (found["cached"]["counters"]["hits"], found["cached"]["counters"]["misses"]) == (3 * n, n)
    assert (found["uncached"]["counters"]["hits"], found["uncached"]["counters"]["misses"]) == (0, n)
    assert found["cached"]["cycles"] > 0 < found["uncached"]["cycles"]
    assert found["roofline"]["cached"] <= found["closed_form"]["cached"]
    assert found["roofline"]["uncached"] <= found["closed_form"]["uncached"]
    assert found["parameters"] == 4 * (6 + 16 + 16) + 3 * 4 * 3
    assert not todo["rtl.lora.small"].timed


def test_what_cannot_be_compiled_or_is_too_large_is_left_out_with_its_reason(monkeypatch):
    _, todo = small_steps(monkeypatch, uncached_epochs=1, cores={16: (preset("tiny").replace(nodes=16), 4)}, sweeps=())

    def fails(cfg, **_):
        raise DeviceError("no compiler here")

    monkeypatch.setattr("skipwalk.sw.link.transport.RTLTransport", fails)
    with pytest.raises(steps.Skipped, match="no compiler here"):
        todo["rtl.lora.small"].compute()
    with pytest.raises(steps.Skipped, match="the graph has 20 nodes, the core 16"):
        todo["rtl.d16"].compute()
    _, todo = small_steps(monkeypatch)
    assert "rtl.lora.small" not in todo
    with pytest.raises(steps.Skipped, match="no compiler here"):
        todo["rtl.d16"].compute()

    def absent(name):
        raise InputError("no such data")

    monkeypatch.setattr(steps, "load_task", absent)
    with pytest.raises(steps.Skipped, match="no such data"):
        todo["lora.small.Skip2-LoRA.numpy"].compute()


def test_cores_are_counted_once_for_all_that_asks_for_them(monkeypatch):
    """The case of a sweep that is the main one's is no second one; what is read has the paper's samples."""
    core, paper = preset("tiny").replace(nodes=64), preset("paper")
    sweep = plan.Sweep("window", "nodes", ((8, core, rtl.Case(4)), (4, core, rtl.Case(4, window=4))))
    _, todo = small_steps(
        monkeypatch, cores={16: (core, 4)}, paper=paper, paper_walks=2, sweeps=(sweep,), uncached_epochs=0
    )
    asked = {name: [case["window"] for case in todo[name].inputs[1]] for name in ("rtl.d16", "rtl.paper")}
    assert asked == {"rtl.d16": [8, 4], "rtl.paper": [8]}
    assert todo["rtl.paper"].inputs[1][0]["per_positive"]


def test_gensim_trains_the_same_walks_on_one_thread_and_on_all(monkeypatch):
    pytest.importorskip("gensim", reason="gensim is not installed")
    _, todo = small_steps(monkeypatch, rtl=False)
    one, both, everywhere = (
        todo[f"sgns.gensim_{name}"].compute() for name in ("1_thread", "1_thread.both_sides", "all")
    )
    assert everywhere["threads"] == sgns.all_cpus()
    assert "threads" not in one
    assert all(timing["median"] > 0 for timing in (one, both, everywhere))
    with pytest.raises(steps.Skipped, match=r'no_such_package is not installed: pip install "skipwalk\[bench\]"'):
        steps._needs("no_such_package")


def test_without_a_compiler_or_a_clock_rows_are_left_out(monkeypatch):
    def no_compiler():
        raise native.NoCompilerError("no cc, gcc or clang")

    def no_clock():
        raise OSError("no base clock")

    monkeypatch.setattr(cli, "compilers", no_compiler)
    monkeypatch.setattr(cli, "base_clock_hz", no_clock)
    skipped = {}
    assert cli._compilers(skipped) == []
    assert cli._base_clock(skipped) == (None, "no base clock")
    assert skipped == {"cpu_float32": "no cc, gcc or clang", "cpu.clock_mhz.base": "no base clock"}
    assert dataclasses.replace(made_up(), base_clock_hz=None).cycles({"cycles": None, "median": 1.0}) is None


def test_what_this_system_does_not_tell_is_not_needed(monkeypatch, tmp_path):
    """No affinity of processes, no counter of stolen time; the kernel's own word for the base clock goes first."""
    monkeypatch.delattr(timing.os, "sched_setaffinity")
    with timing.one_thread() as cpu:
        assert cpu is None
    monkeypatch.setattr(timing, "Path", lambda _: tmp_path / "absent")
    assert timing.stolen_seconds() == 0.0
    (tmp_path / "base_frequency").write_text("2600000\n")
    monkeypatch.setattr(perf, "Path", lambda _: tmp_path / "base_frequency")
    assert perf.base_clock_hz() == (2.6e9, "base_frequency of the kernel")


# ---- the whole


@pytest.fixture(scope="module")
def graph_file(tmp_path_factory):
    """Large enough that rows seldom come twice in a context, which the closed form of the cycles leaves out."""
    path = tmp_path_factory.mktemp("bench") / "regular.edges"
    path.write_text("".join(f"{u} {v}\n" for u, v in nx.random_regular_graph(4, 500, seed=0).edges))
    return path


@needs_compiler
def test_quick_run_measures_everything_once(graph_file, tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "_needs", lambda package: _absent(package))
    report = tmp_path / "bench.json"
    arguments = [graph_file, "--quick", "--out", tmp_path / "out", "--json", report]
    (tmp_path / "boards").mkdir()
    board = {"board": "ulx3s-85f", "fmax_mhz": 80.0, "core": preset("ecp5-85f").to_dict()}
    (tmp_path / "boards" / "ulx3s-85f.json").write_text(json.dumps(board))
    run = skipwalk("lab", "bench", *arguments, "--boards", tmp_path / "boards", "--peers", tmp_path / "none")
    assert run.exit_code == 0, run.output
    entries = json.loads(report.read_text())
    values = {entry["name"]: entry["value"] for entry in entries}
    details = values.pop("provenance")
    assert {
        "oselm.walk_us.fpga",
        "oselm.walk_us.cpu_float32",
        "oselm.walk_us.numpy",
        "sgns.walk_us.numpy",
        "ratio.same_work",
        "ratio.cycles_same_work",
        "ratio.node2vec.compiled",
        "utilisation.multipliers",
        "estimator.max_error",
        "lora.digits.sample_us.skip2.cpu_float32",
        "train.cpu_seconds.skipwalk",
    } <= values.keys()
    for entry in entries[:-1]:
        assert entry.keys() >= {"name", "value", "unit", "better"}
        assert entry["better"] in ("higher", "lower", None)
    assert values["estimator.max_error"] < 0.02
    assert values["ratio.same_work"] == pytest.approx(
        values["oselm.walk_us.cpu_float32"] / values["oselm.walk_us.fpga"]
    )
    assert 0 < values["utilisation.multipliers"] < 1
    assert "skipwalk[bench]" in details["skipped"]["sgns.gensim_1_thread"]
    assert "ratio.node2vec" in details["skipped"]
    assert "make peers" in details["skipped"]["train.pecanpy.w1"]
    assert details["compilers"]
    assert json.loads((tmp_path / "out" / "summary.json").read_text())[0] == entries[0]
    assert "ratio.same_work" in run.output


def peer_python(folder, script):
    """A shell script in the place of the interpreter of an environment."""
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


@pytest.mark.parametrize("tool", whole.PEERS)
def test_a_peer_that_fails_is_left_out_with_its_last_words(tool, tmp_path):
    peer_python(tmp_path, "echo no such module >&2\nexit 3")
    with pytest.raises(whole.NoPeerError, match=f"{tool} failed with 3: no such module"):
        whole.cpu_seconds(tool, Graph.from_edges([("a", "b")]), 1, tmp_path)
    assert whole.versions(tmp_path) == {}


@pytest.mark.parametrize("tool", whole.PEERS)
def test_a_peer_counts_with_its_own_time(tool, tmp_path):
    """One that does nothing but write its file: to be told by its arguments."""
    peer_python(tmp_path, "for last; do case $last in */vectors.txt) echo 1 > $last;; esac; done")
    assert 0 <= whole.cpu_seconds(tool, Graph.from_edges([("a", "b")]), 1, tmp_path) < 1


def _absent(package):
    raise steps.Skipped(f'{package} is not installed: pip install "skipwalk[bench]"')


def test_an_interrupted_run_says_how_to_go_on(graph_file, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store.Store, "_kept", interrupted)
    run = skipwalk("lab", "bench", graph_file, "--quick", "--no-rtl", "--out", tmp_path)
    assert run.exit_code == 130
    assert "goes on from here" in run.output
    assert (tmp_path / "measured-quick" / "session.json").exists()


def test_a_graph_without_edges_is_one_sentence(tmp_path):
    empty = tmp_path / "empty.edges"
    empty.write_text("# nothing\n")
    run = skipwalk("lab", "bench", empty, "--quick", "--no-rtl", "--out", tmp_path)
    assert run.exit_code == 3
    assert "no edges" in run.output
    assert "Traceback" not in run.output
