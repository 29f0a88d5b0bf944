"""Cycles of a trace on a Cortex-A53: by llvm-mca, and by a model of its two issue slots.

llvm-mca knows the core's units and latencies, but lets nothing be written before what was issued earlier: behind a
multiply-add of 10 cycles a load waits for 6, whoever needs it. LLVM's table for the core's successor makes exceptions
from that, the one for this core has none. :func:`issue_cycles` has no such rule.
"""

import itertools
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ....sim.rtl.build import BuildError
from .programs import Trace, run_tool

__all__ = ["Instruction", "decoded", "executed", "issue_cycles", "mca_cycles", "mispredicted", "parsed_cycles"]

#: Instructions that llvm-mca gets at a time; a trace is cut into such pieces.
PIECE = 50_000
#: Cycles until a result may be used. As GCC has it for the Cortex-A53 (gcc/config/arm/cortex-a53.md), by the shortest
#: way on which results are passed on; what a multiply-add adds to is needed 4 cycles after the factors.
SHORT = {
    "load": 2, "store": 1, "branch": 1, "integer": 1, "multiply": 3, "divide": 4,
    "vector": 4, "vector multiply": 4, "vector multiply-add": 8, "vector divide": 14,
}  # fmt: skip
LATE = 4
#: As LLVM has it (AArch64SchedA53.td), without a way for what is added to.
LONG = {
    "load": 4, "store": 1, "branch": 1, "integer": 1, "multiply": 4, "divide": 4,
    "vector": 6, "vector multiply": 6, "vector multiply-add": 10, "vector divide": 18,
}  # fmt: skip
#: The unit that an instruction needs, of which there is one; integers have two, as many as issue slots.
UNIT = {
    "load": "memory", "store": "memory", "branch": "branch", "multiply": "multiplier", "divide": "divider",
    "vector": "vector", "vector multiply": "vector multiplier", "vector multiply-add": "vector multiplier",
    "vector divide": "vector multiplier",
}  # fmt: skip
#: Cycles that a unit is busy, beyond one.
BUSY = {"divide": 8, "vector divide": 14}
SLOTS = 2

_REGISTER = re.compile(r"\b(?:([wxvqdshb])(\d+)|(w?sp))\b")
_ACCUMULATE = {"fmla", "fmls", "mla", "mls", "ins", "bsl", "bit", "bif", "movk", "bfi", "bfxil"}
_FLAGS_MADE = {"adds", "subs", "ands", "bics", "cmp", "cmn", "tst", "fcmp", "fcmpe", "ccmp", "fccmp"}
_FLAGS_TAKEN = {"csel", "csinc", "csinv", "csneg", "cset", "csetm", "cinc", "cinv", "cneg", "fcsel", "ccmp", "fccmp",
                "adc", "sbc"}  # fmt: skip
_ONLY_READ = {"cmp", "cmn", "tst", "fcmp", "fcmpe", "ccmp", "fccmp"}


@dataclass(frozen=True)
class Instruction:
    """What the model of the issue slots knows of an instruction.

    Attributes
    ----------
    kind : str
        A key of :data:`SHORT`.
    reads, writes : tuple of str
        Registers, ``x3`` or ``v7``, and ``flags``.
    sum : tuple of str
        The register that a multiply-add adds to, which is not among ``reads``.
    address : tuple of str
        A register that the instruction moves on: at once, not after the latency.
    transfers : int
        Registers of 128 bits that go to or come from memory.
    """

    kind: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    transfers: int = 0
    sum: tuple[str, ...] = ()


def decoded(text: str) -> Instruction:
    """An instruction as llvm-objdump writes it."""
    name, _, operands = text.partition(" ")
    if name.startswith(("ld", "st", "prfm")) and "[" in operands:
        return _transfer(name, operands)
    registers = _registers(operands)
    if re.fullmatch(r"b|bl|br|blr|ret|b\.\w+|cbn?z|tbn?z", name):
        return Instruction("branch", (*registers, *(["flags"] if name.startswith("b.") else [])))
    vector = any(register[0] == "v" for register in registers)
    destination = () if name in _ONLY_READ else registers[:1]
    # A lane that is moved into leaves the others as they are.
    both = name in _ACCUMULATE or (name == "mov" and re.match(r"v\d+\.[bhsd]\[", operands))
    reads = registers if both or not destination else registers[1:]
    if name in _FLAGS_TAKEN:
        reads = (*reads, "flags")
    if name in _FLAGS_MADE:
        destination = (*destination, "flags")
    if vector:
        if name in ("fdiv", "fsqrt"):
            kind = "vector divide"
        elif re.fullmatch(r"fn?m(add|sub)|fml[as]|ml[as]", name):
            kind = "vector multiply-add"
        else:
            kind = "vector multiply" if name in ("fmul", "fnmul", "mul") else "vector"
    elif re.fullmatch(r"[us]?m(ul|add|sub|neg)[lh]?|[us]m(add|sub)l", name):
        kind = "multiply"
    else:
        kind = "divide" if name in ("sdiv", "udiv") else "integer"
    if kind == "vector multiply-add":
        # The last of four operands, or what is there already.
        reads, added = (
            (reads[:-1], reads[-1:])
            if name.startswith("f") and name.endswith(("add", "sub"))
            else (reads[1:], reads[:1])
        )
        return Instruction(kind, reads, destination, sum=added)
    return Instruction(kind, reads, destination)


def _registers(operands: str) -> tuple[str, ...]:
    return tuple(
        "sp" if found[3] else ("x" if found[1] in "wx" else "v") + found[2] for found in _REGISTER.finditer(operands)
    )


def _transfer(name: str, operands: str) -> Instruction:
    data, _, place = operands.partition("[")
    # `ld1 { v0.s }[1], [x0]` has a lane in front of its address.
    if lane := re.match(r"\d+\],? *\[?", place) if "{" in data else None:
        place = place[lane.end() :]
    moved, base = _registers(data), _registers(place)
    if span := re.search(r"v(\d+)\.\w+ - v(\d+)", data):
        moved = tuple(f"v{i}" for i in range(int(span[1]), int(span[2]) + 1))
    wide = re.search(r"\bq\d|\.(?:16b|8h|4s|2d)", data)
    on = base[:1] if place.endswith("!") or re.search(r"\],", place) else ()
    if name.startswith("ld"):
        return Instruction("load", (*base, *(moved if lane else ())), moved, on, len(moved) if wide else 0)
    return Instruction("store", (*moved, *base), (), on, len(moved) if wide else 0)


def issue_cycles(trace: Trace, *, narrow: bool = False) -> int:
    """Cycles in which a core with two issue slots, in order, has issued all of a trace. Caches hit, branches are known.

    ``narrow`` is the pessimist's core: the longer latencies; a vector of 128 bits between register and memory takes two
    cycles in which nothing else is issued; all vector arithmetic shares one unit.
    """
    latency, late = (LONG, 0) if narrow else (SHORT, LATE)
    instructions = {at: decoded(text) for at, text in trace.text.items()}
    ready: dict[str, int] = defaultdict(int)
    free: dict[str, int] = defaultdict(int)
    now, used = 0, 0
    for at in trace.addresses.tolist():
        one = instructions[at]
        unit = UNIT.get(one.kind)
        if narrow and unit == "vector multiplier":
            unit = "vector"
        alone = narrow and one.transfers > 0
        start = max([now, *(ready[register] for register in one.reads), *(ready[it] - late for it in one.sum)])
        if unit is not None:
            start = max(start, free[unit])
        if start == now and (used == SLOTS or (alone and used)):
            start += 1
        begun = used if start == now else 0
        hold = max(one.transfers, BUSY.get(one.kind, 1)) * (2 if alone else 1)
        if unit is not None:
            free[unit] = start + hold
        now, used = (start + hold, 0) if alone else (start, begun + 1)
        last = start + (hold - 1 if one.transfers else 0)
        for register in one.writes:
            ready[register] = last + latency[one.kind]
        for register in one.address:
            ready[register] = start + 1
    return now


def mispredicted(trace: Trace) -> int:
    """Branches that go another way than the last time, the first time of each included."""
    last: dict[int, int] = {}
    wrong = 0
    branches = {at for at, text in trace.text.items() if re.match(r"b\.|cbn?z|tbn?z", text)}
    addresses = trace.addresses.tolist()
    for at, then in itertools.pairwise(addresses):
        if at in branches:
            wrong += last.get(at) != then
            last[at] = then
    return wrong


def executed(trace: Trace, pattern: str) -> int:
    """Instructions of a trace whose text matches ``pattern`` from its start."""
    wanted = {at for at, text in trace.text.items() if re.match(pattern, text)}
    return sum(count for at, count in Counter(trace.addresses.tolist()).items() if at in wanted)


def mca_cycles(trace: Trace) -> int:
    """What llvm-mca calls the total cycles of a trace, for a Cortex-A53. Raises MissingToolError and BuildError.

    The trace is cut into pieces of :data:`PIECE` instructions, each of which starts with nothing under way.
    """
    return sum(_mca(trace.text[at] for at in piece) for piece in _pieces(trace.addresses.tolist()))


def _pieces(addresses: list[int]) -> Iterable[list[int]]:
    return (addresses[first : first + PIECE] for first in range(0, len(addresses), PIECE))


def _mca(lines: Iterable[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="a53-") as folder:
        source = Path(folder, "trace.s")
        source.write_text("\n".join(lines) + "\n")
        options = ["-mtriple=aarch64-linux-gnu", "-mcpu=cortex-a53", "-iterations=1", "-instruction-info=0"]
        return parsed_cycles(run_tool("llvm-mca", *options, "-resource-pressure=0", source))


def parsed_cycles(report: str) -> int:
    """Out of what llvm-mca prints. Raises BuildError."""
    if (found := re.search(r"^Total Cycles:\s+(\d+)$", report, re.MULTILINE)) is None:
        raise BuildError(f"llvm-mca names no total of cycles:\n{report[-500:]}")
    return int(found[1])
