"""Where results come from, where that is not all known."""

import subprocess

import pytest
from skipwalk.sw.errors import InputError
from skipwalk.sw.results import files, report


def test_a_commit_is_known_in_a_checkout_only(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "__file__", str(tmp_path / "sw" / "results" / "report.py"))
    assert report._commit() is None
    (tmp_path / ".git").mkdir()
    said = {"rev-parse": "0123abcd\n", "status": ""}
    monkeypatch.setattr(report, "_git", lambda root, what, *_: said[what])
    assert report._commit() == "0123abcd"
    said["status"] = " M README.md\n"
    assert report._commit() == "0123abcd+"

    def fails(*_):
        raise subprocess.CalledProcessError(128, "git")

    monkeypatch.setattr(report, "_git", fails)
    assert report._commit() is None


def test_a_processor_has_a_name_wherever_it_is(tmp_path, monkeypatch):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(report, "Path", lambda _: cpuinfo)
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert report._processor() == "Some CPU @ 2 GHz"
    cpuinfo.unlink()
    monkeypatch.setattr(report.platform, "processor", lambda: "")
    monkeypatch.setattr(report.platform, "machine", lambda: "riscv64")
    assert report._processor() == "riscv64"


def test_a_path_that_is_none_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        files.check_place(tmp_path / "file" / "below")
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        files.check_place(tmp_path / ("x" * 300))
