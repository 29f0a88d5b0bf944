"""The Skip2-LoRA unit. ``config`` and ``protocol`` import nothing but the standard library."""
