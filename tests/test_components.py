"""Components stay small: few members, short ``elaborate``, and cores that are joined by ports instead of by hand."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEMBERS = 12
LINES = 85
#: Lines with ``.eq(`` of what only joins others.
WIRED = 90
CORES = ("hw/oselm/core.py", "hw/oselm/front_end/front_end.py", "hw/lora/core.py")
#: Their members are operands.
ARITHMETIC = "arith"


def components() -> dict[str, ast.ClassDef | ast.FunctionDef]:
    """``file:name`` of all components, and of functions that give the members of several."""

    def is_one(node: ast.AST) -> bool:
        if isinstance(node, ast.FunctionDef):
            return node.name.endswith("_members")
        return isinstance(node, ast.ClassDef) and any(ast.unparse(b).endswith("Component") for b in node.bases)

    return {
        f"{file.relative_to(ROOT)}:{node.name}": node
        for file in sorted((ROOT / "hw").rglob("*.py"))
        for node in ast.parse(file.read_text()).body
        if is_one(node)
    }


def members(component: ast.AST) -> int:
    """How many ``In(...)`` and ``Out(...)`` its text has; an array of ports counts once."""
    calls = (node.func for node in ast.walk(component) if isinstance(node, ast.Call))
    return sum(isinstance(called, ast.Name) and called.id in ("In", "Out") for called in calls)


def lines(function: ast.FunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def test_no_component_has_many_members():
    counts = {name: members(node) for name, node in components().items()}
    assert counts["hw/oselm/context_queue.py:ContextQueue"] == 6
    assert counts["hw/oselm/sequencer.py:sequencer_members"] == 12
    assert len(counts) > 70
    many = {name: n for name, n in counts.items() if n > MEMBERS and Path(name).parts[1] != ARITHMETIC}
    assert not many, "members that belong together are a Signature, as in hw/oselm/ports.py"


def test_no_elaborate_is_long():
    counts = {
        f"{name}.{part.name}": lines(part)
        for name, node in components().items()
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name == "elaborate"
    }
    assert len(counts) > 70
    assert not {name: n for name, n in counts.items() if n > LINES}, "parts of it are methods named after what they do"


def test_cores_are_joined_by_ports():
    wired = {core: sum(".eq(" in line for line in (ROOT / core).read_text().splitlines()) for core in CORES}
    assert sum(wired.values()) < WIRED, wired
