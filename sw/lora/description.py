"""A Skip2-LoRA unit in words: what ``skipwalk info`` and the summaries of boards say of it."""

from ...hw.boards.table import BOARDS
from ...hw.lora.config import LoraConfig

__all__ = ["describe", "short", "typical"]


def short(cfg: LoraConfig) -> str:
    """Its sizes in a line."""
    return f"widths {'-'.join(map(str, cfg.widths))}, {cfg.classes} classes, rank {cfg.rank}, {cfg.lanes} lanes"


def typical(cfg: LoraConfig) -> tuple[str, float]:
    """Cycles of a sample out of the Skip-Cache."""
    from ...sim.lora.cycles import LoraCycles  # and with it Numba, which takes a second

    return "lora.cached_sample", LoraCycles(cfg).cached


def describe(cfg: LoraConfig) -> dict[str, str]:
    """What a unit holds, and the boards that carry it."""
    return {
        "unit": f"{cfg.name}: {short(cfg)}",
        "unit digest": f"{cfg.digest:#010x}",
        "holds": f"a network of exactly these widths; {cfg.cache_samples} samples in the Skip-Cache",
        "adapters": f"{cfg.parameters} numbers",
        "activations": f"{cfg.x_bits} bits",
        "formats": ", ".join(f"{name} {getattr(cfg, name)}" for name in ("a", "b", "z", "y", "g", "gz")),
        "boards": ", ".join(name for name, board in BOARDS.items() if board.lora == cfg) or "none",
    }
