"""What the cores cost, counted in the simulated gateware by their own counters."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ....hw.oselm.config import CoreConfig
from ....sim.oselm.cycles import roofline_cycles, slot_cycles, train_cycles
from ...link.transport import open_transport
from ...lora.estimator import SkipLoRA
from ...lora.network import Network
from ...lora.tasks import RATE, Task
from ...oselm.driver import OSELMDevice
from .work import BLOCK, INFLATION, P0, Work, as_contexts

__all__ = ["Case", "breakdown", "core_key", "count", "count_lora"]


@dataclass(frozen=True)
class Case:
    """Contexts to count: so many walks, with this window and these negatives."""

    walks: int
    window: int = 8
    negatives: int = 24
    per_positive: bool = False

    @property
    def samples(self) -> int:
        """Samples of a context."""
        positives = self.window - 1
        return positives * (1 + self.negatives) if self.per_positive else positives + self.negatives


def core_key(cfg: CoreConfig) -> str:
    """Tells cores apart whose cycles may differ: all of the configuration but its name."""
    return hashlib.sha256(json.dumps(cfg.replace(name="").to_dict(), sort_keys=True).encode()).hexdigest()[:16]


def count(work: Work, cfg: CoreConfig, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Train the walks of each case in the RTL.

    Returns
    -------
    list of dict
        The core's counters by name; ``core`` (:func:`core_key`) and ``case``; and for comparison the cycles of these
        contexts by :func:`skipwalk.sim.oselm.cycles.slot_cycles` (``closed_form``), ``roofline_cycles`` and
        ``train_cycles`` (``exact``).

    Raises DeviceError if the RTL cannot be compiled.
    """
    found = []
    with OSELMDevice(open_transport("rtl", cfg), cfg) as device:
        device.set_parameters(q=INFLATION, p0=P0)
        for case in cases:
            if cfg.has_p:
                device.write_p(np.eye(cfg.dim) * P0)
            device.load(work.rows(cfg.dim))
            exact = 0
            device.clear_counters()
            for first in range(0, case.walks, BLOCK):
                n = min(BLOCK, case.walks - first)
                batch = work.contexts(
                    first, n, window=case.window, negatives=case.negatives, per_positive=case.per_positive
                )
                device.train(batch)
                exact += train_cycles(cfg, as_contexts(batch))
            counters = device.counters()
            contexts = counters["contexts"]
            found.append(
                {
                    **counters,
                    "core": core_key(cfg),
                    "case": asdict(case),
                    "closed_form": slot_cycles(cfg, case.samples) * contexts,
                    "roofline": roofline_cycles(cfg, case.samples) * contexts,
                    "exact": exact,
                }
            )
    return found


def breakdown(cfg: CoreConfig, counted: dict[str, Any]) -> dict[str, float]:
    """Where the cycles of :func:`count` went, as shares of them.

    ``busy.*``: of each group of ``lanes`` multipliers (dots and updates of P and of rows, and the gain's two); a
    core without P has dots of centres too, and 0 for those of P.
    ``stall.*``: no step could be issued, by reason. ``idle``: neither a step nor a known reason, which is filling and
    draining at barriers. ``multipliers``: of all multipliers in all cycles; ``roofline``: least cycles by taken ones.
    """
    cycles, contexts, samples = counted["cycles"], counted["contexts"], counted["samples"]
    sweep, chunks, lanes = cfg.dim * cfg.chunks if cfg.has_p else 0, cfg.chunks, cfg.lanes
    stalls = {name.removeprefix("wait_"): counted[name] for name in counted if name.startswith("wait_")}
    # Beats of the four groups; an update beat turns u into k, too.
    beats = {
        "p_dot": contexts * sweep,
        "p_update": contexts * sweep,
        "row_dot": (samples if cfg.has_p else samples + contexts) * chunks,
        "row_update": (samples + contexts) * chunks,
    }
    # h.u, element by element, and the reciprocal; without P, p0 h.h in two parts, p0 g, and the reciprocal.
    gain = contexts * (cfg.dim + 1 if cfg.has_p else 4)
    used = sum(beats.values()) * lanes + gain
    issued = (contexts + samples) * chunks
    return {
        **{f"busy.{name}": n / cycles for name, n in beats.items()},
        "busy.gain": gain / (2 * cycles),
        "issuing": issued / cycles,
        **{f"stall.{name}": n / cycles for name, n in stalls.items()},
        "idle": max(0.0, 1 - (issued + sum(stalls.values())) / cycles),
        "multipliers": used / ((cfg.lane_multipliers + 2) * cycles),
        "roofline": counted["roofline"] / cycles,
    }


def count_lora(task: Task, network: Network, epochs: int, uncached_epochs: int) -> dict[str, Any]:
    """Fine-tune in the RTL, with the Skip-Cache for ``epochs`` and without for ``uncached_epochs``.

    Returns cycles and counters of both, the accuracy, and what ``skipwalk.sim.lora.cycles`` says of a sample.
    Raises DeviceError if the RTL cannot be compiled.
    """
    from ....sim.lora.cycles import LoraCycles, roofline_backbone, roofline_cached

    results: dict[str, Any] = {"samples": len(task.finetune[1]), "epochs": epochs, "uncached_epochs": uncached_epochs}
    for kind, cached, n in (("cached", True, epochs), ("uncached", False, uncached_epochs)):
        model = SkipLoRA(network, epochs=n, learning_rate=RATE, backend="rtl", cache=cached)
        model.fit(*task.finetune)
        results[kind] = {"cycles": (model.load_cycles_ or 0) + (model.train_cycles_ or 0), "counters": model.counters_}
        if cached:
            results["accuracy"] = model.score(*task.test)
        model.close()
    cfg = model.cfg
    cost = LoraCycles(cfg)
    results["closed_form"] = {"cached": cost.cached, "uncached": cost.uncached}
    cached_roof = roofline_cached(cfg)
    results["roofline"] = {"cached": cached_roof, "uncached": cached_roof + roofline_backbone(cfg)}
    results["parameters"] = cfg.parameters
    return results
