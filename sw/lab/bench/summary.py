"""From measurements to named results: times, cycles, ratios, where the cycles go, and how well they were foretold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...results.report import Result, Series
from .boards import BLOCK_RAMS, BOARD, NOMINAL_MHZ, Board, beta_block_rams
from .lora import METHODS
from .plan import PAPER_CASE, Plan
from .rtl import Case, breakdown, core_key
from .whole import PEERS, TOOLS

__all__ = ["Measurements", "results"]

#: Methods as they are called in the names of results.
_SHORT = {"Skip2-LoRA": "skip2", "Skip-LoRA": "skip", "LoRA-All": "lora_all"}


@dataclass
class Measurements:
    """What the steps found.

    Attributes
    ----------
    plan : Plan
    found : dict
        Value of each step by its name.
    skipped : dict
        Reason by the name of a step, or of a result, that is left out.
    boards : dict
        Routed boards.
    base_clock_hz : float or None
        Of the processor.
    notes : dict
        What a result cannot say by its number.
    """

    plan: Plan
    found: dict[str, Any]
    skipped: dict[str, str]
    boards: Mapping[str, Board]
    base_clock_hz: float | None
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def main(self) -> int:
        """The D of results that do not name one."""
        return next(iter(self.plan.cores))

    @property
    def board(self) -> Board | None:
        return self.boards.get(BOARD)

    def best(self, prefix: str, *variants: str) -> "tuple[str, dict[str, Any]] | None":
        """The fastest of the steps that begin with ``prefix`` and end with one of ``variants``, and its timing."""
        names = [n for n in self.found if n.startswith(prefix) and (not variants or n.endswith(variants))]
        return min(((n, self.found[n]) for n in names), key=lambda pair: pair[1]["median"], default=None)

    def cases(self, cfg: Any, case: Case) -> dict[str, Any] | None:
        """What the RTL of ``cfg`` counted for ``case``."""
        for name, counted in self.found.items():
            if not name.startswith("rtl.") or name.startswith("rtl.lora"):
                continue
            for one in counted:
                if one["core"] == core_key(cfg) and one["case"] == vars(case):
                    return one
        return None

    def cycles(self, timing: Mapping[str, Any]) -> float | None:
        """CPU cycles a unit: by the hardware's counter, else time times base clock."""
        if timing["cycles"] is not None:
            return timing["cycles"]
        return None if self.base_clock_hz is None else timing["median"] * self.base_clock_hz


def results(m: Measurements) -> list[Result | Series]:
    """All results, those that could not be measured left out and their reasons in ``m.skipped``."""
    out: list[Result | Series] = []
    for part in (_clock, _live, _whole, _oselm, _sgns, _ratios, _breakdown, _estimator, _lora):
        out += part(m)
    return out


def _us(name: str, timing: Mapping[str, Any]) -> Result:
    return Result(name, timing["median"] * 1e6, "us", "lower")


def _clock(m: Measurements) -> Iterator[Result]:
    if m.base_clock_hz is not None:
        yield Result("cpu.clock_mhz.base", m.base_clock_hz / 1e6, "MHz")
    if chain := m.found.get("cpu.clock"):
        yield Result("cpu.clock_mhz.measured", 1e-6 / chain["median"], "MHz")
    if m.board is not None:
        yield Result("fpga.clock_mhz", m.board.fmax_mhz, "MHz", "higher")
    else:
        m.skipped["oselm.walk_us.fpga"] = f"no post-route frequency: results/boards/{BOARD}.json is not there"


def _live(m: Measurements) -> Iterator[Result]:
    for name, timing in m.found.items():
        if name.startswith("edge."):
            yield Result(name.replace("edge.", "edge_ms.", 1), timing["median"] * 1e3, "ms", "lower")
    if whole := m.found.get("fit.cpu"):
        for part in ("reading", "walks", "training"):
            yield Result(f"fit.cpu_seconds.{part}", whole[part], "s", "lower")


def _whole(m: Measurements) -> Iterator[Result]:
    for walks in reversed(m.plan.whole_walks):
        suffix = "" if walks == m.plan.whole_walks[-1] else f".w{walks}"
        seconds = {tool: m.found[name] for tool in TOOLS if (name := f"train.{tool}.w{walks}") in m.found}
        for tool, spent in seconds.items():
            yield Result(f"train.cpu_seconds.{tool}{suffix}", spent, "s", "lower")
        for tool in seconds:
            if tool in PEERS and "skipwalk" in seconds:
                yield Result(f"ratio.train_cpu.{tool}{suffix}", seconds[tool] / seconds["skipwalk"], "x", "higher")


def _oselm(m: Measurements) -> Iterator[Result]:
    for dim, (cfg, walks) in m.plan.cores.items():
        suffix = "" if dim == m.main else f".d{dim}"
        if counted := m.cases(cfg, Case(walks)):
            cycles = counted["cycles"] / walks
            yield from _core_times(m, f"oselm.walk_us.fpga{suffix}", f"oselm.walk_cycles.fpga{suffix}", cycles)
            if dim != m.main and beta_block_rams(cfg) > BLOCK_RAMS:
                m.notes[f"oselm.walk_us.fpga{suffix}"] = (
                    f"does not fit: beta alone takes {beta_block_rams(cfg)} of the {BLOCK_RAMS} block RAMs of an 85F"
                )
            elif dim != m.main:
                m.notes[f"oselm.walk_us.fpga{suffix}"] = f"not routed: the clock of the core with D = {m.main}"
        yield from _oselm_on_cpu(m, f"d{dim}", suffix)
        golden, best = m.best(f"oselm.golden.d{dim}"), m.best(f"oselm.c.d{dim}.")
        if golden is not None:
            yield Result(f"golden.walk_us{suffix}", golden[1]["median"] * 1e6, "us", "lower")
        if golden is not None and best is not None:
            ratio = golden[1]["median"] / best[1]["median"]
            yield Result(f"ratio.golden_over_c_float32{suffix}", ratio, "x", "lower")
    if m.plan.paper is not None:
        if counted := m.cases(m.plan.paper, Case(m.plan.paper_walks, **PAPER_CASE)):
            cycles = counted["cycles"] / m.plan.paper_walks
            yield from _core_times(m, "oselm.walk_us.fpga.s77", "oselm.walk_cycles.fpga.s77", cycles)
            m.notes["oselm.walk_us.fpga.s77"] = "not routed: the clock of the core for 31 samples"
    yield from _oselm_on_cpu(m, "s77", ".s77")


def _core_times(m: Measurements, name: str, cycles_name: str, cycles: float) -> Iterator[Result]:
    yield Result(cycles_name, cycles, "cycles", "lower")
    if m.board is not None:
        yield Result(name, cycles / m.board.fmax_mhz, "us", "lower")
    for mhz in NOMINAL_MHZ:
        yield Result(f"{name}.at_{mhz}_mhz", cycles / mhz, "us", "lower")


def _oselm_on_cpu(m: Measurements, kind: str, suffix: str) -> Iterator[Result]:
    c = f"oselm.c.{kind}."
    for label, found in (
        ("cpu_float32", m.best(c)),
        ("cpu_loops_fast_math", m.best(c, "loops, -ffast-math")),
        ("cpu_loops", m.best(c, " loops")),
        ("numba", m.best(f"oselm.numba.{kind}")),
        ("numpy", m.best(f"oselm.numpy.{kind}")),
    ):
        if found is None:
            continue
        name, timing = found
        yield _us(f"oselm.walk_us.{label}{suffix}", timing)
        m.notes[f"oselm.walk_us.{label}{suffix}"] = name
        if (cycles := m.cycles(timing)) is not None:
            yield Result(f"oselm.walk_cycles.{label}{suffix}", cycles, "cycles", "lower")


def _sgns(m: Measurements) -> Iterator[Result]:
    for label, found in (
        ("cpu_float32", m.best("sgns.c.")),
        ("numpy", m.best("sgns.numpy")),
        ("gensim_1_thread", m.best("sgns.gensim_1_thread", "gensim_1_thread")),
        ("gensim_all", m.best("sgns.gensim_all")),
        ("gensim_1_thread.both_sides", m.best("sgns.gensim_1_thread.both_sides")),
    ):
        if found is not None:
            yield _us(f"sgns.walk_us.{label}", found[1])
            m.notes[f"sgns.walk_us.{label}"] = found[0]


def _ratios(m: Measurements) -> Iterator[Result]:
    cfg, walks = m.plan.cores[m.main]
    counted = m.cases(cfg, Case(walks))
    best, loops = m.best(f"oselm.c.d{m.main}."), m.best(f"oselm.c.d{m.main}.", " loops")
    gensim, compiled = m.best("sgns.gensim_1_thread", "gensim_1_thread"), m.best("sgns.c.")
    fpga_cycles = None if counted is None else counted["cycles"] / walks
    fpga = None if fpga_cycles is None or m.board is None else fpga_cycles / m.board.fmax_mhz * 1e-6
    for name, over, under in (
        ("ratio.same_work", best and best[1]["median"], fpga),
        ("ratio.same_work.cpu_loops", loops and loops[1]["median"], fpga),
        ("ratio.node2vec", gensim and gensim[1]["median"], best and best[1]["median"]),
        ("ratio.node2vec.compiled", compiled and compiled[1]["median"], best and best[1]["median"]),
        ("ratio.both", gensim and gensim[1]["median"], fpga),
        ("ratio.cycles_same_work", best and m.cycles(best[1]), fpga_cycles),
        ("ratio.cycles_same_work.cpu_loops", loops and m.cycles(loops[1]), fpga_cycles),
        ("ratio.cycles_same_work.measured_clock", _measured_cycles(m, best), fpga_cycles),
    ):
        if over is None or under is None:
            m.skipped[name] = "one of its two sides was not measured"
        else:
            yield Result(name, over / under, "x", "higher")
    for dim, (other, n) in m.plan.cores.items():
        counted, best = m.cases(other, Case(n)), m.best(f"oselm.c.d{dim}.")
        if dim == m.main or counted is None or best is None:
            continue
        cycles = counted["cycles"] / n
        if m.board is not None:
            yield Result(f"ratio.same_work.d{dim}", best[1]["median"] * m.board.fmax_mhz * 1e6 / cycles, "x", "higher")
        if (spent := m.cycles(best[1])) is not None:
            yield Result(f"ratio.cycles_same_work.d{dim}", spent / cycles, "x", "higher")


def _measured_cycles(m: Measurements, best: "tuple[str, dict[str, Any]] | None") -> float | None:
    chain = m.found.get("cpu.clock")
    return None if chain is None or best is None else best[1]["median"] / chain["median"]


def _breakdown(m: Measurements) -> Iterator[Result]:
    kinds = [("" if dim == m.main else f".d{dim}", cfg, Case(n)) for dim, (cfg, n) in m.plan.cores.items()]
    if m.plan.paper is not None:
        kinds.append((".s77", m.plan.paper, Case(m.plan.paper_walks, **PAPER_CASE)))
    for suffix, cfg, case in kinds:
        counted = m.cases(cfg, case)
        if counted is None:
            continue
        shares = breakdown(cfg, counted)
        for key in ("multipliers", "roofline"):
            yield Result(f"utilisation.{key}{suffix}", shares.pop(key), "", "higher")
        for key, share in shares.items():
            yield Result(f"cycles.{key}{suffix}", share, "", None)


def _estimator(m: Measurements) -> Iterator[Result | Series]:
    errors, exact = [], []
    for sweep in m.plan.sweeps:
        points = [(value, m.cases(cfg, case)) for value, cfg, case in sweep.points]
        there = [(value, counted) for value, counted in points if counted is not None]
        if not there:
            continue
        x = [float(value) for value, _ in there]
        for kind in ("cycles", "closed_form"):
            values = [counted[kind] / counted["contexts"] for _, counted in there]
            name = "rtl" if kind == "cycles" else "estimator"
            yield Series(f"cost.{sweep.axis}.{name}", values, None, x, "cycles/context", sweep.unit, "lower")
        errors += [_error(counted, "closed_form") for _, counted in there]
        exact += [_error(counted, "exact") for _, counted in there]
    for dim, (cfg, walks) in m.plan.cores.items():
        if counted := m.cases(cfg, Case(walks)):
            errors.append(_error(counted, "closed_form"))
            exact.append(_error(counted, "exact"))
            yield Result(f"estimator.error.d{dim}", errors[-1], "", "lower")
    if m.plan.paper is not None:
        if counted := m.cases(m.plan.paper, Case(m.plan.paper_walks, **PAPER_CASE)):
            exact.append(_error(counted, "exact"))
            yield Result("estimator.error.s77", _error(counted, "closed_form"), "", "lower")
            m.notes["estimator.error.s77"] = (
                "the closed form of the sequential schedule knows no row that comes again; not part of the maximum"
            )
    for name in m.plan.tasks:
        if found := m.found.get(f"rtl.lora.{name}"):
            n, epochs, a_sample = found["samples"], found["epochs"], found["closed_form"]
            foretold = n * (a_sample["uncached"] + (epochs - 1) * a_sample["cached"])
            errors.append(abs(foretold / found["cached"]["cycles"] - 1))
            yield Result(f"estimator.error.lora.{name}", errors[-1], "", "lower")
    if errors:
        yield Result("estimator.max_error", max(errors), "", "lower")
        yield Result("estimator.max_error.exact", max(exact), "", "lower")


def _error(counted: Mapping[str, Any], kind: str) -> float:
    return abs(counted[kind] / counted["cycles"] - 1)


def _lora(m: Measurements) -> Iterator[Result]:
    for task in m.plan.tasks:
        fpga = m.found.get(f"rtl.lora.{task}")
        where: dict[str, dict[str, float]] = {}
        if fpga:
            samples, epochs = fpga["samples"], fpga["epochs"]
            cycles = {
                "skip2": fpga["cached"]["cycles"] / (samples * epochs),
                "skip": fpga["uncached"]["cycles"] / (samples * fpga["uncached_epochs"]),
            }
            steady = (fpga["cached"]["cycles"] - samples * cycles["skip"]) / (samples * (epochs - 1))
            yield Result(f"lora.{task}.sample_cycles.fpga.cached", steady, "cycles", "lower")
            yield Result(f"lora.{task}.sample_cycles.fpga.uncached", cycles["skip"], "cycles", "lower")
            for kind in ("cached", "uncached"):
                yield Result(f"lora.{task}.roofline_cycles.{kind}", fpga["roofline"][kind], "cycles")
            yield Result(f"lora.{task}.finetune_cycles.fpga", fpga["cached"]["cycles"], "cycles", "lower")
            counters = fpga["cached"]["counters"]
            for name in ("dense", "wait_sample"):
                share = counters[name] / fpga["cached"]["cycles"]
                yield Result(f"lora.{task}.cycles.{name}", share, "")
            if m.board is not None:
                where["fpga"] = {method: n / m.board.fmax_mhz * 1e-6 for method, n in cycles.items()}
                m.notes[f"lora.{task}.sample_us.skip2.fpga"] = (
                    "routed on the same board" if m.board.lora is not None else "not routed: the OS-ELM core's clock"
                )
        for label, suffix in (("cpu_float32", ".c."), ("numpy", ".numpy"), ("torch", ".torch")):
            times = {_SHORT[method]: m.best(f"lora.{task}.{method}{suffix}") for method in METHODS}
            if all(times.values()):
                where[label] = {key: found[1]["median"] for key, found in times.items() if found}
        best = m.best(f"lora.{task}.Skip2-LoRA.c.")
        counts = [found["samples"] for found in (fpga, best and best[1]) if found]
        for label, seconds in where.items():
            for method, value in seconds.items():
                yield Result(f"lora.{task}.sample_us.{method}.{label}", value * 1e6, "us", "lower")
                if counts:
                    total = value * counts[0] * m.plan.epochs
                    yield Result(f"lora.{task}.finetune_ms.{method}.{label}", total * 1e3, "ms", "lower")
            yield Result(f"lora.{task}.saved_by_cache.{label}", 1 - seconds["skip2"] / seconds["skip"], "", "higher")
            if "lora_all" in seconds:
                saved = 1 - seconds["skip2"] / seconds["lora_all"]
                yield Result(f"lora.{task}.saved_against_lora_all.{label}", saved, "", "higher")
        if "fpga" in where and "cpu_float32" in where:
            ratio = where["cpu_float32"]["skip2"] / where["fpga"]["skip2"]
            yield Result(f"lora.{task}.ratio.same_work", ratio, "x", "higher")
        if best is not None:
            spent = m.cycles(best[1])
            if spent is not None and fpga:
                ratio = spent / (fpga["cached"]["cycles"] / (fpga["samples"] * fpga["epochs"]))
                yield Result(f"lora.{task}.ratio.cycles_same_work", ratio, "x", "higher")
