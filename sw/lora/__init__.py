"""Skip2-LoRA: a frozen network is fine-tuned by adapters, on the unit's golden model or its RTL."""
