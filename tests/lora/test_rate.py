"""The learning rate by trial, and what is said of one that is too large."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from skipwalk.sw.cli import main
from skipwalk.sw.commands.types import RateType
from skipwalk.sw.errors import InputError
from skipwalk.sw.lora.estimator import SkipLoRA
from skipwalk.sw.lora.pretrain import pretrain
from skipwalk.sw.lora.rate import RATES, cross_entropy
from skipwalk.sw.lora.tasks import load_task
from sklearn.exceptions import ConvergenceWarning

SMALL = {"hidden": (24,), "epochs": 10}


@pytest.fixture(scope="module")
def inverted():
    task = load_task("digits-inverted", 0)
    return task, pretrain(*task.pretrain, task.classes)


def test_a_task_on_which_a_larger_rate_diverges(inverted):
    task, network = inverted
    model = SkipLoRA(network).fit(*task.finetune)
    assert model.learning_rate_ in RATES
    assert model.score(*task.test) > 0.88
    assert not any(n for name, n in model.counters_.items() if name.startswith("sat_"))


def test_the_rate_is_that_of_the_seed_and_stays_with_the_model(tmp_path):
    task = load_task("digits", 1)
    network = pretrain(*task.pretrain, task.classes, **SMALL)
    x, y = task.finetune[0][:80], task.finetune[1][:80]
    first, again = (SkipLoRA(network, epochs=4, lanes=8, random_state=2).fit(x, y) for _ in range(2))
    assert first.learning_rate_ == again.learning_rate_ is not None
    assert (first.adapters_raw_ == again.adapters_raw_).all()
    fixed = SkipLoRA(network, epochs=4, lanes=8, random_state=2, learning_rate=first.learning_rate_).fit(x, y)
    assert (fixed.adapters_raw_ == first.adapters_raw_).all(), "the trials leave nothing behind"
    first.save(tmp_path / "model.npz")
    loaded = SkipLoRA.load(tmp_path / "model.npz")
    assert (loaded.learning_rate, loaded.learning_rate_) == ("auto", first.learning_rate_)
    loaded.partial_fit(x, y)
    assert loaded.learning_rate_ == first.learning_rate_, "a model that goes on keeps its rate"
    assert (loaded.adapters_raw_ == first.partial_fit(x, y).adapters_raw_).all()


def test_few_samples_are_held_out_and_learned():
    rng = np.random.default_rng(0)
    x, y = rng.random((5, 6)), np.array([0, 1, 2, 0, 1])
    model = SkipLoRA(pretrain(x, y, 3, hidden=(8,), epochs=2), epochs=3, lanes=8).fit(x, y)
    assert model.learning_rate_ in RATES


def test_divergence_is_refused_and_changes_nothing(inverted):
    task, network = inverted
    model = SkipLoRA(network, learning_rate=2.0**-5).calibrate(task.finetune[0])
    before = model.adapters_raw_
    with pytest.raises(InputError, match=r"rate of 0\.03125, \d+ results were clamped .* more than by guessing"):
        model.fit(*task.finetune)
    assert (model.adapters_raw_ == before).all()
    assert model.learning_rate_ is None


def test_what_was_clamped_on_the_way_is_said():
    task = load_task("digits-inverted", 0)
    network = pretrain(*task.pretrain, task.classes)
    rescued = SkipLoRA(network, learning_rate=2.0**-6, epochs=30, cache=False)
    with pytest.warns(ConvergenceWarning, match=r'results were clamped .* take a lower one, or "auto"') as warned:
        rescued.fit(*task.finetune)
    assert {warning.filename for warning in warned} == {__file__}, "it points at who called fit"


def test_cross_entropy():
    outputs = np.array([[1.0, 3.0], [1000.0, 0.0]])
    assert cross_entropy(outputs, np.array([1, 0])) == pytest.approx(np.log(1 + np.exp(-2)) / 2)


@pytest.mark.parametrize("value", ["automatic", None, "0.1"])
def test_refuses(value):
    with pytest.raises((InputError, TypeError)):
        SkipLoRA(pretrain(np.eye(4), np.arange(4) % 2, 2, hidden=(4,), epochs=1), learning_rate=value)


def test_the_command_takes_both_and_says_what_is_kept(tmp_path):
    task = load_task("digits", 0)
    pretrain(*task.pretrain, task.classes, **SMALL).save(tmp_path / "network.npz")
    for name, (x, y) in {"new": task.finetune, "old": task.pretrain}.items():
        np.savez(tmp_path / f"{name}.npz", x=x[:120], y=y[:120])
    files = [str(tmp_path / f"{name}.npz") for name in ("network", "new")]
    report, out = tmp_path / "r.json", tmp_path / "m.npz"
    options = ["--old", str(tmp_path / "old.npz"), "--epochs", "5", "-o", str(out), "--json", str(report)]
    result = CliRunner().invoke(main, ["finetune", *files, *options])
    assert not result.exit_code, result.output
    found = {r["name"]: r["value"] for r in json.loads(report.read_text())}
    assert found["learning_rate"] in RATES
    assert 0 <= found["accuracy.old.after"] <= 1
    assert found["accuracy.old.before"] > 0.8
    assert RateType().convert("0.25", None, None) == 0.25
