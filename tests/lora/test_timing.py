"""The latencies of the Skip2-LoRA unit as formulas are those that its components report."""

import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.config import LORA_PRESETS, LoraConfig
from skipwalk.hw.lora.dense import LoraDense
from skipwalk.hw.lora.head import LoraHead
from skipwalk.hw.lora.lanes import LoraLanes
from skipwalk.hw.lora.timing import Latencies

from ..support.lora_blocks import SHAPES

#: The most words that an adapter can have; more lanes, and a longer way to them.
LARGE = LoraConfig(widths=(1024,) * 4, classes=16, rank=1, lanes=4, cache_samples=1)
FAR = LORA_PRESETS["digits"].replace(lanes=64, broadcast=4)


@pytest.mark.filterwarnings("ignore:.* created but never used")
@pytest.mark.parametrize("cfg", [*LORA_PRESETS.values(), *SHAPES.values(), LARGE, FAR])
def test_latencies_are_those_of_the_gateware(cfg):
    t, lanes = Latencies.of(cfg), LoraLanes(cfg)
    behind = {"latency": lanes.latency, "sum_bits": lanes.sums.value.shape().width}
    assert (t.read, t.new, t.dot) == (lanes.read, lanes.new, lanes.dot)
    assert t.broadcast + t.new + t.dot == lanes.latency
    assert t.softmax == LoraHead(cfg, **behind).latency
    assert t.layer_gap == LoraDense(cfg, **behind).layer_gap
