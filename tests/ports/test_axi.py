"""The core with AXI ports: on the buses, as text, and through other people's tools."""

import functools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.link.protocol import FOLD_KIND
from skipwalk.hw.lora.config import LoraConfig, lora_preset
from skipwalk.hw.lora.protocol import Source, sample_header
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import Edit, edit_header
from skipwalk.hw.ports.axi import AxiCore
from skipwalk.hw.ports.axi_map import ADDRESS_BITS, MEMORY_REGISTERS, REGISTERS
from skipwalk.sim.link.folding import FoldingCore
from skipwalk.sim.rtl.synthesis import run_yosys
from skipwalk.sim.rtl.verilog_text import START
from skipwalk.sw.build.c_header import c_header
from skipwalk.sw.build.verilog import axi_core, axi_verilog, config_of_map, core_map
from skipwalk.sw.cli import main
from skipwalk.sw.oselm.words import train_words

from tests.support import icarus
from tests.support.lora import golden_replies, random_program
from tests.support.oselm import ReferenceCore, anything, assert_replies, hot, load, read_back
from tests.support.runner import simulate, simulate_with

DIGEST = 0x89ABCDEF
TINY, TINY_LORA = preset("tiny").replace(nodes=16), lora_preset("tiny")
#: Rows in memory behind m_axi.
OUTSIDE = preset("tiny").replace(nodes=60, walks=1, max_walk=6, pool=16, replaced=2, slots=52)
#: The graph, too.
LISTS = OUTSIDE.replace(walkers=1, edge_ends=256, weight_bits=24, lists_outside=True, alias_table=False)
CORES: dict[str, CoreConfig | LoraConfig] = {
    "os-elm": TINY,
    "os-elm outside": OUTSIDE,
    "os-elm lists": LISTS,
    "os-elm sequential": TINY.replace(schedule="sequential", lookahead=0, dim=16, nodes=20, max_samples=5),
    "skip2-lora": TINY_LORA,
    "skip2-lora 16 bit": LoraConfig(
        widths=(7, 9, 3), classes=5, rank=1, lanes=4, cache_samples=9, x_bits=16, gradient_bits=40
    ),
}

#: The module's name in all that is exported here.
MODULE = "core"


@functools.cache
def exported_text(name: str) -> str:
    return axi_verilog(axi_core(CORES[name]), MODULE)


@pytest.fixture(scope="module")
def folding_verilog():
    return axi_verilog(AxiCore(FoldingCore(), kind=FOLD_KIND, digest=DIGEST), "axi_core")


# ---- on the buses
def test_buses(folding_verilog):
    pytest.importorskip("cocotbext.axi", reason="needs pip install cocotbext-axi")
    simulate(None, "ports.cocotb_axi", name="axi_core", verilog=folding_verilog, parameters={"digest": DIGEST})


@pytest.mark.parametrize("name", ["os-elm", "os-elm outside", "os-elm lists", "skip2-lora"])
def test_replies_on_the_buses_are_those_of_the_golden_model(name):
    pytest.importorskip("cocotbext.axi", reason="needs pip install cocotbext-axi")
    parameters = {"map": core_map(CORES[name], MODULE)}
    simulate(None, "ports.cocotb_axi_core", name=MODULE, verilog=exported_text(name), parameters=parameters)


# ---- the map
def test_registers_do_not_overlap():
    offsets = [register.offset for register in REGISTERS + MEMORY_REGISTERS]
    assert offsets == list(range(0, 4 * len(offsets), 4))
    assert offsets[-1] < 1 << ADDRESS_BITS


def test_documentation_has_every_register():
    text = (Path(__file__).parents[2] / "docs" / "axi.md").read_text()
    for register in REGISTERS + MEMORY_REGISTERS:
        assert f"| {register.name} | {register.offset:#04x} | {register.access} |" in text


@pytest.mark.parametrize("cfg", CORES.values(), ids=CORES)
def test_map_leads_back_to_the_configuration(cfg):
    found = json.loads(json.dumps(core_map(cfg, "top")))
    assert config_of_map(found) == cfg
    assert found["digest"] == cfg.digest
    registers = REGISTERS + (MEMORY_REGISTERS if cfg in (OUTSIDE, LISTS) else ())
    assert [r["name"] for r in found["buses"]["s_axil"]["registers"]] == [r.name for r in registers]


def test_map_says_where_lists_are():
    """Behind 300 rows of 5 words, headers of a word and entries of two."""
    found = core_map(OUTSIDE, "top")["buses"]["m_axi"]
    assert "lists" not in found
    assert found["bytes"] == 60 * found["row_bytes"]
    graph = OUTSIDE.replace(walkers=1, max_samples=6, edge_ends=256, weight_bits=24, lists_outside=True, nodes=300)
    assert core_map(graph, "top")["buses"]["m_axi"]["bytes"] == 4 * (2048 + 2 * 256)
    lists = core_map(graph, "top")["buses"]["m_axi"]["lists"]
    assert (lists["headers_base"], lists["header_bytes"]) == (4 * 1536, 4)
    assert (lists["entries_base"], lists["entry_bytes"]) == (4 * 2048, 8)
    assert lists["header"] == {"place": 6, "degree": 9, "room": 3, "known": 1}
    assert lists["entry"] == {"row": 9, "sum": 24}


def test_the_header_in_c_has_what_memory_needs():
    text = c_header(LISTS, "core")
    assert "#define SKIPWALK_REGISTER_MEMORY_BASE 0x24\n" in text
    assert f"#define SKIPWALK_MEMORY_BYTES {4 * (512 + 256)}u\n" in text
    assert "MEMORY" not in c_header(TINY, "core")


def test_map_names_what_the_driver_sends():
    assert core_map(TINY, "top")["commands"]["TRAIN"] == 9


@pytest.mark.parametrize("cfg", CORES.values(), ids=CORES)
def test_map_lays_out_every_command_and_says_what_registers_begin_with(cfg):
    found = json.loads(json.dumps(core_map(cfg, "top")))
    assert found["words"].keys() == found["commands"].keys()
    for layout in found["words"].values():
        taken = [n for f in layout["header"].values() for n in range(f["lowest_bit"], f["lowest_bit"] + f["bits"])]
        assert len(taken) == len(set(taken))
        assert all(n < 28 for n in taken)
    reset = {register["name"]: register["reset"] for register in found["buses"]["s_axil"]["registers"]}
    assert reset["MAGIC"].to_bytes(4, "little") == b"skwk"
    assert (reset["DIGEST"], reset["PACKET"]) == (cfg.digest, 1)


def test_layout_is_that_of_the_words_the_driver_sends():
    words = core_map(TINY, "top")["words"]
    at = {name: field["lowest_bit"] for name, field in words["TRAIN"]["header"].items()}
    sample = words["TRAIN"]["operands"][0]["of"][0]
    sent = train_words(np.array([5]), np.array([0, 2]), np.array([3, 9]), np.array([1, 0])).tolist()
    assert sent[0] == 9 << 28 | 2 << at["samples"] | 5 << at["centre"]
    assert sent[1] == 1 << sample["label"]["lowest_bit"] | 3 << sample["row"]["lowest_bit"]
    edit = words["EDIT"]
    at = {name: field["lowest_bit"] for name, field in edit["header"].items()}
    numbers = edit["operands"][0]["edits"]
    assert edit_header(Edit.FREE_NODE, 7, 3, answer=True) == (
        13 << 28 | 1 << at["answer"] | numbers["FREE_NODE"] << at["edit"] | 3 << at["walks"] | 7 << at["row"]
    )
    fields = words["SET"]["operands"][1]["of SAMPLING"]
    sampling = Sampling(window=5, negatives=3, per_positive=True, walks=2)
    got = {name: sampling.word >> f["lowest_bit"] & (1 << f["bits"]) - 1 for name, f in fields.items()}
    assert (got["window"], got["negatives"], got["per_positive"], got["walks"]) == (5, 3, 1, 2)
    lora = core_map(TINY_LORA, "top")["words"]["SAMPLE"]["header"]
    at = {name: field["lowest_bit"] for name, field in lora.items()}
    assert sample_header(Source.INPUT, 9, label=2) == (
        9 << 28 | Source.INPUT << at["source"] | 1 << at["train"] | 1 << at["last"] | 2 << at["label"] | 9
    )


# ---- the command
def export(*arguments: str):
    return CliRunner().invoke(main, ["export", *arguments])


def test_same_configuration_same_bytes(tmp_path):
    """From its preset, and from the map that was left with it."""
    first, second = tmp_path / "a.v", tmp_path / "b.v"
    for source, path in (("tiny", first), (str(tmp_path / "a.json"), second)):
        result = export(source, "-o", str(path), "--name", "my_core")
        assert result.exit_code == 0, result.output
    assert first.read_bytes() == second.read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text())["module"] == "my_core"


@pytest.mark.parametrize(("arguments", "cfg"), [
    (["tiny", "--set", "dim=16", "--set", "beta=[6, 12]", "--set", "name=mine"],
     preset("tiny").replace(dim=16, beta=SQ(6, 12))),
    (["tiny", "--unit", "skip2-lora", "--set", "widths=[5]", "--set", "x_integer=[]", "--set", "name=mine"],
     TINY_LORA.replace(widths=(5,), x_integer=())),
])  # fmt: skip
def test_any_configuration(arguments, cfg, tmp_path):
    result = export(*arguments, "-o", str(tmp_path / "x.v"))
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "x.json").read_text())
    assert config_of_map(found) == cfg
    module = {"os-elm": "skipwalk_oselm_mine", "skip2-lora": "skipwalk_lora_mine"}[found["core"]]
    assert found["module"] == module
    assert f"\nmodule {module}(" in (tmp_path / "x.v").read_text()
    assert f'"skipwalk::{module}:' in (tmp_path / "x.core").read_text()
    assert '- "x.v"' in (tmp_path / "x.core").read_text()


@pytest.mark.parametrize(("arguments", "code", "message"), [
    (["nonesuch"], 2, "no preset 'nonesuch' (os-elm: tiny, "),
    (["fan", "--unit", "os-elm"], 2, "no preset 'fan'"),
    (["tiny", "--name", "1core"], 2, "'1core' is no name of a Verilog module"),
    (["tiny", "--name", "small"], 2, "'small' is a keyword of Verilog or SystemVerilog"),
    (["tiny", "--vendor-cells"], 2, "--vendor-cells needs a vendor, and tiny names none; --set vendor=ecp5"),
    (["tiny", "--set", "dim"], 2, "--set takes KEY=VALUE, not 'dim'"),
    (["tiny", "--set", "sim=3"], 2, "the configuration has no 'sim'; it has name, dim, "),
    (["tiny", "--set", "dim=7"], 2, "dim must be a multiple of lanes (4), not 7"),
    (["tiny", "--set", "dim=many"], 2, "dim must be an int, not 'many'"),
    (["none.json"], 3, "none.json: no such file"),
    (["tiny", "--set", "beta=[1]"], 2, "beta must be two numbers of bits, as [5, 13] for Q5.13, not [1]"),
    (["tiny", "--set", "beta=5"], 2, "beta must be two numbers of bits, as [5, 13] for Q5.13, not 5"),
    (["tiny", "--set", "beta=[5, 11, 1]"], 2, "beta must be two numbers of bits"),
    (["tiny", "--set", "beta=[5, null]"], 2, "SQ.fraction must be an int, not None"),
    (["bad.json"], 3, "bad.json: is no map of a core (the core is one of os-elm, skip2-lora, not 'risc-v')"),
    (["list.json"], 3, "list.json: is no map of a core (a map has a `core` and a `configuration`)"),
    (["inner.json"], 3, "inner.json: is no map of a core ("),
    (["deep.json"], 3, "deep.json: nested too deeply"),
    (["utf16.json"], 3, "utf16.json: is no map of a core ("),
    (["folder.json"], 3, "folder.json: cannot be read: Is a directory"),
])  # fmt: skip
def test_command_refuses(arguments, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.json").mkdir()
    files = {
        "bad": json.dumps({"core": "risc-v", "configuration": {}}),
        "list": "[1]",
        "inner": json.dumps({"core": "os-elm", "configuration": 3}),
        "deep": "[" * 100_000,
    }
    for name, text in files.items():
        (tmp_path / f"{name}.json").write_text(text)
    (tmp_path / "utf16.json").write_bytes("é".encode("utf-16"))
    before = sorted(tmp_path.iterdir())
    result = export(*arguments, "-o", "x.v")
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert sorted(tmp_path.iterdir()) == before


# ---- other people's tools
@pytest.fixture(scope="module", params=CORES)
def exported(request, tmp_path_factory):
    """A configuration and its Verilog, module ``core``."""
    path = tmp_path_factory.mktemp("export") / "core.v"
    path.write_text(exported_text(request.param))
    return CORES[request.param], path


def test_yosys_reads_it_without_complaint(exported):
    log = run_yosys([f"read_verilog {exported[1]}", "hierarchy -check -top core", "proc", "check -assert", "stat"])
    assert "Warning" not in log


def test_every_process_begins_at_time_0(exported):
    """Held by the text alone, for machines without Icarus: what it did wrong is told in ``start_processes``."""
    text = exported[1].read_text()
    modules = [module for module in text.split("\nendmodule\n") if "always @*" in module]
    assert modules
    for module in modules:
        assert module.count(f"\n  reg {START} = 1;\n  initial {START} <= 0;\n") == 1
        firsts = re.findall(r"^ *always @\*(.*\n.*)\n", module, re.MULTILINE)
        assert set(firsts) == {f" begin\n    if ({START}) begin end"}


def program(cfg, n: int) -> tuple[np.ndarray, list]:
    """Words that try a core, ``n`` contexts or so, and its replies, None where they depend on time."""
    if isinstance(cfg, LoraConfig):
        words, _ = random_program(cfg, 1, n, 1.0)
        return words, golden_replies(cfg, words).tolist()
    rng = np.random.default_rng(1)
    words = np.concatenate([load(cfg, rng), hot(cfg, rng, n, nodes=5), anything(cfg, rng, 30), read_back(cfg)])
    return words, ReferenceCore(cfg).execute(words)


def run_in_icarus(cfg, verilog: Path, n: int, dialect: str, folder: Path) -> None:
    if cfg in (OUTSIDE, LISTS):  # the bench has no memory
        icarus.compile_quietly(folder / "core", MODULE, verilog, dialect=dialect)
        return
    words, want = program(cfg, n)
    commands, compiled = folder / "commands.hex", folder / "bench"
    commands.write_text("".join(f"{int(word):08x}\n" for word in words))
    bench = Path(__file__).with_name("axi_bench.v")
    icarus.compile_quietly(compiled, "axi_bench", bench, verilog, defines={"CORE": "core"}, dialect=dialect)
    lines = [line.split() for line in icarus.run(compiled, f"+commands={commands}", f"+replies={len(want)}")]
    assert_replies([int(word, 16) for kind, word in lines if kind == "reply"], want, cfg=cfg)
    assert lines[-1] == ["digest", f"{cfg.digest:08x}"]


@pytest.mark.skipif(icarus.MISSING is not None, reason=icarus.MISSING or "")
def test_icarus_reads_it_without_complaint_and_ends_in_the_same_bits(exported, tmp_path):
    run_in_icarus(*exported, 20, "2012", tmp_path)


@pytest.mark.skipif(icarus.MISSING is not None, reason=icarus.MISSING or "")
@pytest.mark.parametrize("dialect", icarus.DIALECTS)
def test_icarus_ends_in_the_same_bits_in_every_dialect(exported, dialect, tmp_path):
    run_in_icarus(*exported, 2, dialect, tmp_path)


@pytest.mark.skipif(icarus.MISSING is not None, reason=icarus.MISSING or "")
@pytest.mark.parametrize("unit", ["os-elm", "skip2-lora"])
def test_icarus_as_cocotb_runs_it(unit, tmp_path):
    pytest.importorskip("cocotbext.axi", reason="needs pip install cocotbext-axi")
    simulate_with(
        "icarus",
        "ports.cocotb_axi_core",
        MODULE,
        exported_text(unit),
        tmp_path,
        {"map": core_map(CORES[unit], MODULE)},
        testcase="replies.*gaps=0.0|registers",
    )
