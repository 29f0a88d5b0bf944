"""Lines as they come, out of several files, FIFOs or standard input at once."""

import os
import queue
import stat
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import InputError

__all__ = ["Line", "Sources"]

#: Lines that wait to be taken; a reader that is ahead of them waits.
_WAITING = 1 << 16
#: Seconds after which the end of a file is looked at again.
_POLL = 0.05
#: Bytes of the longest line.
_LONGEST = 1 << 16


class Line(NamedTuple):
    """A line, from where, and its number there (from 1); or why it is none, or the source cannot be read further."""

    source: str
    number: int
    text: str
    fault: str = ""


class Sources:
    """Reads in the background from when it is made, a thread a source.

    Parameters
    ----------
    paths : sequence of str
        ``-`` is standard input.
    follow : bool
        Files are read on as they grow, and FIFOs as they are opened again; without it, a source ends where it ends.

    Raises InputError for one that cannot be opened.
    """

    def __init__(self, paths: Sequence[str], *, follow: bool):
        self._lines: queue.Queue[Line | None] = queue.Queue(_WAITING)
        self._follow, self._left = follow, len(paths)
        self._unread: dict[str, int] = {}
        for path in paths:
            if path != "-" and not os.access(path, os.R_OK):
                raise InputError("cannot be read" if Path(path).exists() else "no such file", path=path)
            if Path(path).is_dir():
                raise InputError("is a folder; name a file in it", path=path)
        for path in paths:
            threading.Thread(target=self._read, args=(path,), daemon=True).start()

    def take(self, timeout: float) -> Line | None:
        """The next line, or None if none comes in time. Raises EOFError when all sources have ended."""
        if not self._left:
            raise EOFError
        try:
            line = self._lines.get(timeout=timeout) if timeout else self._lines.get_nowait()
        except queue.Empty:
            return None
        if line is None:
            self._left -= 1
            return self.take(timeout)
        return line

    @property
    def behind(self) -> tuple[int, int]:
        """Lines that wait, and bytes of files that have not been read yet."""
        return self._lines.qsize(), sum(self._unread.values())

    # ---- one source
    def _read(self, path: str) -> None:
        number, again = 0, True
        try:
            while again:
                if path == "-":
                    number, again = self._lines_of(sys.stdin.buffer, path, number), False
                    continue
                with open(path, "rb") as file:
                    is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                    number = self._lines_of(file, path, number, grows=is_file and self._follow)
                again = self._follow and not is_file
        except OSError as error:
            self._lines.put(Line(path, number, "", f"cannot be read: {error.strerror or error}"))
        finally:
            self._lines.put(None)

    def _lines_of(self, file: BinaryIO, path: str, number: int, *, grows: bool = False) -> int:
        part, is_long = b"", False
        while True:
            new = file.readline(_LONGEST)
            part += new
            if grows:
                size = os.fstat(file.fileno()).st_size
                self._unread[path] = max(size - file.tell(), 0)
                if size < file.tell():
                    # Cut off and written anew.
                    file.seek(0)
                    part, number, is_long = b"", 0, False
                    continue
            ends = part.endswith(b"\n") or not (new or grows)
            if not ends and len(part) > _LONGEST:
                part, is_long = b"", True
            elif ends:
                if part or is_long:
                    number += 1
                    self._lines.put(_line(path, number, part, is_long))
                part, is_long = b"", False
                if not new:
                    return number
            elif grows and not new:
                time.sleep(_POLL)


def _line(path: str, number: int, content: bytes, is_long: bool) -> Line:
    """With a fault instead of its text if it is none: ids would be cut, or be taken for others."""
    if is_long or len(content) > _LONGEST:
        return Line(path, number, "", f"a line of more than {_LONGEST} bytes")
    if b"\0" in content:
        return Line(path, number, "", "a NUL, which no text has")
    try:
        return Line(path, number, content.decode())
    except UnicodeDecodeError as error:
        return Line(path, number, "", f"not UTF-8 text: {error.reason} at byte {error.start}")
