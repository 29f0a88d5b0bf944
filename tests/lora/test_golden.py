"""Golden model of Skip2-LoRA: against fractions and floats, and the compiled loops against the plain model."""

import numpy as np
import pytest
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.lora.config import LoraConfig, lora_preset
from skipwalk.sim.arith.fixed import from_raw, to_raw
from skipwalk.sim.lora import compiled, formula, golden
from skipwalk.sim.lora.layout import pack_activations, pack_adapters, pack_dense, unpack_activations, unpack_adapters

TINY = lora_preset("tiny")
CONFIGS = [
    TINY,
    TINY.replace(lag=3, x_bits=16, gradient_bits=40),
    LoraConfig(widths=(5,), classes=2, rank=1, lanes=4, lag=5),
    LoraConfig(widths=(9, 8, 7, 3), classes=16, rank=8, lanes=32),
    lora_preset("fan"),
]


def problem(cfg, n, seed, scale=1.0):
    """Raw adapters, and a segment of training samples and questions in mini-batches of random size."""
    rng = np.random.default_rng(seed)
    top = min(scale * 2.0**cfg.a.fraction, cfg.a.max_raw)
    a = [rng.integers(-top, top, (w, cfg.rank)) for w in cfg.widths]
    b = [rng.integers(-top, top, (cfg.rank, cfg.classes)) for _ in cfg.widths]
    x = [rng.integers(0, 1 << cfg.x_bits, (n, w)) for w in cfg.widths]
    c = rng.integers(cfg.y.min_raw, cfg.y.max_raw + 1, (n, cfg.classes))
    segment = golden.Segment(pack_activations(cfg, x), c, rng.integers(-1, cfg.classes, n), rng.random(n) < 0.3)
    return pack_adapters(cfg, a, b), segment


def assert_same_state(one, other):
    np.testing.assert_array_equal(one.words, other.words)
    np.testing.assert_array_equal(one.gradients, other.gradients)
    assert one.counters == other.counters
    assert (one.trained, one.correct, one.fresh) == (other.trained, other.correct, other.fresh)


@pytest.mark.parametrize("cfg", CONFIGS, ids=lambda c: f"{c.name}{c.widths}")
@pytest.mark.parametrize("scale", [0.1, 4.0])
def test_compiled_equals_plain(cfg, scale):
    words, segment = problem(cfg, 40, seed=1, scale=scale)
    plain = golden.initial_state(cfg, words, rate=1500)
    fast = plain.copy()
    for _ in range(2):
        np.testing.assert_array_equal(golden.run(cfg, plain, segment), compiled.run(cfg, fast, segment))
        assert_same_state(plain, fast)


def test_every_saturation_is_reached_and_counted_alike():
    cfg = TINY.replace(z=SQ(3, 7), y=SQ(3, 6), gz=SQ(2, 12), gradient_bits=24, rate_shift=2)
    words, segment = problem(cfg, 60, seed=2, scale=4.0)
    segment.last[:] = np.arange(60) % 15 == 14
    plain = golden.initial_state(cfg, words, rate=2047)
    fast = plain.copy()
    golden.run(cfg, plain, segment)
    compiled.run(cfg, fast, segment)
    assert_same_state(plain, fast)
    reached = {name for name, count in plain.counters.items() if count}
    # g is below the learning-rate factor, which is below 2: it cannot saturate in its default format.
    assert reached == set(golden.COUNTERS) - {"sat_g"}
    narrow = cfg.replace(g=SQ(1, 14))
    state = golden.initial_state(narrow, words, rate=2047)
    golden.run(narrow, state, segment)
    assert state.counters["sat_g"] > 0


def test_backbone_compiled_equals_plain():
    for cfg in CONFIGS:
        rng = np.random.default_rng(3)
        weights = [rng.integers(-128, 128, s) for s in zip(cfg.widths, cfg.outputs, strict=True)]
        net = golden.Backbone(
            pack_dense(cfg, weights), rng.integers(-5000, 5000, sum(cfg.outputs)), np.arange(6, 6 + cfg.layers)
        )
        x = rng.integers(0, 1 << cfg.x_bits, (7, cfg.widths[0]))
        words, c = compiled.backbone_forward(cfg, net, x)
        for i in range(7):
            one_words, one_c = golden.backbone_forward(cfg, net, x[i])
            np.testing.assert_array_equal(one_words, words[i])
            np.testing.assert_array_equal(one_c, c[i])
        # Layer by layer against plain matrices.
        h = x
        start = 0
        for k, w in enumerate(weights):
            np.testing.assert_array_equal(unpack_activations(cfg, words)[k], h)
            acc = h @ w + net.biases[start : start + w.shape[1]]
            start += w.shape[1]
            h = np.clip((acc + (1 << (5 + k))) >> (6 + k), 0, (1 << cfg.x_bits) - 1)


def test_softmax_error_is_close_to_float_and_sums_to_zero():
    cfg = TINY.replace(classes=10)
    state = golden.initial_state(cfg, np.zeros((cfg.adapter_words, cfg.lanes)), rate=1 << cfg.RATE.fraction)
    rng = np.random.default_rng(4)
    for _ in range(200):
        y = rng.integers(-600, 600, 10)
        label = int(rng.integers(10))
        g = golden.softmax_error(cfg, state, y, label)
        assert g.sum() == 0
        exact = np.exp(from_raw(y - y.max(), cfg.y))
        exact /= exact.sum()
        exact[label] -= 1
        # Half a step of the table is 1/16: up to 6.25 % of p, and as much again through the sum.
        assert np.abs(from_raw(g, cfg.g) - exact).max() < 0.07


def test_a_solved_sample_has_no_gradient():
    state = golden.initial_state(TINY, np.zeros((TINY.adapter_words, TINY.lanes)), rate=1024)
    assert not golden.softmax_error(TINY, state, np.array([2000, -2000, -2000]), 0).any()


def test_nothing_learns_while_a_and_b_are_zero():
    _, segment = problem(TINY, 20, seed=5)
    segment.c[:] //= 64
    state = golden.initial_state(TINY, np.zeros((TINY.adapter_words, TINY.lanes)), rate=1024)
    golden.run(TINY, state, segment)
    assert not state.words.any()


def test_questions_change_nothing_but_see_all_earlier_updates():
    words, segment = problem(TINY, 30, seed=6)
    segment.c //= 2
    state = golden.initial_state(TINY, words, rate=1024)
    golden.run(TINY, state, segment)
    before = state.copy()
    segment.labels[:] = -1
    y = golden.run(TINY, state, segment)
    assert_same_state(state, before)
    x = unpack_activations(TINY, segment.x)
    a, b = unpack_adapters(TINY, state.words)
    exact = formula.logits(
        [from_raw(v, TINY.a) for v in a],
        [from_raw(v, TINY.b) for v in b],
        [from_raw(v, TINY.x_format(k)) for k, v in enumerate(x)],
        from_raw(segment.c, TINY.y),
    )
    inside = np.abs(exact) < 120
    # z is rounded to 2**-7 and B is at most 4: six elements of z move y by at most 6 * 4 * 2**-8, and y is rounded.
    assert np.abs(from_raw(y, TINY.y) - exact)[inside].max() <= 4 * 4 * 2**-8 + 2**-7


def test_wide_formats_follow_the_float_formula_step_by_step():
    """With small steps and wide formats fixed point stays near the float formula of the same schedule."""
    cfg = TINY.replace(x_bits=16, x_integer=(0, 0), z=SQ(5, 13), y=SQ(5, 11), exp_step_bits=7, exp_entries=1024)
    rng = np.random.default_rng(7)
    n = 60
    x = [rng.random((n, w)) for w in cfg.widths]
    c = rng.normal(0, 1, (n, cfg.classes))
    labels = rng.integers(0, cfg.classes, n)
    last = np.arange(n) % 3 == 2
    a = [rng.choice([-0.125, 0.125], (w, cfg.rank)) for w in cfg.widths]
    b = [rng.normal(0, 0.3, (cfg.rank, cfg.classes)) for _ in cfg.widths]
    words = pack_adapters(cfg, [to_raw(v, cfg.a) for v in a], [to_raw(v, cfg.b) for v in b])
    packed = pack_activations(cfg, [to_raw(v, cfg.x_format(k)) for k, v in enumerate(x)])
    state = golden.initial_state(cfg, words, rate=1 << cfg.RATE.fraction)
    golden.run(cfg, state, golden.Segment(packed, to_raw(c, cfg.y), labels, last))
    a_float, b_float = formula.fine_tune(a, b, x, c, labels, last, rate=2.0**-cfg.rate_shift, lag=cfg.lag)
    a_fixed, b_fixed = unpack_adapters(cfg, state.words)
    for fixed, exact, start in (*zip(a_fixed, a_float, a, strict=True), *zip(b_fixed, b_float, b, strict=True)):
        moved = np.abs(exact - start).max()
        assert moved > 0.01
        assert np.abs(from_raw(fixed, cfg.a) - exact).max() < 0.03 * moved + 0.002


def test_barriers_inside_a_mini_batch_are_textbook_batches():
    """A barrier after every mini-batch makes all its samples see the same adapters, and the next ones its update."""
    words, segment = problem(TINY, 12, seed=8, scale=0.3)
    segment.labels[:] = np.abs(segment.labels)
    segment.last[:] = np.arange(12) % 4 == 3
    state = golden.initial_state(TINY, words, rate=1024)
    for i in range(0, 12, 4):
        part = golden.Segment(*(v[i : i + 4] for v in (segment.x, segment.c, segment.labels, segment.last)))
        start = state.words.copy()
        golden.run(TINY, state, part)
        gradients = np.zeros_like(start)
        for k in range(4):
            one = golden.initial_state(TINY, start, rate=1024)
            single = golden.Segment(part.x[k : k + 1], part.c[k : k + 1], part.labels[k : k + 1], np.array([False]))
            golden.run(TINY, one, single)
            gradients += one.gradients
        np.testing.assert_array_equal(state.gradients, gradients)


def test_layout_round_trip_and_refusal():
    cfg = CONFIGS[3]
    words, segment = problem(cfg, 3, seed=9)
    np.testing.assert_array_equal(pack_adapters(cfg, *unpack_adapters(cfg, words)), words)
    np.testing.assert_array_equal(pack_activations(cfg, unpack_activations(cfg, segment.x)), segment.x)
    with pytest.raises(ValueError, match=r"A must have shape \(9, 8\), not \(8, 9\)"):
        pack_adapters(cfg, [np.zeros((8, 9))] * 4, [])
    with pytest.raises(ValueError, match=r"activations must have shape \(9,\), not \(8,\)"):
        pack_activations(cfg, [np.zeros((2, 8))] * 4)


def test_float_formula_descends_the_true_gradient():
    """Numerical differentiation of the cross entropy."""
    rng = np.random.default_rng(10)
    x = [rng.random((1, 4)), rng.random((1, 3))]
    a = [rng.normal(0, 0.5, (4, 2)), rng.normal(0, 0.5, (3, 2))]
    b = [rng.normal(0, 0.5, (2, 3)), rng.normal(0, 0.5, (2, 3))]
    c = rng.normal(0, 1, (1, 3))

    def loss(a, b):
        y = formula.logits(a, b, x, c)[0]
        return np.log(np.exp(y).sum()) - y[1]

    a_new, b_new = formula.fine_tune(a, b, x, c, np.array([1]), np.array([True]), rate=1.0)
    eps = 1e-6
    for old, new in ((a, a_new), (b, b_new)):
        for k in range(2):
            for index in np.ndindex(old[k].shape):
                keep = old[k][index]
                old[k][index] = keep + eps
                up = loss(a, b)
                old[k][index] = keep - eps
                down = loss(a, b)
                old[k][index] = keep
                assert new[k][index] - keep == pytest.approx(-(up - down) / (2 * eps), abs=1e-6)


def test_a_segment_starts_after_a_barrier():
    words, segment = problem(TINY, 3, seed=11)
    state = golden.initial_state(TINY, words, rate=1024)
    golden.slot(TINY, state, golden.Sample(segment.x[0], segment.c[0], 1))
    with pytest.raises(ValueError, match="in flight"):
        compiled.run(TINY, state, segment)


def test_a_segment_may_name_its_samples():
    """The rows of x and c in any order and again and again, as if they had been copied."""
    words, segment = problem(TINY, 20, seed=12)
    rows = np.random.default_rng(12).integers(0, 20, 50)
    labels, last = np.arange(50) % 3, np.arange(50) % 4 == 3
    named = golden.Segment(segment.x, segment.c, labels, last, rows)
    copied = golden.Segment(segment.x[rows], segment.c[rows], labels, last)
    states = [golden.initial_state(TINY, words, rate=1500) for _ in range(4)]
    runs = [(golden.run, named), (golden.run, copied), (compiled.run, named), (compiled.run, copied)]
    y = [run(TINY, state, one) for state, (run, one) in zip(states, runs, strict=True)]
    for state, outputs in zip(states[1:], y[1:], strict=True):
        assert_same_state(state, states[0])
        np.testing.assert_array_equal(outputs, y[0])


@pytest.mark.parametrize("cfg", [TINY, TINY.replace(classes=16, y=SQ(6, 12), exp_bits=6), CONFIGS[3]])
def test_cross_entropy(cfg):
    """Near its formula, 0 for a sample that is solved, and the compiled one the same."""
    rng = np.random.default_rng(13)
    one = 1 << cfg.y.fraction
    y = rng.integers(-3 * one, 3 * one, (200, cfg.classes))
    y[0] = cfg.y.min_raw
    y[1], y[1, 1] = cfg.y.min_raw, cfg.y.max_raw
    labels = rng.integers(0, cfg.classes, 200)
    labels[1] = 1
    raw = np.array([golden.cross_entropy(cfg, a, b) for a, b in zip(y, labels, strict=True)])
    np.testing.assert_array_equal(compiled.losses(cfg, y, labels), raw)
    exact = y / one
    exact = np.log(np.exp(exact - exact.max(axis=1)[:, None]).sum(axis=1)) + exact.max(axis=1)
    exact -= (y / one)[np.arange(200), labels]
    assert raw[0] == pytest.approx(
        np.log(cfg.classes) * 2**cfg.loss_fraction, abs=2**cfg.loss_fraction * 2**-cfg.log_bits
    )
    assert raw[1] == 0
    # Steps of the exponential's table, half of one off at most; of the logarithm's; the rounding of exp.
    allowed = 2.0**-cfg.exp_step_bits / 2 + 2.0**-cfg.log_bits + cfg.classes * 2.0**-cfg.exp_bits / 2
    assert np.abs(raw * 2.0**-cfg.loss_fraction - exact).max() < allowed
