"""Every measurement as a step with a name: what it needs, what it does, and why it may be left out."""

import ctypes
import functools
import importlib.util
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ....hw.oselm.config import CoreConfig
from ...errors import DeviceError, SkipwalkError
from ...graph.graph import Graph
from ...lora.network import Network
from ...lora.pretrain import pretrain
from ...lora.tasks import Task, load_task
from ...results.records import source_digest
from ...results.report import installed
from . import live, lora, oselm, sgns, whole
from .lora_torch import torch_runner
from .native import Compiler, load
from .plan import PAPER_CASE, Plan
from .rtl import Case, count, count_lora
from .timing import in_turn, measure, one_thread
from .work import Work

__all__ = ["Skipped", "Step", "steps", "versions"]

#: Steps of the clock's chain of dependent operations.
CHAIN = 2_000_000
#: Epochs of a repeat of a slow fine-tuning.
SLOW_EPOCHS = 5


class Skipped(Exception):
    """A row is left out; the message says why."""


@dataclass(frozen=True)
class Step:
    """``compute`` gives JSON; ``timed`` says that it is a time and belongs to this run alone."""

    name: str
    inputs: Any
    compute: Callable[[], Any]
    timed: bool = True


class _Tasks:
    """Tasks and their networks, made once."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Task, Network]] = {}

    def __call__(self, name: str) -> tuple[Task, Network]:
        if name not in self._made:
            try:
                task = load_task(name)
            except SkipwalkError as error:
                raise Skipped(str(error)) from None
            self._made[name] = task, pretrain(*task.pretrain, task.classes)
        return self._made[name]


def steps(plan: Plan, work: Work, compilers: list[Compiler], rtl: bool, peers: Path) -> Iterator[Step]:
    """All steps in order: first what takes long and is kept (the RTL), then the times, close to each other."""
    tasks = _Tasks()
    if rtl:
        yield from _counts(plan, work)
        yield from _lora_counts(plan, tasks)
    yield from _clock(plan, compilers)
    yield from _live_times(plan, work)
    yield from _whole_times(plan, work, peers)
    yield from _oselm_times(plan, work, compilers)
    yield from _sgns_times(plan, work, compilers)
    yield from _lora_times(plan, tasks, compilers)


def _counts(plan: Plan, work: Work) -> Iterator[Step]:
    """One step a core: opening it is what takes long."""
    cases: dict[CoreConfig, list[Case]] = defaultdict(list)
    names: dict[CoreConfig, str] = {}
    for dim, (cfg, walks) in plan.cores.items():
        cases[cfg].append(Case(walks))
        names.setdefault(cfg, f"rtl.d{dim}")
    if plan.paper is not None:
        cases[plan.paper].append(Case(plan.paper_walks, **PAPER_CASE))
        names.setdefault(plan.paper, "rtl.paper")
    for sweep in plan.sweeps:
        for value, cfg, case in sweep.points:
            if case not in cases[cfg]:
                cases[cfg].append(case)
            names.setdefault(cfg, f"rtl.{sweep.axis}_{value}")
    sources = source_digest("sw/lab/bench/rtl.py")
    for cfg, wanted in cases.items():
        inputs = [cfg.to_dict(), [vars(case) for case in wanted], work.graph.digest, sources]
        yield Step(names[cfg], inputs, partial(_rtl, work, cfg, wanted), timed=False)


def _rtl(work: Work, cfg: CoreConfig, cases: list[Case]) -> list[dict[str, Any]]:
    if work.graph.n_nodes > cfg.nodes:
        raise Skipped(f"the graph has {work.graph.n_nodes} nodes, the core {cfg.nodes}")
    try:
        return count(work, cfg, cases)
    except DeviceError as error:
        raise Skipped(str(error)) from None


def _lora_counts(plan: Plan, tasks: _Tasks) -> Iterator[Step]:
    if not plan.uncached_epochs:
        return
    for name in plan.tasks:

        def run(name: str = name) -> Any:
            task, network = tasks(name)
            try:
                return count_lora(task, network, plan.epochs, plan.uncached_epochs)
            except DeviceError as error:
                raise Skipped(str(error)) from None

        inputs = [name, plan.epochs, plan.uncached_epochs, source_digest("sw/lab/bench/rtl.py", "sw/lora/pretrain.py")]
        yield Step(f"rtl.lora.{name}", inputs, run, timed=False)


def _clock(plan: Plan, compilers: list[Compiler]) -> Iterator[Step]:
    if not compilers:
        return

    def run() -> Any:
        chain = load("clock.c", compilers[0]).chain
        arguments = ctypes.c_int64(CHAIN), ctypes.c_uint64(1), ctypes.c_uint64(3)
        return _timed(plan, lambda: chain(*arguments) and None, CHAIN)

    yield Step("cpu.clock", [CHAIN], run)


def _in_turn(
    plan: Plan, works: Mapping[str, Callable[[], Callable[[], Any]]], units: float, inputs: Any
) -> Iterator[Step]:
    """A step for each of ``works``, which make what is timed. They are timed in turn, when the first is asked for."""

    @functools.cache
    def timings() -> dict[str, Any]:
        made = [make() for make in works.values()]
        with one_thread():
            found = in_turn(made, units, seconds=plan.seconds, least=plan.least)
        return {name: timing.to_dict() for name, timing in zip(works, found, strict=True)}

    def timing(name: str) -> Any:
        return timings()[name]

    for name in works:
        yield Step(name, [*inputs, list(works)], partial(timing, name))


def _timed(plan: Plan, work: Callable[[], Any], units: float, **options: Any) -> dict[str, Any]:
    with one_thread():
        return measure(work, units, seconds=plan.seconds, least=plan.least, **options).to_dict()


def _live_times(plan: Plan, work: Work) -> Iterator[Step]:
    graphs: dict[int, Callable[[], Graph]] = {work.graph.n_nodes: lambda: work.graph}
    graphs |= {nodes: partial(live.power_law, nodes) for nodes in plan.live_nodes}

    def insert(graph: Callable[[], Graph]) -> Callable[[], None]:
        return live.edge_runner(graph())

    works = {f"edge.golden.n{n}": partial(insert, graph) for n, graph in graphs.items()}
    yield from _in_turn(plan, works, live.EDGES, list(graphs))
    yield Step("fit.cpu", [work.graph.digest], partial(live.fit_seconds, work.graph))


def _whole_times(plan: Plan, work: Work, peers: Path) -> Iterator[Step]:
    def run(tool: str, walks: int) -> float:
        try:
            if walks == plan.whole_walks[0]:
                # What it compiles once, it has compiled before.
                whole.cpu_seconds(tool, work.graph, 1, peers)
            return min(whole.cpu_seconds(tool, work.graph, walks, peers) for _ in range(plan.whole_repeats))
        except whole.NoPeerError as error:
            raise Skipped(str(error)) from None

    for walks in plan.whole_walks:
        for tool in whole.TOOLS:
            yield Step(f"train.{tool}.w{walks}", [work.graph.digest, walks], partial(run, tool, walks))


def _oselm_times(plan: Plan, work: Work, compilers: list[Compiler]) -> Iterator[Step]:
    kinds: list[tuple[str, int, dict[str, Any]]] = [(f"d{dim}", dim, {}) for dim in plan.cores]
    kinds.append(("s77", next(iter(plan.cores)), PAPER_CASE))
    for suffix, dim, options in kinds:
        cfg, _ = plan.cores[dim]

        def selected(options=options):
            return work.contexts(0, plan.walks, **options)

        works: dict[str, Callable[[], Callable[[], Any]]] = {}
        for compiler in compilers:
            for variant, source, flags in oselm.VARIANTS:

                def in_c(selected=selected, dim=dim, compiler=compiler, source=source, flags=flags):
                    return oselm.c_runner(work, selected(), dim, compiler, source, flags)

                works[f"oselm.c.{suffix}.{compiler.name} {variant}"] = in_c

        def in_golden(selected=selected, cfg=cfg):
            return oselm.golden_runner(work, selected(), cfg)

        def in_numba(selected=selected, dim=dim):
            return oselm.numba_runner(work, selected(), dim)

        if not options:
            works[f"oselm.golden.{suffix}"] = in_golden
        works[f"oselm.numba.{suffix}"] = in_numba
        versions = [compiler.version for compiler in compilers]
        yield from _in_turn(plan, works, plan.walks, [cfg.to_dict(), plan.walks, versions])

        def in_numpy(dim=dim, options=options):
            batch = work.contexts(0, plan.slow_walks, **options)
            return _timed(plan, oselm.numpy_runner(work, batch, dim), plan.slow_walks)

        yield Step(f"oselm.numpy.{suffix}", [dim, plan.slow_walks], in_numpy)


def _sgns_times(plan: Plan, work: Work, compilers: list[Compiler]) -> Iterator[Step]:
    dim = next(iter(plan.cores))
    for compiler in compilers:

        def in_c(compiler=compiler):
            batch = work.contexts(0, plan.walks, **PAPER_CASE)
            return _timed(plan, sgns.c_runner(work, batch, dim, compiler), plan.walks)

        yield Step(f"sgns.c.{compiler.name}", [dim, plan.walks, compiler.version], in_c)

    def in_numpy():
        batch = work.contexts(0, plan.slow_walks, **PAPER_CASE)
        return _timed(plan, sgns.numpy_runner(work, batch, dim), plan.slow_walks)

    yield Step("sgns.numpy", [dim, plan.slow_walks], in_numpy)
    few = Work(work.graph, work.walks[: plan.gensim_walks])

    def by_gensim(both_sides: bool, everywhere: bool):
        _needs("gensim")
        workers = sgns.all_cpus() if everywhere else 1
        if not everywhere:
            return _timed(plan, sgns.gensim_runner(few, dim, workers=1, both_sides=both_sides), len(few))
        run = sgns.gensim_runner(few, dim, workers=workers, both_sides=both_sides)
        timing = measure(run, len(few), seconds=plan.seconds, least=plan.least, threads=True)
        return {**timing.to_dict(), "threads": workers}

    for name, both_sides, everywhere in (
        ("gensim_1_thread", False, False),
        ("gensim_all", False, True),
        ("gensim_1_thread.both_sides", True, False),
    ):
        inputs = [dim, len(few), sgns.all_cpus()]
        yield Step(f"sgns.{name}", inputs, partial(by_gensim, both_sides, everywhere))


def _lora_times(plan: Plan, tasks: _Tasks, compilers: list[Compiler]) -> Iterator[Step]:
    slow = min(plan.epochs, SLOW_EPOCHS)
    for name in plan.tasks:
        for method in lora.METHODS:
            for compiler in compilers:

                def in_c(name=name, method=method, compiler=compiler):
                    task, network = tasks(name)
                    run = lora.CFineTuning(network, task, method, compiler)
                    samples = len(task.finetune[1]) * plan.epochs
                    timing = _timed(plan, lambda: run.fine_tune(plan.epochs), samples)
                    return {**timing, "samples": len(task.finetune[1]), "accuracy": run.accuracy()}

                yield Step(f"lora.{name}.{method}.c.{compiler.name}", [plan.epochs, compiler.version], in_c)

            def in_numpy(name=name, method=method):
                task, network = tasks(name)
                samples = len(task.finetune[1]) * plan.epochs
                return _timed(plan, lambda: lora.numpy_seconds(method, network, task, plan.epochs), samples)

            def in_torch(name=name, method=method):
                _needs("torch")
                task, network = tasks(name)
                return _timed(plan, torch_runner(method, network, task, slow), len(task.finetune[1]) * slow)

            yield Step(f"lora.{name}.{method}.numpy", [plan.epochs], in_numpy)
            yield Step(f"lora.{name}.{method}.torch", [slow], in_torch)


def _needs(package: str) -> None:
    """Raises Skipped if an optional package is not installed."""
    if importlib.util.find_spec(package) is None:
        raise Skipped(f'{package} is not installed: pip install "skipwalk[bench]"')


def versions() -> dict[str, str]:
    """Versions of the optional packages that are there."""
    return installed(("gensim", "torch", "threadpoolctl"))
