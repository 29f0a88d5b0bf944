"""A graph's first walks by a VexRiscv and a core in one LiteX SoC, simulated: ``skipwalk lab litex core.v GRAPH``."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...hw.oselm.config import CoreConfig
from ...sim.rtl.build import BuildError
from ..build.verilog import read_map
from ..errors import DeviceError, InputError
from ..graph.readers import read_graph
from ..litex import DRIVER
from ..litex.task import Task, first_walks
from ..results.report import Result, installed, write_report

if TYPE_CHECKING:
    from ..litex.simulation import Simulation

__all__ = ["main", "measure", "program"]

log = logging.getLogger(__name__)

#: How words go: by CSR alone, or by DMA where there are so many at once.
WAYS = {"csr": 0, "dma": 4}
#: What the program prints besides the digest: name, unit.
PRINTED = {
    "cycles": "cycles",
    "cycles_load": "cycles",
    "cycles_train": "cycles",
    "cycles_read": "cycles",
    "words_in": "words",
    "words_out": "words",
    "interrupts": "",
}


def program(task: Task) -> dict[str, str]:
    """The C files that do a task and print what came of it."""
    return {name: (DRIVER / name).read_text() for name in ("demo.c", "sha256.c", "sha256.h")} | {"task.h": task.header}


def measure(simulation: "Simulation", task: Task, way: str, most_cycles: int) -> list[Result]:
    """Run a task; figures of it. Raises DeviceError, with what was printed, if it has not learned what it should."""
    ran = simulation.run(program(task), most_cycles=most_cycles)
    found = dict(line.split(" ", 1) for line in ran.printed.splitlines() if " " in line)
    wrong = [name for name in ("walks", "contexts") if found.get(name) != str(task.counters[name])]
    wrong += [name for name in ("rejected", "refused") if found.get(name) != "0"]
    if "error" in found or wrong:
        raise DeviceError(f"the program has not learned the walks ({', '.join(wrong)}); it printed: {ran.printed!r}")
    return [
        Result(f"litex.{way}.bits_equal", int(found["digest"] == task.digest), "bool", "higher"),
        Result(f"litex.{way}.walks", int(found["walks"]), "walks"),
        Result(f"litex.{way}.contexts", int(found["contexts"]), "contexts"),
        *(Result(f"litex.{way}.{name}", int(found[name]), unit, None) for name, unit in PRINTED.items()),
        Result(f"litex.{way}.seconds", round(ran.seconds, 1), "s", "lower"),
    ]


@click.command("litex")
@click.argument("exported", metavar="CORE.V", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("graph_file", metavar="GRAPH", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--walks", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--way", "ways", type=click.Choice(list(WAYS)), multiple=True, help="How words go.  [default: both]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--cycles", type=click.IntRange(min=1), default=200_000_000, show_default=True, help="At most.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there, too.")
def main(
    exported: Path, graph_file: Path, walks: int, ways: tuple[str, ...], seed: int, cycles: int, file: Path | None
) -> None:
    """Let a VexRiscv and the core of an export learn the first walks of GRAPH, in a simulated LiteX SoC.

    The driver in C sends graph and parameters, the core makes the walks and learns them, the processor reads all back
    and prints the digest, which has to be the golden model's. CORE.V is what `skipwalk export` wrote, with its files
    beside it; the core holds the graph.
    """
    _, core = read_map(exported.with_suffix(".json"))
    if not isinstance(core, CoreConfig) or core.slots:
        raise InputError("is no OS-ELM core with all its rows on the chip", path=exported)
    graph = read_graph(graph_file)
    try:
        from ..litex.simulation import PACKAGES, Simulation, compiler_version
    except ModuleNotFoundError as error:
        raise DeviceError(f'a LiteX SoC needs {error.name}: pip install "skipwalk[litex,rtl]"') from None
    try:
        compiler = compiler_version()
        log.info("compiling the SoC")
        simulation = Simulation(exported)
        results: list[Result] = []
        for way in ways or WAYS:
            log.info("golden model, then the SoC: words by %s", way)
            task = first_walks(core, graph, walks, seed=seed, by_dma=WAYS[way])
            results += measure(simulation, task, way, cycles)
    except BuildError as error:
        raise DeviceError(str(error)) from error
    equal = all(result.value for result in results if result.name.endswith(".bits_equal"))
    width = max(len(result.name) for result in results)
    for result in results:
        click.echo(f"{result.name:{width}}  {result.value:>12} {result.unit}")
    click.echo(f"digest {task.digest}" if equal else "the digests differ")
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        versions = installed(PACKAGES)
        write_report(
            file, results, seed=seed, graph=graph_file.name, core=core.to_dict(), compiler=compiler, litex=versions
        )
    if not equal:
        raise SystemExit(1)
