"""The structure of a network is read, not assumed: what is no chain is refused, and outputs are compared."""

import sys
import warnings

import numpy as np
import pytest
from skipwalk.sw.errors import InputError
from skipwalk.sw.lora.chain import Chain
from skipwalk.sw.lora.loaders import load_network

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

RNG = np.random.default_rng(1)
ARRAYS = {
    "w0": RNG.normal(0, 1, (4, 6)),
    "b0": RNG.normal(0, 1, (1, 6)),
    "w1": RNG.normal(0, 1, (6, 3)),
    "b1": RNG.normal(0, 1, 3),
    "wx": RNG.normal(0, 1, (4, 3)),
    "half": np.array(0.5),
    "row": RNG.random(4) + 0.5,
    "ones": np.ones(6),
    "zeros": np.zeros(6),
}
X = RNG.normal(0, 1, (5, 4)).astype(np.float32)


def save(path, *nodes, output="y", batch=None, arrays=ARRAYS):
    graph = helper.make_graph(
        [helper.make_node(kind, inputs.split(), [result], **options) for kind, inputs, result, options in nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, 3])],
        [numpy_helper.from_array(v.astype("f"), k) for k, v in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), str(path))
    return path


FIRST, RELU = ("Gemm", "x w0 b0", "u", {}), ("Relu", "u", "h", {})
LAST = ("Gemm", "h w1 b1", "y", {})
REST = ("Relu", "n", "h", {}), LAST


def forward(x, scale=1.0, shift=0.0):
    a = ARRAYS
    return np.maximum((x * scale + shift) @ a["w0"] + a["b0"], 0) @ a["w1"] + a["b1"]


@pytest.mark.parametrize("batch", [None, 1])
def test_gemm_with_a_row_of_biases(tmp_path, batch):
    path = save(tmp_path / "m.onnx", FIRST, RELU, LAST, batch=batch)
    np.testing.assert_allclose(load_network(path).forward(X)[1], forward(X), rtol=1e-4, atol=1e-4)


def test_factors_and_summands_are_folded(tmp_path):
    path = save(
        tmp_path / "m.onnx",
        ("Constant", "", "c", {"value_float": 0.25}),
        ("Sub", "x half", "a", {}),
        ("Div", "a row", "b", {}),
        ("Gemm", "b w0 b0", "u", {}),
        RELU,
        ("Gemm", "h w1 b1", "z", {}),
        ("Sub", "c z", "y", {}),
    )
    want = 0.25 - forward(X, 1 / ARRAYS["row"], -0.5 / ARRAYS["row"])
    np.testing.assert_allclose(load_network(path).forward(X)[1], want, rtol=1e-4, atol=1e-4)


def test_identity_names_a_constant_again(tmp_path):
    path = save(
        tmp_path / "m.onnx",
        ("Identity", "ones", "var", {}),
        ("Identity", "zeros", "mean", {}),
        FIRST,
        ("BatchNormalization", "u ones zeros mean var", "n", {"epsilon": 1e-5}),
        ("Relu", "n", "h", {}),
        LAST,
    )
    np.testing.assert_allclose(load_network(path).forward(X)[1], forward(X), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (
            [FIRST, ("BatchNormalization", "u ones zeros zeros ones", "n", {"training_mode": 1}), *REST],
            "in training mode; export the network in evaluation mode",
        ),
        ([FIRST, RELU, ("Gemm", "x wx b1", "y", {})], "Gemm reads x, the step before it computes h"),
        ([FIRST, RELU, ("Gemm", "h w1 b1", "z", {}), ("Gemm", "x wx", "s", {}), ("Add", "z s", "y", {})], "reads x"),
        ([FIRST, RELU, LAST, ("Relu", "y", "r", {})], "its output is y, but the last step computes r"),
        ([FIRST, ("Cast", "u", "i", {"to": 6}), ("Cast", "i", "f", {"to": 1}), ("Relu", "f", "h", {}), LAST], "Cast"),
        ([("Add", "x x", "a", {}), ("Gemm", "a w0 b0", "u", {}), RELU, LAST], "Add reads x and x"),
        ([FIRST, RELU, ("Gemm", "w1 h", "y", {})], "operator Gemm is not supported"),
        ([("Constant", "", "c", {}), FIRST, RELU, LAST], "a Constant without a value"),
        ([LAST, RELU, FIRST], "Gemm reads h, the step before it computes x"),
        ([FIRST, RELU, LAST, ("Relu", "u", "d", {})], "Relu reads u, the step before it computes y"),
        ([FIRST, RELU, ("Gemm", "h w1 b1", "z", {}), ("Softmax", "z", "y", {"axis": 0})], "Softmax is not supported"),
        ([("MatMul", "w0 x", "u", {}), RELU, LAST], "operator MatMul is not supported"),
    ],
)
def test_what_is_no_chain_is_refused(tmp_path, nodes, words):
    with pytest.raises(InputError, match=rf"m\.onnx: .*{words}"):
        load_network(save(tmp_path / "m.onnx", *nodes))


def test_outputs_that_differ_are_refused():
    chain = Chain()
    chain.dense(np.eye(2), np.zeros(2))
    with pytest.raises(InputError, match="differ by"):
        chain.network(lambda x: x * 1.01)
    with pytest.raises(InputError, match=r"shape \(8, 1\)"):
        chain.network(lambda x: x[:, :1])
    chain.network(lambda x: x)


def test_torch_forward_is_traced():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    class Scaled(torch.nn.Module):
        def __init__(self, shortcut):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 4))
            self.shortcut = shortcut

        def forward(self, x):
            y = self.net((x - 0.5) / 0.1)
            return y + x if self.shortcut else y

    module = Scaled(False)
    want = module(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(load_network(module).forward(X)[1], want, rtol=1e-3, atol=1e-3)
    with pytest.raises(InputError, match="only a chain is read"):
        load_network(Scaled(True))


def test_torch_files_that_are_damaged_or_need_code(tmp_path):
    """Truncated, of a class of the program that saved it, or the parameters alone: one sentence, and no code runs."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    class Mine(torch.nn.Linear):
        pass

    Mine.__module__, Mine.__qualname__ = "__main__", "Mine"
    main = sys.modules["__main__"]
    main.Mine = Mine
    try:
        torch.save(Mine(4, 3), tmp_path / "mine.pt")
    finally:
        del main.Mine
    torch.save(torch.nn.Sequential(torch.nn.Linear(4, 3)), tmp_path / "whole.pt")
    assert load_network(tmp_path / "whole.pt").widths == (4,)
    data = (tmp_path / "whole.pt").read_bytes()
    for n in (0, 10, len(data) // 2, len(data) - 5):
        (tmp_path / f"cut{n}.pt").write_bytes(data[:n])
    for path in sorted([*tmp_path.glob("cut*.pt"), tmp_path / "mine.pt"]):
        with pytest.raises(InputError, match="without running code in it, or is damaged") as refused:
            load_network(path)
        assert str(refused.value).isprintable()
    torch.save(torch.nn.Linear(4, 3).state_dict(), tmp_path / "parameters.pt")
    with pytest.raises(InputError, match="parameters without their module"):
        load_network(tmp_path / "parameters.pt")


def test_torch_export_of_an_untrained_network(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layers = [torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.ReLU(), torch.nn.Linear(6, 3)]
    module, x = torch.nn.Sequential(*layers).eval(), torch.from_numpy(X)
    for folded in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter that needs nothing else is the old one
            torch.onnx.export(module, (x,), str(tmp_path / "m.onnx"), dynamo=False, do_constant_folding=folded)
        want = module(x).detach().numpy()
        np.testing.assert_allclose(load_network(tmp_path / "m.onnx").forward(X)[1], want, rtol=1e-4, atol=1e-4)
