"""Sources in C as shared libraries: compiled once on a machine, kept in the build folder, loaded through ctypes."""

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..rtl.build import BuildError, build_folder

__all__ = ["Compiler", "NoCompilerError", "compilers", "load_library"]

#: Every library is compiled with these; a product and a sum become one operation only where a source says so.
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-fPIC", "-ffp-contract=off")


class NoCompilerError(RuntimeError):
    """There is no C compiler, or it rejects a source; the message says what to do."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler: ``command`` is what is called, ``version`` its own first line."""

    command: str
    version: str

    @property
    def name(self) -> str:
        """The program alone, for the names of results: ``gcc`` of ``/usr/bin/gcc -m64``."""
        return Path(self.command.split()[0]).name


def compilers() -> list[Compiler]:
    """The C compilers of this machine: $CC if it is set, else cc, gcc and clang as far as they differ.

    Raises NoCompilerError if there is none.
    """
    asked = os.environ.get("CC")
    return list(_found((asked,) if asked else ("cc", "gcc", "clang")))


@functools.cache
def _found(asked: tuple[str, ...]) -> tuple[Compiler, ...]:
    found: dict[str, Compiler] = {}
    for command in asked:
        if shutil.which(command.split()[0]) is None:
            continue
        try:
            done = subprocess.run([*command.split(), "--version"], capture_output=True, text=True)
        except OSError:
            continue
        version = done.stdout.partition("\n")[0].strip()
        # cc and gcc are mostly the same program by two names.
        kind = version.partition(" ")[2]
        if done.returncode == 0:
            found.setdefault(kind, Compiler(command, version))
    if not found:
        raise NoCompilerError(f"no C compiler ({', '.join(asked)}); apt-get install gcc, or set CC")
    return tuple(found.values())


def load_library(
    folder: Path,
    main: str,
    headers: Sequence[str] = (),
    *,
    defines: Mapping[str, int],
    compiler: Compiler | None = None,
    flags: Sequence[str] = (),
    below: str = "native",
) -> ctypes.CDLL:
    """Compile ``main`` of ``folder``, which includes ``headers`` of it, unless that was done before; and load it.

    Parameters
    ----------
    defines : mapping
        ``-DNAME=value`` for each.
    compiler : Compiler, optional
        The first of :func:`compilers` if not given.
    flags : sequence of str
        Beyond :data:`FLAGS`.
    below : str
        The folder in the build folder.

    Raises
    ------
    NoCompilerError
        There is no compiler, it fails (with its own words), or the library cannot be kept or loaded.
    """
    chosen = compiler or compilers()[0]
    options = [*FLAGS, *flags, *(f"-D{name}={value}" for name, value in sorted(defines.items()))]

    def compile_in(place: Path) -> None:
        # Linked without the options: with -ffast-math, GCC links code that makes the whole process flush subnormals.
        compiled = ["-c", *options, str(place / main), "-o", str(place / "library.o")]
        linked = ["-shared", str(place / "library.o"), "-o", str(place / "library.so"), "-lm"]
        for arguments in (compiled, linked):
            done = subprocess.run([*chosen.command.split(), *arguments], capture_output=True, text=True)
            if done.returncode:
                raise NoCompilerError(f"{chosen.command} rejects {main}:\n{done.stderr[-2000:]}")

    files = {name: (folder / name).read_text() for name in (main, *headers)}
    try:
        built = build_folder(
            Path(main).stem, files, options=options, versions=[chosen.version], make=compile_in, below=below
        )
        return ctypes.CDLL(str(built / "library.so"))
    except (OSError, BuildError) as error:
        raise NoCompilerError(f"{main} cannot be compiled, kept or loaded: {error}") from error
