"""Run Verilator and the C++ compiler on a design, in a build folder; Verilator's own runtime is compiled only once."""

import ctypes
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import build, model_layout
from .model_layout import order_variables_in
from .verilog_text import START, loop_memory_contents, replicate_bits

__all__ = ["EXPORT_WARNINGS", "WAIVED_WARNINGS", "Variant", "compile_model", "load_library"]

#: Verilator warnings that Yosys' Verilog sets off by construction, each with the reason why it tells us nothing.
WAIVED_WARNINGS: Mapping[str, str] = {
    "WIDTHEXPAND": "Yosys prints constants and operands at their own width; Amaranth has settled every width before",
    "SPLITVAR": "a vector that cannot be split, as asked in verilog_text, stays whole",
    "WIDTHTRUNC": "Yosys writes `x == 0` as `!x` whatever the width of x",
    "CASEINCOMPLETE": "Yosys assigns a default before every `casez`; Amaranth knows no latch",
}

#: Those among them that an exported core sets off.
EXPORT_WARNINGS: Mapping[str, str] = {
    **{name: WAIVED_WARNINGS[name] for name in ("WIDTHEXPAND", "WIDTHTRUNC", "CASEINCOMPLETE")},
    "INITIALDLY": f"blocks run at time 0 here, with {START} or without",
}


@dataclass(frozen=True)
class Variant:
    """One way to build a model. All of it is part of the hash of what is built.

    Attributes
    ----------
    prefix : str
        Name of Verilator's class for the top module.
    options : tuple of str
        For Verilator, sources and names aside.
    cflags : str
        For every C++ file.
    fast, slow : str
        Optimisation of the code that runs every cycle, and of the code that runs once: the latter is mostly the
        initial contents of memories and would otherwise take most of the time.
    ldflags : str
        For the linker.
    timing : bool
        The design has delays: they are simulated, by coroutines, in picoseconds. None is 0.
    """

    prefix: str
    options: tuple[str, ...]
    cflags: str = ""
    fast: str = "-O1"
    slow: str = "-O0"
    ldflags: str = ""
    timing: bool = False

    @property
    def verilator_options(self) -> list[str]:
        timing = ["--timing", "--no-sched-zero-delay", "--timescale", "1ps/1ps"] if self.timing else ["--no-timing"]
        common = ["--cc", *timing, "--quiet", "--prefix", self.prefix, "-Mdir", "obj"]
        # The wheel does not know this compiler's option for coroutines.
        cflags = f"{self.cflags} -std=c++20 -fcoroutines" if self.timing else self.cflags
        flags = ["-CFLAGS", cflags] if cflags else []
        waived = [f"-Wno-{name}" for name in WAIVED_WARNINGS]
        return [*common, *waived, *flags, *self.options]

    @property
    def make_options(self) -> list[str]:
        return [f"OPT_FAST={self.fast}", f"OPT_SLOW={self.slow}", "OPT_GLOBAL=-O2"]


def compile_model(
    name: str,
    verilog: str,
    top: str,
    harness: Mapping[str, str],
    target: str,
    variant: Variant,
    make: Sequence[str] = (),
) -> Path:
    """Build ``target``, an executable or a shared library, of a design and the C++ that drives it.

    Parameters
    ----------
    name : str
        First part of the folder's name.
    verilog, top : str
        Text of all modules, and the one to simulate.
    harness : mapping
        C++ files, text by file name.
    target : str
        File to build.
    variant : Variant
        Options.
    make : sequence of str
        More variables for make.

    Returns
    -------
    Path
        The build folder; it holds ``target``, the Verilog as ``core.v`` and the harness.

    Raises
    ------
    MissingToolError
        A tool is not installed.
    BuildError
        Verilator or the compiler rejects the design, or there are spaces in the path, which make cannot handle.
    """
    tools = build.find_tools()
    if re.search(r"\s", str(build.build_root())):
        raise build.BuildError(
            f"make cannot build below {build.build_root()}: spaces in the path; point SKIPWALK_BUILD elsewhere"
        )
    options = [*variant.verilator_options, "--exe", "--top-module", top, "-o", target, "core.v", *sorted(harness)]
    options += ["-LDFLAGS", variant.ldflags] if variant.ldflags else []

    def compile_in(folder: Path) -> None:
        build.run_tool([tools.verilator, *options], cwd=folder, tools=tools)
        order_variables_in(folder / "obj", variant.prefix)
        archive = _runtime(variant, tools) / "runtime.a"
        linked = ["VM_GLOBAL_FAST=", "VM_GLOBAL_SLOW=", f"LOADLIBES={archive}", *make]
        _make(folder, f"{variant.prefix}.mk", [target, *variant.make_options, *linked], tools)
        (folder / "obj" / target).rename(folder / target)
        shutil.rmtree(folder / "obj")

    files = {"core.v": replicate_bits(loop_memory_contents(verilog)), **harness}
    # Whoever changes the way headers are rewritten gets new builds.
    settings = [*options, *variant.make_options, *make, Path(model_layout.__file__).read_text()]
    return build.build_folder(name, files, options=settings, versions=tools.versions, make=compile_in)


def _runtime(variant: Variant, tools: build.Tools) -> Path:
    """Folder with ``runtime.a``: what Verilator links into every model of that variant, from an empty design."""
    # Without a delay in the design, the part of the runtime for delays would be missing.
    body = "always @(posedge clk) #1 out = ~out;" if variant.timing else ""
    files = {
        "empty.v": f"module empty(input clk, output reg out); {body} endmodule\n",
        "runtime.mk": f"include {variant.prefix}.mk\nruntime.a: $(VK_GLOBAL_OBJS)\n\t$(AR) rcs $@ $^\n",
    }

    def compile_in(folder: Path) -> None:
        build.run_tool([tools.verilator, *variant.verilator_options, "empty.v"], cwd=folder, tools=tools)
        _make(folder, "../runtime.mk", ["runtime.a", *variant.make_options], tools)
        (folder / "obj" / "runtime.a").rename(folder / "runtime.a")
        shutil.rmtree(folder / "obj")

    settings = [*variant.verilator_options, *variant.make_options]
    return build.build_folder("runtime", files, options=settings, versions=tools.versions, make=compile_in)


def _make(folder: Path, makefile: str, arguments: Sequence[str], tools: build.Tools) -> None:
    command = ["make", "-s", f"-j{os.cpu_count() or 1}", "-C", "obj", "-f", makefile, *arguments]
    build.run_tool(command, cwd=folder, tools=tools)


def load_library(library: Path, prefix: str, signatures: Mapping[str, tuple[Any, list[Any]]]) -> ctypes.CDLL:
    """A shared library whose functions ``<prefix><name>`` have these types: of the result, and of the arguments."""
    loaded = ctypes.CDLL(str(library))
    for name, (result, arguments) in signatures.items():
        function = getattr(loaded, prefix + name)
        function.restype, function.argtypes = result, arguments
    return loaded
