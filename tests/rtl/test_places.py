"""A read-only installation, a user without a home: programs work, or say in a sentence what they need."""

import tempfile
from pathlib import Path

import pytest
from skipwalk.sim.jit import jit, part
from skipwalk.sim.rtl.build import BuildError, build_folder, build_root

SIM = Path(__file__).parents[2] / "sim"


def refuse(*_, **__):
    raise PermissionError(13, "Permission denied")


def test_without_a_place_for_its_cache_a_function_is_compiled_for_the_process(monkeypatch):
    # How Numba finds out where it can write.
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)

    @jit()
    def twice(x):
        return 2 * x

    assert twice(21) == 42


def test_a_part_is_in_what_is_kept_of_its_caller(monkeypatch, tmp_path):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))

    @part
    def more(x):
        return x + 1

    @jit()
    def twice_more(x):
        return 2 * more(x)

    assert twice_more(20) == 42
    assert {path.name.split("-")[0].split(".")[-1] for path in tmp_path.rglob("*.nb?")} == {"twice_more"}
    with pytest.raises(TypeError, match="more is a part of compiled functions"):
        more(20)
    assert more.py_func(20) == 21


def test_whatever_is_kept_is_compiled_so():
    kept = [path.name for path in SIM.rglob("*.py") if "cache=True" in path.read_text()]
    assert kept == ["jit.py"]


def test_a_build_folder_that_cannot_be_made(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "file"))
    with pytest.raises(BuildError, match="cannot be made: Not a directory; set SKIPWALK_BUILD"):
        build_folder("x", {}, options=[], versions=[], make=print)


def test_a_user_without_a_home(monkeypatch, tmp_path):
    monkeypatch.delenv("SKIPWALK_BUILD", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("skipwalk.sim.rtl.build.__file__", str(tmp_path / "sim" / "rtl" / "build.py"))
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(BuildError, match="no home for generated files; set SKIPWALK_BUILD"):
        build_root()
