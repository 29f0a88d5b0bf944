"""Words of the Skip2-LoRA unit."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.protocol import LoraOpcode, Source, Space, header, sample_header
from skipwalk.sw.lora import words as w

TINY = lora_preset("tiny")


def test_words_of_a_sample_are_checked():
    assert sample_header(Source.INPUT, 5, label=2, last=False) == 9 << 28 | 1 << 26 | 1 << 25 | 2 << 20 | 5
    assert sample_header(Source.CACHE, 5) == 9 << 28 | 5
    with pytest.raises(ValueError, match="number of a sample must be 0 to 1048575, not -1"):
        sample_header(Source.CACHE, -1)
    with pytest.raises(ValueError, match="a label must be 0 to 15, not 16"):
        sample_header(Source.CACHE, 1, label=16)
    with pytest.raises(ValueError, match="argument of READ must fit 26 bits"):
        header(LoraOpcode.READ, 1 << 26, space=Space.ADAPTERS)


@pytest.mark.parametrize(("x_bits", "lanes"), [(8, 4), (8, 32), (16, 4), (16, 32)])
def test_packing(x_bits, lanes):
    cfg = TINY.replace(x_bits=x_bits, lanes=lanes, gradient_bits=40)
    x = np.random.default_rng(3).integers(0, 1 << x_bits, (3, cfg.x_words, lanes))
    packed = w.pack(cfg, x)
    assert packed.dtype == np.uint32
    raw = np.ascontiguousarray(packed).view(np.uint8 if x_bits == 8 else np.uint16)
    np.testing.assert_array_equal(raw.reshape(x.shape), x)
