"""Skip2-LoRA as an estimator: a frozen network, and adapters that learn on the unit."""

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning

from ...hw.lora.config import LoraConfig
from ...sim.arith.fixed import from_raw
from ...sim.lora.layout import pack_adapters, unpack_adapters
from ..errors import InputError
from ..estimators.conventions import Progress, as_seed, plain, progress_bar
from ..estimators.turns import TakesTurns
from ..graph.packed import read_bytes, reading, unpack_npz
from ..link.transport import Transport, open_transport, unknown_backend
from ..results.files import atomic_write
from .driver import EpochReport, LoraDevice
from .loaders import load_network
from .network import Network, real_numbers
from .order import epoch_order, order_key
from .quantize import QuantizedNetwork, quantize, start_adapters
from .rate import choose_rate

__all__ = ["SkipLoRA"]

_FORMAT = "skipwalk-lora-1"
#: Epochs of a command, and samples of a mini-batch.
_MOST = (1 << 16) - 1


class SkipLoRA(TakesTurns, ClassifierMixin, BaseEstimator):
    """Fine-tunes a pre-trained network by adapters from the input of each layer to its last output (Skip2-LoRA).

    Parameters
    ----------
    network : Network, MLPClassifier, torch.nn.Sequential, or path
        See :func:`.loaders.load_network`. It is never changed.
    rank : int
        r, columns of A_k.
    epochs, batch_size : int
        Passes of :meth:`fit`, and samples whose gradients are summed before the adapters change; up to 65,535 each.
    learning_rate : float or "auto"
        Factor of the summed gradients. ``"auto"``: :meth:`fit` finds it by short trials on the golden model, the same
        one on every backend (:func:`.rate.choose_rate`).
    backend : str or Transport
        ``golden``, ``rtl`` or ``serial:ADDRESS``, or one that is open; all give the same bits.
    cache : bool
        Keep the activations of every sample in the Skip-Cache, as many as fit.
    x_bits, lanes, cache_samples : int
        Of the unit: width of activations, multipliers of each kind, capacity of the Skip-Cache.
    random_state : int, None, RandomState or Generator
        Of the starting A and the order of samples. None: another one each time.
    verbose : bool
        Show progress on stderr.

    Attributes
    ----------
    network_ : Network
        ``network`` as it was read.
    cfg : LoraConfig
        The unit.
    classes_ : array
        What the outputs stand for.
    learning_rate_ : float or None
        The rate that the adapters were learned with; None before.
    quantized_ : QuantizedNetwork
        The network on the unit, once calibrated.
    reports_ : list of EpochReport
        Accuracy and loss of each epoch, of the samples as they were learned, by the unit's own count; empty if the
        samples do not all fit the Skip-Cache.
    counters_ : dict
        The unit's counters after the last samples were learned.
    load_cycles_ : int or None
        Clock cycles in which the last samples were loaded into the Skip-Cache, those of the backbone, where the unit
        has a clock; 0 if they do not all fit.
    train_cycles_ : int or None
        Clock cycles in which the last samples were learned, where the unit has a clock.

    Raises
    ------
    InputError
        The network, a parameter, samples or labels cannot be used; nothing is changed then.
    DeviceError
        The unit cannot be opened.

    Notes
    -----
    Calls from several threads take turns.
    """

    def __init__(
        self,
        network: Any,
        *,
        rank: int = 4,
        epochs: int = 30,
        batch_size: int = 20,
        learning_rate: "float | str" = "auto",
        backend: str | Transport = "golden",
        cache: bool = True,
        x_bits: int = 8,
        lanes: int = 32,
        cache_samples: int = 512,
        random_state: Any = 0,
        verbose: bool = False,
    ):
        self.network = network
        self.rank = rank
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.backend = backend
        self.cache = cache
        self.x_bits = x_bits
        self.lanes = lanes
        self.cache_samples = cache_samples
        self.random_state = random_state
        self.verbose = verbose
        self._begin_anew()

    #: What learning changes, but for the unit.
    _LEARNED = (
        *("_words", "_seed", "_epochs_done", "learning_rate_", "quantized_"),
        *("reports_", "counters_", "load_cycles_", "train_cycles_"),
    )
    _device: LoraDevice | None = None
    #: Whether clamped results are spoken of.
    _judges = True

    def set_params(self, **params: Any) -> "SkipLoRA":
        """As in scikit-learn. Another network or unit forgets what was learned. Raises
        InputError, with nothing changed."""
        with self._turn():
            before = self.get_params(deep=False)
            super().set_params(**params)
            own = {"epochs", "batch_size", "learning_rate", "cache", "random_state", "verbose", "backend"}
            try:
                if set(params) <= own:
                    self._check(self.cfg)
                else:
                    self._begin_anew()
            except BaseException:
                super().set_params(**before)
                raise
            if "backend" in params:
                self.close()
            return self

    def _check(self, cfg: LoraConfig) -> None:
        for name, low in (("epochs", 0), ("batch_size", 1)):
            _count(name, getattr(self, name), low)
        if not isinstance(self.cache, bool | np.bool_):
            raise InputError(f"cache must be True or False, not {self.cache!r}")
        _seed_of(self.random_state)
        if (fault := None if isinstance(self.backend, Transport) else unknown_backend(self.backend)) is not None:
            raise InputError(fault)
        rate = self.learning_rate
        if isinstance(rate, Real) and not isinstance(rate, bool):
            _raw_rate(cfg, float(rate))
        elif not isinstance(rate, str) or rate != "auto":
            raise InputError(f'learning_rate must be a number or "auto", not {rate!r}')

    def _begin_anew(self) -> None:
        """Network, unit and first adapters that the parameters describe."""
        network = load_network(self.network)
        try:
            cfg = LoraConfig(
                widths=network.widths,
                classes=network.outputs,
                rank=plain(self.rank),
                lanes=plain(self.lanes),
                cache_samples=plain(self.cache_samples),
                x_bits=plain(self.x_bits),
                gradient_bits=36 if self.x_bits == 8 else 44,
            )
        except (TypeError, ValueError) as error:
            raise InputError(f"no unit can be made for this network: {error}") from error
        self._check(cfg)
        self.close()
        self.network_: Network = network
        self.cfg = cfg
        self.classes_ = network.classes
        self.learning_rate_: float | None = None
        self.quantized_: QuantizedNetwork | None = None
        self.counters_: dict[str, int] = {}
        self.load_cycles_: int | None = None
        self.train_cycles_: int | None = None
        self.reports_: list[EpochReport] = []
        self._first_adapters()

    def _first_adapters(self) -> None:
        self._seed = _seed_of(self.random_state)
        self._words = pack_adapters(self.cfg, *start_adapters(self.cfg, self._seed))
        self._epochs_done = 0

    def __sklearn_is_fitted__(self) -> bool:
        return self.quantized_ is not None

    def __sklearn_clone__(self) -> "SkipLoRA":
        """With the same network, which scikit-learn would forget the weights of, were it an estimator."""
        return type(self)(**self.get_params(deep=False))

    @property
    def n_features_in_(self) -> int:
        """Values of a sample, n_1."""
        return self.cfg.widths[0]

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_device", None)
        return state

    # ---- the unit
    def _open(self) -> LoraDevice:
        """The unit, with backbone and adapters in it."""
        if self.quantized_ is None:
            raise InputError("the network has not been calibrated; call fit or calibrate first")
        if self._device is not None and not self._device.sound:
            self.close()
        if self._device is None:
            self._device = LoraDevice(open_transport(self.backend, self.cfg), self.cfg)
            self._device.load_backbone(self.quantized_.backbone)
            self._device.load_adapters(self._words)
        return self._device

    def close(self) -> None:
        """Give the unit back; the adapters stay."""
        with self._turn():
            if self._device is not None:
                self._device.close()
                self._device = None

    @property
    def cycles(self) -> int | None:
        """Clock cycles of the open unit, where it has a clock."""
        return None if self._device is None else self._device.cycles

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """If learning fails or is interrupted, the unit is given back and the adapters are those from before."""
        before = {name: getattr(self, name) for name in self._LEARNED}
        try:
            yield
        except BaseException:
            for name, value in before.items():
                setattr(self, name, value)
            self.close()
            raise

    # ---- learning
    def calibrate(self, x: np.ndarray, y: np.ndarray | None = None) -> "SkipLoRA":
        """Choose the scales of the network's activations from samples (n, n_1). The first :meth:`fit` does it too.

        Raises InputError, with nothing changed, for samples that cannot be used, or labels ``y`` (n,) that :meth:`fit`
        would refuse.
        """
        with self._turn():
            if y is not None:
                self._indices(_labels(y))
            quantized = quantize(self.cfg, self.network_, x)
            self.close()
            self.quantized_ = quantized
            return self

    def fit(self, x: np.ndarray, y: np.ndarray, progress: Progress | None = None) -> "SkipLoRA":
        """Start from new adapters and learn samples x (n, n_1) with labels y (n,) for ``epochs`` passes.

        ``progress`` is called with how many of how many samples have been sent.
        """
        with self._turn(), self._all_or_nothing():
            raw, labels = self._begin(x, y)
            return self._learn(raw, labels, _count("epochs", self.epochs, 0), progress)

    def partial_fit(
        self, x: np.ndarray, y: np.ndarray, epochs: int = 1, progress: Progress | None = None
    ) -> "SkipLoRA":
        """Go on from the adapters as they are, for ``epochs`` passes over these samples."""
        epochs = _count("epochs", epochs, 0)
        with self._turn(), self._all_or_nothing():
            raw, labels = self._samples(x, y)
            if self.learning_rate_ is None or self.learning_rate != "auto":
                self._find_rate(x, labels)
            self._put(raw, labels)
            return self._learn(raw, labels, epochs, progress)

    def iter_fit(self, x: np.ndarray, y: np.ndarray) -> Iterator[int]:
        """As :meth:`fit`, epoch by epoch: yields how many are done, with the adapters of that moment in place.

        Each epoch ends at rest, so the bits differ from those of :meth:`fit`, where samples follow without a gap.
        """
        with self._turn():
            raw, labels = self._begin(x, y)
        for epoch in range(_count("epochs", self.epochs, 0)):
            with self._turn():
                self._learn(raw, labels, 1, None)
            yield epoch + 1

    def _begin(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """New adapters and an empty cache in the unit; raw inputs and indices of classes."""
        raw, labels = self._samples(x, y)
        self._find_rate(x, labels)
        self._first_adapters()
        if self._device is not None:
            self._device.load_adapters(self._words)
        self._open().clear_counters()
        self._put(raw, labels)
        return raw, labels

    def _find_rate(self, x: np.ndarray, labels: np.ndarray) -> None:
        if isinstance(self.learning_rate, str):
            self.learning_rate_ = choose_rate(self, np.asarray(x, np.float64), labels, seed=_seed_of(self.random_state))
        else:
            self.learning_rate_ = float(self.learning_rate)

    def _in_cache(self, n: int) -> bool:
        return bool(self.cache) and n <= self.cfg.cache_samples

    def _put(self, raw: np.ndarray, labels: np.ndarray) -> None:
        """An empty cache, and the samples in it if there is room for all."""
        device = self._open()
        device.forget()
        start = device.cycles
        if self._in_cache(len(raw)):
            device.load_samples(raw, labels)
        self.load_cycles_ = _since(start, device.cycles)

    def _samples(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Raw inputs and indices of classes. Raises InputError for what cannot be used."""
        x, y = real_numbers(x, "samples"), _labels(y)
        if x.ndim != 2 or x.shape[1] != self.cfg.widths[0] or y.shape != (len(x),) or not len(x):
            raise InputError(
                f"samples must be an array (n, {self.cfg.widths[0]}) with n labels, not {x.shape} with {y.shape}"
            )
        labels = self._indices(y)
        if self.quantized_ is None:
            self.calibrate(x)
        assert self.quantized_ is not None
        return self.quantized_.inputs(x), labels

    def _indices(self, y: np.ndarray) -> np.ndarray:
        """Which class each label is (n,): the one that equals it, or else reads the same (``"0"`` for 0, 1.0 for 1).

        Raises InputError for a label that is none.
        """
        if y.ndim != 1:
            raise InputError(f"labels must be one for each sample (n,), not an array {y.shape}")
        classes = self.classes_.tolist()
        index: dict[Any, int] = {}
        for name in (lambda label: label, str):
            for k, label in enumerate(classes):
                index.setdefault(name(label), k)
        rows = [index.get(v, index.get(str(v), -1)) for v in y.tolist()]
        if -1 in rows:
            raise InputError(f"label {y.tolist()[rows.index(-1)]!r} is none of the network's classes {classes}")
        return np.array(rows, np.int64)

    def _learn(self, raw, labels, epochs: int, progress) -> "SkipLoRA":
        device = self._open()
        assert self.learning_rate_ is not None
        device.set_rate(_raw_rate(self.cfg, self.learning_rate_))
        n, total, first = len(raw), len(raw) * epochs, self._epochs_done
        start, batch = device.cycles, _count("batch_size", self.batch_size, 1)
        with progress_bar(total, "sample", verbose=self.verbose, progress=progress) as tell:
            self.reports_ = []
            if self._in_cache(n):
                for report in device.epochs(n, epochs, batch, key=order_key(self._seed), first=first):
                    self.reports_.append(report)
                    tell(len(self.reports_) * n, total)
            else:
                order = epoch_order(n, epochs, self._seed, first)
                for done in device.train_slices(raw, labels, order, batch, cache=self.cache):
                    tell(done, total)
        self._epochs_done += epochs
        self.train_cycles_ = _since(start, device.cycles)
        words, self.counters_ = device.read_adapters(), device.counters()
        self._judge()
        self._words = words
        return self

    @property
    def clamped_(self) -> dict[str, int]:
        """How many results were clamped while the last samples were learned, by what they are; empty if none."""
        return {name[4:]: n for name, n in self.counters_.items() if name.startswith("sat_") and n}

    def _judge(self) -> None:
        """Warn if results were clamped while the adapters learned. Raises InputError if they only got worse."""
        clamped = self.clamped_
        if not clamped or not self._judges:
            return
        what = (
            f"with a learning rate of {self.learning_rate_:g}, {sum(clamped.values())} results were clamped "
            f"({', '.join(f'{n} of {name}' for name, n in clamped.items())})"
        )
        remedy = 'take a lower one, or "auto"'
        if self.reports_ and self.reports_[-1].loss > np.log(self.cfg.classes):
            raise InputError(
                f"{what} and the last epoch's loss is {self.reports_[-1].loss:.2f}, more than by guessing "
                f"({np.log(self.cfg.classes):.2f}); nothing was learned: {remedy}"
            )
        warnings.warn(f"{what}: {remedy}", ConvergenceWarning, stacklevel=4)

    # ---- use
    def decision_function(self, x: np.ndarray) -> np.ndarray:
        """Outputs (n, m) of network and adapters, by the unit."""
        with self._turn():
            if self.quantized_ is None:
                raise InputError("the network has not been calibrated; call fit or calibrate first")
            raw = self._open().outputs(self.quantized_.inputs(x))
            return from_raw(raw, self.cfg.y) * 2.0**self.quantized_.halvings

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The class of each sample."""
        return self.classes_[self.decision_function(x).argmax(axis=1)]

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Shares of the classes (n, m): the softmax of :meth:`decision_function`, by the host."""
        outputs = self.decision_function(x)
        shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def score(self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Accuracy on samples x with labels y, each counted ``sample_weight`` (n,) times.

        Raises InputError for a label that is none of the classes, and for no samples.
        """
        with self._turn():
            labels = self._indices(_labels(y))
            outputs = self.decision_function(x)
            if len(outputs) != len(labels) or not len(labels):
                raise InputError(f"{len(labels)} labels for {len(outputs)} samples; give one for each")
            right = outputs.argmax(axis=1) == labels
            if sample_weight is None:
                return float(np.mean(right))
            weights = real_numbers(sample_weight, "sample_weight")
            if weights.shape != right.shape or not np.isfinite(weights).all() or not weights.sum() > 0:
                raise InputError(f"sample_weight must be {len(right)} finite numbers, not all 0")
            return float(np.average(right, weights=weights))

    @property
    def adapters_(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """A_k (n_k, r) and B_k (r, m) as the unit reads its inputs, floats."""
        a, b = unpack_adapters(self.cfg, self._words)
        return [from_raw(v, self.cfg.a) for v in a], [from_raw(v, self.cfg.b) for v in b]

    @property
    def adapters_raw_(self) -> np.ndarray:
        """All bits of the adapters: (adapter_words, lanes) as the unit stores them."""
        return self._words.copy()

    # ---- files
    def save(self, path: "str | Path") -> None:
        """Adapters, network, scales and parameters as ``.npz``, whole or not at all. Raises InputError."""
        with self._turn():
            if self.quantized_ is None:
                raise InputError("there is nothing to save yet; call fit or calibrate first")
            q = self.quantized_
            meta = {
                "format": _FORMAT,
                "cfg": self.cfg.to_dict(),
                "offset": np.asarray(q.offset).tolist(),
                "scale": np.asarray(q.scale).tolist(),
                "units": [np.asarray(unit).tolist() for unit in q.units],
                "halvings": q.halvings,
                "learning_rate": self.learning_rate
                if isinstance(self.learning_rate, str)
                else float(self.learning_rate),
                "learning_rate_": self.learning_rate_,
                "epochs": _count("epochs", self.epochs, 0),
                "batch_size": _count("batch_size", self.batch_size, 1),
                "epochs_done": self._epochs_done,
                "random_state": _kept_seed(self.random_state),
            }
            arrays: dict[str, Any] = {f"weight_{k}": v for k, v in enumerate(self.network_.weights)}
            arrays |= {f"bias_{k}": v for k, v in enumerate(self.network_.biases)}
            arrays |= {"backbone_weights": q.backbone.weights, "backbone_biases": q.backbone.biases}
            arrays |= {"backbone_shifts": q.backbone.shifts, "adapters": self._words, "classes": self.classes_}
            with atomic_write(path) as file:
                np.savez_compressed(file, meta=np.array(json.dumps(meta)), **arrays)

    @classmethod
    def load(cls, path: "str | Path", *, backend: str = "golden") -> "SkipLoRA":
        """What :meth:`save` wrote, ready to predict or to go on learning. Raises InputError for any other file."""
        path = Path(path)
        with reading(path):
            arrays = unpack_npz(read_bytes(path))
        try:
            meta = json.loads(str(arrays["meta"]))
            if meta.get("format") != _FORMAT:
                raise InputError(f"made by another version: {meta.get('format')}", path=path)
            cfg = LoraConfig.from_dict(meta["cfg"])
            network = Network(
                [arrays[f"weight_{k}"] for k in range(cfg.layers)],
                [arrays[f"bias_{k}"] for k in range(cfg.layers)],
                arrays["classes"],
            )
            model = cls(
                network,
                rank=cfg.rank,
                epochs=meta["epochs"],
                batch_size=meta["batch_size"],
                learning_rate=meta["learning_rate"],
                backend=backend,
                x_bits=cfg.x_bits,
                lanes=cfg.lanes,
                cache_samples=cfg.cache_samples,
                random_state=meta["random_state"],
            )
            from ...sim.lora.golden import Backbone

            # Whatever is handed to compiled code has its shape, kind and range.
            limit = 1 << (cfg.weight_bits - 1), 1 << (cfg.BIAS_BITS - 1)
            shapes = (cfg.dense_words, cfg.lanes), (sum(cfg.outputs),), (cfg.layers,)
            backbone = Backbone(
                _integers(arrays, "backbone_weights", shapes[0], -limit[0], limit[0] - 1),
                _integers(arrays, "backbone_biases", shapes[1], -limit[1], limit[1] - 1),
                _integers(arrays, "backbone_shifts", shapes[2], 0, (1 << cfg.SHIFT_BITS) - 1),
            )
            widest = max(cfg.a.bits, cfg.b.bits) - 1
            words = _integers(arrays, "adapters", (cfg.adapter_words, cfg.lanes), -(1 << widest), (1 << widest) - 1)
            inputs = np.shape(meta["scale"])
            if inputs not in ((), cfg.widths[:1]):
                raise ValueError(f"scale of shape {inputs}; one number is needed, or {cfg.widths[0]}")
            model.quantized_ = QuantizedNetwork(
                model.cfg,
                backbone,
                _floats("offset", meta["offset"], inputs),
                _floats("scale", meta["scale"], inputs, positive=True),
                tuple(
                    _floats("units", unit, () if k else inputs, positive=True)
                    for k, unit in enumerate(_listed("units", meta["units"], cfg.layers))
                ),
                _count("halvings", meta.get("halvings", 0), -1000, 1000),
            )
            model._words = words
            rate = meta.get("learning_rate_", meta["learning_rate"])
            if rate is not None:
                _raw_rate(cfg, rate)
                model.learning_rate_ = float(rate)
            model._epochs_done = _count("epochs_done", meta.get("epochs_done", meta["epochs"]), 0, (1 << 53) - 1)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            if isinstance(error, InputError) and error.path is not None:
                raise
            raise InputError(f"no saved SkipLoRA: {error}", path=path) from error
        return model


def _labels(y: Any) -> np.ndarray:
    """Labels as an array. Raises InputError if there are none, or some are masked."""
    if y is None:
        raise InputError("y is None; give a label for each sample")
    if np.ma.is_masked(y):
        raise InputError("y: some labels are masked; leave those samples out")
    return np.asarray(y)


def _integers(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """An array of a file as int64. Raises ValueError for another shape, other numbers, or one out of range."""
    array = arrays[name]
    if array.shape != shape or array.dtype.kind not in "iu":
        raise ValueError(f"{name} of {array.dtype} and shape {array.shape}; {shape} integers are needed")
    if array.size and not low <= array.min() <= array.max() <= high:
        raise ValueError(f"{name} has values outside {low} to {high}")
    return array.astype(np.int64)


def _listed(name: str, values: Any, n: int) -> list[Any]:
    if not isinstance(values, list) or len(values) != n:
        raise ValueError(f"{name} must be a list of {n}")
    return values


def _floats(name: str, value: Any, shape: tuple[int, ...], *, positive: bool = False) -> np.ndarray:
    """Numbers of a file. Raises ValueError for another shape, or one that is not finite, or not ``positive``."""
    array = np.asarray(value, np.float64)
    if array.shape != shape or not np.isfinite(array).all() or (positive and not (array > 0).all()):
        raise ValueError(f"{name} must be {'positive ' if positive else ''}finite numbers of shape {shape}")
    return array


def _count(name: str, value: Any, low: int, high: int = _MOST) -> int:
    """A number of epochs and the like as Python's own. Raises InputError for anything but an integer in bounds."""
    value = plain(value)
    if type(value) is not int or not low <= value <= high:
        raise InputError(f"{name} must be an integer from {low} to {high}, not {value!r}")
    return value


def _seed_of(random_state: Any) -> int:
    """As :func:`.as_seed`. Raises InputError for what is none."""
    try:
        return as_seed(random_state)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None


def _kept_seed(random_state: Any) -> int | None:
    """What a file keeps of ``random_state``: an integer, or nothing."""
    seed = plain(random_state)
    return int(seed) if isinstance(seed, int) else None


def _since(start: int | None, now: int | None) -> int | None:
    return None if start is None or now is None else now - start


def _raw_rate(cfg: LoraConfig, rate: float) -> int:
    """The factor as the unit stores it. Raises InputError for one that it cannot hold."""
    step = 2.0 ** -(cfg.rate_shift + cfg.RATE.fraction)
    raw = int(np.floor(rate / step + 0.5)) if np.isfinite(rate) else -1
    if not 1 <= raw <= cfg.RATE.max_raw:
        raise InputError(f"learning_rate must be {step:.2g} to {cfg.RATE.max_raw * step:.2g}, not {rate}")
    return raw
