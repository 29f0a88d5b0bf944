"""A core in a LiteX SoC: the port in C behind faked CSRs, the task, the peripheral; and all of it in Verilator."""

import ctypes
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.ports.axi_map import REGISTERS, Access
from skipwalk.sim.oselm.unit import OSELMUnit
from skipwalk.sw.build.c_header import c_header, c_sources
from skipwalk.sw.build.verilog import core_map
from skipwalk.sw.errors import CapacityError, DeviceError, InputError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.lab.litex import PRINTED, measure
from skipwalk.sw.litex import DRIVER
from skipwalk.sw.litex.task import Task, first_walks
from skipwalk.sw.oselm.estimator import Node2Vec

from ..support.c_driver import MISSING, PROGRAMS, STRICT, run_driver
from ..support.c_programs import oselm_numbers, oselm_program, replies_of
from ..support.command import skipwalk

TINY = preset("tiny").replace(edge_ends=512)
KARATE = Graph.from_edges(list(nx.karate_club_graph().edges()))
needs_c = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


# ---- in C, without LiteX
@needs_c
@pytest.mark.parametrize(("by_dma", "wait"), [(0, "NULL"), (1, "NULL"), (4, "wait")])
def test_the_port_carries_the_driver_s_words(by_dma, wait, tmp_path):
    files = {**c_sources(TINY), "core.h": c_header(TINY, "core")}
    for folder, names in (
        (DRIVER, ("skipwalk_litex.c", "skipwalk_litex.h")),
        (PROGRAMS, ("oselm.c", "script.h")),
        (PROGRAMS.parent / "ports", ("litex_fake.c", "litex_fake.h")),
    ):
        files |= {name: (folder / name).read_text() for name in names}
    opened = "open_port(argc, argv, SKIPWALK_KIND, SKIPWALK_DIGEST)"
    assert opened in files["oselm.c"]
    files["oselm.c"] = (
        files["oselm.c"]
        .replace(opened, "opened(open_port)")
        .replace(
            "#define MOST 8192\n",
            f"""#define MOST 8192
#include "litex_fake.h"
#include "skipwalk_litex.h"
static void wait(void);
static struct skw_litex LITEX = {{{by_dma}, {wait}, 0}};
static void wait(void) {{ if (fake_enabled()) skw_litex_isr(&LITEX); }}
static struct skw_port opened(struct skw_port (*other)(int, char **, uint32_t, uint32_t))
{{
    (void)other, (void)wait;
    skw_litex_reset();
    return skw_litex_port(&LITEX);
}}
""",
        )
        .replace(
            "fflush(stdout);\n    close_port",
            'fprintf(stderr, "%u interrupts\\n", (unsigned)LITEX.interrupts);\n    fflush(stdout);\n    close_port',
        )
    )
    (tmp_path / "generated").mkdir()
    for name in ("system.h", "generated/csr.h"):
        files[name] = '#include "litex_fake.h"\n'
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    sources = [name for name in files if name.endswith(".c")]
    done = subprocess.run(
        ["cc", *STRICT, "-I.", "-o", "program", *sources], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    both = oselm_program(TINY, np.random.default_rng(1))
    found, sent, said = run_driver(tmp_path / "program", both.script, OSELMUnit(TINY, plain=True))
    assert sent.tolist() == both.words.tolist()
    assert found == oselm_numbers(TINY, replies_of(OSELMUnit(TINY, plain=True), both.words))
    *held, interrupts = said.splitlines()
    assert held == ["reset 1", "hold 1", "hold 0", "reset 0"]
    assert (int(interrupts.split()[0]) > 0) == (wait == "wait")


@needs_c
def test_sha256(tmp_path):
    library = tmp_path / "sha256.so"
    subprocess.run(["cc", *STRICT, "-shared", "-fPIC", "-o", library, DRIVER / "sha256.c"], check=True)
    loaded = ctypes.CDLL(str(library))
    data = bytes(np.random.default_rng(1).integers(0, 256, 200, np.uint8))
    for n in (*range(50, 70), 0, 1, 119, 120, 128, 200):
        state, digest = ctypes.create_string_buffer(256), ctypes.create_string_buffer(32)
        loaded.sha256_begin(state)
        loaded.sha256_add(state, data[: n // 3], ctypes.c_size_t(n // 3))
        loaded.sha256_add(state, data[n // 3 : n], ctypes.c_size_t(n - n // 3))
        loaded.sha256_end(state, digest)
        assert digest.raw == hashlib.sha256(data[:n]).digest(), n


# ---- the task
def test_the_task_is_the_beginning_of_fit():
    """All walks of a round: what the estimator ends in."""
    task = first_walks(TINY, KARATE, 36, seed=3, by_dma=4)
    how = {"window": 4, "negatives": 4, "walks_per_node": 1, "block_walks": 36, "random_state": 3}
    short = Node2Vec(preset=TINY, nodes=TINY.nodes, **how)
    assert first_walks(TINY, KARATE, 34, seed=3).digest == short.set_params(block_walks=36).fit(KARATE).digest_
    assert task.digest != short.digest_
    assert task.counters["walks"] == 36
    for line in ("#define TASK_NODES 34", "#define TASK_WALKS 36", "#define TASK_BY_DMA 4", '"(34, 8)"', "    {0, 1},"):
        assert line in task.header
    edges = task.header.partition("TASK_EDGES")[2]
    assert edges.count("    {") == KARATE.n_edges == 78


def test_what_is_no_task_is_refused():
    with pytest.raises(CapacityError, match="does not hold this graph; export one with edge_ends=260"):
        first_walks(preset("tiny"), KARATE, 4)
    with pytest.raises(InputError, match="without weights"):
        first_walks(TINY, Graph.from_edges([(0, 1), (1, 2)], [1.0, 2.0]), 4)
    with pytest.raises(CapacityError, match="has no P"):
        first_walks(TINY.replace(gain="constant"), KARATE, 4)


def test_figures_and_what_is_wrong():
    class Printing:
        def __init__(self, **changed):
            self.lines = {"walks": 4, "contexts": 9, "rejected": 0, "refused": 0, "digest": "ab"} | dict.fromkeys(
                PRINTED, 7
            )
            self.lines |= changed

        def run(self, program, *, most_cycles):
            assert program["task.h"] == "header"
            return SimpleNamespace(printed="".join(f"{k} {v}\n" for k, v in self.lines.items()), seconds=1.5)

    task = Task("header", "ab", {"walks": 4, "contexts": 9})
    for digest, equal in (("ab", 1), ("ac", 0)):
        values = {result.name: result.value for result in measure(Printing(digest=digest), task, "csr", 10)}
        assert values["litex.csr.bits_equal"] == equal
        assert values["litex.csr.cycles"] == 7
        assert values["litex.csr.seconds"] == 1.5
    for changed in ({"walks": 3}, {"refused": 1}, {"error": "some"}):
        with pytest.raises(DeviceError, match="has not learned the walks"):
            measure(Printing(**changed), task, "csr", 10)


# ---- with LiteX
def exported(folder, cfg=TINY):
    """A map beside a file that is no Verilog."""
    (folder / "core.v").write_text("// nothing\n")
    (folder / "core.json").write_text(json.dumps(core_map(cfg, "nothing")))
    return folder / "core.v"


def test_the_soc_has_it_all(tmp_path):
    pytest.importorskip("litex", reason='needs pip install "skipwalk[litex]"')
    from skipwalk.sw.litex.simulation import generate

    verilog = generate(exported(tmp_path), tmp_path / "soc")
    assert "// nothing\n" in verilog
    for line in ("nothing nothing(", "VexRiscv VexRiscv(", "module VexRiscv (", "module sim ("):
        assert f"\n{line}" in verilog
    text = {name: (tmp_path / "soc" / "generated" / name).read_text() for name in ("mem.h", "soc.h", "csr.h")}
    assert "SKIPWALK_BASE" in text["mem.h"]
    assert "SKIPWALK_INTERRUPT" in text["soc.h"]
    for name in ("words_write", "words_read", "levels_read", "hold_write", "ev_status_read", "reader_base_write"):
        assert f" skipwalk_{name}(" in text["csr.h"]
    # The core's registers by name, where the bus has them.
    bases = {
        name: int(re.search(rf"#define {name}_BASE (0x\w+)L", text["mem.h"])[1], 16) for name in ("CSR", "SKIPWALK")
    }
    for register in REGISTERS:
        name = f"SKIPWALK_CORE_{register.name}"
        (offset,) = re.findall(rf"#define CSR_{name}_ADDR \(CSR_BASE \+ (-?0x\w+)L\)", text["csr.h"])
        assert bases["CSR"] + int(offset, 16) == bases["SKIPWALK"] + register.offset
        assert f"static inline uint32_t {name.lower()}_read(void)" in text["csr.h"]
        writable = f"static inline void {name.lower()}_write(uint32_t v)" in text["csr.h"]
        assert writable == (register.access is Access.WRITE)


def test_a_core_that_cannot_be_joined_is_refused(tmp_path):
    pytest.importorskip("litex", reason='needs pip install "skipwalk[litex]"')
    from skipwalk.sw.litex.simulation import generate

    with pytest.raises(FileNotFoundError, match="skipwalk export writes it"):
        generate(tmp_path / "core.v", tmp_path)
    outside = preset("tiny").replace(nodes=60, walks=1, max_walk=6, pool=16, replaced=2, slots=52)
    with pytest.raises(ValueError, match="rows in memory"):
        generate(exported(tmp_path, outside), tmp_path)
    gaps = core_map(TINY, "nothing")
    del gaps["buses"]["s_axil"]["registers"][1]
    (tmp_path / "core.json").write_text(json.dumps(gaps))
    with pytest.raises(ValueError, match="its registers are not one behind the other"):
        generate(tmp_path / "core.v", tmp_path)
    (tmp_path / "core.json").write_text("{}")
    with pytest.raises(ValueError, match="is no map of a core"):
        generate(tmp_path / "core.v", tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("litex") is not None, reason="LiteX is there")
def test_what_is_missing_is_told(tmp_path):
    (tmp_path / "my.edges").write_text("0 1\n1 2\n")
    done = skipwalk("lab", "litex", exported(tmp_path), tmp_path / "my.edges")
    assert 'a LiteX SoC needs litex: pip install "skipwalk[litex,rtl]"' in done.stderr
    done = skipwalk("lab", "litex", exported(tmp_path, lora_preset("tiny")), tmp_path / "my.edges")
    assert "is no OS-ELM core" in done.stderr
    (tmp_path / "core.json").write_text("{}")
    done = skipwalk("lab", "litex", tmp_path / "core.v", tmp_path / "my.edges")
    assert "is no map of a core" in done.stderr


@pytest.mark.long
@pytest.mark.skipif(shutil.which("riscv64-unknown-elf-gcc") is None, reason="apt-get install gcc-riscv64-unknown-elf")
def test_a_vexriscv_learns_the_golden_model_s_bits(tmp_path):
    pytest.importorskip("litex", reason='needs pip install "skipwalk[litex]"')
    core, edges, figures = tmp_path / "core.v", tmp_path / "karate.edges", tmp_path / "figures.json"
    assert skipwalk("export", "tiny", "--set", "edge_ends=512", "-o", core).exit_code == 0
    edges.write_text("".join(f"{u} {v}\n" for u, v in nx.karate_club_graph().edges()))
    done = skipwalk("lab", "litex", core, edges, "--walks", 20, "--cycles", 20_000_000, "--json", figures)
    assert done.exit_code == 0, done.output
    values = {entry["name"]: entry["value"] for entry in json.loads(figures.read_text())}
    for way in ("csr", "dma"):
        assert values[f"litex.{way}.bits_equal"] == 1
        assert values[f"litex.{way}.walks"] == 20
        assert values[f"litex.{way}.interrupts"] > 0
    assert values["litex.csr.words_in"] == values["litex.dma.words_in"] > 2 * 78
    # INFO, two times FLUSH, four counters, rows and P.
    assert values["litex.csr.words_out"] == values["litex.dma.words_out"] == 6 + 2 + 4 * 2 + 5 * (34 + 8)


def no_bench() -> str | None:
    """Why LiteX's own bench cannot be compiled, or None."""
    if shutil.which("riscv64-unknown-elf-gcc") is None:
        return "apt-get install gcc-riscv64-unknown-elf"
    headers = "#include <event2/event.h>\n#include <json-c/json.h>\n#include <zlib.h>\n"
    if MISSING or subprocess.run(["cc", "-E", "-"], input=headers, capture_output=True, text=True).returncode:
        return "apt-get install libevent-dev libjson-c-dev zlib1g-dev"
    return None


NO_BENCH = no_bench()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.skipif(NO_BENCH is not None, reason=NO_BENCH or "")
def test_the_bench_of_litex_sim_runs_it(tmp_path, monkeypatch, capfd):
    """The same SoC and program, as ``litex_sim`` builds and clocks them, with its console."""
    pytest.importorskip("litex", reason='needs pip install "skipwalk[litex]"')
    from litex.build.sim.config import SimConfig
    from litex.soc.integration.builder import Builder
    from skipwalk.sim.rtl.build import find_tools
    from skipwalk.sw.lab.litex import program
    from skipwalk.sw.litex import simulation

    core = tmp_path / "core.v"
    assert skipwalk("export", "tiny", "--set", "edge_ends=512", "-o", core).exit_code == 0
    task = first_walks(TINY, KARATE, 20, by_dma=4)
    soc = simulation._Soc(core)
    soc.init_rom("rom", simulation.Simulation(core).words(program(task)), auto_size=False)
    config = SimConfig()
    config.add_clocker("sys_clk", freq_hz=simulation.CLOCK_HZ)
    config.add_module("serial2console", "serial")
    for name, value in find_tools().environment.items():
        monkeypatch.setenv(name, value)
    # Without jobs, LiteX has as many compilers run at once as there are files.
    how = {"jobs": 2, "opt_level": "O0", "interactive": False, "verbose": False}
    Builder(soc, output_dir=str(tmp_path / "soc"), compile_software=False).build(sim_config=config, **how)
    printed = capfd.readouterr().out
    assert f"digest {task.digest}" in printed, printed[-2000:]
