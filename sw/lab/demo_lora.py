"""``make demo-lora``: digits that were learned upright are met turned, and the RTL fine-tunes the network to them.

Prints, and leaves in a folder: ``summary.json`` with all figures, ``accuracy.png`` with the accuracy by epoch and the
cost of the eight methods.
"""

import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..lora.estimator import SkipLoRA
from ..lora.evaluation import compare, float_accuracy
from ..lora.methods import METHODS, Outcome, fine_tune
from ..lora.pretrain import pretrain
from ..lora.tasks import RATE, TASKS, Task, load_task
from ..results.report import Result, write_report

__all__ = ["main"]


@click.command("demo-lora")
@click.option("--task", "name", type=click.Choice(list(TASKS)), default="digits", show_default=True)
@click.option("--epochs", type=click.IntRange(2), default=30, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="For the comparison with float.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="build/demo-lora", show_default=True)
def main(name: str, epochs: int, seeds: int, out: Path) -> None:
    """Fine-tune a network in the RTL and on the golden model, compare bits, accuracy and cycles.

    Leaves summary.json and, in accuracy.png, the accuracy by epoch and the cost of the eight methods in the folder OUT.
    """
    out.mkdir(parents=True, exist_ok=True)
    task = load_task(name)
    network = pretrain(*task.pretrain, task.classes)
    print(f"{name}: network {network.widths} -> {task.classes}, {len(task.finetune[1])} samples to learn")

    golden = SkipLoRA(network, epochs=epochs, learning_rate=RATE)
    results, curve = _rtl_against_golden(
        task, golden, SkipLoRA(network, epochs=epochs, learning_rate=RATE, backend="rtl")
    )

    exact = float_accuracy(golden, task)
    pairs = [compare(name, seed, epochs=epochs, learning_rate=RATE) for seed in range(seeds)]
    fixed, floats = (np.mean([getattr(p, kind) for p in pairs]) for kind in ("fixed", "float"))
    results += [
        Result("lora.accuracy.float", exact, "", "higher"),
        Result("lora.accuracy.fixed.mean", float(fixed), f"mean of {seeds} seeds", "higher"),
        Result("lora.accuracy.float.mean", float(floats), f"mean of {seeds} seeds", "higher"),
    ]
    outcomes = _methods(task, network, epochs)
    by_name = {o.method: o for o in outcomes}
    saved = 1 - by_name["Skip2-LoRA"].total / by_name["LoRA-All"].total
    results.append(Result("cpu.time_reduction_skip2_vs_lora_all", saved, "NumPy, one thread or more", "higher"))
    for o in outcomes:
        name = f"cpu.{o.method.lower()}"
        results += [
            Result(f"{name}.accuracy", o.after, "", "higher"),
            Result(f"{name}.parameters", o.parameters, "", "lower"),
            Result(f"{name}.forward", o.forward, "us/sample", "lower"),
            Result(f"{name}.backward", o.backward, "us/sample", "lower"),
            Result(f"{name}.update", o.update, "us/sample", "lower"),
        ]
    write_report(out / "summary.json", results, task=name, epochs=epochs, configuration=f"{golden.cfg.digest:08x}")
    _picture(out / "accuracy.png", name, curve, exact, outcomes)
    _print(results, outcomes)
    print(f"\n{out / 'summary.json'}, {out / 'accuracy.png'}")


def _rtl_against_golden(task: Task, golden: SkipLoRA, rtl: SkipLoRA) -> tuple[list[Result], list[float]]:
    """Fine-tune in both, epoch by epoch, comparing every bit of A and B; then the outputs."""
    from ...sim.lora.cycles import LoraCycles, roofline_backbone, roofline_cached

    for model in (golden, rtl):
        model.calibrate(task.finetune[0])
    print("compiling the RTL (a minute or two the first time) ...", flush=True)
    before = rtl.score(*task.test)
    curve = [before]
    equal, cycles = True, []
    began = time.perf_counter()
    for epoch, _ in zip(rtl.iter_fit(*task.finetune), golden.iter_fit(*task.finetune), strict=True):
        equal &= bool((rtl.adapters_raw_ == golden.adapters_raw_).all())
        cycles.append(rtl.train_cycles_ or 0)
        curve.append(golden.score(*task.test))
        print(f"\repoch {epoch}: accuracy {curve[-1]:.3f}, {cycles[-1]} cycles", end="", flush=True)
    print()
    whole = (rtl.load_cycles_ or 0) + sum(cycles)
    counters, seconds = rtl.counters_, time.perf_counter() - began
    equal &= bool((rtl.decision_function(task.test[0]) == golden.decision_function(task.test[0])).all())
    after = rtl.score(*task.test)
    rtl.close()

    without = SkipLoRA(rtl.network_, epochs=1, learning_rate=RATE, backend="rtl", cache=False)
    without.fit(*task.finetune)
    uncached_epoch = without.train_cycles_ or 0
    without.close()
    n, cfg = len(task.finetune[1]), rtl.cfg
    cost = LoraCycles(cfg)
    results = [
        Result("lora.accuracy.before", before, "", "higher"),
        Result("lora.accuracy.rtl", after, "", "higher"),
        Result("lora.bits_equal", int(equal), "A, B after every epoch; outputs", "higher"),
        Result("lora.cycles_per_sample.cached", sum(cycles) / (n * len(cycles)), "cycles", "lower"),
        Result("lora.cycles_per_sample.uncached", uncached_epoch / n, "cycles", "lower"),
        Result("lora.formula_cycles.cached", cost.cached, "cycles", "lower"),
        Result("lora.formula_cycles.uncached", cost.uncached, "cycles", "lower"),
        Result("lora.roofline_cycles.cached", roofline_cached(cfg), "cycles", None),
        Result("lora.roofline_cycles.uncached", roofline_cached(cfg) + roofline_backbone(cfg), "cycles", None),
        Result("lora.cycle_reduction_by_cache", 1 - whole / (uncached_epoch * len(cycles)), "", "higher"),
        Result("lora.cache_hits", counters["hits"], "samples", "higher"),
        Result("lora.cache_misses", counters["misses"], "samples", "lower"),
        Result("lora.saturations", sum(v for k, v in counters.items() if k.startswith("sat_")), "beats", "lower"),
        Result("lora.parameters", cfg.parameters, "", None),
        Result("rtl.samples_per_second", n * len(cycles) / seconds, "simulated samples/s", "higher"),
    ]
    return results, curve


def _methods(task: Task, network: Any, epochs: int) -> list[Outcome]:
    return [fine_tune(method, network, task.finetune, task.test, epochs=epochs) for method in METHODS]


def _picture(path: Path, task: str, curve: list[float], exact: float, outcomes: list[Outcome]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(range(len(curve)), curve, marker=".", color="tab:blue", label="RTL, fixed point")
    left.axhline(exact, color="tab:orange", linestyle="--", label="float, at the end")
    left.axhline(curve[0], color="0.6", linestyle=":", label="network alone")
    left.set(xlabel="epoch", ylabel="accuracy on the test samples", ylim=(0, 1), title=f"{task}: Skip2-LoRA in the RTL")
    left.legend(loc="lower right")
    bottom = np.zeros(len(outcomes))
    for part, colour in (("forward", "tab:blue"), ("backward", "tab:green"), ("update", "tab:red")):
        values = np.array([getattr(o, part) for o in outcomes])
        right.bar(range(len(outcomes)), values, bottom=bottom, color=colour, label=part)
        bottom += values
    for i, o in enumerate(outcomes):
        right.annotate(f"{100 * o.after:.0f} %", (i, bottom[i]), ha="center", va="bottom", fontsize=8)
    right.set_xticks(range(len(outcomes)), [o.method for o in outcomes], rotation=30, ha="right")
    right.set(ylabel="microseconds a sample", title="eight methods on the CPU, in NumPy; accuracy above")
    right.legend(loc="upper right")
    figure.savefig(path, dpi=120)


def _print(results: list[Result], outcomes: list[Outcome]) -> None:
    print(f"\n{'method':12} {'parameters':>10} {'accuracy':>9} {'forward':>8} {'backward':>8} {'update':>8} us/sample")
    for o in outcomes:
        print(
            f"{o.method:12} {o.parameters:10} {100 * o.after:8.1f}% {o.forward:8.2f} {o.backward:8.2f} {o.update:8.2f}"
        )
    print()
    for r in results:
        if not r.name.startswith("cpu.") or r.name.startswith("cpu.time"):
            print(f"{r.name:38} {r.value:.4f}" if isinstance(r.value, float) else f"{r.name:38} {r.value}")
