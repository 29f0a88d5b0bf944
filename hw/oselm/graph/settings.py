"""What the host sets for walks, their starts and first values; seen from the parameters."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from ..config import CoreConfig
from .candidates import CASES
from .row_filler import SCALE_BITS

__all__ = ["RoundPlace", "WalkSettings"]


class WalkSettings(wiring.Signature):
    """``length``: nodes of a walk, 0 as long as none has been set. ``limits``: of the :data:`CASES` of a step.
    ``scale``: largest first value. All are steady while walks are made and rows are filled."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "length": Out(range(cfg.max_walk + 1)),
                "limits": Out(data.ArrayLayout(32, CASES)),
                "scale": Out(SCALE_BITS),
            }
        )


class RoundPlace(wiring.Signature):
    """``value`` is the round of the starts (``set_round``), whose first place comes next, or the place
    (``set_place``). Only while no start is being looked for."""

    def __init__(self):
        super().__init__({"value": Out(32), "set_round": Out(1), "set_place": Out(1)})
