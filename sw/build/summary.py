"""What came of a build: frequencies, cells, time of a walk. Read from the tools' reports."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...hw.boards.table import Board
from ...sim.lora.cycles import LoraCycles
from ...sim.oselm.cycles import slot_cycles
from ..results.files import atomic_write
from ..results.report import provenance

__all__ = ["CONTEXTS_PER_WALK", "Placement", "placement", "summarise", "write_json"]

#: Kinds of cells in nextpnr's reports, by what they are called in the summary. ECP5 has one kind for LUTs, and counts
#: halves of carry cells and of LUT RAM as LUTs; Gowin counts what is not a plain LUT by itself.
RESOURCES = {
    "dsp": ("MULT18X18D", "MULT18X18"),
    "bram": ("DP16KD", "BSRAM"),
    "lut": ("TRELLIS_COMB", "LUT4"),
    "ff": ("TRELLIS_FF", "DFF"),
}
#: Contexts in a walk of 80 nodes with a window of 8.
CONTEXTS_PER_WALK = 73


@dataclass(frozen=True)
class Placement:
    """One placed and routed seed: its slowest clock in MHz, the slowest that was asked for, seconds it took, cells."""

    seed: int
    fmax_mhz: float
    asked_mhz: float
    seconds: float
    cells: Mapping[str, Mapping[str, int]]


def placement(seed: int, seconds: float, report: Mapping[str, Any]) -> Placement:
    """From nextpnr's ``report.json``."""
    clocks = report["fmax"].values()
    return Placement(
        seed=seed,
        fmax_mhz=round(min(clock["achieved"] for clock in clocks), 2),
        asked_mhz=min(clock["constraint"] for clock in clocks),
        seconds=round(seconds, 1),
        cells=report["utilization"],
    )


def summarise(row: Board, runs: Sequence[Placement], best: Placement, bitstream: bytes) -> dict[str, Any]:
    """The summary but for seconds and tools: frequency of every seed and cells of the best, and what follows."""
    out: dict[str, Any] = {
        "board": row.name,
        "title": row.title,
        "core": row.core.to_dict(),
        "core_digest": f"{row.core.digest:#010x}",
        "clock_mhz": row.uart.clock_hz / 1e6,
        "fmax_mhz": best.fmax_mhz,
        "seed": best.seed,
        "seeds": {str(run.seed): run.fmax_mhz for run in runs},
    }
    for name, kinds in RESOURCES.items():
        kind = next((kind for kind in kinds if kind in best.cells), None)
        if kind is not None:
            out[name] = {part: best.cells[kind][part] for part in ("used", "available")}
    cycles = CONTEXTS_PER_WALK * slot_cycles(row.core, row.core.max_samples)
    out |= _times("oselm.walk", cycles, row, best)
    if row.lora is not None:
        out |= {"lora": row.lora.to_dict(), "lora_digest": f"{row.lora.digest:#010x}"}
        out |= _times("lora.cached_sample", LoraCycles(row.lora).cached, row, best)
    return out | {"bitstream_sha256": hashlib.sha256(bitstream).hexdigest(), "provenance": provenance()}


def _times(name: str, cycles: float, row: Board, best: Placement) -> dict[str, float]:
    return {
        f"{name}_cycles": cycles,
        f"{name}_us": round(cycles / best.fmax_mhz, 2),
        f"{name}_us_at_clock": round(cycles / (row.uart.clock_hz / 1e6), 2),
    }


def write_json(path: Path, summary: Mapping[str, Any]) -> None:
    """Write it, whole or not at all, and the folder it lies in. Raises InputError if the file cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(json.dumps(summary, indent=1).encode() + b"\n")
