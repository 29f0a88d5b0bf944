"""Tables of the experiments: header and rows from values by name and provenance, as ``results/experiments.json`` has
them. Cells are means over seeds with half of their 95 % t-interval, where there is more than one seed."""

from collections.abc import Iterable, Mapping

from .cells import Table

Values = dict

_MOVED = {
    "digits": "digits, turned",
    "digits-faded": "digits, turned, faded, noisy",
    "digits-blurred": "digits, blurred",
    "digits-inverted": "digits, inverted",
    "fan": "fan, noisy room",
}
_TASKS = {name: _MOVED[name] for name in ("digits", "digits-faded", "fan")}


def mean(v: Values, name: str, digits: int = 3) -> str:
    """A mean and its spread; a dash where nothing was measured."""
    if name not in v:
        return "-"
    spread = v.get(f"{name}.spread")
    return f"{v[name]:,.{digits}f}" + (f" ± {spread:,.{digits}f}" if spread else "")


def cora(v: Values, provenance: dict) -> Table:
    return _by_dim(v, provenance, "cora.static.", "micro-F1 on Cora")


def other_graphs(v: Values, provenance: dict) -> Table:
    return _by_dim(v, provenance, "others.", "micro-F1, 4 walks a node")


def _by_dim(v: Values, provenance: dict, prefix: str, title: str) -> Table:
    body: dict[str, dict[str, str]] = {}
    for stem, label in _stems(provenance, prefix).items():
        name, _, dim = label.partition(", D = ")
        body.setdefault(name, {})[dim] = mean(v, f"{stem}.f1_micro")
    dims = ("32", "64", "96")
    return [title, *(f"D = {dim}" for dim in dims)], [
        [name, *(cells.get(dim, "-") for dim in dims)] for name, cells in body.items()
    ]


def growing(v: Values, provenance: dict) -> Table:
    body = [
        [
            label,
            *(mean(v, f"{stem}.{when}.f1_micro") for when in ("forest", "grown")),
            mean(v, f"{stem}.walks_per_edge", 0),
        ]
        for stem, label in _stems(provenance, "cora.growing.").items()
    ]
    return ["micro-F1 on Cora", "spanning forest", "every other edge inserted, one by one", "walks an edge"], body


def updates(v: Values, provenance: dict) -> Table:
    stages = {"before": "before", "grown": "grown", "whole": "the whole graph at once"}
    body = [
        [
            label,
            *(mean(v, f"{stem}.{count}", 0) for count in ("insertions", "walks_per_edge")),
            *(mean(v, f"{stem}.{stage}.f1_micro") for stage in stages),
        ]
        for stem, label in _stems(provenance, "updates.").items()
    ]
    return ["micro-F1, D = 32", "edges inserted", "walks an edge", *stages.values()], body


def removal(v: Values, provenance: dict) -> Table:
    stages = {
        "clean": "never seen them",
        "muddled": "learned with them",
        "removed": "after their removal",
        "refreshed": "after a refresh",
    }
    body = [
        [label, *(mean(v, f"{stem}.{stage}.f1_micro") for stage in stages)]
        for stem, label in _stems(provenance, "cora.removal.").items()
    ]
    return ["micro-F1 on Cora with a quarter of false edges", *stages.values()], body


def forgetting(v: Values, provenance: dict) -> Table:
    stages = {"before": "before", "removed": "removed", "back": "inserted again"}
    return _stages(v, provenance, "cora.forgetting.", "a fifth of Cora's edges", stages)


def weights(v: Values, provenance: dict) -> Table:
    stages = {"before": "before", "changed": "changed", "anew": "learned anew"}
    return _stages(v, provenance, "cora.weights.", "two fifths of Cora's edges", stages)


def _stages(v: Values, provenance: dict, prefix: str, title: str, stages: Mapping[str, str]) -> Table:
    """AUC, then F1, of the points below ``prefix`` at each stage, whose values are their names for people."""
    body = [
        [label, *(mean(v, f"{stem}.{stage}.{measure}") for measure in ("auc", "f1_micro") for stage in stages)]
        for stem, label in _stems(provenance, prefix).items()
    ]
    head = [f"{measure}, {stage}" for measure in ("AUC", "micro-F1") for stage in stages.values()]
    return [title, *head], body


def links(v: Values, provenance: dict) -> Table:
    scores = {
        "hadamard": "logistic regression",
        "dot": "dot product",
        "cosine": "cosine",
        "adamic-adar": "Adamic-Adar",
        "preferential-attachment": "preferential attachment",
    }
    body = []
    for stem, label in _stems(provenance, "links.").items():
        for score, name in scores.items():
            cells = [
                mean(v, f"{stem}.{sort}.{score}.{measure}")
                for sort in ("matched", "uniform")
                for measure in ("auc", "average_precision")
            ]
            if any(cell != "-" for cell in cells):
                body.append([label, name, *cells])
    head = ["hidden edges, D = 32", "ranked by", "AUC, the same ends", "average precision"]
    return [*head, "AUC, any two nodes", "average precision"], body


#: Settings of the experiment on P whose inflation, or constant, is chosen.
_INFLATIONS, _CONSTANTS = ("oselm-1e-5", "oselm-1e-4", "oselm-1e-3"), "constant-"


def gain(v: Values, provenance: dict) -> Table:
    """The best of each kind is chosen on the even seeds, and what is shown is its mean over the odd ones."""
    body = []
    for place, runs in _runs_by_place(v, provenance, "gain.").items():
        oselm = _chosen(runs, "oselm-", [name for name in runs if name in _INFLATIONS])
        cells = [_odd(runs, "oselm-1e-4"), oselm, _odd(runs, "constant-0.7"), _chosen(runs, _CONSTANTS)]
        cells += [_ahead(runs, _CONSTANTS, "oselm-1e-4"), _odd(runs, "wide-1e-4"), _chosen(runs, "wide-")]
        body.append([place, *cells, _ahead(runs, "wide-1e-4", "oselm-1e-4"), _odd(runs, "oselm-onward")])
    head = ["micro-F1", "OS-ELM, 1e-4", "OS-ELM, inflation chosen", "constant 0.7", "constant chosen"]
    head += ["constant chosen - OS-ELM, 1e-4, points, each seed", "p0 = 6, 1e-4", "p0 = 6, inflation chosen"]
    return [*head, "p0 = 6, 1e-4 - OS-ELM, 1e-4, points, each seed", "OS-ELM, 1e-4, p = 4, q = 0.5"], body


def gain_short(v: Values, provenance: dict) -> Table:
    """P, with p0 = 6 too, and three constants at D = 32, over all seeds: nothing is chosen. Places where one is
    missing are left out."""
    settings = {"oselm-1e-4": "P", "wide-1e-4": "P, p0 = 6"}
    settings |= {f"constant-{g}": f"constant {g}" for g in (0.7, 1.4, 2.8)}
    places: dict[str, str] = {}
    for stem, label in _stems(provenance, "gain.").items():
        # Names of settings may have a dot; those before have three parts.
        place = ".".join(stem.split(".")[:4])
        if ".d32." in place:
            places[place] = label.rpartition(": ")[0]
    body = [[label, *(mean(v, f"{place}.{name}.f1_micro") for name in settings)] for place, label in places.items()]
    return ["micro-F1", *settings.values()], [row for row in body if "-" not in row]


def fading(v: Values, provenance: dict) -> Table:
    """As :func:`gain`, of gains that fall with visits."""
    kinds = {
        "constant-": "constant chosen",
        "centre-": "by visits of the centre, T chosen",
        "row-": "by visits of the row, T chosen",
        "p-centre-": "P and visits of the centre, T chosen",
        "p-row-": "P and visits of the row, T chosen",
    }
    body = []
    for place, runs in _runs_by_place(v, provenance, "fading.").items():
        cells = [_chosen(runs, kind) for kind in kinds]
        body.append([place, _odd(runs, "p"), *cells, _ahead(runs, "p-centre-", "p")])
    head = ["micro-F1, float64", "P", *kinds.values(), "P and visits of the centre - P, points, each seed"]
    return head, body


def _runs_by_place(v: Values, provenance: dict, prefix: str) -> dict[str, dict[str, list[float]]]:
    """Of each place (a graph with its parameters): settings of which there are two runs or more, and these."""
    places: dict[str, dict[str, list[float]]] = {}
    for stem, label in _stems(provenance, prefix).items():
        place, _, setting = label.rpartition(": ")
        own, runs = places.setdefault(place, {}), v.get(f"{stem}.f1_micro.runs", ())
        if len(runs) > 1:
            own[setting] = runs
    return places


def _odd(runs: dict[str, list[float]], setting: str) -> str:
    """A setting's mean over the odd seeds."""
    if setting not in runs:
        return "-"
    values = runs[setting][1::2]
    return f"{sum(values) / len(values):.3f}"


def _best(runs: dict[str, list[float]], settings: Iterable[str]) -> str | None:
    """Of these settings, the one that is best on the even seeds."""
    even = {name: sum(runs[name][::2]) / len(runs[name][::2]) for name in settings}
    return max(even, key=lambda name: even[name], default=None)


def _of_kind(runs: dict[str, list[float]], kind: str) -> list[str]:
    return [name for name in runs if name.startswith(kind)]


def _chosen(runs: dict[str, list[float]], kind: str, settings: Iterable[str] | None = None) -> str:
    """The setting of a kind that is best on the even seeds, on the odd ones, and what it is."""
    best = _best(runs, _of_kind(runs, kind) if settings is None else settings)
    return "-" if best is None else f"{_odd(runs, best)} ({best.removeprefix(kind)})"


def _ahead(runs: dict[str, list[float]], kind: str, other: str) -> str:
    """By how much the chosen setting of a kind is ahead of another, in points, on each odd seed."""
    best = _best(runs, _of_kind(runs, kind))
    if best is None or other not in runs:
        return "-"
    pairs = zip(runs[best][1::2], runs[other][1::2], strict=False)
    # Not -0.0.
    return ", ".join(f"{round(100 * (a - b), 1) or 0.0:+.1f}" for a, b in pairs)


def widths(v: Values, provenance: dict) -> Table:
    body = [
        [label, mean(v, f"{stem}.f1_micro"), mean(v, f"{stem}.saturations", 0)]
        for stem, label in _stems(provenance, "widths.").items()
    ]
    return ["Cora, D = 32", "micro-F1", "beats that saturate"], body


def schedules(v: Values, provenance: dict) -> Table:
    body = [
        [label, mean(v, f"{stem}.f1_micro"), mean(v, f"{stem}.f1_macro")]
        for stem, label in _stems(provenance, "schedules.").items()
    ]
    return ["Cora, D = 32", "micro-F1", "macro-F1"], body


def fine_tuning(v: Values, provenance: dict) -> Table:
    body = []
    for stem, label in _stems(provenance, "lora.digits.").items():
        method = stem.removeprefix("lora.digits.")
        body.append(
            [
                label.partition(": ")[2],
                f"{v[f'{stem}.parameters']:,.0f}",
                *(mean(v, f"lora.{task}.{method}.accuracy") for task in _TASKS),
                mean(v, f"{stem}.time", 2),
            ]
        )
    return ["accuracy", "parameters (digits)", *_TASKS.values(), "us a sample (digits)"], body


def rates(v: Values, provenance: dict) -> tuple[list[str], list[list[str]], str]:
    """Header, rows, and a remark on the seeds."""
    body, seeds = [], set()
    for task, name in _MOVED.items():
        unit = f"rates.{task}.auto"
        floats = [n for n in v if n.startswith(f"rates.{task}.float") and n.endswith(".accuracy")]
        if f"{unit}.accuracy" not in v or not floats:
            continue
        best = max(floats, key=lambda n: v[n])
        rate = best.removeprefix(f"rates.{task}.float").partition(".")[0]
        # Not -0.0.
        ahead = round(100 * (v[f"{unit}.accuracy"] - v[best]), 1) or 0.0
        seeds |= {len(v[f"{name}.runs"]) for name in (f"{unit}.accuracy", best)}
        body.append(
            [
                name,
                mean(v, f"{unit}.before"),
                mean(v, f"{unit}.accuracy"),
                f"{mean(v, best)} (2^-{rate})",
                f"{ahead:+.1f}",
                f"{v[f'{unit}.kept_before']:.3f}, {mean(v, f'{unit}.kept')}",
                mean(v, f"{unit}.clamped", 0),
            ]
        )
    head = [
        "accuracy",
        "network alone",
        "unit, rate by trial",
        "float, best rate for all seeds",
        "unit - float, points",
    ]
    remark = f"Means of {' or '.join(map(str, sorted(seeds)))} seeds, each with a network of its own."
    return [*head, "task before: before, after", "clamped"], body, remark


def _stems(provenance: dict, prefix: str) -> dict[str, str]:
    """Points of an experiment, with their labels."""
    return {stem: label for stem, label in provenance["labels"].items() if stem.startswith(prefix)}
