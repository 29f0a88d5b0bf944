"""Runs in the simulator, started by test_axi.py: a folding core behind AXI, driven by cocotbext-axi."""

import logging

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)
from skipwalk.hw.axi_map import REGISTERS, Access
from skipwalk.hw.link.protocol import FOLD_KIND, MAGIC
from skipwalk.sim.link import FoldingCore

from tests.support.runner import parameters

OFFSET = {register.name: register.offset for register in REGISTERS}


async def start(dut):
    """Masters and slaves for the three buses, and a reset."""
    logging.getLogger("cocotb.axi_core").setLevel(logging.WARNING)
    cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
    buses = {"clock": dut.aclk, "reset": dut.aresetn, "reset_active_level": False}
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), **buses)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), **buses)
    lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), **buses)
    dut.aresetn.value = 0
    for _ in range(3):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1
    await RisingEdge(dut.aclk)
    return source, sink, lite


def pauses(seed, chance):
    rng = np.random.default_rng(seed)
    while True:
        yield bool(rng.random() < chance)


def frame(words):
    return AxiStreamFrame(np.asarray(words, "<u4").tobytes())


def words_of(received):
    return np.frombuffer(bytes(received.tdata), "<u4").tolist()


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(gaps=[0.0, 0.5], packet=[1, 7, 100])
async def words_pass_and_packets_end(dut, gaps, packet):
    source, sink, lite = await start(dut)
    source.set_pause_generator(pauses(1, gaps))
    sink.set_pause_generator(pauses(2, gaps))
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
    _, _, lite = await start(dut)
    wanted = {"MAGIC": MAGIC, "VERSION": 1, "KIND": FOLD_KIND, "DIGEST": parameters()["digest"], "STATUS": 1}
    for register in REGISTERS:
        assert await lite.read_dword(register.offset) == wanted.get(register.name, register.reset), register.name


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def what_is_not_writable_does_not_change(dut):
    _, _, lite = await start(dut)
    for register in REGISTERS:
        before = await lite.read_dword(register.offset)
        answer = await lite.write(register.offset, b"\xfe\xff\xff\xff")
        after = await lite.read_dword(register.offset)
        if register.access is Access.READ:
            assert (answer.resp, after) == (AxiResp.SLVERR, before), register.name
        else:
            assert (answer.resp, after) == (AxiResp.OKAY, 0xFFFFFFFE & (1 << register.writable_bits) - 1)
    for address in range(max(OFFSET.values()) + 4, 64, 4):
        assert (await lite.read(address, 4)).resp == AxiResp.SLVERR
        assert (await lite.write(address, bytes(4))).resp == AxiResp.SLVERR


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def strobes_choose_bytes(dut):
    _, _, lite = await start(dut)
    await lite.write_dword(OFFSET["PACKET"], 0x1234)
    await lite.write_byte(OFFSET["PACKET"] + 1, 0xAB)
    assert await lite.read_dword(OFFSET["PACKET"]) == 0xAB34


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def both_halves_of_a_write_may_be_late(dut):
    _, _, lite = await start(dut)
    for channel, seed in ((lite.write_if.aw_channel, 1), (lite.write_if.w_channel, 2), (lite.write_if.b_channel, 3)):
        channel.set_pause_generator(pauses(seed, 0.7))
    for channel, seed in ((lite.read_if.ar_channel, 4), (lite.read_if.r_channel, 5)):
        channel.set_pause_generator(pauses(seed, 0.7))
    for value in (1, 2, 500, 3):
        await lite.write_dword(OFFSET["PACKET"], value)
        assert await lite.read_dword(OFFSET["PACKET"]) == value


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def core_reset_begins_anew(dut):
    source, sink, lite = await start(dut)
    await lite.write_dword(OFFSET["PACKET"], 2)
    await source.send(frame([1, 2, 3]))
    await sink.recv()
    await source.wait()
    await lite.write_dword(OFFSET["CONTROL"], 1)
    assert await lite.read_dword(OFFSET["STATUS"]) == 0
    await source.send(frame([4, 5]))
    for _ in range(20):
        await RisingEdge(dut.aclk)
    assert sink.empty()
    await lite.write_dword(OFFSET["CONTROL"], 0)
    # The third word had left before, in a packet that now ends two words later.
    assert words_of(await sink.recv())[1:] == FoldingCore()(np.array([4, 5], np.uint32)).tolist()
    assert await lite.read_dword(OFFSET["WORDS_OUT"]) == 5
