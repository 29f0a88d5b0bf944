"""What synthesis made of a component, as Verilog that a simulator can run."""

import tempfile
from pathlib import Path
from typing import Any

from .build import to_verilog
from .synthesis import FAMILIES, MODELS, run_yosys

__all__ = ["gate_level_verilog"]

#: A LUT in one expression. Yosys' own model has intermediate vectors, in which a simulator sees loops.
_LUT = """
module LUT4(input A, B, C, D, output Z);
    parameter [15:0] INIT = 0;
    wire [15:0] contents = INIT;
    assign Z = contents[{D, C, B, A}];
endmodule
"""


def gate_level_verilog(component: Any, name: str = "gates", *, timeout: float = 1800) -> str:
    """Verilog of a component after synthesis for ECP5, as module ``name`` with ports ``clk`` and ``rst``.

    Every LUT, register, carry, multiplier and block RAM is there, replaced by what it does: the multipliers and block
    RAMs by the models in ``ecp5.v``, the rest by those of Yosys. Simulating it shows that synthesis understood the
    design. Nothing is optimised after that, so that nothing but the netlist is simulated.

    Raises SynthesisError if Yosys fails, or an ECP5 cell is used in a way that its model does not have.
    """
    with tempfile.TemporaryDirectory(prefix="gates-") as folder:
        design, cells, lut, gates = (Path(folder, file) for file in ("design.v", "cells.il", "lut.v", "gates.v"))
        design.write_text(to_verilog(component, name))
        lut.write_text(_LUT)
        run_yosys(
            [f"read_verilog {design}", FAMILIES["ecp5"].format(top=name), f"select -module {name}",
             f"write_rtlil -selected {cells}"],
            timeout=timeout,
        )  # fmt: skip
        run_yosys(
            [
                f"read_rtlil {cells}",
                "read_verilog -defer -overwrite +/ecp5/cells_sim.v",
                f"read_verilog -defer -overwrite {MODELS}",
                f"read_verilog -defer -overwrite {lut}",
                f"hierarchy -check -top {name}",
                "proc",
                "flatten",
                "opt_expr",
                "opt_clean -purge",
                f"write_verilog -noattr {gates}",
            ],
            timeout=timeout,
        )
        return gates.read_text()
