"""The figures of the README are those of the files under results/."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_tables_are_fresh():
    done = subprocess.run(
        [sys.executable, ROOT / "docs/tables.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
