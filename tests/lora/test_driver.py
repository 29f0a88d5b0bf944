"""The driver of Skip2-LoRA: what breaks off leaves a device that says so. What all drivers do: tests/unit."""

import numpy as np
import pytest
from skipwalk.hw.lora.config import lora_preset
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.link.transport import GoldenTransport
from skipwalk.sw.lora.driver import LoraDevice
from skipwalk.sw.lora.estimator import SkipLoRA
from skipwalk.sw.lora.network import Network

CFG = lora_preset("tiny")
RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (6, CFG.widths[0])), RNG.integers(0, CFG.classes, 6)


class Cut(GoldenTransport):
    """Fails once it has been cut."""

    cut = False

    def exchange(self, words, n_replies=0):
        if self.cut:
            raise DeviceError("the line is gone")
        return super().exchange(words, n_replies)


@pytest.fixture
def device():
    with LoraDevice(Cut(CFG), CFG) as opened:
        opened.load_samples(X, Y)
        yield opened


def test_epochs_are_reported_and_the_device_goes_on(device):
    device.set_rate(100)
    reports = list(device.epochs(6, 3, 2, key=1))
    assert [report.samples for report in reports] == [6, 6, 6]
    assert device.counters()["trained"] == 18
    assert device.outputs(X).shape == (6, CFG.classes)


@pytest.mark.parametrize("use", [
    lambda device: device.load_samples(X, Y),
    lambda device: device.forget(),
    lambda device: device.set_rate(1),
    lambda device: device.read_adapters(),
    lambda device: device.outputs(X),
    lambda device: device.train(X, Y, np.arange(6), 2),
    lambda device: list(device.epochs(6, 1, 2, key=1)),
])  # fmt: skip
def test_a_broken_exchange_is_remembered(device, use):
    device._transport.cut = True
    with pytest.raises(DeviceError, match="the line is gone"):
        use(device)
    device._transport.cut = False
    assert not device.sound
    with pytest.raises(DeviceError, match="stopped in the middle of a command; open it again"):
        use(device)


def test_reports_that_nobody_takes_are_not_taken_for_other_replies(device):
    epochs = device.epochs(6, 3, 2, key=1)
    next(epochs)
    with pytest.raises(DeviceError, match="in the middle of a command"):
        device.counters()
    epochs.close()
    with pytest.raises(DeviceError, match="in the middle of a command"):
        device.counters()


def test_what_is_refused_unsent_breaks_nothing(device):
    for call, message in (
        (lambda: device.set_rate(-1), "learning-rate factor"),
        (lambda: list(device.epochs(7, 1, 2, key=1)), "not in the Skip-Cache"),
        (lambda: list(device.epochs(6, 1, 0, key=1)), "mini-batch"),
        (lambda: device.load_samples(np.zeros((CFG.cache_samples + 1, 1)), Y), "do not fit"),
        (lambda: device.load_adapters(np.zeros((1, 1))), "adapters must have shape"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    assert device.sound


def test_the_estimator_opens_a_broken_device_again(monkeypatch):
    monkeypatch.setattr("skipwalk.sw.lora.estimator.open_transport", lambda backend, cfg: Cut(cfg))
    rng = np.random.default_rng(2)
    x, y = rng.random((20, 4)), rng.integers(0, 2, 20)
    network = Network([rng.normal(size=(4, 8)), rng.normal(size=(8, 2))], [np.zeros(8), np.zeros(2)])
    model = SkipLoRA(network, epochs=2, lanes=8, cache_samples=32, random_state=1).fit(x, y)
    before = model.decision_function(x)
    model._device._transport.cut = True
    with pytest.raises(DeviceError, match="the line is gone"):
        model.predict(x)
    assert np.array_equal(model.decision_function(x), before)
