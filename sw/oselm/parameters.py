"""Parameters of ``Node2Vec``: the core that they describe, and whether they go together."""

from typing import Any

from ...hw.oselm.config import CoreConfig, Schedule, preset
from ..errors import CapacityError
from .model import learning

__all__ = ["check_parameters", "core_of"]


def core_of(
    base: str | CoreConfig,
    *,
    dim: int | None = None,
    nodes: int | None = None,
    schedule: str | None = None,
    mu_shift: int | None = None,
) -> CoreConfig:
    """A preset, or a core, with what is given changed. Raises ValueError or TypeError as CoreConfig does."""
    if not isinstance(base, CoreConfig):
        base = preset(base)
    changes: dict[str, Any] = {}
    if nodes is not None:
        changes["nodes"] = nodes
    if mu_shift is not None:
        changes["mu_shift"] = mu_shift
    if dim is not None:
        # The largest power of two in dim, because a row has to be whole beats of all lanes.
        changes["dim"], changes["lanes"] = dim, min(base.lanes, max(2, dim & -dim))
        changes["group"] = min(base.group, changes["lanes"])
    if schedule is not None and Schedule(schedule) is not base.schedule:
        changes["schedule"] = Schedule(schedule)
        changes["lookahead"] = 0 if schedule == Schedule.SEQUENTIAL else 3
    return base.replace(**changes)


def check_parameters(config: CoreConfig, params: dict[str, Any]) -> None:
    """Raises ValueError or TypeError for a parameter of ``Node2Vec`` that is out of range, and CapacityError for
    contexts that are too long for the core."""
    for name in ("walks_per_node", "block_walks"):
        if type(params[name]) is not int:
            raise TypeError(f"{name} must be an integer, not {params[name]!r}")
        if params[name] < 1:
            raise ValueError(f"{name} must be at least 1, not {params[name]}")
    how = learning(params, config)
    how.check(config)
    sampling, per = how.sampling, "for each positive" if how.sampling.per_positive else "shared"
    if sampling.samples > config.max_samples:
        shown = f"{sampling.negatives} shared negatives" if per == "shared" else f"{sampling.negatives} negatives {per}"
        raise CapacityError(
            f"a window of {sampling.window} and {shown} make contexts of {sampling.samples} samples, but the core "
            f"({config.name}) takes {config.max_samples}; lower window or negatives, or choose another preset"
        )
    if params["block_walks"] % params["walks_in_flight"]:
        raise ValueError(
            f"block_walks ({params['block_walks']}) must be a multiple of walks_in_flight ({params['walks_in_flight']})"
        )
