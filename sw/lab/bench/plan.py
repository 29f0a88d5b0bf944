"""What is measured: how many walks, which cores, how long. ``--quick`` has a small one of everything."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from ....hw.oselm.config import CoreConfig, preset
from .rtl import Case
from .sgns import NEGATIVES

__all__ = ["FULL", "PAPER_CASE", "Plan", "Sweep", "main_core", "quick"]

#: 77 samples a context: negatives for each of the 7 positives.
PAPER_CASE: dict[str, Any] = {"negatives": NEGATIVES, "per_positive": True}


@dataclass(frozen=True)
class Sweep:
    """One axis along which the cost of a context grows: values, and a core and a case for each."""

    axis: str
    unit: str
    points: tuple[tuple[float, CoreConfig, Case], ...]


@dataclass(frozen=True)
class Plan:
    """Sizes of all measurements.

    Attributes
    ----------
    cores : dict
        D of the same-work comparison, each with its core and the walks counted in its RTL. The first is the main one.
    paper : CoreConfig or None
        The core for 77 samples a context, with ``paper_walks`` walks.
    walks, slow_walks, gensim_walks : int
        Of a repeat: compiled kernels, NumPy, gensim.
    seconds : float
        For the repeats of one row.
    sweeps : tuple of Sweep
    tasks : tuple of str
        Of Skip2-LoRA; ``epochs`` of the fine-tuning, ``uncached_epochs`` of its RTL without cache (0: no RTL).
    live_nodes : tuple of int
        Sizes of the synthetic graphs into which edges are inserted.
    least : int
        Repeats of a row, however long they take.
    whole_walks : tuple of int
        Walks a node of whole commands, the main one last; the quickest of ``whole_repeats`` runs counts.
    """

    cores: dict[int, tuple[CoreConfig, int]]
    paper: CoreConfig | None
    paper_walks: int
    walks: int
    slow_walks: int
    gensim_walks: int
    seconds: float
    sweeps: tuple[Sweep, ...]
    tasks: tuple[str, ...] = ("digits", "fan")
    epochs: int = 30
    uncached_epochs: int = 2
    live_nodes: tuple[int, ...] = (20_000, 200_000)
    least: int = 7
    whole_walks: tuple[int, ...] = (2, 10)
    whole_repeats: int = 2

    @property
    def all_walks(self) -> int:
        """The longest selection of walks that a measurement takes."""
        counted = [n for _, n in self.cores.values()] + [c.walks for s in self.sweeps for _, _, c in s.points]
        return max(self.walks, self.slow_walks, self.gensim_walks, self.paper_walks, *counted)


_CORE = preset("ecp5-85f")
#: Contexts come from the host: a front end costs nothing here but the time to compile it.
_BARE = _CORE.replace(walks=0, edge_ends=0)
_WITHOUT_P = preset("ecp5-85f-d64").replace(walks=0)
_SMALL = _BARE.replace(dim=16, lanes=4, nodes=4096)
_WALKS = Case(64)

FULL = Plan(
    cores={
        32: (_CORE, 1024),
        64: (_BARE.replace(dim=64), 128),
        96: (_BARE.replace(dim=96), 64),
    },
    paper=preset("paper").replace(walks=0, edge_ends=0),
    paper_walks=128,
    walks=256,
    slow_walks=16,
    gensim_walks=1024,
    seconds=1.5,
    sweeps=(
        Sweep(
            "dim",
            "D on 32 lanes",
            (
                (32, _CORE, _WALKS),
                (64, _BARE.replace(dim=64), Case(128)),
                (96, _BARE.replace(dim=96), _WALKS),
            ),
        ),
        Sweep("window", "nodes", tuple((w, _CORE, Case(64, window=w)) for w in (2, 4, 6, 8))),
        Sweep("negatives", "samples", tuple((n, _CORE, Case(64, negatives=n)) for n in (4, 8, 16, 24))),
        Sweep("lanes", "lanes at D = 16", tuple((n, _SMALL.replace(lanes=n), _WALKS) for n in (4, 8, 16))),
        # Without P: as many lanes as elements.
        Sweep("constant", "D", ((32, _WITHOUT_P.replace(dim=32, lanes=32, group=4), _WALKS), (64, _WITHOUT_P, _WALKS))),
        Sweep("nodes", "rows, 4 lanes, D = 16", tuple((n, _SMALL.replace(nodes=n), _WALKS) for n in (4096, 16384))),
    ),
)


def main_core(plan: Plan) -> Plan:
    """The same without all that needs the RTL of another core than the main one."""
    dim, (core, walks) = next(iter(plan.cores.items()))
    sweeps = tuple(sweep for sweep in plan.sweeps if all(cfg == core for _, cfg, _ in sweep.points))
    return dataclasses.replace(plan, cores={dim: (core, walks)}, paper=None, paper_walks=0, sweeps=sweeps)


def quick(nodes: int) -> Plan:
    """A plan of seconds, for tests: one small core for a graph of so many nodes."""
    core = CoreConfig(name="quick", dim=16, nodes=max(64, nodes), lanes=8, max_samples=31)
    return dataclasses.replace(
        FULL,
        cores={16: (core, 32)},
        paper=None,
        paper_walks=0,
        walks=32,
        slow_walks=4,
        gensim_walks=32,
        seconds=0.05,
        least=3,
        sweeps=(
            Sweep("window", "nodes", tuple((w, core, Case(16, window=w)) for w in (4, 8))),
            Sweep("negatives", "samples", tuple((n, core, Case(16, negatives=n)) for n in (8, 24))),
        ),
        tasks=("digits",),
        epochs=3,
        uncached_epochs=0,
        live_nodes=(500,),
        whole_walks=(1,),
        whole_repeats=1,
    )
