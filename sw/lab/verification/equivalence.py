"""Whether a fault in a design can be seen at all: Yosys on the modules that it changes."""

import re
import tempfile
from pathlib import Path

from ....sim.rtl.synthesis import SynthesisError, run_yosys

__all__ = ["changed_modules", "modules", "proved_equal"]

#: Modules that differ, beyond which a proof is not tried.
_MANY = 4


def modules(text: str) -> dict[str, str]:
    """Modules of an RTLIL text by name, in order."""
    found = re.findall(r"^((?:attribute [^\n]*\n)*module (\\\S+)\n.*?^end$)", text, re.MULTILINE | re.DOTALL)
    return {name: body for body, name in found}


def changed_modules(gold: str, gate: str) -> list[str] | None:
    """Names of the modules that differ; None if there are others in one than in the other."""
    ours, theirs = modules(gold), modules(gate)
    if list(ours) != list(theirs):
        return None
    return [name for name in ours if ours[name] != theirs[name]]


def proved_equal(gold: str, gate: str, *, timeout: float = 120) -> bool:
    """Whether Yosys proves that each module that differs does the same in both designs, from equal states on.

    Registers, memories and wires of the same name are taken for the same, so False says only that no proof was found.
    """
    names = changed_modules(gold, gate)
    if names is None or not names or len(names) > _MANY:
        return False
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        for side, text in (("gold", gold), ("gate", gate)):
            Path(folder, f"{side}.il").write_text(text)
        try:
            for name in names:
                run_yosys(_script(name), timeout=timeout, cwd=Path(folder))
        except SynthesisError:
            return False
    return True


def _script(name: str) -> list[str]:
    prepare = ["flatten", "proc", "memory -nomap", "memory_map", "opt_expr", "opt_clean"]
    commands = []
    for side in ("gold", "gate"):
        commands += [f"read_rtlil {side}.il", f"hierarchy -top {name}", *prepare, f"rename -top {side}"]
        commands.append(f"design -stash {side}")
    commands += [f"design -copy-from {side} -as {side} {side}" for side in ("gold", "gate")]
    prove = ["equiv_simple -undef", "equiv_induct -undef", "equiv_status -assert"]
    return [*commands, "equiv_make gold gate equal", "hierarchy -top equal", *prove]
