"""``skipwalk`` as it is called, within the test's process."""

from click.testing import CliRunner, Result
from skipwalk.sw.cli import main

__all__ = ["skipwalk"]


def skipwalk(*arguments: object) -> Result:
    """Run the program with these arguments; what it says is in ``stdout`` and ``stderr``."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
