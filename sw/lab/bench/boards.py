"""At which clock a core runs: what place and route left under ``results/boards``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....hw.fabric.ram_grid import BlockGrid
from ....hw.lora.config import LoraConfig
from ....hw.oselm.config import CoreConfig

__all__ = ["BLOCK_RAMS", "BOARD", "NOMINAL_MHZ", "Board", "beta_block_rams", "read_boards"]

#: The board whose clock the comparison takes.
BOARD = "ulx3s-85f"
#: Clocks at which times are shown besides.
NOMINAL_MHZ = (50, 75, 100, 150, 200)
#: Block RAMs of 18 kbit in an LFE5U-85F.
BLOCK_RAMS = 208


@dataclass(frozen=True)
class Board:
    """A routed design.

    Attributes
    ----------
    name, title : str
    fmax_mhz : float
        Of its slowest clock, after routing.
    core : CoreConfig
    lora : LoraConfig or None
        The second core, if the board carries one.
    """

    name: str
    title: str
    fmax_mhz: float
    core: CoreConfig
    lora: LoraConfig | None


def read_boards(folder: Path) -> dict[str, Board]:
    """The boards under a folder, by name; files that are no summary of a board are passed over."""
    found = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        summary: Any = json.loads(path.read_text())
        if not isinstance(summary, dict) or "fmax_mhz" not in summary or "core" not in summary:
            continue
        lora = LoraConfig.from_dict(summary["lora"]) if summary.get("lora") else None
        core = CoreConfig.from_dict(summary["core"])
        name = str(summary["board"])
        found[name] = Board(name, str(summary.get("title", name)), float(summary["fmax_mhz"]), core, lora)
    return found


def beta_block_rams(cfg: CoreConfig) -> int:
    """Block RAMs for the rows of beta alone."""
    return cfg.lanes * BlockGrid.cheapest(cfg.nodes * cfg.chunks, cfg.beta.bits).blocks
