"""What compiled models have reached of the gateware, by the place in its source that each part of the Verilog is from.

A model that counts (``$SKIPWALK_COVERAGE``, :data:`skipwalk.sim.rtl.build.COUNTING`) leaves a file of counts beside its
library. A *branch* is an arm of an ``if``, of a ``case`` or of a choice in an expression; those that only reset a
register are left out, since every register has them. A *change* is a bit of a named signal that goes up, or down; left
out are bits that Yosys finds to be constant in that design.
"""

import json
import re
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ....sim.rtl.synthesis import run_yosys

__all__ = ["BRANCH", "CHANGE", "FORMAT", "Point", "fold", "reached_in"]

BRANCH, CHANGE = "branch", "change"
#: Another number means that points are made otherwise: what has been counted is counted again.
FORMAT = 1
#: Seconds in which Yosys finds what is constant in a design.
_TIMEOUT = 1800
#: Kinds of Verilator's points that are arms of a choice.
_ARMS = ("if", "else", "elsif", "case", "cond_then", "cond_else")
_SUM = "sum.dat"
_SOURCE = re.compile(r'src = "[^"]*?\b(hw/[a-z0-9_/]+\.py):(\d+)')
_DECLARED = re.compile(r"^  (?:wire|reg) (?:signed )?(?:\[\d+:\d+\] )?(\\\S+|\w+)")
_NEXT = re.compile(r"^    (\\\S+|\w+) +<= (\\\$\d+|\\\S+|\w+) ")
_TARGET = re.compile(r"^ +(\\\S+|\w+) *(?:\[[^]]*\] *)?= ")
_CONDITION = re.compile(r"(?:if|casez) \((\\\S+|\w+)")
#: Of resets (`port` where a test drives one), and of what Yosys adds so that a block is evaluated at the beginning.
_NO_BRANCH = re.compile(r"(^|_)rst$|^\\port\$|^\\\$auto\$verilog_backend")
#: What Amaranth puts behind the name of a signal of which a module has several.
_NUMBER = re.compile(r"\$\d+(?=$|[.[])")


@dataclass(frozen=True, order=True)
class Point:
    """A place in the source, the signal that it is about, and what of it: an arm, or a bit and the way it changes."""

    file: str
    line: int
    signal: str
    what: str
    kind: str


def fold(folder: Path) -> None:
    """Add the files of counts in ``reached`` of a build folder up to one."""
    parts = [path for path in (folder / "reached").glob("*.dat") if path.name != _SUM]
    if not parts:
        return
    total = folder / "reached" / _SUM
    names: list[bytes] = []
    sums: list[int] = []
    for path in [*([total] if total.exists() else []), *parts]:
        lines = [line.rpartition(b"' ") for line in path.read_bytes().splitlines() if line.startswith(b"C '")]
        if not sums:
            names, sums = [name for name, _, _ in lines], [0] * len(lines)
        sums = [n + int(count) for n, (_, _, count) in zip(sums, lines, strict=True)]
    total.write_bytes(b"\n".join(b"%s' %d" % pair for pair in zip(names, sums, strict=True)))
    for path in parts:
        path.unlink()


def reached_in(folder: Path) -> Counter[Point]:
    """How often each point of the design in a build folder was reached; 0 where it was not. Empty if nothing ran."""
    fold(folder)
    path = folder / "reached" / _SUM
    found: Counter[Point] = Counter()
    if not path.exists():
        return found
    text = _Text((folder / "core.v").read_text())
    constant = _constants(folder)
    for place, count in _counts(path):
        line, kind, name = int(place["l"]), place["page"].partition("/")[0], place["o"]
        if kind == "v_toggle":
            point = text.change(line, name)
            if point is None or _plain(place["h"], name) in constant:
                continue
        elif name in _ARMS:
            point = text.arm(line, name)
            if point is None:
                continue
        else:
            continue
        found[point] += count
    return found


def _counts(path: Path) -> Iterator[tuple[Mapping[str, str], int]]:
    for line in path.read_text(errors="replace").splitlines():
        fields, _, count = line.removeprefix("C '").rpartition("' ")
        yield dict(text.split("\2", 1) for text in fields.split("\1")[1:]), int(count)


@dataclass
class _Module:
    """``line``: its first one. ``places``: file and line of what is declared. ``registers``: by what they become."""

    line: int
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    registers: dict[str, str] = field(default_factory=dict)


class _Text:
    """The Verilog of a design, as Yosys writes it: which signals a line is about, and where those are from."""

    def __init__(self, verilog: str):
        self._lines = verilog.splitlines()
        self._modules: list[_Module] = []
        place: tuple[str, int] | None = None
        for number, line in enumerate(self._lines, 1):
            if line.startswith("  (*"):
                found = _SOURCE.search(line)
                place = (found[1], int(found[2])) if found else place
                continue
            if line.startswith("module "):
                self._modules.append(_Module(number))
            elif declared := _DECLARED.match(line):
                if place is not None:
                    self._modules[-1].places[declared[1]] = place
            elif becomes := _NEXT.match(line):
                self._modules[-1].registers[becomes[2]] = becomes[1]
            place = None

    def _module(self, line: int) -> _Module:
        return self._modules[bisect_right(self._modules, line, key=lambda module: module.line) - 1]

    def change(self, line: int, name: str) -> Point | None:
        """Of a named signal that is declared in this line; None if it has no name, or is not of ``hw``."""
        text = self._lines[line - 1]
        declared = _DECLARED.match(text) or re.search(r"(\\\S+|\w+)(?: \[|;| =)", text)
        if declared is None or declared[1].startswith("\\$"):
            return None
        place = self._module(line).places.get(declared[1])
        bit = re.search(r"((?:\[\d+\])*):([01]->[01])$", name)
        if place is None or bit is None or bit[1].count("[") > 1:
            return None
        return Point(*place, _name(declared[1]), f"{bit[1] or '[0]'} {'up' if bit[2] == '0->1' else 'down'}", CHANGE)

    def arm(self, line: int, kind: str) -> Point | None:
        """None if it resets a register, or is not of ``hw``."""
        text = self._lines[line - 1]
        module = self._module(line)
        if kind.startswith("cond"):
            found = _SOURCE.search(text)
            target = re.match(r"  assign (\\\S+|\w+)", text)
            if found is None or target is None:
                return None
            return Point(found[1], int(found[2]), _name(target[1]), "chosen" if kind == "cond_then" else "not", BRANCH)
        condition = _CONDITION.search(text)
        if condition and _NO_BRANCH.search(condition[1]):
            return None
        begin = line
        while begin > 1 and not self._lines[begin - 1].startswith("  always"):
            begin -= 1
        target = next((m for m in map(_TARGET.match, self._lines[begin : begin + 4]) if m), None)
        if target is None:
            return None
        name = module.registers.get(target[1], target[1])
        place = module.places.get(condition[1] if condition else "", module.places.get(name))
        if place is None:
            return None
        if kind == "case":
            what = f"case {text.strip().rstrip(':')}"
        else:
            asked = _name(condition[1]) if condition and not condition[1].startswith("\\$") else ""
            what = f"{kind.replace('elsif', 'if')} {asked}".rstrip()
        return Point(*place, _name(name), what, BRANCH)


def _name(signal: str) -> str:
    """As the source has it; of what has no name there, what it is."""
    return _NUMBER.sub("", signal.removeprefix("\\")) or "expression"


def _plain(hierarchy: str, name: str) -> tuple[str, str]:
    """Of a change: the signal's name below the top, as in a flattened netlist, and its bit."""
    signal, bit = name.rpartition(":")[0].rstrip("]").partition("[")[::2]
    inside = ".".join([*hierarchy.split(".")[2:], signal])
    # Verilator's way to write what is no letter.
    return re.sub(r"__0([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), inside), bit or "0"


def _constants(folder: Path) -> set[tuple[str, str]]:
    """Bits of named signals that are constant once Yosys has folded what it can."""
    # Of a register that Yosys shortens it cannot bring the initial values together.
    tidy = ["proc", "flatten", "setattr -unset init w:*", "opt_expr", "opt -full", "wreduce", "opt -full", "opt_clean"]
    # Contents of a memory that come from a file are not there, nor are they asked for.
    text = re.sub(r"(?m)^.*\$readmemh\(.*$", "", (folder / "core.v").read_text())
    with tempfile.TemporaryDirectory(prefix="reached-") as place:
        design, netlist = Path(place, "core.v"), Path(place, "netlist.json")
        design.write_text(text)
        run_yosys(
            [f"read_verilog -sv {design}", "hierarchy -auto-top", *tidy, f"write_json {netlist}"], timeout=_TIMEOUT
        )
        (module,) = [m for m in json.loads(netlist.read_text())["modules"].values() if "top" in m["attributes"]]
    return {
        (name, str(index))
        for name, net in module["netnames"].items()
        if not net.get("hide_name")
        for index, bit in enumerate(net["bits"])
        if isinstance(bit, str)
    }
