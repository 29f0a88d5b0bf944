"""Verilog of an Amaranth design as Amaranth's own ``verilog.convert`` makes it, but for large memories that start at 0.

Amaranth makes an object of each bit of a memory, and Yosys a line of each word: at 16 million bits that is minutes and
gigabytes for zeros. Here such a memory passes both without contents, and gets them in the text, as a loop. Works on
Amaranth's netlist, which is not part of its interface; its version is pinned.
"""

import re
from collections.abc import Mapping
from typing import Any

from amaranth.back import rtlil, verilog
from amaranth.hdl import Fragment, Value
from amaranth.hdl._ir import build_netlist
from amaranth.hdl._nir import Memory

from .build import COUNTING

__all__ = ["LARGE", "convert"]

#: Memories from so many bits on are written so.
LARGE = 1 << 20
#: Says so, between here and the text.
_MARK = "skipwalk_zeros"
_DECLARED = re.compile(
    rf"  \(\* {_MARK} = 32'd1 \*\)\n((?:  \(\*.*\*\)\n)*  reg (?:\[(\d+):0\] )?((?:\\\S+ |\w+)) ?\[(\d+):0\];\n)"
)


class _Emitter(rtlil.ModuleEmitter):
    """A module, whose marked memories get no contents."""

    def emit_memory(self, cell_idx: int, cell: Any) -> None:
        if _MARK not in cell.attributes:
            super().emit_memory(cell_idx, cell)


def convert(fragment: Fragment, name: str, ports: Mapping[str, tuple[Value, None]], *, large: int = LARGE) -> str:
    """Verilog of a fragment as module ``name``, without positions in the source unless models count.

    A memory of ``large`` bits or more whose words are all 0 gets them from a loop of SystemVerilog, in the form of
    ``verilog_text.loop_memory_contents``.
    """
    netlist = build_netlist(fragment, ports=ports, name=name)
    marked = 0
    for cell in netlist.cells:
        if isinstance(cell, Memory) and cell.width * cell.depth >= large and not any(cell.init):
            cell.attributes = {_MARK: 1, **cell.attributes}
            marked += 1
    # What rtlil.convert_fragment does with a netlist.
    empty = rtlil.EmptyModuleChecker(netlist)
    design = rtlil.Design(emit_src=COUNTING)
    names: dict[Any, Any] = rtlil._ast.SignalDict()
    for index, module in enumerate(netlist.modules):
        if empty.is_empty(index):
            continue
        builder = design.module(".".join(module.name), src_loc=module.src_loc)
        if index == 0:
            builder.attribute("top", 1)
        _Emitter(builder, netlist, module, names, empty_checker=empty).emit()
    text, looped = _DECLARED.subn(_looped, verilog._convert_rtlil_text(str(design), strip_internal_attrs=not COUNTING))
    if looped != marked:
        raise RuntimeError(f"{looped} of {marked} large memories were found in the text of {name}, which Yosys wrote")
    return text


def _looped(declared: re.Match) -> str:
    """The declaration of a memory, and the loop that makes it 0."""
    text, high, memory, last = declared.groups(default="0")
    width = int(high) + 1
    zero = "32'd0" if width == 32 else f"{width}'h{'0' * -(-width // 4)}"
    return f"{text}  initial begin\n    for (int n = 0; n < {int(last) + 1}; n++) {memory}[n] = {zero};\n  end\n"
