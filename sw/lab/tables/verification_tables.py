"""Tables of docs/verification.md from results/verification.json: header and rows from values and provenance."""

from pathlib import Path

from ..verification.reasons import reason_of
from .cells import Table

__all__ = ["coverage", "coverage_points", "coverage_rtl", "fuzz", "mutants", "mutants_of_files", "proofs", "survivors"]


def _number(v: dict, name: str, form: str = ",") -> str:
    return format(v[name], form) if name in v else "-"


def mutants(v: dict, provenance: dict) -> Table:
    rows = {
        "tried, all of which become hardware": "tried",
        "in so many files": "files",
        "equivalent: the same RTLIL, or proven to do the same": "equivalent",
        "equivalent by reasoning: the next but one table says why": "reasoned",
        "seen by a test": "killed",
        "seen by none": "survived",
    }
    kinds = ("mutants.source", "mutants.netlist", "mutants")
    body = [[text, *(_number(v, f"{kind}.{name}") for kind in kinds)] for text, name in rows.items()]
    shares = [f"**{_number(v, f'{kind}.killed_share', '.1%')}**" for kind in kinds]
    seeds = [f"seed {provenance['parts'].get(kind, {}).get('seed', '-')}" for kind in kinds[:2]]
    body.append(["**share seen, of those not equivalent**", *shares])
    return ["mutants", f"of the source, {seeds[0]}", f"of the netlist, {seeds[1]}", "all"], body


def mutants_of_files(v: dict, provenance: dict) -> Table:
    """Files by folder that have had a mutant of either kind."""
    parts = [provenance["parts"].get(f"mutants.{kind}", {}) for kind in ("source", "netlist")]
    files = {file for part in parts for file in part.get("files", [])}
    folders = sorted({file.rpartition("/")[0] for file in files})
    body = [
        [f"`{folder}`", ", ".join(sorted(f"`{Path(f).stem}`" for f in files if f.rpartition("/")[0] == folder))]
        for folder in folders
    ]
    return ["folder", "files with a mutant"], body


def survivors(v: dict, provenance: dict) -> Table:
    parts = provenance["parts"]
    source, netlist = (parts.get(f"mutants.{kind}", {}).get("survivors", []) for kind in ("source", "netlist"))
    body = [[f"`{one['file']}:{one['line']}`", one["kind"], _diff(one["diff"]), "see below"] for one in source]
    body += [[f"`{one['file']}:{one['line']}`", "netlist", f"`{one['fault']}`", _reason(one)] for one in netlist]
    return ["place", "kind", "fault that no test saw", "reason"], body or [["none", "-", "-", "-"]]


def _reason(survivor: dict) -> str:
    reason = reason_of(survivor)
    if reason is None:
        return "none yet"
    return f"equivalent: {reason.text}" if reason.equal else reason.text


def _diff(text: str) -> str:
    lines = [line[2:].replace("|", "\\|") for line in text.splitlines()]
    return " became ".join(f"`{line}`" for line in lines)


def coverage(v: dict, provenance: dict) -> Table:
    of = provenance["parts"].get("coverage", {})
    body = [
        [f"`{tree}`", _number(v, f"coverage.{tree}", ".1%"), _number(v, f"coverage.{tree}.lines", ".1%")]
        for tree in ("hw", "sw", "sim")
    ]
    if "coverage.sw.without_optional" in v:
        shares = [_number(v, f"coverage.sw.without_optional{kind}", ".1%") for kind in ("", ".lines")]
        body.insert(2, ["`sw` without optional parts", *shares])
    return [f"tests run: {of.get('tests', 'none yet')}", "lines and branches", "lines"], body


def proofs(v: dict, provenance: dict) -> Table:
    names = [name.removeprefix("proofs.").removesuffix(".method") for name in v if name.endswith(".method")]
    body = [
        [f"`{name}`", f"`{v[f'proofs.{name}.method']}`", f"{v[f'proofs.{name}.seconds']:g}"] for name in sorted(names)
    ]
    return ["proof", "options of Yosys' `sat`", "seconds"], body or [["none", "-", "-"]]


def coverage_rtl(v: dict, provenance: dict) -> Table:
    """By folder of the gateware: branches, and changes of bits, that were reached."""
    folders = provenance["parts"].get("coverage.rtl", {}).get("folders", {})

    def cells(counts: dict) -> list[str]:
        return [f"{seen:,} of {there:,} ({seen / there:.1%})" if there else "-" for there, seen in counts.values()]

    sums = {
        kind: [sum(counts[kind][n] for counts in folders.values()) for n in (0, 1)] for kind in ("branch", "change")
    }
    body = [[f"`{folder}`", *cells(counts)] for folder, counts in folders.items()]
    return ["folder", "branches", "bits that went up, or down"], [*body, ["**all**", *cells(sums)]]


def coverage_points(v: dict, provenance: dict) -> Table:
    """Functional coverage: groups of points, and how many of each were reached."""
    points = provenance["parts"].get("coverage.rtl", {}).get("points", {})
    body = [[name, str(there), str(seen)] for name, (there, seen) in points.items()]
    return ["what has to happen", "points", "reached"], body or [["none", "-", "-"]]


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
