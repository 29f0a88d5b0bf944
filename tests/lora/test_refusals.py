"""Networks, samples and files that Skip2-LoRA cannot use: one sentence, and nothing is changed."""

import dataclasses
import io
import json
import zipfile
from itertools import pairwise

import numpy as np
import pytest
from skipwalk.hw.lora.config import lora_preset
from skipwalk.sim.lora.cycles import roofline_cached
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.lora import rate
from skipwalk.sw.lora.chain import Chain
from skipwalk.sw.lora.description import short, typical
from skipwalk.sw.lora.estimator import SkipLoRA
from skipwalk.sw.lora.evaluation import float_accuracy
from skipwalk.sw.lora.loaders import load_network
from skipwalk.sw.lora.network import BatchNorm, Network
from skipwalk.sw.lora.quantize import quantize
from skipwalk.sw.lora.samples import read_samples
from skipwalk.sw.lora.tasks import load_task

from ..support.lora import small_task

TINY = lora_preset("tiny")
RNG = np.random.default_rng(3)


def network(*widths):
    """With weights of about 1."""
    pairs = list(pairwise(widths))
    return Network([RNG.normal(0, 1, pair) for pair in pairs], [np.zeros(n) for _, n in pairs])


# ---- chains of layers


def chain(*steps):
    made = Chain()
    for name, *arguments in steps:
        getattr(made, name)(*arguments)
    return made


DENSE = ("dense", np.eye(3, 2), np.zeros(2))
NORM = BatchNorm(np.zeros(2), np.ones(2))


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([("norm", NORM)], "a batch normalisation must directly follow a dense layer"),
        ([("relu",)], "a ReLU must directly follow a dense layer"),
        ([DENSE, ("relu",), ("softmax", "Softmax")], "a Softmax must directly follow"),
        ([DENSE, DENSE], "between two dense layers there must be a ReLU"),
        ([DENSE, ("softmax", "Softmax"), ("affine", np.ones(1), np.ones(1))], "nothing may follow the Softmax"),
        ([("dense", np.zeros(3), np.zeros(1))], r"weights have shape \(3,\); they have to be \(inputs, outputs\)"),
        ([("affine", np.full(4, 2.0), np.zeros(1)), DENSE], "4 factors or summands before a dense layer of 3 inputs"),
        ([("affine", np.ones(4), np.zeros(3))], "factors and summands do not fit each other"),
        ([DENSE, ("affine", np.ones(3), np.zeros(1))], "3 factors or summands behind a dense layer of 2 outputs"),
        ([("affine", np.ones((2, 2)), np.zeros(1))], r"of shape \(2, 2\); it has to be one value for each column"),
    ],
)
def test_layers_in_another_order_are_no_chain(steps, said):
    with pytest.raises(InputError, match=said):
        chain(*steps)


def test_a_chain_ends_with_a_dense_layer_and_computes_what_the_original_does():
    with pytest.raises(InputError, match="the last dense layer must not be followed by a ReLU"):
        chain(DENSE, ("relu",)).network()
    made = chain(("affine", np.full(1, 2.0), np.ones(3)), DENSE, ("affine", np.ones(2), np.array([0.0, 5.0])))
    found = made.network(lambda x: (2.0 * x + 1) @ np.eye(3, 2) + [0, 5])
    assert found.widths == (3,)
    with pytest.raises(InputError, match=r"its outputs have shape \(8, 3\); a chain of its layers gives \(8, 2\)"):
        made.network(lambda x: np.zeros((8, 3)))
    with pytest.raises(InputError, match="its outputs on random inputs differ by"):
        made.network(lambda x: x @ np.eye(3, 2))
    chances = chain(DENSE, ("softmax", "Softmax"))
    chances.network(lambda x: np.exp(x[:, :2]) / np.exp(x[:, :2]).sum(1, keepdims=True))


# ---- ONNX


def onnx_file(path, nodes, *, arrays=(), inputs=("x",), output="y", shape=("n", 4)):
    """A model of these nodes: operator, inputs, outputs, attributes."""
    onnx = pytest.importorskip("onnx", reason='needs pip install "skipwalk[onnx]"')
    from onnx import TensorProto, helper, numpy_helper

    def value(name, dims):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)

    made = [helper.make_node(kind, ins, outs, **options) for kind, ins, outs, options in nodes]
    constants = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in dict(arrays).items()]
    ends = [value(name, shape) for name in inputs], [value(output, (shape[0], 2))]
    onnx.save(helper.make_model(helper.make_graph(made, "g", *ends, constants)), str(path))
    return path


WEIGHTS = {"w": RNG.normal(0, 1, (4, 2)), "b": RNG.normal(0, 1, 2)}
GEMM = ("Gemm", ["x", "w", "b"], ["y"], {})


@pytest.mark.parametrize(
    ("nodes", "how", "said"),
    [
        ([GEMM], {"inputs": ("x", "z")}, "2 inputs and 1 outputs; a chain has one of each"),
        (
            [("Gemm", ["x", "w"], ["h"], {}), ("Add", ["x", "h"], ["y"], {})],
            {},
            "operator Add reads x and h, the step before it computes h; only a chain is read",
        ),
        ([GEMM, ("Relu", ["y"], ["z"], {})], {}, "its output is y, but the last step computes z"),
        (
            [("Neg", ["w"], ["v"], {}), ("Gemm", ["x", "v"], ["y"], {})],
            {},
            "operator Neg of constants is not supported; fold constants when exporting",
        ),
        (
            [("BatchNormalization", ["x", "w", "w", "w", "w"], ["y"], {"training_mode": 1})],
            {},
            "in training mode; export the network in evaluation mode",
        ),
        ([("Gemm", ["x", "w"], ["y"], {"transA": 1})], {}, "operator Gemm is not supported"),
        ([("Cast", ["x"], ["h"], {"to": 7}), ("Gemm", ["h", "w"], ["y"], {})], {}, "operator Cast is not supported"),
    ],
)
def test_models_that_are_no_chain(tmp_path, nodes, how, said):
    with pytest.raises(InputError, match=said):
        load_network(onnx_file(tmp_path / "m.onnx", nodes, arrays=WEIGHTS, **how))


def test_constants_of_a_model_are_folded(tmp_path, monkeypatch):
    """Weights transposed by an operator, summands from a Constant, and a batch of one."""
    pytest.importorskip("onnx", reason='needs pip install "skipwalk[onnx]"')
    nodes = [
        ("Transpose", ["t"], ["w"], {"perm": [1, 0]}),
        ("Identity", ["w"], ["v"], {}),
        ("Constant", [], ["c"], {"value_floats": [1.0, 2.0]}),
        ("MatMul", ["x", "v"], ["h"], {}),
        ("Sub", ["c", "h"], ["y"], {}),
    ]
    path = onnx_file(tmp_path / "m.onnx", nodes, arrays={"t": WEIGHTS["w"].T}, shape=(1, 4))
    x = RNG.normal(0, 1, (5, 4))
    np.testing.assert_allclose(load_network(path).forward(x)[1], [1, 2] - x @ WEIGHTS["w"], atol=1e-5)
    monkeypatch.setattr("onnx.reference.ReferenceEvaluator.run", lambda *_: 1 / 0)
    with pytest.raises(InputError, match=r"m\.onnx: ONNX's reference evaluator cannot run it: division by zero"):
        load_network(path)


# ---- files of networks


def test_files_with_arrays_that_do_not_belong_together(tmp_path):
    path = tmp_path / "n.npz"
    np.savez(path, weight_0=np.eye(2), mean_0=np.zeros(2))
    with pytest.raises(InputError, match=r"n\.npz: mean_0 without var_0"):
        load_network(path)
    np.savez(path, weight_0=np.eye(2), bias_0=np.zeros(3))
    with pytest.raises(InputError, match=r"n\.npz: layer 1: weights of shape"):
        load_network(path)
    with pytest.raises(InputError, match="3 classes for a network of 2 outputs"):
        Network([np.eye(2)], [np.zeros(2)], np.arange(3))


def test_classifiers_of_scikit_learn_that_are_none():
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = RNG.random((12, 3)), np.arange(12) % 3
    both = np.stack([y == 1, y == 2], axis=1).astype(int)
    one_label = "only a classifier with one label for each sample"
    for model in (
        MLPRegressor(hidden_layer_sizes=(4,)).partial_fit(x, y),
        MLPClassifier((4,)).partial_fit(x, both, classes=[0, 1]),
    ):
        with pytest.raises(InputError, match=one_label):
            load_network(model)
    learned = MLPClassifier((4,)).partial_fit(x, y, classes=[0, 1, 2])
    with pytest.raises(InputError, match="the step StandardScaler has not been fitted"):
        load_network(make_pipeline(StandardScaler(), learned))


# ---- calibration and samples


@pytest.mark.parametrize(
    ("of", "data", "said"),
    [
        (network(10, 6, 4), np.zeros((3, 10)), r"a network of \(10, 6\) and 4 classes does not fit a unit for"),
        (network(10, 6, 3), np.zeros((3, 9)), r"samples of 10 values, not an array of \(3, 9\)"),
        (network(10, 6, 3), np.zeros((0, 10)), r"not an array of \(0, 10\)"),
        (network(10, 6, 3), np.full((3, 10), np.inf), "sample 0 of the calibration data has a value"),
        (
            Network([-np.ones((10, 6)), np.ones((6, 3))], [np.zeros(6), np.zeros(3)]),
            RNG.random((3, 10)) + 0.1,
            "the inputs of layer 2 are 0 for all calibration data; the network has died",
        ),
    ],
)
def test_data_that_calibrate_nothing(of, data, said):
    with pytest.raises(InputError, match=said):
        quantize(TINY, of, data)


def test_samples_of_another_shape_or_without_a_number():
    ready = quantize(TINY, network(10, 6, 3), RNG.random((5, 10)))
    with pytest.raises(InputError, match=r"samples of 10 values, not an array of \(2, 3\)"):
        ready.inputs(np.zeros((2, 3)))
    bad = np.zeros((4, 10))
    bad[2, 5] = np.nan
    with pytest.raises(InputError, match="sample 2 has a value that is not finite; remove or fill it"):
        ready.inputs(bad)


def packed(**arrays):
    data = io.BytesIO()
    np.savez(data, **arrays)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("s.npz", b"PK but no archive", r"not a readable \.npz file"),
        ("s.npz", packed(x=np.zeros((2, 2))), "no array y; there is: x"),
        ("s.npz", packed(x=np.array([["a"]]), y=np.zeros(1)), "x: an array of <U1, not of real numbers"),
        ("s.npz", packed(x=np.zeros((2, 2)), y=np.zeros(3)), r"x must be \(n, features\) and y \(n,\), not \(2, 2\)"),
        ("s.csv", b"\xff\xfe\x00", r"not a text file.*; use \.npz or CSV"),
        ("s.csv", b"1,2,a\n1,b\n", r"s\.csv:2: "),
        ("s.csv", b"# nothing\n", "x must be"),
    ],
)
def test_files_of_samples_that_are_none(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=said):
        read_samples(tmp_path / name)


def test_samples_in_a_zip_are_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.csv.zip", "w") as archive:
        archive.writestr("s.csv", "0.5,1,7\n0.25,0,8\n")
    x, y = read_samples(tmp_path / "s.csv.zip")
    assert (x.tolist(), y.tolist()) == ([[0.5, 1], [0.25, 0]], [7, 8])


def test_tasks_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no task 'letters'; there are: digits, digits-faded"):
        load_task("letters")
    (tmp_path / "fan").mkdir()
    monkeypatch.setenv("SKIPWALK_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"12cm_hmlo_normal_silentA_1\.zip: no such recording"):
        load_task("fan")


# ---- the estimator


@pytest.fixture(scope="module")
def fitted():
    task = small_task()
    model = SkipLoRA(network(6, 8, 3), rank=2, lanes=8, cache_samples=32, epochs=1, learning_rate=0.01)
    return model.fit(*task.finetune), task


def test_nothing_is_asked_of_a_model_that_has_not_learned(tmp_path, fitted):
    task = fitted[1]
    fresh = SkipLoRA(network(6, 8, 3), lanes=8)
    with pytest.raises(InputError, match="there is nothing to save yet; call fit or calibrate first"):
        fresh.save(tmp_path / "m.npz")
    with pytest.raises(InputError, match="the network has not been calibrated; call fit or calibrate first"):
        fresh.predict(task.test[0])
    with pytest.raises(ValueError, match="the model has not been fitted"):
        float_accuracy(fresh, task)
    assert fresh.cycles is None
    with pytest.raises(InputError, match="no unit can be made for this network: "):
        SkipLoRA(network(6, 8, 3), lanes=7)
    with pytest.raises(InputError, match="learning_rate must be a number or \"auto\", not 'fast'"):
        SkipLoRA(network(6, 8, 3), lanes=8, learning_rate="fast")


def test_epoch_by_epoch_all_is_learned(fitted):
    """Each epoch is told with its adapters in place; the last ones are those of the model."""
    task, options = fitted[1], {**fitted[0].get_params(), "epochs": 3}
    model = SkipLoRA(**options)
    seen = [(epoch, model.adapters_raw_) for epoch in model.iter_fit(*task.finetune)]
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert all((a != b).any() for (_, a), (_, b) in pairwise(seen))
    np.testing.assert_array_equal(model.adapters_raw_, seen[-1][1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": "skipwalk lora 0"}, "made by another version: skipwalk lora 0"),
        ({"units": [1.0]}, "no saved SkipLoRA: units must be a list of 2"),
        ({"scale": [1.0, 2.0]}, r"no saved SkipLoRA: scale of shape \(2,\); one number is needed, or 6"),
        ({"scale": -1.0}, r"scale must be positive finite numbers of shape \(\)"),
        ({"epochs_done": -1}, "epochs_done"),
    ],
)
def test_files_of_models_whose_texts_make_no_sense(tmp_path, fitted, changed, said):
    path = tmp_path / "m.npz"
    fitted[0].save(path)
    with np.load(path) as file:
        arrays = dict(file)
    meta = json.loads(str(arrays["meta"]))
    assert meta.keys() > changed.keys()
    np.savez(path, **{**arrays, "meta": np.array(json.dumps({**meta, **changed}))})
    with pytest.raises(InputError, match=rf"m\.npz: {said}|m\.npz: .*{said}"):
        SkipLoRA.load(path)


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("adapters", np.zeros((1, 1), np.int64), r"adapters of int64 and shape \(1, 1\); .* integers are needed"),
        ("backbone_shifts", np.array([99, 0]), "backbone_shifts has values outside 0 to"),
        ("backbone_biases", np.zeros(11), "backbone_biases of float64"),
    ],
)
def test_files_of_models_with_other_arrays(tmp_path, fitted, name, array, said):
    path = tmp_path / "m.npz"
    fitted[0].save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, name: array})
    with pytest.raises(InputError, match=said):
        SkipLoRA.load(path)


def test_no_rate_is_small_enough_for_some_networks(monkeypatch, fitted):
    class Clamped:
        sound = False

    monkeypatch.setattr(rate, "_try", lambda *_: Clamped)
    model, task = fitted
    with pytest.raises(InputError, match=r"even with a learning rate of .* results are clamped"):
        rate.choose_rate(model, task.finetune[0], task.finetune[1], seed=0)


def test_a_unit_that_counts_other_samples_was_reset(monkeypatch, fitted):
    model, task = fitted
    device = model._open()
    asked = device._ask
    monkeypatch.setattr(device, "_ask", lambda words, n: asked(words, n) + (n == 4))
    with pytest.raises(DeviceError, match=r"the unit learned 25 samples in an epoch of 24; was it reset\?"):
        model.partial_fit(*task.finetune)


def test_a_unit_in_words():
    cfg = dataclasses.replace(TINY, lanes=8, rank=3)
    assert short(cfg) == "widths 10-6, 3 classes, rank 3, 8 lanes"
    name, cycles = typical(cfg)
    assert name == "lora.cached_sample"
    assert roofline_cached(cfg) < cycles < 100
