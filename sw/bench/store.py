"""What has been measured so far, so that an interrupted run goes on where it was.

Counts of the simulated hardware depend on their inputs alone and are kept until those change. Times belong to one run,
side by side: they are kept only until that run ends, and no longer than :data:`LONGEST`.
"""

import hashlib
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ..export import atomic_write

__all__ = ["LONGEST", "Store", "source_digest"]

#: Seconds after which an interrupted run is begun anew: the machine may be in another state.
LONGEST = 1800.0


class Store:
    """Measurements as JSON files in a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._session = folder / "session.json"
        self.started = self._read(self._session).get("started", 0.0)
        self.resumed = time.time() - self.started < LONGEST
        if not self.resumed:
            self.started = time.time()
            self._write(self._session, {"started": self.started})

    def counted(self, name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
        """What ``compute`` returned for these inputs (JSON), now or earlier."""
        return self._kept(name, inputs, compute)

    def timed(self, name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
        """As :meth:`counted`, but never out of a run that has ended."""
        return self._kept(name, [inputs, self.started], compute)

    def finish(self) -> None:
        """The run is complete: the next one times anew."""
        self._session.unlink(missing_ok=True)

    def _kept(self, name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
        path = self._folder / f"{name}.json"
        key = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()
        found = self._read(path)
        if found.get("key") == key:
            return found["value"]
        value = compute()
        self._write(path, {"key": key, "inputs": inputs, "value": value})
        # As a later run will read it.
        return self._read(path)["value"]

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return {}

    @staticmethod
    def _write(path: Path, value: dict[str, Any]) -> None:
        with atomic_write(path) as file:
            file.write(json.dumps(value, indent=1, default=str).encode())


@cache
def source_digest(*names: str) -> str:
    """A digest of these files of the package, and of all sources below these folders, such as ``hw``."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for name in names:
        place = root / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in {".py", ".cpp", ".v", ".c", ".h"}:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
