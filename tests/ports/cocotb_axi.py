"""Runs in the simulator, started by test_axi.py: a folding core behind AXI, driven by cocotbext-axi."""

import cocotb
import numpy as np
from cocotbext.axi import AxiResp
from skipwalk.hw.link.protocol import FOLD_KIND, MAGIC
from skipwalk.hw.ports.axi_map import ADDRESS_BITS, REGISTERS, Access
from skipwalk.sim.link.model import FoldingCore

from tests.support.axi import OFFSET, Bench, frame, pauses, words_of
from tests.support.runner import parameters

NAME = "axi_core"


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(gaps=[0.0, 0.5], packet=[1, 7, 100])
async def words_pass_and_packets_end(dut, gaps, packet):
    bench = await Bench.start(dut, NAME)
    source, sink, lite = bench.source, bench.sink, bench.lite
    bench.stall(1, gaps)
    await lite.write_dword(OFFSET["PACKET"], packet)
    words = np.random.default_rng(3).integers(0, 1 << 32, 100, np.uint32)
    await source.send(frame(words))
    got = []
    while len(got) < len(words) // packet * packet:
        part = words_of(await sink.recv())
        assert len(part) == packet
        got += part
    assert got == FoldingCore()(words).tolist()[: len(got)]
    await source.wait()
    assert await lite.read_dword(OFFSET["WORDS_IN"]) == len(words)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def registers_are_those_of_the_map(dut):
    lite = (await Bench.start(dut, NAME)).lite
    wanted = {"MAGIC": MAGIC, "VERSION": 1, "KIND": FOLD_KIND, "DIGEST": parameters()["digest"], "STATUS": 1}
    for register in REGISTERS:
        assert await lite.read_dword(register.offset) == wanted.get(register.name, register.reset), register.name


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def what_is_not_writable_does_not_change(dut):
    lite = (await Bench.start(dut, NAME)).lite
    for register in REGISTERS:
        before = await lite.read_dword(register.offset)
        answer = await lite.write(register.offset, b"\xfe\xff\xff\xff")
        after = await lite.read_dword(register.offset)
        if register.access is Access.READ:
            assert (answer.resp, after) == (AxiResp.SLVERR, before), register.name
        else:
            assert (answer.resp, after) == (AxiResp.OKAY, 0xFFFFFFFE & (1 << register.writable_bits) - 1)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def addresses_without_register_are_refused(dut):
    bench = await Bench.start(dut, NAME)
    bench.stall(3, 0.4)
    for address in range(0, 1 << ADDRESS_BITS, 4):
        wanted = AxiResp.OKAY if address in OFFSET.values() else AxiResp.SLVERR
        read = await bench.lite.read(address, 4)
        assert read.resp == wanted, address
        if wanted is AxiResp.SLVERR:
            assert (await bench.lite.write(address, b"\xff\xff\xff\xff")).resp == AxiResp.SLVERR, address
            assert read.data == bytes(4)
    assert await bench.lite.read_dword(OFFSET["CONTROL"]) == 0


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def strobes_choose_bytes(dut):
    lite = (await Bench.start(dut, NAME)).lite
    rng, value = np.random.default_rng(4), bytearray((await lite.read(OFFSET["PACKET"], 4)).data)
    for _ in range(40):
        first = int(rng.integers(0, 4))
        part = rng.bytes(int(rng.integers(1, 5 - first)))
        assert (await lite.write(OFFSET["PACKET"] + first, part)).resp == AxiResp.OKAY
        value[first : first + len(part)] = part
        value[2:] = bytes(2)  # PACKET has 16 bits
        assert (await lite.read(OFFSET["PACKET"], 4)).data == bytes(value)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def half_a_write_is_forgotten_by_a_reset(dut):
    """The address was taken, the data were not: after the reset, the next write is a write of its own."""
    bench = await Bench.start(dut, NAME)
    channel = bench.lite.write_if.w_channel
    channel.pause = True
    cocotb.start_soon(bench.lite.write_dword(OFFSET["CONTROL"], 1))
    await bench.cycles(10)
    await bench.reset()
    channel.pause = False
    await bench.cycles(10)
    await bench.lite.write_dword(OFFSET["PACKET"], 7)
    assert await bench.lite.read_dword(OFFSET["PACKET"]) == 7
    assert await bench.lite.read_dword(OFFSET["CONTROL"]) == 0


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(after=[4, 60])
async def reset_midway_begins_anew(dut, after):
    bench = await Bench.start(dut, NAME)
    bench.stall(5, 0.3)
    await bench.lite.write_dword(OFFSET["PACKET"], 50)
    await bench.source.send(frame(range(100)))
    await bench.cycles(after)
    await bench.reset()
    for register in REGISTERS:
        if register.access is Access.WRITE or register.name.startswith("WORDS"):
            assert await bench.lite.read_dword(register.offset) == register.reset, register.name
    words = np.arange(7, dtype=np.uint32)
    await bench.source.send(frame(words))
    for word in FoldingCore()(words).tolist():
        assert words_of(await bench.sink.recv()) == [word]


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def both_halves_of_a_write_may_be_late(dut):
    lite = (await Bench.start(dut, NAME)).lite
    for channel, seed in ((lite.write_if.aw_channel, 1), (lite.write_if.w_channel, 2), (lite.write_if.b_channel, 3)):
        channel.set_pause_generator(pauses(seed, 0.7))
    for channel, seed in ((lite.read_if.ar_channel, 4), (lite.read_if.r_channel, 5)):
        channel.set_pause_generator(pauses(seed, 0.7))
    for value in (1, 2, 500, 3):
        await lite.write_dword(OFFSET["PACKET"], value)
        assert await lite.read_dword(OFFSET["PACKET"]) == value


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def core_reset_begins_anew(dut):
    bench = await Bench.start(dut, NAME)
    source, sink, lite = bench.source, bench.sink, bench.lite
    await lite.write_dword(OFFSET["PACKET"], 2)
    await source.send(frame([1, 2, 3]))
    await sink.recv()
    await source.wait()
    await lite.write_dword(OFFSET["CONTROL"], 1)
    assert await lite.read_dword(OFFSET["STATUS"]) == 0
    await source.send(frame([4, 5]))
    await bench.cycles(20)
    assert sink.empty()
    await lite.write_dword(OFFSET["CONTROL"], 0)
    # The third word had left before, in a packet that now ends two words later.
    assert words_of(await sink.recv())[1:] == FoldingCore()(np.array([4, 5], np.uint32)).tolist()
    assert await lite.read_dword(OFFSET["WORDS_OUT"]) == 5
