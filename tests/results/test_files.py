"""Output files: what stands at their place, and who else writes there."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest
from skipwalk.sw.errors import InputError
from skipwalk.sw.results.files import atomic_write, check_place, exclusive, same_file


def write(path, data=b"new"):
    with atomic_write(path) as file:
        file.write(data)


def test_symbolic_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "real", tmp_path / "link"
    link.symlink_to(target)
    for data in (b"first", b"second"):  # the first time the link hangs
        write(link, data)
        assert link.is_symlink()
        assert target.read_bytes() == data
    assert os.listdir(target.parent) == ["real"]


def test_fifo_and_device_are_written_in_place(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    got = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    write(fifo)
    reader.join()
    assert got == [b"new"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_mode_stays(tmp_path, mode):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_read_only_file_and_folder_are_refused(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(InputError, match="the file is read-only"):
        write(path)
    assert path.read_bytes() == b"old"
    with pytest.raises(InputError, match="it is a folder"):
        check_place(tmp_path)
    with pytest.raises(InputError, match="none does not exist"):
        check_place(tmp_path / "none" / "x")


def test_what_a_killed_writer_left_is_removed_and_a_living_one_is_not(tmp_path):
    program = (
        "import sys, time; from skipwalk.sw.results.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file:\n print('open', flush=True); time.sleep(60)"
    )
    path = tmp_path / "x"
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        assert len(os.listdir(tmp_path)) == 1
        write(path)
        assert len(os.listdir(tmp_path)) == 2
        other.send_signal(signal.SIGKILL)
    write(path)
    assert os.listdir(tmp_path) == ["x"]


def test_threads_that_save_one_path(tmp_path):
    path = tmp_path / "x"
    write(path, b"0" * 10000)
    faults = []

    def save(digit):
        try:
            for _ in range(20):
                write(path, digit * 10000)
                if len(set(path.read_bytes())) != 1 or path.stat().st_size != 10000:
                    faults.append("broken")
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=save, args=(b"%d" % i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert os.listdir(tmp_path) == ["x"]


def test_exclusive_waits_and_sees_what_was_put_there(tmp_path):
    path = tmp_path / "x"
    write(path, b"a")
    seen = []

    def second():
        with exclusive(path):
            seen.append(path.read_bytes())

    with exclusive(path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        assert not seen
        write(path, b"b")
    thread.join()
    assert seen == [b"b"]


def test_same_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert same_file(tmp_path / "x", tmp_path / "link")
    assert not same_file(tmp_path / "x", tmp_path / "y")
    os.symlink("/dev/null", tmp_path / "null")
    assert not same_file(tmp_path / "null", tmp_path / "null")
