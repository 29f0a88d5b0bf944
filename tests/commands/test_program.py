"""``skipwalk program``, with a loader that only writes down what it was asked to do."""

import sys

import pytest
from click.testing import CliRunner
from skipwalk.sw.cli import main
from skipwalk.sw.commands.types import at_baud


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """Sets the loader to a script that records its arguments and ends with a given code."""
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "build"))

    def install(code: int, said: str = ""):
        script = tmp_path / "loader"
        script.write_text(
            f"#!{sys.executable}\nimport sys, pathlib\n"
            f"pathlib.Path({str(tmp_path / 'called')!r}).write_text(' '.join(sys.argv[1:]))\n"
            f"print({said!r})\nsys.exit({code})\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("OPENFPGALOADER", str(script))
        return tmp_path / "called"

    return install


@pytest.fixture
def bitstream(tmp_path):
    path = tmp_path / "build" / "boards" / "ulx3s-25f" / "top.bit"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bits")
    return path


@pytest.mark.parametrize(("options", "flag"), [([], ""), (["--flash"], "-f ")])
def test_loads_what_was_built(loader, bitstream, options, flag):
    called = loader(0)
    result = CliRunner().invoke(main, ["program", "ulx3s-25f", *options])
    assert result.exit_code == 0, result.output
    assert called.read_text() == f"-b ulx3s {flag}{bitstream}"
    assert "--backend serial:PORT@3000000" in result.stderr


def test_nothing_built(loader):
    called = loader(0)
    result = CliRunner().invoke(main, ["program", "ulx3s-25f"])
    assert result.exit_code == 3
    assert "`skipwalk build ulx3s-25f` builds it there" in result.stderr
    assert not called.exists()


def test_failure_is_told_with_the_loaders_last_words(loader, bitstream):
    loader(1, "unable to open ftdi device")
    result = CliRunner().invoke(main, ["program", "ulx3s-25f"])
    assert result.exit_code == 5
    assert "code 1 and said: unable to open ftdi device. Is the ulx3s-25f plugged in" in result.stderr


def test_what_a_loader_says_may_be_no_text(loader, bitstream, tmp_path):
    called = loader(1)
    script = called.parent / "loader"
    script.write_text(script.read_text().replace("print('')", "sys.stdout.buffer.write(bytes([255, 10]))"))
    result = CliRunner().invoke(main, ["program", "ulx3s-25f"])
    assert result.exit_code == 5, result.exception
    assert "code 1 and said: \N{REPLACEMENT CHARACTER}. Is" in result.stderr


def test_an_empty_bitstream_is_refused(loader, bitstream):
    called = loader(0)
    bitstream.write_bytes(b"")
    result = CliRunner().invoke(main, ["program", "ulx3s-25f"])
    assert result.exit_code == 3
    assert "top.bit: holds nothing; `skipwalk build ulx3s-25f` builds a bitstream" in result.stderr
    assert not called.exists()


def test_a_bitstream_s_name_is_no_option_of_the_loader(loader, tmp_path, monkeypatch):
    called = loader(0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-f").write_bytes(b"bits")
    result = CliRunner().invoke(main, ["program", "ulx3s-25f", "--bitstream", "-f"])
    assert result.exit_code == 0, result.output
    assert called.read_text() == f"-b ulx3s {tmp_path / '-f'}"


def test_loader_that_is_not_there(bitstream, monkeypatch, tmp_path):
    monkeypatch.setenv("SKIPWALK_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("OPENFPGALOADER", "/no/such/loader")
    result = CliRunner().invoke(main, ["program", "ulx3s-25f"])
    assert result.exit_code == 5
    assert "/no/such/loader cannot be run" in result.stderr


@pytest.mark.parametrize(("backend", "opened"), [
    ("serial:/dev/ttyUSB0", "serial:/dev/ttyUSB0@3000000"),
    ("serial:/dev/ttyUSB0@1000000", "serial:/dev/ttyUSB0@1000000"),
    ("serial:tcp:localhost:4000", "serial:tcp:localhost:4000"),
    ("golden", "golden"),
])  # fmt: skip
def test_a_port_is_opened_at_the_rate_of_the_board(backend, opened):
    assert at_baud(backend, 3_000_000) == opened
