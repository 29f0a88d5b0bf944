"""The command behind ``make a53``.

Its results are a file of their own, ``results/a53.json``: the bench writes ``results/bench.json`` whole, with times of
one machine in one run, and these are estimates that need other tools and no quiet machine.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from tqdm import tqdm

from ...build.tools import tool_errors
from ...commands.common import FILE
from ...errors import DeviceError, InputError
from ...graph.readers import read_graph
from ...lora.pretrain import pretrain
from ...lora.tasks import load_task
from ...results.report import Result, aligned, write_report
from ..bench.native import NoCompilerError, compilers
from ..bench.work import Work
from ..page.results import Results, read_results
from .estimate import ASSUMED, CLOCK_HZ, KERNELS, WARM, Estimate, estimates, lora_estimates
from .programs import CACHES, FLAGS, missing, run_tool

__all__ = ["GENSIM", "lora_results", "main", "ratios", "table", "walk_results"]

#: The row of gensim: what it takes longer than C on the bench's machine, times the quicker kernel's low end and the
#: slower one's high end. There, too, C was written for the machine; how well gensim fits this one nobody knows.
GENSIM = "sgns.gensim"
TASK, EPOCHS = "digits", 30
#: Tools whose versions are noted.
VERSIONED = ("aarch64-linux-gnu-gcc", "qemu-aarch64", "llvm-mca")
#: Where the core's time is: without and with the serial line.
CORE = ("boards/ulx3s-85f.json", "oselm.walk_us_at_clock"), ("demo-board.json", "board.walk_us")


@click.command("a53")
@click.argument("output", metavar="FILE", type=FILE)
@click.option(
    "--cora",
    "graph_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("build/demo/cora.edges"),
    show_default=True,
    help="The graph whose walks are trained.",
)
@click.option(
    "--results",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where the core's times and gensim's are.",
)
def main(output: Path, graph_file: Path, folder: Path) -> None:
    """Estimate what the C kernels of the bench take on a Cortex-A53, and write it to FILE (ten minutes).

    Needs a cross compiler, QEMU and LLVM's tools. No time is measured: a kernel's instructions are counted, and cycles
    are a range between two models.
    """
    if what := missing():
        raise DeviceError(what)
    results = read_results(folder)
    core = core_times(results)
    work = Work.of(read_graph(graph_file), 2 * WARM)
    task = load_task(TASK)
    network = pretrain(*task.pretrain, task.classes)
    try:
        compiler = compilers()[0]
    except NoCompilerError as error:
        raise DeviceError(str(error)) from None
    found: dict[str, Estimate] = {}
    with tool_errors(), tqdm(total=len(KERNELS) + 3, unit="kernel", disable=None) as bar:
        for name, estimate in estimates(work, compiler):
            found[name] = estimate
            bar.update()
        samples: dict[str, Estimate] = {}
        for name, estimate in lora_estimates(task, network, compiler):
            samples[name] = estimate
            bar.update()
        tools = [run_tool(name, "--version").strip().partition("\n")[0] for name in VERSIONED]
    times = {name: estimate.microseconds() for name, estimate in found.items()}
    if (slower := gensim_factor(results)) is not None:
        times[GENSIM] = times["sgns.neon"][0] * slower, times["sgns.vectors"][1] * slower
    entries = [*walk_results(found), *time_results(times), *ratios(times, core), *lora_results(samples)]
    write_report(
        output,
        entries,
        estimated=True,
        graph=graph_file.name,
        task=TASK,
        clock_mhz=CLOCK_HZ / 1e6,
        flags=list(FLAGS),
        caches=CACHES,
        assumed=ASSUMED,
        core_us={"without link": core[0], "with link": core[1]},
        gensim_over_c=slower,
        tools=tools,
    )
    click.echo(table(entries))


def core_times(results: Results) -> tuple[float, float]:
    """Microseconds of a walk on the core at its board's clock, without and with the link. Raises InputError."""
    times = []
    for file, name in CORE:
        value = results[file].number(name)
        if value is None:
            raise InputError(f"has no {name}; {results[file].problem or 'it is of an earlier version'}", path=file)
        times.append(value)
    return times[0], times[1]


def gensim_factor(results: Results) -> float | None:
    """gensim over the C kernel with vectors, one thread, in time, as the bench measured it; None if it has not."""
    gensim = results["bench.json"].number("sgns.walk_us.gensim_1_thread")
    c = results["bench.json"].number("sgns.walk_us.cpu_float32")
    return gensim / c if gensim and c else None


def walk_results(found: Mapping[str, Estimate]) -> Iterable[Result]:
    """Counts and cycles of a walk."""
    for name, one in found.items():
        yield from _counts(f"a53.{name}", "walk", one)


def _counts(stem: str, unit: str, one: Estimate) -> Iterable[Result]:
    yield Result(f"{stem}.{unit}_instructions", one.instructions, "instructions", "lower")
    yield Result(f"{stem}.{unit}_vector_products", one.products, "instructions")
    for name, cycles in (("low", one.low), ("high", one.high), ("mca", one.mca), ("narrow", one.narrow)):
        yield Result(f"{stem}.{unit}_cycles.{name}", cycles, "cycles", "lower")
    for name, misses in (("l1", one.l1), ("l2", one.l2), ("tlb", one.tlb), ("branches", one.branches)):
        yield Result(f"{stem}.{unit}_misses.{name}", misses, "", "lower")
    yield Result(f"{stem}.max_error", one.error, "", "lower")


def time_results(times: Mapping[str, tuple[float, float]]) -> Iterable[Result]:
    """Microseconds of a walk, low and high."""
    for name, ends in times.items():
        for end, value in zip(("low", "high"), ends, strict=True):
            yield Result(f"a53.{name}.walk_us.{end}", value, "us", "lower")


def ratios(times: Mapping[str, tuple[float, float]], core: tuple[float, float]) -> Iterable[Result]:
    """The A53's time over the core's: above 1, the core is ahead."""
    for name, ends in times.items():
        for kind, own in zip(("ratio", "ratio_with_link"), core, strict=True):
            for end, value in zip(("low", "high"), ends, strict=True):
                yield Result(f"a53.{kind}.{name}.{end}", value / own, "x", "higher")


def lora_results(samples: Mapping[str, Estimate]) -> Iterable[Result]:
    """Counts and times of a sample, and what the cache and Skip2-LoRA save of a whole fine-tuning of :data:`EPOCHS`.

    With the cache, the first epoch goes through the network.
    """
    for name, one in samples.items():
        yield from _counts(f"a53.lora.{TASK}.{name}", "sample", one)
    for position, end in enumerate(("low", "high")):
        us = {name: one.microseconds()[position] for name, one in samples.items()}
        for name, value in us.items():
            yield Result(f"a53.lora.{TASK}.{name}.sample_us.{end}", value, "us", "lower")
        mean = (us["skip"] + (EPOCHS - 1) * us["skip2"]) / EPOCHS
        yield Result(f"a53.lora.{TASK}.saved_by_cache.{end}", 1 - mean / us["skip"], "", "higher")
        yield Result(f"a53.lora.{TASK}.saved_against_lora_all.{end}", 1 - mean / us["lora_all"], "", "higher")


def table(entries: Iterable[Result]) -> str:
    """Times and ratios for the terminal."""
    lines = [["estimated", "low", "high", ""]]
    values = {entry.name: entry for entry in entries}
    for name, entry in values.items():
        if name.endswith(".low") and "_cycles" not in name:
            stem = name.removesuffix(".low")
            lines.append([stem, f"{entry.value:,.2f}", f"{values[stem + '.high'].value:,.2f}", entry.unit])
    return "\n".join(aligned(lines, words=(0, 3)))
