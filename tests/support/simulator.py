"""Amaranth's simulator, or the same with the design compiled by Verilator: benches do not see a difference.

Whoever drives a block step by step makes its simulator with :func:`simulator_of`. With ``$SKIPWALK_COMPILED``
registers, logic and memories of the design are those of a compiled model: as faults in a netlist are, and as coverage
is counted.
Clocks, testbenches and time stay Amaranth's, whose engines are not part of its interface; its version is pinned.
"""

import ctypes
import functools
import os
import weakref
from collections.abc import Iterable
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import Elaboratable, Fragment, Signal, Value
from amaranth.hdl._ast import SignalSet
from amaranth.hdl._ir import Design, Instance, PortDirection
from amaranth.hdl._mem import MemoryInstance
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator
from amaranth.sim._base import BaseProcess
from amaranth.sim.pysim import PySimEngine, _PyEngineState
from skipwalk.sim.rtl import build, verilated
from skipwalk.sim.rtl.verilate import compile_model, load_library

__all__ = ["simulator_of", "stepped_library"]


def simulator_of(top: Elaboratable) -> Simulator:
    """Of a design. Compiled, testbenches see and drive what its outermost components have as ports, and signals that
    nothing in it drives; of no other signal they learn anything but its initial value."""
    return Simulator(top, engine=_Engine if os.environ.get("SKIPWALK_COMPILED") else "pysim")


class _Engine(PySimEngine):
    """What :class:`PySimEngine` is, but for the processes that its compiler makes of a fragment."""

    def __init__(self, design: Design):
        self._design = design
        self._state = _PyEngineState()
        inputs, outputs = _ports(design)
        self._processes = {_Model(self._state, inputs, outputs, stepped_library(design, inputs, outputs))}
        self._testbenches, self._vcd_writers = [], []
        self._delta_cycles, self._active_triggers = 0, set()


class _Model(BaseProcess):
    """Evaluates the model whenever one of its inputs has changed."""

    def __init__(self, state: _PyEngineState, inputs: list[Signal], outputs: list[Signal], path: Path):
        self._state = state
        self._inputs = [(state.get_signal(signal), *_place(signal)) for signal in inputs]
        self._outputs = [(state.get_signal(signal), *_place(signal), signal.shape().signed) for signal in outputs]
        for signal in inputs:
            state.add_signal_waker(signal, self._wake)
        self._given = (ctypes.c_uint32 * sum(words for _, words, _ in self._inputs))()
        self._seen = (ctypes.c_uint32 * sum(words for _, words, _, _ in self._outputs))()
        self._lib = _opened(path)
        self._handle = ctypes.c_void_p(self._lib.model_open())
        weakref.finalize(self, self._lib.model_close, self._handle)
        self.runnable, self.critical = True, False

    def _wake(self, *_: int) -> bool:
        self.runnable = True
        return True

    def reset(self) -> None:
        raise NotImplementedError("a compiled model begins once")

    def run(self) -> None:
        at, slots = 0, self._state.slots
        for slot, words, width in self._inputs:
            value = int(slots[slot].curr) & (1 << width) - 1
            for i in range(words):
                self._given[at + i] = value >> 32 * i & 0xFFFFFFFF
            at += words
        self._lib.model_eval(self._handle, self._given, self._seen)
        at = 0
        for slot, words, width, signed in self._outputs:
            value = self._seen[at] if words == 1 else sum(self._seen[at + i] << 32 * i for i in range(words))
            slots[slot].update(value - (signed and value >> width - 1) * (1 << width))
            at += words


@functools.cache
def _opened(path: Path) -> ctypes.CDLL:
    model, words = ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint32)
    signatures = {"open": (model, []), "eval": (None, [model, words, words]), "close": (None, [model])}
    return load_library(path, "model_", signatures)


def _place(signal: Signal) -> tuple[int, int]:
    """Words of 32 bits, and bits."""
    return -(-len(signal) // 32), len(signal)


def _ports(design: Design) -> tuple[list[Signal], list[Signal]]:
    """Signals that a testbench may drive, and those that it may look at besides."""
    driven, used = SignalSet(), SignalSet()
    for fragment, info in design.fragments.items():
        used.update(info.used_signals)
        for statements in fragment.statements.values():
            driven.update(statements._lhs_signals())
        driven.update(_driven_by_cell(fragment))
    outermost = [fragment for fragment, info in design.fragments.items() if info.depth <= 1]
    members = SignalSet()
    for component in (e for e in design.elaboratables if isinstance(e, Component)):
        if design.elaboratables[component] in outermost:
            for _, _, member in component.signature.flatten(component):
                if isinstance(value := Value.cast(member), Signal):
                    members.add(value)
    inputs = [signal for signal in used if signal not in driven and len(signal)]
    outputs = [signal for signal in members if signal in driven and len(signal)]
    return inputs, outputs


def _driven_by_cell(fragment: Fragment) -> Iterable[Signal]:
    if isinstance(fragment, MemoryInstance):
        for port in fragment._read_ports:
            yield from port._data._lhs_signals()
    if isinstance(fragment, Instance):
        for value, kind in fragment.ports.values():
            if kind == "o":
                yield from value._lhs_signals()


def stepped_library(design: Design, inputs: list[Signal], outputs: list[Signal]) -> Path:
    """Compile a design, with ports ``i0``, ``i1``, ... and ``o0``, ..., unless that was done before."""
    names = [(f"i{n}", signal, PortDirection.Input) for n, signal in enumerate(inputs)]
    names += [(f"o{n}", signal, PortDirection.Output) for n, signal in enumerate(outputs)]
    text, _ = verilog.convert_fragment(Design(design.fragment, names, hierarchy=("top",)), name="top", emit_src=False)
    variant = verilated._COUNTING if build.COUNTING else verilated._QUICK
    harness = {"model.cpp": _harness([_place(s) for s in inputs], [_place(s) for s in outputs])}
    return compile_model("stepped", text, "top", harness, "libmodel.so", variant) / "libmodel.so"


def _harness(inputs: list[tuple[int, int]], outputs: list[tuple[int, int]]) -> str:
    """C++ with three functions: a model is opened, evaluated for words of its inputs, and closed."""

    def moves(letter: str, places: list[tuple[int, int]], whole: str, half: str) -> str:
        lines, at = [], 0
        for n, (words, width) in enumerate(places):
            name = f"top.{letter}{n}"
            if width > 64:
                lines += [whole.format(f"{name}[{i}]", at + i) for i in range(words)]
            else:
                lines.append((half if width > 32 else whole).format(name, at))
            at += words
        return "\n    ".join(lines)

    gives = moves("i", inputs, "{} = in[{}];", "{0} = in[{1}] | static_cast<uint64_t>(in[{1} + 1]) << 32;")
    takes = moves("o", outputs, "out[{1}] = {0};", "out[{1}] = {0}; out[{1} + 1] = {0} >> 32;")
    return f"""#include <cstdint>

#include "Vcore.h"
#include "verilated.h"
#if VM_COVERAGE
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "verilated_cov.h"
#endif

struct Model {{
    VerilatedContext context;
    Vcore top{{&context, "top"}};
}};

#define API extern "C" __attribute__((visibility("default")))

API Model* model_open() {{ return new Model; }}

API void model_eval(Model* model, const uint32_t* in, uint32_t* out) {{
    Vcore& top = model->top;
    {gives}
    top.eval();
    {takes}
}}

API void model_close(Model* model) {{
    model->top.final();
#if VM_COVERAGE
    static int number = 0;
    Dl_info library;
    if (dladdr(reinterpret_cast<void*>(&model_close), &library)) {{
        const std::string path = library.dli_fname;
        const std::string folder = path.substr(0, path.rfind('/') + 1) + "reached";
        mkdir(folder.c_str(), 0777);
        const std::string name = std::to_string(getpid()) + "-" + std::to_string(number++) + ".dat";
        model->context.coveragep()->write(folder + "/" + name);
    }}
#endif
    delete model;
}}
"""
