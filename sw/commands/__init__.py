"""The subcommands of ``skipwalk``."""
