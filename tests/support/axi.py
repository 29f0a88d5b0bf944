"""AXI masters and slaves of cocotbext-axi around an exported core."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)
from skipwalk.hw.ports.axi_map import REGISTERS

__all__ = ["OFFSET", "Bench", "frame", "pauses", "words_of"]

#: Addresses of registers by name.
OFFSET = {register.name: register.offset for register in REGISTERS}


def pauses(seed: int, chance: float) -> Iterator[bool]:
    """For ``set_pause_generator``: pause in that share of the cycles."""
    rng = np.random.default_rng(seed)
    while True:
        yield bool(rng.random() < chance)


def frame(words) -> AxiStreamFrame:
    """Words as a packet."""
    return AxiStreamFrame(np.asarray(words, "<u4").tobytes())


def words_of(received: AxiStreamFrame) -> list[int]:
    """Inverse of :func:`frame`."""
    return np.frombuffer(bytes(received.tdata), "<u4").tolist()


@dataclass
class Bench:
    """A core with its buses connected."""

    dut: object
    source: AxiStreamSource
    sink: AxiStreamSink
    lite: AxiLiteMaster
    ram: Any = None

    @classmethod
    async def start(cls, dut, name: str) -> "Bench":
        """Clock, buses, and a first reset."""
        logging.getLogger(f"cocotb.{name}").setLevel(logging.WARNING)
        cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
        buses = {"clock": dut.aclk, "reset": dut.aresetn, "reset_active_level": False}
        bench = cls(
            dut,
            AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), **buses),
            AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), **buses),
            AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), **buses),
        )
        await bench.reset()
        return bench

    async def reset(self, cycles: int = 3) -> None:
        """``aresetn`` low for some cycles. What the buses had still to do is dropped."""
        self.dut.aresetn.value = 0
        await self.cycles(cycles)
        self.source.clear()
        self.sink.clear()
        self.dut.aresetn.value = 1
        await self.cycles(1)

    async def cycles(self, n: int) -> None:
        for _ in range(n):
            await RisingEdge(self.dut.aclk)

    def stall(self, seed: int, chance: float) -> None:
        """Random pauses on both streams and on all channels of the registers."""
        write, read = self.lite.write_if, self.lite.read_if
        channels = (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)
        for i, channel in enumerate((self.source, self.sink, *channels)):
            channel.set_pause_generator(pauses(100 * seed + i, chance))

    async def receive(self, n: int) -> list[int]:
        """The next ``n`` words, in packets of whatever length."""
        got: list[int] = []
        while len(got) < n:
            got += words_of(await self.sink.recv())
        return got
