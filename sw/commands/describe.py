"""What ``skipwalk info`` says of cores, units and boards: what each is, and what fits."""

from collections.abc import Iterator

from ...hw.boards.devices import device_of
from ...hw.boards.table import BOARDS, Board
from ...hw.lora.config import LoraConfig
from ...hw.oselm.config import CoreConfig
from ...sim.oselm.resources import core_needs
from ..results.report import aligned
from .export import PRESETS

__all__ = ["describe_core", "named", "overview"]


def overview() -> str:
    """Every preset and every board, one a line."""
    lines = [[name, kind, _short(cfg)] for kind, presets in PRESETS.items() for name, cfg in presets.items()]
    for name, board in BOARDS.items():
        lines += [[name, "board", f"{board.title}; {' and '.join(_of_unit(cfg) for cfg in board.cores)}"]]
    return "\n".join(aligned(lines, words={0, 1, 2}))


def named(name: str) -> Iterator[dict[str, str]]:
    """What has this name: presets of either unit, or a board."""
    for presets in PRESETS.values():
        if name in presets:
            yield describe_core(presets[name])
    if name in BOARDS:
        yield _describe_board(BOARDS[name])


def describe_core(cfg: CoreConfig | LoraConfig) -> dict[str, str]:
    return _describe_unit(cfg) if isinstance(cfg, LoraConfig) else _describe_oselm(cfg)


def _describe_store(cfg: CoreConfig) -> str:
    if not cfg.edge_ends:
        return "held by the host, which makes the walks"
    weights = f"weights of 16 bits, sums of {cfg.weight_bits}" if cfg.weight_bits else "edges without weights"
    return (
        f"on the device: {cfg.edge_ends} edge ends, {weights}; the neighbours of a node take a power of two of them, "
        f"4 or more; {cfg.walkers} walks made at a time"
    )


def _describe_oselm(cfg: CoreConfig) -> dict[str, str]:
    memory = {"beta": cfg.nodes * cfg.dim * cfg.beta.bits, "P": cfg.dim**2 * cfg.p.bits}
    needs = core_needs(cfg)
    boards = [name for name, board in BOARDS.items() if _fits(cfg, board)]
    return {
        "core": f"{cfg.name}: {_short(cfg)}",
        "core digest": f"{cfg.digest:#010x}",
        "holds": f"graphs of up to {cfg.nodes} nodes; window - 1 + negatives up to {cfg.max_samples}; "
        + (f"walks of up to {cfg.max_walk} nodes, {cfg.walks} in flight" if cfg.walks else "the host makes contexts"),
        "graph store": _describe_store(cfg),
        "formats": ", ".join(f"{name} {getattr(cfg, name)}" for name in ("beta", "p", "k", "e", "u")),
        "mu": f"2^-{cfg.mu_shift}",
        "lookahead": str(cfg.lookahead),
        "memory": ", ".join(f"{name} {bits / 1024:,.0f} Kibit" for name, bits in memory.items()),
        "needs": f"{needs.dsp} multipliers, {needs.bram} block RAMs of 18 kbit",
        "fits": ", ".join(boards) or "none of the boards; any size fits the golden model and the simulated RTL",
    }


def _describe_unit(cfg: LoraConfig) -> dict[str, str]:
    return {
        "unit": f"{cfg.name}: {_short(cfg)}",
        "unit digest": f"{cfg.digest:#010x}",
        "holds": f"a network of exactly these widths; {cfg.cache_samples} samples in the Skip-Cache",
        "adapters": f"{cfg.parameters} numbers",
        "activations": f"{cfg.x_bits} bits",
        "formats": ", ".join(f"{name} {getattr(cfg, name)}" for name in ("a", "b", "z", "y", "g", "gz")),
        "boards": ", ".join(name for name, board in BOARDS.items() if board.lora == cfg) or "none",
    }


def _describe_board(board: Board) -> dict[str, str]:
    device, needs = device_of(board), core_needs(board.core, board.link)
    lines = {
        "board": board.title,
        "clock": f"{board.uart.clock_hz / 1e6:g} MHz",
        "serial line": f"{board.baud} bit/s",
        "device": f"{device.name}: {device.dsp} multipliers, {device.bram} block RAMs of 18 kbit, {device.lut:,} LUTs",
        **describe_core(board.core),
        "needs": f"{needs.dsp} multipliers, {needs.bram} block RAMs, the link's with them",
        "opened by": f"--board {board.name} --backend serial:PORT@{board.baud}",
    }
    del lines["fits"]
    if board.lora is not None:
        lines |= {f"skip2-lora {name}": text for name, text in _describe_unit(board.lora).items() if name != "boards"}
    return lines


def _fits(cfg: CoreConfig, board: Board) -> bool:
    needs, device = core_needs(cfg, board.link), device_of(board)
    return needs.dsp <= device.dsp and needs.bram <= device.bram


def _of_unit(cfg: CoreConfig | LoraConfig) -> str:
    kind = next(kind for kind, presets in PRESETS.items() if isinstance(cfg, type(next(iter(presets.values())))))
    return f"{kind}: {_short(cfg)}"


def _short(cfg: CoreConfig | LoraConfig) -> str:
    if isinstance(cfg, LoraConfig):
        return f"widths {'-'.join(map(str, cfg.widths))}, {cfg.classes} classes, rank {cfg.rank}, {cfg.lanes} lanes"
    return f"dim {cfg.dim}, {cfg.nodes} nodes, {cfg.max_samples} samples a context, {cfg.lanes} lanes, {cfg.schedule}"
