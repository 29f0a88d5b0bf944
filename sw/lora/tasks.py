"""Domains that shift: what a network was trained on, and what it meets on the device."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError

__all__ = ["RATE", "TASKS", "Task", "load_task"]

#: Learning rate of demonstrations and experiments that compare bits and methods, so that all have the same one.
RATE = 2.0**-6


@dataclass(frozen=True)
class Task:
    """Samples (n, n_1) in [0, 1] with labels (n,): to pre-train on, to fine-tune on, and to be tested on."""

    name: str
    classes: int
    pretrain: tuple[np.ndarray, np.ndarray]
    finetune: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load_task(name: str, seed: int = 0) -> Task:
    """``digits``: scikit-learn's 8 x 8 digits, upright, then turned by 30 degrees; split by ``seed``.

    ``digits-faded``: turned by 25 degrees, faded and noisy. ``digits-blurred``: by a Gaussian of 0.8 pixels.
    ``digits-inverted``: dark on light. ``fan``: vibration spectra of a fan, stopped, whole or
    damaged, from a silent room, then from a noisy one (fine-tuned on one recording and tested on another); read from
    the folder ``fan`` in $SKIPWALK_DATA, or in ``../shared/data`` beside a checkout.

    Raises InputError for another name, or if the data are not there.
    """
    if name in TASKS and name != "fan":
        return _digits(name, seed)
    if name == "fan":
        return _fan()
    raise InputError(f"no task {name!r}; there are: {', '.join(TASKS)}")


TASKS = ("digits", "digits-faded", "digits-blurred", "digits-inverted", "fan")


def _digits(name: str, seed: int) -> Task:
    from scipy.ndimage import gaussian_filter, rotate
    from sklearn.datasets import load_digits

    data = load_digits()
    rng = np.random.default_rng(2000 + seed)
    order = rng.permutation(len(data.target))
    x, y = data.data[order] / 16, data.target[order]
    images = x.reshape(-1, 8, 8)
    if name == "digits-blurred":
        moved = np.stack([gaussian_filter(image, 0.8) for image in images])
    elif name == "digits-inverted":
        moved = 1 - images
    else:
        angle = 30 if name == "digits" else 25
        moved = np.stack([rotate(image, angle, reshape=False, order=1) for image in images])
        if name == "digits-faded":
            moved = 0.15 + 0.5 * moved + rng.normal(0, 0.08, moved.shape)
    turned = np.clip(moved, 0, 1).reshape(len(x), 64)
    n, m = 857, 1327
    return Task(name, 10, (x[:n], y[:n]), (turned[n:m], y[n:m]), (turned[m:], y[m:]))


#: Files of a recording from this one on were taken with the fan at rest.
_STOPPED = 178


def _fan() -> Task:
    root = Path(os.environ.get("SKIPWALK_DATA") or Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    folder = root / "fan"
    if not folder.is_dir():
        raise InputError("no fan recordings there; set SKIPWALK_DATA to the folder above fan", path=folder)

    def recordings(room: str, *numbers: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = [], []
        for number in numbers:
            for state, label in (("normal", 1), ("damage1", 2)):
                spectra = _spectra(folder / f"12cm_hmlo_{state}_{room}_{number}.zip")
                x.append(spectra)
                y.append(np.where(np.arange(len(spectra)) >= _STOPPED, 0, label))
        return np.concatenate(x), np.concatenate(y)

    return Task("fan", 3, recordings("silentA", 1, 2), recordings("noisy", 1), recordings("noisy", 2))


def _spectra(path: Path) -> np.ndarray:
    """(n, 256) amplitudes at 1 ... 256 Hz from a zip of CSV files, in order of their names."""
    if not path.is_file():
        raise InputError("no such recording", path=path)
    with zipfile.ZipFile(path) as file:
        names = sorted(name for name in file.namelist() if name.endswith(".csv"))
        return np.array([np.loadtxt(file.read(n).decode().splitlines()[:256], delimiter=",", usecols=1) for n in names])
