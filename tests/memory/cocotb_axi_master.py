"""Runs in the simulator, started by test_axi_master.py: the master on a memory of cocotbext-axi."""

import logging

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiRam
from skipwalk.hw.memory.port import RequestLayout, WordLayout
from skipwalk.sim.memory.port import Burst, PlainMemory

from tests.support.axi import pauses
from tests.support.runner import parameters

NAME, SIZE = "axi_master", 1 << 16


class Bench:
    """A master, its memory, and whoever asks it for bursts."""

    def __init__(self, dut):
        given = parameters()
        self.dut, self.bits, self.base = dut, given["data_bits"], 0x3000
        self.request = RequestLayout(given["address_bits"], given["last_bits"])
        logging.getLogger(f"cocotb.{NAME}").setLevel(logging.ERROR)
        self.failed = [0, 0]

    async def start(self, gaps: float, seed: int = 0):
        dut = self.dut
        self.rng, self.gaps = np.random.default_rng(seed), gaps
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        for name in ("request__valid", "write__valid", "read__ready"):
            getattr(dut, f"port__{name}").value = 0
        dut.base.value = self.base
        self.ram = AxiRam(AxiBus.from_prefix(dut, "axi_"), dut.clk, dut.rst, size=SIZE)
        write, read = self.ram.write_if, self.ram.read_if
        channels = (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)
        if gaps:
            for i, channel in enumerate(channels):
                channel.set_pause_generator(pauses(100 * seed + i, gaps))
        await self.reset()
        cocotb.start_soon(self._count())
        return self

    async def reset(self):
        self.dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def _count(self):
        while True:
            await FallingEdge(self.dut.clk)
            failed = int(self.dut.failed.value)
            self.failed = [count + (failed >> i & 1) for i, count in enumerate(self.failed)]

    async def _send(self, name: str, values: list[int]):
        valid, ready, payload = (getattr(self.dut, f"port__{name}__{pin}") for pin in ("valid", "ready", "payload"))
        for value in values:
            while self.rng.random() < self.gaps:
                await RisingEdge(self.dut.clk)
            valid.value, payload.value = 1, value
            await FallingEdge(self.dut.clk)
            while not int(ready.value):
                await FallingEdge(self.dut.clk)
            await RisingEdge(self.dut.clk)
            valid.value = 0

    async def _receive(self, n: int) -> list[int]:
        valid, ready, payload = (getattr(self.dut, f"port__read__{pin}") for pin in ("valid", "ready", "payload"))
        got = []
        while len(got) < n:
            ready.value = int(self.rng.random() >= self.gaps)
            await FallingEdge(self.dut.clk)
            if int(valid.value) and int(ready.value):
                got.append(int(payload.value))
            await RisingEdge(self.dut.clk)
        ready.value = 0
        return got

    def begin(self, bursts: list[Burst]) -> list:
        """Tasks that ask for bursts, give their words, and take those of reads."""
        requests = [
            self.request.const({"address": b.address, "last": b.count - 1, "write": b.write}).as_bits() for b in bursts
        ]
        layout = WordLayout(self.bits)
        words = [
            layout.const({"data": word, "strobes": strobes}).as_bits()
            for b in bursts
            for word, strobes in zip(b.words, b.strobes, strict=True)
        ]
        n = sum(0 if b.write else b.count for b in bursts)
        work = self._send("request", requests), self._send("write", words), self._receive(n)
        return [cocotb.start_soon(part) for part in work]

    async def run(self, bursts: list[Burst]) -> list[int]:
        """Words of the reads, once all bursts have been answered."""
        *sending, receiving = self.begin(bursts)
        for task in sending:
            await task
        got = await receiving
        await FallingEdge(self.dut.clk)
        while not int(self.dut.idle.value):
            await FallingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        await RisingEdge(self.dut.clk)
        return got


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(gaps=[0.0, 0.6])
async def bursts_anywhere(dut, gaps):
    """Writes and reads of the same words, ends of pages, strobes; what stands in memory at the end."""
    bench = await Bench(dut).start(gaps, seed=int(10 * gaps))
    plain = PlainMemory(bench.bits)
    top, page = SIZE // 2 // (bench.bits // 8), min(4096 // (bench.bits // 8), 256)
    starts = [int(a) for a in bench.rng.integers(0, top - 400, 4)] + [page - 3, 2 * page - 1]
    bursts = plain.random_bursts(bench.rng, 80, starts, 20)
    bursts.append(Burst(page - 7, 300))
    assert await bench.run(bursts) == plain.run(bursts)
    for address, word in plain.words.items():
        size = bench.bits // 8
        assert bench.ram.read(bench.base + address * size, size) == word.to_bytes(size, "little")
    assert bench.failed == [0, 0]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def several_are_under_way(dut):
    """Reads of other pages do not wait for each other, nor for writes of other pages."""
    bench = await Bench(dut).start(0.0)
    most, held = 0, 0

    async def watch():
        nonlocal most, held
        while True:
            await FallingEdge(dut.clk)
            held += int(dut.axi__arvalid.value) and int(dut.axi__arready.value)
            held -= int(dut.axi__rvalid.value) and int(dut.axi__rready.value) and int(dut.axi__rlast.value)
            most = max(most, held)

    cocotb.start_soon(watch())
    bench.ram.read_if.r_channel.set_pause_generator(pauses(0, 0.7))
    await bench.run([Burst(i * 300, 18) for i in range(12)])
    assert most == parameters()["outstanding"]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def errors_are_counted_and_nothing_hangs(dut):
    bench = await Bench(dut).start(0.3, seed=5)
    first, end = (bench.base + word * bench.bits // 8 for word in (100, 200))

    def refuse(method):
        async def refused(address, what):
            if first <= address < end:
                raise ValueError("not here")
            return await method(address, what)

        return refused

    for side, name in ((bench.ram.write_if, "_write"), (bench.ram.read_if, "_read")):
        setattr(side, name, refuse(getattr(side, name)))
    words, strobes = (7,) * 5, ((1 << bench.bits // 8) - 1,) * 5
    good, bad = [Burst(10, 5, words, strobes), Burst(10, 5)], [Burst(150, 5, words, strobes), Burst(150, 5)]
    got = await bench.run([*good, *bad, *bad, Burst(96, 8), *good])
    assert bench.failed == [3, 2]
    assert len(got) == 28
    assert got[:5] == got[-5:] == [7] * 5
    # An error in the first words alone; in a single word, before a single one that is good.
    await bench.run([Burst(195, 8)])
    assert bench.failed == [4, 2]
    await bench.run([Burst(150, 1), Burst(10, 1)])
    assert bench.failed == [5, 2]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_reset_in_the_middle(dut):
    """Of master and memory together, as AXI has it."""
    bench = await Bench(dut).start(0.3, seed=9)
    strobes = (1 << bench.bits // 8) - 1
    for cycles in (4, 11, 30, 63):
        some = [Burst(9 * i, 9, (i,) * 9 * (i % 2), (strobes,) * 9 * (i % 2)) for i in range(20)]
        tasks = bench.begin(some)
        for _ in range(cycles):
            await RisingEdge(dut.clk)
        for task in tasks:
            task.cancel()
        for name in ("request__valid", "write__valid", "read__ready"):
            getattr(dut, f"port__{name}").value = 0
        await bench.reset()
        bursts = [Burst(40, 3, (cycles,) * 3, (strobes,) * 3), Burst(39, 5)]
        assert (await with_timeout(bench.run(bursts), 100, "us"))[1:4] == [cycles] * 3
