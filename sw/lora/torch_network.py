"""Networks from PyTorch modules, by what their ``forward`` does."""

import copy
import operator
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .chain import Chain
from .network import BatchNorm, Network

__all__ = ["from_torch", "torch_module"]

_PASSED = ("Dropout", "Flatten", "Identity")
_LAYERS = ("Sequential", "Linear", "BatchNorm1d", "ReLU", "Softmax", "LogSoftmax", *_PASSED)


def torch_module(path: Path) -> Any:
    """The module in a .pt file. No code in the file runs: only modules of the layers above are loaded.

    Raises InputError: PyTorch is missing, the file is damaged, or needs other classes.
    """
    try:
        import torch
    except ImportError:
        raise InputError("this needs PyTorch: pip install torch, or export to .onnx or .npz", path=path) from None
    try:
        with torch.serialization.safe_globals([*(getattr(torch.nn, name) for name in _LAYERS), set]):
            module = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle lets whatever it meets through
        # PyTorch's own words have colours.
        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).partition("\n")[0] or type(error).__name__
        raise InputError(
            f"cannot be loaded without running code in it, or is damaged ({reason}); export it to .onnx, or load it "
            "yourself and pass the module",
            path=path,
        ) from error
    if not hasattr(module, "named_children"):
        raise InputError("holds parameters without their module; save the module itself, or use .onnx", path=path)
    return module


def from_torch(module: Any) -> Network:
    """A PyTorch module that is one chain of Linear, BatchNorm1d and ReLU; factors and summands are folded, Dropout,
    Flatten, Identity and a closing Softmax or LogSoftmax are passed over.

    Its ``forward`` is traced by torch.fx, and outputs on random inputs are compared. What only looks like a module is
    read by the layers' names, and has to be nested ``Sequential``. Raises InputError for anything else.
    """
    chain = Chain()
    if not _is_module(module):
        for layer in _leaves(module):
            _layer(chain, layer)
        return chain.network()
    import torch

    module = copy.deepcopy(module).cpu().eval()
    _trace(module, chain)

    def original(x: np.ndarray) -> np.ndarray:
        first = next(module.parameters())
        with torch.no_grad():
            return module(torch.from_numpy(x).to(first.dtype)).double().numpy()

    return chain.network(original)


def _is_module(module: Any) -> bool:
    return any(cls.__module__.startswith("torch.") for cls in type(module).__mro__)


def _leaves(layer: Any) -> list[Any]:
    children = list(layer.children())
    if children and type(layer).__name__ != "Sequential":
        raise InputError(f"the structure of a {type(layer).__name__} is not known without PyTorch; use Sequential")
    return [leaf for child in children for leaf in _leaves(child)] if children else [layer]


def _numbers(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().cpu().numpy(), np.float64)


def _layer(chain: Chain, layer: Any) -> None:
    kind = type(layer).__name__
    if kind == "Linear":
        w = _numbers(layer.weight).T
        chain.dense(w, np.zeros(w.shape[1]) if layer.bias is None else _numbers(layer.bias))
    elif kind == "BatchNorm1d":
        if layer.running_mean is None:
            raise InputError("a BatchNorm1d without running statistics cannot be folded")
        gamma, beta = (None, None) if layer.weight is None else (_numbers(layer.weight), _numbers(layer.bias))
        chain.norm(BatchNorm(_numbers(layer.running_mean), _numbers(layer.running_var), gamma, beta, layer.eps))
    elif kind == "ReLU":
        chain.relu()
    elif kind in ("Softmax", "LogSoftmax"):
        chain.softmax(kind)
    elif kind not in _PASSED:
        raise InputError(f"layer {kind} is not supported; use Linear, BatchNorm1d and ReLU")


def _trace(module: Any, chain: Chain) -> None:
    """The steps of ``forward``, in order."""
    import torch

    try:
        traced = torch.fx.symbolic_trace(module)
    except Exception as error:  # whatever forward does with a stand-in for its input
        raise InputError(f"forward of {type(module).__name__} cannot be traced: {error}") from error
    layers, constants = dict(traced.named_modules()), dict[Any, np.ndarray]()
    at = None
    for node in traced.graph.nodes:
        if node.op == "get_attr":
            value: Any = traced
            for name in node.target.split("."):
                value = getattr(value, name)
            constants[node] = _numbers(value)
            continue
        if node.op == "placeholder":
            if at is not None:
                raise InputError("forward has several inputs; a chain has one")
            at = node
            continue
        read = [other for other in node.all_input_nodes if other not in constants]
        if read != [at]:
            raise InputError(f"{node.name} does not read what the step before it computes; only a chain is read")
        if node.op == "call_module":
            _layer(chain, layers[node.target])
        elif node.op != "output":
            _call(chain, node, [at if a is at else constants.get(a, a) if _hashable(a) else a for a in node.args], at)
        elif node.args[0] is not at:
            raise InputError("forward has several outputs; a chain has one")
        at = node


def _hashable(value: Any) -> bool:
    return not isinstance(value, (list, dict, slice))


def _call(chain: Chain, node: Any, arguments: list[Any], at: Any) -> None:
    """A function or method that ``forward`` calls."""
    name = node.target if isinstance(node.target, str) else node.target.__name__
    first = arguments[0] is at
    if len(arguments) == 2 and not node.kwargs and isinstance(arguments[first], (int, float, np.ndarray)):
        value, zero = np.asarray(arguments[first], np.float64), np.zeros(1)
        if name in ("add", "iadd", "sub", "isub"):
            minus = name.endswith("sub")
            chain.affine(np.ones(1) if first or not minus else -np.ones(1), -value if minus and first else value)
            return
        if name in ("mul", "imul"):
            chain.affine(value, zero)
            return
        if name in ("truediv", "itruediv", "div") and first:
            chain.affine(1 / value, zero)
            return
    if node.target is operator.neg:
        chain.affine(-np.ones(1), np.zeros(1))
    elif name in ("relu", "relu_"):
        chain.relu()
    elif name in ("softmax", "log_softmax"):
        chain.softmax("Softmax" if name == "softmax" else "LogSoftmax")
    elif name == "linear" and first and len(arguments) in (2, 3) and isinstance(arguments[1], np.ndarray):
        w, biases = arguments[1].T, arguments[2] if len(arguments) == 3 else node.kwargs.get("bias")
        if biases is not None and not isinstance(biases, np.ndarray):
            raise InputError("linear with a computed bias is not supported")
        chain.dense(w, np.zeros(w.shape[1]) if biases is None else biases)
    elif name not in ("dropout", "flatten", "view", "reshape", "contiguous", "float", "double", "squeeze"):
        raise InputError(f"{name} in forward is not supported; use Linear, BatchNorm1d and ReLU")
