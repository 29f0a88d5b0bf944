"""A learning rate by trial: which one serves samples that were held out, on the golden model."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from .estimator import SkipLoRA

__all__ = ["RATES", "Trial", "choose_rate", "cross_entropy"]

#: What is tried, the smallest first.
RATES = tuple(2.0**-n for n in range(12, 4, -1))
#: Samples that take part, and parts of them of which one is held out.
_MOST, _FOLDS = 600, 4
#: Rates that are tried on more than one part.
_FINALISTS = 3


@dataclass(frozen=True)
class Trial:
    """What came of fine-tuning with a rate: accuracy and loss (cross entropy) of the samples held out, and whether
    nothing was clamped meanwhile."""

    rate: float
    accuracy: float
    loss: float
    sound: bool


def cross_entropy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log softmax at the labels; outputs (n, m), labels (n,)."""
    above = outputs - outputs.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(above).sum(axis=1)) - above[np.arange(len(labels)), labels]))


def choose_rate(model: "SkipLoRA", x: np.ndarray, labels: np.ndarray, *, seed: int) -> float:
    """The rate of :data:`RATES` whose fine-tuning serves held-out samples best; of equals, that with the lower loss.

    All rates are tried on a quarter of the samples held out (up to 600 take part, drawn by ``seed``), the three best
    of them on another two quarters. A rate with which a result was clamped is out, and so are all above it.

    Parameters
    ----------
    model : SkipLoRA
        Calibrated; it is not changed. Its epochs, batch and seed are those of the trials.
    x : array (n, n_1)
    labels : array (n,)
        Indices of classes.
    seed : int

    Raises
    ------
    InputError
        Results are clamped even with the smallest rate.
    """
    folds = list(_folds(len(labels), np.random.default_rng([seed, 0x52415445])))
    first: list[Trial] = []
    for rate in RATES:
        trial = _try(model, rate, x, labels, *folds[0])
        if not trial.sound:
            break
        first.append(trial)
    if not first:
        raise InputError(
            f"even with a learning rate of {RATES[0]:.2g} results are clamped; the network's activations are too large "
            "for the unit: scale its inputs, or fine-tune with fewer layers"
        )
    best = sorted(first, key=_merit, reverse=True)[:_FINALISTS]
    scores = []
    for trial in best:
        trials = [trial, *(_try(model, trial.rate, x, labels, *fold) for fold in folds[1:3])]
        if all(t.sound for t in trials):
            scores.append((np.mean([t.accuracy for t in trials]), -np.mean([t.loss for t in trials]), trial.rate))
    return max(scores)[2] if scores else min(t.rate for t in best)


def _merit(trial: Trial) -> tuple[float, float]:
    return trial.accuracy, -trial.loss


def _folds(n: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn and rows held out, a part at a time; fewer than 8 samples are both."""
    order = rng.permutation(n)[:_MOST]
    if n < 8:
        yield order, order
        return
    for k in range(_FOLDS):
        held = np.arange(len(order)) % _FOLDS == k
        yield order[~held], order[held]


def _try(
    model: "SkipLoRA", rate: float, x: np.ndarray, labels: np.ndarray, learn: np.ndarray, held: np.ndarray
) -> Trial:
    trial = copy.copy(model)
    trial._device = None
    trial._judges = False
    trial.set_params(learning_rate=rate, backend="golden", verbose=False)
    trial.fit(x[learn], trial.classes_[labels[learn]])
    outputs = trial.decision_function(x[held])
    trial.close()
    accuracy = float(np.mean(outputs.argmax(axis=1) == labels[held]))
    return Trial(rate, accuracy, cross_entropy(outputs, labels[held]), not trial.clamped_)
