"""Proofs over components whose inputs are free, by Yosys' solver; each beside a cover that shows it is not empty."""

import json
import os
import time
from collections.abc import Collection
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.sim.rtl.synthesis import run_yosys
from skipwalk.sw.lab.verification.parts import write_part
from skipwalk.sw.results.report import Result

__all__ = ["KeepsOffers", "cover", "prove"]

_PASSES = ("prep -flatten -top top", "memory_map", "chformal -lower", "async2sync", "opt_clean")


class KeepsOffers(wiring.Component):
    """A component between free inputs: what its output streams offer stays offered, unchanged, until it is taken, as
    long as those who offer to it do the same. ``stalled`` is high where an offer is not taken; inputs in
    ``tied`` are 0.
    """

    def __init__(self, inner: wiring.Component, *, tied: Collection[str] = ()):
        self._inner = inner
        self._free = {
            "__".join(map(str, path)): Value.cast(port)
            for path, member, port in inner.signature.flatten(inner)
            if member.flow == wiring.In and path[0] not in tied
        }
        super().__init__({"stalled": Out(1), **{name: In(port.shape()) for name, port in self._free.items()}})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self._inner
        for name, port in self._free.items():
            m.d.comb += port.eq(getattr(self, name))
        stalled = []
        for name, member in inner.signature.members.items():
            if not member.is_signature or not isinstance(member.signature, stream.Signature):
                continue
            port, rule = getattr(inner, name), Assert if member.flow == Out else Assume
            payload = Value.cast(port.payload)
            waits, before = Signal(name=f"{name}_waits"), Signal(len(payload), name=f"{name}_before")
            m.d.sync += [waits.eq(Value.cast(port.valid) & ~Value.cast(port.ready)), before.eq(payload)]
            m.d.comb += rule(~waits | (Value.cast(port.valid) & (payload == before)))
            if member.flow == Out:
                stalled.append(waits)
        m.d.comb += self.stalled.eq(sum(stalled[1:], stalled[0]) != 0)
        return m


def _commands(component: wiring.Component, folder: Path) -> list[str]:
    (folder / "design.il").write_text(rtlil.convert(component, name="top"))
    return [f"read_rtlil {folder / 'design.il'}", *_PASSES]


def prove(component: wiring.Component, folder: Path, *, name: str, method: str) -> None:
    """Prove the assertions, from power up on, without a reset. ``method`` are options of Yosys' ``sat``: ``-seq N`` for
    every history of N cycles, ``-tempinduct`` for ever. Raises SynthesisError.

    With the environment's SKIPWALK_PROOFS_JSON, the proof stands in that file of results.
    """
    began = time.monotonic()
    run_yosys([*_commands(component, folder), f"sat -verify -prove-asserts -set-assumes -set rst 0 {method}"])
    if report := os.environ.get("SKIPWALK_PROOFS_JSON"):
        _keep(Path(report), name, method, round(time.monotonic() - began, 1))


def cover(component: wiring.Component, folder: Path, *, output: str, cycles: int) -> None:
    """Show that an output can be high within so many cycles. Raises SynthesisError if it cannot."""
    run_yosys([*_commands(component, folder), f"sat -falsify -prove {output} 0 -set-assumes -set rst 0 -seq {cycles}"])


def _keep(path: Path, name: str, method: str, seconds: float) -> None:
    entries = json.loads(path.read_text()) if path.exists() else []
    known = {e["name"]: e["value"] for e in entries if e["name"].startswith("proofs.") and e["name"] != "proofs.passed"}
    known |= {f"proofs.{name}.method": method, f"proofs.{name}.seconds": seconds}
    passed = sum(entry.endswith(".method") for entry in known)
    found = [Result(entry, value, "s" if entry.endswith("seconds") else "") for entry, value in known.items()]
    write_part(path, "proofs", [Result("proofs.passed", passed, "proofs", "higher"), *found])
