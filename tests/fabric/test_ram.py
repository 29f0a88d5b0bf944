"""Ram: contents, latency, geometry; the twin of a vendor's block against the model of the cell."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.fabric.pipeline import delay
from skipwalk.hw.fabric.ram import Ram
from skipwalk.hw.fabric.ram_grid import BlockGrid
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.synthesis import MODELS

from ..support.cycles import check_cycles
from ..support.pysim import clocked


def traffic(depth: int, width: int, n: int, *, seed: int) -> dict[str, np.ndarray]:
    """Random writes and reads, half of them within a few rows so that addresses meet at every distance."""
    rng = np.random.default_rng(seed)
    top = min(4, depth)
    near = rng.random((2, n)) < 0.5
    addresses = np.where(near, rng.integers(0, top, (2, n)) * (depth // top), rng.integers(0, depth, (2, n)))
    return {
        "wr_en": rng.integers(0, 2, n),
        "wr_addr": addresses[0],
        "wr_data": rng.integers(0, 1 << width, n),
        "rd_addr": addresses[1],
    }


def replay(depth: int, beats: dict[str, np.ndarray], init=()) -> tuple[np.ndarray, np.ndarray]:
    """The word at each read address before that cycle's write, and whether the write hit it."""
    memory = np.zeros(depth, np.int64)
    memory[: len(init)] = init
    words, hit = [], []
    for en, wr_addr, word, rd_addr in zip(*(beats[k] for k in ("wr_en", "wr_addr", "wr_data", "rd_addr")), strict=True):
        words.append(memory[rd_addr])
        hit.append(bool(en) and wr_addr == rd_addr)
        if en:
            memory[wr_addr] = word
    return np.array(words), np.array(hit)


@pytest.mark.parametrize(
    ("depth", "width", "latency"), [(1, 5, 2), (2, 1, 2), (100, 7, 2), (512, 36, 2), (513, 36, 2), (3072, 18, 3)]
)
@pytest.mark.parametrize("vendor", Vendor)
def test_reads_what_was_written(depth, width, latency, vendor):
    ram = Ram(depth, width, vendor=vendor)
    assert ram.latency == latency
    beats = traffic(depth, width, 600, seed=depth)
    rd_data = clocked(ram, beats, ["rd_data"])["rd_data"][latency:]
    words, hit = (x[:-latency] for x in replay(depth, beats))
    assert hit.any()
    np.testing.assert_array_equal(rd_data[~hit], words[~hit])
    poison = words ^ ((1 << width) - 1) if vendor is Vendor.ECP5 else words
    np.testing.assert_array_equal(rd_data[hit], poison[hit])


def test_initial_contents():
    init = np.random.default_rng(3).integers(0, 1 << 31, 200)
    beats = traffic(256, 31, 500, seed=4)
    ram = Ram(256, 31, init=init.tolist())
    rd_data = clocked(ram, beats, ["rd_data"])["rd_data"][2:]
    words, hit = (x[:-2] for x in replay(256, beats, init))
    np.testing.assert_array_equal(rd_data[~hit], words[~hit])


@pytest.mark.parametrize("vendor", Vendor)
def test_distributed_reads_at_once(vendor):
    ram = Ram(128, 18, style="distributed", vendor=vendor)
    assert ram.latency == 0
    beats = traffic(128, 18, 400, seed=5)
    rd_data = clocked(ram, beats, ["rd_data"])["rd_data"]
    np.testing.assert_array_equal(rd_data, replay(128, beats)[0])


@pytest.mark.parametrize(
    ("depth", "width", "grid"),
    [
        (3072, 18, BlockGrid(3, 1, 1024, 18)),
        (1024, 18, BlockGrid(1, 1, 1024, 18)),
        (512, 36, BlockGrid(1, 1, 512, 36)),
        (512, 576, BlockGrid(1, 16, 512, 36)),
        (7680, 32, BlockGrid(1, 16, 8192, 2)),  # and not 15 banks of 36 bits
        (2816, 18, BlockGrid(3, 1, 1024, 18)),
        (16384, 1, BlockGrid(1, 1, 16384, 1)),
        (16, 3, BlockGrid(1, 1, 4096, 4)),
        # Two blocks of 2048 x 9 side by side, not two of 1024 x 18 one after the other with a choice behind them.
        (2048, 18, BlockGrid(1, 2, 2048, 9)),
    ],
)
def test_cheapest_grid(depth, width, grid):
    assert BlockGrid.cheapest(depth, width) == grid


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 0, "width": 8}, "at least one word"),
        ({"depth": 8, "width": 0}, "at least one word"),
        ({"depth": 8, "width": 8, "style": "lut"}, "style must be 'block' or 'distributed', not 'lut'"),
        ({"depth": 129, "width": 8, "style": "distributed"}, "at most 128 words, not 129; use 'block'"),
        ({"depth": 2, "width": 8, "init": [1, 2, 3]}, "3 initial words do not fit a RAM of 2"),
    ],
)
def test_impossible_rams(arguments, message):
    with pytest.raises(ValueError, match=message):
        Ram(**arguments)


class CellsAndTwins(wiring.Component):
    """RAMs of several sizes on the same wires, each as cells and as their twin; ``differs`` has a bit for each."""

    #: Narrow and wide modes of a block, several banks, several slices, and words that leave bits over.
    SIZES = ((5000, 1), (2500, 4), (1100, 9), (3072, 18), (2600, 36), (300, 31))

    def __init__(self):
        super().__init__(
            {
                "wr_en": In(1),
                "wr_addr": In(14),
                "wr_data": In(36),
                "rd_addr": In(14),
                "differs": Out(len(self.SIZES)),
                "rd_data": Out(36),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for i, (depth, width) in enumerate(self.SIZES):
            init = np.random.default_rng(depth).integers(0, 1 << width, depth // 2).tolist()
            cell, twin = (
                Ram(depth, width, vendor=Vendor.ECP5, primitives=primitives, init=init) for primitives in (True, False)
            )
            m.submodules[f"cell_{i}"], m.submodules[f"twin_{i}"] = cell, twin
            for ram in (cell, twin):
                m.d.comb += [
                    ram.wr_en.eq(self.wr_en & (self.wr_addr < depth)),
                    ram.wr_addr.eq(self.wr_addr),
                    ram.wr_data.eq(self.wr_data),
                    ram.rd_addr.eq(self.rd_addr),
                ]
            # What lies beyond the last word is not defined.
            exists = delay(m, self.rd_addr[: len(cell.rd_addr)] < depth, cell.latency, name=f"exists_{i}")
            m.d.comb += self.differs[i].eq(exists & (cell.rd_data != twin.rd_data))
            if (depth, width) == (2600, 36):
                m.d.comb += self.rd_data.eq(cell.rd_data)
        return m


def test_cells_equal_their_twins(tmp_path, monkeypatch):
    to_verilog = build.to_verilog
    monkeypatch.setattr(build, "to_verilog", lambda *arguments: to_verilog(*arguments) + MODELS.read_text())
    # Addresses as in the largest of them; the second half in the range of the smallest, where all of them meet.
    beats = [traffic(1 << 14, 36, 1500, seed=6), traffic(300, 36, 1500, seed=7)]
    inputs = {name: np.concatenate([beat[name] for beat in beats]) for name in beats[0]}
    differs = np.zeros(len(inputs["wr_en"]), int)
    init = np.random.default_rng(2600).integers(0, 1 << 36, 1300)
    words, hit = replay(1 << 14, inputs, init)
    expected = np.where(hit, words ^ ((1 << 36) - 1), words).astype(object)
    expected[inputs["rd_addr"] >= 2600] = None
    check_cycles(CellsAndTwins(), tmp_path, inputs, {"differs": (3, differs[3:]), "rd_data": (3, expected)})
