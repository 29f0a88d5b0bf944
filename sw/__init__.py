"""Host side of skipwalk. What stands here is imported when it is asked for: Numba and scikit-learn take seconds."""

from ..hw.door import door

__all__ = ["Graph", "Node2Vec", "SkipLoRA"]

__getattr__, __dir__ = door(
    __name__,
    {
        "Node2Vec": ".oselm.estimator",
        "SkipLoRA": ".lora.estimator",
        "Graph": ".graph.graph",
    },
)
