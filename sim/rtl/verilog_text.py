"""Yosys' Verilog, rewritten where other simulators would not do with it what Yosys means.

``start_processes`` is for text that leaves the house: it makes event-driven simulators begin. The rest is for
Verilator, which would make slow or bulky code; the meaning stays the same. Measured on the OS-ELM core with 128
multipliers: Verilator takes a twelfth of the time and the C++ compiler a third; the compiled core runs 1.3 times as
fast.
"""

import re
from collections.abc import Mapping

__all__ = ["START", "loop_memory_contents", "replicate_bits", "split_vectors", "start_processes", "waive_warnings"]

#: The register that starts a module's combinational processes.
START = "skipwalk_start"

#: Vectors from this width on are arrays of machine words for Verilator, and costly to take apart.
WIDE = 65

_NAME = r"(?:\\\S+ |\w+)"
_CONTENTS = re.compile(rf"^( +)({_NAME} ?)\[(\d+)\] = (\S+);\n(?:\1\2\[\d+\] = \4;\n)+", re.MULTILINE)
_REPEATED = re.compile(rf"(?<=[{{,] )({_NAME}(?:\[\d+\])?)(?:, \1){{2,}}(?=,| \}})")
_VECTOR = re.compile(r"^(  (?:wire|reg|input|output) \[(\d+):0\] (?:\\\S+|\w+))( ?;)$", re.MULTILINE)

_DUMMY = re.compile(r"^  reg (\\\$auto\$verilog_backend\.cc:\d+:dump_module\$\d+)  = 0;\n", re.MULTILINE)
_BARE = re.compile(r"^  always @\*\n(    [^;\n]*;\n)", re.MULTILINE)
_HEADER = re.compile(r"^module .*?\);\n", re.MULTILINE | re.DOTALL)
_BEGIN = f"  always @* begin\n    if ({START}) begin end\n"


def start_processes(verilog: str) -> str:
    """Make every ``always @*`` block of Yosys run at time 0, in Verilog-2005 and in SystemVerilog.

    A block waits for an event, and one that reads only what does not change has none. Yosys therefore lets most read
    a register that it declares as ``reg dummy = 0``: in Verilog-2005 that is an assignment at time 0, and an event; in
    SystemVerilog the declaration comes before time 0 and is no event, and what the block drives stays X. Here all
    blocks read a register that begins at 1 and that a non-blocking assignment, which comes when every block has begun
    to wait, makes 0: an event in both. Synthesis finds that nothing depends on it.

    Raises ValueError for a text that has the register already, or whose blocks begin in another way.
    """
    if START in verilog:
        raise ValueError(f"the Verilog has a {START} already")
    return "".join(_start_module(module) for module in re.split(r"(?<=^endmodule\n)", verilog, flags=re.MULTILINE))


def _start_module(module: str) -> str:
    dummy = _DUMMY.search(module)
    if dummy:
        module = module.replace(dummy[0], "").replace(f"if ({dummy[1]} ) begin end", f"if ({START}) begin end")
    module = _BARE.sub(rf"{_BEGIN}\1  end\n", module)
    blocks = module.count("always @*")
    if blocks != module.count(_BEGIN) or _DUMMY.search(module):
        raise ValueError(f"an `always @*` block does not begin as Yosys 0.50 begins it:\n{module}")
    declared = f"  reg {START} = 1;\n  initial {START} <= 0;\n"
    return _HEADER.sub(lambda header: header[0] + declared, module, count=1) if blocks else module


def waive_warnings(verilog: str, warnings: Mapping[str, str]) -> str:
    """Turn Verilator's warnings of these names off from here to the end of the text; the values are the reasons."""
    pragmas = "".join(f"/* verilator lint_off {name} */ // {reason}\n" for name, reason in warnings.items())
    return f"/* verilator lint_save */\n{pragmas}\n{verilog}\n/* verilator lint_restore */\n"


def loop_memory_contents(verilog: str) -> str:
    """Initial contents of a memory that repeat from word to word become a loop instead of a line a word."""

    def loop(run: re.Match) -> str:
        indent, memory, first, value = run.groups()
        lines = run[0].splitlines()
        indices = [int(line[line.rindex("[") + 1 : line.rindex("]")]) for line in lines]
        if indices != list(range(int(first), int(first) + len(lines))):
            return run[0]
        return f"{indent}for (int n = {first}; n < {int(first) + len(lines)}; n++) {memory}[n] = {value};\n"

    return _CONTENTS.sub(loop, verilog)


def replicate_bits(verilog: str) -> str:
    """``{ x[7], x[7], x[7], x[7:2] }``, which is how Yosys extends a sign, becomes ``{ {3{x[7]}}, x[7:2] }``.

    Verilator would fetch each of the bits on its own, with all that leads to ``x``.
    """
    return _REPEATED.sub(lambda run: f"{{{run[0].count(', ') + 1}{{{run[1]}}}}}", verilog)


def split_vectors(verilog: str) -> str:
    """Ask Verilator to keep wide vectors in the parts in which they are used: a row of lanes lane by lane."""

    def hint(declaration: re.Match) -> str:
        start, high, end = declaration.groups()
        return f"{start} /*verilator split_var*/{end}" if int(high) + 1 >= WIDE else declaration[0]

    return _VECTOR.sub(hint, verilog)
