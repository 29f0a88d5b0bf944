"""``python -m skipwalk.sw.experiments``."""

from .cli import main

if __name__ == "__main__":
    main()
