"""``python -m skipwalk.sw.bench``."""

from .cli import main

main()
