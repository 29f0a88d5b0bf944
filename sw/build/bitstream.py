"""From a board's row to its bitstream: ``skipwalk build ulx3s-25f``.

The commands of :mod:`skipwalk.hw.boards.prepare` are run one by one. Placement is repeated for several
seeds. What is in ``build/boards/BOARD`` is taken up again if its inputs have not changed.
"""

import contextlib
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...hw.boards.prepare import NAME, REPORT, SEED, BuildFailed, prepare
from ...hw.boards.table import Board
from ...sim.rtl.build import build_root
from ...sim.rtl.synthesis import yosys_command
from ..results.files import atomic_write, exclusive
from .summary import Placement, placement, summarise, write_json
from .tools import BITSTREAMS, Progress, run_tool, versions

__all__ = ["BuildFailed", "build", "repeat", "step"]


def _himbaechel(words: Sequence[str]) -> list[str]:
    """Options of the old nextpnr-gowin as its successor takes them."""
    out: list[str] = []
    renamed = {"--family": "family=", "--cst": "cst="}
    pending = iter(words)
    for word in pending:
        out += ["--vopt", renamed[word] + next(pending)] if word in renamed else [word]
    return out


def _digest(*parts: Path | list[str] | dict) -> str:
    """SHA-256 over files, by what is in them, and over lists and dictionaries."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()


def step(
    folder: Path,
    what: str,
    key: str,
    action: Callable[[Progress], None],
    *,
    label: str = "",
    makes: Sequence[Path] = (),
) -> float:
    """Run ``action`` unless it was run with the same ``key``; seconds it took then or now.

    An action that fails, or that is interrupted, is run again the next time, and so is one of whose files that it
    ``makes`` none is left. Raises BuildFailed if it makes none.
    """
    label = label or what
    stamp = folder / f"{what}.done"
    done = re.fullmatch(rf"{key} ([0-9.]+)", stamp.read_text(errors="replace")) if stamp.exists() else None
    if done and _made(makes):
        print(f"  [     --] {label}: as before", file=sys.stderr, flush=True)
        return float(done[1])
    stamp.unlink(missing_ok=True)
    for path in makes:
        path.unlink(missing_ok=True)
    progress = Progress(label)
    action(progress)
    if not _made(makes):
        raise BuildFailed(f"{label} ended well, but left no {' and no '.join(map(str, makes))}; see the logs beside")
    seconds = progress.seconds
    stamp.write_text(f"{key} {seconds:.1f}")
    progress.say("done")
    return seconds


def _made(files: Sequence[Path]) -> bool:
    return not files or any(path.is_file() and path.stat().st_size for path in files)


def _read_json(path: Path, remedy: str) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
        if isinstance(data, dict):
            return data
    except (ValueError, RecursionError):
        pass
    raise BuildFailed(f"{path} is damaged; {remedy}")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process at a time builds in the folder. Raises BuildFailed if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder.parent / f".{folder.name}.lock"
        lock.touch()
        with exclusive(lock):
            yield
    except OSError as error:
        raise BuildFailed(
            f"{error.filename or folder}: {error.strerror or error}; set SKIPWALK_BUILD to a folder that can be written"
        ) from error


def build(
    row: Board,
    *,
    seeds: Sequence[int] = (),
    jobs: int = 1,
    timeout: float = 7200,
    synthesis_only: bool = False,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Build a board's bitstream; returns (and writes to ``summary.json``) what came of it.

    Parameters
    ----------
    row : Board
        Of the table.
    seeds : sequence of int
        Of the placer; the bitstream is that of the fastest. Those of the row if none are given.
    jobs : int
        How many placements may run at once; each of a large design takes gigabytes.
    timeout : float
        Seconds for one run of a tool.
    synthesis_only : bool
        Stop before placement; nothing is returned.
    folder : Path, optional
        Where everything is built, instead of ``build/boards/BOARD``.

    Raises
    ------
    BuildFailed
        A tool is missing or failed, or no seed met the clock.
    """
    folder = folder or build_root() / "boards" / row.name
    with _alone(folder):
        return _build(row, folder, seeds or row.seeds, jobs, timeout, synthesis_only)


def _build(
    row: Board, folder: Path, seeds: Sequence[int], jobs: int, timeout: float, synthesis_only: bool
) -> dict[str, Any]:
    print(f"{row.title}: {folder}", file=sys.stderr)
    synthesis, place, pack = prepare(row, folder)
    tools = versions([place[0], pack[0]])
    source = _digest(folder / f"{NAME}.il", folder / f"{NAME}.ys", {"pyosys": tools.get("pyosys")})
    synthesise = yosys_command([f"script {synthesis[-1]}"])

    def run_synthesis(progress: Progress) -> None:
        run_tool(synthesise, folder, timeout, progress, log="yosys.log")

    netlist = folder / place[place.index("--json") + 1]
    took = step(folder, "synthesis", source, run_synthesis, makes=[netlist])
    seconds: dict[str, Any] = {"synthesis": round(took, 1)}
    if synthesis_only:
        return {}
    # What stops from here on must not leave an older bitstream to be programmed.
    for name in BITSTREAMS:
        (folder / name).unlink(missing_ok=True)
    constraints = next(folder / f"{NAME}.{kind}" for kind in ("lpf", "cst") if (folder / f"{NAME}.{kind}").exists())

    remedy = f"remove {folder}, and build again"

    def run_placement(seed: int) -> Placement:
        part = folder / f"seed-{seed}"
        part.mkdir(exist_ok=True)
        for path in (netlist, constraints):
            shutil.copyfile(path, part / path.name)
        command = [word.replace(SEED, str(seed)) for word in place]
        if command[0] == "nextpnr-gowin":
            command = _himbaechel(command)
        key = _digest(netlist, constraints, command, tools)
        label = f"seed {seed}, place and route"
        report = part / REPORT
        took = step(
            part, "place_route", key, lambda p: run_tool(command, part, timeout, p), label=label, makes=[report]
        )
        try:
            run = placement(seed, took, _read_json(report, remedy), row.uart.clock_hz / 1e6)
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
            raise BuildFailed(f"{report} tells no frequency; {remedy}") from None
        if run.asked_mhz < 0.999 * row.uart.clock_hz / 1e6:
            raise BuildFailed(
                f"{row.name}: {run.asked_mhz:g} MHz were asked for, not {row.uart.clock_hz / 1e6:g}: see {part}"
            )
        print(f"  seed {seed}: {run.fmax_mhz:.1f} MHz", file=sys.stderr, flush=True)
        return run

    with ThreadPoolExecutor(jobs) as pool:
        runs = list(pool.map(run_placement, seeds))
    best = max(runs, key=lambda run: run.fmax_mhz)
    part = folder / f"seed-{best.seed}"
    key = _digest(netlist, constraints, pack, tools, {"seed": best.seed})
    packed = [part / name for name in BITSTREAMS]
    step(part, "pack", key, lambda p: run_tool(pack, part, timeout, p), makes=packed)
    bitstream = next(path for path in packed if path.exists())
    seconds["place_route"] = {str(run.seed): run.seconds for run in runs}
    inputs = _digest(folder / f"{NAME}.il", folder / f"{NAME}.ys", constraints, place, pack, tools)
    summary = summarise(row, runs, best, bitstream.read_bytes())
    summary |= {"inputs_sha256": inputs, "seconds": seconds, "tools": tools}
    write_json(folder / "summary.json", summary)
    needed = row.uart.clock_hz / 1e6
    met = best.fmax_mhz >= needed
    if met:
        with atomic_write(folder / bitstream.name) as file:
            file.write(bitstream.read_bytes())
    place_of = (folder if met else part) / bitstream.name
    print(f"  bitstream {place_of}: SHA-256 {summary['bitstream_sha256']}", file=sys.stderr, flush=True)
    if not met:
        raise BuildFailed(
            f"{row.name}: {best.fmax_mhz} MHz at best, {needed:g} MHz are needed; try more seeds, or lower "
            f"clock_hz in hw/boards/table.py"
        )
    return summary


def repeat(row: Board, *, timeout: float = 7200) -> str:
    """Build the fastest seed of a finished build once more, from nothing; returns the SHA-256 that both have.

    Raises BuildFailed if the bytes differ, or the board was not built before.
    """
    first = build_root() / "boards" / row.name / "summary.json"
    if not first.exists():
        raise BuildFailed(f"{row.name} has not been built: `skipwalk build {row.name}` builds it")
    before = _read_json(first, again := f"`skipwalk build {row.name}` writes it")
    if not {"seed", "inputs_sha256", "bitstream_sha256"} <= before.keys():
        raise BuildFailed(f"{first} is no summary of a build; {again}")
    folder = build_root() / "boards" / f"{row.name}-again"
    with _alone(folder):
        shutil.rmtree(folder, ignore_errors=True)
        after = _build(row, folder, [before["seed"]], 1, timeout, synthesis_only=False)
    for name in ("inputs_sha256", "bitstream_sha256"):
        if before[name] != after[name]:
            raise BuildFailed(f"{row.name}: {name} was {before[name]} and is now {after[name]}")
    return after["bitstream_sha256"]
