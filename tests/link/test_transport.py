"""Transports: what carries words to a core and back."""

import pytest
from skipwalk.hw.oselm.protocol import Opcode, header, identity_words
from skipwalk.sim.rtl import build
from skipwalk.sw.errors import DeviceError
from skipwalk.sw.link.transport import GoldenTransport, open_transport

from ..support.tiny import CFG, words


def test_early_replies_wait_for_the_next_call():
    transport = GoldenTransport(CFG)
    first = transport.exchange(words(header(Opcode.INFO), header(Opcode.FLUSH, 1)), 2)
    rest = transport.exchange(words(header(Opcode.FLUSH, 2)), 6)
    assert [*first, *rest] == [*identity_words(CFG), header(Opcode.FLUSH, 1), header(Opcode.FLUSH, 2)]


def test_a_core_that_owes_words_is_an_error():
    with pytest.raises(DeviceError, match="owes 1 of 7"):
        GoldenTransport(CFG).exchange(words(header(Opcode.INFO)), 7)


def test_open_transport_says_what_there_is():
    assert isinstance(open_transport("golden", CFG), GoldenTransport)
    with pytest.raises(ValueError, match=r"'fpga'.*golden, rtl"):
        open_transport("fpga", CFG)
    with pytest.raises(DeviceError, match=r"/dev/no-such-port cannot be opened"):
        open_transport("serial:/dev/no-such-port", CFG)


def test_a_missing_tool_is_one_sentence(monkeypatch):
    pytest.importorskip("amaranth")

    def nothing_there(component, name=None):
        raise build.MissingToolError("compiling the gateware needs g++")

    monkeypatch.setattr(build, "to_verilog", nothing_there)
    with pytest.raises(DeviceError, match=r"needs g\+\+; or use the golden backend"):
        open_transport("rtl", CFG)
