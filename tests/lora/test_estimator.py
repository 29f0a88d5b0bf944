"""SkipLoRA on the golden unit: as accurate as float, files, refusals; the methods it is compared with; the command."""

import json
import pickle
import threading
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from skipwalk.hw.boards.table import BOARDS
from skipwalk.hw.lora.config import LoraConfig, lora_preset
from skipwalk.sim.lora.layout import unpack_activations
from skipwalk.sw.commands.finetune import finetune
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.link.transport import GoldenTransport, open_transport
from skipwalk.sw.lora.driver import LoraDevice
from skipwalk.sw.lora.estimator import SkipLoRA
from skipwalk.sw.lora.evaluation import compare
from skipwalk.sw.lora.methods import METHODS, fine_tune, trained_parameters
from skipwalk.sw.lora.network import Network
from skipwalk.sw.lora.pretrain import pretrain
from skipwalk.sw.lora.quantize import quantize
from skipwalk.sw.lora.tasks import load_task
from sklearn.base import clone, is_classifier


@pytest.fixture(scope="module")
def digits():
    task = load_task("digits")
    return task, pretrain(*task.pretrain, task.classes, epochs=10)


def small(epochs=2, **options):
    """A small network that has learned something, and samples."""
    rng = np.random.default_rng(1)
    x = rng.random((60, 6))
    y = (x[:, 0] > x[:, 1]).astype(int) + (x[:, 2] > 0.8)
    network = pretrain(x, y, 3, hidden=(8,), epochs=5)
    return SkipLoRA(network, **{"rank": 2, "lanes": 8, "cache_samples": 16, "epochs": epochs} | options), x, y


def test_fine_tuning_helps(digits):
    task, network = digits
    model = SkipLoRA(network, epochs=8).calibrate(task.finetune[0])
    before = model.score(*task.test)
    after = model.fit(*task.finetune).score(*task.test)
    assert before < 0.5 < 0.88 < after
    n = len(task.finetune[1])
    assert (model.counters_["misses"], model.counters_["hits"]) == (n, 8 * n)


@pytest.mark.parametrize("task", ["digits", "fan"])
def test_fixed_point_is_within_half_a_point_of_float(task):
    """Mean of five seeds."""
    try:
        load_task(task)
    except InputError as error:
        pytest.skip(str(error))
    pairs = [compare(task, seed, epochs=15) for seed in range(5)]
    fixed, floats = np.mean([(p.fixed, p.float) for p in pairs], axis=0)
    assert fixed > np.mean([p.before for p in pairs]) + 0.2
    assert abs(fixed - floats) <= 0.005


def test_quantized_network_is_close_to_its_float(digits):
    task, network = digits
    cfg = lora_preset("digits")
    q = quantize(cfg, network, task.finetune[0])
    from skipwalk.sim.lora.compiled import backbone_forward

    words, c = backbone_forward(cfg, q.backbone, q.inputs(task.test[0]))
    hidden, outputs = network.forward(task.test[0])
    for unit, raw, exact in zip(q.units, unpack_activations(cfg, words), hidden, strict=True):
        assert np.abs(raw / unit - exact).mean() < 0.02 * exact.max()
    assert np.abs(c * cfg.y.step - outputs).mean() < 0.03 * np.abs(outputs).max()
    assert (c.argmax(axis=1) == outputs.argmax(axis=1)).mean() > 0.95


def test_inputs_of_any_range(digits):
    """An affine change of the inputs that the first layer undoes changes next to nothing."""
    task, network = digits
    first = network.weights[0] / 40
    moved = Network([first, *network.weights[1:]], [network.biases[0] + 7 * first.sum(axis=0), *network.biases[1:]])
    plain = SkipLoRA(network, epochs=2).fit(*task.finetune).score(*task.test)
    x, y = task.finetune
    model = SkipLoRA(moved, epochs=2).fit(40 * x - 7, y)
    assert model.score(40 * task.test[0] - 7, task.test[1]) == pytest.approx(plain, abs=0.02)


def test_the_cache_changes_no_bit():
    """All samples, some of them, or none in the Skip-Cache; sent in one piece or many."""
    model, x, y = small()
    want = model.fit(x, y).adapters_raw_
    assert model.counters_["misses"] == 60 + 44  # 16 samples fit
    without, _, _ = small(cache=False)
    np.testing.assert_array_equal(without.fit(x, y).adapters_raw_, want)
    assert without.counters_["hits"] == 0
    assert without.reports_ == []
    # All of them: loaded once, and both epochs are one command.
    whole, _, _ = small(cache_samples=64)
    np.testing.assert_array_equal(whole.fit(x, y).adapters_raw_, want)
    assert (whole.counters_["misses"], whole.counters_["hits"]) == (60, 120)


def test_reports_on_epochs(digits):
    """The unit's own count: it learns, the accuracy is that of its counter, the loss near the float formula's."""
    task, network = digits
    model = SkipLoRA(network, epochs=6).fit(*task.finetune)
    assert [report.samples for report in model.reports_] == [470] * 6
    assert sum(report.correct for report in model.reports_) == model.counters_["correct"]
    assert model.reports_[-1].accuracy > 0.9 > 0.7 > model.reports_[0].accuracy
    losses = [report.loss for report in model.reports_]
    assert losses == sorted(losses, reverse=True)
    y = model.decision_function(task.finetune[0])
    labels = task.finetune[1]
    exact = (np.log(np.exp(y).sum(axis=1)) - y[np.arange(len(y)), labels]).mean()
    assert exact < losses[-1] < exact + 0.1


def test_progress_changes_no_bit_and_goes_on_where_it_was():
    """A call with progress, without it, and epochs one at a time by partial_fit number their orders alike."""
    seen = []
    model, x, y = small(cache_samples=64, epochs=3)
    want = model.fit(x, y, progress=lambda *at: seen.append(at)).adapters_raw_
    assert seen == [(60, 180), (120, 180), (180, 180)]
    np.testing.assert_array_equal(small(cache_samples=64, epochs=3)[0].fit(x, y).adapters_raw_, want)
    one, two = (small(cache_samples=64, epochs=1)[0].fit(x, y) for _ in range(2))
    one.partial_fit(x, y, epochs=1)
    two._epochs_done = 0
    two.partial_fit(x, y, epochs=1)
    assert (one.adapters_raw_ != two.adapters_raw_).any()


def test_the_same_seed_gives_the_same_bits():
    model, x, y = small()
    first = model.fit(x, y).adapters_raw_
    np.testing.assert_array_equal(model.fit(x, y).adapters_raw_, first)
    other, _, _ = small(random_state=1)
    assert (other.fit(x, y).adapters_raw_ != first).any()


def test_save_and_load(tmp_path):
    model, x, y = small()
    model.fit(x, y).save(tmp_path / "a.npz")
    again = SkipLoRA.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.decision_function(x), model.decision_function(x))
    a, b = again.adapters_
    assert [v.shape for v in a] == [(6, 2), (8, 2)]
    assert [v.shape for v in b] == [(2, 3), (2, 3)]
    again.partial_fit(x, y)
    assert (again.adapters_raw_ != model.adapters_raw_).any()
    with pytest.raises(InputError, match="no such file"):
        SkipLoRA.load(tmp_path / "b.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cut off or damaged"):
        SkipLoRA.load(tmp_path / "cut.npz")


def test_refusals_change_nothing():
    model, x, y = small()
    model.fit(x, y)
    before = model.adapters_raw_
    for bad_x, bad_y, words in (
        (x[:, :5], y, r"\(n, 6\) with n labels"),
        (x, y[:-1], "with n labels"),
        (x, np.where(y == 2, 9, y), r"label 9 is none of the network's classes \[0, 1, 2\]"),
        (np.where(x == x[3, 0], np.nan, x), y, "sample 3 has a value that is not finite"),
        (x[:0], y[:0], "with n labels"),
        ([["a"] * 6], ["0"], "samples: an array of <U1, not of real numbers"),
        (x + 1j, y, "samples: an array of complex128, not of real numbers"),
        ([[1] * 6, [2]], [0, 1], "samples: no array of real numbers"),
        ([[None] * 6], [0], "sample 0 has a value that is not finite"),
    ):
        with pytest.raises(InputError, match=words):
            model.fit(bad_x, bad_y)
        np.testing.assert_array_equal(model.adapters_raw_, before)
    for labels, words in ((y[:-1], "59 labels for 60 samples"), (y[:, None], "one for each sample")):
        with pytest.raises(InputError, match=words):
            model.score(x, labels)
    for epochs in (-1, 1.5, 1 << 20, True):
        with pytest.raises(InputError, match="epochs must be an integer from 0 to 65535"):
            model.partial_fit(x, y, epochs=epochs)
    np.testing.assert_array_equal(model.adapters_raw_, before)
    fresh, _, _ = small()
    with pytest.raises(InputError, match="not been calibrated"):
        fresh.predict(x)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": None}, 'learning_rate must be a number or "auto", not None'),
        ({"learning_rate": True}, 'learning_rate must be a number or "auto", not True'),
        ({"learning_rate": np.float32(9)}, "learning_rate must be .* not 9.0"),
        ({"cache": None}, "cache must be True or False, not None"),
        ({"cache": "yes"}, "cache must be True or False, not 'yes'"),
    ],
)
def test_parameters_of_another_type_are_named(changes, words):
    model, x, y = small()
    with pytest.raises(InputError, match=words):
        model.set_params(**changes).fit(x, y)


def test_shares_of_the_classes():
    model, x, y = small()
    shares = model.fit(x, y).predict_proba(x)
    assert shares.shape == (len(x), 3)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    outputs = model.decision_function(x)
    np.testing.assert_allclose(np.log(shares[:, 1:] / shares[:, :1]), outputs[:, 1:] - outputs[:, :1], atol=1e-9)
    assert (model.classes_[shares.argmax(axis=1)] == model.predict(x)).all()


def test_an_interrupt_leaves_the_adapters_from_before():
    model, x, y = small()
    before = model.fit(x, y).adapters_raw_

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, progress=interrupt)
    np.testing.assert_array_equal(model.adapters_raw_, before)
    assert model.score(x, y) == small()[0].fit(x, y).score(x, y)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learning_rate": 1.0}, "learning_rate must be"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"batch_size": 0}, "batch_size must be an integer from 1 to 65535, not 0"),
        ({"epochs": 1.5}, "epochs must be an integer"),
        ({"epochs": True}, "epochs must be an integer"),
        ({"rank": 9}, "no unit can be made for this network: rank must be 1 to 8"),
        ({"x_bits": 7}, "x_bits must be 8 or 16"),
    ],
)
def test_parameters_that_cannot_be(options, words):
    network = Network([np.ones((2, 3))], [np.zeros(3)])
    with pytest.raises(InputError, match=words):
        SkipLoRA(network, **options)


def test_dead_network_and_wide_activations(digits):
    task, network = digits
    cfg = LoraConfig(widths=(4, 5), classes=2, rank=1, lanes=4)
    dead = Network([-np.ones((4, 5)), np.ones((5, 2))], [-np.ones(5), np.zeros(2)])
    with pytest.raises(InputError, match="inputs of layer 2 are 0 for all"):
        quantize(cfg, dead, np.ones((3, 4)))
    wide, narrow = (SkipLoRA(network, epochs=6, x_bits=bits).fit(*task.finetune).score(*task.test) for bits in (16, 8))
    assert wide == pytest.approx(narrow, abs=0.02)


def test_another_unit_is_refused():
    cfg = lora_preset("tiny")
    with pytest.raises(DeviceError, match=r"another configuration: digest 0x.* instead of 0x.*inputs"):
        LoraDevice(GoldenTransport(cfg.replace(rate_shift=4)), cfg)
    with pytest.raises(ValueError, match="unknown backend 'gpu'"):
        open_transport("gpu", cfg)


def test_methods():
    _, x, y = small()
    network = pretrain(x, y, 3, hidden=(8, 7), epochs=3)
    assert [trained_parameters(m, network, rank=2) for m in METHODS] == [
        *(6 * 8 + 8 * 7 + 7 * 3 + 18, 7 * 3 + 3, 18),
        6 * 8 + 8 * 7 + 7 * 3 + 18 + 2 * (14 + 15 + 10),
        *(2 * (14 + 15 + 10), 2 * 10),
        *(2 * (6 + 8 + 7 + 9), 2 * (6 + 8 + 7 + 9)),
    ]
    outcomes = {m: fine_tune(m, network, (x, y), (x, y), epochs=40, rank=2) for m in METHODS}
    for outcome in outcomes.values():
        assert outcome.after > outcome.before
        assert outcome.total > 0
    assert outcomes["Skip-LoRA"].after == outcomes["Skip2-LoRA"].after
    with pytest.raises(ValueError, match="no method 'Skip3'"):
        fine_tune("Skip3", network, (x, y), (x, y))


@pytest.mark.parametrize("method", METHODS)
def test_gradients_of_the_methods(method):
    """Against numerical differentiation, in double precision."""
    from skipwalk.sw.lora.methods import _Model

    rng = np.random.default_rng(2)
    sizes = (4, 5, 6, 3)
    network = Network([rng.normal(0, 1, s) for s in pairwise(sizes)], [rng.normal(0, 1, n) for n in sizes[1:]])
    model = _Model(method, network, 2, 0)
    for name in ("w", "b", "a", "d"):
        setattr(model, name, [v.astype(float) + rng.normal(0, 0.3, v.shape) for v in getattr(model, name)])
    x = rng.normal(0, 1, (1, 4))

    def loss():
        u = model.forward(x)[2][0]
        return np.log(np.exp(u).sum()) - u[1]

    h, z, u = model.forward(x)
    g = np.exp(u) / np.exp(u).sum()
    g[0, 1] -= 1
    for parameter, gradient in model.backward(h, z, g):
        index = tuple(int(rng.integers(n)) for n in parameter.shape)
        keep = parameter[index]
        parameter[index] = keep + 1e-6
        up = loss()
        parameter[index] = keep - 1e-6
        down = loss()
        parameter[index] = keep
        assert gradient[index] == pytest.approx((up - down) / 2e-6, abs=1e-5)


def test_command(tmp_path):
    model, x, y = small()
    model.network_.save(tmp_path / "n.npz")
    np.savez(tmp_path / "s.npz", x=x, y=y)
    out, report = tmp_path / "out.npz", tmp_path / "r.json"
    arguments = [*map(str, (tmp_path / "n.npz", tmp_path / "s.npz")), "-o", str(out), "--json", str(report)]
    result = CliRunner().invoke(finetune, [*arguments, "--epochs", "3", "--rank", "2", "-q"])
    assert result.exit_code == 0, result.output
    names = {r["name"]: r["value"] for r in json.loads(report.read_text())}
    assert {"accuracy.before", "accuracy.after", "cache_hits", "cache_misses", "epochs.last.loss"} <= set(names)
    assert names["cache_hits"] == 3 * 48
    assert SkipLoRA.load(out).score(x, y) > 0.3


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if board.lora is not None])
def test_command_for_a_board_has_its_unit(digits, tmp_path, name):
    task, network = digits
    network.save(tmp_path / "n.npz")
    x, y = task.finetune
    np.savez(tmp_path / "s.npz", x=x[:40], y=y[:40])
    files = [str(tmp_path / file) for file in ("n.npz", "s.npz", "out.npz", "r.json")]
    result = CliRunner().invoke(
        finetune, [*files[:2], "-o", files[2], "--json", files[3], "--board", name, "--epochs", "1", "-q"]
    )
    assert result.exit_code == 0, result.output
    assert SkipLoRA.load(files[2]).cfg.digest == BOARDS[name].lora.digest


def test_labels_of_another_type_are_the_classes_that_read_the_same():
    rng = np.random.default_rng(0)
    x = rng.random((20, 4))
    weights, biases = [rng.normal(size=(4, 2))], [np.zeros(2)]
    for classes, given in ((["0", "1"], int), ([0, 1], str)):
        model = SkipLoRA(Network(weights, biases, classes), epochs=1)
        own = np.array([classes[k] for k in np.arange(20) % 2])
        other = np.array([given(label) for label in own])
        model.fit(x, other)
        assert model.score(x, other) == model.score(x, own) > 0
        with pytest.raises(InputError, match="none of the network's classes"):
            model.score(x, np.array(["cat"] * 20))
        model.close()


def test_parameters_may_be_numpys_numbers(tmp_path):
    """As a parameter grid gives them: of any width, whatever is computed from them does not wrap."""
    whole = {"rank": 2, "lanes": 8, "cache_samples": 64, "epochs": 2, "batch_size": 5, "x_bits": 8, "random_state": 3}
    model, x, y = small(**whole)
    expected = model.fit(x, y).partial_fit(x, y, epochs=1).adapters_raw_
    for kind in (np.int64, np.uint8, np.array):
        model = small(**{name: kind(value) for name, value in whole.items()})[0]
        model.fit(x, y).partial_fit(x, y, epochs=kind(1)).save(tmp_path / "a.npz")
        np.testing.assert_array_equal(SkipLoRA.load(tmp_path / "a.npz").adapters_raw_, expected)


def test_threads_take_turns():
    model, x, y = small(epochs=1)
    model.fit(x, y)
    threads = [threading.Thread(target=model.partial_fit, args=(x, y)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = small(epochs=1)[0].fit(x, y)
    for _ in range(6):
        alone.partial_fit(x, y)
    np.testing.assert_array_equal(model.adapters_raw_, alone.adapters_raw_)


def test_it_is_a_scikit_learn_estimator():
    model, x, y = small(random_state=np.int64(3))
    assert model.get_params()["rank"] == 2
    copied = clone(model)
    assert copied.get_params() == {**model.get_params(), "network": copied.network}
    assert is_classifier(model)
    assert not model.__sklearn_is_fitted__()
    seen = []
    expected = model.fit(x, y, progress=lambda *now: seen.append(now)).adapters_raw_
    assert seen[-1] == (120, 120)
    np.testing.assert_array_equal(copied.fit(x, y).adapters_raw_, expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).decision_function(x), model.decision_function(x))
    model.set_params(epochs=1, learning_rate=2.0**-5)
    np.testing.assert_array_equal(model.adapters_raw_, expected, "how to go on changes nothing that was learned")
    with pytest.raises(InputError, match="no unit can be made"):
        model.set_params(rank=0)
    assert model.rank == 2
    assert not model.set_params(rank=3).__sklearn_is_fitted__()
