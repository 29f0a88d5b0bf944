"""The golden model's ladder: float formula, NumPy definition, compiled twin."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.oselm.config import CoreConfig, Schedule
from skipwalk.sim.arith.fixed import from_raw, saturate, to_raw
from skipwalk.sim.oselm import compiled, formula, golden

from ..support.compare import assert_same
from ..support.oselm import distances, pack, repeats

STREAMING = CoreConfig(name="streaming", dim=8, nodes=64, lanes=4, max_samples=7, lookahead=2, mu_shift=4)
SEQUENTIAL = STREAMING.replace(name="sequential", schedule=Schedule.SEQUENTIAL, lookahead=0)
SCHEDULES = pytest.mark.parametrize("cfg", [STREAMING, SEQUENTIAL], ids=lambda cfg: cfg.name)


def random_contexts(cfg, rng, n, nodes=12):
    indptr = np.concatenate([[0], np.cumsum(rng.integers(0, cfg.max_samples + 1, n))])
    rows, labels = rng.integers(0, nodes, indptr[-1]), rng.integers(0, 2, indptr[-1])
    return golden.Contexts(rng.integers(0, nodes, n), indptr, rows, labels)


def random_state(cfg, rng, *, scale=0.5, q=3, p0=1.0):
    beta = to_raw(rng.uniform(-scale, scale, (cfg.nodes, cfg.dim)), cfg.beta)
    return golden.initial_state(cfg, q=q, p0=int(to_raw(p0, cfg.p)), beta=beta)


def assert_states(got, want, **context):
    assert_same(got.beta, want.beta, **context)
    assert_same(got.p, want.p, **context)
    assert (got.counters, got.contexts, got.samples) == (want.counters, want.contexts, want.samples), context


# ---- blocks against the real numbers they stand for


def exact(raw, fmt):
    """Raw numbers as fractions, element by element."""
    return np.vectorize(lambda n: Fraction(int(n)) * Fraction(fmt.step), otypes=[object])(raw)


@pytest.fixture(params=range(5))
def rng(request):
    return np.random.default_rng(request.param)


def test_error_is_rounded_once(rng):
    cfg, state = STREAMING, random_state(STREAMING, rng)
    h, row = exact(state.beta[0], cfg.beta), exact(state.beta[1], cfg.beta)
    for label in (0, 1):
        e = golden.error(cfg, state, golden.dot(cfg, state.beta[1], state.beta[0]), label)
        want = label - h @ row / (1 << cfg.mu_shift)
        assert abs(exact(e, cfg.e) - want) <= Fraction(cfg.e.step) / 2


def test_update_is_rounded_once(rng):
    cfg, state = STREAMING, random_state(STREAMING, rng)
    k, e = rng.integers(-(1 << 15), 1 << 15, cfg.dim), int(rng.integers(-(1 << 14), 1 << 14))
    want = exact(state.beta[3], cfg.beta) + exact(e, cfg.e) * exact(k, cfg.k)
    golden.update_row(cfg, state, 3, e, k)
    assert (abs(exact(state.beta[3], cfg.beta) - want) <= Fraction(cfg.beta.step) / 2).all()


def test_gain_is_the_formula(rng):
    cfg, state = STREAMING, random_state(STREAMING, rng)
    h = state.beta[0]
    u = golden.sweep(cfg, state, None, None, h)
    mu = Fraction(1, 1 << cfg.mu_shift)
    real_h, real_u = exact(h, cfg.beta) * mu, exact(u, cfg.u) * mu
    want = real_u / (1 + real_h @ real_u)
    # k is rounded once; g is good to a unit of its last place.
    margin = Fraction(cfg.k.step) / 2 + abs(real_u) * Fraction(1, 1 << cfg.gain_bits)
    assert (abs(exact(golden.gain(cfg, state, h, u), cfg.k) - want) <= margin).all()


def test_sweep_is_rounded_once_on_the_way_in_and_once_on_the_way_out(rng):
    cfg, state = STREAMING, random_state(STREAMING, rng, q=5)
    state.p += rng.integers(-2000, 2000, state.p.shape)
    before, below = exact(state.p, cfg.p), np.diag(state.p) < state.p0
    u, k = rng.integers(-(1 << 13), 1 << 13, cfg.dim), rng.integers(-(1 << 14), 1 << 14, cfg.dim)
    out = golden.sweep(cfg, state, k, u, state.beta[2])
    step = np.outer(exact(u, cfg.u), exact(k, cfg.k)) * Fraction(1, 1 << cfg.mu_shift)
    want = before - step + np.diag(below * exact(5, cfg.p))
    after = exact(state.p, cfg.p)
    assert below.any()
    assert not below.all()
    assert (abs(after - want) <= Fraction(cfg.p.step) / 2).all()
    assert (abs(exact(out, cfg.u) - after @ exact(state.beta[2], cfg.beta)) <= Fraction(cfg.u.step) / 2).all()


def test_a_clamped_beat_is_one_event():
    cfg = STREAMING
    state = random_state(cfg, np.random.default_rng(0))
    top = cfg.beta.max_raw
    state.beta[1] = [top, top, 0, 0, 0, 0, 0, 0]  # two clamped elements in the first beat of lanes, none in the second
    golden.update_row(cfg, state, 1, 1 << cfg.e.fraction, np.full(cfg.dim, 1 << 15))
    assert state.counters == {**dict.fromkeys(golden.COUNTERS, 0), "sat_beta": 1}
    assert state.beta[1, :2].tolist() == [top, top]


def test_a_p_that_is_no_longer_positive_is_counted():
    cfg = STREAMING
    state = random_state(cfg, np.random.default_rng(0))
    state.p = -state.p
    h = state.beta[0]
    u = golden.sweep(cfg, state, None, None, h)
    k = golden.gain(cfg, state, h, u)
    assert state.counters["sat_hu"] == 1
    # h.u is taken as 0, so g is the largest number below 1.
    assert_same(k, ((1 << cfg.gain_bits) - 1) * u + (1 << (cfg.k_shift - 1)) >> cfg.k_shift)


# ---- the schedules against the float formula


def scheduled_float(cfg, state, c):
    """The equations in float64 for either schedule, from a list of who sees whom instead of a sequence of steps.

    ``sequential``: context s sees the contexts before it. ``streaming`` with lookahead A: the centre of s sees the
    updates of contexts up to s - A - 2, its P those up to s - A - 1; sample x of s those up to s - 2, and of s - 1
    the samples before x.
    """
    ahead, streaming = cfg.lookahead, cfg.schedule is Schedule.STREAMING
    mu, q, cap = 2.0**-cfg.mu_shift, state.q * cfg.p.step, state.p0 * cfg.p.step
    start, p = from_raw(state.beta, cfg.beta), from_raw(state.p, cfg.p)
    steps: list[list[tuple[int, np.ndarray]]] = []  # of each context: (row, what is added to it)
    updates_of_p = []

    def row(number, contexts, samples):
        """``number`` after the updates of so many contexts, and so many samples of the next one."""
        seen = [u for context in steps[: max(contexts, 0)] for u in context]
        seen += steps[contexts][:samples] if 0 <= contexts < len(steps) else []
        return start[number] + sum((u for r, u in seen if r == number), np.zeros(cfg.dim))

    for s in range(len(c)):
        h = mu * row(c.centres[s], s - ahead - 1 if streaming else s, 0)
        while len(updates_of_p) and (not streaming or updates_of_p[0][0] <= s - ahead - 1):
            _, k, u = updates_of_p.pop(0)
            grows = np.diag(p) < cap
            p = p - np.outer(u, k) + np.diag(grows * q)
        u = p @ h
        k = u / (1 + h @ u)
        updates_of_p.append((s, k, u))
        mine = []
        for x, n in enumerate(range(c.indptr[s], c.indptr[s + 1])):
            seen = row(c.samples[n], s - 1, x) if streaming else row(c.samples[n], s, 0)
            mine.append((c.samples[n], (c.labels[n] - h @ seen) * k))
        steps.append(mine)
    for _, k, u in updates_of_p:
        grows = np.diag(p) < cap
        p = p - np.outer(u, k) + np.diag(grows * q)
    return np.array([row(r, len(steps), 0) for r in range(cfg.nodes)]), p


@SCHEDULES
@pytest.mark.parametrize("seed", range(3))
def test_fixed_point_keeps_to_the_float_formula(cfg, seed):
    """An update of a row rounds its sum once, to half a step, and one of P likewise. What e, k and u lose besides is
    smaller: e and k carry more bits than beta, and what u loses is scaled by mu. A quarter more covers it and the
    errors that follow from earlier ones."""
    rng = np.random.default_rng(seed)
    state, contexts = random_state(cfg, rng), random_contexts(cfg, rng, 40)
    beta, p = scheduled_float(cfg, state, contexts)
    golden.train(cfg, state, contexts)
    assert not any(state.counters.values())
    updates = np.bincount(contexts.samples, minlength=cfg.nodes)[:, None]
    error = abs(from_raw(state.beta, cfg.beta) - beta) / cfg.beta.step
    assert (error <= 0.625 * updates).all(), f"{(error / np.maximum(updates, 1)).max()} steps an update"
    assert abs(beta - beta.mean()).max() > 1000 * error.max() * cfg.beta.step, "nothing was learnt"
    error = abs(from_raw(state.p, cfg.p) - p) / cfg.p.step
    assert error.max() <= 0.625 * len(contexts)


def test_the_float_formula_is_the_sequential_schedule():
    cfg, rng = SEQUENTIAL, np.random.default_rng(7)
    state, contexts = random_state(cfg, rng), random_contexts(cfg, rng, 60)
    want = scheduled_float(cfg, state, contexts)
    beta, p = from_raw(state.beta, cfg.beta), from_raw(state.p, cfg.p)
    formula.train(beta, p, contexts, mu=2.0**-cfg.mu_shift, q=state.q * cfg.p.step, p0=state.p0 * cfg.p.step)
    np.testing.assert_allclose(beta, want[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(p, want[1], rtol=0, atol=1e-12)


def test_without_inflation_p_is_the_inverse_of_the_information():
    """q = 0 is recursive least squares: P stays the inverse of P0^-1 + sum h h^T."""
    rng = np.random.default_rng(3)
    contexts = random_contexts(SEQUENTIAL, rng, 50, nodes=64)
    contexts.samples, contexts.labels, contexts.indptr = contexts.samples[:0], contexts.labels[:0], np.zeros(51, int)
    beta, p = rng.uniform(-1, 1, (64, 8)), np.eye(8) * 2
    h = beta[contexts.centres] / 4
    formula.train(beta, p, contexts, mu=0.25, q=0.0, p0=2.0)
    np.testing.assert_allclose(np.linalg.inv(p), np.eye(8) / 2 + h.T @ h, rtol=1e-9)


@SCHEDULES
def test_a_constant_gain_is_normalised_lms(cfg):
    """As the textbook within roundings; and without a state of its own."""
    rng = np.random.default_rng(4)
    held, contexts = random_state(cfg, rng, q=0, p0=0.75), random_contexts(cfg, rng, 40)
    constant = cfg.replace(gain="constant")
    state, twin, real = held.copy(), held.copy(), from_raw(held.beta, cfg.beta)
    # What is stored as P does not count, and stays.
    state.p[:] = twin.p[:] = 5
    golden.train(constant, state, contexts)
    compiled.train(constant, twin, contexts)
    assert_states(twin, state)
    assert (state.p == 5).all()
    assert not any(state.counters.values())
    if cfg is SEQUENTIAL:
        formula.train(real, np.eye(cfg.dim) * 0.75, contexts, mu=2.0**-cfg.mu_shift, q=0.1, p0=9.0, constant=True)
        updates = np.bincount(contexts.samples, minlength=cfg.nodes)[:, None]
        assert (abs(from_raw(state.beta, cfg.beta) - real) / cfg.beta.step <= 0.625 * updates).all()
        # One context at a time is the same.
        for i in range(len(contexts)):
            span = slice(contexts.indptr[i], contexts.indptr[i + 1])
            part = contexts.samples[span], contexts.labels[span]
            one = golden.Contexts(contexts.centres[i : i + 1], np.array([0, len(part[0])]), *part)
            golden.train(constant, held, one)
        assert_same(held.beta, state.beta)


def test_a_constant_gain_is_the_formula(rng):
    """k within its rounding, that of f = p0 g, and those of p0 h.h in g."""
    cfg = STREAMING.replace(gain="constant")
    state = random_state(cfg, rng, p0=float(rng.uniform(0.01, 1.99)))
    h, mu = state.beta[0], Fraction(1, 1 << cfg.mu_shift)
    p0, real_h = exact(state.p0, cfg.p), exact(h, cfg.beta) * mu
    want = p0 * real_h / (1 + p0 * (real_h @ real_h))
    of_g = Fraction(1, 1 << cfg.gain_bits) + Fraction(2, 1 << cfg.HU_FRACTION)
    margin = Fraction(cfg.k.step) / 2 + abs(real_h) * (Fraction(cfg.p_view.step) / 2 + p0 * of_g)
    assert (abs(exact(golden.constant_gain(cfg, state, h), cfg.k) - want) <= margin).all()
    assert not any(state.counters.values())


def test_what_a_constant_gain_clamps():
    """h.h and p0 h.h that are too large, and a p0 below 0, once each; a p0 beyond its format is the last in it."""
    cfg = STREAMING.replace(gain="constant", mu_shift=0, k=SQ(3, 15), p=SQ(3, 15))
    state, h = golden.initial_state(cfg, q=0, p0=0), np.full(cfg.dim, cfg.beta.max_raw)
    for p0, value, events in ((1, 1, 0), (1, 3, 1), (3, 2, 1), (-1, 1, 1), (0, 1, 0), (2, 7, 1)):
        state.p0, before = p0 << cfg.p.fraction, state.counters["sat_hu"]
        golden.constant_gain(cfg, state, np.minimum(h, value << cfg.beta.fraction))
        assert state.counters["sat_hu"] - before == events, (p0, value)
    state.p0 = 1 << 40
    k = golden.constant_gain(cfg, state, h >> 6)
    state.p0 = cfg.p.max_raw
    assert_same(golden.constant_gain(cfg, state, h >> 6), k)


# ---- segments


@SCHEDULES
def test_nothing_trained_nothing_changed(cfg):
    state = random_state(cfg, np.random.default_rng(0))
    for train in (golden.train, compiled.train):
        after = state.copy()
        train(cfg, after, pack([]))
        assert_states(after, state)


def test_sequential_does_not_care_for_barriers():
    rng = np.random.default_rng(1)
    whole, contexts = random_state(SEQUENTIAL, rng), random_contexts(SEQUENTIAL, rng, 30)
    parts = whole.copy()
    golden.train(SEQUENTIAL, whole, contexts)
    for begin, end in ((0, 1), (1, 1), (1, 17), (17, 30)):
        low, high = contexts.indptr[begin], contexts.indptr[end]
        part = golden.Contexts(
            contexts.centres[begin:end],
            contexts.indptr[begin : end + 1] - low,
            contexts.samples[low:high],
            contexts.labels[low:high],
        )
        golden.train(SEQUENTIAL, parts, part)
    assert_states(parts, whole)


def test_streaming_with_a_barrier_after_every_context_is_sequential():
    """A single context sees all that came before it in either schedule."""
    rng = np.random.default_rng(2)
    one, other = random_state(STREAMING, rng), random_state(STREAMING, np.random.default_rng(2))
    contexts = random_contexts(STREAMING, rng, 25)
    for i in range(25):
        low, high = contexts.indptr[i : i + 2]
        part = golden.Contexts(
            contexts.centres[i : i + 1],
            np.array([0, high - low]),
            contexts.samples[low:high],
            contexts.labels[low:high],
        )
        golden.train(STREAMING, one, part)
    golden.train(SEQUENTIAL, other, contexts)
    assert_states(one, other)


def test_no_update_is_lost_whatever_repeats(monkeypatch):
    """Where errors do not depend on beta (h = 0), every order of updates gives the same sum."""
    rng = np.random.default_rng(4)
    contexts = repeats(STREAMING, rng)
    within, across, centres = distances(contexts)
    assert set(range(1, STREAMING.max_samples)) <= within
    assert set(range(1, STREAMING.ring + 3)) <= across
    assert set(range(1, STREAMING.ring + 3)) <= centres
    labels = contexts.labels
    state = random_state(STREAMING, rng)
    k = rng.integers(-(1 << 12), 1 << 12, STREAMING.dim)
    want = state.beta.copy()
    for row, label in zip(contexts.samples, labels, strict=True):
        want[row] += golden._rounded((int(label) << STREAMING.e.fraction) * k, STREAMING.beta_shift)
    seen = golden.view
    monkeypatch.setattr(golden, "gain", lambda *_: k)
    monkeypatch.setattr(golden, "view", lambda x, *formats: 0 * seen(x, *formats))
    golden.train(STREAMING, state, contexts)
    assert_same(state.beta, want)


# ---- the compiled twin

TWINS = [
    STREAMING,
    SEQUENTIAL,
    # Everything saturates: narrow formats, large mu.
    STREAMING.replace(name="narrow", mu_shift=1, beta=SQ(3, 9), p=SQ(2, 12), e=SQ(2, 10), k=SQ(-3, 15), u=SQ(3, 9)),
    # Wide stores behind 18-bit ports, an odd number of chunks, and a context of one sample.
    SEQUENTIAL.replace(name="wide", dim=6, lanes=2, beta=SQ(4, 20), p=SQ(4, 28), u=SQ(6, 12)),
    STREAMING.replace(name="single", dim=2, lanes=2, max_samples=1, lookahead=6, gain_bits=9, operand_bits=16,
                      k=SQ(-2, 18), e=SQ(4, 12), u=SQ(5, 11)),
]  # fmt: skip


@pytest.mark.parametrize("cfg", TWINS, ids=lambda cfg: cfg.name)
def test_compiled_twin_is_the_definition(cfg):
    saturated = dict.fromkeys(golden.COUNTERS, 0)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        state = random_state(cfg, rng, scale=float(rng.choice([0.1, 1, 4, 16])), q=int(rng.integers(0, 50)), p0=1.5)
        if seed % 3 == 2:  # a P that is not positive, so that h.u is clamped too
            state.p = saturate(state.p + rng.integers(cfg.p.min_raw, cfg.p.max_raw, state.p.shape) // 2, cfg.p)
        twin = state.copy()
        for n in (0, 1, 12):
            contexts = random_contexts(cfg, rng, n, nodes=int(rng.integers(1, 10)))
            golden.train(cfg, state, contexts)
            compiled.train(cfg, twin, contexts)
        assert_states(twin, state, cfg=cfg, seed=seed)
        for name, count in state.counters.items():
            saturated[name] += count
    if cfg.name == "narrow":
        assert all(saturated.values()), saturated


def test_models_are_numbers_only():
    """No gateware and no clock behind the models: a host without Amaranth can train on them."""
    script = "import sys, skipwalk.sim.oselm.golden, skipwalk.sim.oselm.compiled, skipwalk.sim.oselm.formula;"
    script += "sys.exit(any(name.startswith('amaranth') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", script], check=True)
