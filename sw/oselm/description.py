"""An OS-ELM core in words: what ``skipwalk info`` and the summaries of boards say of it."""

from ...hw.boards.fpgas import fpga_of
from ...hw.boards.table import BOARDS, Board
from ...hw.oselm.config import CoreConfig
from ...sim.oselm.resources import core_needs

__all__ = ["CONTEXTS_PER_WALK", "describe", "fits", "short", "typical"]

#: Contexts in a walk of 80 nodes with a window of 8.
CONTEXTS_PER_WALK = 73


def short(cfg: CoreConfig) -> str:
    """Its sizes in a line."""
    sizes = f"dim {cfg.dim}, {cfg.nodes} nodes, {cfg.max_samples} samples a context, {cfg.lanes} lanes, {cfg.schedule}"
    return sizes if cfg.has_p else f"{sizes}, constant gain"


def typical(cfg: CoreConfig) -> tuple[str, float]:
    """Cycles of a walk whose contexts are full."""
    from ...sim.oselm.cycles import slot_cycles  # and with it Numba, which takes a second

    return "oselm.walk", CONTEXTS_PER_WALK * slot_cycles(cfg, cfg.max_samples)


def fits(cfg: CoreConfig, board: Board) -> bool:
    """Whether a board has the multipliers and block RAMs for a core and its link, and memory for what is outside."""
    needs, fpga = core_needs(cfg, board.link), fpga_of(board)
    if cfg.slots and (board.sdram is None or board.sdram.address_bits < cfg.memory_map.address_bits):
        return False
    return needs.dsp <= fpga.dsp and needs.bram <= fpga.bram


def _store(cfg: CoreConfig) -> str:
    if not cfg.edge_ends:
        return "held by the host, which makes the walks"
    weights = f"weights of 16 bits, sums of {cfg.weight_bits}" if cfg.weight_bits else "edges without weights"
    where = "in memory outside" if cfg.lists_outside else "on the device"
    return (
        f"{where}: {cfg.edge_ends} edge ends, {weights}; the neighbours of a node take a power of two of them, "
        f"4 or more; {cfg.walkers} walks made at a time"
    )


def _rows(cfg: CoreConfig) -> str:
    if not cfg.slots:
        return "all on the chip"
    return (
        f"{cfg.nodes} in memory outside, {cfg.row_bytes} bytes each; {cfg.slots} slots for them on the chip; walks of "
        f"two nodes or more, negatives through a pool of up to {cfg.pool}, of which a walk replaces up to "
        f"{cfg.replaced}; the memory takes {cfg.memory_bytes / 1024:,.0f} KiB"
    )


def describe(cfg: CoreConfig) -> dict[str, str]:
    """What a core holds and needs, and the boards it fits."""
    memory = {"beta": cfg.engine.nodes * cfg.dim * cfg.beta.bits}
    if cfg.has_p:
        memory["P"] = cfg.dim**2 * cfg.p.bits
    formats = ("beta", "p", "k", "e", "u") if cfg.has_p else ("beta", "p", "k", "e")
    needs = core_needs(cfg)
    boards = [name for name, board in BOARDS.items() if fits(cfg, board)]
    return {
        "core": f"{cfg.name}: {short(cfg)}",
        "core digest": f"{cfg.digest:#010x}",
        "holds": f"graphs of up to {cfg.nodes} nodes; window - 1 + negatives up to {cfg.max_samples}; "
        + (f"walks of up to {cfg.max_walk} nodes, {cfg.walks} in flight" if cfg.walks else "the host makes contexts"),
        "rows": _rows(cfg),
        "store": _store(cfg),
        "formats": ", ".join(f"{name} {getattr(cfg, name)}" for name in formats),
        "gain": "OS-ELM: P learns from every context" if cfg.has_p else "constant: p0 stands for P (normalised LMS)",
        "mu": f"2^-{cfg.mu_shift}",
        "lookahead": str(cfg.lookahead),
        "memory": ", ".join(f"{name} {bits / 1024:,.0f} Kibit" for name, bits in memory.items()),
        "needs": f"{needs.dsp} multipliers, {needs.bram} block RAMs of 18 kbit",
        "fits": ", ".join(boards) or "none of the boards; any size fits the golden model and the simulated RTL",
    }
