"""From a kernel to a range of cycles: what is traced, what is counted, and what each end of the range assumes."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....sim.oselm import formula
from ....sim.oselm.golden import Contexts
from ...errors import DeviceError
from ...graph.contexts import ContextBatch
from ...lora.methods import shuffled_epochs
from ...lora.network import Network
from ...lora.tasks import Task
from ..bench import lora, oselm, sgns
from ..bench.native import Compiler, aligned
from ..bench.plan import PAPER_CASE
from ..bench.work import INFLATION, MU, P0, Work
from .pipeline import executed, issue_cycles, mca_cycles, mispredicted
from .programs import BENCH, HERE, Misses, Program, compiled

__all__ = ["ASSUMED", "CLOCK_HZ", "KERNELS", "Estimate", "Kernel", "estimates", "lora_estimates"]

#: Of a Raspberry Pi 3.
CLOCK_HZ = 1.2e9
#: What the pessimist adds: the first two by notes on Hennessy and Patterson, Computer Architecture,
#: 6th edition, section 2.6; the stages of the pipeline; and a guess, which matters where the second cache misses.
ASSUMED = {"l2_cycles": 13, "tlb_cycles": 2, "mispredicted_cycles": 8, "memory_ns": 150}
#: The length of a row, as in the comparison of the bench.
DIM = 32
#: Walks whose misses are counted, after as many that fill the caches.
WARM = 128
#: Walks and epochs that are held against the reference.
CHECKED_WALKS, CHECKED_EPOCHS = 4, 2
#: The largest difference from it; that of the bench's tests.
TOLERANCE = 2e-3


@dataclass(frozen=True)
class Kernel:
    """A C kernel of OS-ELM or of skip-gram with negative sampling: a source, and how it is compiled."""

    name: str
    kind: str
    source: Path
    flags: tuple[str, ...] = ()


#: Loads and stores of these stand where they were written.
_AS_WRITTEN = ("-fno-schedule-insns",)

KERNELS = (
    Kernel("oselm.neon", "OSELM", HERE / "oselm_neon.c", _AS_WRITTEN),
    Kernel("oselm.vectors", "OSELM", BENCH / "oselm.c"),
    Kernel("oselm.loops_fast_math", "OSELM", BENCH / "oselm_plain.c", ("-ffast-math",)),
    Kernel("oselm.loops", "OSELM", BENCH / "oselm_plain.c"),
    Kernel("sgns.neon", "SGNS", HERE / "sgns_neon.c", _AS_WRITTEN),
    Kernel("sgns.vectors", "SGNS", BENCH / "sgns.c"),
)


@dataclass(frozen=True)
class Estimate:
    """What a unit of work takes: a walk, or a sample of a fine-tuning.

    Attributes
    ----------
    instructions, products : float
        Executed, and those of them that multiply and add four floats.
    issue, narrow, mca : float
        Cycles by the issue slots alone, by those of the pessimist, by llvm-mca; all caches hit.
    l1, l2, tlb : float
        Misses.
    branches : float
        Branches that went another way than the time before.
    error : float
        The largest difference from the reference.
    """

    instructions: float
    products: float
    issue: float
    narrow: float
    mca: float
    l1: float
    l2: float
    tlb: float
    branches: float
    error: float

    @property
    def low(self) -> float:
        """Cycles if nothing ever misses."""
        return self.issue

    @property
    def high(self) -> float:
        """Cycles by the less favourable model, and each miss waits to its end."""
        memory = ASSUMED["memory_ns"] * 1e-9 * CLOCK_HZ
        waits = (self.l1 - self.l2) * ASSUMED["l2_cycles"] + self.l2 * memory + self.tlb * ASSUMED["tlb_cycles"]
        return max(self.narrow, self.mca) + waits + self.branches * ASSUMED["mispredicted_cycles"]

    def microseconds(self) -> tuple[float, float]:
        """Low and high, at :data:`CLOCK_HZ`."""
        return self.low / CLOCK_HZ * 1e6, self.high / CLOCK_HZ * 1e6


def _counts(program: Program, arrays: Sequence[np.ndarray]) -> np.ndarray:
    trace = program.trace(arrays)
    products = executed(trace, r"fml[as] v\d+\.4s")
    cycles = issue_cycles(trace), issue_cycles(trace, narrow=True), mca_cycles(trace)
    return np.array([len(trace), products, *cycles, mispredicted(trace)], float)


def _estimate(counts: np.ndarray, misses: Misses, units: int, error: float) -> Estimate:
    instructions, products, issue, narrow, mca, branches = counts.tolist()
    return Estimate(
        instructions, products, issue, narrow, mca, misses.l1 / units, misses.l2 / units, misses.tlb / units,
        branches, error,
    )  # fmt: skip


def estimates(work: Work, compiler: Compiler) -> Iterator[tuple[str, Estimate]]:
    """Name and estimate of each of :data:`KERNELS` for a walk of ``work``, which has 2 x :data:`WARM` of them at least.

    Raises MissingToolError, BuildError, and DeviceError if a kernel does not compute what it should.
    """
    for kernel in KERNELS:
        with tempfile.TemporaryDirectory(prefix="a53-") as folder:
            program = _walk_program(kernel, Path(folder))
            arrays = _oselm_arrays if kernel.kind == "OSELM" else _sgns_arrays
            error = _checked(kernel, program, work, compiler)
            # What goes before the first context and behind the last is not part of a walk.
            counts = _counts(program, arrays(work, 1)) - _counts(program, arrays(work, 0))
            misses = program.misses(arrays(work, 2 * WARM)) - program.misses(arrays(work, WARM))
            yield kernel.name, _estimate(counts, misses, WARM, error)


def _walk_program(kernel: Kernel, folder: Path) -> Program:
    functions, group = {kernel.kind: "train"}, 1 + sgns.NEGATIVES
    return compiled(folder / "build", kernel.source, functions, flags=kernel.flags, DIM=DIM, GROUP=group)[kernel.kind]


def _oselm_arrays(work: Work, walks: int) -> list[np.ndarray]:
    batch = work.contexts(0, max(walks, 1))
    run = oselm.train_c(_nothing, aligned(work.rows(DIM)), aligned(np.eye(DIM) * P0), batch, mu=MU, q=INFLATION, p0=P0)
    n = len(batch) if walks else 0
    return [*run.arrays, np.array([n], np.int64), np.array([MU, INFLATION, P0], np.float32)]  # type: ignore[attr-defined]


def _sgns_arrays(work: Work, walks: int) -> list[np.ndarray]:
    batch = work.contexts(0, max(walks, 1), **PAPER_CASE)
    n = len(batch) if walks else 0
    return [*sgns.c_arrays(work, batch, DIM), np.array([n], np.int64), np.array([sgns.RATE], np.float32)]


def _nothing(*_: object) -> None:
    """A kernel that is not called."""


def _checked(kernel: Kernel, program: Program, work: Work, compiler: Compiler) -> float:
    """The largest difference from the float model, or from this machine's own kernel where there is no model."""
    if kernel.kind == "OSELM":
        batch = work.contexts(0, CHECKED_WALKS)
        beta, p = work.rows(DIM), np.eye(DIM) * P0
        formula.train(beta, p, _contexts(batch), mu=MU, q=INFLATION, p0=P0)
        wanted, arrays = [beta, p], _oselm_arrays(work, CHECKED_WALKS)
    else:
        run = sgns.c_runner(work, work.contexts(0, CHECKED_WALKS, **PAPER_CASE), DIM, compiler)
        run()
        wanted, arrays = run.arrays[:2], _sgns_arrays(work, CHECKED_WALKS)  # type: ignore[attr-defined]
    return _difference(kernel.name, program.run(arrays)[:2], wanted)


def _contexts(batch: ContextBatch) -> Contexts:
    parts = (batch.centres, batch.indptr, batch.samples, batch.labels)
    return Contexts(*(np.asarray(part, np.int64) for part in parts))


def _difference(name: str, found: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    error = max(float(np.abs(mine - its).max()) for mine, its in zip(found, wanted, strict=True))
    if not error <= TOLERANCE:
        raise DeviceError(f"{name}, emulated, is {error:.3g} away from the reference; {TOLERANCE} is allowed")
    return error


def lora_estimates(task: Task, network: Network, compiler: Compiler) -> Iterator[tuple[str, Estimate]]:
    """Name and estimate of ``skip2`` (out of the cache), ``skip`` (through the network) and ``lora_all`` for a sample.

    Raises as :func:`estimates`.
    """
    n = len(task.finetune[1])
    order = shuffled_epochs(n, CHECKED_EPOCHS, np.random.default_rng(0))
    n0, n1, n2 = network.widths
    with tempfile.TemporaryDirectory(prefix="a53-") as folder:
        functions = {"SKIP": "skip", "LORA_ALL": "lora_all"}
        programs = compiled(Path(folder, "build"), BENCH / "lora.c", functions, N0=n0, N1=n1, N2=n2, M=network.outputs)
        for name, method in zip(("skip2", "skip", "lora_all"), lora.METHODS, strict=True):
            program = programs["LORA_ALL" if method == "LoRA-All" else "SKIP"]
            run = lora.CFineTuning(network, task, method, compiler)
            # Where adapters stand among the arrays: behind samples, cache and network.
            first = 10 if method == "LoRA-All" else 11
            learned = program.run(run.arrays(order))[first : first + 6]
            # After this the cache is full, and the adapters are those that the emulated kernel should have.
            run.fine_tune(CHECKED_EPOCHS)
            error = _difference(f"lora.{name}", learned, [*run.a, *run.b])
            counts = _counts(program, run.arrays(order[: lora.BATCH])) / lora.BATCH
            misses = program.misses(run.arrays(order)) - program.misses(run.arrays(order[:n]))
            yield name, _estimate(counts, misses, n, error)
