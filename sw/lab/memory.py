"""Rows outside the chip, measured: ``skipwalk lab memory results/memory.json --cora EDGES --photo EDGES``.

Walks go to the gateware, behind whose port stand the controller and an SDRAM, and to the golden model, which has all
rows at hand. They are made by the host; the alias table of the pool's draws is on the chip.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click
import networkx
import numpy as np

from ...hw.arith.formats import SQ
from ...hw.memory.sdram_config import SdramConfig
from ...hw.oselm.config import CoreConfig, preset
from ...hw.oselm.core import OSELMCore
from ...hw.oselm.front_end.sampling import Sampling
from ...hw.oselm.protocol import PACKED, Counter, Opcode, Parameter, header, packed_words
from ...sim.arith.fixed import to_raw
from ...sim.memory.behind import CoreWithMemory
from ...sim.memory.cells import SdramMemory
from ...sim.oselm.unit import OSELMUnit
from ...sim.rtl.verilated import VerilatedCore
from ..graph.contexts import negative_key, negative_sampler
from ..graph.graph import Graph
from ..graph.readers import read_graph
from ..graph.walks import walks
from ..oselm.words import set_words, table_words, walk_words, write_words
from ..results.report import Result, write_report

__all__ = ["Case", "main", "measure"]

log = logging.getLogger(__name__)

#: Of core and SDRAM together; nothing of it has been routed.
CLOCK_HZ = 94_000_000
#: The core of the largest board, with the slots that its block RAM has room for.
CORE = preset("ecp5-85f").replace(edge_ends=0, walks=4, max_walk=80, pool=512, slots=2048)
#: As few slots as 256: one walk of 40 nodes at a time, and a small pool.
SMALL = CORE.replace(walks=1, max_walk=40, pool=32, replaced=1, slots=256)
_COUNTED = (
    Counter.CYCLES,
    Counter.CONTEXTS,
    Counter.REJECTED,
    Counter.ROWS_ASKED,
    Counter.ROWS_FETCHED,
    Counter.ROWS_WRITTEN,
    Counter.WAIT_MEMORY,
)


@dataclass(frozen=True)
class Case:
    """A graph, and how many of its walks are learned by which core."""

    name: str
    graph: Callable[[], Graph]
    core: CoreConfig
    walks: int
    #: Walks before those that count: the slots fill.
    first: int = 100

    @property
    def sampling(self) -> Sampling:
        core = self.core
        return Sampling(
            window=8,
            negatives=24,
            per_positive=False,
            walks=core.walks,
            pool=core.pool,
            replaced=core.replaced,
        )


def measure(case: Case, seed: int) -> list[Result]:
    """Learn the walks on both; what it took, and whether all rows are equal."""
    graph = case.graph()
    core = case.core.replace(nodes=max(graph.n_nodes, case.core.slots))
    n = case.first + case.walks
    made = walks(graph, length=core.max_walk, per_node=10, seed=seed, block=case.first)
    block = np.concatenate(list(islice(made, -(-n // case.first))))[:n]
    # A walk from a node without an edge has no context.
    block = block[(block[:, 1] >= 0)]
    degrees = np.diff(graph.indptr)
    table = negative_sampler(degrees)
    log.info("%s: %d nodes, %d walks, slots %d", case.name, graph.n_nodes, len(block), core.slots)

    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(degrees > 0)
    values = to_raw(rng.uniform(-0.05, 0.05, (len(rows), core.dim)), core.beta)
    golden = OSELMUnit(core)
    golden.warm_up()
    memory = OSELMCore(core)
    top = CoreWithMemory(memory, SdramMemory(memory.signature.members["memory"].signature, _sdram()))
    with VerilatedCore.from_component(top) as rtl:
        key = int(negative_key(seed))
        start = [
            set_words(
                {
                    Parameter.Q: 0,
                    Parameter.P0: int(to_raw(np.array(1.0), core.p)),
                    Parameter.SAMPLING: case.sampling.word,
                    Parameter.KEY_HIGH: key >> 32,
                    Parameter.KEY_LOW: key & 0xFFFFFFFF,
                }
            ),
            table_words(table.threshold, table.alias),
            write_words(Opcode.WRITE_P, 0, to_raw(np.eye(core.dim if core.has_p else 0), core.p), core.p),
            *(_written(row, value, core.beta) for row, value in zip(rows.tolist(), values, strict=True)),
        ]
        for words in (np.concatenate(start), walk_words(block[: case.first], core.walk_rows)):
            golden.feed(words)
            rtl.feed(words)
        counters = np.array([header(Opcode.GET, counter) for counter in _COUNTED], np.uint32)
        before = _counted(rtl, counters)
        words = walk_words(block[case.first :], core.walk_rows)
        golden.feed(words)
        rtl.feed(words)
        after = _counted(rtl, counters)
        asked = (rows + header(Opcode.READ_ROW, PACKED)).astype(np.uint32)
        golden.feed(asked)
        expected = golden.drain()
        got = rtl.run(asked, len(rows) * packed_words(core.dim, core.beta.bits))
    if after[Counter.REJECTED]:
        raise RuntimeError(f"{case.name}: the core has rejected {after[Counter.REJECTED]} commands")
    return _results(case, core, {c: after[c] - before[c] for c in _COUNTED}, len(block) - case.first, expected, got)


def _sdram() -> SdramConfig:
    return SdramConfig(clock_hz=CLOCK_HZ)


def _written(row: int, value: np.ndarray, fmt: SQ) -> np.ndarray:
    return write_words(Opcode.WRITE_ROW, row, value[None], fmt)


def _counted(rtl: VerilatedCore, asked: np.ndarray) -> dict[Counter, int]:
    """Counters, once all has been learned."""
    words = rtl.run(asked, 2 * len(asked)).astype(np.int64).reshape(-1, 2)
    return {counter: int(low | high << 32) for counter, (low, high) in zip(_COUNTED, words, strict=True)}


def _results(
    case: Case, core: CoreConfig, spent: dict[Counter, int], n: int, expected: np.ndarray, got: np.ndarray
) -> list[Result]:
    name, moved = case.name, spent[Counter.ROWS_FETCHED] + spent[Counter.ROWS_WRITTEN]
    cycles = spent[Counter.CYCLES] / n
    row_bytes = core.rows_outside.words * core.MEMORY_BITS // 8
    shown = {
        "bits_equal": (int(np.array_equal(expected, got)), "", "higher"),
        "nodes": (core.nodes, "rows", None),
        "slots": (core.slots, "rows", None),
        "pool": (core.pool, "rows", None),
        "walks": (n, "walks", None),
        "walk_cycles": (round(cycles), "cycles", "lower"),
        "walk_us": (round(cycles / CLOCK_HZ * 1e6, 1), "us", "lower"),
        "wait_share": (round(spent[Counter.WAIT_MEMORY] / spent[Counter.CYCLES], 3), "", "lower"),
        "hit_rate": (round(1 - spent[Counter.ROWS_FETCHED] / spent[Counter.ROWS_ASKED], 3), "", "higher"),
        "rows_fetched": (round(spent[Counter.ROWS_FETCHED] / n, 1), "rows a walk", "lower"),
        "walk_bytes": (round(moved * row_bytes / n), "bytes", "lower"),
    }
    return [Result(f"memory.{what}.{name}", *values) for what, values in shown.items()]  # type: ignore[arg-type]


def _kept(file: Path, names: list[str]) -> list[Result]:
    """What a file has of other cases."""
    if not file.exists():
        return []
    found = [entry for entry in json.loads(file.read_text()) if str(entry.get("name", "")).startswith("memory.")]
    cases = [(entry, entry["name"].split(".")[2:]) for entry in found]
    return [Result(**entry) for entry, case in cases if case and case[0] not in names]


def _power_law(n: int) -> Graph:
    return Graph.from_networkx(networkx.barabasi_albert_graph(n, 5, seed=1))


@click.command("memory")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cora", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Edges of Cora.")
@click.option("--photo", type=click.Path(dir_okay=False, path_type=Path), help="Edges of Amazon Photo; or left out.")
@click.option("--walks", "n", type=click.IntRange(100), default=2000, show_default=True, help="Of each graph.")
@click.option("--only", multiple=True, help="Cases: cora_256, photo, n100000, n400000; all, if not given.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(file: Path, cora: Path | None, photo: Path | None, n: int, only: tuple[str, ...], seed: int) -> None:
    """Learn walks with rows in a simulated SDRAM; write the figures to FILE, beside those of other cases in it."""
    cases = [
        Case("n100000", lambda: _power_law(100_000), CORE, n),
        Case("n400000", lambda: _power_law(400_000), CORE, n),
    ]
    if photo is not None and photo.exists():
        cases.insert(0, Case("photo", lambda: read_graph(photo), CORE, n))
    elif photo is not None:
        click.echo(f"photo is skipped: there is no {photo}", err=True)
    if cora is not None:
        cases.insert(0, Case("cora_256", lambda: read_graph(cora), SMALL, n))
    results = _kept(file, [case.name for case in cases if not only or case.name in only])
    for case in cases:
        if not only or case.name in only:
            found = measure(case, seed)
            results += found
            for result in found:
                click.echo(f"{result.name:32} {result.value:>10} {result.unit}")
    equal = [result.value for result in results if result.name.startswith("memory.bits_equal.")]
    results.insert(0, Result("memory.bits_equal", int(all(equal)), "", "higher"))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_report(file, results, seed=seed, clock_hz=CLOCK_HZ, digest=f"{CORE.digest:08x}")
