"""The table of docs/axi.md from results/axi.json."""

__all__ = ["resources"]

#: Columns: name in the results, title.
KINDS = {"dsp": "DSP48E2", "bram": "block RAM, 36 kbit", "lut": "LUT", "ff": "register"}


def resources(values: dict, provenance: dict) -> tuple[list[str], list[list[str]]]:
    """Header and rows: what each core takes of the part, and the share."""
    available = provenance["available"]
    names = dict.fromkeys(name.removeprefix("axi.").rpartition(".")[0] for name in values)
    body = [
        [f"`{preset}`, {unit}", *(_share(values[f"axi.{unit}.{preset}.{kind}"], available[kind]) for kind in KINDS)]
        for unit, _, preset in (name.partition(".") for name in names)
    ]
    body.append(["there are", *(f"{available[kind]:,}" for kind in KINDS)])
    return [provenance["part"], *KINDS.values()], body


def _share(used: float, available: int) -> str:
    return f"{used:,g} ({used / available:.1%})" if used != int(used) else f"{int(used):,} ({used / available:.1%})"
