"""Whether a fault in a design can be seen at all: Yosys on the modules that it changes."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ....sim.rtl.synthesis import SynthesisError, run_yosys

__all__ = ["changed_modules", "modules", "neighbourhood", "proved_equal", "transformed"]

#: Modules that differ, beyond which a proof is not tried.
_MANY = 4
#: Stand-ins for what reads and writes a memory, which Yosys would not move: a neighbourhood ends there.
_PORTS = {
    "read": (("CLK", "EN", "ARST", "SRST", "ADDR"), ("DATA",)),
    "write": (("CLK", "EN", "ADDR", "DATA"), ()),
}
_BOXES = "".join(
    f"attribute \\keep 1\nattribute \\blackbox 1\nmodule \\memory_{kind}\n"
    + "".join(f"  wire {'input' if n < len(ins) else 'output'} {n + 1} \\{port}\n" for n, port in enumerate(ins + outs))
    + "end\n"
    for kind, (ins, outs) in _PORTS.items()
)


def modules(text: str) -> dict[str, str]:
    """Modules of an RTLIL text by name, in order."""
    found = re.findall(r"^((?:attribute [^\n]*\n)*module (\\\S+)\n.*?^end$)", text, re.MULTILINE | re.DOTALL)
    return {name: body for body, name in found}


def transformed(rtlil: str, commands: Sequence[str]) -> str:
    """RTLIL after commands of Yosys. Raises SynthesisError."""
    with tempfile.TemporaryDirectory(prefix="netlist-") as folder:
        Path(folder, "before.il").write_text(rtlil)
        run_yosys(["read_rtlil before.il", *commands, "write_rtlil after.il"], cwd=Path(folder))
        return Path(folder, "after.il").read_text()


def changed_modules(gold: str, gate: str) -> list[str] | None:
    """Names of the modules that differ; None if there are others in one than in the other."""
    ours, theirs = modules(gold), modules(gate)
    if list(ours) != list(theirs):
        return None
    return [name for name in ours if ours[name] != theirs[name]]


def neighbourhood(flat: str, cell: str, *, levels: int = 2) -> str:
    """RTLIL of a module ``near``: a cell of a flattened design and so many levels of what its inputs come from.

    Whatever comes from elsewhere, from memories or from products is an input, and whatever is used elsewhere an output:
    if a change of the cell makes no difference here, it makes none in the design. Raises SynthesisError.
    """
    text = re.sub(r"(?m)^  memory [^\n]*\n", "", flat)
    text = re.sub(r"(?ms)^(?:  attribute [^\n]*\n)*  cell \$meminit\S* .*?^  end\n", "", text)
    for kind, stands_in in (("$memrd_v2", "\\memory_read"), ("$memwr_v2", "\\memory_write")):
        text = text.replace(f"  cell {kind} ", f"  cell {stands_in} ")
    return transformed(
        text + _BOXES,
        [
            f"select -set near c:{cell} %ci{2 * levels} t:memory_* %d t:$mul %d w:* %d c:{cell} %u",
            # Bit by bit: a wire that is driven here and elsewhere would be an input and an output at once, and bits
            # that nobody reads would be compared.
            "splitnets @near %x1 w:* %i",
            "submod -name near @near",
            "hierarchy -top near",
        ],
    )


def proved_equal(gold: str, gate: str, *, timeout: float = 120, constants: bool = False) -> bool:
    """Whether Yosys proves that each module that differs does the same in both designs, from equal states on.

    Registers, memories and wires of the same name are taken for the same, so False says only that no proof was found.
    ``constants``: registers that never change are what they are from the start on.
    """
    names = changed_modules(gold, gate)
    if names is None or not names or len(names) > _MANY:
        return False
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        for side, text in (("gold", gold), ("gate", gate)):
            Path(folder, f"{side}.il").write_text(text)
        try:
            for name in names:
                run_yosys(_script(name, constants), timeout=timeout, cwd=Path(folder))
        except SynthesisError:
            return False
    return True


def _script(name: str, constants: bool) -> list[str]:
    prepare = ["flatten", "proc", "memory -nomap", "memory_map", "opt_expr", "opt_clean"]
    if constants:
        prepare += ["opt_dff -nodffe -nosdff", "opt_expr", "opt_clean"]
    commands = []
    for side in ("gold", "gate"):
        commands += [f"read_rtlil {side}.il", f"hierarchy -top {name}", *prepare, f"rename -top {side}"]
        commands.append(f"design -stash {side}")
    commands += [f"design -copy-from {side} -as {side} {side}" for side in ("gold", "gate")]
    prove = ["equiv_simple -undef", "equiv_induct -undef", "equiv_status -assert"]
    return [*commands, "equiv_make gold gate equal", "hierarchy -top equal", *prove]
