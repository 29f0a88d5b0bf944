"""Networks from other libraries: the same outputs, and one sentence for what cannot be used."""

from itertools import pairwise

import numpy as np
import pytest
from skipwalk.sw.errors import InputError
from skipwalk.sw.lora.estimator import SkipLoRA
from skipwalk.sw.lora.loaders import from_torch, load_network
from skipwalk.sw.lora.network import BatchNorm, Network

RNG = np.random.default_rng(0)


def random_network(*sizes):
    return Network([RNG.normal(0, 1, s) for s in pairwise(sizes)], [RNG.normal(0, 1, n) for n in sizes[1:]])


def test_npz_round_trip(tmp_path):
    network = random_network(5, 7, 3)
    network.save(tmp_path / "n.npz")
    x = RNG.normal(0, 1, (4, 5))
    again = load_network(str(tmp_path / "n.npz"))
    np.testing.assert_array_equal(again.forward(x)[1], network.forward(x)[1])
    assert again.classes.tolist() == [0, 1, 2]


def test_npz_with_batch_normalisation(tmp_path):
    network = random_network(5, 7, 3)
    norm = {f"{k}_0": RNG.random(7) + 0.5 for k in ("mean", "var", "gamma", "beta")}
    arrays = {f"weight_{k}": w for k, w in enumerate(network.weights)}
    arrays |= {f"bias_{k}": b for k, b in enumerate(network.biases)}
    np.savez(tmp_path / "n.npz", **arrays, **norm)
    x = RNG.normal(0, 1, (4, 5))
    u = x @ network.weights[0] + network.biases[0]
    u = norm["gamma_0"] * (u - norm["mean_0"]) / np.sqrt(norm["var_0"] + 1e-5) + norm["beta_0"]
    want = np.maximum(u, 0) @ network.weights[1] + network.biases[1]
    np.testing.assert_allclose(load_network(tmp_path / "n.npz").forward(x)[1], want)


@pytest.mark.parametrize("classes", [2, 3])
def test_sklearn(classes):
    from sklearn.neural_network import MLPClassifier

    x = RNG.normal(0, 1, (90, 4))
    y = np.array(["a", "b", "c"])[np.abs(x[:, 0] * 2).astype(int) % classes]
    model = MLPClassifier((8, 6), max_iter=1, early_stopping=False)
    for _ in range(20):
        model.partial_fit(x, y, classes=np.unique(y))
    network = load_network(model)
    assert network.widths == (4, 8, 6)
    assert network.classes.tolist() == model.classes_.tolist()
    logits = network.forward(x)[1]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(p / p.sum(axis=1, keepdims=True), model.predict_proba(x), rtol=1e-6)


def test_sklearn_refusals():
    from sklearn.neural_network import MLPClassifier

    with pytest.raises(InputError, match="has not been fitted"):
        load_network(MLPClassifier())
    model = MLPClassifier((3,), activation="tanh").partial_fit(
        RNG.normal(0, 1, (5, 2)), [0, 1, 2, 0, 1], classes=[0, 1, 2]
    )
    with pytest.raises(InputError, match="must be relu, not tanh"):
        load_network(model)


class Tensor:
    """As much of a torch tensor as the loader uses."""

    def __init__(self, value):
        self._value = np.asarray(value, np.float32)

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self._value


def layer(kind, *children, **attributes):
    """A stand-in of the name that PyTorch gives the layer."""
    methods = {"children": lambda self: iter(children), "named_children": lambda self: iter(enumerate(children))}
    made = type(kind, (), methods)()
    for name, value in attributes.items():
        setattr(made, name, Tensor(value) if isinstance(value, np.ndarray) else value)
    return made


def linear(n, o, bias=True):
    return layer("Linear", weight=RNG.normal(0, 1, (o, n)), bias=RNG.normal(0, 1, o) if bias else None)


def norm(n):
    arrays = {k: RNG.random(n) + 0.5 for k in ("running_mean", "running_var", "weight", "bias")}
    return layer("BatchNorm1d", eps=1e-3, **arrays)


def test_torch_by_names():
    parts = [linear(4, 6), norm(6), layer("ReLU"), layer("Dropout"), linear(6, 3, bias=False), layer("LogSoftmax")]
    module = layer("Sequential", layer("Sequential", *parts[:3]), *parts[3:])
    x = RNG.normal(0, 1, (5, 4))
    w0, b0, bn, w1 = parts[0].weight.numpy(), parts[0].bias.numpy(), parts[1], parts[4].weight.numpy()
    u = (x @ w0.T + b0 - bn.running_mean.numpy()) / np.sqrt(bn.running_var.numpy() + 1e-3)
    want = np.maximum(u * bn.weight.numpy() + bn.bias.numpy(), 0) @ w1.T
    np.testing.assert_allclose(load_network(module).forward(x)[1], want, rtol=1e-5)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (lambda: [linear(2, 3), layer("Tanh"), linear(3, 2)], "layer Tanh is not supported"),
        (lambda: [linear(2, 3), linear(3, 2)], "there must be a ReLU"),
        (lambda: [linear(2, 3), layer("ReLU")], "must not be followed by a ReLU"),
        (lambda: [norm(2), linear(2, 3)], "must directly follow a dense layer"),
        (lambda: [linear(2, 3), layer("ReLU"), norm(3), linear(3, 2)], "must directly follow a dense layer"),
        (list, "1 to 4 dense layers"),
    ],
)
def test_torch_refusals(layers, words):
    with pytest.raises(InputError, match=words):
        from_torch(layer("Sequential", *layers(), layer("Identity")))


def test_onnx(tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    w0, b0 = RNG.normal(0, 1, (4, 6)).astype("f"), RNG.normal(0, 1, 6).astype("f")
    w1, b1 = RNG.normal(0, 1, (3, 6)).astype("f"), RNG.normal(0, 1, 3).astype("f")
    bn = {k: (RNG.random(6) + 0.5).astype("f") for k in ("gamma", "beta", "mean", "var")}
    arrays = {"w0": w0, "b0": b0, "w1": w1, "b1": b1, **bn}
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["m"]),
        helper.make_node("Add", ["m", "b0"], ["u"]),
        helper.make_node("BatchNormalization", ["u", "gamma", "beta", "mean", "var"], ["n"], epsilon=1e-3),
        helper.make_node("Relu", ["n"], ["h"]),
        helper.make_node("Gemm", ["h", "w1", "b1"], ["y"], transB=1),
        helper.make_node("Softmax", ["y"], ["p"]),
    ]

    def write(nodes):
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
            [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 3])],
            [numpy_helper.from_array(v, k) for k, v in arrays.items()],
        )
        onnx.save(helper.make_model(graph), str(tmp_path / "m.onnx"))

    write(nodes)
    x = RNG.normal(0, 1, (5, 4))
    u = bn["gamma"] * (x @ w0 + b0 - bn["mean"]) / np.sqrt(bn["var"] + 1e-3) + bn["beta"]
    want = np.maximum(u, 0) @ w1.T + b1
    np.testing.assert_allclose(load_network(tmp_path / "m.onnx").forward(x)[1], want, rtol=1e-5)
    write([*nodes[:3], helper.make_node("Tanh", ["n"], ["h"]), *nodes[4:]])
    with pytest.raises(InputError, match=r"m\.onnx: operator Tanh is not supported"):
        load_network(tmp_path / "m.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"\xff\xfe no model")
    with pytest.raises(InputError, match="not a readable ONNX model"):
        load_network(tmp_path / "bad.onnx")


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_network(tmp_path / "none.npz")
    (tmp_path / "n.txt").write_text("")
    with pytest.raises(InputError, match=r"unknown kind of network '.txt'"):
        load_network(tmp_path / "n.txt")
    (tmp_path / "n.npz").write_text("not a zip")
    with pytest.raises(InputError, match="not a readable"):
        load_network(tmp_path / "n.npz")
    np.savez(tmp_path / "n.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="no weight_0 in it; there is: a"):
        load_network(tmp_path / "n.npz")
    with pytest.raises(InputError, match="cannot make a network of a int"):
        load_network(3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight_1": None, "weight_2": np.ones((3, 2)), "bias_1": None}, "weight_2 without weight_1: layers are numb"),
        ({"weight_1": None}, "bias_1 without weight_1"),
        ({"bias_7": np.zeros(3)}, "bias_7 without weight_7"),
        ({"weights_2": np.ones((2, 2))}, "weights_2 is none of weight_k, bias_k, mean_k"),
        ({"weight_01": np.ones((2, 2))}, "weight_01 is none of"),
        ({"var_0": np.ones(3)}, "var_0 without mean_0"),
        ({"mean_0": np.ones(3)}, "mean_0 without var_0"),
        ({"gamma_1": np.ones(2)}, "gamma_1 without mean_1"),
        ({"mean_0": np.ones(4), "var_0": np.ones(4)}, r"mean has shape \(4,\), the layer before it has 3 outputs"),
        ({"weight_0": np.array(3.0)}, r"weight_0 must be \(inputs, outputs\), not \(\)"),
        ({"weight_0": np.ones(2)}, r"weight_0 must be \(inputs, outputs\), not \(2,\)"),
        ({"weight_0": np.ones((2, 3)) + 1j}, "weight_0: an array of complex128, not of real numbers"),
        ({"bias_0": np.array(["a", "b", "c"])}, "bias_0: an array of <U1, not of real numbers"),
        ({"weight_0": np.zeros((2, 3), "datetime64[s]")}, "weight_0: an array of datetime64"),
        ({"classes": np.array([1, 1])}, r"the classes \[1, 1\] have to be different"),
        ({"classes": np.array([0, np.nan])}, r"the classes \[0.0, nan\] have to be different"),
        ({"classes": np.zeros((2, 1))}, "2x1 classes for a network of 2 outputs"),
        ({"classes": np.arange(3)}, "3 classes for a network of 2 outputs"),
    ],
)
def test_arrays_that_are_no_network(tmp_path, change, words):
    """None of them is passed over, or taken for something else."""
    good = {"weight_0": np.ones((2, 3)), "bias_0": np.zeros(3), "weight_1": np.ones((3, 2)), "bias_1": np.zeros(2)}
    np.savez(tmp_path / "n.npz", **{name: array for name, array in (good | change).items() if array is not None})
    with pytest.raises(InputError, match=rf"n\.npz: .*{words}"):
        load_network(tmp_path / "n.npz")


@pytest.mark.parametrize(
    ("weights", "biases", "words"),
    [
        ([np.zeros((2, 3))], [np.zeros(2)], "do not fit"),
        ([np.zeros((2, 3)), np.zeros((4, 2))], [np.zeros(3), np.zeros(2)], "layer 2 has 4 inputs.* 3 outputs"),
        ([np.full((2, 3), np.nan)], [np.zeros(3)], "layer 1 has a weight or bias that is not finite"),
        ([np.zeros((2, 2))] * 5, [np.zeros(2)] * 5, "1 to 4 dense layers"),
    ],
)
def test_networks_that_cannot_be(weights, biases, words):
    with pytest.raises(InputError, match=words):
        Network(weights, biases)


def test_batch_normalisation_that_cannot_be_folded():
    with pytest.raises(InputError, match="mean has shape"):
        BatchNorm(np.zeros(2), np.zeros(2)).fold(np.zeros((2, 3)), np.zeros(3))
    with pytest.raises(InputError, match="negative variance"):
        BatchNorm(np.zeros(3), -np.ones(3)).fold(np.zeros((2, 3)), np.zeros(3))


def test_a_real_torch_network_computes_the_same(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn
    torch.manual_seed(0)
    stack = [nn.Linear(8, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3)]
    module = nn.Sequential(*stack)
    for _ in range(3):  # running means that are not 0
        module(torch.rand(50, 8))
    module.eval()
    x = np.random.default_rng(0).random((5, 8), np.float32)
    expected = module(torch.from_numpy(x)).detach().numpy()
    path = tmp_path / "network.pt"
    torch.save(module, path)
    for source in (module, path):
        _, outputs = load_network(source).forward(x.astype(np.float64))
        np.testing.assert_allclose(outputs, expected, atol=1e-6)


# ---- pipelines


def scaled_pipeline(*scalers):
    from sklearn.datasets import load_wine
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    x, y = load_wine(return_X_y=True)
    return (
        make_pipeline(*scalers, MLPClassifier((12,), max_iter=2000, tol=0.01, n_iter_no_change=3, random_state=0)).fit(
            x, y
        ),
        x,
        y,
    )


def test_scalers_of_a_pipeline_go_into_the_first_layer():
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

    scalers = [StandardScaler(with_mean=False), "passthrough", RobustScaler(), MinMaxScaler((-1, 3)), MaxAbsScaler()]
    pipeline, x, _ = scaled_pipeline(*scalers)
    network = load_network(pipeline)
    outputs = network.forward(x)[1]
    chances = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    np.testing.assert_allclose(chances / chances.sum(axis=1, keepdims=True), pipeline.predict_proba(x), atol=1e-9)


def test_a_pipeline_on_raw_data_computes_on_the_unit_what_it_computes():
    """Inputs a thousand times larger than others: each has its own range on the unit."""
    from sklearn.preprocessing import StandardScaler

    pipeline, x, _ = scaled_pipeline(StandardScaler())
    assert x.max(axis=0).max() > 1000 * x.max(axis=0).min()
    model = SkipLoRA(pipeline, lanes=8).calibrate(x)
    assert np.mean(model.predict(x) == pipeline.predict(x)) > 0.95


def test_a_network_too_large_for_the_unit_is_scaled():
    """Weights that 8 bits cannot hold beside such activations: hidden layers and outputs are made smaller."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 1, (6, 12)), rng.normal(0, 300, (12, 12)), rng.normal(0, 40, (12, 3))]
    network = Network(weights, [np.zeros(12), np.zeros(12), np.zeros(3)])
    x = rng.random((200, 6))
    model = SkipLoRA(network, lanes=16).calibrate(x)
    assert model.quantized_.halvings > 0
    exact = network.forward(x)[1]
    assert np.mean(model.predict(x) == exact.argmax(axis=1)) > 0.95
    error = np.abs(model.decision_function(x) - exact).max()
    assert error < 0.05 * np.abs(exact).max()


def test_pipelines_that_are_refused():
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    clipped, x, y = scaled_pipeline(MinMaxScaler(clip=True))
    rotated, _, _ = scaled_pipeline(PCA(5))
    for pipeline, said in (
        (clipped, "MinMaxScaler with clip=True cannot go into the first layer"),
        (rotated, "the step PCA cannot"),
        (make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y), "not with LogisticRegression"),
        (make_pipeline(StandardScaler(), "passthrough").fit(x, y), "not with passthrough"),
    ):
        with pytest.raises(InputError, match=said):
            load_network(pipeline)
