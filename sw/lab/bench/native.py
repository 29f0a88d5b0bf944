"""The C kernels beside this file, compiled for this processor when they are wanted, and loaded through ctypes."""

import ctypes
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....sim.rtl.build import build_folder

__all__ = ["Compiler", "NoCompilerError", "aligned", "compilers", "load", "padded"]

_HERE = Path(__file__).parent
#: Every kernel is compiled with these.
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-fPIC")
#: Bytes to which arrays of floats have to be aligned.
ALIGNMENT = 64
#: Entries beyond the end of an array that kernels may read.
PADDING = 15


class NoCompilerError(RuntimeError):
    """There is no C compiler, or it rejects a kernel; the message says what to do."""


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
    """The C compilers of this machine: $CC if it is set, else cc and clang as far as they differ.

    Raises NoCompilerError if there is none.
    """
    asked = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
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
    return list(found.values())


def load(source: str, compiler: Compiler, *flags: str, **defines: int) -> ctypes.CDLL:
    """Compile ``source`` of this folder with ``-DNAME=value`` for each of ``defines``, unless that was done before.

    Raises NoCompilerError with the compiler's words if it fails.
    """
    options = [*FLAGS, *flags, *(f"-D{name}={value}" for name, value in sorted(defines.items()))]

    def compile_in(folder: Path) -> None:
        # Linked without the options: with -ffast-math, GCC links code that makes the whole process flush subnormals.
        compiled = ["-c", *options, str(folder / source), "-o", str(folder / "kernel.o")]
        linked = ["-shared", str(folder / "kernel.o"), "-o", str(folder / "kernel.so"), "-lm"]
        for arguments in (compiled, linked):
            done = subprocess.run([*compiler.command.split(), *arguments], capture_output=True, text=True)
            if done.returncode:
                raise NoCompilerError(f"{compiler.command} rejects {source}:\n{done.stderr[-2000:]}")

    files = {name: (_HERE / name).read_text() for name in (source, "vectors.h")}
    folder = build_folder(
        Path(source).stem, files, options=options, versions=[compiler.version], make=compile_in, below="bench/native"
    )
    return ctypes.CDLL(str(folder / "kernel.so"))


def aligned(values: np.ndarray) -> np.ndarray:
    """A float32 copy, C-contiguous, whose data begin at a multiple of :data:`ALIGNMENT` bytes."""
    values = np.asarray(values, np.float32)
    buffer = np.empty(values.nbytes + ALIGNMENT, np.uint8)
    skip = -buffer.ctypes.data % ALIGNMENT
    copy = buffer[skip : skip + values.nbytes].view(np.float32).reshape(values.shape)
    copy[...] = values
    return copy


def padded(values: np.ndarray, dtype: type) -> np.ndarray:
    """A copy with :data:`PADDING` zeros at the end."""
    return np.append(values, np.zeros(PADDING)).astype(dtype)
