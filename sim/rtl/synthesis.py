"""Synthesis and proofs with Yosys' native wheel (``pyosys``), in a process of its own that can be stopped."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["FAMILIES", "MODELS", "SynthesisError", "prove_equal", "run_yosys", "synthesise", "yosys_command"]

#: Yosys' command for each device family; ``{top}`` is the name of the top module.
FAMILIES = {
    "ecp5": "synth_lattice -family ecp5 -top {top}",
    "gowin": "synth_gowin -top {top}",
    "nexus": "synth_nexus -top {top}",
    "ultrascale+": "synth_xilinx -family xcup -flatten -top {top}",
}

#: Verilog models of the ECP5 cells.
MODELS = Path(__file__).with_name("ecp5.v")

#: The other process: run the passes that follow it on the command line.
_WORKER = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    ys.run_pass(command, design)
"""


class SynthesisError(RuntimeError):
    """Yosys failed or took too long; the message ends with its last lines."""


def yosys_command(commands: list[str]) -> list[str]:
    """The command line of a process that runs Yosys commands one after another on an empty design."""
    return [sys.executable, "-u", "-c", _WORKER, *commands]


def run_yosys(commands: list[str], *, timeout: float = 300, cwd: Path | None = None) -> str:
    """Run Yosys commands one after another on an empty design.

    Parameters
    ----------
    commands : list of str
        As in a Yosys script.
    timeout : float
        Seconds.
    cwd : Path, optional
        Folder that relative paths in the commands start from.

    Returns
    -------
    str
        The log.

    Raises
    ------
    SynthesisError
        A command failed, ``pyosys`` is not installed, or the time is up.
    """
    try:
        done = subprocess.run(
            yosys_command(commands),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            cwd=cwd,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise SynthesisError(f"Yosys was stopped after {timeout:g} s in: {'; '.join(commands)}") from late
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise SynthesisError(f"Yosys failed with code {done.returncode} in: {'; '.join(commands)}\n{tail}")
    return done.stdout


def synthesise(
    component, family: str = "ecp5", *, json_path: "Path | str | None" = None, timeout: float = 300
) -> dict[str, int]:
    """Cells that an Amaranth component becomes.

    Parameters
    ----------
    component : amaranth.lib.wiring.Component
        Elaborated as the top module; its members are the ports.
    family : str
        A key of :data:`FAMILIES`.
    json_path : path, optional
        The netlist is left there, for place and route.
    timeout : float
        Seconds.

    Returns
    -------
    dict
        Number of cells by type, after flattening.

    Raises
    ------
    ValueError
        There is no such family.
    SynthesisError
        As :func:`run_yosys`.
    """
    from amaranth.back import rtlil

    if family not in FAMILIES:
        raise ValueError(f"no device family {family!r}; there are: {', '.join(FAMILIES)}")
    with tempfile.TemporaryDirectory(prefix="synthesis-") as folder:
        design, statistics = Path(folder, "design.il"), Path(folder, "statistics.json")
        design.write_text(rtlil.convert(component, name="top"))
        commands = [f"read_rtlil {design}", FAMILIES[family].format(top="top"), "check -assert"]
        if json_path is not None:
            commands.append(f"write_json {Path(json_path).absolute()}")
        run_yosys([*commands, f"tee -q -o {statistics} stat -json"], timeout=timeout)
        cells = json.loads(statistics.read_text())["design"]["num_cells_by_type"]
    # Yosys' notes of the hierarchy that was flattened away count as cells.
    return {kind: n for kind, n in cells.items() if kind != "$scopeinfo"}


def prove_equal(component, twin, *, timeout: float = 300) -> None:
    """Prove that two components have the same outputs in every cycle from power up on, whatever their inputs.

    Registers and multipliers of equal inputs are merged first, so that 18 x 18 bits are within reach of the solver;
    what remains is proven by induction. Cells of ECP5 are taken from the models in ``ecp5.v``.

    Parameters
    ----------
    component, twin : amaranth.lib.wiring.Component
        With the same members.
    timeout : float
        Seconds.

    Raises
    ------
    SynthesisError
        They differ, the proof was not found, or as :func:`run_yosys`.
    """
    from amaranth.back import rtlil

    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        commands = []
        for name, side in (("component", component), ("twin", twin)):
            path = Path(folder, f"{name}.il")
            path.write_text(rtlil.convert(side, name=name))
            commands += [
                f"read_verilog -defer {MODELS}",
                f"read_rtlil {path}",
                f"prep -flatten -top {name}",
                f"design -stash {name}",
            ]
        run_yosys(
            [
                *commands,
                *(f"design -copy-from {name} -as {name} {name}" for name in ("component", "twin")),
                "miter -equiv -flatten component twin miter",
                "hierarchy -check -top miter",
                "opt -full",
                "wreduce",
                "simplemap t:$dff",
                "opt_merge -share_all",
                "opt -full",
                "sat -verify -tempinduct -prove trigger 0 miter",
            ],
            timeout=timeout,
        )
