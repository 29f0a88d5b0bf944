"""The table of boards at the head of docs/boards.md, from the rows of :mod:`skipwalk.hw.boards.table`."""

from collections.abc import Mapping
from typing import Any

from ....hw.boards.table import BOARDS, Board
from ....hw.lora.config import LoraConfig
from ....hw.oselm.config import CoreConfig

__all__ = ["board_rows"]


def board_rows(routed: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and a row for each board; ``routed`` has the summary of each that has a bitstream."""
    body = []
    for name, row in BOARDS.items():
        clock = f"{row.uart.clock_hz / 1e6:g}"
        clock += f", SDRAM {row.sdram.clock_hz / 1e6:g}" if row.sdram is not None else ""
        clock += _state(row, routed.get(name))
        lora = "-" if row.lora is None else _lora(row.lora)
        body.append([f"`{name}`", row.title, _oselm(row), lora, clock, f"{row.baud / 1e6:g}"])
    return ["`BOARD`", "device", "OS-ELM", "Skip2-LoRA", "clock, MHz", "serial line, Mbaud"], body


def _state(row: Board, summary: Mapping[str, Any] | None) -> str:
    """What is not routed, or not as it is now."""
    if summary is None:
        return "; not placed and routed yet"
    cores = {"core_digest": row.core, "lora_digest": row.lora}
    same = all(cfg is None or summary.get(key) == f"{cfg.digest:#010x}" for key, cfg in cores.items())
    return "" if same else "; the bitstream below is of an earlier core"


def _oselm(row: Board) -> str:
    cfg: CoreConfig = row.core
    parts = [f"D = {cfg.dim}", f"{cfg.nodes:,} nodes", f"{cfg.lane_multipliers} lane multipliers"]
    if not cfg.has_p:
        parts.insert(0, "[without P](oselm.md#without-p)")
    if cfg.slots:
        parts.insert(2, f"rows in SDRAM through {cfg.slots:,} slots ([memory.md](memory.md#a-board-with-an-sdram))")
    parts += [f"{cfg.max_samples} samples a context"]
    parts += [f"{cfg.walks} walks in the front end" if cfg.walks else "contexts from the host"]
    where = " in SDRAM" if cfg.lists_outside else ""
    parts += [f"a graph of {cfg.edge_ends:,} edge ends{where}"] if cfg.edge_ends else []
    return ", ".join(parts)


def _lora(cfg: LoraConfig) -> str:
    widths = "-".join(map(str, (*cfg.widths, cfg.classes)))
    return (
        f"{widths} at rank {cfg.rank}, {cfg.cache_samples} samples in the Skip-Cache, {2 * cfg.lanes} lane multipliers"
    )
