"""The compiled loops against the definition, bit for bit and counter for counter: in C by vectors, in C for any
configuration, and in Numba."""

import logging
import os
import subprocess
import sys
import threading
from itertools import product

import numpy as np
import pytest
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.oselm.config import CoreConfig, GainRule, Schedule
from skipwalk.sim.arith.fixed import to_raw
from skipwalk.sim.native.library import NoCompilerError
from skipwalk.sim.oselm import compiled, golden, loops
from skipwalk.sim.oselm.kernel import arithmetic, kernel

from ..support.compare import assert_same

CORE = CoreConfig(name="core", dim=32, nodes=64, lanes=32, max_samples=31)
SEQUENTIAL = {"schedule": Schedule.SEQUENTIAL, "lookahead": 0}
#: By name: what the vectors do, and what they leave to the other loops.
CORES = {
    cfg.name: cfg
    for cfg in (
        CORE,
        CORE.replace(name="paper", max_samples=77, **SEQUENTIAL),
        # Beats of half a row; a row that is no whole block; blocks in plenty.
        CORE.replace(name="d24", dim=24, lanes=8, lookahead=6, max_samples=40),
        CORE.replace(name="d64", dim=64, lanes=32, lookahead=1, max_samples=9),
        CORE.replace(name="constant", gain="constant"),
        CORE.replace(name="constant-sequential", dim=24, lanes=8, gain="constant", **SEQUENTIAL),
        CORE.replace(name="constant-narrow", dim=8, lanes=4, gain="constant", mu_shift=0, beta=SQ(3, 9), p=SQ(2, 12),
                     e=SQ(2, 10), k=SQ(-3, 15), u=SQ(3, 9), max_samples=12),
        CORE.replace(name="constant-wide", dim=6, lanes=2, gain="constant", mu_shift=0, beta=SQ(6, 26), p=SQ(4, 28),
                     u=SQ(6, 12), k=SQ(0, 16)),
        # Every fourth product lies half way between two integers.
        CORE.replace(name="halves", dim=16, lanes=4, beta=SQ(3, 13), e=SQ(2, 6), k=SQ(-1, 9), p=SQ(2, 12), u=SQ(2, 5),
                     mu_shift=0, max_samples=20),
        # Numbers that hardly fit: all sums saturate.
        CORE.replace(name="narrow", dim=8, lanes=4, mu_shift=1, beta=SQ(3, 9), p=SQ(2, 12), e=SQ(2, 10), k=SQ(-3, 15),
                     u=SQ(3, 9), max_samples=12),
        # Steps that saturate by themselves.
        CORE.replace(name="steps", dim=16, lanes=8, mu_shift=1, beta=SQ(-1, 13), e=SQ(4, 9), k=SQ(0, 10)),
        # Wide stores behind 18-bit ports.
        CORE.replace(name="wide", dim=6, lanes=2, beta=SQ(4, 28), p=SQ(4, 28), u=SQ(6, 12), **SEQUENTIAL),
    )
}  # fmt: skip


def segment(cfg, rng, n, nodes):
    """Contexts of any size, whose rows come again all the time."""
    sizes = rng.integers(0, cfg.max_samples + 1, n)
    sizes[rng.random(n) < 0.5] = cfg.max_samples
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    rows, labels = rng.integers(0, nodes, indptr[-1]), rng.integers(0, 2, indptr[-1])
    return golden.Contexts(
        rng.integers(0, nodes, n).astype(np.int32), indptr, rows.astype(np.int32), labels.astype(np.uint8)
    )


def begun(cfg, rng, *, positive=True):
    """A state out of which much saturates, something, or nothing."""
    beta = to_raw(rng.uniform(-1, 1, (cfg.nodes, cfg.dim)) * float(rng.choice([0.1, 1, 4, 16])), cfg.beta)
    q = int(rng.integers(0, 50 if positive else cfg.p.max_raw))
    state = golden.initial_state(cfg, q=q, p0=int(to_raw(cfg.p.max_raw * cfg.p.step * 0.9, cfg.p)), beta=beta)
    if not positive:  # so that h.u is clamped too, and P
        state.p = rng.integers(cfg.p.min_raw, cfg.p.max_raw, state.p.shape, endpoint=True)
        if cfg.gain is GainRule.CONSTANT:
            state.p0 = int(rng.integers(cfg.p.min_raw, cfg.p.max_raw, endpoint=True))
    return state


def run(loop, state, contexts):
    counters = np.zeros(len(golden.COUNTERS), np.int64)
    parts = contexts.centres, contexts.indptr, contexts.samples, contexts.labels
    loop(state.beta, state.p, state.q, state.p0, *parts, counters)
    return dict(zip(golden.COUNTERS, counters.tolist(), strict=True))


def assert_equal(cfg, made, seeds, n=8):
    """The loops ``made`` (by name) against the definition."""
    clamped = dict.fromkeys(golden.COUNTERS, 0)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        want = begun(cfg, rng, positive=seed % 2 == 0)
        contexts = segment(cfg, rng, n, int(rng.integers(1, cfg.nodes)))
        states = {name: want.copy() for name in made}
        golden.train(cfg, want, contexts)
        for name, loop in made.items():
            counters = run(loop, states[name], contexts)
            assert_same(states[name].beta, want.beta, loop=name, seed=seed)
            assert_same(states[name].p, want.p, loop=name, seed=seed)
            assert counters == want.counters, (name, seed)
        for name, count in want.counters.items():
            clamped[name] += count
    return clamped


@pytest.mark.parametrize("name", CORES)
def test_all_loops_are_the_definition(name):
    cfg = CORES[name]
    made = {"c": kernel(cfg), "avx2": kernel(cfg, ONLY_AVX2=1), "numba": loops.kernel(cfg)}
    if name in ("core", "paper", "constant"):
        made["any"] = kernel(cfg, PLAIN=1)
    clamped = assert_equal(cfg, made, range(4))
    if name == "narrow":
        assert all(clamped.values()), clamped
    if name == "constant-narrow":
        assert all(count for counter, count in clamped.items() if counter not in ("sat_p", "sat_u")), clamped


def test_vectors_at_the_edges_of_half_words():
    """Rows and sums that just fit the quick way of the vectors, and such as just do not."""
    edges = (16_000, 0x7FFE, 0x7FFF, 0x8000, 0x1FFFF, -0x7FFE, -0x7FFF, -0x8000, -0x8001, -0x20000)
    some = np.arange(CORE.dim) == 11
    every = np.full(CORE.dim, 30_000)
    cases = [*product([some * edge for edge in edges], repeat=2), (every, every), (every // 10, every), (every, -every)]
    loop, begin = kernel(CORE), begun(CORE, np.random.default_rng(0))
    labels, indptr = np.tile(np.array([1, 0, 0], np.uint8), 8), np.array([0, 24])
    contexts = golden.Contexts(np.zeros(1, np.int32), indptr, np.arange(1, 25, dtype=np.int32), labels)
    for h, row in cases:
        want = begin.copy()
        want.beta[:] = 0
        want.beta[0], want.beta[1:25:3] = h, row
        state = want.copy()
        golden.train(CORE, want, contexts)
        counters = run(loop, state, contexts)
        assert_same(state.beta, want.beta, h=h.tolist(), row=row.tolist())
        assert_same(state.p, want.p)
        assert counters == want.counters


@pytest.mark.parametrize("q", [0, 300, 20_000])
def test_a_diagonal_that_grows_a_lot(q):
    rng = np.random.default_rng(q)
    beta = to_raw(rng.uniform(-0.5, 0.5, (CORE.nodes, CORE.dim)), CORE.beta)
    want = golden.initial_state(CORE, q=q, p0=int(to_raw(1.9, CORE.p)), beta=beta)
    state, contexts = want.copy(), segment(CORE, rng, 80, CORE.nodes)
    golden.train(CORE, want, contexts)
    counters = run(kernel(CORE), state, contexts)
    assert_same(state.p, want.p)
    assert_same(state.beta, want.beta)
    assert counters == want.counters


def test_an_undisturbed_run_saturates_nothing_and_is_long():
    rng = np.random.default_rng(5)
    state = golden.initial_state(CORE, q=7, p0=int(to_raw(1.9, CORE.p)))
    state.beta[:] = to_raw(rng.uniform(-0.05, 0.05, state.beta.shape), CORE.beta)
    contexts, other = segment(CORE, rng, 100, CORE.nodes), state.copy()
    golden.train(CORE, state, contexts)
    compiled.train(CORE, other, contexts)
    assert_same(other.beta, state.beta)
    assert_same(other.p, state.p)
    assert not any(state.counters.values())
    assert other.counters == state.counters
    assert (other.contexts, other.samples) == (100, len(contexts.samples))


def test_what_changes_no_bit_shares_a_library():
    bigger = CORE.replace(nodes=200_000, walks=8, edge_ends=1 << 20, max_walk=100, group=4, broadcast=4, max_samples=7)
    assert arithmetic(bigger) == arithmetic(CORE)
    assert kernel(bigger) is kernel(CORE)


def test_arrays_that_cannot_be_changed_are_refused():
    rng = np.random.default_rng(0)
    state, contexts = begun(CORE, rng), segment(CORE, rng, 2, 5)
    state.beta = state.beta.astype(np.int64)
    with pytest.raises(TypeError, match="array of int64 and shape"):
        run(kernel(CORE), state, contexts)


def test_without_a_compiler_numba_does_it_and_says_so_once(monkeypatch, caplog):
    def fails(cfg):
        raise NoCompilerError("no C compiler (cc, gcc, clang); apt-get install gcc, or set CC")

    monkeypatch.setattr(compiled, "kernel", fails)
    compiled._tell.cache_clear()
    compiled._loop.cache_clear()
    rng = np.random.default_rng(1)
    cfg = CORES["core"]
    want, contexts = begun(cfg, rng), segment(cfg, rng, 5, 20)
    other = want.copy()
    golden.train(cfg, want, contexts)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            compiled.train(cfg, other.copy(), contexts)
        compiled.train(cfg, other, contexts)
    assert_same(other.beta, want.beta)
    assert [r.getMessage() for r in caplog.records] == [
        "the golden model runs several times slower than it could: "
        "no C compiler (cc, gcc, clang); apt-get install gcc, or set CC"
    ]
    compiled._tell.cache_clear()
    compiled._loop.cache_clear()


@pytest.mark.parametrize(
    ("compiler", "words"), [("no-such-compiler", "no C compiler"), ("false", "no C compiler"), ("cc -bad", "rejects")]
)
def test_a_compiler_that_is_missing_or_fails_says_so(compiler, words, tmp_path):
    script = (
        "from skipwalk.sim.oselm.kernel import kernel\n"
        "from skipwalk.sim.native.library import NoCompilerError\n"
        "from skipwalk.hw.oselm.config import preset\n"
        "try: kernel(preset('tiny'))\n"
        "except NoCompilerError as error: print(error)\n"
    )
    env = {**os.environ, "CC": compiler, "SKIPWALK_BUILD": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    assert words in shown


def test_what_is_begun_beside_other_work_is_waited_for(monkeypatch):
    """Once: whoever trains meanwhile gets the loop that is being compiled."""
    cfg = CORE.replace(name="beside", lookahead=3, max_samples=7)
    going_on, made = threading.Event(), []

    def slow(cfg):
        assert going_on.wait(60)
        made.append(threading.current_thread().name)
        return kernel(cfg)

    monkeypatch.setattr(compiled, "kernel", slow)
    compiled.prepare(cfg, wait=False)
    assert made == []
    going_on.set()
    rng = np.random.default_rng(0)
    state, contexts = begun(cfg, rng), segment(cfg, rng, 5, 9)
    want = state.copy()
    compiled.train(cfg, state, contexts)
    golden.train(cfg, want, contexts)
    assert_same(state.beta, want.beta)
    assert state.counters == want.counters
    for thread in threading.enumerate():
        if thread.name == "compiler":
            thread.join()
    assert "compiler" in made


def test_no_compiler_is_told_by_who_trains_alone(monkeypatch, caplog):
    cfg = CORE.replace(name="none", lookahead=4, max_samples=7)

    def refuse(_):
        raise NoCompilerError("no C compiler")

    monkeypatch.setattr(compiled, "kernel", refuse)
    compiled._tell.cache_clear()
    compiled.prepare(cfg, wait=False)
    for thread in threading.enumerate():
        if thread.name == "compiler":
            thread.join()
    assert not caplog.records
    compiled.prepare(cfg)
    assert "several times slower than it could: no C compiler" in caplog.text
    compiled._tell.cache_clear()
    compiled._loop.cache_clear()
