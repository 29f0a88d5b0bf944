"""Ports and sockets that go away, or are none: one sentence with what to look at."""

import os
import socket

import pytest

pytest.importorskip("serial", reason='needs pip install "skipwalk[serial]"')

from skipwalk.sw.link.pipe import LinkError, SerialPipe, SocketPipe, open_pipe


@pytest.fixture
def terminal():
    """A serial port as a pipe, and its other end."""
    master, slave = os.openpty()
    pipe = SerialPipe(os.ttyname(slave), 9600)
    os.close(slave)
    yield pipe, master
    pipe.close()


def test_bytes_go_both_ways(terminal):
    pipe, master = terminal
    assert pipe.bytes_per_second == 960
    pipe.write(b"to the board")
    assert os.read(master, 100) == b"to the board"
    os.write(master, b"back")
    assert pipe.read(1.0) == b"back"
    assert pipe.read(0.01) == b""
    os.close(master)


def test_a_port_that_goes_away_is_named(terminal):
    pipe, master = terminal
    os.close(master)
    with pytest.raises(LinkError, match=r"/dev/\S+ went away \(.*\): check the cable, then open the device again"):
        pipe.read(0.1)
    with pytest.raises(LinkError, match="went away"):
        pipe.write(b"x" * 100)


def test_the_other_end_of_a_socket_closes():
    ours, theirs = socket.socketpair()
    pipe = SocketPipe(ours, "tcp:board:1")
    pipe.write(b"ab")
    assert theirs.recv(10) == b"ab"
    assert pipe.read(0.0) == b""
    theirs.send(b"c")
    assert pipe.read(1.0) == b"c"
    theirs.close()
    with pytest.raises(LinkError, match="tcp:board:1 was closed by the other end"):
        pipe.read(1.0)
    with pytest.raises(LinkError, match="tcp:board:1 went away"):
        pipe.write(b"x")
    pipe.close()
    with pytest.raises(LinkError, match="tcp:board:1 went away"):
        pipe.read(0.0)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp:board", "is no address of a socket; write tcp:HOST:PORT"),
        ("tcp:board:70000", "is no address of a socket"),
        ("tcp:board:" + "9" * 5000, "is no address of a socket"),
        ("/dev/ttyX@" + "9" * 5000, "is no address of a serial port"),
        ("/dev/ttyX@1", "write PORT or PORT@BAUD, 300 or more"),
        ("/dev/ttyX@fast", "is no address of a serial port; write PORT or PORT@BAUD"),
        ("/dev/none@9600", "/dev/none cannot be opened at 9600 baud"),
        ("tcp:127.0.0.1:1", "tcp:127.0.0.1:1 cannot be reached"),
    ],
)
def test_addresses_where_nobody_is(address, said):
    with pytest.raises(LinkError, match=said):
        open_pipe(address)
