"""Runs in the simulator, started by test_axi.py: an exported core of either unit against its golden model."""

import cocotb
import numpy as np
from cocotbext.axi import AxiBus, AxiRam
from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.oselm.protocol import Opcode, counters_of, header
from skipwalk.sim.lora.unit import LoraUnit
from skipwalk.sw.build.verilog import config_of_map

from tests.support.axi import OFFSET, Bench, frame, pauses
from tests.support.lora import random_program
from tests.support.oselm import ReferenceCore, anything, assert_replies, hot, load, read_back
from tests.support.runner import parameters

MAP = parameters()["map"]
CFG = config_of_map(MAP)
LORA = isinstance(CFG, LoraConfig)
OUTSIDE = "m_axi" in MAP["buses"]
BASE = 0x3000


def program(seed: int) -> tuple[np.ndarray, list]:
    """Words that put the core into a known state and try it, and its replies, None where they depend on time."""
    if LORA:
        words, _ = random_program(CFG, seed, 12, 1.0)
        unit = LoraUnit(CFG, plain=True)
        unit.feed(words)
        return words, unit.drain().tolist()
    rng = np.random.default_rng(seed)
    parts = [load(CFG, rng), hot(CFG, rng, 12, nodes=5), anything(CFG, rng, 20), read_back(CFG)]
    words = np.concatenate(parts).astype(np.uint32)
    return words, ReferenceCore(CFG).execute(words)


async def begin(dut, gaps: float = 0.0) -> Bench:
    """The core, and behind it a memory where there is to be one."""
    bench = await Bench.start(dut, MAP["module"])
    if OUTSIDE:
        ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.aclk, dut.aresetn, reset_active_level=False, size=1 << 16)
        for interface in (ram.write_if, ram.read_if):
            for name in ("aw", "w", "b", "ar", "r"):
                channel = getattr(interface, f"{name}_channel", None)
                if channel is not None and gaps:
                    channel.set_pause_generator(pauses(len(name) + 7, gaps))
        bench.ram = ram
        await bench.lite.write_dword(0x24, BASE)
    return bench


async def check(bench: Bench, seed: int) -> None:
    if OUTSIDE:
        await bench.lite.write_dword(0x24, BASE)
    words, want = program(seed)
    await bench.source.send(frame(words))
    assert_replies(await bench.receive(len(want)), want, seed=seed, cfg=CFG)
    await bench.cycles(100)
    assert bench.sink.empty(), "a word that was not asked for"


@cocotb.test(timeout_time=10, timeout_unit="ms")
@cocotb.parametrize(gaps=[0.0, 0.6])
async def replies_are_those_of_the_golden_model(dut, gaps):
    bench = await begin(dut, gaps / 2)
    bench.stall(1, gaps)
    words, want = program(5)
    await check(bench, 5)
    assert await bench.lite.read_dword(OFFSET["WORDS_IN"]) == len(words)
    assert await bench.lite.read_dword(OFFSET["WORDS_OUT"]) == len(want)
    if OUTSIDE:
        assert await bench.lite.read_dword(0x2C) == 0, "no burst was answered by an error"
        await bench.source.send(frame(np.array([header(Opcode.FLUSH, 3)], np.uint32)))
        await bench.receive(1)
        while not await bench.lite.read_dword(0x28) & 1:
            pass
        memory = MAP["buses"]["m_axi"]
        row, bits = memory["row_bytes"], memory["element_bits"]
        shown = want[-(2 * len(counters_of(CFG)) + CFG.dim * (CFG.nodes + CFG.dim)) :]
        for r in range(CFG.nodes):
            number = int.from_bytes(bench.ram.read(BASE + row * r, row), "little")
            got = [number >> bits * i & (1 << bits) - 1 for i in range(CFG.dim)]
            assert got == [x & (1 << bits) - 1 for x in shown[CFG.dim * r :][: CFG.dim]], f"row {r} in memory"
        if "lists" in memory:
            reference = ReferenceCore(CFG)
            reference.execute(words)
            want = neighbours_and_sums(reference.store)
            assert any(want), "a graph without an edge says nothing"
            assert graph_in_memory(bench, memory["lists"]) == want


def fields(word: bytes, layout: dict[str, int]) -> dict[str, int]:
    """A word of the graph, as the map lays it out."""
    bits, found = int.from_bytes(word, "little"), {}
    for name, width in layout.items():
        found[name], bits = bits & (1 << width) - 1, bits >> width
    return found


def graph_in_memory(bench: Bench, lists: dict) -> list[list[tuple[int, int]]]:
    """Rows and sums of each row's list, as a processor finds them with the map alone."""
    found = []
    for r in range(CFG.nodes):
        at = BASE + lists["headers_base"] + lists["header_bytes"] * r
        header_of = fields(bench.ram.read(at, lists["header_bytes"]), lists["header"])
        at = BASE + lists["entries_base"] + lists["entry_bytes"] * 4 * header_of["place"]
        entries = bench.ram.read(at, lists["entry_bytes"] * header_of["degree"])
        size = lists["entry_bytes"]
        entry = [fields(entries[size * i : size * (i + 1)], lists["entry"]) for i in range(header_of["degree"])]
        found.append([(e["row"], e["sum"]) for e in entry])
    return found


def neighbours_and_sums(store) -> list[list[tuple[int, int]]]:
    found = []
    for r in range(CFG.nodes):
        weights = store.edges[r]
        rows = sorted(weights)
        found.append(list(zip(rows, np.cumsum([weights[v] for v in rows]).tolist(), strict=True)))
    return found


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def registers_say_which_core_it_is(dut):
    bench = await Bench.start(dut, MAP["module"])
    registers = {register["name"]: register for register in MAP["buses"]["s_axil"]["registers"]}
    assert await bench.lite.read_dword(registers["DIGEST"]["offset"]) == MAP["digest"]
    kind = await bench.lite.read_dword(registers["KIND"]["offset"])
    assert kind.to_bytes(4, "big") == (b"LORA" if LORA else b"OSEL")


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(by=["aresetn", "CONTROL"], after=[3, 150])
async def reset_midway_starts_anew(dut, by, after):
    """Whatever it is in the middle of. Registers and streams work at once, and replies of before do not come."""
    bench = await begin(dut)
    bench.stall(2, 0.2)
    words, _ = program(6)
    await bench.source.send(frame(words[:after]))
    if by == "aresetn":
        await bench.cycles(after)
        await bench.reset()
        assert await bench.lite.read_dword(OFFSET["WORDS_IN"]) == 0
    else:
        await bench.source.wait()
        await bench.lite.write_dword(OFFSET["CONTROL"], 1)
        bench.sink.clear()
        await bench.lite.write_dword(OFFSET["CONTROL"], 0)
    await check(bench, 7)
