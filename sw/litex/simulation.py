"""A LiteX SoC with a VexRiscv and an exported core, and programs that run on it: in Verilator, without a BIOS.

The SoC is that of ``litex_sim``: its platform, its UART. What it prints, and nothing else, goes to the outside, so its
bench (``bench.cpp``) needs no library. It is compiled once for an export; programs go into the ROM when it runs.
"""

import functools
import importlib.metadata
import inspect
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import litex
from litex.build.generic_platform import Pins, Subsignal
from litex.build.io import CRG
from litex.build.sim import SimPlatform
from litex.soc.cores.cpu import CPU_GCC_TRIPLE_RISCV32
from litex.soc.cores.cpu.vexriscv.core import GCC_FLAGS
from litex.soc.integration.builder import Builder
from litex.soc.integration.common import get_mem_data
from litex.soc.integration.soc_core import SoCCore

from ...sim.rtl.build import BuildError, MissingToolError, build_folder
from ...sim.rtl.verilate import Variant, compile_model
from . import DRIVER, peripheral
from .peripheral import add_skipwalk, files_of

__all__ = ["PACKAGES", "Ran", "Simulation", "compiler_version", "find_compiler", "generate"]

#: What the SoC is made of, besides the core.
PACKAGES = ("litex", "migen", "pythondata-cpu-vexriscv")
LITEX = Path(litex.__file__).parent
#: Bytes of the memories. A program lies in the ROM, with its constants.
ROM, SRAM = 1 << 18, 1 << 16
CLOCK_HZ = 1_000_000
#: A generator of LiteX is not written for lint.
_VARIANT = Variant("Vsoc", ("-Wno-fatal", "-Wno-lint", "-Wno-MULTITOP"))
_CPU_FLAGS = [*GCC_FLAGS["standard"].split(), "-D__vexriscv__"]
_C_FLAGS = ["-std=gnu99", "-O2", "-ffreestanding", "-fno-builtin", "-Wall", "-Wextra", "-nostdlib", "-nostartfiles"]


def find_compiler() -> str:
    """The RISC-V GCC that is installed, by its program's name. Raises MissingToolError if none is."""
    for triple in CPU_GCC_TRIPLE_RISCV32:
        if shutil.which(f"{triple}-gcc") is not None:
            return f"{triple}-gcc"
    raise MissingToolError("programs for a VexRiscv need a RISC-V GCC: apt-get install gcc-riscv64-unknown-elf")


def compiler_version() -> str:
    """What it calls itself. Raises as :func:`find_compiler`."""
    return subprocess.run([find_compiler(), "--version"], capture_output=True, text=True).stdout.partition("\n")[0]


@dataclass(frozen=True)
class Ran:
    """What a program printed, and what running it took, in seconds."""

    printed: str
    seconds: float


class Simulation:
    """The SoC around an export, compiled: a VexRiscv, ROM, RAM, UART, timer, the core as ``skipwalk``.

    Parameters
    ----------
    exported : Path
        The Verilog of the core; the rest of the export is beside it.

    Raises as :class:`skipwalk.sw.litex.peripheral.Skipwalk`; MissingToolError or BuildError if it cannot be compiled.
    """

    def __init__(self, exported: Path):
        self._exported = exported.resolve()
        # LiteX orders what it writes otherwise each time, so the folder is named by what goes in.
        files = {path.name: path.read_text() for path in (DRIVER / "bench.cpp", *files_of(self._exported))}
        how = [inspect.getsource(part) for part in (peripheral, _Soc)]
        versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
        make = functools.partial(_make, exported=self._exported, bench=files["bench.cpp"])
        self._built = build_folder("soc", files, options=how, versions=versions, make=make, below="litex")

    def run(self, program: Mapping[str, str], *, most_cycles: int) -> Ran:
        """Compile C files, text by name, with the driver and ``skipwalk_litex.c`` around them, and run them.

        Raises MissingToolError without a compiler; BuildError if that fails, with its words, or if ``most_cycles`` have
        passed.
        """
        with tempfile.TemporaryDirectory(prefix="litex-") as name:
            folder = Path(name)
            words = self.words(program)
            (folder / "sim_rom.init").write_text("".join(f"{word:08x}\n" for word in words))
            (folder / "sim_sram.init").write_text("0\n")
            started = time.perf_counter()
            done = subprocess.run([self._built / "bench", str(most_cycles)], cwd=folder, capture_output=True, text=True)
            seconds = time.perf_counter() - started
        if done.returncode != 0:
            raise BuildError(f"the program has not ended in {most_cycles} cycles; it printed: {done.stdout[-400:]!r}")
        return Ran(done.stdout, seconds)

    def words(self, program: Mapping[str, str]) -> list[int]:
        """What the ROM holds for a program, compiled as :meth:`run` says, word by word. Raises as it does."""
        with tempfile.TemporaryDirectory(prefix="litex-") as name:
            self._compile(Path(name), program)
            words = get_mem_data(str(Path(name, "program.bin")), data_width=32, endianness="little")
        if 4 * len(words) > ROM:
            raise BuildError(f"the program has {4 * len(words)} bytes, and the ROM {ROM}")
        return words

    def _compile(self, folder: Path, program: Mapping[str, str]) -> None:
        software, cpu = LITEX / "soc" / "software", LITEX / "soc" / "cores" / "cpu" / "vexriscv"
        compiler = find_compiler()
        exported = self._exported.parent
        driver = [exported / name for name in ("skipwalk.h", "skipwalk_words.h", "skipwalk_words.c")]
        driver += [path for path in exported.glob("skipwalk_*.c") if path.stem in ("skipwalk_oselm", "skipwalk_lora")]
        for path in (*driver, DRIVER / "skipwalk_litex.c", DRIVER / "skipwalk_litex.h"):
            shutil.copy(path, folder)
        shutil.copy(self._exported.with_suffix(".h"), folder / "core.h")
        for name, text in program.items():
            (folder / name).write_text(text)
        include = [f"-I{place}" for place in (folder, self._built, cpu, software / "include", software / "libbase")]
        sources = [cpu / "crt0.S", *sorted(folder.glob("*.c"))]
        linked = ["-T", software / "bios" / "linker.ld", "-L", self._built, "-Wl,--gc-sections", "-lgcc"]
        _tool([compiler, *_CPU_FLAGS, *_C_FLAGS, *include, "-o", "program.elf", *sources, *linked], folder)
        _tool([compiler.removesuffix("gcc") + "objcopy", "-O", "binary", "program.elf", "program.bin"], folder)


class _Soc(SoCCore):
    """What ``litex_sim`` simulates, as small as the core needs it."""

    def __init__(self, exported: Path):
        pins = [
            (f"{way}_{name}", n) for way in ("source", "sink") for name, n in (("valid", 1), ("ready", 1), ("data", 8))
        ]
        platform = SimPlatform(
            "SIM", [("sys_clk", 0, Pins(1)), ("serial", 0, *(Subsignal(name, Pins(n)) for name, n in pins))]
        )
        self.crg = CRG(platform.request("sys_clk"))
        super().__init__(
            platform,
            clk_freq=CLOCK_HZ,
            cpu_type="vexriscv",
            integrated_rom_size=ROM,
            integrated_rom_init=[0],
            integrated_sram_size=SRAM,
            uart_name="sim",
            timer_uptime=True,
        )
        platform.add_debug(self)
        add_skipwalk(self, exported)


def generate(exported: Path, folder: Path) -> str:
    """Verilog of the SoC, the core and the processor included; the top is ``sim``. LiteX's headers go into
    ``folder/generated``. Raises as :class:`skipwalk.sw.litex.peripheral.Skipwalk`."""
    # LiteX tells much, and its builder changes into folders.
    before, disabled = os.getcwd(), logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        soc = _Soc(exported)
        out = {"gateware_dir": str(folder / "gateware"), "generated_dir": str(folder / "generated")}
        Builder(soc, output_dir=str(folder), **out, compile_software=False, compile_gateware=False).build()
        return "\n".join(Path(file).read_text() for file, *_ in soc.platform.sources)
    finally:
        logging.disable(disabled)
        os.chdir(before)


def _make(folder: Path, exported: Path, bench: str) -> None:
    """What a build folder holds: ``bench``, and headers in ``generated``."""
    with tempfile.TemporaryDirectory(prefix="litex-") as name:
        verilog = generate(exported, Path(name))
        # Its make files name the folder.
        shutil.copytree(Path(name, "generated"), folder / "generated", ignore=shutil.ignore_patterns("*.mak"))
    built = compile_model("litex", verilog, "sim", {"bench.cpp": bench}, "bench", _VARIANT)
    shutil.move(built / "bench", folder)
    shutil.rmtree(built)


def _tool(command: list[Any], folder: Path) -> None:
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"{command[0]} failed:\n{done.stderr[-4000:]}")
