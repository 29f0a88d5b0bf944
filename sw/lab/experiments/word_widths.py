"""Fixed point against float: one format at a time narrower or wider than the default, and all of them together.

On Cora, D = 32, streaming, four walks in flight, on the golden model. A beat in which a value was clamped counts as one
saturation. The published OS-ELM (no inflation) is there for P, which falls over decades without it.
"""

from collections.abc import Mapping
from typing import Any

from ....hw.arith.formats import SQ
from ....hw.oselm.config import CoreConfig, preset
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point
from .learners import learner

__all__ = ["EXPERIMENT"]

#: Formats as (integer, fraction) bits; the rest of the configuration is the preset's.
_VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "beta16": {"beta": (5, 11)},
    "beta14": {"beta": (5, 9)},
    "beta12": {"beta": (5, 7)},
    "beta18-q4": {"beta": (4, 14)},
    "beta24": {"beta": (5, 19)},
    "p16": {"p": (2, 14)},
    "p24": {"p": (2, 22)},
    "p32": {"p": (2, 30)},
    "k16": {"k": (-2, 18)},
    "k14": {"k": (-2, 16)},
    "k12": {"k": (-2, 14)},
    "e14": {"e": (4, 10)},
    "e12": {"e": (4, 8)},
    "e10": {"e": (4, 6)},
    "u14": {"u": (5, 9)},
    "u12": {"u": (5, 7)},
    "u10": {"u": (5, 5)},
    "all16": {"beta": (5, 11), "p": (2, 14), "k": (-2, 18), "e": (4, 12), "u": (5, 11), "ports": 16},
    "all14": {"beta": (5, 9), "p": (2, 14), "k": (-2, 16), "e": (4, 10), "u": (5, 9), "ports": 14},
    "ports16": {"k": (-2, 18), "e": (4, 12), "u": (5, 11), "ports": 16},
    "ports14": {"k": (-2, 16), "e": (4, 10), "u": (5, 9), "ports": 14},
}

#: Those that a quick sweep leaves out.
_FULL_ONLY = ("beta12", "p24", "k12", "e10", "u10", "ports16", "beta24")

_NO_INFLATION = {
    "no-inflation": {},
    "no-inflation-p24": {"p": (2, 22)},
    "no-inflation-p32": {"p": (2, 30)},
}


def _config(formats: Mapping[str, Any]) -> CoreConfig:
    changes: dict[str, Any] = {name: SQ(*bits) for name, bits in formats.items() if name != "ports"}
    if "ports" in formats:
        changes |= {"operand_bits": formats["ports"], "gain_bits": formats["ports"] - 1}
    return preset("ecp5-85f").replace(**changes)


def _label(formats: Mapping[str, Any]) -> str:
    parts = [f"{name} {SQ(*bits)}" for name, bits in formats.items() if name != "ports"]
    if "ports" in formats:
        parts.append(f"{formats['ports']}-bit ports")
    return ", ".join(parts) or "the default formats"


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    stamp = {"data": data.digest}
    points = [
        Point("float", "float64, one context after another", {"formats": None}, stamp, 6),
        Point("no-inflation-float", "no inflation: float64", {"formats": None, "inflation": 0.0}, stamp, 6),
    ]
    for name, formats in _VARIANTS.items():
        if options.full or name not in _FULL_ONLY:
            points.append(Point(name, _label(formats), {"formats": formats}, stamp, 10))
    for name, formats in _NO_INFLATION.items():
        params = {"formats": formats, "inflation": 0.0}
        points.append(Point(name, f"no inflation: {_label(formats)}", params, stamp, 10))
    return Plan(points, data)


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    data = data.shuffled(seed)
    rest = dict(params)
    formats = rest.pop("formats")
    if formats is None:
        return Outcome(data.f1(learner({**rest, "learner": "float"}, seed).fit(data.graph).embedding_))
    model = learner({**rest, "learner": "fixed", "preset": _config(formats)}, seed).fit(data.graph)
    clamped = {name.removeprefix("sat_"): n for name, n in model.counters_.items() if name.startswith("sat_")}
    counts = {f"saturations.{name}": n for name, n in clamped.items()}
    return Outcome({**data.f1(model.embedding_), "saturations": sum(clamped.values()), **counts})


EXPERIMENT = Experiment(
    name="word-widths",
    prefix="widths",
    title="Fixed point against float on Cora, D = 32",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        **cora.F1,
        "saturations": Measure("beats", "lower"),
        **{f"saturations.{name}": Measure("beats", "lower") for name in ("beta", "p", "k", "e", "u", "hu")},
    },
    curves={},
)
