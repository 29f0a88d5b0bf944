"""``make bench``: this machine's CPU against the core, and where the core's cycles go. docs/bench.md says how."""
