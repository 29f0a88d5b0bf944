"""Where data sets are: $SKIPWALK_DATA, or ``../shared/data`` beside the checkout. Tests skip what is not there."""

import os
from pathlib import Path

__all__ = ["DATA"]

DATA = Path(os.environ.get("SKIPWALK_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
