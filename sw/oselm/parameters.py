"""Parameters of ``Node2Vec``: the core that they describe, and whether they go together."""

from typing import Any

from ...hw.oselm.config import CoreConfig, Schedule, preset
from ..errors import CapacityError
from .model import learning

__all__ = ["MOST_PER_END", "MOST_WALKS", "check_count", "check_parameters", "core_of"]

#: Walks from a node in one call, and walks between two barriers.
MOST_WALKS = 1 << 32
#: Walks from each end of a change.
MOST_PER_END = (1 << 16) - 1


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
        if not isinstance(base, str):
            raise TypeError(f"preset must be the name of one, or a CoreConfig, not {base!r}")
        base = preset(base)
    changes: dict[str, Any] = {}
    for name, value in (("dim", dim), ("nodes", nodes), ("mu_shift", mu_shift)):
        if value is not None and type(value) is not int:
            raise TypeError(f"{name} must be an integer, not {value!r}")
    if schedule is not None and schedule not in list(Schedule):
        raise ValueError(f"schedule must be {' or '.join(Schedule)}, not {schedule!r}")
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


def check_count(name: str, value: Any, most: int) -> None:
    """Raises TypeError or ValueError for a parameter that is no integer from 1 to ``most``."""
    if type(value) is not int:
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if not 1 <= value <= most:
        raise ValueError(f"{name} must be {'at least 1' if value < 1 else f'at most {most}'}, not {value}")


def check_parameters(config: CoreConfig, params: dict[str, Any]) -> None:
    """Raises ValueError or TypeError for a parameter of ``Node2Vec`` that is out of range, and CapacityError for
    contexts that are too long for the core."""
    for name in ("walks_per_node", "block_walks"):
        check_count(name, params[name], MOST_WALKS)
    for name in ("p", "q", "update_p", "update_q", "inflation", "p0", "init_scale"):
        if type(params[name]) not in (int, float) and not (name.startswith("update_") and params[name] is None):
            raise TypeError(f"{name} must be a number, not {params[name]!r}")
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
