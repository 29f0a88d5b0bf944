"""``skipwalk finetune``."""

import logging
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from ...hw.boards.table import BOARDS
from ..errors import InputError
from ..graph.packed import reading
from ..lora.estimator import SkipLoRA
from ..lora.samples import read_samples
from ..results.files import save_or_rescue
from ..results.report import Result
from .common import FILE, check_outputs, options, parameter_errors, quieten, show, write
from .types import RateType, at_baud

__all__ = ["finetune"]

log = logging.getLogger(__name__)

#: Boards that carry a unit.
_UNITS = {name: board.lora for name, board in BOARDS.items() if board.lora is not None}


@click.command()
@click.argument("network", type=FILE)
@click.argument("samples", type=FILE)
@click.option("--test", type=FILE, help="Samples to be tested on; otherwise a fifth of SAMPLES is held out.")
@click.option("--old", type=FILE, help="Samples of the task before: how many of them it still gets right is said.")
@click.option("--rank", type=click.IntRange(1, 8), default=4, show_default=True, help="Of the adapters.")
@click.option("--epochs", type=click.IntRange(1), default=30, show_default=True, help="Passes over the samples.")
@click.option("--batch-size", type=click.IntRange(1), default=20, show_default=True, help="Samples an update.")
@click.option(
    "--learning-rate",
    type=RateType(),
    default="auto",
    show_default=True,
    help="Factor of a mini-batch's summed gradients; `auto` finds it by short trials on the golden model.",
)
@click.option("--activation-bits", type=click.Choice(["8", "16"]), default="8", show_default=True)
@click.option("--no-cache", is_flag=True, help="Compute all activations again in every epoch.")
@click.option("--board", type=click.Choice(list(_UNITS)), help="Lanes and Skip-Cache are those of this board's unit.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@options("output", "backend", "json", "quiet")
def finetune(
    network: Path,
    samples: Path,
    test: Path | None,
    old: Path | None,
    rank: int,
    epochs: int,
    batch_size: int,
    learning_rate: float | str,
    activation_bits: str,
    no_cache: bool,
    board: str | None,
    seed: int,
    output: Path,
    backend: str,
    report: Path | None,
    quiet: bool,
) -> None:
    """Fine-tune adapters (Skip2-LoRA) for a frozen NETWORK to SAMPLES of a new place.

    NETWORK is .npz, .onnx, .pt or .pth: dense layers with ReLU. SAMPLES is .npz with x and y, or CSV with the label
    last. The output holds adapters, network and scales; the network's own weights stay what they are.
    """
    quieten(quiet)
    check_outputs(output, report, inputs=[network, samples, test, old])
    unit = None if board is None else _UNITS[board]
    if board is not None:
        backend = at_baud(backend, BOARDS[board].baud)
    sizes: dict[str, Any] = {} if unit is None else {"lanes": unit.lanes, "cache_samples": unit.cache_samples}
    x, y = read_samples(samples)
    if test is not None:
        x_test, y_test = read_samples(test)
    else:
        x, y, x_test, y_test = _held_out(x, y, seed, samples)
    old_samples = None if old is None else read_samples(old)
    with parameter_errors():
        model = SkipLoRA(
            network,
            rank=rank,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            backend=backend,
            cache=not no_cache,
            x_bits=int(activation_bits),
            random_state=seed,
            **sizes,
        )
        with reading(samples):
            model.calibrate(x, y)
        with reading(test or samples):
            before = model.score(x_test, y_test)
        with reading(old or samples):
            old_before = None if old_samples is None else model.score(*old_samples)
        with tqdm(total=epochs * len(x), unit="samples", disable=None if not quiet else True) as bar:
            model.fit(x, y, progress=lambda done, _: bar.update(done - bar.n))
    counters = model.counters_
    after = model.score(x_test, y_test)
    old_after = None if old_samples is None else model.score(*old_samples)
    model.close()
    save_or_rescue(model.save, output)
    log.info("adapters saved to %s", output)
    results = [
        Result("accuracy.before", before, "", "higher"),
        Result("accuracy.after", after, "", "higher"),
        *_of_old(old_before, old_after),
        Result("learning_rate", model.learning_rate_ or 0.0, "", None),
        Result("parameters", model.cfg.parameters, "", "lower"),
        Result("cache_hits", counters["hits"], "samples", "higher"),
        Result("cache_misses", counters["misses"], "samples", "lower"),
        Result("saturations", sum(model.clamped_.values()), "beats", "lower"),
    ]
    if model.reports_:
        results += [
            Result("epochs.last.accuracy", model.reports_[-1].accuracy, "of the samples to learn", "higher"),
            Result("epochs.last.loss", model.reports_[-1].loss, "cross entropy", "lower"),
        ]
    if counters["cycles"]:
        per_sample = round(counters["cycles"] / max(1, counters["trained"]), 1)
        results.append(Result("cycles_per_sample", per_sample, "cycles", "lower"))
    write(report, results, seed=seed, backend=backend, configuration=f"{model.cfg.digest:08x}")
    show(results)


def _of_old(before: float | None, after: float | None) -> list[Result]:
    """How well the task before is known, where its samples were given."""
    if before is None or after is None:
        return []
    return [Result("accuracy.old.before", before, "", "higher"), Result("accuracy.old.after", after, "", "higher")]


def _held_out(x: np.ndarray, y: np.ndarray, seed: int, path: Path):
    """Four fifths to learn, one fifth to be tested on, drawn by the seed."""
    n = len(x) // 5
    if n < 1:
        raise InputError(f"{len(x)} samples are too few to hold some out; give --test", path=path)
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order[n:]], y[order[n:]], x[order[:n]], y[order[:n]]
