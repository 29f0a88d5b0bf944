"""Proofs over components whose inputs are free, by Yosys' solver; each beside a cover that shows it is not empty."""

import os
import resource
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import reduce
from itertools import product
from operator import getitem
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Cat, ClockDomain, ClockSignal, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Flow, In, Out
from skipwalk.sim.rtl.synthesis import run_yosys
from skipwalk.sw.lab.verification.parts import write_part
from skipwalk.sw.results.report import Result, read_report

__all__ = ["Block", "KeepsOffers", "Moves", "cover", "prove", "soon"]

#: Seconds of a run: a minute of computing can be many on a machine that has other work.
_LONGEST = 1800
_PASSES = ("prep -flatten -top top", "memory_map", "chformal -lower", "async2sync")
#: A register whose clock ticks in those cycles in which it is high.
_TICKS = """
module \\$dff (CLK, D, Q);
    parameter WIDTH = 0;
    parameter CLK_POLARITY = 1;
    input CLK;
    input [WIDTH-1:0] D;
    output [WIDTH-1:0] Q;
    \\$ff #(.WIDTH(WIDTH)) register (.D(CLK ? D : Q), .Q(Q));
endmodule
"""


class _Stream(NamedTuple):
    """Of a component's ports: a stream, or a channel of AXI. ``flow`` is Out where the component offers."""

    flow: Flow
    valid: Value
    ready: Value
    payload: Value


def _streams(component) -> dict[str, _Stream]:
    """Every stream among a component's ports, those inside other ports too, by name."""
    found = {}

    def look(prefix, signature, interface):
        for name, member in signature.members.items():
            if not member.is_signature:
                # A channel: its name stands in front of what it consists of.
                channel = name.removesuffix("valid")
                if channel and channel != name and f"{channel}ready" in signature.members:
                    parts = {n: Value.cast(getattr(interface, n)) for n in signature.members if n.startswith(channel)}
                    valid, ready = parts.pop(name), parts.pop(f"{channel}ready")
                    found[prefix + channel] = _Stream(member.flow, valid, ready, Cat(parts.values()))
                continue
            for places in product(*map(range, member.dimensions)):
                port = reduce(getitem, places, getattr(interface, name))
                path = "_".join(map(str, (prefix + name, *places)))
                if isinstance(member.signature, stream.Signature):
                    bits = Value.cast(port.payload).as_unsigned()
                    found[path] = _Stream(member.flow, Value.cast(port.valid), Value.cast(port.ready), bits)
                else:
                    look(f"{path}__", member.signature, port)

    look("", component.signature, component)
    return found


class KeepsOffers(wiring.Component):
    """A component between free inputs: what its output streams offer stays offered, unchanged, until it is taken, as
    long as those who offer to it do the same, and who is asked by a request answers each once, and nothing else.

    Parameters
    ----------
    inner : Component
    tied, steady : collection of str
        Inputs that are 0, and inputs that never change.
    given : function of the module and ``inner``
        What else ``inner`` may rely on: values that are true.
    but : collection of str
        Streams of which nothing is said.
    prompt : collection of str
        Output streams whose offers have to be taken at once, or the proof fails.
    resets : mapping of str to str
        Of streams whose other end may be in reset, and then forgets what it was offered or has offered: the port of
        ``inner`` that is high while it is.
    domains : mapping of str to str
        Clocks of streams that are not of ``sync``. In each cycle some of the clocks tick, whichever.

    Members
    -------
    stalled_NAME : Out(1)
        The offer of this output stream was not taken the cycle before; for each that is not ``prompt``.
    Inputs of ``inner`` besides.
    """

    #: Further outputs, of a kind that has some.
    _more: tuple[str, ...] = ()

    #: Bits in which requests that have not been answered are counted: more than there are cycles of a proof.
    OWED = 5

    def __init__(
        self,
        inner: wiring.Component,
        *,
        tied: Collection[str] = (),
        steady: Collection[str] = (),
        given: Callable[[Module, Any], list[ValueLike]] = lambda m, inner: [],
        but: Collection[str] = (),
        prompt: Collection[str] = (),
        resets: Mapping[str, str] = MappingProxyType({}),
        domains: Mapping[str, str] = MappingProxyType({}),
    ):
        self._inner, self._steady, self._given, self._prompt = inner, steady, given, prompt
        self._resets, self._domains = resets, domains
        self._streams = _streams(inner)
        self._free = {
            "__".join(map(str, path)): Value.cast(port)
            for path, member, port in inner.signature.flatten(inner)
            if member.flow == wiring.In and path[0] not in tied and not isinstance(Value.cast(port), Const)
        }
        # Some are taken always.
        self._ruled = sorted(
            name for name, each in self._streams.items() if not isinstance(each.ready, Const) and name not in but
        )
        waiting = (name for name in self._ruled if name not in prompt)
        self.offers = [f"stalled_{name}" for name in waiting if self._streams[name].flow == Out]
        inputs = {name: In(port.shape()) for name, port in self._free.items()}
        inputs |= {f"{domain}_ticks": In(1) for domain in domains.values()}
        super().__init__(inputs | {name: Out(1) for name in (*self.offers, *self._more)})

    @property
    def several_clocks(self) -> bool:
        """There are others than that of ``sync``."""
        return bool(self._domains)

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self._inner
        for domain in set(self._domains.values()):
            m.domains += ClockDomain(domain, reset_less=True)
            m.d.comb += ClockSignal(domain).eq(getattr(self, f"{domain}_ticks"))
        if self.several_clocks:
            # In a cycle without one nothing happens.
            m.d.comb += Assume(Cat(ClockSignal(domain) for domain in ("sync", *self._domains.values())).any())
        for name, port in self._free.items():
            m.d.comb += port.eq(getattr(self, name))
        m.d.comb += [Assume(fact) for fact in self._given(m, inner)]
        later = Signal()
        m.d.sync += later.eq(1)
        for name, given in ((name, getattr(self, name)) for name in self._free if name in self._steady):
            before = Signal.like(given, name=f"{name}_before")
            m.d.sync += before.eq(given)
            m.d.comb += Assume(~later | (given == before))
        for name in self._ruled:
            flow, valid, ready, payload = self._streams[name]
            waits, before = Signal(name=f"{name}_waits"), Signal(len(payload), name=f"{name}_before")
            reset = getattr(inner, self._resets[name]) if name in self._resets else Const(0)
            m.d[self._domains.get(name, "sync")] += [waits.eq(valid & ~ready & ~reset), before.eq(payload)]
            m.d.comb += (Assert if flow == Out else Assume)(~waits | reset | (valid & (payload == before)))
            if name in self._prompt:
                m.d.comb += Assert(~waits)
            elif flow == Out:
                m.d.comb += getattr(self, f"stalled_{name}").eq(waits)
        self._owed = {}
        for name, asked in self._streams.items():
            response = name.removesuffix("request") + "response"
            answer = self._streams.get(response)
            if answer is not None and asked.flow == Out:
                self._owed[response] = owed = Signal(self.OWED, name=f"{name}_owed")
                m.d.sync += owed.eq(owed + (asked.valid & asked.ready) - answer.valid)
                m.d.comb += Assume(~answer.valid | (owed != 0))
        return m


def soon(m: Module, wanted: ValueLike, answer: ValueLike, within: int) -> Value:
    """To be assumed: what is wanted comes before it has been missing for so many cycles on end."""
    missing = Signal(range(within + 1))
    m.d.sync += missing.eq(0)
    with m.If(Value.cast(wanted) & ~Value.cast(answer)):
        m.d.sync += missing.eq(missing + (missing != within))
    return missing != within


class Moves(KeepsOffers):
    """A component that never stands still: among free inputs, where each offer is taken, each answer comes and each
    command is there within ``late`` cycles, a word passes on one of its streams within ``bound``. It keeps its offers,
    besides.

    Parameters
    ----------
    bound, late : int
    ends : str
        A stream: ``moved`` is high for a word that passes on it after ``bound`` cycles, which has to happen.
    inside : streams
        Inside of ``inner``, on which a word may pass as well.
    rules
        As of :class:`KeepsOffers`.
    """

    _more = ("moved",)

    def __init__(
        self, inner: wiring.Component, bound: int, ends: str, *, late: int = 2, inside: Iterable[Any] = (), **rules: Any
    ):
        super().__init__(inner, **rules)
        self._bound, self._ends, self._late, self._inside = bound, ends, late, inside

    def elaborate(self, platform):
        m = super().elaborate(platform)
        passes: dict[Any, Value] = {name: each.valid & each.ready for name, each in self._streams.items()}
        for name, each in self._streams.items():
            wanted, given = (each.valid, each.ready) if each.flow == Out else (Const(1), each.valid)
            if name in self._owed:
                wanted = self._owed[name] != 0
            m.d.comb += Assume(soon(m, wanted, given, self._late))
        passes |= {i: each.valid & each.ready for i, each in enumerate(self._inside)}
        still = Signal(range(self._bound + 1))
        m.d.sync += still.eq(Mux(Cat(passes.values()).any(), 0, still + (still != self._bound)))
        # So late that it could have been found to stand still.
        age = Signal.like(still)
        m.d.sync += age.eq(age + (age != self._bound))
        m.d.comb += [Assert(still != self._bound), self.moved.eq(passes[self._ends] & (age == self._bound))]
        return m


def _commands(component: wiring.Component, folder: Path) -> list[str]:
    (folder / "design.il").write_text(rtlil.convert(component, name="top"))
    passes = [*_PASSES]
    if isinstance(component, KeepsOffers) and component.several_clocks:
        (folder / "ticks.v").write_text(_TICKS)
        passes += ["dffunmap", f"techmap -map {folder / 'ticks.v'}"]
    return [f"read_rtlil {folder / 'design.il'}", *passes, "opt_clean"]


def prove(component: wiring.Component, folder: Path, *, name: str, method: str) -> None:
    """Prove the assertions, from power up on, without a reset. ``method`` are options of Yosys' ``sat``: ``-seq N`` for
    every history of N cycles, ``-tempinduct`` for ever; where there are several clocks, each ticks in some of those
    cycles. Raises SynthesisError.

    With the environment's SKIPWALK_PROOFS_JSON, the proof stands in that file of results, with the seconds that it kept
    a processor busy: what else the machine does is not among them. One of the name "none" does not.
    """
    began = _spent()
    run_yosys(
        [*_commands(component, folder), f"sat -verify -prove-asserts -set-assumes -set rst 0 {method}"],
        timeout=_LONGEST,
    )
    report = os.environ.get("SKIPWALK_PROOFS_JSON")
    if report and name != "none":
        _keep(Path(report), name, method, round(_spent() - began, 1))


def cover(component: wiring.Component, folder: Path, *, output: str | Iterable[str], cycles: int) -> None:
    """Show that an output, or each of several, can be high within so many cycles. Raises SynthesisError otherwise."""
    outputs = [output] if isinstance(output, str) else output
    solves = [f"sat -falsify -prove {each} 0 -set-assumes -set rst 0 -seq {cycles}" for each in outputs]
    run_yosys([*_commands(component, folder), *solves], timeout=_LONGEST)


class Block(NamedTuple):
    """A component that keeps its offers: how to ``make`` it, by which ``method`` that is proven, within how many
    ``cycles`` each of its offers can wait but those of the streams in ``later``, and what :class:`KeepsOffers` is told.
    """

    make: Callable[[], wiring.Component]
    method: str
    cycles: int
    rules: Mapping[str, Any] = MappingProxyType({})
    later: Collection[str] = ()

    def check(self, name: str, folder: Path) -> None:
        """Prove it, and that each offer can wait. Raises SynthesisError."""
        component = KeepsOffers(self.make(), **self.rules)
        waiting = [offer for offer in component.offers if offer.removeprefix("stalled_") not in self.later]
        cover(component, folder, output=waiting, cycles=self.cycles)
        prove(KeepsOffers(self.make(), **self.rules), folder, name=f"stream.{name}", method=self.method)


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _keep(path: Path, name: str, method: str, seconds: float) -> None:
    entries, _ = read_report(path)
    known = {e.name: e.value for e in entries if e.name.startswith("proofs.") and e.name != "proofs.passed"}
    known |= {f"proofs.{name}.method": method, f"proofs.{name}.seconds": seconds}
    passed = sum(entry.endswith(".method") for entry in known)
    found = [Result(entry, value, "s" if entry.endswith("seconds") else "") for entry, value in known.items()]
    write_part(path, "proofs", [Result("proofs.passed", passed, "proofs", "higher"), *found])
