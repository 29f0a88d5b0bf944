"""What a Cortex-A53 would take: how a trace is read and counted; the kernels written for it compute the same."""

import dataclasses
import json
import shutil
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from skipwalk.sim.oselm import formula
from skipwalk.sim.oselm.golden import Contexts
from skipwalk.sim.rtl.build import BuildError, MissingToolError
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.graph.contexts import ContextBatch
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.lab.a53 import cli, estimate, pipeline, programs
from skipwalk.sw.lab.a53.pipeline import Instruction, decoded
from skipwalk.sw.lab.a53.programs import Misses, Trace
from skipwalk.sw.lab.bench import lora, native, oselm, sgns
from skipwalk.sw.lab.bench.plan import PAPER_CASE
from skipwalk.sw.lab.bench.work import INFLATION, MU, P0, Work
from skipwalk.sw.lab.tables import a53_tables
from skipwalk.sw.lora.pretrain import pretrain
from skipwalk.sw.lora.tasks import Task
from skipwalk.sw.results.report import Result, write_report

from ..support.command import skipwalk

needs_tools = pytest.mark.skipif(bool(programs.missing()), reason=programs.missing())

needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler")

LOG = """\
Trace 0: 0x7fc964938f80 [0000000001009331/0000000000400820/00000001/00000201] train
Trace 0: 0x7fc9649390c0 [0000000001009331/0000000000400824/00000001/00000201] train
Linking TBs 0x7f [..] index 0 -> 0x7f [..]
Trace 0: 0x7fc964938f80 [0000000001009331/0000000000400820/00000001/00000201] train
"""
LISTING = """\
build/kernel:\tfile format elf64-littleaarch64

0000000000400820 <train>:
  400820: \tldp\tq0, q1, [x0, #32]
  400824: \tb.ne\t0x400820 <train>
  400828: \tmov\tx0, #16                   // =0x10
  40082c: \ttbnz\tw3, #4, 0x400824 <train+0x4>
"""


def trace(*lines):
    """Instructions one behind the other, each at an address of its own."""
    return Trace(np.arange(len(lines)) * 4, {4 * i: line for i, line in enumerate(lines)})


# ---- what the tools print


def test_addresses_are_those_of_the_guest():
    assert list(programs.parsed_log(LOG.splitlines())) == [0x400820, 0x400824, 0x400820]


def test_a_listing_becomes_what_llvm_mca_reads():
    assert programs.parsed_listing(LISTING) == {
        0x400820: "ldp q0, q1, [x0, #32]",
        0x400824: "b.ne #0",
        0x400828: "mov x0, #16",
        0x40082C: "tbnz w3, #4, #0",
    }


def test_cycles_of_llvm_mca():
    assert pipeline.parsed_cycles("Iterations:        1\nTotal Cycles:      706992\nTotal uOps: 4\n") == 706992
    with pytest.raises(BuildError, match="no total"):
        pipeline.parsed_cycles("error: unknown target CPU")


# ---- the two issue slots


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fmla v0.4s, v1.4s, v2.s[3]", Instruction("vector multiply-add", ("v1", "v2"), ("v0",), sum=("v0",))),
        ("fmul v0.4s, v1.4s, v2.4s", Instruction("vector multiply", ("v1", "v2"), ("v0",))),
        ("fmadd s0, s1, s2, s3", Instruction("vector multiply-add", ("v1", "v2"), ("v0",), sum=("v3",))),
        ("ldp q0, q1, [x2], #32", Instruction("load", ("x2",), ("v0", "v1"), ("x2",), 2)),
        ("ldr q7, [x2, w3, sxtw #4]", Instruction("load", ("x2", "x3"), ("v7",), (), 1)),
        ("ldr w4, [x5, #8]!", Instruction("load", ("x5",), ("x4",), ("x5",))),
        ("str d1, [sp, #16]", Instruction("store", ("v1", "sp"))),
        ("st1 { v0.4s - v3.4s }, [x1]", Instruction("store", ("v0", "v1", "v2", "v3", "x1"), (), (), 4)),
        ("ld1 { v0.s }[1], [x1]", Instruction("load", ("x1", "v0"), ("v0",))),
        ("mov v0.s[1], v2.s[0]", Instruction("vector", ("v0", "v2"), ("v0",))),
        ("mov x0, x1", Instruction("integer", ("x1",), ("x0",))),
        ("cmp w0, #4", Instruction("integer", ("x0",), ("flags",))),
        ("b.ne #0", Instruction("branch", ("flags",))),
        ("csel x0, x1, x2, lt", Instruction("integer", ("x1", "x2", "flags"), ("x0",))),
        ("madd x0, x1, x2, x3", Instruction("multiply", ("x1", "x2", "x3"), ("x0",))),
    ],
)
def test_registers_of_an_instruction(text, expected):
    assert decoded(text) == expected


def test_two_are_issued_a_cycle_unless_one_waits_or_the_unit_is_taken():
    apart = [f"add x{i}, x{i}, #1" for i in range(8)]
    assert pipeline.issue_cycles(trace(*apart)) == 3
    assert pipeline.issue_cycles(trace(*["add x0, x0, #1"] * 8)) == 7
    assert pipeline.issue_cycles(trace(*(f"ldr x{i}, [sp]" for i in range(8)))) == 7
    # Each product needs the sum before it, late; as a factor it would be needed at once.
    assert pipeline.issue_cycles(trace(*["fmla v0.4s, v1.4s, v2.4s"] * 3)) == 8
    assert pipeline.issue_cycles(trace(*["fmadd s0, s0, s2, s1"] * 3)) == 16
    assert pipeline.issue_cycles(trace(*["fmla v0.4s, v1.4s, v2.4s"] * 3), narrow=True) == 20
    # A load goes beside a product that it has nothing to do with.
    assert pipeline.issue_cycles(trace("fmla v0.4s, v1.4s, v2.4s", "ldr q3, [x0]", "fmla v4.4s, v1.4s, v2.4s")) == 1


def test_wide_transfers_are_alone_on_the_narrow_core():
    pair = trace("fmla v0.4s, v1.4s, v2.4s", "ldr q3, [x0]", "fmla v4.4s, v1.4s, v2.4s")
    assert pipeline.issue_cycles(pair, narrow=True) == 3
    assert pipeline.issue_cycles(trace("ldp q0, q1, [x0]", "add x1, x1, #1"), narrow=True) == 4
    both = trace("fadd v0.4s, v1.4s, v2.4s", "fmul v3.4s, v1.4s, v2.4s")
    assert (pipeline.issue_cycles(both), pipeline.issue_cycles(both, narrow=True)) == (0, 1)


def test_a_branch_is_mispredicted_where_it_turns():
    loop = Trace(np.array([0, 4, 0, 4, 0, 4, 8, 12]), {0: "add x0, x0, #1", 4: "cbnz x0, #0", 8: "ret", 12: "nop"})
    # The first time, and at the end of the loop.
    assert pipeline.mispredicted(loop) == 2
    assert pipeline.executed(loop, r"add") == 3


# ---- from programs to estimates


class Emulated:
    """In the place of a program for the A53: the kernel of this machine, and a trace of its length in walks.

    An instruction a context; each walk misses 2 lines, and the first of all 100.
    """

    off = 0.0

    def __init__(self, run):
        self._run = run

    def run(self, arrays):
        first, *others = self._run(arrays)
        return [first + self.off, *others]

    def trace(self, arrays):
        return trace(*["fmla v0.4s, v1.4s, v2.4s"] * self._units(arrays))

    def misses(self, arrays):
        n = self._units(arrays)
        return Misses(10 * n, 100 + 2 * n, 100 + n, 7)

    @staticmethod
    def _units(arrays):
        """Contexts or samples: the number before the rates, of 64 bits as no other number is."""
        return next(int(a[0]) for a in reversed(arrays) if a.dtype == np.int64 and a.size == 1)


@pytest.fixture
def emulated(monkeypatch):
    monkeypatch.setattr(estimate, "mca_cycles", lambda trace: 3 * len(trace))
    return Emulated


@needs_compiler
def test_a_walk_is_what_one_has_more_than_none(emulated, monkeypatch):
    work = Work.of(Graph.from_networkx(nx.random_regular_graph(4, 40, seed=0)), 2 * estimate.WARM)
    compiler = native.compilers()[0]
    kernels = [kernel for kernel in estimate.KERNELS if kernel.name in ("oselm.loops", "sgns.vectors")]
    monkeypatch.setattr(estimate, "KERNELS", kernels)
    contexts_of = {"OSELM": work.contexts(0, 1), "SGNS": work.contexts(0, 1, **PAPER_CASE)}

    def program(kind, source):
        def run(arrays):
            if kind == "OSELM":
                function = native.load(source.name, compiler, DIM=estimate.DIM).train
                batch = work.contexts(0, estimate.CHECKED_WALKS)
                mine = [array.copy() for array in arrays[:2]]
                oselm.train_c(function, *mine, batch, mu=MU, q=INFLATION, p0=P0)()
                return mine
            again = sgns.c_runner(work, work.contexts(0, estimate.CHECKED_WALKS, **PAPER_CASE), estimate.DIM, compiler)
            again()
            return again.arrays[:2]

        return {kind: emulated(run)}

    monkeypatch.setattr(estimate, "compiled", lambda folder, source, functions, **_: program(*functions, source))
    found = dict(estimate.estimates(work, compiler))
    for kernel in kernels:
        one, n = found[kernel.name], len(contexts_of[kernel.kind])
        assert (one.instructions, one.products, one.mca) == (n, n, 3 * n)
        assert one.error < 1e-3
        # Of the walks that come after as many that fill the caches; the first misses are theirs.
        more = [len(work.contexts(0, k, **(PAPER_CASE if kernel.kind == "SGNS" else {}))) for k in (128, 256)]
        assert one.l1 == 2 * (more[1] - more[0]) / estimate.WARM
        assert (one.l2, one.tlb) == (one.l1 / 2, 0)
    monkeypatch.setattr(Emulated, "off", 0.01)
    with pytest.raises(
        DeviceError, match=r"oselm\.loops, emulated, is 0\.0\d+ away from the reference; 0\.002 is allowed"
    ):
        dict(estimate.estimates(work, compiler))


@needs_compiler
def test_a_sample_is_the_mean_of_a_mini_batch(emulated, monkeypatch):
    x, y = np.random.default_rng(5).uniform(0, 1, (150, 32)), np.random.default_rng(6).integers(0, 3, 150)
    task = Task("small", 3, (x[:60], y[:60]), (x[60:107], y[60:107]), (x[107:], y[107:]))
    network, compiler = pretrain(*task.pretrain, 3, hidden=(16, 48), epochs=1), native.compilers()[0]
    asked = iter(lora.METHODS)

    def run(arrays):
        mine = lora.CFineTuning(network, task, next(asked), compiler)
        mine.fine_tune(estimate.CHECKED_EPOCHS)
        before = next(i for i, array in enumerate(arrays) if array.shape == mine.a[0].shape)
        return [*arrays[:before], *mine.a, *mine.b]

    def compiled(folder, source, functions, **sizes):
        assert sizes == {"N0": 32, "N1": 16, "N2": 48, "M": 3}
        return {kind: emulated(run) for kind in functions}

    monkeypatch.setattr(estimate, "compiled", compiled)
    found = dict(estimate.lora_estimates(task, network, compiler))
    assert list(found) == ["skip2", "skip", "lora_all"]
    for one in found.values():
        assert (one.instructions, one.error) == (1, 0)
        # Of the second epoch.
        assert (one.l1, one.l2) == (2, 1)


def test_the_command_writes_ranges_and_what_they_rest_on(tmp_path, monkeypatch):
    results = tmp_path / "results"
    (results / "boards").mkdir(parents=True)
    write_report(results / "boards/ulx3s-85f.json", [Result("oselm.walk_us_at_clock", 50.0, "us")])
    write_report(results / "demo-board.json", [Result("board.walk_us", 100.0, "us")])
    walks = [Result("sgns.walk_us.gensim_1_thread", 30.0, "us"), Result("sgns.walk_us.cpu_float32", 10.0, "us")]
    write_report(results / "bench.json", walks)
    graph = tmp_path / "ring.edges"
    graph.write_text("".join(f"{i} {(i + 1) % 9}\n" for i in range(9)))
    monkeypatch.setattr(cli, "missing", lambda: "")
    monkeypatch.setattr(cli, "estimates", lambda work, compiler: ((kernel.name, ONE) for kernel in estimate.KERNELS))
    samples = [(name, ONE) for name in ("skip2", "skip", "lora_all")]
    monkeypatch.setattr(cli, "lora_estimates", lambda task, network, compiler: iter(samples))
    monkeypatch.setattr(cli, "pretrain", lambda *_: None)
    monkeypatch.setattr(cli, "compilers", lambda: [native.Compiler("cc", "cc 12")])
    monkeypatch.setattr(cli, "run_tool", lambda name, _: f"{name} 1.2\nmore\n")
    output = tmp_path / "a53.json"
    done = skipwalk("lab", "a53", output, "--cora", graph, "--results", results)
    assert done.exit_code == 0, done.output
    entries = {entry["name"]: entry["value"] for entry in json.loads(output.read_text())}
    low, high = ONE.microseconds()
    assert entries["a53.sgns.gensim.walk_us.low"] == pytest.approx(3 * low)
    assert entries["a53.sgns.gensim.walk_us.high"] == pytest.approx(3 * high)
    assert entries["a53.ratio.oselm.neon.low"] == pytest.approx(low / 50)
    assert entries["a53.ratio_with_link.oselm.neon.high"] == pytest.approx(high / 100)
    assert entries["a53.lora.digits.saved_by_cache.low"] == pytest.approx(0)
    assert entries["provenance"]["tools"][0] == "aarch64-linux-gnu-gcc 1.2"
    assert entries["provenance"]["gensim_over_c"] == 3
    assert "a53.oselm.neon.walk_us" in done.output

    def no_compiler():
        raise native.NoCompilerError("no cc")

    monkeypatch.setattr(cli, "compilers", no_compiler)
    done = skipwalk("lab", "a53", output, "--cora", graph, "--results", results)
    assert (done.exit_code, "no cc" in done.stderr) == (5, True)


def test_tools_that_fail_say_why(monkeypatch):
    with pytest.raises(BuildError, match=r"(?s)false failed with 1"):
        programs.run_tool("false")
    with pytest.raises(MissingToolError, match=r"no-such-tool is not installed|the estimate needs"):
        programs.run_tool("no-such-tool")
    monkeypatch.setattr(programs, "TIMEOUT", 0.05)
    with pytest.raises(BuildError, match=r"sleep took longer than 0\.05 s"):
        programs.run_tool("sleep", "5")
    monkeypatch.setattr(programs, "run_tool", lambda *_: "0000 0010 T other\n")
    with pytest.raises(BuildError, match="kernel has no function train"):
        programs.Program(Path("kernel"), Path("counting"), "train")._place()


# ---- what is made of it

ONE = estimate.Estimate(
    instructions=1000, products=300, issue=1200, narrow=2000, mca=1800, l1=20, l2=5, tlb=10, branches=4, error=0
)


def test_high_is_the_larger_count_and_all_waits():
    memory = 150e-9 * estimate.CLOCK_HZ
    assert ONE.low == 1200
    assert ONE.high == pytest.approx(2000 + 15 * 13 + 5 * memory + 10 * 2 + 4 * 8)
    assert dataclasses.replace(ONE, mca=2500).high == pytest.approx(ONE.high + 500)
    assert ONE.microseconds() == pytest.approx((1.0, ONE.high / 1200))


def test_ratios_are_over_the_core_with_and_without_the_link():
    found = {entry.name: entry.value for entry in cli.ratios({"oselm.neon": (100.0, 300.0)}, (20.0, 50.0))}
    assert found == {
        "a53.ratio.oselm.neon.low": 5,
        "a53.ratio.oselm.neon.high": 15,
        "a53.ratio_with_link.oselm.neon.low": 2,
        "a53.ratio_with_link.oselm.neon.high": 6,
    }


def test_the_cache_saves_from_the_second_epoch_on(monkeypatch):
    monkeypatch.setattr(cli, "EPOCHS", 10)
    # 1, 10 and 20 microseconds.
    scaled = {"skip2": 1.0, "skip": 10.0, "lora_all": 20.0}
    samples = {
        name: dataclasses.replace(ONE, issue=1200 * by, narrow=1200 * by, mca=0, l1=0, l2=0, tlb=0, branches=0)
        for name, by in scaled.items()
    }
    found = {entry.name: entry.value for entry in cli.lora_results(samples)}
    for end in ("low", "high"):
        assert found[f"a53.lora.digits.saved_by_cache.{end}"] == pytest.approx(1 - 1.9 / 10)
        assert found[f"a53.lora.digits.saved_against_lora_all.{end}"] == pytest.approx(1 - 1.9 / 20)


def test_the_tables_have_the_core_beside_it_and_leave_out_what_is_not_there():
    stem = "a53.oselm.neon"
    values = {f"{stem}.walk_instructions": 200_000.0}
    values |= {f"{stem}.walk_cycles.low": 249_600.0, f"{stem}.walk_cycles.high": 4e5}
    values |= {f"{stem}.walk_us.low": 208.0, f"{stem}.walk_us.high": 333.3}
    values |= {f"a53.{kind}.oselm.neon.{end}": 7.0 for kind in ("ratio", "ratio_with_link") for end in ("low", "high")}
    origin = {"clock_mhz": 1200.0, "core_us": {"without link": 29.2, "with link": 35.12}}
    head, body = a53_tables.walks(values, origin)
    assert "estimated" in head[0]
    assert body[0][3] == "29.2; with the link 35.1"
    assert body[1:] == [["OS-ELM: C, written for NEON", "200", "250 - 400", "208 - 333", "7.0", "7.0"]]


# ---- tools


def test_what_is_missing_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.missing().endswith(": apt-get install gcc-aarch64-linux-gnu qemu-user llvm libc6-dev-arm64-cross")
    with pytest.raises(MissingToolError, match="apt-get install"):
        programs.run_tool("qemu-aarch64", "--version")
    done = skipwalk("lab", "a53", str(tmp_path / "out.json"), "--cora", __file__)
    assert done.exit_code == 5
    assert "the estimate needs aarch64-linux-gnu-gcc" in done.stderr
    assert "apt-get install" in done.stderr


def test_a_core_that_was_not_measured_is_named(tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps([{"name": "sgns.walk_us.cpu_float32", "value": 100.0}]))
    results = cli.read_results(tmp_path)
    assert cli.gensim_factor(results) is None
    with pytest.raises(cli.InputError, match="ulx3s-85f"):
        cli.core_times(results)


def contexts(rng, counts, rows=40, n=200):
    indptr = np.concatenate([[0], np.cumsum(rng.integers(*counts, n))])
    total = int(indptr[-1])
    samples, labels = rng.integers(0, rows, total).astype(np.int32), rng.integers(0, 2, total).astype(np.uint8)
    return ContextBatch(rng.integers(0, rows, n).astype(np.int32), indptr, samples, labels)


@needs_tools
@pytest.mark.parametrize("dim", [16, 32, 96])
def test_the_kernel_for_neon_trains_as_the_float_model(tmp_path, dim):
    # 40 rows, up to 40 samples: many come twice in a context, also next to each other.
    batch = contexts(np.random.default_rng(dim), (0, 40))
    beta, p = np.random.default_rng(1).uniform(-0.5, 0.5, (40, dim)), np.eye(dim) * P0
    given = {"mu": 0.1, "q": 1e-3, "p0": P0}
    kernel = estimate.KERNELS[0]
    program = programs.compiled(tmp_path / "x", kernel.source, {"OSELM": "train"}, flags=kernel.flags, DIM=dim)["OSELM"]
    run = oselm.train_c(lambda *_: None, native.aligned(beta), native.aligned(p), batch, **given)
    numbers = [np.array([len(batch)], np.int64), np.array([*given.values()], np.float32)]
    mine, mine_p = program.run([*run.arrays, *numbers])[:2]
    formula.train(beta, p, Contexts(batch.centres, batch.indptr, batch.samples, batch.labels), **given)
    np.testing.assert_allclose(mine, beta, atol=2e-3)
    np.testing.assert_allclose(mine_p, p, atol=2e-3)
    assert np.abs(p - np.eye(dim) * P0).max() > 0.1
    if dim == 32:
        few = [*run.arrays, np.array([2], np.int64), numbers[1]]
        found = program.trace(few)
        assert pipeline.executed(found, r"fml[as] v\d+\.4s") > 2 * 2 * dim * dim // 4
        assert pipeline.issue_cycles(found) <= pipeline.issue_cycles(found, narrow=True)
        assert pipeline.mca_cycles(found) > len(found) // 2
        # All of it fits the caches: lines are missed once.
        misses = program.misses(few)
        assert misses.accesses > misses.l1 == misses.l2 > dim * dim * 4 // 64
        assert (misses - misses) == Misses(0, 0, 0, 0)


@needs_tools
def test_node2vec_for_neon_is_node2vec_of_the_bench(tmp_path):
    rng = np.random.default_rng(3)
    group, dim = 1 + sgns.NEGATIVES, 32
    batch = contexts(rng, (1, 4))
    samples = rng.integers(0, 40, int(batch.indptr[-1]) * group).astype(np.int32)
    start = [native.aligned(rng.uniform(-1, 1, (40, dim))) for _ in range(2)]
    arrays = [*start, sgns.sigmoid_table(), batch.centres, batch.indptr * group, native.padded(samples, np.int32)]
    arrays += [np.array([len(batch)], np.int64), np.array([sgns.RATE], np.float32)]
    learned = []
    for name in ("sgns.neon", "sgns.vectors"):
        kernel = next(kernel for kernel in estimate.KERNELS if kernel.name == name)
        options = {"flags": kernel.flags, "DIM": dim, "GROUP": group}
        made = programs.compiled(tmp_path / name, kernel.source, {"SGNS": "train"}, **options)
        learned.append(made["SGNS"].run(arrays)[:2])
    for mine, its, before in zip(*learned, start, strict=True):
        np.testing.assert_allclose(mine, its, atol=2e-3)
        assert np.abs(its - before).max() > 0.05
