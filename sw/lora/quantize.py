"""A network in the numbers of the unit: 8-bit weights, unsigned activations, scales from calibration data."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...hw.lora.config import LoraConfig
from ...sim.arith.fixed import to_raw
from ...sim.lora.golden import Backbone
from ...sim.lora.layout import pack_dense
from ..errors import InputError
from .network import Network, real_numbers

__all__ = ["QuantizedNetwork", "quantize", "start_adapters"]


@dataclass(frozen=True)
class QuantizedNetwork:
    """The frozen network as the unit computes it.

    Attributes
    ----------
    backbone : Backbone
        Raw weights, biases and shifts.
    offset, scale : array, () or (n_1,)
        The unit's input is ``(x - offset) / scale``, in [0, 1).
    units : tuple of float
        Raw activations x_k of each layer for one unit of the network's own; of the inputs, shaped as ``scale``.
    halvings : int
        How often the network's outputs are halved, so that its last layer fits the unit.
    """

    cfg: LoraConfig
    backbone: Backbone
    offset: np.ndarray
    scale: np.ndarray
    units: tuple[Any, ...]
    halvings: int = 0

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """Raw inputs (n, n_1) for data (n, n_1); what lies outside of the calibrated range is clamped.

        Raises InputError for another width, or a value that is not finite or no real number.
        """
        x = real_numbers(x, "samples")
        if x.ndim != 2 or x.shape[1] != self.cfg.widths[0]:
            raise InputError(f"the network takes samples of {self.cfg.widths[0]} values, not an array of {x.shape}")
        if not np.isfinite(x).all():
            row = int(np.argmin(np.isfinite(x).all(axis=1)))
            raise InputError(f"sample {row} has a value that is not finite; remove or fill it")
        top = (1 << self.cfg.x_bits) - 1
        with np.errstate(over="ignore"):  # what is too large is clamped
            return np.clip(np.floor((x - self.offset) * self.units[0] + 0.5), 0, top).astype(np.int64)


#: Beyond this, products of two numbers would be too large for the host.
_LARGEST = 1e250


def quantize(cfg: LoraConfig, network: Network, data: np.ndarray) -> QuantizedNetwork:
    """Choose scales from calibration ``data`` (n, n_1), samples as they will come.

    Inputs within [0, 1) are taken as they are; else each is mapped onto it from its own range, and the first layer
    takes that back. A hidden layer's largest activation becomes 15/16 of the largest raw number, or less where that
    needs weights that the unit cannot hold. Each layer's weights get the scale that turns its sums into the next
    activations by a shift, the largest that fits; a last layer too large for any has its outputs halved.

    Raises
    ------
    InputError
        The network does not have the shape of ``cfg``, data do not fit it, or a layer has only zeros.
    """
    if network.widths != cfg.widths or network.outputs != cfg.classes:
        raise InputError(
            f"a network of {network.widths} and {network.outputs} classes does not fit a unit for {cfg.widths} and "
            f"{cfg.classes}"
        )
    data = real_numbers(data, "calibration data")
    if data.ndim != 2 or data.shape[1] != cfg.widths[0] or not len(data):
        raise InputError(f"calibration needs samples of {cfg.widths[0]} values, not an array of {data.shape}")
    if not np.isfinite(data).all():
        row = int(np.argmin(np.isfinite(data).all(axis=1)))
        raise InputError(f"sample {row} of the calibration data has a value that is not finite; remove or fill it")
    top = (1 << cfg.x_bits) - 1
    with np.errstate(all="ignore"):
        offset, scale = _range(data)
        hidden, outputs = network.forward(data)
        units: list[Any] = [(top + 1) / scale]
        inputs_reach = offset @ network.weights[0] if offset.ndim else offset
        judged = (scale, units[0], *hidden, outputs, inputs_reach)
    if not all(float(np.abs(values).max(initial=0)) < _LARGEST for values in judged):
        raise InputError(
            f"calibration data from {data.min():g} to {data.max():g} and this network make numbers beyond "
            f"{_LARGEST:g}; scale one of them"
        )
    for k, h in enumerate(hidden[1:], 2):
        peak = float(h.max())
        if peak <= 0:
            raise InputError(f"the inputs of layer {k} are 0 for all calibration data; the network has died")
        units.append(top * 15 / 16 / peak)

    weights, biases, shifts = [], [], []
    # What the outputs reach must fit their format.
    most = cfg.y.max_raw * cfg.y.step
    halvings = max(0, int(np.ceil(np.log2(max(float(np.abs(outputs).max()), 1e-30) / most))))
    limit = (1 << (cfg.weight_bits - 1)) - 1
    for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        wanted = units[k + 1] if k + 1 < cfg.layers else 2.0 ** (cfg.y.fraction - halvings)
        if k == 0:
            b = b + (np.reshape(offset, (-1, 1)) * w).sum(axis=0)
        # weight = w * factor, and factor = wanted * 2**shift / units: the largest shift that fits.
        of_input = np.reshape(units[k], (-1, 1))
        largest, bias = np.abs(w / of_input).max() * wanted, np.abs(b).max() * wanted
        room = min(limit / max(largest, 1e-30), ((1 << (cfg.BIAS_BITS - 1)) - 1) / max(bias, 1e-30))
        shift = min(int(np.floor(np.log2(room))), (1 << cfg.SHIFT_BITS) - 1)
        if shift < 0:
            # Weights are too large for what they make: that becomes smaller, and so does all that follows.
            wanted *= 2.0**shift
            if k + 1 < cfg.layers:
                units[k + 1] = wanted
            else:
                halvings -= shift
            shift = 0
        weights.append(np.floor(w * wanted * 2.0**shift / of_input + 0.5).astype(np.int64))
        biases.append(np.floor(b * wanted * 2.0**shift + 0.5).astype(np.int64))
        shifts.append(shift)
    backbone = Backbone(pack_dense(cfg, weights), np.concatenate(biases), np.array(shifts, np.int64))
    return QuantizedNetwork(cfg, backbone, offset, scale, tuple(units), halvings)


def _range(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale of the inputs, one for all or one for each."""
    if data.min() >= 0 and 0.5 <= data.max() <= 1:
        return np.array(0.0), np.array(1.0)
    low, span = data.min(axis=0), np.ptp(data, axis=0)
    return low, np.where(span > 0, span, 1.0)


def start_adapters(cfg: LoraConfig, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Raw A_k of random signs times 1/8, and B_k = 0: the output starts as the network's own."""
    rng = np.random.default_rng(seed)
    eighth = int(to_raw(0.125, cfg.a))
    a = [rng.choice(np.array([-eighth, eighth]), (n, cfg.rank)) for n in cfg.widths]
    return a, [np.zeros((cfg.rank, cfg.classes), np.int64) for _ in cfg.widths]
