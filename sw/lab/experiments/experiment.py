"""What an experiment is, and the key under which the result of one run is kept."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...results.records import OTHER_BACKENDS, key_digest, source_digest

__all__ = ["Curve", "Experiment", "Measure", "Options", "Outcome", "Plan", "Point", "Trial", "trials"]


@dataclass(frozen=True)
class Options:
    """What the user says about a sweep; ``full`` asks for the points that take long as well."""

    graph: Path
    labels: Path
    full: bool = False


class Measure(NamedTuple):
    """Unit and direction of a number."""

    unit: str
    better: Literal["higher", "lower"] | None = None


class Curve(NamedTuple):
    """Unit and direction of a list of numbers, and the unit of what they are drawn over."""

    unit: str
    x_unit: str
    better: Literal["higher", "lower"] | None = None


@dataclass(frozen=True)
class Outcome:
    """What one trial measured: numbers by measure; lists of x and value by curve."""

    values: Mapping[str, float]
    curves: Mapping[str, tuple[list[float], list[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """One set of parameters.

    Attributes
    ----------
    name : str
        Dotted, below the experiment's.
    label : str
        For people.
    params : dict
        JSON-able; what ``Experiment.run`` gets.
    stamp : dict
        JSON-able; what else the result depends on, as a digest of the data or the version of a package.
    cost : float
        About how many seconds a run takes, for the time left.
    """

    name: str
    label: str
    params: Mapping[str, Any]
    stamp: Mapping[str, Any] = field(default_factory=dict)
    cost: float = 1.0


@dataclass(frozen=True)
class Plan:
    """The points of an experiment, the data that each run gets, and what is left out: name and reason."""

    points: list[Point]
    data: Any = None
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes
    ----------
    name : str
        As ``--only`` takes it.
    prefix : str
        Of the names of its results.
    title : str
    seeds : int
        How many, if the user does not say.
    plan : callable
        From :class:`Options`.
    run : callable
        ``run(params, seed, data)``, a function of its arguments alone that can be pickled by name. Learns on the
        golden model or on none: of the other backends, nothing is in the key.
    measures, curves : dict
        What ``run`` measures.
    """

    name: str
    prefix: str
    title: str
    seeds: int
    plan: Callable[[Options], Plan]
    run: Callable[[Mapping[str, Any], int, Any], Outcome]
    measures: Mapping[str, Measure]
    curves: Mapping[str, Curve]

    @property
    def code(self) -> str:
        """Digest of the sources that ``run`` depends on."""
        return source_digest(inspect.getfile(self.run), without=OTHER_BACKENDS)


@dataclass(frozen=True)
class Trial:
    """One run: a point of an experiment with a seed."""

    experiment: Experiment
    point: Point
    seed: int

    @property
    def name(self) -> str:
        return f"{self.experiment.prefix}.{self.point.name}.seed{self.seed}"

    @property
    def key(self) -> str:
        """File name of the record: readable, then 16 hex digits over everything that the result depends on."""
        parts = {
            "experiment": self.experiment.name,
            "params": dict(self.point.params),
            "stamp": dict(self.point.stamp),
            "seed": self.seed,
            "code": self.experiment.code,
        }
        return f"{self.name}-{key_digest(parts)[:16]}"


def trials(experiment: Experiment, plan: Plan, seeds: int | None = None) -> list[Trial]:
    """Every point with every seed; runs of one point side by side, because they share compiled code."""
    numbers = range(experiment.seeds if seeds is None else seeds)
    return [Trial(experiment, point, seed) for point in plan.points for seed in numbers]
