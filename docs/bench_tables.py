"""Heads and bodies of the tables out of results/bench.json. What was left out there is a dash here."""

from collections.abc import Mapping
from typing import Any

Table = tuple[list[str], list[list[str]]]

_NONE = "-"


def _number(v: Mapping[str, Any], name: str, form: str = ",.1f") -> str:
    return format(v[name], form) if name in v else _NONE


def times(v: Mapping[str, Any]) -> Table:
    """A walk on core and CPU."""
    mhz = v.get("fpga.clock_mhz")
    at = f"the core at {mhz:.1f} MHz, post-route" if mhz else "the core, not routed"
    kinds = ("", ".d64", ".d96", ".s77")
    body = [[at, *(_number(v, f"oselm.walk_us.fpga{kind}") for kind in kinds), _cycles(v, "fpga")]]
    for label, name in (
        ("C, float32, written for vectors", "cpu_float32"),
        ("C, float32, plain loops, `-ffast-math`", "cpu_loops_fast_math"),
        ("C, float32, plain loops", "cpu_loops"),
        ("Numba, float64", "numba"),
        ("NumPy, float32", "numpy"),
    ):
        body.append([label, *(_number(v, f"oselm.walk_us.{name}{kind}") for kind in kinds), _cycles(v, name)])
    for label, name in (
        ("node2vec: C, float32, written for vectors", "cpu_float32"),
        ("node2vec: gensim, one thread", "gensim_1_thread"),
        ("node2vec: gensim, all threads", "gensim_all"),
        ("node2vec: NumPy, float32", "numpy"),
    ):
        body.append([label, _NONE, _NONE, _NONE, _number(v, f"sgns.walk_us.{name}"), _NONE])
    head = ["microseconds a walk", "D = 32, 31 samples", "D = 64", "D = 96", "D = 32, 77 samples", "cycles, D = 32"]
    return head, body


def _cycles(v: Mapping[str, Any], name: str) -> str:
    return _number(v, f"oselm.walk_cycles.{name}", ",.0f")


def ratios(v: Mapping[str, Any]) -> Table:
    """The three ratios, which are never mixed."""
    body = [
        [label, _number(v, name, ",.2f"), _number(v, f"{name}{other}", ",.2f") if other else _NONE]
        for label, name, other in (
            ("the same algorithm: CPU over FPGA, time", "ratio.same_work", ".cpu_loops"),
            ("the same algorithm: CPU over FPGA, clock cycles", "ratio.cycles_same_work", ".cpu_loops"),
            ("node2vec by gensim over OS-ELM, both on the CPU, time", "ratio.node2vec", ""),
            ("both: gensim on the CPU over OS-ELM on the FPGA, time", "ratio.both", ""),
        )
    ]
    return ["above 1, the latter is ahead", "best C", "plain loops"], body


def lora(v: Mapping[str, Any]) -> Table:
    """Skip2-LoRA on core and CPU, both tasks."""
    body = []
    for task in ("digits", "fan"):
        for label, name in (
            ("the unit, at the core's clock", "fpga"),
            ("C, float32", "cpu_float32"),
            ("NumPy", "numpy"),
            ("PyTorch, one thread", "torch"),
        ):
            stem = f"lora.{task}"
            times = [_number(v, f"{stem}.sample_us.{method}.{name}", ".2f") for method in ("skip2", "skip", "lora_all")]
            total = _number(v, f"{stem}.finetune_ms.skip2.{name}")
            saved = [_number(v, f"{stem}.saved_{kind}.{name}", ".0%") for kind in ("by_cache", "against_lora_all")]
            body.append([f"{task}: {label}", *times, total, *saved])
    head = ["microseconds a sample", "Skip2-LoRA", "without the cache", "LoRA-All", "whole fine-tuning, ms"]
    return [*head, "saved by the cache", "saved against LoRA-All"], body
