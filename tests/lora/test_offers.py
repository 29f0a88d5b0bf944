"""The rule of every stream, proven for a whole Skip2-LoRA core: an offer stays as it is until it is taken."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.lora.core import LoraCore

from ..support.proofs import Block

CFG = LoraConfig(widths=(4,), classes=2, rank=1, lanes=4, cache_samples=1)


class SoonAtRest(LoraCore):
    """Waits 4 cycles for what is under way to come to rest, so that there are replies soon. An answer of a sample that
    is under way then would come before a reply that waits: none is, within so few cycles."""

    settling = 4


@pytest.mark.long
def test_an_offer_of_a_core_stays_until_it_is_taken(tmp_path):
    """Found, by hand: a reply that moves on while it waits."""
    Block(lambda: SoonAtRest(CFG), "-seq 18", 16).check("lora-core", tmp_path)
