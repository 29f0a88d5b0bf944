"""``python -m skipwalk.sw.lab.bench``."""

from .cli import main

main()
