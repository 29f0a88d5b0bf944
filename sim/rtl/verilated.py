"""The gateware as a compiled library: whole buffers in, whole buffers out, no Python per cycle.

Any top module will do that has ``clk``, ``rst`` and two streams of 32-bit words, ``i`` in and ``o`` out; a memory in it
may have a clock of its own. Verilator turns it into C++, which is compiled once for each distinct text (see
:mod:`.build`) and loaded through ctypes.
"""

import ctypes
import dataclasses
import functools
import os
import weakref
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from . import build
from .verilate import Variant, compile_model, load_library
from .verilog_text import split_vectors

__all__ = ["SimulationTimeout", "VerilatedCore", "compile_library"]

#: Cycles simulated for each call into the library: about a fifth of a second, so that Ctrl-C is answered promptly.
SLICE = 200_000

#: $SKIPWALK_OPTIMISE: how a model is compiled. Tests, which run each for a moment, save a quarter of the time with -O1.
_OPTIMISE = os.environ.get("SKIPWALK_OPTIMISE", "-O3 -march=native")
#: Nothing but the harness's functions is exported: two libraries in one process share no static variable.
#: -march=native is safe because the processor is part of the build folder's hash.
_FAST = Variant(
    prefix="Vcore",
    options=("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert"),
    cflags="-fPIC -fvisibility=hidden",
    fast=_OPTIMISE,
    ldflags="-shared",
)
#: Counts which lines of the Verilog and which changes of each bit are reached, and leaves that beside the library.
_COUNTING = dataclasses.replace(_FAST, options=(*_FAST.options, "--coverage-line", "--coverage-toggle"), fast="-O0")
#: Compiled in a fraction of the time and ten times slower: for netlists, which are long and run for a moment.
_QUICK = dataclasses.replace(_FAST, fast="-O0")
_TRACED = dataclasses.replace(
    _FAST, options=(*_FAST.options, "--trace-vcd"), cflags=f"{_FAST.cflags} -DSKIPWALK_TRACE=1", fast="-O1"
)


class SimulationTimeout(RuntimeError):
    """No word has moved on either stream for too long.

    Attributes
    ----------
    cycle : int
        When the simulation was given up.
    words_in, words_out : int
        How many words the core has consumed and produced since it was opened.
    """

    def __init__(self, cycle: int, words_in: int, words_out: int, waiting: str, idle: int):
        self.cycle, self.words_in, self.words_out = cycle, words_in, words_out
        super().__init__(
            f"the core has neither taken nor given a word for {idle} cycles while {waiting} "
            f"(cycle {cycle}, {words_in} words consumed, {words_out} produced since it was opened)"
        )


def compile_library(
    verilog: str, top: str, *, trace: bool = False, quick: bool = False, memory_clock: Fraction | None = None
) -> Path:
    """Compile a core and the harness into a shared library, unless that was done before; returns its path.

    Parameters
    ----------
    verilog : str
        Text of all modules.
    top : str
        The module with ports ``clk``, ``rst``, ``i__payload``, ``i__valid``, ``i__ready``, ``o__payload``, ...
    trace : bool
        Build the slower variant that can write a waveform.
    quick : bool
        Build a slower variant that the compiler does not optimise.
    memory_clock : Fraction, optional
        Cycles of the port ``clk_memory`` for each of ``clk``; their edges never coincide, and come in the same order in
        every run. No such port, if not given.

    Raises
    ------
    MissingToolError
        A tool is not installed.
    BuildError
        Verilator or the compiler rejects the design.
    """
    variant = _TRACED if trace else _COUNTING if build.COUNTING else _QUICK if quick else _FAST
    text = verilog if trace or build.COUNTING else split_vectors(verilog)
    source = Path(__file__).with_name("harness.cpp").read_text()
    if memory_clock is not None:
        cycles, of = memory_clock.as_integer_ratio()
        source = f"#define SKIPWALK_MEMORY_CYCLES {cycles}\n#define SKIPWALK_CYCLES {of}\n{source}"
    return compile_model(top, text, top, {"harness.cpp": source}, "libcore.so", variant) / "libcore.so"


@functools.cache
def _load(library: Path) -> ctypes.CDLL:
    """The library with the signatures of its functions."""
    core, u64, size = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t
    return load_library(
        library,
        "skipwalk_",
        {
            "open": (core, [u64, ctypes.c_double, ctypes.c_double, ctypes.c_char_p]),
            "close": (None, [core]),
            "reset": (None, [core]),
            "run": (size, [core, ctypes.c_void_p, size, size, u64]),
            "pending": (size, [core]),
            "take": (None, [core, ctypes.c_void_p]),
            "cycles": (u64, [core]),
            "words_in": (u64, [core]),
            "words_out": (u64, [core]),
            "last_transfer": (u64, [core]),
        },
    )


class VerilatedCore:
    """One instance of a compiled core; there may be any number of them. A context manager; starts out of reset.

    Whenever the core runs, words that it offers are taken and collected until :meth:`drain` or :meth:`run` hands
    them over. Ctrl-C is answered within a fraction of a second and leaves the core in a sound state: the words up
    to :attr:`words_in` are consumed, and the next call has to go on with the word after them.

    Parameters
    ----------
    library : Path
        From :func:`compile_library`; :meth:`from_component` and :meth:`from_verilog` make it on the way.
    gap_in, gap_out : float
        Chance, 0 to below 1, that a word is offered a cycle later, and that the core's word is not taken in a cycle.
    seed : int
        Of the random gaps; 64 bits.
    timeout : int
        Cycles without a word moving on either stream after which :class:`SimulationTimeout` is raised.
    trace : path, optional
        A VCD waveform to write. The library must have been compiled with ``trace``.

    Raises
    ------
    ValueError
        A gap, the seed or the timeout is out of range, or, from every method, the core has been closed.
    OSError
        The waveform cannot be written.
    """

    def __init__(
        self,
        library: Path,
        *,
        gap_in: float = 0.0,
        gap_out: float = 0.0,
        seed: int = 0,
        timeout: int = 1_000_000,
        trace: str | os.PathLike[str] | None = None,
    ):
        for name, gap in (("gap_in", gap_in), ("gap_out", gap_out)):
            if not 0 <= gap < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, not {gap}")
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"seed must have at most 64 bits, not {seed}")
        if timeout < 1:
            raise ValueError(f"timeout must be at least one cycle, not {timeout}")
        if trace is not None:
            open(trace, "wb").close()  # Verilator would not say that it cannot write there
        self._timeout = timeout
        self._lib = _load(library)
        handle = self._lib.skipwalk_open(seed, gap_in, gap_out, None if trace is None else os.fsencode(trace))
        if not handle:
            raise ValueError(f"{library} was compiled without waveforms; compile it with trace=True")
        self._handle = ctypes.c_void_p(handle)
        self._close = weakref.finalize(self, self._lib.skipwalk_close, self._handle)
        self.reset()

    @classmethod
    def from_component(cls, component: Any, *, name: str | None = None, **options: Any) -> "VerilatedCore":
        """Elaborate, compile and open an Amaranth component with ``i: In(Signature(32))``, ``o: Out(Signature(32))``.

        ``options`` are those of the class. Raises as :func:`compile_library` and ``build.to_verilog`` do.
        """
        name = name or build.top_name(component)
        return cls.from_verilog(build.to_verilog(component, name), name, **options)

    @classmethod
    def from_sources(cls, key: str, make: Callable[[], Any], **options: Any) -> "VerilatedCore":
        """As :meth:`from_component` of what ``make`` returns, which is not called if the same ``key`` and sources have
        been opened before: see :func:`.build.kept_verilog`. That takes under a second."""
        return cls.from_verilog(*build.kept_verilog(key, make), **options)

    @classmethod
    def from_verilog(cls, verilog: str, top: str, *, quick: bool = False, **options: Any) -> "VerilatedCore":
        """Compile and open module ``top`` of a Verilog text. ``quick`` is that of :func:`compile_library`, ``options``
        those of the class."""
        trace = options.get("trace") is not None
        return cls(compile_library(verilog, top, trace=trace, quick=quick), **options)

    def __enter__(self) -> "VerilatedCore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the core and finish the waveform. Closing twice is allowed."""
        self._close()

    @property
    def _core(self) -> ctypes.c_void_p:
        if not self._close.alive:
            raise ValueError("the core has been closed")
        return self._handle

    @property
    def cycles(self) -> int:
        """Rising edges of the clock since the core was opened, those of resets included."""
        return self._lib.skipwalk_cycles(self._core)

    @property
    def words_in(self) -> int:
        """Words consumed since the core was opened."""
        return self._lib.skipwalk_words_in(self._core)

    @property
    def words_out(self) -> int:
        """Words produced since the core was opened, whether handed over or not."""
        return self._lib.skipwalk_words_out(self._core)

    @property
    def pending(self) -> int:
        """Words produced and not yet handed over."""
        return self._lib.skipwalk_pending(self._core)

    def reset(self) -> None:
        """Hold ``rst`` for two cycles. Words not yet handed over are lost; memories and counts stay as they are."""
        self._lib.skipwalk_reset(self._core)

    def step(self, cycles: int) -> None:
        """Run for so many cycles without offering a word."""
        while cycles > 0:
            now = min(cycles, SLICE)
            self._lib.skipwalk_run(self._core, None, 0, _NEVER, now)
            cycles -= now

    def feed(self, words: np.ndarray, *, cycles: int | None = None) -> int:
        """Run until the core has consumed all ``words`` (uint32), or for at most ``cycles`` if that is given.

        Returns how many words were consumed. Raises TypeError for anything but a flat array of uint32, and
        SimulationTimeout.
        """
        return self._advance(words, 0, cycles, "words are offered to it")

    def drain(self) -> np.ndarray:
        """Hand over the words (uint32) produced up to now, without running the core."""
        words = np.empty(self.pending, np.uint32)
        self._lib.skipwalk_take(self._core, words.ctypes.data)
        return words

    def run(self, words: np.ndarray, expect: int | None = None) -> np.ndarray:
        """Feed ``words``, wait until ``expect`` words are there, and hand over all there are.

        Words that were pending before count. With ``expect`` None nothing is waited for after the last word is
        consumed. Raises as :meth:`feed` does.
        """
        self._advance(words, expect or 0, None, f"{expect or 0} words are expected of it")
        return self.drain()

    def _advance(self, words: np.ndarray, want: int, budget: int | None, waiting: str) -> int:
        if not isinstance(words, np.ndarray) or words.dtype != np.uint32 or words.ndim != 1:
            shown = f"{words.dtype} of shape {words.shape}" if isinstance(words, np.ndarray) else repr(type(words))
            raise TypeError(f"words must be a flat array of uint32, not {shown}")
        words = np.ascontiguousarray(words)
        lib, core = self._lib, self._core
        begin = self.cycles
        done = 0
        while (done < len(words) or self.pending < want) and (budget is None or self.cycles - begin < budget):
            idle = self.cycles - max(lib.skipwalk_last_transfer(core), begin)
            if idle >= self._timeout:
                raise SimulationTimeout(self.cycles, self.words_in, self.words_out, waiting, idle)
            now = min(SLICE, self._timeout - idle)
            if budget is not None:
                now = min(now, budget - (self.cycles - begin))
            rest = words[done:]
            done += lib.skipwalk_run(core, rest.ctypes.data, len(rest), want, now)
        return done


#: More output words than there will ever be.
_NEVER = (1 << ctypes.sizeof(ctypes.c_size_t) * 8) - 1
