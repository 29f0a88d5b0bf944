"""What an experiment is, and the key under which the result of one run is kept."""

import ast
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

__all__ = ["Curve", "Experiment", "Measure", "Options", "Outcome", "Plan", "Point", "Unit", "code_digest", "units"]

_ROOT = Path(__file__).resolve().parents[2]


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
    """What one unit measured: numbers by measure; lists of x and value by curve."""

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
        ``run(params, seed, data)``, a function of its arguments alone that can be pickled by name.
    measures, curves : dict
        What ``run`` measures.
    sources : tuple of str
        Files that shape its results, relative to the package; ``*`` for all of a folder.
    """

    name: str
    prefix: str
    title: str
    seeds: int
    plan: Callable[[Options], Plan]
    run: Callable[[Mapping[str, Any], int, Any], Outcome]
    measures: Mapping[str, Measure]
    curves: Mapping[str, Curve]
    sources: tuple[str, ...]

    @property
    def code(self) -> str:
        """Digest of :attr:`sources`."""
        return code_digest(self.sources)


@dataclass(frozen=True)
class Unit:
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
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return f"{self.name}-{digest[:16]}"


def units(experiment: Experiment, plan: Plan, seeds: int | None = None) -> list[Unit]:
    """Every point with every seed; runs of one point side by side, because they share compiled code."""
    numbers = range(experiment.seeds if seeds is None else seeds)
    return [Unit(experiment, point, seed) for point in plan.points for seed in numbers]


@lru_cache(maxsize=64)
def code_digest(sources: tuple[str, ...]) -> str:
    """16 hex digits over the program text of these files: comments, docstrings and layout do not count.

    Raises FileNotFoundError for a pattern that no file matches.
    """
    digest = hashlib.sha256()
    for pattern in sources:
        paths = sorted(_ROOT.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"no source file {pattern} below {_ROOT}")
        for path in paths:
            digest.update(f"{path.relative_to(_ROOT).as_posix()}\0{_program(path.read_text())}\0".encode())
    return digest.hexdigest()[:16]


def _program(text: str) -> str:
    """A module as its syntax tree, without docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return ast.dump(tree)
