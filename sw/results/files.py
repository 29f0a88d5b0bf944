"""Files that appear whole or not at all: they are written beside their place under another name, then renamed."""

import contextlib
import fcntl
import io
import logging
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ..errors import InputError

__all__ = ["STANDARD", "atomic_write", "check_place", "exclusive", "make_folder", "same_file", "save_or_rescue"]

log = logging.getLogger(__name__)


#: As an input, standard input; as an output, standard output.
STANDARD = Path("-")


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file that takes the name ``path`` when the block ends well, and vanishes when it does not.

    A symbolic link stays, and the file that it names is replaced; mode and, where allowed, owner stay. A device, a FIFO
    and everything under /dev and /proc is written in place when the block has ended, and so is standard output
    (:data:`STANDARD`). What killed writers of the same file left beside it is removed.

    Raises InputError as :func:`check_place`, and if writing fails; what stood at ``path`` before stays until the
    rename.
    """
    path = Path(path)
    check_place(path)
    try:
        if _in_place(path):
            kept = io.BytesIO()
            yield kept
            if path == STANDARD:
                sys.stdout.flush()
                sys.stdout.buffer.write(kept.getbuffer())
                sys.stdout.buffer.flush()
                return
            with path.open("wb") as file:
                file.write(kept.getbuffer())
            return
        target = Path(os.path.realpath(path))
        _remove_leftovers(target)
        with _beside(target) as (file, part):
            yield file
            file.flush()
            _keep_mode(file.fileno(), target)
            os.fsync(file.fileno())
            part.replace(target)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", path=path) from error


def save_or_rescue(save: Callable[[Path], object], path: Path) -> None:
    """``save(path)``, at the end of work that would be lost. Where that cannot be written (a disk is full by then), it
    is saved among temporary files or in the user's home.

    Raises InputError even so, and says where it is."""
    try:
        save(path)
    except InputError as error:
        place = _elsewhere(save, path.name if path != STANDARD else "stdout")
        if place is None:
            raise
        raise InputError(f"{error}; what would have been lost is in {place}") from error


def _elsewhere(save: Callable[[Path], object], name: str) -> Path | None:
    for parent in (tempfile.gettempdir, Path.home):
        with contextlib.suppress(InputError, OSError, RuntimeError):
            folder = Path(tempfile.mkdtemp(prefix="skipwalk-", dir=parent()))
            try:
                save(folder / name)
            except InputError:
                folder.rmdir()
                continue
            return folder / name
    return None


def check_place(path: Path) -> None:
    """Raises InputError if nothing can be written at ``path``: its folder is not there or not writable, or it is a
    folder itself or a read-only file."""
    if path == STANDARD:
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", path=path) from error
    if mode is not None and stat.S_ISDIR(mode):
        raise InputError("cannot be written: it is a folder; name a file in it", path=path)
    # The superuser may write to everything, but the owner has said no.
    if mode is not None and not (mode & 0o222 and os.access(path, os.W_OK)):
        raise InputError("cannot be written: the file is read-only; chmod u+w it, or name another", path=path)
    if _in_place(path):
        return
    folder = Path(os.path.realpath(path)).parent
    if not os.access(folder, os.W_OK):
        reason = "is not writable" if folder.is_dir() else "does not exist"
        raise InputError(f"cannot be written: the folder {folder} {reason}", path=path)


def make_folder(folder: Path) -> None:
    """The folder and those around it, if they are not there. Raises InputError if it cannot be made, or is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder cannot be made: {error.strerror or error}; name another", path=folder) from error


def same_file(one: Path, other: Path) -> bool:
    """Whether both names are of one regular file, or would be once it is written."""
    if _in_place(one) or _in_place(other):
        return False
    with contextlib.suppress(OSError):
        if os.path.samefile(one, other):
            return True
    return os.path.realpath(one) == os.path.realpath(other)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Only one process at a time is in such a block for the same existing file; the others wait, with a line in the
    log. The file may be replaced by :func:`atomic_write` in the block. A file that cannot be opened is not locked."""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                file = path.open("rb")
            except OSError:
                break  # whoever reads it says so
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("%s: another process is at work on it; waiting", path)
                fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever had the lock may have put another file in its place.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    stack.enter_context(file)
                    break
            file.close()
        yield


def _in_place(path: Path) -> bool:
    if path == STANDARD:
        return True
    if path.absolute().parts[1:2] in (("dev",), ("proc",)) and not str(path.absolute()).startswith("/dev/shm/"):
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file that no other process or thread writes, locked as long as it is written; gone at the end, unless it
    has been renamed."""
    while True:
        part = target.with_name(f"{_stem(target)}{os.getpid()}-{secrets.token_hex(4)}.part")
        file = part.open("xb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                with file:
                    yield file, part
                return
        finally:
            file.close()
            part.unlink(missing_ok=True)


def _stem(target: Path) -> str:
    # A name may have 255 bytes, and the part's needs some 30 of them.
    return f".{os.fsencode(target.name)[:200].decode(errors='ignore')}."


def _remove_leftovers(target: Path) -> None:
    """Unfinished files of writers that were killed: nobody locks them any more."""
    stem = _stem(target)
    for part in target.parent.iterdir():
        if part.name.startswith(stem) and part.name.endswith(".part"):
            with contextlib.suppress(OSError), part.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()


def _keep_mode(descriptor: int, target: Path) -> None:
    """Mode and owner of the file that is about to be replaced; the umask's for a new one."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
