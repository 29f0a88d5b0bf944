"""Gateware of skipwalk. What stands here is imported when it is asked for; configurations need no Amaranth."""

from .door import door

__all__ = ["CoreConfig", "LoraConfig", "LoraCore", "OSELMCore", "preset"]

__getattr__, __dir__ = door(
    __name__,
    {
        "CoreConfig": ".oselm.config",
        "LoraConfig": ".lora.config",
        "preset": ".oselm.config",
        "OSELMCore": ".oselm.core",
        "LoraCore": ".lora.core",
    },
)
