"""Pre-trained networks from other libraries. Nothing heavy is imported unless a file needs it."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .network import BatchNorm, Network

__all__ = ["from_onnx", "from_sklearn", "from_torch", "load_network"]


def load_network(source: Any) -> Network:
    """A :class:`Network` from whatever it is.

    Parameters
    ----------
    source : Network, MLPClassifier, torch.nn.Sequential, or path
        Paths: ``.npz`` (``weight_0``, ``bias_0``, ``weight_1``, ...; optionally ``mean_k``, ``var_k``, ``gamma_k``,
        ``beta_k`` of a batch normalisation behind layer k, and ``classes``), ``.onnx``, ``.pt`` or ``.pth`` (a whole
        module).

    Raises
    ------
    InputError
        The file or the layers cannot be used; the message says which and why.
    """
    if isinstance(source, Network):
        return source
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise InputError("no such file", path=path)
        if path.suffix == ".npz":
            return _from_npz(path)
        if path.suffix == ".onnx":
            return from_onnx(path)
        if path.suffix in (".pt", ".pth"):
            return from_torch(_torch_module(path))
        raise InputError(f"unknown kind of network {path.suffix!r}; use .npz, .onnx, .pt or .pth", path=path)
    if hasattr(source, "coefs_"):
        return from_sklearn(source)
    if hasattr(source, "named_children"):
        return from_torch(source)
    if type(source).__name__ == "MLPClassifier":
        raise InputError("this MLPClassifier has not been fitted; call its fit first")
    raise InputError(f"cannot make a network of a {type(source).__name__}")


def _from_npz(path: Path) -> Network:
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"not a readable .npz file: {error}", path=path) from error
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    while f"weight_{len(weights)}" in arrays:
        k = len(weights)
        w = np.asarray(arrays[f"weight_{k}"], np.float64)
        b = np.asarray(arrays.get(f"bias_{k}", np.zeros(w.shape[-1])), np.float64)
        if f"mean_{k}" in arrays:
            if f"var_{k}" not in arrays:
                raise InputError(f"mean_{k} without var_{k}", path=path)
            norm = BatchNorm(arrays[f"mean_{k}"], arrays[f"var_{k}"], arrays.get(f"gamma_{k}"), arrays.get(f"beta_{k}"))
            w, b = norm.fold(w, b)
        weights.append(w)
        biases.append(b)
    if not weights:
        raise InputError(f"no weight_0 in it; there is: {', '.join(arrays) or 'nothing'}", path=path)
    try:
        return Network(weights, biases, arrays.get("classes"))
    except InputError as error:
        raise InputError(str(error), path=path) from None


def from_sklearn(model: Any) -> Network:
    """A fitted scikit-learn ``MLPClassifier`` with ReLU. Two classes get two outputs, one of them always 0."""
    if getattr(model, "activation", None) != "relu":
        raise InputError(f"the hidden layers must be relu, not {getattr(model, 'activation', None)}")
    if getattr(model, "out_activation_", None) not in ("softmax", "logistic") or isinstance(model.classes_, list):
        raise InputError("only a classifier with one label for each sample can be fine-tuned")
    weights, biases = list(model.coefs_), list(model.intercepts_)
    if model.out_activation_ == "logistic":
        if len(model.classes_) != 2:
            raise InputError("only a classifier with one label for each sample can be fine-tuned")
        weights[-1] = np.hstack([np.zeros_like(weights[-1]), weights[-1]])
        biases[-1] = np.append(0.0, biases[-1])
    return Network(weights, biases, model.classes_)


def _torch_module(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise InputError("this needs PyTorch: pip install torch, or export to .onnx or .npz", path=path) from None
    module = torch.load(path, map_location="cpu", weights_only=False)
    if not hasattr(module, "named_children"):
        raise InputError("holds parameters without their module; save the module itself, or use .onnx", path=path)
    return module


def from_torch(module: Any) -> Network:
    """A ``torch.nn.Sequential`` (nested ones too) of Linear, BatchNorm1d and ReLU; Dropout, Flatten, Identity and a
    closing Softmax or LogSoftmax are passed over. Works by the layers' names: PyTorch itself is not imported."""

    def leaves(layer):
        children = list(layer.children())
        return [leaf for child in children for leaf in leaves(child)] if children else [layer]

    def array(tensor):
        return np.array(tensor.detach().cpu().numpy(), np.float64)

    chain = _Chain()
    for layer in leaves(module):
        kind = type(layer).__name__
        if kind == "Linear":
            w = array(layer.weight).T
            chain.dense(w, np.zeros(w.shape[1]) if layer.bias is None else array(layer.bias))
        elif kind == "BatchNorm1d":
            if layer.running_mean is None:
                raise InputError("a BatchNorm1d without running statistics cannot be folded")
            gamma, beta = (None, None) if layer.weight is None else (array(layer.weight), array(layer.bias))
            chain.norm(BatchNorm(array(layer.running_mean), array(layer.running_var), gamma, beta, layer.eps))
        elif kind == "ReLU":
            chain.relu()
        elif kind in ("Softmax", "LogSoftmax"):
            chain.softmax(kind)
        elif kind not in ("Dropout", "Flatten", "Identity"):
            raise InputError(f"layer {kind} is not supported; use Linear, BatchNorm1d and ReLU")
    return chain.network()


def from_onnx(path: "str | Path") -> Network:
    """An ONNX model of Gemm (or MatMul and Add), BatchNormalization and Relu in a row; Flatten, Identity, Dropout,
    Cast and a closing Softmax or LogSoftmax are passed over."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise InputError('this needs onnx: pip install "skipwalk[onnx]"', path=path) from None
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf raises its own, undocumented kinds
        raise InputError(f"not a readable ONNX model: {error}", path=path) from error
    values = {v.name: np.asarray(numpy_helper.to_array(v), np.float64) for v in graph.initializer}
    chain = _Chain()
    for node in graph.node:
        kind = node.op_type
        options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        constants = [values[name] for name in node.input[1:] if name in values]
        if kind == "Constant":
            values[node.output[0]] = np.asarray(numpy_helper.to_array(options["value"]), np.float64)
        elif kind == "Gemm" and constants:
            w = constants[0].T if options.get("transB", 0) else constants[0]
            w = w * options.get("alpha", 1.0)
            b = constants[1] * options.get("beta", 1.0) if len(constants) > 1 else np.zeros(w.shape[1])
            chain.dense(w, np.broadcast_to(b, w.shape[1:]).astype(np.float64))
        elif kind == "MatMul" and constants:
            chain.dense(constants[0], np.zeros(constants[0].shape[1]))
        elif kind == "Add" and (added := [values[name] for name in node.input if name in values]):
            chain.add(added[0])
        elif kind == "BatchNormalization" and len(constants) == 4:
            gamma, beta, mean, var = constants
            chain.norm(BatchNorm(mean, var, gamma, beta, options.get("epsilon", 1e-5)))
        elif kind == "Relu":
            chain.relu()
        elif kind in ("Softmax", "LogSoftmax"):
            chain.softmax(kind)
        elif kind not in ("Flatten", "Identity", "Dropout", "Cast"):
            raise InputError(f"operator {kind} is not supported; use Gemm, BatchNormalization and Relu", path=path)
    return chain.network()


class _Chain:
    """Layers in the order in which they come; says at once what cannot follow what."""

    def __init__(self):
        self._weights: list[np.ndarray] = []
        self._biases: list[np.ndarray] = []
        self._open = False  # the last layer has not been through its ReLU
        self._closed = False

    def _after_dense(self, what: str) -> None:
        if not self._open or self._closed:
            raise InputError(f"{what} must directly follow a dense layer")

    def dense(self, weights: np.ndarray, biases: np.ndarray) -> None:
        if self._open or self._closed:
            raise InputError("between two dense layers there must be a ReLU")
        self._weights.append(weights)
        self._biases.append(biases)
        self._open = True

    def norm(self, norm: BatchNorm) -> None:
        self._after_dense("a batch normalisation")
        self._weights[-1], self._biases[-1] = norm.fold(self._weights[-1], self._biases[-1])

    def add(self, values: np.ndarray) -> None:
        self._after_dense("an addition")
        self._biases[-1] = self._biases[-1] + values.reshape(-1)

    def relu(self) -> None:
        self._after_dense("a ReLU")
        self._open = False

    def softmax(self, kind: str) -> None:
        self._after_dense(f"a {kind}")
        self._closed = True

    def network(self) -> Network:
        if self._weights and not self._open:
            raise InputError("the last dense layer must not be followed by a ReLU")
        return Network(self._weights, self._biases)
