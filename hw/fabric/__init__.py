"""What every design is made of: cells of vendors, memories, delay lines, chains, counters."""
