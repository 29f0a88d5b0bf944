"""What came of a build: frequencies, cells, time of a walk. Read from the tools' reports."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...hw.boards.table import Board
from ...hw.unit.config import UnitConfig
from ..results.files import atomic_write, make_folder
from ..results.report import provenance
from ..units import UNITS

__all__ = ["Placement", "placement", "summarise", "write_json"]

#: Kinds of cells in nextpnr's reports, by what they are called in the summary. ECP5 has one kind for LUTs, and counts
#: halves of carry cells and of LUT RAM as LUTs; Gowin counts what is not a plain LUT by itself.
RESOURCES = {
    "dsp": ("MULT18X18D", "MULT18X18"),
    "bram": ("DP16KD", "BSRAM"),
    "lut": ("TRELLIS_COMB", "LUT4"),
    "ff": ("TRELLIS_FF", "DFF"),
}


@dataclass(frozen=True)
class Placement:
    """One placed and routed seed: what its clock can be and what was asked for, MHz; seconds it took, cells. Of several
    clocks, the one that is worst in relation to what was asked for counts."""

    seed: int
    fmax_mhz: float
    asked_mhz: float
    seconds: float
    cells: Mapping[str, Mapping[str, int]]


def placement(seed: int, seconds: float, report: Mapping[str, Any], clock_mhz: float = 0) -> Placement:
    """From nextpnr's ``report.json``; the clock is that for which most nearly ``clock_mhz`` were asked."""
    clocks = report["fmax"].values()
    asked = min((clock["constraint"] for clock in clocks), key=lambda mhz: abs(mhz - clock_mhz))
    return Placement(
        seed=seed,
        fmax_mhz=round(min(clock["achieved"] / clock["constraint"] for clock in clocks) * asked, 2),
        asked_mhz=asked,
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
    out |= _times(row.core, row, best)
    for cfg in row.beside:
        name = UNITS.of(cfg).folder
        out |= {name: cfg.to_dict(), f"{name}_digest": f"{cfg.digest:#010x}", **_times(cfg, row, best)}
    return out | {"bitstream_sha256": hashlib.sha256(bitstream).hexdigest(), "provenance": provenance()}


def _times(cfg: UnitConfig, row: Board, best: Placement) -> dict[str, float]:
    """Of the typical piece of work of a unit."""
    name, cycles = UNITS.of(cfg).typical(cfg)
    return {
        f"{name}_cycles": cycles,
        f"{name}_us": round(cycles / best.fmax_mhz, 2),
        f"{name}_us_at_clock": round(cycles / (row.uart.clock_hz / 1e6), 2),
    }


def write_json(path: Path, summary: Mapping[str, Any]) -> None:
    """Write it, whole or not at all, and the folder it lies in. Raises InputError if the file cannot be written."""
    make_folder(path.parent)
    with atomic_write(path) as file:
        file.write(json.dumps(summary, indent=1).encode() + b"\n")
