"""Netlists with many faults in them, of which the environment chooses one: a design is compiled once for all of them.

Yosys' ``mutate`` makes the faults, in the netlist after elaboration: a bit of a cell's port is inverted, is 0 or 1, or
is so while another bit is. Each is there behind a comparison with a number that Verilator's model reads from
``$SKIPWALK_MUTANT`` when it is made; 0, or none, is the design as it is.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from ....sim.rtl.synthesis import SynthesisError, run_yosys
from .equivalence import transformed

__all__ = ["VARIABLE", "Fault", "Netlists", "faults_of", "flattened", "is_unchanged", "with_fault", "with_faults"]

#: Of the environment: the number of the fault.
VARIABLE = "SKIPWALK_MUTANT"
_WIRE = "skipwalk_mutant"
_BITS = 16
_NUMBER = f'$c32("(std::getenv(\\"{VARIABLE}\\") ? std::atoi(std::getenv(\\"{VARIABLE}\\")) : 0)")'
#: So many more than are wanted are drawn, because some are none: of clocks, and of what is constant anyway.
_MORE = 4
#: Bits that are changed on their way from one part of a vector to another look like loops, and ways of a multiplexer as
#: if they did not exclude each other.
_WAIVED = "/* verilator lint_off UNOPTFLAT */ /* verilator lint_off CASEOVERLAP */"
_SOURCE = re.compile(r"(hw/[a-z0-9_/]+\.py):(\d+)")


@dataclass(frozen=True)
class Fault:
    """One of ``mutate``: of a file of ``hw`` and the line that its cell comes from; ``options`` say what and where."""

    file: str
    line: int
    options: str

    @property
    def mode(self) -> str:
        """inv, const0, const1, cnot0 or cnot1."""
        return self._option("mode")

    @property
    def cell(self) -> str:
        """Name of the cell that is changed."""
        return self._option("cell")

    def within(self, module: str) -> "Fault":
        """The same of a cell of this name in another module."""
        return replace(self, options=re.sub(r"-module \S+", f"-module {module}", self.options))

    @property
    def text(self) -> str:
        """For people: what becomes of which bit of which port."""
        bit = f"{self._option('cell')} {self._option('port')}[{self._option('portbit')}]"
        what = {"inv": "inverted", "const0": "0", "const1": "1"}.get(self.mode)
        if what is None:
            what = f"inverted while bit {self._option('ctrlbit')} is {self.mode[-1]}"
        return f"{bit} {what}".replace("$flatten\\", "").replace("\\", "")

    def _option(self, name: str) -> str:
        found = re.search(rf"-{name} (\S+)", self.options)
        return found[1] if found else ""


def flattened(rtlil: str) -> str:
    """The top module of an RTLIL text with all others in it, without bits and cells that do nothing."""
    # opt_dff is left out: registers that it shortens lose initial values.
    tidy = ["opt_expr", "opt_merge", "opt_muxtree", "opt_clean", "wreduce", "splitcells", "opt_expr", "opt_clean"]
    return transformed(rtlil, ["hierarchy -auto-top", "proc", "flatten", *tidy])


def faults_of(flat: str, wanted: dict[str, int], seed: int) -> list[Fault]:
    """So many faults of each file, as far as there are any, in cells that its lines made; chosen by the seed."""
    with tempfile.TemporaryDirectory(prefix="netlist-") as folder:
        Path(folder, "flat.il").write_text(flat)
        draws = [
            f"mutate -list {_MORE * n} -seed {seed} -o {i}.txt a:src=*{file}:* t:$scopeinfo %d t:$meminit* %d"
            for i, (file, n) in enumerate(wanted.items())
        ]
        run_yosys(["read_rtlil flat.il", *draws], cwd=Path(folder))
        found = []
        for i, (file, n) in enumerate(wanted.items()):
            path = Path(folder, f"{i}.txt")
            lines = path.read_text().splitlines() if path.exists() else []
            of_file = [_fault(line.removeprefix("mutate "), file) for line in lines]
            found += [fault for fault in of_file if fault is not None][:n]
    return found


def _fault(options: str, file: str) -> Fault | None:
    """None for a clock, or a bit that is connected to no wire."""
    if re.search(r"-port \\?(CLK|ARST|SRST)\b", options) or "-cell" not in options:
        return None
    line = next((int(number) for name, number in _SOURCE.findall(options) if name == file), 0)
    return Fault(file, line, options)


def with_fault(flat: str, fault: Fault) -> str:
    """RTLIL of a flattened design with a fault that is always there."""
    return transformed(flat, [f"mutate {fault.options}"])


def is_unchanged(flat: str, fault: Fault) -> bool:
    """Whether nothing is left of a fault once constants have been folded: a bit that is 0 anyway was made 0."""
    fold = ["opt_expr", "opt_merge", "opt_expr", "opt_clean"]
    try:
        sides = [transformed(flat, [*change, *fold]) for change in ([], [f"mutate {fault.options}"])]
    except SynthesisError:
        return False  # initial values that folding cannot bring together
    gold, gate = (re.sub(r"^autoidx .*", "", side, flags=re.MULTILINE) for side in sides)
    return gold == gate


def with_faults(flat: str, faults: dict[int, Fault]) -> str:
    """Verilog of a flattened design with all these faults by their numbers, for Verilator."""
    with tempfile.TemporaryDirectory(prefix="netlist-") as folder:
        Path(folder, "flat.il").write_text(flat)
        script = [f"mutate -ctrl {_WIRE} {_BITS} {n} {fault.options}" for n, fault in faults.items()]
        Path(folder, "faults.ys").write_text("\n".join([*script, ""]))
        hide = [f"delete -port w:{_WIRE}"] if faults else []
        origins = "attrmap -remove src -remove hdlname -remove top"
        run_yosys(
            ["read_rtlil flat.il", "script faults.ys", *hide, "delete t:$scopeinfo", "memory_collect", origins,
             f"attrmap -modattr {origins.removeprefix('attrmap ')}", "write_verilog -norename design.v"],
            cwd=Path(folder),
        )  # fmt: skip
        text = Path(folder, "design.v").read_text()
    declared = f"  wire [{_BITS - 1}:0] {_WIRE};\n"
    if text.count(declared) != bool(faults):
        raise RuntimeError(f"{text.count(declared)} wires {_WIRE} in what Yosys wrote")
    text = f"{_WAIVED}\n{text}"
    return text.replace(declared, f"  reg [{_BITS - 1}:0] {_WIRE};\n  initial {_WIRE} = {_NUMBER};\n")


class Netlists:
    """While :meth:`active`, whatever Amaranth turns into Verilog has faults in it, of files that had none before.

    Parameters
    ----------
    per_file : int
        Faults of each file of ``hw``, in the first design that has cells of it.
    seed : int
        Which ones.

    Attributes
    ----------
    only : tuple of str
        Files have faults that begin with one of these.
    faults : dict
        All of them by number, from 1 on.
    flats : list of str
        RTLIL of each design.
    design_of : dict
        Index of the design by the fault's number.
    drawn : set of str
        Files that have had their faults.
    made : list of int
        Designs in the order in which they were asked for.
    """

    def __init__(self, per_file: int, seed: int):
        self._per_file, self._seed = per_file, seed
        self.only: tuple[str, ...] = ("hw",)
        self.faults: dict[int, Fault] = {}
        self.flats: list[str] = []
        self.design_of: dict[int, int] = {}
        self._texts: dict[str, tuple[int, str]] = {}
        self.made: list[int] = []
        self.drawn: set[str] = set()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Amaranth's way to Verilog leads here, with places in the source."""
        from amaranth.back import rtlil, verilog

        plain = rtlil.Design.__init__
        with (
            mock.patch.object(rtlil.Design, "__init__", lambda design, emit_src=True: plain(design)),
            mock.patch.object(verilog, "_convert_rtlil_text", self._convert),
        ):
            yield

    def _convert(self, rtlil: str, **_: object) -> str:
        if rtlil not in self._texts:
            flat = flattened(rtlil)
            files = {file for file, _ in _SOURCE.findall(flat) if file.startswith(self.only)}
            new = faults_of(flat, dict.fromkeys(sorted(files - self.drawn), self._per_file), self._seed)
            self.drawn |= {fault.file for fault in new}
            numbered = dict(enumerate(new, len(self.faults) + 1))
            design = len(self.flats)
            self.flats.append(flat)
            self.faults |= numbered
            self.design_of |= dict.fromkeys(numbered, design)
            self._texts[rtlil] = design, with_faults(flat, numbered)
        design, text = self._texts[rtlil]
        self.made.append(design)
        return text
