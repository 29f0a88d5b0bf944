"""Run a cocotb module against an Amaranth component under Verilator, from a pytest test.

Verilator is built once for each distinct Verilog, and each run has a folder of its own, so tests may run side by
side. ``WAVES=1`` in the environment, or ``waves=True``, leaves a waveform and prints where it is.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree

import cocotb_tools.config
from cocotb_tools.runner import get_runner
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.verilate import Variant, compile_model

__all__ = ["parameters", "simulate", "simulate_with"]

_PARAMETERS = "SKIPWALK_TEST_PARAMETERS"
_ROOT = Path(__file__).resolve().parents[2]


def parameters() -> dict[str, Any]:
    """Inside a cocotb module: the parameters that :func:`simulate` was given."""
    return json.loads(os.environ[_PARAMETERS])


def simulate(
    component: Any,
    module: str,
    *,
    parameters: Mapping[str, Any] = {},
    waves: bool = False,
    internals: bool = False,
    name: str | None = None,
    testcase: str | None = None,
    verilog: str | None = None,
) -> None:
    """Elaborate and build a component and run the cocotb tests of a module on it.

    Parameters
    ----------
    component : amaranth.lib.wiring.Component
        Ports become ``dut.i__payload`` and so on, beside ``dut.clk`` and ``dut.rst``.
    module : str
        A cocotb module below ``tests``, by its dotted name, such as ``"rtl.cocotb_accumulator"``.
    parameters : mapping
        Whatever JSON can hold; the module reads it with :func:`parameters`.
    waves : bool
        Write ``dump.vcd``. Implies ``internals``.
    internals : bool
        Make all signals visible to the tests, and not only the ports. Several times slower.
    name : str, optional
        Of the top module; the component's class by default.
    testcase : str, optional
        Regular expression; only the cocotb tests whose names match are run.
    verilog : str, optional
        The design, if it is not to be generated from the component; its top module is called ``name``.

    Raises
    ------
    AssertionError
        Tests failed, or none ran. The message shows why, and how to run each again with a waveform.
    MissingToolError, BuildError
        From the build.
    """
    __tracebackhide__ = True
    waves = waves or os.environ.get("WAVES", "0") not in ("", "0")
    top = name or build.top_name(component)
    folder = _build(verilog or build.to_verilog(component, top), top, waves=waves, internals=internals)
    runs = build.build_root() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix=f"{module}-", dir=runs))
    failed, n_tests, died = _run(folder, run, top, module, parameters, waves, testcase)
    if waves:
        print(f"waveform: {run / 'dump.vcd'}", file=sys.stderr)
    if failed or died or not n_tests:
        raise AssertionError(_report(run, module, failed, n_tests, died))
    if not waves:
        shutil.rmtree(run)


def simulate_with(
    simulator: str, module: str, top: str, verilog: str, folder: Path, parameters: Mapping[str, Any], testcase: str
) -> None:
    """Run the cocotb tests of a module as cocotb's own runner builds and runs them, by its defaults.

    ``simulator`` is one that cocotb knows, the rest as in :func:`simulate`. Raises AssertionError.
    """
    __tracebackhide__ = True
    source, results, log = folder / "design.v", folder / "results.xml", folder / "log.txt"
    source.write_text(verilog)
    try:
        with _python_path():
            runner = get_runner(simulator)
            runner.log.setLevel(logging.WARNING)
            options = {"hdl_toplevel": top, "build_dir": folder / "build", "timescale": ("1ns", "1ps"), "log_file": log}
            runner.build(sources=[source], **options)
            runner.test(
                test_module=f"tests.{module}",
                hdl_toplevel=top,
                test_dir=folder,
                results_xml=str(results),
                log_file=log,
                test_filter=testcase,
                extra_env={_PARAMETERS: json.dumps(parameters), "COCOTB_ANSI_OUTPUT": "0"},
            )
    except (SystemExit, RuntimeError) as error:
        raise AssertionError(f"{simulator}: {error}\n{log.read_text()[-4000:] if log.exists() else ''}") from None
    ran = [case for case in ElementTree.parse(results).iter("testcase") if case.find("skipped") is None]
    assert ran, f"{module}: no test ran"
    assert not any(case.findall("failure") + case.findall("error") for case in ran), log.read_text()[-4000:]


def _build(verilog: str, top: str, *, waves: bool, internals: bool) -> Path:
    """Folder with an executable ``simulator``: the design with cocotb's main program."""
    options = ["-O3", "--x-assign", "unique", "--x-initial", "unique", "--assert", "--vpi"]
    # Verilator keeps whatever a test may look at, and optimises the rest.
    options += ["--public-flat-rw"] if internals or waves else ["--public-depth", "1"]
    options += ["--trace-vcd"] if waves else []
    variant = Variant(prefix="Vtop", options=tuple(options))
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    libraries = cocotb_tools.config.libs_dir
    link = [f"VM_USER_LDLIBS=-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator"]
    return compile_model(top, verilog, top, {"verilator.cpp": main.read_text()}, "simulator", variant, link)


def _run(folder, run, top, module, parameters, waves, testcase):
    """Run the tests; returns the failed ones as (name, reason), how many there were, and whether it ended badly."""
    results = run / "results.xml"
    with _python_path():
        runner = get_runner("verilator")
        runner.log.setLevel(logging.WARNING)
        # cocotb looks for an executable of the top module's name.
        (run / top).symlink_to(folder / "simulator")
        try:
            runner.test(
                test_module=f"tests.{module}",
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=run,
                test_dir=run,
                results_xml=str(results),
                log_file=str(run / "log.txt"),
                waves=waves,
                test_filter=testcase or os.environ.get("COCOTB_TEST_FILTER"),
                extra_env={_PARAMETERS: json.dumps(parameters), "COCOTB_LOG_LEVEL": "INFO", "COCOTB_ANSI_OUTPUT": "0"},
            )
            died = False
        except (SystemExit, RuntimeError):
            died = True
    if not results.exists():
        return [], 0, True
    cases = list(ElementTree.parse(results).iter("testcase"))
    failed = []
    for case in cases:
        for element in (*case.findall("failure"), *case.findall("error")):
            failed.append((case.get("name", "?"), (element.text or element.get("message") or "").strip()))
    return failed, sum(case.find("skipped") is None for case in cases), died


def _report(run: Path, module: str, failed: list[tuple[str, str]], n_tests: int, died: bool) -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST", "tests").rpartition(" ")[0]
    lines = []
    for name, reason in failed:
        again = f"WAVES=1 COCOTB_TEST_FILTER='{name}$' python -m pytest '{test}'"
        lines += [f"{module}: {name} failed", reason, f"run it again with a waveform: {again}", ""]
    if not n_tests:
        lines.append(f"{module}: no test ran")
    if not failed and died:
        log = run / "log.txt"
        shown = log.read_text().splitlines()[-30:] if log.exists() else []
        lines += [f"{module}: the simulator ended without results", *shown]
    return "\n".join([*lines, f"log: {run / 'log.txt'}"])


@contextmanager
def _python_path() -> Iterator[None]:
    """The simulator's Python shall find ``tests`` as a package, and none of the same name somewhere else."""
    with mock.patch.object(sys, "path", [str(_ROOT), *sys.path]):
        yield
