"""``skipwalk simulate`` of a core: what it sends, what it says, and that a difference is an error."""

import pytest
from skipwalk.sim.rtl.build import MissingToolError
from skipwalk.sw.build import waveform
from skipwalk.sw.build.waveform import Verdict
from skipwalk.sw.commands import simulate

from ..support.command import skipwalk
from ..support.stand_ins import Clocked

#: The header of a waveform.
VCD = """$timescale 1ns $end
$scope module TOP $end
$var wire 1 ! clk $end
$scope module core $end
$var wire 1 ! clk $end
$scope module sweep $end
$var wire 18 " h__payload $end
$upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
"""


@pytest.fixture
def ran(monkeypatch):
    """The golden model in place of the gateware; its arguments of each run."""
    asked = []

    class Recorded(Clocked):
        def __init__(self, cfg, **options):
            super().__init__(cfg)
            asked.append((cfg, options))
            if "trace" in options:
                options["trace"].write_text(VCD)

    monkeypatch.setattr(waveform, "RTLTransport", Recorded)
    return asked


def test_random_words_go_to_core_and_model(ran, tmp_path):
    waves = tmp_path / "run.vcd"
    run = skipwalk("simulate", "core", "--unit", "os-elm", "--contexts", 3, "--seed", 5, "--waves", waves)
    assert run.exit_code == 0, run.output
    ((cfg, options),) = ran
    assert (cfg.name, options) == ("tiny", {"trace": waves})
    assert "random ones of seed 5" in run.stderr
    said, lists, equal = run.stdout.splitlines()
    sent, received, cycles = (int(word) for word in said.split() if word.isdigit())
    assert sent == cycles > received > 0
    assert lists == f"gtkwave {tmp_path / 'run.gtkw'}  or  surfer {waves} --command-file {tmp_path / 'run.sucl'}"
    assert equal == "all replies are the golden model's"
    assert "-sweep: u = P h" in (tmp_path / "run.gtkw").read_text()
    more = skipwalk("simulate", "core", "--unit", "skip2-lora", "--contexts", 30)
    assert more.exit_code == 0, more.output
    assert ran[1][1] == {}


def test_words_of_a_file_are_sent_as_they_are(ran, tmp_path):
    program = tmp_path / "program.hex"
    program.write_text("00000000\nzz\n")
    run = skipwalk("simulate", "core", "--unit", "os-elm", "--words", program)
    assert (run.exit_code, "program.hex:2: 'zz' is no hexadecimal word of 32 bits" in run.stderr) == (3, True)
    program.write_text("1 00000001 00000000\n")
    assert simulate._read_words(program).tolist() == [1, 1, 0]
    program.write_text("fffffffff\n")
    assert skipwalk("simulate", "core", "--unit", "os-elm", "--words", program).exit_code == 3
    for text in ("-1\n", "1_0\n", ""):
        program.write_text(text)
        assert skipwalk("simulate", "core", "--unit", "os-elm", "--words", program).exit_code == 3
    run = skipwalk("simulate", "core", "--unit", "os-elm", "--words", tmp_path / "none.hex")
    assert (run.exit_code, "none.hex: no such file" in run.stderr) == (3, True)
    run = skipwalk("simulate", "core", "--unit", "fpga")
    assert (run.exit_code, "'fpga' is not one of 'os-elm', 'skip2-lora'" in run.stderr) == (2, True)
    assert not ran


def test_a_reply_that_differs_is_an_error_with_its_number(monkeypatch, tmp_path):
    monkeypatch.setattr(waveform, "run_core", lambda cfg, words, waves: Verdict(len(words), 7, 99, 4))
    run = skipwalk("simulate", "core", "--unit", "os-elm")
    assert (run.exit_code, "reply 4 is not the golden model's" in run.stderr) == (5, True)
    monkeypatch.setattr(waveform, "run_block", lambda name, seed, n, waves: Verdict(n, 7, 99, 2))
    run = skipwalk("simulate", "gain", "--waves", tmp_path / "gain.vcd")
    assert (run.exit_code, "result 2 is not the golden model's" in run.stderr) == (5, True)


def test_a_board_that_cannot_be_compiled_is_one_sentence(monkeypatch):
    def fails(row):
        assert row.baud == 115200
        raise MissingToolError("compiling the gateware needs g++")

    monkeypatch.setattr("skipwalk.sim.boards.pins.BoardPins", fails)
    run = skipwalk("simulate", "ulx3s-25f", "--baud", 115200)
    assert (run.exit_code, "compiling the gateware needs g++" in run.stderr) == (5, True)


def test_a_board_is_served_until_ctrl_c(monkeypatch):
    class Simulation:
        cycles_per_second, address = 123_000.0, "serial:/dev/pts/9"

        def __init__(self, pins, row):
            assert (pins, row.name) == ("pins", "ulx3s-25f")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.closed.append(True)

    class Event:
        def wait(self):
            raise KeyboardInterrupt

    Simulation.closed = []
    monkeypatch.setattr("skipwalk.sim.boards.pins.BoardPins", lambda row: "pins")
    monkeypatch.setattr("skipwalk.sim.boards.board.BoardSimulation", Simulation)
    monkeypatch.setattr(simulate.threading, "Event", Event)
    run = skipwalk("simulate", "ulx3s-25f")
    assert (run.exit_code, run.stdout) == (130, "serial:/dev/pts/9\n")
    assert "123 thousand cycles a second; Ctrl-C ends it" in run.stderr
    assert Simulation.closed == [True]
    with pytest.raises(KeyboardInterrupt):
        simulate._until_interrupted()
