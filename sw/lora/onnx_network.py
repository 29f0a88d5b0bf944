"""Networks from ONNX models, by the edges of their graph."""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .chain import Chain
from .network import BatchNorm, Network

__all__ = ["from_onnx"]

_PASSED = ("Flatten", "Identity", "Dropout", "Cast")


def from_onnx(path: "str | Path") -> Network:
    """An ONNX model that is one chain of Gemm (or MatMul), BatchNormalization and Relu, each reading what the one
    before it computes; Add, Sub, Mul and Div with constants are folded, Flatten, Identity, Dropout, Cast to a float and
    a closing Softmax or LogSoftmax are passed over.

    Raises InputError: it is anything else, or ONNX's reference evaluator has other outputs on random inputs.
    """
    try:
        import onnx
    except ImportError:
        raise InputError('this needs onnx: pip install "skipwalk[onnx]"', path=path) from None
    try:
        model = onnx.load(str(path))
        values = {v.name: _array(v) for v in model.graph.initializer}
    except Exception as error:  # protobuf raises its own, undocumented kinds
        raise InputError(f"not a readable ONNX model: {error}", path=path) from error
    try:
        return _chain(model, values).network(lambda x: _evaluate(model, values, x))
    except InputError as error:
        raise InputError(str(error), path=path) from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"malformed: {error}", path=path) from error


def _array(tensor: Any) -> np.ndarray:
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor), np.float64)


def _input(graph: Any, values: dict[str, np.ndarray]) -> Any:
    inputs = [value for value in graph.input if value.name not in values]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise InputError(f"{len(inputs)} inputs and {len(graph.output)} outputs; a chain has one of each")
    return inputs[0]


def _chain(model: Any, values: dict[str, np.ndarray]) -> Chain:
    from onnx import helper

    chain, graph = Chain(), model.graph
    at, constants = _input(graph, values).name, dict(values)
    for node in graph.node:
        kind = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        names = [name for name in node.input if name]
        if all(name in constants for name in names):
            constants[node.output[0]] = _constant(kind, options, [constants[name] for name in names])
            continue
        others = [name for name in names if name not in constants]
        if others != [at]:
            raise InputError(
                f"operator {kind} reads {' and '.join(others)}, the step before it computes {at}; only a chain is read"
            )
        _step(chain, kind, options, node, at, constants)
        at = node.output[0]
    if graph.output[0].name != at:
        raise InputError(f"its output is {graph.output[0].name}, but the last step computes {at}")
    return chain


def _constant(kind: str, options: dict[str, Any], inputs: list[np.ndarray]) -> np.ndarray:
    if kind == "Constant":
        if "value" in options:
            return _array(options["value"])
        values = [value for name, value in options.items() if name.startswith("value_")]
        if len(values) != 1:
            raise InputError("a Constant without a value")
        return np.asarray(values[0], np.float64)
    if kind in ("Identity", "Cast"):
        return inputs[0]
    if kind == "Transpose":
        return np.transpose(inputs[0], options.get("perm"))
    raise InputError(f"operator {kind} of constants is not supported; fold constants when exporting")


def _step(
    chain: Chain, kind: str, options: dict[str, Any], node: Any, at: str, constants: dict[str, np.ndarray]
) -> None:
    first = node.input[0] == at
    rest = [constants[name] for name in node.input if name and name != at]
    if kind in ("Gemm", "MatMul") and first and rest and not options.get("transA"):
        w = (rest[0].T if options.get("transB") else rest[0]) * options.get("alpha", 1.0)
        chain.dense(w, np.zeros(w.shape[-1]))
        if len(rest) > 1:
            chain.affine(np.ones(1), rest[1] * options.get("beta", 1.0))
    elif kind in ("Add", "Sub", "Mul", "Div") and len(rest) == 1 and (first or kind != "Div"):
        one, zero, value = np.ones(1), np.zeros(1), rest[0]
        if kind in ("Mul", "Div"):
            chain.affine(value if kind == "Mul" else 1 / value, zero)
        else:
            chain.affine(one if first or kind == "Add" else -one, -value if kind == "Sub" and first else value)
    elif kind == "BatchNormalization" and options.get("training_mode"):
        raise InputError("BatchNormalization in training mode; export the network in evaluation mode (module.eval())")
    elif kind == "BatchNormalization" and len(rest) == 4:
        gamma, beta, mean, var = rest
        chain.norm(BatchNorm(mean, var, gamma, beta, options.get("epsilon", 1e-5)))
    elif kind == "Relu":
        chain.relu()
    elif kind in ("Softmax", "LogSoftmax") and options.get("axis", -1) in (-1, 1):
        chain.softmax(kind)
    elif kind not in _PASSED or (kind == "Cast" and options["to"] not in (1, 10, 11, 16)):
        raise InputError(f"operator {kind} is not supported; use Gemm, BatchNormalization and Relu")


def _evaluate(model: Any, values: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """What ONNX's reference evaluator computes."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    value = _input(model.graph, values)
    kind = value.type.tensor_type
    dims = [d.dim_value for d in kind.shape.dim]
    x = x.astype(helper.tensor_dtype_to_np_dtype(kind.elem_type)).reshape(len(x), *(dims[2:] and dims[1:]) or [-1])
    try:
        session = ReferenceEvaluator(model)
        # A model may be exported for a batch of one.
        parts = x[:, None] if dims[:1] == [1] else x[None]
        return np.concatenate([session.run(None, {value.name: part})[0] for part in parts])
    except Exception as error:  # the evaluator raises whatever its operators do
        raise InputError(f"ONNX's reference evaluator cannot run it: {error}") from error
