"""What has been measured so far, so that an interrupted run goes on where it was.

Counts of the simulated hardware depend on their inputs alone and are kept until those change. Times belong to one run,
side by side: they are kept only until that run ends, and no longer than :data:`LONGEST`.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...results.records import JsonRecords

__all__ = ["LONGEST", "Store"]

#: Seconds after which an interrupted run is begun anew: the machine may be in another state.
LONGEST = 1800.0
#: Name and key of the record of the run under way.
_SESSION = "session"


class Store:
    """Measurements as JSON files in a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    """

    def __init__(self, folder: Path):
        self._records = JsonRecords(folder)
        self.started = (self._records.read(_SESSION, _SESSION) or {}).get("started", 0.0)
        self.resumed = time.time() - self.started < LONGEST
        if not self.resumed:
            self.started = time.time()
            self._records.write(_SESSION, {"key": _SESSION, "started": self.started})

    def counted(self, name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
        """What ``compute`` returned for these inputs (JSON), now or earlier."""
        return self._kept(name, inputs, compute)

    def timed(self, name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
        """As :meth:`counted`, but never out of a run that has ended."""
        return self._kept(name, [inputs, self.started], compute)

    def finish(self) -> None:
        """The run is complete: the next one times anew."""
        self._records.path(_SESSION).unlink(missing_ok=True)

    def _kept(self, name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
        record = self._records.read(name, inputs)
        if record is None or "value" not in record:
            record = {"key": inputs, "value": compute()}
            self._records.write(name, record)
        # The first time as a later run will read it.
        return json.loads(json.dumps(record["value"]))
