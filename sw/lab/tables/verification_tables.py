"""Tables of docs/verification.md from results/verification.json: header and rows from values and provenance."""

from .cells import Table

__all__ = ["coverage", "fuzz", "mutants", "proofs", "survivors"]


def _number(v: dict, name: str, form: str = ",") -> str:
    return format(v[name], form) if name in v else "-"


def mutants(v: dict, provenance: dict) -> Table:
    of = provenance["parts"].get("mutants", {})
    body = [
        ["tried, all of which become hardware", _number(v, "mutants.tried")],
        ["in so many files", _number(v, "mutants.files")],
        ["that cannot be elaborated, and do not count", _number(v, "mutants.stillborn")],
        ["equivalent: the same RTLIL, or proven to do the same", _number(v, "mutants.equivalent")],
        ["seen by a test", _number(v, "mutants.killed")],
        ["seen by none", _number(v, "mutants.survived")],
        ["**share seen, of those not equivalent**", f"**{_number(v, 'mutants.killed_share', '.1%')}**"],
        ["chosen from", ", ".join(f"`{name}`" for name in of.get("only", [])) or "all of `hw`"],
    ]
    return [f"mutants, seed {of.get('seed', '-')}", ""], body


def survivors(v: dict, provenance: dict) -> Table:
    left = provenance["parts"].get("mutants", {}).get("survivors", [])
    body = [[f"`{one['file']}:{one['line']}`", one["kind"], _diff(one["diff"])] for one in left]
    return ["place", "kind", "fault that no test saw"], body or [["none", "-", "-"]]


def _diff(text: str) -> str:
    lines = [line[2:].replace("|", "\\|") for line in text.splitlines()]
    return " became ".join(f"`{line}`" for line in lines)


def coverage(v: dict, provenance: dict) -> Table:
    of = provenance["parts"].get("coverage", {})
    body = [
        [f"`{tree}`", _number(v, f"coverage.{tree}", ".1%"), _number(v, f"coverage.{tree}.lines", ".1%")]
        for tree in ("hw", "sw", "sim")
    ]
    return [f"tests run: {of.get('tests', 'none yet')}", "lines and branches", "lines"], body


def proofs(v: dict, provenance: dict) -> Table:
    names = [name.removeprefix("proofs.").removesuffix(".method") for name in v if name.endswith(".method")]
    body = [
        [f"`{name}`", f"`{v[f'proofs.{name}.method']}`", f"{v[f'proofs.{name}.seconds']:g}"] for name in sorted(names)
    ]
    return ["proof", "options of Yosys' `sat`", "seconds"], body or [["none", "-", "-"]]


def fuzz(v: dict, provenance: dict) -> Table:
    targets = sorted({name.split(".")[1] for name in v if name.startswith("fuzz.") and name.count(".") == 2})
    body = [
        [
            f"`{target}`",
            *(_number(v, f"fuzz.{target}.{what}") for what in ("executions", "mismatches")),
            f"{v[f'fuzz.{target}.hours'] * 60:.1f}",
        ]
        for target in targets
    ]
    return ["target", "inputs", "that ended otherwise", "minutes"], body or [["none", "-", "-", "-"]]
