"""Configuration of the Skip2-LoRA unit: derived shapes, refusals, identity."""

import pytest
from skipwalk.hw.arith.formats import SQ, UQ
from skipwalk.hw.lora.config import LORA_PRESETS, LoraConfig, lora_preset


def test_fan_has_the_shape_of_the_paper():
    cfg = lora_preset("fan")
    assert cfg.outputs == (96, 96, 3)
    assert cfg.chunks == (8, 3, 3)
    assert (cfg.x_words, cfg.a_words, cfg.adapter_words) == (14, 56, 59)
    assert cfg.dense_words == 8 * 96 + 3 * 96 + 3 * 3
    assert cfg.parameters == 4 * (256 + 96 + 96) + 3 * 4 * 3
    assert cfg.x_format(0) == UQ(0, 8)
    assert cfg.x_format(2) == UQ(2, 6)


def test_chunks_of_widths_that_are_no_multiple_of_the_lanes():
    cfg = LoraConfig(widths=(1, 4, 5), classes=2, rank=1, lanes=4)
    assert cfg.chunks == (1, 1, 2)


@pytest.mark.parametrize("name", LORA_PRESETS)
def test_dictionary_and_digest(name):
    cfg = lora_preset(name)
    assert LoraConfig.from_dict(cfg.to_dict()) == cfg
    assert cfg.replace(name="other").digest == cfg.digest
    assert cfg.replace(rate_shift=4).digest != cfg.digest


def test_exact_batch_never_saturates():
    cfg = lora_preset("fan")
    top = cfg.exact_batch * ((1 << cfg.x_bits) - 1) * -cfg.gz.min_raw
    assert top < 1 << (cfg.gradient_bits - 1)
    assert cfg.exact_batch * -cfg.z.min_raw * -cfg.g.min_raw <= 1 << (cfg.gradient_bits - 1)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"widths": ()}, ValueError, "1 to 4 layers, not 0"),
        ({"widths": (4,) * 5}, ValueError, "1 to 4 layers, not 5"),
        ({"widths": (0, 4)}, ValueError, "1 to 1024, not 0"),
        ({"widths": (4.0,)}, TypeError, "tuple of ints"),
        ({"widths": 4}, TypeError, "tuple of ints"),
        ({"classes": 1}, ValueError, "classes must be 2 to 16, not 1"),
        ({"classes": 17}, ValueError, "not 17"),
        ({"rank": 9}, ValueError, "rank must be 1 to 8, not 9"),
        ({"rank": True}, TypeError, "rank must be an int"),
        ({"lanes": 12}, ValueError, "power of two from 4 to 64, not 12"),
        ({"rank": 8, "lanes": 8}, ValueError, "16 elements, more than 8 lanes"),
        ({"lag": 2}, ValueError, "lag must be 3 to 5, not 2"),
        ({"x_bits": 12}, ValueError, "x_bits must be 8 or 16, not 12"),
        ({"x_integer": (0,)}, ValueError, "one entry for each of 2 layers"),
        ({"x_integer": (0, 9)}, ValueError, "-4 to 8, not 9"),
        ({"a": (3, 15)}, TypeError, "format SQ"),
        ({"a": SQ(4, 20)}, ValueError, "wider than a multiplier port"),
        ({"gz": SQ(4, 2), "rate_shift": 0}, ValueError, "update of A of layer 1"),
    ],
)
def test_refuses(changes, error, words):
    with pytest.raises(error, match=words):
        LoraConfig(**({"widths": (8, 6), "classes": 3, "rank": 2, "lanes": 8} | changes))


def test_unknown_names():
    with pytest.raises(ValueError, match="no preset 'big'; there are: tiny, digits, fan"):
        lora_preset("big")
    with pytest.raises(ValueError, match="unknown configuration keys: speed"):
        LoraConfig.from_dict(lora_preset("tiny").to_dict() | {"speed": 1})


def test_unsigned_formats():
    fmt = UQ(2, 6)
    assert (fmt.bits, fmt.min_raw, fmt.max_raw, fmt.step, str(fmt)) == (8, 0, 255, 2**-6, "UQ2.6")
    with pytest.raises(ValueError, match="1 to 47"):
        UQ(40, 8)
    with pytest.raises(TypeError, match="fraction must be an int"):
        UQ(1, 2.0)
