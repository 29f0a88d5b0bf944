"""Parameters of gateware that cannot be: one sentence that names the parameter, its value and what is allowed."""

import dataclasses

import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, Signal
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.boards.prepare import BuildFailed, prepare
from skipwalk.hw.boards.table import board
from skipwalk.hw.fabric.ecp5 import DP16KD
from skipwalk.hw.fabric.pipeline import clog2, delay
from skipwalk.hw.link.device import LinkDevice
from skipwalk.hw.link.protocol import LinkConfig
from skipwalk.hw.lora.config import lora_preset
from skipwalk.hw.lora.protocol import epochs_operand
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.sampling import Sampling

TINY, LORA = preset("tiny"), lora_preset("tiny")
SAMPLING = {"window": 4, "negatives": 4, "per_positive": False, "walks": 1}


@pytest.mark.parametrize(
    ("made", "error", "said"),
    [
        (lambda: TINY.replace(pool=65), ValueError, r"pool must be a power of two .* or 0 for none, not 65"),
        (lambda: TINY.replace(pool=64, walks=0, edge_ends=0), ValueError, "pool 64 needs a front end; use walks=1"),
        (
            lambda: LORA.replace(gradient_bits=24, rate_shift=16, gz=SQ(1, 15)),
            ValueError,
            r"update of A of layer 1: a shift of \d+ leaves nothing of 24 gradient_bits",
        ),
        (lambda: clog2(0), ValueError, "no number of bits for 0 things"),
        (lambda: delay(Module(), Signal(), -1, name="late"), ValueError, "late cannot be delayed by -1 cycles"),
        (lambda: LinkDevice([]), ValueError, "a link needs the identity of at least one unit"),
        (lambda: LinkConfig(depth=True), TypeError, "depth must be an int, not True"),
        (lambda: LinkConfig(frame_words=3), ValueError, "frame_words must be 4 to 255, not 3"),
        (lambda: epochs_operand(1 << 16, 20), ValueError, "0 to 65535 epochs, not 65536"),
        (lambda: epochs_operand(1, 0), ValueError, "1 to 65535 samples, not 0"),
        (lambda: DP16KD(3), ValueError, "a DP16KD is 1, 2, 4, 9, 18 or 36 bits wide, not 3"),
        (lambda: MemoryPort(12, 12, 5), ValueError, "word_bits must be a multiple of 8, not 12"),
        (lambda: Sampling(**SAMPLING, pool=48).word, ValueError, "pool must be a power of two from 16 to 1024, not 48"),
        (lambda: Sampling(**SAMPLING | {"window": 1 << 20}).word, ValueError, r"window must be 0 to \d+, not"),
    ],
)
def test_what_cannot_be_is_refused(made, error, said):
    with pytest.raises(error, match=said):
        made()


def test_a_board_whose_platform_is_not_installed_says_what_to_install(tmp_path):
    row = dataclasses.replace(board("ulx3s-45f"), platform="no_such_boards.ulx3s:Platform")
    with pytest.raises(BuildFailed, match=r'no_such_boards is not installed: pip install "skipwalk\[boards\]"'):
        prepare(row, tmp_path)
