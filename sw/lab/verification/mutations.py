"""Small faults in a Python file of gateware, as edits of its text.

Every mutation is one place of the syntax tree, within a function: tables of boards, numbers of words and widths of
layouts, which gateware and model share, are not touched. Which mutations there are depends on the text alone, which are
chosen on a seed.
"""

import ast
import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["KINDS", "Mutation", "chosen", "mutations"]

#: What each kind of fault does.
KINDS: Mapping[str, str] = {
    "compare": "another comparison: < for <=, == for !=, and the like",
    "guard": "one operand of a conjunction left out",
    "logic": "| for &, & for |",
    "invert": "~ left out",
    "condition": "the condition of an If or Elif negated",
    "mux": "the arms of a Mux exchanged",
    "arithmetic": "- for +, + for -, >> for <<",
    "off by one": "+ 1 or - 1 left out",
    "constant": "a number one larger; 0 for 1",
    "width": "a signal one bit too narrow",
    "statement": "an assignment left out",
    "state": "a change of state left out",
    "reset": "another initial value",
}

_COMPARE = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
}
_ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.LShift: ">>"}
_SHAPES = ("Signal", "In", "Out", "unsigned", "signed", "Const", "StructLayout", "ArrayLayout")
#: Texts for people, types, and what the simulation never sees.
_SKIPPED = (ast.Raise, ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)
_SKIPPED_ARGUMENTS = ("name", "src_loc_at", "attrs", "reset_less")


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One fault: ``text[start:end]`` becomes ``after``.

    Attributes
    ----------
    file : str
        Relative to the root of the checkout.
    kind : str
        A key of :data:`KINDS`.
    line : int
        From 1.
    start, end : int
        Bytes of the file.
    before, after : str
        Source text.
    gateware : bool
        Within what describes hardware, not within a configuration or a check.
    """

    file: str
    kind: str
    line: int
    start: int
    end: int
    before: str
    after: str
    gateware: bool

    def applied(self, text: str) -> str:
        """The faulty file. Raises ValueError if the text is another one."""
        data = text.encode()
        if data[self.start : self.end].decode() != self.before:
            raise ValueError(f"{self.file} is not the file that this mutation was made for")
        return (data[: self.start] + self.after.encode() + data[self.end :]).decode()

    def diff(self, text: str) -> str:
        """The line before and after, without what stands around it."""
        new = self.applied(text).splitlines()
        last = self.line + self.before.count("\n")
        gone = " ".join(part.strip() for part in text.splitlines()[self.line - 1 : last])
        come = " ".join(part.strip() for part in new[self.line - 1 : self.line + self.after.count("\n")])
        return f"- {gone}\n+ {come}"


def mutations(text: str, file: str) -> list[Mutation]:
    """All mutations of a file, in the order of the text. Those that end in the same text are one."""
    source = _Source(text)
    found: dict[tuple[int, int, str], Mutation] = {}
    for kind, node, after, gateware in _walk(source, ast.parse(text), inside=False, hardware=False):
        start, end = source.span(node)
        before = source.of(node)
        one = Mutation(
            file=file, kind=kind, line=node.lineno, start=start, end=end, before=before, after=after, gateware=gateware
        )
        if before != after:
            found.setdefault((start, end, after), one)
    return sorted(found.values(), key=lambda m: (m.start, m.end, m.after))


def chosen(texts: Mapping[str, str], count: int, seed: int) -> list[Mutation]:
    """``count`` mutations of these files, spread over all of them: one of each that has any, then by their size.

    A larger count begins with the same ones. A change of one file leaves the choice in the others.
    """
    ranked = []
    for file, text in texts.items():
        mine = _mixed(mutations(text, file), random.Random(f"{seed}:{file}"))
        order = hashlib.sha256(f"{seed}:{file}".encode()).hexdigest()
        ranked += [((0.0 if k == 0 else k / len(mine), order), one) for k, one in enumerate(mine)]
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])[:count]]


class _Source:
    """Bytes of a text, by the places of its syntax tree."""

    def __init__(self, text: str):
        self._data = text.encode()
        self._starts = [0]
        for line in self._data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: Any) -> tuple[int, int]:
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self._data[start:end].decode()


def _mixed(found: list[Mutation], rng: random.Random) -> list[Mutation]:
    """In random order, but one of each kind before the second of any."""
    rng.shuffle(found)
    kinds = list(dict.fromkeys(one.kind for one in found))
    seen = dict.fromkeys(kinds, 0)
    ranked = []
    for one in found:
        ranked.append((seen[one.kind], kinds.index(one.kind), one))
        seen[one.kind] += 1
    return [one for *_, one in sorted(ranked, key=lambda entry: entry[:2])]


def _walk(
    source: _Source, node: ast.AST, *, inside: bool, hardware: bool
) -> Iterator[tuple[str, ast.expr | ast.stmt, str, bool]]:
    """Kind, node that is replaced, by what, and whether hardware is described there."""
    if isinstance(node, _SKIPPED):
        return
    if isinstance(node, ast.FunctionDef):
        hardware = hardware or node.name == "elaborate" or any(a.arg == "m" for a in node.args.args)
        inside = True
    if inside:
        for kind, place, after in _faults(source, node, hardware=hardware):
            yield kind, place, after, hardware
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.keyword) and child.arg in _SKIPPED_ARGUMENTS:
                continue
            if isinstance(child, ast.AST):
                yield from _walk(source, child, inside=inside, hardware=hardware)


def _faults(source: _Source, node: ast.AST, *, hardware: bool) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    of = source.of
    match node:
        case ast.Compare(left=left, ops=[operation], comparators=[right]) if type(operation) in _COMPARE:
            yield "compare", node, f"{of(left)} {_COMPARE[type(operation)]} {of(right)}"
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            yield "guard", node, of(left)
            yield "guard", node, of(right)
            yield "logic", node, f"({of(left)} | {of(right)})"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield "logic", node, f"({of(left)} & {of(right)})"
        case ast.BinOp(left=left, op=(ast.Add() | ast.Sub()) as operation, right=ast.Constant(value=1) as one):
            yield "off by one", node, of(left)
            yield "arithmetic", node, f"({of(left)} {_ARITHMETIC[type(operation)]} {of(one)})"
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _ARITHMETIC:
            yield "arithmetic", node, f"({of(left)} {_ARITHMETIC[type(operation)]} {of(right)})"
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            yield "invert", node, of(operand)
        case ast.Call(func=ast.Name(id="Mux"), args=[condition, yes, no]):
            yield "mux", node, f"Mux({of(condition)}, {of(no)}, {of(yes)})"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="m"), attr="If" | "Elif"), args=[condition]):
            yield "condition", condition, f"({of(condition)}) == 0"
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int(value)):
            yield "constant", node, str(0 if value == 1 else value + 1)
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="m"), attr="next")]):
            yield "state", node, "pass"
        case ast.keyword(arg="init", value=value):
            yield "reset", value, f"({of(value)}) ^ 1"
        case ast.AugAssign(target=ast.Attribute(value=ast.Attribute(value=ast.Name(id="m"), attr="d")), value=value):
            if hardware:
                yield from _statements(node, value)
        case ast.Call(func=ast.Name(id="Signal"), args=[ast.Constant(value=int(value)), *_]) if value > 1:
            yield "width", node.args[0], str(value - 1)
        case ast.Call(func=ast.Name(id="range"), args=[limit]) if hardware:
            yield "width", limit, f"max(1, ({of(limit)}) // 2)"


def _statements(node: ast.AugAssign, value: ast.expr) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    if not isinstance(value, ast.List):
        yield "statement", node, "pass"
        return
    for part in value.elts:
        if isinstance(part, ast.Call):
            yield "statement", part, "[]"
