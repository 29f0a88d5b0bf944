"""Tables of the experiments: header and rows from values by name and provenance, as ``results/experiments.json`` has
them. Cells are means over seeds with half of their 95 % t-interval, where there is more than one seed."""

Values = dict
Table = tuple[list[str], list[list[str]]]

_TASKS = {"digits": "digits, turned", "digits-faded": "digits, turned, faded, noisy", "fan": "fan, noisy room"}


def mean(v: Values, name: str, digits: int = 3) -> str:
    """A mean and its spread; a dash where nothing was measured."""
    if name not in v:
        return "-"
    spread = v.get(f"{name}.spread")
    return f"{v[name]:,.{digits}f}" + (f" ± {spread:,.{digits}f}" if spread else "")


def cora(v: Values, provenance: dict) -> Table:
    stems = _stems(provenance, "cora.static.")
    body: dict[str, dict[str, str]] = {}
    for stem, label in stems.items():
        name, _, dim = label.partition(", D = ")
        body.setdefault(name, {})[dim] = mean(v, f"{stem}.f1_micro")
    dims = ("32", "64", "96")
    return ["micro-F1 on Cora", *(f"D = {dim}" for dim in dims)], [
        [name, *(cells.get(dim, "-") for dim in dims)] for name, cells in body.items()
    ]


def growing(v: Values, provenance: dict) -> Table:
    body = [
        [label, *(mean(v, f"{stem}.{when}.f1_micro") for when in ("forest", "grown"))]
        for stem, label in _stems(provenance, "cora.growing.").items()
    ]
    return ["micro-F1 on Cora", "spanning forest", "every other edge inserted, one by one"], body


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


def _stems(provenance: dict, prefix: str) -> dict[str, str]:
    """Points of an experiment, with their labels."""
    return {stem: label for stem, label in provenance["labels"].items() if stem.startswith(prefix)}
