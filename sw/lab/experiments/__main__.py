"""``python -m skipwalk.sw.lab.experiments``."""

from .cli import main

if __name__ == "__main__":
    main()
