"""Heads and bodies of the tables out of results/bench.json, and a remark on what they do not say by themselves.

What was left out there is a dash here. Times of the core that no routed core has taken stand in brackets.
"""

from collections.abc import Mapping
from typing import Any

Table = tuple[list[str], list[list[str]], str]

_NONE = "-"
_UNMEASURED = "Not measured yet."


def _number(v: Mapping[str, Any], name: str, form: str = ",.1f") -> str:
    return format(v[name], form) if name in v else _NONE


def _bracketed(v: Mapping[str, Any], notes: Mapping[str, str], name: str, form: str = ",.1f") -> str:
    cell = _number(v, name, form)
    return f"({cell})" if name in notes and cell != _NONE else cell


def times(v: Mapping[str, Any], notes: Mapping[str, str]) -> Table:
    """A walk on core and CPU. ``notes`` are those of the provenance, by name of a value."""
    mhz = v.get("fpga.clock_mhz")
    at = f"the core at {mhz:.1f} MHz, post-route" if mhz else "the core, not routed"
    kinds = {"": "D = 32, 31 samples", ".d64": "D = 64", ".d96": "D = 96", ".s77": "D = 32, 77 samples"}
    fpga = {title: f"oselm.walk_us.fpga{kind}" for kind, title in kinds.items()}
    body = [[at, *(_bracketed(v, notes, name) for name in fpga.values()), _cycles(v, "fpga")]]
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
    why = "; ".join(f"{title}: {notes[name]}" for title, name in fpga.items() if name in notes and name in v)
    return ["microseconds a walk", *kinds.values(), "cycles, D = 32"], body, f"In brackets: {why}." if why else ""


def _cycles(v: Mapping[str, Any], name: str) -> str:
    return _number(v, f"oselm.walk_cycles.{name}", ",.0f")


def whole(v: Mapping[str, Any], notes: Mapping[str, str]) -> Table:
    """CPU seconds of whole commands. They have no notes."""
    body = []
    for tool in ("skipwalk", "fastnode2vec", "pecanpy"):
        if f"train.cpu_seconds.{tool}" not in v:
            continue
        seconds = [_number(v, f"train.cpu_seconds.{tool}{kind}") for kind in (".w2", "")]
        body.append([f"`{tool}`", *seconds, _number(v, f"ratio.train_cpu.{tool}")])
    return (
        ["CPU seconds, Cora", "2 walks a node", "10 walks a node", "over skipwalk, 10 walks"],
        body,
        "" if body else _UNMEASURED,
    )


def live(v: Mapping[str, Any], notes: Mapping[str, str]) -> Table:
    """What an edge costs on the golden model, and where the CPU goes in a whole fit. They have no notes."""
    body = [
        [f"an edge and its 10 walks, {int(name.rpartition('.n')[2]):,} nodes", f"{v[name]:.2f} ms"]
        for name in v
        if name.startswith("edge_ms.golden.")
    ]
    body += [
        [f"a whole fit of Cora: {part}", f"{v[f'fit.cpu_seconds.{part}']:.2f} s"]
        for part in ("reading", "walks", "training")
        if f"fit.cpu_seconds.{part}" in v
    ]
    if "golden.walk_us" in v:
        golden = _number(v, "ratio.golden_over_c_float32", ".2f")
        body.append(["a walk", f"{_number(v, 'golden.walk_us')} us, {golden} times the best float32 C"])
    return ["the golden model, one thread", "CPU time"], body, "" if body else _UNMEASURED


def ratios(v: Mapping[str, Any], notes: Mapping[str, str]) -> Table:
    """The three ratios, which are never mixed. They have no notes."""
    body = [
        [label, _number(v, name, ",.2f"), _number(v, f"{name}{other}", ",.2f") if other else _NONE]
        for label, name, other in (
            ("the same algorithm: CPU over FPGA, time", "ratio.same_work", ".cpu_loops"),
            ("the same algorithm: CPU over FPGA, clock cycles", "ratio.cycles_same_work", ".cpu_loops"),
            ("node2vec by gensim over OS-ELM, both on the CPU, time", "ratio.node2vec", ""),
            ("both: gensim on the CPU over OS-ELM on the FPGA, time", "ratio.both", ""),
        )
    ]
    return ["above 1, the latter is ahead", "best C", "plain loops"], body, ""


def lora(v: Mapping[str, Any], notes: Mapping[str, str]) -> Table:
    """Skip2-LoRA on core and CPU, both tasks. ``notes`` as for :func:`times`."""
    body, why = [], dict[str, None]()
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
            if (note := notes.get(f"{stem}.sample_us.skip2.{name}")) is not None:
                times, total = [f"({cell})" if cell != _NONE else cell for cell in times], f"({total})"
                why.setdefault(note)
            body.append([f"{task}: {label}", *times, total, *saved])
    head = ["microseconds a sample", "Skip2-LoRA", "without the cache", "LoRA-All", "whole fine-tuning, ms"]
    head += ["saved by the cache", "saved against LoRA-All"]
    return head, body, f"In brackets: {'; '.join(why)}." if why else ""
