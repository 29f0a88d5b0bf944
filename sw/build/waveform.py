"""One run of a core, or of a block, with a waveform, beside the golden model; and which signals to look at first."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...hw.unit.config import UnitConfig
from ..link.transport import GoldenTransport, RTLTransport

__all__ = ["Verdict", "run_block", "run_core", "signal_lists"]

#: What the blocks of both units compute, by the name of their instance.
EQUATIONS = {
    "sweep": "u = P h,  P -= k u^T",
    "gain": "g = 1 / (1 + h u)",
    "samples": "e = y - h beta,  beta += e k",
    "sequencer": "which context is where",
    "queue": "contexts that wait",
    "front": "walks become contexts",
    "command": "words in",
    "replies": "words out",
    "lanes": "x A, z B, and their gradients",
    "softmax": "g = softmax(y) - label",
    "head": "z B",
    "dense": "the backbone",
}
#: Signals of a block that the lists show.
SHOWN = 12


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    Attributes
    ----------
    sent, received : int
        Words.
    cycles : int
        Of the clock, those of reset included, up to the last reply.
    first_difference : int or None
        Number of the first reply that is not the golden model's.
    """

    sent: int
    received: int
    cycles: int
    first_difference: int | None


class Signal(NamedTuple):
    scope: tuple[str, ...]
    name: str
    bits: int


def run_core(cfg: UnitConfig, words: np.ndarray, waves: Path | None) -> Verdict:
    """Run the gateware on command words, with a VCD if ``waves`` is given, and compare with the golden model.

    Raises DeviceError as both backends do. Replies that depend on time (GET of cycles) differ, and are told.
    """
    golden = GoldenTransport(cfg, plain=True)
    golden.model.feed(words)
    want = golden.model.drain()
    options = {} if waves is None else {"trace": waves}
    core = RTLTransport(cfg, **options)
    with core:
        got = core.exchange(words, len(want))
        cycles = core.cycles
    wrong = np.flatnonzero(got != want)
    return Verdict(len(words), len(got), cycles, int(wrong[0]) if len(wrong) else None)


def run_block(name: str, *, seed: int, n: int, waves: Path | None) -> Verdict:
    """Run a block of :data:`skipwalk.sw.testbench.names.BLOCKS` on ``n`` random pieces of work, as :func:`run_core`.

    A reply of the verdict is a number, or a row of them. Raises DeviceError where the block stands still.
    """
    from ..testbench.bench import run_bench
    from ..testbench.blocks import BENCHES

    bench = BENCHES[name](np.random.default_rng(seed), n)
    seen = run_bench(bench, waves, seed=seed)
    if waves:
        ports = ["__".join(map(str, path)) for path, *_ in bench.block.signature.flatten(bench.block)]
        signal_lists(waves, ports)
    got, want = bench.values(seen), bench.want
    size = min(len(got), len(want))
    wrong = np.flatnonzero((got[:size] != want[:size]).reshape(size, -1).any(1))
    first = int(wrong[0]) if len(wrong) else None if len(got) == len(want) else size
    return Verdict(n, len(got), seen.cycles, first)


def _signals(vcd: Path) -> Iterator[Signal]:
    """What the header of a VCD declares."""
    scope: list[str] = []
    with open(vcd, errors="replace") as lines:
        for line in lines:
            fields = line.split()
            if fields[:1] == ["$scope"]:
                scope.append(fields[2])
            elif fields[:1] == ["$upscope"]:
                scope.pop()
            elif fields[:1] == ["$var"]:
                yield Signal(tuple(scope), fields[4], int(fields[2]))
            elif fields[:1] == ["$enddefinitions"]:
                return


def _groups(vcd: Path, ports: Collection[str] | None) -> dict[str, list[Signal]]:
    """The top's ports, then the signals of each block below it."""
    signals = list(_signals(vcd))
    # The harness shows the ports once, and the core shows them again, one scope below.
    depth = 1 + min(len(s.scope) for s in signals)
    named = [s for s in signals if "$" not in s.name and s.name != "rst"]
    shown = [s for s in named if len(s.scope) == depth]
    if ports is None:
        groups = {"ports": [s for s in shown if s.name.startswith(("clk", "i__", "o__"))]}
    else:
        groups = {"ports": [s for s in shown if s.name == "clk" or s.name in ports]}
    for signal in named:
        if len(signal.scope) == depth + 1:
            block = signal.scope[depth].rpartition(".")[2].partition("$")[0]
            title = f"{block}: {EQUATIONS[block]}" if block in EQUATIONS else block
            group = groups.setdefault(title, [])
            if len(group) < SHOWN and signal.name != "clk":
                group.append(signal)
    return {title: group for title, group in groups.items() if group}


def signal_lists(vcd: Path, ports: Collection[str] | None = None) -> list[Path]:
    """Write lists of signals beside a VCD, for GTKWave (``.gtkw``) and Surfer (``.sucl``); returns their paths.

    ``ports`` are the names of the top's; None stands for those of a core's streams.
    """
    gtkwave = [f'[dumpfile] "{vcd.name}"']
    surfer = []
    for title, group in _groups(vcd, ports).items():
        gtkwave += ["@200", f"-{title}"]
        surfer.append(f"divider_add {title}")
        for signal in group:
            path = ".".join((*signal.scope, signal.name))
            gtkwave += [
                "@28" if signal.bits == 1 else "@22",
                path + (f"[{signal.bits - 1}:0]" if signal.bits > 1 else ""),
            ]
            surfer.append(f"variable_add {path}")
    files = {vcd.with_suffix(".gtkw"): gtkwave, vcd.with_suffix(".sucl"): surfer}
    for file, lines in files.items():
        file.write_text("\n".join(lines) + "\n")
    return list(files)
